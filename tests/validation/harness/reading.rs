//! How a number is read off a run: a few words such as `wait p99 at station`.

use std::str::FromStr;

use gatepath::program::Answered;
use gatepath::stats::Histogram;

use super::observed::{Observed, Seen};

/// Seconds in a nanosecond.
const NANO: f64 = 1e-9;
/// All ways to end.
const ALL: [Answered; 4] = [Answered::Served, Answered::Failed, Answered::Rejected, Answered::TimedOut];

/// What is read. Times in seconds, rates by the second.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    what: What,
    /// `at NAME`: a resource.
    at: String,
    /// `of NAME`: a class of requests.
    of: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Statistic {
    Mean,
    Quantile(f64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    /// Latency of requests served.
    Latency(Statistic),
    /// Mean latency, however requests ended.
    Sojourn,
    /// Wait of requests served at a station.
    Wait(Statistic),
    /// Latency less the mean service of all classes.
    Waiting,
    /// Time in the queue of all who came, served or not.
    Queued,
    /// Share of all who came that did not start at once.
    Delayed,
    /// Share of all who came that started at once.
    Undelayed,
    /// Busy share of the servers.
    Utilisation,
    /// Mean number of busy servers.
    Busy,
    /// Mean number of entries or idle connections kept.
    Kept,
    /// Busy and kept together.
    Open,
    /// Share of hits.
    Hits,
    /// Share of misses.
    Misses,
    /// Misses a second.
    MissRate,
    /// Share turned away.
    Refused,
    /// Visits a request.
    Visits,
    /// Wait and service of one visit.
    Visit,
    /// Mean number waiting or in service (Little's law).
    Number,
    /// Share of requests that ended so.
    Share(Answered),
    /// Requests served a second.
    Throughput,
    /// Requests that arrived a second.
    Offered,
    /// Mean number of requests under way (Little's law).
    UnderWay,
    /// Latency less service, mean: time between attempts.
    Orbit,
    /// Mean number between attempts (Little's law).
    InOrbit,
    /// Share of the time in which a server boots: someone is present and it does not serve.
    Booting,
    /// Number present over time: mean.
    Present,
    /// Variance.
    PresentVariance,
    /// Quantile.
    PresentQuantile(f64),
    /// At the start of a quarter of the period.
    PresentAt(usize),
    /// Peak of the sine it follows.
    PresentPeak,
    /// Delay of that peak.
    PresentLag,
}

impl Reading {
    /// The number.
    pub fn of(&self, seen: &Observed) -> f64 {
        let station = || seen.resources.get(&self.at);
        let at = |read: &dyn Fn(&Seen) -> f64| station().map_or(f64::NAN, read);
        let latency = |kinds: &[Answered]| seen.latency(self.of.as_deref(), kinds);
        let present = |read: &dyn Fn(&super::presence::Presence) -> f64| seen.presence.as_ref().map_or(f64::NAN, read);
        let total = |histogram: &Histogram| histogram.sum() as f64;
        match self.what {
            What::Latency(statistic) => statistic.of(&latency(&[Answered::Served])),
            What::Sojourn => Statistic::Mean.of(&latency(&ALL)),
            What::Wait(statistic) => at(&|s| statistic.of(&s.wait)),
            What::Waiting => Statistic::Mean.of(&latency(&ALL)) - at(&|s| s.busy / s.arrivals as f64 * NANO),
            What::Queued => {
                let left = latency(&[Answered::Rejected]);
                at(&|s| (total(&s.wait) + total(&left)) / s.arrivals as f64 * NANO)
            }
            What::Delayed => at(&|s| 1.0 - at_once(&s.wait) as f64 / s.arrivals as f64),
            What::Undelayed => at(&|s| at_once(&s.wait) as f64 / s.arrivals as f64),
            What::Utilisation => at(&|s| s.busy / s.units / seen.time),
            What::Busy => at(&|s| s.busy / seen.time),
            What::Kept => at(&|s| s.kept / seen.time),
            What::Open => at(&|s| (s.busy + s.kept) / seen.time),
            What::Hits => at(&|s| s.hits as f64 / s.arrivals as f64),
            What::Misses => at(&|s| 1.0 - s.hits as f64 / s.arrivals as f64),
            What::MissRate => at(&|s| (s.arrivals - s.hits) as f64 / (seen.time * NANO)),
            What::Refused => at(&|s| s.refused as f64 / s.arrivals as f64),
            What::Visits => at(&|s| s.arrivals as f64 / seen.offered as f64),
            What::Visit => at(&|s| (total(&s.wait) + s.busy) / s.arrivals as f64 * NANO),
            What::Number => at(&|s| (total(&s.wait) + s.busy) / seen.time),
            What::Share(kind) => latency(&[kind]).count() as f64 / latency(&ALL).count() as f64,
            What::Throughput => seen.served as f64 / (seen.time * NANO),
            What::Offered => seen.offered as f64 / (seen.time * NANO),
            What::UnderWay => total(&latency(&ALL)) / seen.time,
            What::Orbit => at(&|s| (total(&latency(&ALL)) - s.busy) / seen.offered as f64 * NANO),
            What::InOrbit => at(&|s| (total(&latency(&ALL)) - s.busy) / seen.time),
            What::Booting => present(&|p| 1.0 - p.nobody()) - at(&|s| s.busy / seen.time),
            What::Present => present(&|p| p.mean()),
            What::PresentVariance => present(&|p| p.variance()),
            What::PresentQuantile(q) => present(&|p| p.quantile(q)),
            What::PresentAt(quarter) => present(&|p| p.at_quarter(quarter)),
            What::PresentPeak => present(&|p| p.peak()),
            What::PresentLag => present(&|p| p.lag()) * seen.time / seen.runs as f64 * NANO,
        }
    }

    /// The probability of the quantile it reads, if it does.
    pub fn quantile(&self) -> Option<f64> {
        match self.what {
            What::Latency(Statistic::Quantile(p)) | What::Wait(Statistic::Quantile(p)) | What::PresentQuantile(p) => {
                Some(p)
            }
            _ => None,
        }
    }

    /// Whether it can only be a whole number.
    pub fn is_whole(&self) -> bool {
        matches!(self.what, What::PresentQuantile(_))
    }

    /// The times it reads a quantile of; nothing for other readings.
    pub fn times(&self, seen: &Observed) -> Option<Histogram> {
        match self.what {
            What::Wait(Statistic::Quantile(_)) => seen.resources.get(&self.at).map(|s| s.wait.clone()),
            What::Latency(Statistic::Quantile(_)) => Some(seen.latency(self.of.as_deref(), &[Answered::Served])),
            _ => None,
        }
    }

    /// Shares of what it reads a quantile of: below a number, and up to it. Exact for whole numbers and for times of zero;
    /// nothing for other times and other readings.
    pub fn shares(&self, seen: &Observed, number: f64) -> Option<(f64, f64)> {
        if let (What::PresentQuantile(_), Some(present)) = (self.what, &seen.presence) {
            return Some((present.share(|level| level < number), present.share(|level| level <= number)));
        }
        let times = self.times(seen).filter(|_| number == 0.0)?;
        Some((0.0, at_once(&times) as f64 / times.count() as f64))
    }

    /// Whether it needs the single requests of a run.
    pub fn needs_trace(&self) -> bool {
        use What::*;
        matches!(
            self.what,
            Booting | Present | PresentVariance | PresentQuantile(_) | PresentAt(_) | PresentPeak | PresentLag
        )
    }
}

impl Statistic {
    fn of(self, histogram: &Histogram) -> f64 {
        NANO * match self {
            Statistic::Mean => histogram.mean(),
            Statistic::Quantile(p) => histogram.quantile(p),
        }
    }
}

/// How many waited not a nanosecond.
fn at_once(wait: &Histogram) -> u64 {
    wait.count() - wait.count_above(0)
}

fn quantile(word: &str) -> Option<f64> {
    word.strip_prefix('p')?.parse::<f64>().ok().map(|percent| percent / 100.0)
}

impl FromStr for Reading {
    type Err = String;

    fn from_str(text: &str) -> Result<Reading, String> {
        let mut words: Vec<&str> = text.split(' ').collect();
        let mut named = |preposition: &str| {
            let place = words.iter().position(|word| *word == preposition).filter(|place| place + 2 == words.len())?;
            words.pop().map(|name| {
                words.truncate(place);
                name.to_owned()
            })
        };
        let (at, of) = (named("at").unwrap_or_default(), named("of"));
        let statistic = |word: &str| match word {
            "mean" => Some(Statistic::Mean),
            word => quantile(word).map(Statistic::Quantile),
        };
        let what = match words[..] {
            ["latency", word] => statistic(word).map(What::Latency),
            ["wait", word] => statistic(word).map(What::Wait),
            ["present", word] => match (word, quantile(word)) {
                (_, Some(p)) => Some(What::PresentQuantile(p)),
                ("mean", _) => Some(What::Present),
                ("variance", _) => Some(What::PresentVariance),
                ("peak", _) => Some(What::PresentPeak),
                ("lag", _) => Some(What::PresentLag),
                _ => None,
            },
            ["present", "in", "quarter", word] => word.parse().ok().filter(|q| *q < 4).map(What::PresentAt),
            ["share", word] => match word {
                "served" => Some(What::Share(Answered::Served)),
                "failed" => Some(What::Share(Answered::Failed)),
                "rejected" => Some(What::Share(Answered::Rejected)),
                "given-up" => Some(What::Share(Answered::TimedOut)),
                _ => None,
            },
            [word] => plain(word),
            _ => None,
        };
        let what = what.ok_or_else(|| format!("nothing is known of reading `{text}`"))?;
        Ok(Reading { what, at, of })
    }
}

fn plain(word: &str) -> Option<What> {
    Some(match word {
        "sojourn" => What::Sojourn,
        "waiting" => What::Waiting,
        "queued" => What::Queued,
        "delayed" => What::Delayed,
        "undelayed" => What::Undelayed,
        "utilisation" => What::Utilisation,
        "busy" => What::Busy,
        "kept" => What::Kept,
        "open" => What::Open,
        "hits" => What::Hits,
        "misses" => What::Misses,
        "miss-rate" => What::MissRate,
        "refused" => What::Refused,
        "visits" => What::Visits,
        "visit" => What::Visit,
        "number" => What::Number,
        "throughput" => What::Throughput,
        "offered" => What::Offered,
        "under-way" => What::UnderWay,
        "orbit" => What::Orbit,
        "in-orbit" => What::InOrbit,
        "booting" => What::Booting,
        _ => return None,
    })
}
