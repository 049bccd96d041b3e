//! How often 95 % intervals hold the truth, by what their flag says.

use super::truth::Service;
use super::{all, estimates, queue};
use gatepath::stats::Trust;
use gatepath::study::{Change, Comparison, Estimates, Metric};

/// The metrics whose truth is known.
pub const METRICS: [Metric; 4] = [Metric::Mean, Metric::Quantile(0.5), Metric::Quantile(0.95), Metric::Quantile(0.99)];

/// A queue, and how much of it is run in one experiment.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Law of service.
    pub service: Service,
    /// Utilisation.
    pub load: f64,
    /// Requests of an experiment, over ten replications or in one long run.
    pub requests: f64,
    /// Where the intervals come from.
    pub method: Method,
}

/// Where the intervals of an experiment come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Ten replications.
    Ten,
    /// Replications until the results are as precise as they are by default.
    Precise,
    /// Batches of one run.
    Batches,
    /// Ten replications whose means are corrected by control variates.
    Controlled,
}

impl Method {
    /// What stands under `run`.
    fn written(self) -> &'static str {
        match self {
            Method::Ten => "replications: 10",
            Method::Precise => "precision: 5%",
            Method::Batches => "method: batches",
            Method::Controlled => "replications: 10, control_variates: true",
        }
    }

    /// Name for tables.
    pub fn name(self) -> &'static str {
        match self {
            Method::Ten => "ten replications",
            Method::Precise => "to 5 %",
            Method::Batches => "one run",
            Method::Controlled => "ten, with control variates",
        }
    }
}

/// How often a metric was covered.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// The setting.
    pub setting: Setting,
    /// The metric.
    pub metric: Metric,
    /// By flag `ok`, `caution` and `few`: experiments, and how many of them held the truth.
    pub by_flag: [(usize, usize); 3],
    /// Mean half-width, relative to the truth.
    pub width: f64,
    /// Mean estimate less truth, relative to the truth.
    pub bias: f64,
}

impl Coverage {
    /// Share of the experiments flagged `ok` that held the truth.
    pub fn held(&self) -> f64 {
        self.by_flag[0].1 as f64 / self.by_flag[0].0 as f64
    }

    /// Experiments done.
    pub fn experiments(&self) -> usize {
        self.by_flag.iter().map(|flag| flag.0).sum()
    }

    /// Whether `ok` is what most experiments are flagged. Where few are, these are the calm ones: what makes a tail look well
    /// known also makes it look light.
    pub fn is_trusted(&self) -> bool {
        2 * self.by_flag[0].0 >= self.experiments()
    }
}

/// What a setting shows.
pub struct Outcome {
    /// One for each metric.
    pub coverage: Vec<Coverage>,
    /// Pairs of experiments that were compared: the same queue twice, with luck of its own.
    pub pairs: usize,
    /// Pairs of which any metric was called better or worse.
    pub false_words: usize,
}

impl Setting {
    /// Does so many experiments.
    pub fn run(self, experiments: usize) -> Result<Outcome, String> {
        let case = |seed: u64| {
            let runs = if self.method == Method::Batches { 1.0 } else { 10.0 };
            let seconds = self.requests / runs / (100.0 * self.load) / 0.9;
            let mut case = queue(100.0 * self.load, self.service.written(), seconds, self.method.written())?;
            case.seed = seed;
            Ok::<_, String>(case)
        };
        case(0)?;
        let found: Vec<Estimates> = all(experiments, |seed| case(seed + 1).map(|case| settled(estimates(&case))))
            .into_iter()
            .collect::<Result<_, _>>()?;
        let truths = self.service.response(self.load, &METRICS);
        let coverage =
            METRICS.iter().zip(&truths).map(|(&metric, &truth)| self.coverage(metric, truth, &found)).collect();
        let pairs: Vec<bool> = found
            .chunks_exact(2)
            .map(|pair| {
                let comparison = Comparison::of(("a", &pair[0]), ("b", &pair[1]));
                comparison.differences.iter().any(|one| matches!(one.change, Change::Better | Change::Worse))
            })
            .collect();
        let false_words = pairs.iter().filter(|&&wrong| wrong).count();
        Ok(Outcome { coverage, pairs: pairs.len(), false_words })
    }

    fn coverage(self, metric: Metric, truth: f64, found: &[Estimates]) -> Coverage {
        let mut by_flag = [(0, 0); 3];
        let (mut width, mut bias) = (0.0, 0.0);
        for interval in found.iter().filter_map(|one| one.measure(metric)).map(|measure| measure.interval) {
            let flag = match interval.trust {
                Trust::Good => 0,
                Trust::Caution => 1,
                _ => 2,
            };
            by_flag[flag].0 += 1;
            by_flag[flag].1 += usize::from(interval.covers(truth));
            width += interval.half_width() / truth / found.len() as f64;
            bias += (interval.value / truth - 1.0) / found.len() as f64;
        }
        Coverage { setting: self, metric, by_flag, width, bias }
    }
}

/// Without the histograms, of which a thousand would not fit into memory.
fn settled(mut estimates: Estimates) -> Estimates {
    estimates.settle();
    estimates.series = Vec::new();
    estimates.latency = gatepath::stats::Histogram::default();
    estimates.stages = Vec::new();
    estimates.resources = Vec::new();
    estimates
}
