//! How users arrive and what they ask for: a plan of traffic, and the source of requests it gives each replication.
//!
//! A [`Traffic`] is checked data: when requests arrive ([`Arrivals`], one law a file), what each is like
//! ([`Population`]), and when it ends. Everything a source gives is a function of seed, replication, serial number and
//! schedule, never of the order in which requests are served: two scenarios see the same users.

mod constant;
mod counts;
mod daily;
mod file;
mod mmpp;
mod poisson;
mod population;
mod renewal;
mod requests;
mod source;
mod spacings;
mod stages;
mod users;

pub use constant::Flat;
pub use counts::{Counts, Placement};
pub use daily::Daily;
pub use file::{Stamp, TraceError};
pub use mmpp::{Mmpp, Phase};
pub use population::{Class, Keys, Population};
pub use renewal::Renewal;
pub use requests::{Columns, Requests};
pub use stages::{Stage, Stages};
pub use users::{Start, Users};

use std::sync::Arc;

use source::{Instants, Inverse, Warped};

use crate::exec::Source;
use crate::rng::Key;
use crate::time::Time;
use crate::units::Rate;

/// Nanoseconds in a second.
const SECOND: f64 = 1e9;
/// The name under which traffic draws; no stage can have it.
const NAME: &str = "@traffic";

/// When requests arrive.
#[derive(Clone, Debug)]
pub enum Arrivals {
    /// As a rate over time says, evenly or at random.
    Rate(Spacing, Profile),
    /// Gaps of any law, one after another.
    Renewal(Renewal),
    /// A Poisson process whose rate changes at random between phases.
    Mmpp(Mmpp),
    /// A number of users, each waiting for the answer and thinking before the next request.
    Users(Users),
    /// Measured counts per interval.
    Counts(Counts),
    /// Recorded requests.
    Requests(Requests),
}

/// How arrivals lie on a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spacing {
    /// Evenly: the n-th request comes when n - 1/2 are due.
    Even,
    /// At random, independent of each other.
    Poisson,
}

/// A rate over time.
#[derive(Clone, Debug)]
pub enum Profile {
    /// Always the same.
    Flat(Flat),
    /// Ramps, steps and pauses.
    Stages(Stages),
    /// A wave.
    Daily(Daily),
}

