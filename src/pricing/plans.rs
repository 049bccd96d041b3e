//! Flat-rate plans of CloudFront: a price a month for a distribution with its web ACL, DNS and logs, without overage.
//!
//! What a plan allows stands in the note of its row: `10M requests, 50 TB; ...`.

use super::book::Book;
use super::money::{self, Decimal};

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its name, such as `pro` or `premium_500m`.
    pub name: String,
    /// USD a month.
    pub usd: Decimal,
    /// Requests of a month it is meant for.
    pub requests: Decimal,
    /// GB out of a month it is meant for.
    pub gb: Decimal,
}

/// All plans of a book, the cheapest first.
pub fn all(book: &Book) -> Vec<Plan> {
    let mut plans: Vec<Plan> = book
        .prices()
        .filter(|price| price.key.service == "cloudfront")
        .filter_map(|price| {
            let name = price.key.item.strip_prefix("flat_plan_")?.strip_suffix("_month")?.to_owned();
            let tier = price.tiers.first()?;
            let (requests, gb) = allowance(&tier.note)?;
            Some(Plan { name, usd: tier.usd, requests, gb })
        })
        .collect();
    plans.sort_by(|a, b| a.usd.cmp(&b.usd).then_with(|| a.name.cmp(&b.name)));
    plans
}

/// The cheapest plan for so many requests and GB in a month; nothing when there is none for so much.
pub fn cheapest(book: &Book, requests: Decimal, gb: Decimal) -> Option<Plan> {
    all(book).into_iter().find(|plan| requests <= plan.requests && gb <= plan.gb)
}

/// Requests and GB of a note such as `1.25B requests, 125 TB; ...`.
fn allowance(note: &str) -> Option<(Decimal, Decimal)> {
    let (requests, rest) = note.split_once(" requests, ")?;
    let split = requests.len().checked_sub(1)?;
    let unit = match requests.get(split..)? {
        "M" => 1_000_000,
        "B" => 1_000_000_000,
        _ => return None,
    };
    let (size, rest) = rest.split_once(' ')?;
    let gb = match rest.get(..2)? {
        "GB" => 1,
        "TB" => 1024,
        _ => return None,
    };
    Some((money::parse(&requests[..split])? * money::whole(unit), money::parse(size)? * money::whole(gb)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book() -> &'static Book {
        Book::pack("aws-2026-11").expect("a good book")
    }

    #[test]
    fn every_plan_of_the_book_is_read() {
        let rows = book().prices().filter(|price| price.key.item.starts_with("flat_plan_")).count();
        assert_eq!(all(book()).len(), rows);
        assert!(rows >= 9);
    }

    #[test]
    fn the_cheapest_plan_covers_requests_and_bytes() {
        let chosen =
            |requests: u64, gb: u64| cheapest(book(), money::whole(requests), money::whole(gb)).map(|plan| plan.name);
        assert_eq!(chosen(900_000, 90).as_deref(), Some("free"));
        assert_eq!(chosen(9_000_000, 20_000).as_deref(), Some("pro"));
        assert_eq!(chosen(900_000, 51_201).as_deref(), Some("premium_750m"));
        assert_eq!(chosen(7_000_000_000, 1), None);
    }
}
