//! Capacity of load balancers: in each hour the largest of the dimensions in which connections, bytes and rules need it, and
//! the bytes that cross zones.

use super::{Metered, Month};
use crate::exec::ResourceKind;
use crate::pricing::costing::{Weight, float};

/// Rules of an ALB that are not counted (elb_capacity, lcu_rule_evaluations_per_s).
const FREE_RULES: f64 = 10.0;

/// A dimension of a load balancer: its name, and how many units of capacity an hour needs for it.
pub(super) type Dimension = (&'static str, f64);

impl Metered<'_> {
    /// Capacity of a load balancer: in each hour the largest of its dimensions.
    pub(super) fn capacity(&self, index: usize, month: &mut Month) {
        let stage = &self.program.stages[index];
        let caller = self.caller(index);
        let mut total = 0.0;
        let mut hours: Vec<(&'static str, f64)> = Vec::new();
        for weight in self.weights() {
            let dimensions = match self.dimensions(&stage.kind, &stage.name, caller, weight) {
                Ok(dimensions) => dimensions,
                Err(row) => {
                    let what = format!("capacity, of which the price book does not say what one unit covers ({row})");
                    return month.unpriced.push(format!("{}: {what}", stage.name));
                }
            };
            // The first of equals is named.
            let largest = dimensions.iter().fold(("nothing", 0.0), |a, b| if b.1 > a.1 { *b } else { a });
            total += largest.1 * weight.hours;
            match hours.iter_mut().find(|(name, _)| *name == largest.0) {
                Some((_, known)) => *known += weight.hours,
                None => hours.push((largest.0, weight.hours)),
            }
        }
        hours.sort_by(|a, b| b.1.total_cmp(&a.1));
        let all: f64 = hours.iter().map(|(_, hours)| hours).sum();
        let share = |(name, hours): &(&str, f64)| match 100.0 * hours / all {
            share if share > 99.95 => (*name).to_owned(),
            share => format!("{name} {share:.0} % of the time"),
        };
        let binding = hours.iter().map(share).collect::<Vec<_>>().join(", ");
        let item = if stage.kind == "alb" { "alb_lcu_hour" } else { "nlb_nlcu_hour" };
        self.add_float(month, ("elb", item), total, &stage.name, Some(binding));
        if stage.kind == "nlb" {
            let zones = self.number(&stage.name, "zones_crossed").max(1.0);
            // With evenly spread targets this share of the bytes goes to another zone, and is billed at both ends.
            let crossing = 2.0 * (zones - 1.0) / zones;
            let gb = self.volume(&stage.name, "processed_bytes") / self.costing.conventions.gb_bytes as f64;
            if crossing > 0.0 {
                self.add_float(month, ("datatransfer", "cross_az_gb"), gb * crossing, &stage.name, None);
            }
            let clients = self.number(&stage.name, "clients_in_other_zones");
            if clients > 0.0 {
                self.add_float(month, ("datatransfer", "nlb_client_cross_az_gb"), gb * clients, &stage.name, None);
            }
        }
    }

    /// The nearest stage before a balancer whose connections are counted.
    pub(super) fn caller(&self, index: usize) -> Option<&str> {
        let before = self.program.stages[..index].iter().rev().map(|stage| stage.name.as_str());
        before.into_iter().find(|stage| self.meter_index(stage, "new_connection").is_some())
    }

    /// Units of capacity that each dimension needs in an hour.
    ///
    /// # Errors
    /// The price book does not say what one unit covers: the row that it lacks.
    pub(super) fn dimensions(
        &self,
        kind: &str,
        stage: &str,
        caller: Option<&str>,
        weight: &Weight,
    ) -> Result<Vec<Dimension>, String> {
        let units = |name: &'static str, amount: f64, row: &str| match self.book.capacity(row) {
            Some(capacity) => Ok((name, amount / float(capacity))),
            None => Err(format!("elb_capacity/{row}")),
        };
        let a_second = |count: f64| count * weight.factor / weight.seconds;
        let bytes = a_second(self.counted(stage, "processed_bytes", weight.hour)) * 3600.0;
        let gb = bytes / self.costing.conventions.lcu_gb_bytes as f64;
        let (opened, open) = self.connections(stage, caller, weight);
        if kind == "nlb" {
            let (protocol, [new, active, bytes]) = match self.number(stage, "tls") > 0.0 {
                true => ("tls", ["new TLS connections", "active TLS connections", "bytes over TLS"]),
                false => ("tcp", ["new TCP connections", "active TCP connections", "bytes over TCP"]),
            };
            let row = |what: &str| format!("nlcu_{protocol}_{what}");
            return [
                units(new, opened, &row("new_per_s")),
                units(active, open, &row("active")),
                units(bytes, gb, &row("gb_per_hour")),
            ]
            .into_iter()
            .collect();
        }
        let targets = if self.number(stage, "lambda_targets") > 0.0 { "lambda" } else { "ec2_ip" };
        let mutual = if self.number(stage, "alb_trust_store_hour") > 0.0 { "_mutual_tls" } else { "" };
        let rules = (self.number(stage, "rules") - FREE_RULES).max(0.0);
        let evaluations = rules * a_second(self.counted(stage, "request", weight.hour));
        [
            units("new connections", opened, "lcu_new_connections_per_s"),
            units("active connections", open, &format!("lcu_active_connections_per_min{mutual}")),
            units("bytes", gb, &format!("lcu_gb_per_hour_{targets}")),
            units("rule evaluations", evaluations, "lcu_rule_evaluations_per_s"),
        ]
        .into_iter()
        .collect()
    }

    /// Connections opened a second and open at the same time, as a balancer sees them in an hour.
    fn connections(&self, stage: &str, caller: Option<&str>, weight: &Weight) -> (f64, f64) {
        if let Some(requests) = self.costing.requests_per_connection {
            // An NLB counts no requests: what comes to its caller comes to it.
            let counted = ["request", "rest_request", "http_request"].iter().find_map(|meter| {
                let stages = self.program.stages.iter().map(|stage| stage.name.as_str());
                let mut stages = std::iter::once(stage).chain(stages);
                stages.find(|stage| self.meter_index(stage, meter).is_some()).map(|stage| (stage, *meter))
            });
            let count = counted
                .map_or(self.run.offered as f64 / self.measured.as_secs_f64() * weight.seconds, |(stage, meter)| {
                    self.counted(stage, meter, weight.hour)
                });
            let opened = count * weight.factor / weight.seconds / requests;
            return (opened, opened * self.costing.connection_time.as_secs_f64());
        }
        let Some(caller) = caller else { return (0.0, 0.0) };
        let opened = self.counted(caller, "new_connection", weight.hour) * weight.factor / weight.seconds;
        let name = format!("{caller}.connections");
        let resource =
            self.run.resources.iter().find(|known| known.kind == ResourceKind::Connections && known.name == name);
        let open = resource.map_or(0.0, |known| match known.open.get(weight.hour) {
            Some(open) => *open as f64 / (weight.seconds * 1e9),
            None => (known.busy.iter().sum::<u64>() + known.kept) as f64 / self.measured.0 as f64,
        });
        let open = open * weight.factor;
        (opened, open)
    }
}
