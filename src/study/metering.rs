//! From the ledger of a run to the quantities of a month: which meter of which stage is which item of the price book.
//!
//! This is the only place that knows both the names stages give to what they count and the names of the price book. What
//! is known here of neither is told as unpriced, never left out.

mod capacity;
mod further;
mod ledger;

pub use ledger::{Entry, ledger};

use crate::exec::Run;
use crate::pricing::costing::Weight;
use crate::pricing::{Book, Costing, Decimal, Key, Usage, money};
use crate::program::{Program, Standing};
use crate::time::Span;
use std::cell::OnceCell;

/// The quantities of a month.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Month {
    /// What has an item in the price book.
    pub usage: Vec<Usage>,
    /// What has none, a phrase each.
    pub unpriced: Vec<String>,
}

/// How a meter is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Billed {
    /// So many units of an item of this service.
    Units(&'static str),
    /// Bytes, billed as GB of an item of this service.
    Bytes(&'static str),
    /// As part of something else, or not at all.
    Elsewhere,
}

/// How a meter of a kind of stage is billed; nothing when it is not known.
fn billed(kind: &str, meter: &str) -> Option<Billed> {
    use Billed::*;
    Some(match (kind, meter) {
        (_, "new_connection") => Elsewhere,
        (_, "internet_out_gb") => Bytes("datatransfer"),
        ("rest_api" | "http_api", "interface_endpoint_gb") => Bytes("privatelink"),
        ("rest_api" | "http_api", "authorizer_invocation") => Units("lambda"),
        ("rest_api" | "http_api", "authorizer_began" | "authorizer_ended") => Elsewhere,
        ("rest_api" | "http_api", "rest_request" | "http_request") => Units("apigateway"),
        ("websocket_api", "connection" | "message_in" | "message_out" | "message_pushed" | "bytes_pushed") => Elsewhere,
        ("cloudfront", "https_request" | "function_invocation") => Units("cloudfront"),
        ("cloudfront", "data_transfer_to_origin_gb" | "data_transfer_out_gb") => Bytes("cloudfront"),
        ("waf", _) => Units("waf"),
        ("route53", _) => Units("route53"),
        ("cloud_map", "discover_call") => Units("cloudmap"),
        ("lambda", "request") => Units("lambda"),
        ("lambda", "billed" | "billed_provisioned" | "not_billed" | "init_and_not_billed" | "cold_start") => Elsewhere,
        ("alb", "request" | "processed_bytes") | ("nlb", "processed_bytes") => Elsewhere,
        ("link", "bytes_in" | "bytes_out") => Elsewhere,
        ("meter" | "client", "request" | "request_bytes" | "response_bytes") => Elsewhere,
        _ => return None,
    })
}

/// Whether a meter of a kind of stage is billed, or known not to be.
pub fn is_known(kind: &str, meter: &str) -> bool {
    billed(kind, meter).is_some()
}

/// Service of something standing; nothing for a number that other charges need.
fn service_of(kind: &str, name: &str) -> Option<&'static str> {
    Some(match (kind, name) {
        (_, "alb_hour" | "alb_trust_store_hour" | "nlb_hour") => "elb",
        (_, "public_ipv4_in_use_hour") => "vpc",
        (_, "interface_endpoint_hour") => "privatelink",
        (_, "authorizer_memory") | ("waf", "at_edge") => return None,
        ("rest_api", _) | ("websocket_api", "websocket_connection_minute") => "apigateway",
        ("websocket_api", "connection minutes of unknown connections") => "apigateway",
        ("waf", _) => "waf",
        ("route53", _) => "route53",
        ("cloud_map", _) => "cloudmap",
        ("ec2", _) => "ec2",
        ("ecs", _) => "fargate",
        ("rds", _) => "rds",
        ("rds_proxy", _) => "rdsproxy",
        ("lambda", name) if name.starts_with("provisioned") => "lambda",
        ("link", "site_to_site_connection_hour") => "vpn",
        ("link", _) => "directconnect",
        _ => return None,
    })
}

/// The month that a run stands for.
pub fn month(program: &Program, costing: &Costing, measured: Span, run: &Run, book: &Book) -> Month {
    let metered = Metered { program, costing, measured, run, book, weights: OnceCell::new() };
    let mut month = Month::default();
    for standing in &program.standing {
        metered.stand(standing, &mut month);
    }
    for (index, stage) in program.stages.iter().enumerate() {
        for meter in program.meters.iter().filter(|meter| meter.stage == stage.name) {
            metered.meter(&stage.kind, &meter.stage, &meter.name, &mut month);
        }
        match stage.kind.as_str() {
            "alb" | "nlb" => metered.capacity(index, &mut month),
            "lambda" => metered.duration(&stage.name, &mut month),
            "link" => metered.line(&stage.name, &mut month),
            "websocket_api" => metered.messages(&stage.name, &mut month),
            _ => {}
        }
    }
    metered.further(&mut month);
    month
}

