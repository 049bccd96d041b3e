//! How many requests are present when, counted from the single requests of a run.

use std::f64::consts::TAU;

use gatepath::exec::Record;
use gatepath::time::Time;

/// Numbers of requests present during the measured time, which is taken as one period.
#[derive(Clone, Debug, Default)]
pub struct Presence {
    /// Nanoseconds with so many present, by number.
    levels: Vec<u64>,
    /// Number present at the start of each quarter of the period.
    quarters: [f64; 4],
    /// First Fourier coefficients of the number present: sine and cosine, each 2/period times the integral.
    sine: f64,
    cosine: f64,
    runs: u32,
}

impl Presence {
    /// Counts the requests of a run between two instants.
    pub fn count(trace: &[Record], from: Time, until: Time) -> Presence {
        let period = (until - from).0 as f64;
        let mut presence =
            Presence { levels: levels(trace, from, until), quarters: [0.0; 4], sine: 0.0, cosine: 0.0, runs: 1 };
        for (quarter, count) in presence.quarters.iter_mut().enumerate() {
            let at = Time(from.0 + (period * quarter as f64 / 4.0) as u64);
            *count = trace.iter().filter(|record| record.born <= at && at < record.end).count() as f64;
        }
        let angle = |at: Time| TAU * at.0.clamp(from.0, until.0).saturating_sub(from.0) as f64 / period;
        for record in trace {
            let (start, end) = (angle(record.born), angle(record.end));
            presence.sine += (start.cos() - end.cos()) * 2.0 / TAU;
            presence.cosine += (end.sin() - start.sin()) * 2.0 / TAU;
        }
        presence
    }

    /// Adds the counts of other runs.
    pub fn add(&mut self, other: &Presence) {
        if self.levels.len() < other.levels.len() {
            self.levels.resize(other.levels.len(), 0);
        }
        self.levels.iter_mut().zip(&other.levels).for_each(|(mine, theirs)| *mine += theirs);
        self.quarters.iter_mut().zip(&other.quarters).for_each(|(mine, theirs)| *mine += theirs);
        self.sine += other.sine;
        self.cosine += other.cosine;
        self.runs += other.runs;
    }

    /// Mean number over time.
    pub fn mean(&self) -> f64 {
        self.moment(|number| number)
    }

    /// Variance over time.
    pub fn variance(&self) -> f64 {
        let mean = self.mean();
        self.moment(|number| (number - mean) * (number - mean))
    }

    /// Smallest number that is not exceeded for the share `p` of the time.
    pub fn quantile(&self, p: f64) -> f64 {
        let total: f64 = self.levels.iter().map(|&time| time as f64).sum();
        let mut below = 0.0;
        let reached = |&time: &u64| {
            below += time as f64;
            below >= p * total
        };
        self.levels.iter().position(reached).map_or(f64::NAN, |number| number as f64)
    }

    /// Share of the time with nobody present.
    pub fn nobody(&self) -> f64 {
        self.share(|present| present == 0.0)
    }

    /// Share of the time in which the number present is such.
    pub fn share(&self, such: impl Fn(f64) -> bool) -> f64 {
        self.moment(|number| if such(number) { 1.0 } else { 0.0 })
    }

    /// Mean number at the start of a quarter of the period (0 to 3).
    pub fn at_quarter(&self, quarter: usize) -> f64 {
        self.quarters[quarter] / self.runs as f64
    }

    /// Mean plus amplitude of the first harmonic: the peak, when the number follows a sine.
    pub fn peak(&self) -> f64 {
        self.mean() + self.sine.hypot(self.cosine) / self.runs as f64
    }

    /// How much later than that of sin(2 pi t/period) the first harmonic has its peak, as a share of the period.
    pub fn lag(&self) -> f64 {
        (-self.cosine).atan2(self.sine) / TAU
    }

    fn moment(&self, of: impl Fn(f64) -> f64) -> f64 {
        let total: f64 = self.levels.iter().map(|&time| time as f64).sum();
        self.levels.iter().enumerate().map(|(number, &time)| of(number as f64) * time as f64).sum::<f64>() / total
    }
}

fn levels(trace: &[Record], from: Time, until: Time) -> Vec<u64> {
    let mut changes: Vec<(Time, i32)> = trace.iter().flat_map(|r| [(r.born, 1), (r.end, -1)]).collect();
    // Births first: a request may end at the instant of its birth.
    changes.sort_unstable_by_key(|&(at, change)| (at, -change));
    let (mut levels, mut number, mut since) = (Vec::new(), 0i32, from);
    for (at, change) in changes.into_iter().chain([(until, 0)]) {
        let now = at.clamp(since, until);
        let level = number as usize;
        if levels.len() <= level {
            levels.resize(level + 1, 0);
        }
        levels[level] += (now - since).0;
        since = now;
        number += change;
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepath::time::Span;

    fn record(born: u64, end: u64) -> Record {
        Record { serial: 0, born: Time(born), before_send: Span::ZERO, end: Time(end), class: 0, outcome: 0, trail: 0 }
    }

    #[test]
    fn numbers_present_are_weighed_by_time_within_the_measured_part() {
        let presence = Presence::count(&[record(0, 30), record(20, 60)], Time(10), Time(50));
        // 10 to 20: one; 20 to 30: two; 30 to 50: one.
        assert_eq!((presence.mean(), presence.quantile(0.7), presence.quantile(0.8)), (1.25, 1.0, 2.0));
        assert_eq!((presence.nobody(), presence.at_quarter(0), presence.at_quarter(1)), (0.0, 1.0, 2.0));
        assert_eq!((presence.share(|number| number < 2.0), presence.share(|number| number <= 2.0)), (0.75, 1.0));
        assert!((presence.variance() - 0.1875).abs() < 1e-12);
    }

    #[test]
    fn a_sine_has_its_peak_and_lag() {
        // Present from an eighth to five eighths of the period: the first harmonic peaks at three eighths, 1/8 after sin.
        let presence = Presence::count(&[record(125, 625)], Time(0), Time(1000));
        assert!((presence.lag() - 0.125).abs() < 1e-12);
        assert!((presence.peak() - (0.5 + 2.0 / std::f64::consts::PI)).abs() < 1e-12);
    }
}
