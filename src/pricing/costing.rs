//! How the bill of a run is made: conventions, where things are, and which part of a month a simulated span stands for.

use super::book::{Book, Key};
use super::conventions::Conventions;
use super::money::{self, Decimal};
use crate::time::Span;
use std::sync::Arc;

/// A part of the measured time and the share of the month it stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// Its begin, from the begin of the measured time.
    pub from: Span,
    /// Its end.
    pub to: Span,
    /// Share of the month, 0 to 1.
    pub share: f64,
}

/// What a quantity of further usage is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The month.
    Month,
    /// Each hour of the month.
    Hour,
    /// Each request of a client, or each that passes a stage that counts.
    Request(Option<String>),
    /// Each request served.
    Served,
    /// Each GB of requests, of all clients or of those that pass a stage that counts.
    RequestGb(Option<String>),
    /// Each GB of good answers.
    ResponseGb(Option<String>),
    /// Each GB of both.
    Gb(Option<String>),
    /// Each hour of each server of a station, from the time it was ordered.
    ServerHour(String),
}

/// Usage beside what the stages of a path count: NAT gateways, alarms, storage, lines, fees.
#[derive(Clone, Debug, PartialEq)]
pub struct Further {
    /// What is used and where.
    pub key: Key,
    /// Under which name it is shown.
    pub name: String,
    /// How much, in the unit of the price.
    pub quantity: Decimal,
    /// For what.
    pub per: Basis,
}

/// A price book of the user's own.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnBook {
    /// Name of its file.
    pub name: String,
    /// The book.
    pub book: Arc<Book>,
}

/// From a run to a month and its bill.
#[derive(Clone, Debug, PartialEq)]
pub struct Costing {
    /// Data pack with the price book.
    pub data: String,
    /// A book to take instead of the data pack's.
    pub book: Option<OwnBook>,
    /// Region of everything that has one.
    pub region: String,
    /// Classes of edge locations that viewers use, such as `cf-us`, and their shares of requests and bytes, which make one.
    pub viewers: Vec<(String, f64)>,
    /// Conventions of the bill.
    pub conventions: Conventions,
    /// Requests of the month; without it the simulated rate goes on all month.
    pub requests: Option<f64>,
    /// How much of the simulated rate there is in each hour of a day: 24 factors, or none for an even day.
    pub day: Vec<f64>,
    /// Parts of the measured time with their shares of the month; none for all of it alike.
    pub spans: Vec<Stretch>,
    /// Bytes of the access log of a gateway for each request.
    pub access_log: u64,
    /// Requests on one connection to a balancer, instead of what the callers' connections tell.
    pub requests_per_connection: Option<f64>,
    /// How long such a connection stays open.
    pub connection_time: Span,
    /// Usage beside what the stages count.
    pub further: Vec<Further>,
}

/// An hour of the ledger as it counts in the month.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weight {
    /// Index of the hour in the ledger.
    pub hour: usize,
    /// Hours of the month it stands for.
    pub hours: f64,
    /// What its rates are multiplied by.
    pub factor: f64,
    /// Its length in seconds: 3,600 but for the last.
    pub seconds: f64,
}

impl Weight {
    /// What volumes of the hour are multiplied by.
    pub fn volume(&self) -> f64 {
        self.hours * 3600.0 / self.seconds * self.factor
    }
}

impl Costing {
    /// The bill of a region, without free tiers and with the simulated rate all month.
    pub fn of(data: &str, region: &str) -> Costing {
        Costing {
            data: data.to_owned(),
            book: None,
            region: region.to_owned(),
            viewers: vec![(viewers(region).to_owned(), 1.0)],
            conventions: Conventions::default(),
            requests: None,
            day: Vec::new(),
            spans: Vec::new(),
            access_log: 1024,
            requests_per_connection: None,
            connection_time: Span::ZERO,
            further: Vec::new(),
        }
    }

    /// The price book; nothing when the data pack has none.
    pub fn prices(&self) -> Option<&Book> {
        match &self.book {
            Some(own) => Some(&own.book),
            None => Book::pack(&self.data).ok(),
        }
    }

    /// The name of the price book.
    pub fn prices_name(&self) -> &str {
        self.book.as_ref().map_or(&self.data, |own| &own.name)
    }

    /// Where an item is priced, and which share of it: the classes of edge locations for what viewers use.
    pub fn regions_of(&self, service: &str, item: &str) -> Vec<(&str, f64)> {
        match service {
            "cloudfront" if item != "function_invocation" => {
                self.viewers.iter().map(|(class, share)| (class.as_str(), *share)).collect()
            }
            _ => vec![(self.region_of(service, item), 1.0)],
        }
    }

    /// Where an item is priced when nothing more is said: the region, the first class of edge locations, or the area of a
    /// line.
    pub fn region_of(&self, service: &str, item: &str) -> &str {
        match service {
            "cloudfront" if item != "function_invocation" => {
                self.viewers.first().map_or(&self.region, |(class, _)| class)
            }
            "directconnect" if item.starts_with("port_") => match self.region.as_str() {
                "ap-northeast-1" | "ap-northeast-3" => "japan",
                _ => "global-ex-japan",
            },
            _ => &self.region,
        }
    }

    /// The hours of a month.
    pub fn hours(&self) -> f64 {
        float(self.conventions.hours_per_month)
    }

    /// The hours of a ledger: the length of each in seconds, of which only the last may be less than an hour.
    pub fn hours_of(&self, measured: Span) -> Vec<f64> {
        let hour = |hour: u64| Span((measured.0 - (hour * HOUR).min(measured.0)).min(HOUR)).as_secs_f64();
        (0..measured.0.div_ceil(HOUR).max(1)).map(hour).collect()
    }