/// A run with everything that makes a month of it.
struct Metered<'a> {
    program: &'a Program,
    costing: &'a Costing,
    measured: Span,
    run: &'a Run,
    book: &'a Book,
    /// What each hour stands for, once anything is asked that depends on it: years of a model without meters have many.
    weights: OnceCell<Vec<Weight>>,
}

impl Metered<'_> {
    /// What each hour of the measured time stands for in the month.
    fn weights(&self) -> &[Weight] {
        self.weights.get_or_init(|| self.costing.weights(self.measured, self.run.offered))
    }

    fn add(
        &self,
        month: &mut Month,
        (service, item): (&str, &str),
        quantity: Decimal,
        stage: &str,
        why: Option<String>,
    ) {
        for (region, share) in self.costing.regions_of(service, item) {
            let quantity = match share {
                1.0 => quantity,
                share => quantity * money::nearest(share).unwrap_or_default(),
            };
            let key = Key::new(service, item, region);
            month.usage.push(Usage { key, quantity, resource: stage.to_owned(), binding: why.clone() });
        }
    }

    /// As `add`, for a quantity that was computed in floating point.
    fn add_float(&self, month: &mut Month, item: (&str, &str), quantity: f64, stage: &str, why: Option<String>) {
        match money::computed(quantity).filter(|quantity| *quantity <= money::MOST) {
            Some(quantity) => self.add(month, item, quantity, stage, why),
            None => month.unpriced.push(format!("{stage}: {}/{}: the quantity is too large", item.0, item.1)),
        }
    }

    /// What is there all month.
    fn stand(&self, standing: &Standing, month: &mut Month) {
        let Standing { stage, name, count, of } = standing;
        let kind = self.kind(stage);
        let Some(service) = service_of(kind, name) else { return };
        let many = money::whole(*count) / money::whole(*of);
        let hours = self.costing.conventions.hours_per_month;
        let quantity = match name.as_str() {
            name if name.ends_with("_hour") => many * hours,
            name if name.ends_with("_connection_minute") => many * hours * money::whole(60),
            name if name.ends_with("_month") => many,
            name if name.ends_with("_gb_second") => many * hours * money::whole(3600),
            _ => return month.unpriced.push(format!("{stage}: {name}")),
        };
        self.add(month, (service, name), quantity, stage, None);
    }

    fn kind(&self, stage: &str) -> &str {
        self.program.stages.iter().find(|known| known.name == stage).map_or("", |stage| &stage.kind)
    }

    /// The number of something standing.
    fn number(&self, stage: &str, name: &str) -> f64 {
        let found = self.program.standing.iter().find(|known| known.stage == stage && known.name == name);
        found.map_or(0.0, |standing| standing.count as f64 / standing.of as f64)
    }

    fn meter_index(&self, stage: &str, name: &str) -> Option<usize> {
        self.program.meters.iter().position(|meter| meter.stage == stage && meter.name == name)
    }

    /// What a meter counted in an hour of the ledger.
    fn counted(&self, stage: &str, name: &str, hour: usize) -> f64 {
        let counted = self.meter_index(stage, name).and_then(|index| self.run.usage.get(hour)?.get(index));
        counted.map_or(0.0, |counted| *counted as f64)
    }

    /// What a meter counts in the month.
    fn volume(&self, stage: &str, name: &str) -> f64 {
        self.weights().iter().map(|weight| weight.volume() * self.counted(stage, name, weight.hour)).sum()
    }

    fn meter(&self, kind: &str, stage: &str, name: &str, month: &mut Month) {
        let volume = self.volume(stage, name);
        let gb = self.costing.conventions.gb_bytes as f64;
        match billed(kind, name) {
            Some(Billed::Units("lambda")) if name == "authorizer_invocation" => {
                self.add_float(month, ("lambda", "request"), volume, stage, None);
                let memory = self.number(stage, "authorizer_memory");
                if memory > 0.0 {
                    let nanos = self.volume(stage, "authorizer_ended") - self.volume(stage, "authorizer_began");
                    // Started milliseconds are paid whole: half of one more on the mean.
                    let seconds = nanos / 1e9 + volume * 0.0005;
                    self.add_float(month, ("lambda", "x86_gb_second"), seconds * memory, stage, None);
                } else if volume > 0.0 {
                    let what = "the duration of the authorizer function, whose `memory` is not known";
                    month.unpriced.push(format!("{stage}: {what}"));
                }
            }
            Some(Billed::Units("cloudfront")) if name == "https_request" => {
                let plain = volume * self.number(stage, "plain_http");
                self.add_float(month, ("cloudfront", name), volume - plain, stage, None);
                if plain > 0.0 {
                    self.add_float(month, ("cloudfront", "http_request"), plain, stage, None);
                }
            }
            Some(Billed::Units(service)) => {
                self.add_float(month, (service, name), volume, stage, None);
                if service == "apigateway" {
                    self.log(volume, stage, month);
                }
            }
            Some(Billed::Bytes(service)) => self.add_float(month, (service, name), volume / gb, stage, None),
            Some(Billed::Elsewhere) => {}
            None => month.unpriced.push(format!("{stage}: the meter {name}")),
        }
    }

    /// The access log of so many requests. A billed unit more for a large payload is no line more in the log, and does not
    /// matter here.
    fn log(&self, requests: f64, stage: &str, month: &mut Month) {
        if self.costing.access_log > 0 {
            let gb = requests * self.costing.access_log as f64 / self.costing.conventions.gb_bytes as f64;
            self.add_float(month, ("cloudwatch", "logs_ingest_gb"), gb, stage, None);
        }
    }

    /// Duration of a function: started milliseconds and cold starts, by memory.
    fn duration(&self, stage: &str, month: &mut Month) {
        for name in ["x86", "arm"] {
            let memory = self.number(stage, &format!("memory_{name}"));
            if memory == 0.0 {
                continue;
            }
            let ran = self.volume(stage, "billed") / 1e3;
            let free = self.volume(stage, "not_billed");
            let init = (self.volume(stage, "init_and_not_billed") - free) / 1e9;
            let cold = (self.volume(stage, "cold_start") - free) / 1e9;
            let all = (ran + cold) * memory;
            let share = if ran + cold > 0.0 { 100.0 * init / (ran + cold) } else { 0.0 };
            let why = (init > 0.0).then(|| format!("INIT {share:.1} % of it"));
            self.add_float(month, ("lambda", &format!("{name}_gb_second")), all, stage, why);
            let provisioned = self.volume(stage, "billed_provisioned") / 1e3 * memory;
            if provisioned > 0.0 {
                let item = format!("provisioned_duration_{name}_gb_second");
                self.add_float(month, ("lambda", &item), provisioned, stage, None);
            }
        }
    }

    /// Messages of a WebSocket API both ways, and the minutes of connections that were opened.
    fn messages(&self, stage: &str, month: &mut Month) {
        let pushes = self.number(stage, "pushes");
        let back = self.volume(stage, "message_out") + pushes * self.volume(stage, "message_pushed");
        let all = self.volume(stage, "message_in") + back;
        self.add_float(month, ("apigateway", "websocket_message"), all, stage, None);
        self.log(self.volume(stage, "message_in"), stage, month);
        let seconds = self.number(stage, "connection_seconds");
        if seconds > 0.0 {
            let minutes = self.volume(stage, "connection") * seconds / 60.0;
            self.add_float(month, ("apigateway", "websocket_connection_minute"), minutes, stage, None);
        }
        let gb = pushes * self.volume(stage, "bytes_pushed") / self.costing.conventions.gb_bytes as f64;
        if gb > 0.0 {
            self.add_float(month, ("datatransfer", "internet_out_gb"), gb, stage, None);
        }
    }

    /// What goes out over a line of Direct Connect; other lines have no price a byte.
    fn line(&self, stage: &str, month: &mut Month) {
        let standing = self.program.standing.iter();
        if standing.clone().any(|standing| standing.stage == stage && standing.name.starts_with("port_dedicated")) {
            let gb = self.volume(stage, "bytes_out") / self.costing.conventions.gb_bytes as f64;
            self.add_float(month, ("directconnect", "data_transfer_out"), gb, stage, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stage_counts_is_an_item_of_the_price_book_or_part_of_another() {
        let book = Book::pack("aws-2026-11").expect("a good book");
        for (kind, meter) in [
            ("rest_api", "rest_request"),
            ("http_api", "http_request"),
            ("rest_api", "interface_endpoint_gb"),
            ("http_api", "internet_out_gb"),
            ("cloudfront", "https_request"),
            ("cloudfront", "function_invocation"),
            ("cloudfront", "data_transfer_out_gb"),
            ("cloudfront", "data_transfer_to_origin_gb"),
            ("waf", "request"),
            ("waf", "captcha_attempt"),
            ("waf", "wcu_overage_request_per_500wcu"),
            ("waf", "body_overage_request_per_16kb"),
            ("route53", "standard_query"),
            ("route53", "alias_query_to_aws_resource"),
            ("cloud_map", "discover_call"),
            ("lambda", "request"),
        ] {
            let service = match billed(kind, meter) {
                Some(Billed::Units(service) | Billed::Bytes(service)) => service,
                other => panic!("{kind} {meter}: {other:?}"),
            };
            let known = book.prices().any(|price| price.key.service == service && price.key.item == meter);
            assert!(known, "{service}/{meter}");
        }
        assert_eq!(billed("station", "anything"), None);
    }
}