/// Why a plan of traffic cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrafficError {
    /// A parameter outside its range.
    #[error("{parameter} must be {allowed}")]
    Parameter {
        /// The parameter, with its article: "the rate".
        parameter: &'static str,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A file that cannot be used.
    #[error(transparent)]
    Trace(#[from] TraceError),
}

/// A plan of traffic: immutable, shared by all replications.
#[derive(Clone, Debug)]
pub struct Traffic {
    arrivals: Arrivals,
    population: Arc<Population>,
    until: Time,
}

impl Traffic {
    /// Traffic that ends at `until`, or earlier when its schedule ends: no request arrives at or after the end.
    pub fn new(arrivals: Arrivals, population: Population, until: Time) -> Traffic {
        let end = match &arrivals {
            Arrivals::Rate(_, Profile::Stages(stages)) => stages.end(),
            Arrivals::Counts(counts) => counts.end(),
            Arrivals::Requests(requests) => requests.end(),
            _ => Time::NEVER,
        };
        let population = match &arrivals {
            Arrivals::Requests(requests) => requests.name_classes(population),
            _ => population,
        };
        Traffic { arrivals, population: Arc::new(population), until: until.min(end) }
    }

    /// When requests arrive.
    pub fn arrivals(&self) -> &Arrivals {
        &self.arrivals
    }

    /// When the traffic ends: no request arrives at or after this time. `Time::NEVER` if neither the schedule nor the
    /// caller ends it.
    pub fn until(&self) -> Time {
        self.until
    }

    /// The number of different keys that requests can have.
    pub fn keys(&self) -> u32 {
        match &self.arrivals {
            Arrivals::Requests(requests) if requests.keys() > 0 => requests.keys(),
            _ => self.population.keys(),
        }
    }

    /// What requests are like, with the classes of the trace if only that names any.
    pub fn population(&self) -> &Population {
        &self.population
    }

    /// Whether users wait for their answers before the next request, so that the system slows its own traffic.
    pub fn is_closed(&self) -> bool {
        matches!(self.arrivals, Arrivals::Users(_))
    }

    /// Whether the law of the load is the same at any time, so that a steady state can be looked for.
    pub fn is_steady(&self) -> bool {
        match &self.arrivals {
            Arrivals::Rate(_, Profile::Flat(_)) | Arrivals::Renewal(_) | Arrivals::Mmpp(_) | Arrivals::Users(_) => true,
            Arrivals::Rate(_, Profile::Stages(_) | Profile::Daily(_)) => false,
            Arrivals::Counts(_) | Arrivals::Requests(_) => false,
        }
    }

    /// Requests expected up to the end; nothing for closed traffic, where it depends on the answers, or without an end.
    pub fn expected(&self) -> Option<f64> {
        let seconds = self.until.as_secs_f64();
        match &self.arrivals {
            Arrivals::Counts(counts) => Some(counts.expected(self.until)),
            Arrivals::Requests(requests) => Some(requests.expected(self.until)),
            Arrivals::Users(_) => None,
            _ if self.until == Time::NEVER => None,
            Arrivals::Rate(_, Profile::Flat(flat)) => Some(flat.rate().0 * seconds),
            Arrivals::Rate(_, Profile::Stages(stages)) => Some(stages.area(self.until)),
            Arrivals::Rate(_, Profile::Daily(daily)) => Some(daily.area(seconds)),
            Arrivals::Renewal(renewal) => Some(seconds * SECOND / renewal.gap().mean()),
            Arrivals::Mmpp(mmpp) => Some(mmpp.mean_rate().0 * seconds),
        }
    }

    /// The requests of one replication of a study with this seed.
    pub fn source(&self, seed: u64, replication: u64) -> Box<dyn Source> {
        let key = |purpose: &str| Key::new(seed, replication, NAME, purpose);
        let dresser = self.population.dresser(&key);
        let instants: Box<dyn Instants> = match &self.arrivals {
            Arrivals::Rate(spacing, Profile::Flat(flat)) => spaced(*spacing, flat.clone(), &key),
            Arrivals::Rate(spacing, Profile::Stages(stages)) => spaced(*spacing, stages.cursor(), &key),
            Arrivals::Rate(spacing, Profile::Daily(daily)) => spaced(*spacing, daily.cursor(), &key),
            Arrivals::Renewal(renewal) => Box::new(renewal.gaps(key("gap"))),
            Arrivals::Mmpp(mmpp) => spaced(Spacing::Poisson, mmpp.cursor(&key), &key),
            Arrivals::Counts(counts) => Box::new(counts.placed(&key)),
            Arrivals::Users(users) => return Box::new(users.source(&key, dresser, self.until)),
            Arrivals::Requests(requests) => return Box::new(requests.source(&key, dresser, self.until)),
        };
        Box::new(source::Open::new(instants, dresser, self.until))
    }
}

/// A unit process carried over to a rate.
fn spaced(spacing: Spacing, rate: impl Inverse + 'static, key: &dyn Fn(&str) -> Key) -> Box<dyn Instants> {
    match spacing {
        Spacing::Even => Box::new(Warped::new(constant::Even::default(), rate)),
        Spacing::Poisson => Box::new(Warped::new(poisson::Unit::new(key("gap")), rate)),
    }
}

/// `Ok` if a rate is finite and positive.
fn positive_rate(rate: Rate) -> Result<Rate, TrafficError> {
    // Above one a nanosecond, requests could not be told apart.
    check(rate.0 > 0.0 && rate.0 <= SECOND, "the rate", "above zero and at most 1000000000/s").map(|()| rate)
}

/// `Ok` if a condition holds, else the error that names the parameter.
fn check(holds: bool, parameter: &'static str, allowed: &'static str) -> Result<(), TrafficError> {
    if holds { Ok(()) } else { Err(TrafficError::Parameter { parameter, allowed }) }
}

#[cfg(test)]
mod tests;
