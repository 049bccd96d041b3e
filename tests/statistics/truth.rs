//! Response times of queues with one server, exactly.

use gatepath::study::Metric;
use statrs::distribution::{ContinuousCDF, Exp, LogNormal};

/// The law of service, with mean 10 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Exponential.
    Exponential,
    /// Lognormal with a standard deviation as large as the mean.
    Lognormal,
}

/// Mean service in seconds.
const MEAN: f64 = 0.01;

impl Service {
    /// As in a scenario.
    pub fn written(self) -> &'static str {
        match self {
            Service::Exponential => "{exponential: {mean: 10 ms}}",
            Service::Lognormal => "{lognormal: {mean: 10 ms, cv: 1}}",
        }
    }

    /// The name of the queue.
    pub fn queue(self) -> &'static str {
        match self {
            Service::Exponential => "M/M/1",
            Service::Lognormal => "M/lognormal/1",
        }
    }

    fn below(self) -> Box<dyn Fn(f64) -> f64> {
        match self {
            Service::Exponential => {
                let law = Exp::new(1.0 / MEAN);
                Box::new(move |x| law.as_ref().map_or(f64::NAN, |law| law.cdf(x)))
            }
            Service::Lognormal => {
                let variance = 2f64.ln();
                let law = LogNormal::new(MEAN.ln() - variance / 2.0, variance.sqrt());
                Box::new(move |x| law.as_ref().map_or(f64::NAN, |law| law.cdf(x)))
            }
        }
    }

    /// The value of a metric of the response time in nanoseconds at a utilisation: both laws have the variance of the
    /// exponential one, so that the mean is the same (Pollaczek and Khinchine); quantiles of the lognormal from the law of the
    /// wait as a geometric sum of residual services, on a grid (Panjer's recursion).
    pub fn response(self, load: f64, metrics: &[Metric]) -> Vec<f64> {
        let mean = 1e9 * MEAN / (1.0 - load);
        let law = (self == Service::Lognormal).then(|| self.response_law(load));
        let value = |metric: &Metric| match (metric, &law) {
            (Metric::Mean, _) => mean,
            (Metric::Quantile(p), None) => mean * (1.0 / (1.0 - p)).ln(),
            (Metric::Quantile(p), Some(law)) => 1e9 * law.quantile(*p),
            _ => f64::NAN,
        };
        metrics.iter().map(value).collect()
    }

    fn response_law(self, load: f64) -> ResponseLaw {
        let step = MEAN / 100.0;
        let count = (12.0 * MEAN / (1.0 - load) / step) as usize;
        let below = self.below();
        // Residual service: mass of (1 - F) / mean between the middles of the grid.
        let above: Vec<f64> = (0..2 * count + 2).map(|i| 1.0 - below(i as f64 * step / 2.0)).collect();
        let piece = |i: usize| (above[i] + above[i + 1]) / 2.0 * (step / 2.0) / MEAN;
        let residual: Vec<f64> =
            (0..count).map(|k| if k == 0 { piece(0) } else { piece(2 * k - 1) + piece(2 * k) }).collect();
        let scale = 1.0 / (1.0 - load * residual[0]);
        let mut wait = vec![(1.0 - load) * scale];
        for n in 1..count {
            let sum: f64 = (1..=n).map(|k| residual[k] * wait[n - k]).sum();
            wait.push(load * scale * sum);
        }
        ResponseLaw { step, wait, below }
    }
}

struct ResponseLaw {
    step: f64,
    wait: Vec<f64>,
    below: Box<dyn Fn(f64) -> f64>,
}

impl ResponseLaw {
    fn cdf(&self, t: f64) -> f64 {
        let last = ((t / self.step) as usize + 1).min(self.wait.len());
        self.wait[..last].iter().enumerate().map(|(n, mass)| mass * (self.below)(t - n as f64 * self.step)).sum()
    }

    fn quantile(&self, p: f64) -> f64 {
        let (mut low, mut high) = (0.0, self.step * self.wait.len() as f64);
        for _ in 0..40 {
            let middle = (low + high) / 2.0;
            if self.cdf(middle) < p {
                low = middle;
            } else {
                high = middle;
            }
        }
        (low + high) / 2.0
    }
}
