//! Usage beside what the stages count: so much a month, an hour, a request, a GB, or an hour of a server.

use super::{Metered, Month};
use crate::exec::Resource;
use crate::pricing::costing::{Basis, Further, Weight, float};
use crate::pricing::{Key, Price, Usage, money};
use crate::stage::client::Client;
use crate::time::{Span, Time};

impl Metered<'_> {
    /// What the section `cost` lists.
    pub(super) fn further(&self, month: &mut Month) {
        for further in &self.costing.further {
            let Further { key, name, quantity, per } = further;
            let quantity = match per {
                // Exact, as nothing of it was measured.
                Basis::Month => Some(*quantity),
                Basis::Hour => quantity.checked_mul(self.costing.conventions.hours_per_month),
                other => money::computed(self.basis(key, other) * float(*quantity)),
            };
            match quantity.filter(|quantity| *quantity <= money::MOST) {
                Some(quantity) => {
                    month.usage.push(Usage { key: key.clone(), quantity, resource: name.clone(), binding: None });
                }
                None => month.unpriced.push(format!("{name}: {key}: the quantity is too large")),
            }
        }
    }

    /// How much there is in the month of what an item is used for.
    fn basis(&self, key: &Key, per: &Basis) -> f64 {
        let at = |stage: &Option<String>| stage.clone().unwrap_or_else(|| Client::NAME.to_owned());
        let gb = |bytes: f64| bytes / self.costing.conventions.gb_bytes as f64;
        let bytes = |stage: &Option<String>, what: &str| gb(self.volume(&at(stage), what));
        match per {
            Basis::Month => 1.0,
            Basis::Hour => self.costing.hours(),
            Basis::Request(Some(stage)) => self.volume(stage, "request"),
            Basis::Request(None) => self.rate(self.run.offered),
            Basis::Served => self.rate(self.run.served),
            Basis::RequestGb(stage) => bytes(stage, "request_bytes"),
            Basis::ResponseGb(stage) => bytes(stage, "response_bytes"),
            Basis::Gb(stage) => bytes(stage, "request_bytes") + bytes(stage, "response_bytes"),
            Basis::ServerHour(stage) => self.server_hours(stage, self.minimum(key)),
        }
    }

    /// A count of the measured time as one of the month.
    fn rate(&self, count: u64) -> f64 {
        let seconds: f64 = self.weights().iter().map(|weight| weight.hours * 3600.0 * weight.factor).sum();
        count as f64 / self.measured.as_secs_f64() * seconds
    }

    /// The shortest time for which an item is paid.
    pub(super) fn minimum(&self, key: &Key) -> Span {
        self.book.price(&key.service, &key.item, &key.region).map_or(Span::ZERO, Price::minimum)
    }

    /// Hours of servers in the month, hour by hour of the ledger.
    fn server_hours(&self, stage: &str, minimum: Span) -> f64 {
        let hours = |weight: &Weight| weight.hours * self.servers(stage, minimum, weight.hour, weight.seconds);
        self.weights().iter().map(hours).sum()
    }

    /// Servers that are paid in an hour, on its mean. They are as simulated: a month with other rates would have others,
    /// which only a run with these rates can tell.
    pub(super) fn servers(&self, stage: &str, minimum: Span, hour: usize, seconds: f64) -> f64 {
        let of_stage = |resource: &&Resource| {
            let name = resource.name.as_str();
            name == stage || name.split_once('.').is_some_and(|(first, _)| first == stage)
        };
        let Some(servers) = self.run.resources.iter().filter(of_stage).find(|resource| resource.units > 0) else {
            return 0.0;
        };
        let delay = self.program.pools.iter().find(|pool| pool.name == servers.name);
        let delay = delay.and_then(|pool| pool.scaling.as_ref()).map_or(Span::ZERO, |scaling| scaling.delay);
        let begin = self.run.from + Span(hour as u64 * HOUR.0);
        let end = begin + Span((seconds * 1e9).round() as u64);
        let nanos = servers.available(begin, end) * u64::from(servers.targets)
            + on_their_way(servers, delay, begin, end)
            + after_their_end(servers, delay, minimum, begin, end);
        nanos as f64 / (end - begin).0 as f64
    }
}

const HOUR: Span = Span::from_secs(3600);

/// Nanoseconds of servers that had been ordered and were not there yet: they are paid from the order on.
fn on_their_way(servers: &Resource, delay: Span, from: Time, until: Time) -> u64 {
    let changes = servers.capacity.iter().zip(servers.capacity.iter().skip(1));
    let more = changes.filter(|((_, before), (_, after))| after > before);
    more.map(|(&(_, before), &(at, after))| {
        let ordered = Time(at.0.saturating_sub(delay.0)).clamp(from, until);
        u64::from(after - before) * (at.clamp(from, until) - ordered).0
    })
    .sum()
}

/// Nanoseconds that are paid for servers that were taken away before the shortest time that is paid. Nobody knows which
/// servers leave; with the youngest first this is the most that it can be.
fn after_their_end(servers: &Resource, delay: Span, minimum: Span, from: Time, until: Time) -> u64 {
    let mut ordered: Vec<Time> = Vec::new();
    let (mut before, mut nanos) = (0, 0);
    for &(at, units) in &servers.capacity {
        if units >= before {
            ordered.extend((before..units).map(|_| Time(at.0.saturating_sub(delay.0))));
        } else {
            let leaving = ordered.drain(units as usize..);
            let end = at.clamp(from, until).0;
            let paid = leaving.map(|ordered| (ordered + minimum).clamp(from, until).0.saturating_sub(end));
            nanos += paid.sum::<u64>();
        }
        before = units;
    }
    nanos
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::ResourceKind;
    use crate::stats::histogram::Histogram;

    #[test]
    fn servers_are_paid_from_the_order_on() {
        let second = |second: u64| Time(second * 1_000_000_000);
        let servers = Resource {
            name: "service".to_owned(),
            kind: ResourceKind::Pool,
            targets: 1,
            units: 9,
            arrivals: 0,
            refused: 0,
            abandoned: 0,
            hits: 0,
            busy: Vec::new(),
            capacity: vec![(second(0), 2), (second(100), 5), (second(200), 1)],
            open: Vec::new(),
            kept: 0,
            wait: Histogram::default(),
        };
        let delay = Span::from_secs(30);
        let way = |from, until| on_their_way(&servers, delay, second(from), second(until)) / 1_000_000_000;
        assert_eq!(way(0, 300), 90, "three servers, each half a minute");
        assert_eq!(way(80, 300), 60, "what was ordered before counts from the begin on");
        assert_eq!(way(0, 80), 30);
        let after = |minimum, from, until| {
            let minimum = Span::from_secs(minimum);
            after_their_end(&servers, delay, minimum, second(from), second(until)) / 1_000_000_000
        };
        // Three ordered at 70 and one of the first two leave at 200.
        assert_eq!(after(60, 0, 300), 0, "they have been there for longer");
        assert_eq!(after(200, 0, 300), 210, "three are paid up to 270, and the one from the start up to 200");
        assert_eq!(after(200, 0, 230), 90, "the rest belongs to the next hour");
        assert_eq!(after(200, 230, 300), 120);
    }
}
