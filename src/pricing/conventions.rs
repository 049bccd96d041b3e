//! What a bill takes for granted: the length of a month, the size of a gigabyte, what is free, what else is in a tier.

use super::book::Key;
use super::money::{self, Decimal};
use std::collections::BTreeMap;

/// What is free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FreeTier {
    /// Nothing.
    #[default]
    None,
    /// What is free for everyone in every month.
    AlwaysFree,
    /// That, and what accounts opened before 2025-07-15 had free in their first twelve months.
    Legacy12Months,
}

/// An allowance of the book and what it is taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Service of allowance and items.
    pub service: &'static str,
    /// Item of the row with the quantity.
    pub item: &'static str,
    /// Items it is taken off, pooled over all regions.
    pub covers: &'static [&'static str],
    /// Whether it is there for everyone.
    pub always: bool,
}

/// All allowances.
pub const ALLOWANCES: &[Allowance] = &[
    always("lambda", "free_tier_requests", &["request"]),
    always("lambda", "free_tier_gb_seconds", &["x86_gb_second", "arm_gb_second"]),
    always("cloudfront", "free_tier_gb", &["data_transfer_out_gb"]),
    always("cloudfront", "free_tier_requests", &["https_request", "http_request"]),
    always("datatransfer", "internet_out_free_gb", &["internet_out_gb"]),
    always("cloudwatch", "free_tier_logs_gb", &["logs_ingest_gb", "logs_storage_gb_month", "logs_insights_gb"]),
    always("cloudfront", "free_tier_functions", &["function_invocation"]),
    always("cloudwatch", "free_tier_metrics", &["custom_metric_month"]),
    always("cloudwatch", "free_tier_alarms", &["alarm_standard_month"]),
    always("cloudwatch", "free_tier_api_requests", &["put_metric_data_request"]),
    first_year("elb", "free_tier_lb_hours", &["alb_hour", "clb_hour"]),
    first_year("elb", "free_tier_lcu_hours", &["alb_lcu_hour"]),
    first_year("elb", "free_tier_clb_gb", &["clb_gb"]),
    first_year("apigateway", "free_tier_rest_requests", &["rest_request"]),
    first_year("apigateway", "free_tier_http_requests", &["http_request"]),
    first_year("apigateway", "free_tier_ws_messages", &["websocket_message"]),
    first_year("apigateway", "free_tier_ws_connection_minutes", &["websocket_connection_minute"]),
];

const fn always(service: &'static str, item: &'static str, covers: &'static [&'static str]) -> Allowance {
    Allowance { service, item, covers, always: true }
}

const fn first_year(service: &'static str, item: &'static str, covers: &'static [&'static str]) -> Allowance {
    Allowance { service, item, covers, always: false }
}

impl FreeTier {
    /// Whether an allowance applies.
    pub fn includes(self, allowance: &Allowance) -> bool {
        match self {
            FreeTier::None => false,
            FreeTier::AlwaysFree => allowance.always,
            FreeTier::Legacy12Months => true,
        }
    }

    /// Its name on the command line and in results.
    pub fn name(self) -> &'static str {
        match self {
            FreeTier::None => "none",
            FreeTier::AlwaysFree => "always-free",
            FreeTier::Legacy12Months => "legacy-12-months",
        }
    }
}

/// Conventions of a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conventions {
    /// Hours of a month: 730 as in the AWS Pricing Calculator, 720 as in the examples of the pricing pages.
    pub hours_per_month: Decimal,
    /// Bytes of a GB of transfer, endpoints, logs and memory: 2^30.
    pub gb_bytes: u64,
    /// Bytes of a GB of load balancer capacity: 10^9.
    pub lcu_gb_bytes: u64,
    /// What is free.
    pub free_tier: FreeTier,
    /// Usage of others in the same month, which has taken the first units of a tier (and of an allowance).
    pub already: BTreeMap<Key, Decimal>,
    /// Prices of the user's own, by service and item, instead of the book's or where it has none.
    pub prices: BTreeMap<(String, String), Own>,
}

/// A price of the user's own: USD of one unit, without tiers, in every region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// USD of one unit.
    pub usd: Decimal,
    /// What it is a price of; nothing means the unit of the book.
    pub unit: Option<String>,
    /// When it was read.
    pub date: Option<String>,
    /// Where it was read.
    pub source: Option<String>,
}

impl From<Decimal> for Own {
    fn from(usd: Decimal) -> Own {
        Own { usd, ..Own::default() }
    }
}

impl Own {
    /// What stands where a line shows the date of its price: `override`, and what the user says of its date and source.
    pub fn says(&self) -> String {
        let said = [self.date.as_deref(), self.source.as_deref()];
        let said: Vec<&str> = said.into_iter().flatten().collect();
        if said.is_empty() { "override".to_owned() } else { format!("override: {}", said.join(", ")) }
    }
}

impl Default for Conventions {
    fn default() -> Conventions {
        Conventions {
            hours_per_month: money::whole(730),
            gb_bytes: 1 << 30,
            lcu_gb_bytes: 1_000_000_000,
            free_tier: FreeTier::None,
            already: BTreeMap::new(),
            prices: BTreeMap::new(),
        }
    }
}

impl Conventions {
    /// Days of a month.
    pub fn days_per_month(&self) -> Decimal {
        self.hours_per_month / money::whole(24)
    }

    /// Bytes as GB of a meter.
    pub fn gb(&self, bytes: Decimal) -> Decimal {
        bytes / money::whole(self.gb_bytes)
    }

    /// The conventions in one line, for whoever reads the bill.
    pub fn describe(&self) -> String {
        let bytes = |bytes: u64| match bytes {
            1_073_741_824 => "2^30".to_owned(),
            1_000_000_000 => "10^9".to_owned(),
            other => other.to_string(),
        };
        format!(
            "{} h a month, GB of {} bytes ({} for LCU), free tier: {}",
            money::plain(self.hours_per_month),
            bytes(self.gb_bytes),
            bytes(self.lcu_gb_bytes),
            self.free_tier.name()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pricing::Book;

    #[test]
    fn every_allowance_is_in_the_book_and_covers_items_of_the_book() {
        let book = Book::pack("aws-2026-11").expect("a good book");
        for allowance in ALLOWANCES {
            assert!(book.allowance(allowance.service, allowance.item).is_some(), "{allowance:?}");
            for item in allowance.covers {
                let known =
                    book.prices().any(|price| price.key.service == allowance.service && price.key.item == *item);
                assert!(known, "{item}");
            }
        }
        for row in book.allowances() {
            assert!(ALLOWANCES.iter().any(|known| known.item == row.key.item), "{} is never applied", row.key);
        }
    }

    #[test]
    fn conventions_say_what_they_are() {
        let text = Conventions::default().describe();
        assert_eq!(text, "730 h a month, GB of 2^30 bytes (10^9 for LCU), free tier: none");
    }
}