    /// How the hours of a ledger make up a month. `offered` is the number of requests in the measured time.
    pub fn weights(&self, measured: Span, offered: u64) -> Vec<Weight> {
        let total = measured.as_secs_f64();
        let lengths = self.hours_of(measured);
        let even = [Stretch { from: Span::ZERO, to: measured, share: 1.0 }];
        let spans = if self.spans.is_empty() { &even[..] } else { &self.spans };
        let day: &[f64] = if self.day.is_empty() { &[1.0] } else { &self.day };
        let rate = self.requests.map_or(1.0, |requests| self.scale(requests, total, offered));
        let mut weights = Vec::new();
        for span in spans {
            let (from, to) = (span.from.as_secs_f64(), span.to.as_secs_f64().min(total));
            for (hour, &seconds) in lengths.iter().enumerate() {
                let begin = hour as f64 * 3600.0;
                let overlap = ((begin + seconds).min(to) - begin.max(from)).max(0.0);
                if overlap <= 0.0 || to <= from {
                    continue;
                }
                for factor in day {
                    let hours = self.hours() * span.share * overlap / (to - from) / day.len() as f64;
                    weights.push(Weight { hour, hours, factor: factor * rate, seconds });
                }
            }
        }
        weights
    }

    /// What makes the requests of the month out of those of the measured time.
    fn scale(&self, requests: f64, total: f64, offered: u64) -> f64 {
        let mean = if self.day.is_empty() { 1.0 } else { self.day.iter().sum::<f64>() / self.day.len() as f64 };
        let month = offered as f64 / total * self.hours() * 3600.0 * mean;
        if month > 0.0 { requests / month } else { 0.0 }
    }
}

const HOUR: u64 = 3600 * 1_000_000_000;

/// A decimal as the nearest number of floating point.
pub fn float(value: Decimal) -> f64 {
    money::plain(value).parse().unwrap_or(f64::NAN)
}

/// The class of edge locations that viewers near a region use.
pub fn viewers(region: &str) -> &'static str {
    match region.split('-').next().unwrap_or_default() {
        "eu" | "il" => "cf-eu",
        "sa" => "cf-sa",
        "af" | "me" => "cf-za-me",
        "ap" if region.starts_with("ap-northeast-1") || region.starts_with("ap-northeast-3") => "cf-jp",
        "ap" if region == "ap-southeast-2" || region == "ap-southeast-4" => "cf-au",
        "ap" if region.starts_with("ap-south-") => "cf-in",
        "ap" => "cf-apac",
        _ => "cf-us",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn costing() -> Costing {
        Costing::of("aws-2026-11", "us-east-1")
    }

    fn volume(costing: &Costing, measured: Span, offered: u64, ledger: &[f64]) -> f64 {
        costing.weights(measured, offered).iter().map(|weight| weight.volume() * ledger[weight.hour]).sum()
    }

    #[test]
    fn a_span_stands_for_the_whole_month_when_nothing_is_said() {
        let ten_minutes = Span::from_secs(600);
        // 600 units in ten minutes are one a second.
        assert!((volume(&costing(), ten_minutes, 600, &[600.0]) - 730.0 * 3600.0).abs() < 1e-3);
        let weights = costing().weights(Span::from_secs(5400), 0);
        assert_eq!(weights.iter().map(|weight| weight.seconds).collect::<Vec<_>>(), [3600.0, 1800.0]);
        assert!((weights.iter().map(|weight| weight.hours).sum::<f64>() - 730.0).abs() < 1e-9);
    }

    #[test]
    fn the_requests_of_a_month_may_be_given() {
        let costing = Costing { requests: Some(5e6), day: vec![0.5, 1.5], ..costing() };
        let volume = volume(&costing, Span::from_secs(600), 300, &[300.0]);
        assert!((volume - 5e6).abs() < 1e-3, "{volume}");
    }

    #[test]
    fn a_day_profile_keeps_the_hours_of_the_month_and_scales_their_rates() {
        let day: Vec<f64> = (0..24).map(|hour| if hour < 8 { 2.0 } else { 0.5 }).collect();
        let weights = Costing { day, ..costing() }.weights(Span::from_secs(600), 0);
        assert!((weights.iter().map(|weight| weight.hours).sum::<f64>() - 730.0).abs() < 1e-9);
        let mean = weights.iter().map(|weight| weight.hours * weight.factor).sum::<f64>() / 730.0;
        assert!((mean - 1.0).abs() < 1e-12);
    }

    #[test]
    fn stretches_count_with_their_share_of_the_month() {
        let hours = |from, to, share| Stretch { from: Span::from_secs(from), to: Span::from_secs(to), share };
        let spans = vec![hours(0, 3600, 0.75), hours(3600, 7200, 0.25)];
        let volume = volume(&Costing { spans, ..costing() }, Span::from_secs(7200), 0, &[3600.0, 36000.0]);
        // One a second for three quarters of the month, ten a second for the rest.
        assert!((volume - 730.0 * 3600.0 * (0.75 + 2.5)).abs() < 1e-3, "{volume}");
    }

    #[test]
    fn viewers_are_near_the_region() {
        assert_eq!(viewers("us-east-1"), "cf-us");
        assert_eq!(viewers("eu-west-1"), "cf-eu");
        assert_eq!(viewers("ap-southeast-2"), "cf-au");
    }
}
