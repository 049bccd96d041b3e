//! Traffic in which the class of a request is its size: what no scenario says, since demands are either drawn by a station
//! or replayed from a file.

use gatepath::exec::{Arrival, Source};
use gatepath::law::{Law, LawError, LawSpec};
use gatepath::rng::Key;
use gatepath::study::Case;
use gatepath::time::{Span, Time};

/// Share of the requests that are of the marked size.
const MARKED: f64 = 0.02;
/// Mean demand of the others in nanoseconds; the marked ones have twice as much.
const MEAN: f64 = 1e7;
/// What is not measured.
const WARMUP: Span = Span::from_secs(50);
/// What is.
const LENGTH: Span = Span::from_secs(8000);

/// Poisson traffic for one server at a utilisation: class 1 needs exactly twice the mean of class 0, which follows a law.
struct Sized {
    keys: [Key; 3],
    between: Law,
    demand: Law,
    at: Time,
    until: Time,
    serial: u64,
}

impl Source for Sized {
    fn fill(&mut self, block: &mut Vec<Arrival>) {
        for _ in 0..256 {
            let [arrival, class, demand] = self.keys.each_ref().map(|key| key.bits(self.serial));
            self.at = self.at + Span(self.between.draw(arrival));
            if self.at >= self.until {
                return;
            }
            let marked = class < (MARKED * 2f64.powi(64)) as u64;
            let demand = if marked { 2 * MEAN as u64 } else { self.demand.draw(demand) };
            let (at, serial) = (self.at, self.serial);
            block.push(Arrival { at, serial, class: marked as u16, demand, ..Arrival::default() });
            self.serial += 1;
        }
    }
}

/// Gives a scenario whose name ends in `-sized` its traffic, for a share of its full length.
pub fn dress(case: Case, share: f64) -> Result<Case, LawError> {
    let (law, utilisation) = match case.name.as_str() {
        "ps-deterministic-sized" => (LawSpec::Constant(MEAN), 0.8),
        "ps-lognormal-sized" => (LawSpec::lognormal_with_mean(MEAN, 2.0)?, 0.6),
        _ => return Ok(case),
    };
    let between = LawSpec::Exponential { mean: MEAN * (1.0 + MARKED) / utilisation };
    let (between, demand) = (Law::compile(&between)?, Law::compile(&law)?);
    let duration = WARMUP + Span((LENGTH.0 as f64 * share) as u64);
    let traffic = move |seed, replication| {
        let keys = ["arrival", "class", "demand"].map(|purpose| Key::new(seed, replication, "client", purpose));
        let (between, demand, until) = (between.clone(), demand.clone(), Time(duration.0));
        Box::new(Sized { keys, between, demand, at: Time::ZERO, until, serial: 0 }) as Box<dyn Source>
    };
    Ok(Case { traffic: Box::new(traffic), duration, warmup: WARMUP, ..case })
}
