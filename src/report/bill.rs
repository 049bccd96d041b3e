//! A bill, and a price book, as text, CSV and JSON.

use super::number;
use crate::pricing::book::{GLOBAL, day};
use crate::pricing::{Bill, Book, Conventions, Decimal, Line, Price, money};
use crate::program::Grade;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Days after which a price should be read again.
const OLD: u32 = 365;

/// Columns of a bill as CSV.
pub const COLUMNS: [&str; 11] =
    ["service", "item", "region", "quantity", "unit", "free", "tiers", "usd", "binding", "price_date", "grade"];

/// A table for people: left or right aligned columns, two spaces between them.
#[derive(Debug)]
pub struct Aligned {
    right: &'static [bool],
    rows: Vec<Vec<String>>,
}

impl Aligned {
    /// A table whose columns are aligned to the right where `right` says so.
    pub fn new(right: &'static [bool]) -> Aligned {
        Aligned { right, rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// The lines, without spaces at their ends.
    pub fn text(&self) -> String {
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.right.len()).map(width).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).zip(self.right).map(|((cell, width), right)| match right {
                true => format!("{cell:>width$}"),
                false => format!("{cell:<width$}"),
            });
            format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
        };
        self.rows.iter().map(line).collect()
    }
}

/// The bill as people read it: the largest lines first, then the total and what to be careful about. `today` is a day as
/// [`day`] counts them.
pub fn table(name: &str, pack: &str, bill: &Bill, conventions: &Conventions, today: u32) -> String {
    let mut lines: Vec<&Line> = bill.lines.iter().collect();
    lines.sort_by(|a, b| b.usd.cmp(&a.usd).then_with(|| a.key.cmp(&b.key)));
    let mut grid = Aligned::new(&[true, false, false, true, false, false]);
    grid.row(["USD", "item", "region", "quantity", "unit", "tiers"].map(str::to_owned));
    for line in lines {
        let item = format!("{}/{}", line.key.service, line.key.item);
        let quantity = money::grouped(line.quantity.round_dp(6).normalize());
        grid.row([money::usd(line.usd), item, line.key.region.clone(), quantity, line.unit.clone(), short_split(line)]);
    }
    grid.row([money::usd(bill.total()), "total".into(), String::new(), String::new(), String::new(), String::new()]);
    let mut out = format!("{name}  prices {pack}, {}\n\n{}", conventions.describe(), grid.text());
    let warnings = warnings(bill, today);
    if !warnings.is_empty() {
        out.push('\n');
    }
    for warning in warnings {
        out.push_str(&format!("warning: {warning}\n"));
    }
    out
}

/// The tier split with grouped digits.
fn short_split(line: &Line) -> String {
    let tier = |tier: &crate::pricing::bill::Split| {
        format!("{} x {}", money::grouped(tier.quantity.round_dp(6).normalize()), money::plain(tier.usd_per_unit))
    };
    let free = (!line.free.is_zero()).then(|| format!("{} free", money::grouped(line.free.round_dp(6).normalize())));
    free.into_iter().chain(line.tiers.iter().map(tier)).collect::<Vec<_>>().join(" + ")
}

/// What to be careful about: prices older than a year, without a date, or of grade C and below.
pub fn warnings(bill: &Bill, today: u32) -> Vec<String> {
    let mut warnings = Vec::new();
    for line in &bill.lines {
        let mut reasons = Vec::new();
        match day(&line.date) {
            Some(date) if today.saturating_sub(date) > OLD => reasons.push(format!("is of {}", line.date)),
            None if line.grade.is_some() => reasons.push("has no date".to_owned()),
            _ => {}
        }
        if let Some(grade) = line.grade.filter(|grade| *grade >= Grade::C) {
            reasons.push(format!("is of grade {grade}"));
        }
        if !reasons.is_empty() && !line.usd.is_zero() {
            warnings.push(format!("the price of {} {}: check it", line.key, reasons.join(" and ")));
        }
    }
    warnings
}

/// The bill as JSON: `total_usd` to the cent, `total_usd_exact` as text, and the lines.
pub fn json(pack: &str, bill: &Bill, conventions: &Conventions, today: u32) -> Value {
    let line = |line: &Line| {
        let split = line.tiers.iter().map(
            |tier| json!({"quantity": money::plain(tier.quantity), "usd_per_unit": money::plain(tier.usd_per_unit)}),
        );
        json!({
            "service": line.key.service,
            "item": line.key.item,
            "region": line.key.region,
            "quantity": money::plain(line.quantity),
            "unit": line.unit,
            "free": money::plain(line.free),
            "tiers": split.collect::<Vec<_>>(),
            "usd": float(line.cents()),
            "usd_exact": money::plain(line.usd),
            "binding": line.binding,
            "price_date": line.date,
            "grade": line.grade.map(|grade| grade.to_string()),
        })
    };
    json!({
        "total_usd": float(money::cents(bill.total())),
        "total_usd_exact": money::plain(bill.total()),
        "prices": pack,
        "conventions": {
            "hours_per_month": float(conventions.hours_per_month),
            "gb_bytes": conventions.gb_bytes,
            "lcu_gb_bytes": conventions.lcu_gb_bytes,
            "free_tier": conventions.free_tier.name(),
        },
        "lines": bill.lines.iter().map(line).collect::<Vec<_>>(),
        "warnings": warnings(bill, today),
    })
}

/// The bill as CSV, with a header, exact and in the order of use.
pub fn csv(bill: &Bill) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let line = |line: &Line| {
        [
            line.key.service.clone(),
            line.key.item.clone(),
            line.key.region.clone(),
            money::plain(line.quantity),
            line.unit.clone(),
            money::plain(line.free),
            line.split(),
            line.cents().to_string(),
            line.binding.clone().unwrap_or_default(),
            line.date.clone(),
            line.grade.map(|grade| grade.to_string()).unwrap_or_default(),
        ]
    };
    let rows = bill.lines.iter().map(line);
    for row in std::iter::once(COLUMNS.map(str::to_owned)).chain(rows) {
        // Writing to memory cannot fail, and every row is as long as the header.
        let written = writer.write_record(&row);
        debug_assert!(written.is_ok(), "{written:?}");
    }
    writer.into_inner().unwrap_or_default()
}

/// A decimal as a number of JSON, nearest to it.
pub fn float(value: Decimal) -> f64 {
    money::plain(value).parse().unwrap_or(f64::NAN)
}

/// Prices whose service, item, region, unit or note hold all the words.
pub fn search<'a>(book: &'a Book, words: &[String]) -> Vec<&'a Price> {
    let holds = |price: &&Price| {
        let notes = price.tiers.iter().map(|tier| tier.note.as_str()).collect::<Vec<_>>().join(" ");
        let all = format!("{} {} {} {} {notes}", price.key.service, price.key.item, price.key.region, price.unit);
        let all = all.to_lowercase();
        words.iter().all(|word| all.contains(&word.to_lowercase()))
    };
    book.prices().filter(holds).collect()
}

/// Prices as a list for people.
pub fn list(prices: &[&Price]) -> String {
    let mut grid = Aligned::new(&[false, false, true, false, true, false, false]);
    grid.row(["item", "region", "from", "unit", "USD", "date", "grade"].map(str::to_owned));
    for price in prices {
        for (index, tier) in price.tiers.iter().enumerate() {
            let first = index == 0;
            let name = if first { format!("{}/{}", price.key.service, price.key.item) } else { String::new() };
            let region = if first { price.key.region.clone() } else { String::new() };
            let from = money::grouped(tier.from);
            let usd = money::plain(tier.usd);
            grid.row([name, region, from, price.unit.clone(), usd, tier.date.clone(), tier.grade.to_string()]);
        }
    }
    grid.text()
}

/// Prices as JSON.
pub fn list_json(prices: &[&Price]) -> Value {
    let rows = prices.iter().flat_map(|price| {
        price.tiers.iter().map(|tier| {
            json!({
                "service": price.key.service,
                "item": price.key.item,
                "region": price.key.region,
                "tier_from": money::plain(tier.from),
                "tier_to": tier.to.map(money::plain),
                "unit": price.unit,
                "usd": money::plain(tier.usd),
                "date": tier.date,
                "source": tier.source,
                "grade": tier.grade.to_string(),
                "note": tier.note,
            })
        })
    });
    Value::Array(rows.collect())
}

/// Prices as rows of a book.
pub fn list_csv(prices: &[&Price]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let rows = prices.iter().flat_map(|price| {
        price.tiers.iter().map(|tier| {
            let to = tier.to.map(money::plain).unwrap_or_default();
            let (from, usd, grade) = (money::plain(tier.from), money::plain(tier.usd), tier.grade.to_string());
            let key = &price.key;
            [
                &key.service,
                &key.item,
                &key.region,
                &from,
                &to,
                &price.unit,
                &usd,
                &tier.date,
                &tier.source,
                &grade,
                &tier.note,
            ]
            .map(String::clone)
        })
    });
    for row in std::iter::once(crate::pricing::book::COLUMNS.map(str::to_owned)).chain(rows) {
        // Writing to memory cannot fail, and every row is as long as the header.
        let written = writer.write_record(&row);
        debug_assert!(written.is_ok(), "{written:?}");
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

/// What is weak about a book: rows by grade, old rows, rows without a date, and gaps: tiers that end, and items that have
/// a price in some regions and not in others.
pub fn check(book: &Book, today: u32) -> String {
    let tiers: Vec<(&Price, &crate::pricing::Tier)> =
        book.prices().flat_map(|price| price.tiers.iter().map(move |tier| (price, tier))).collect();
    let of = |grade: Grade| tiers.iter().filter(|(_, tier)| tier.grade == grade).count();
    let mut out = format!(
        "{} prices, {} rows: {} of grade A, {} B, {} C, {} D\n",
        book.prices().count(),
        tiers.len(),
        of(Grade::A),
        of(Grade::B),
        of(Grade::C),
        of(Grade::D)
    );
    let mut group = |title: &str, found: &mut dyn Iterator<Item = String>| {
        let found: BTreeSet<String> = found.collect();
        if !found.is_empty() {
            out.push_str(&format!("\n{title}\n"));
            found.iter().for_each(|line| out.push_str(&format!("  {line}\n")));
        }
    };
    let name = |price: &Price| price.key.to_string();
    group(
        "older than a year",
        &mut tiers.iter().filter(|(_, tier)| tier.age(today).is_some_and(|age| age > OLD)).map(|(price, tier)| {
            let years = number::fixed(f64::from(tier.age(today).unwrap_or(0)) / 365.0, 1);
            format!("{} ({}, {years} years)", name(price), tier.date)
        }),
    );
    let undated = tiers.iter().filter(|(_, tier)| day(&tier.date).is_none());
    group("without a date", &mut undated.map(|(price, _)| name(price)));
    let weak = tiers.iter().filter(|(_, tier)| tier.grade >= Grade::C);
    group("grade C or D", &mut weak.map(|(price, tier)| format!("{}: {}", name(price), tier.note)));
    let ending = book.prices().filter_map(|price| Some((price, price.end()?)));
    group(
        "no price beyond",
        &mut ending.map(|(price, end)| format!("{}: {} {}", name(price), money::grouped(end), price.unit)),
    );
    group("without a price in a region of the book", &mut gaps(book).into_iter());
    out
}

/// Items that have a price in one of the regions with many prices, and none in another of them.
fn gaps(book: &Book) -> Vec<String> {
    // A region counts when the book covers at least so many items of it.
    const COVERED: usize = 6;
    let mut items: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    let mut regions: BTreeMap<&str, usize> = BTreeMap::new();
    for price in book.prices().filter(|price| price.key.region != GLOBAL) {
        items.entry((&price.key.service, &price.key.item)).or_default().insert(&price.key.region);
        *regions.entry(&price.key.region).or_default() += 1;
    }
    let covered: Vec<&str> =
        regions.iter().filter(|(_, count)| **count >= COVERED).map(|(region, _)| *region).collect();
    let covered: Vec<&str> = covered.into_iter().filter(|region| !region.starts_with("cf-")).collect();
    let mut gaps = Vec::new();
    for ((service, item), known) in
        items.iter().filter(|(_, known)| known.iter().any(|region| covered.contains(region)))
    {
        let without: Vec<&str> = covered.iter().copied().filter(|region| !known.contains(region)).collect();
        if !without.is_empty() {
            gaps.push(format!("{service}/{item}: {}", without.join(", ")));
        }
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pricing::{Key, Usage, bill};

    fn book() -> &'static Book {
        Book::pack("aws-2026-11").expect("a good book")
    }

    fn example() -> Bill {
        let used = |service: &str, item: &str, region: &str, quantity: &str| Usage {
            key: Key::new(service, item, region),
            quantity: money::parse(quantity).expect("a number"),
            resource: String::new(),
            binding: None,
        };
        let usage = [
            used("elb", "alb_hour", "us-east-1", "730"),
            used("apigateway", "http_request", "us-east-1", "432000000"),
            used("elb", "alb_trust_store_hour", "us-east-1", "730"),
        ];
        bill(&usage, book(), &Conventions::default()).expect("priced")
    }

    #[test]
    fn the_bill_shows_the_dearest_line_first_and_warns_of_weak_prices() {
        insta::assert_snapshot!(
            table("usage.csv", "aws-2026-11", &example(), &Conventions::default(), day("2026-11-20").unwrap()),
            @r"
            usage.csv  prices aws-2026-11, 730 h a month, GB of 2^30 bytes (10^9 for LCU), free tier: none

               USD  item                      region        quantity  unit           tiers
            418.80  apigateway/http_request   us-east-1  432,000,000  request_512kb  300,000,000 x 0.000001 + 132,000,000 x 0.0000009
             16.43  elb/alb_hour              us-east-1          730  hour           730 x 0.0225
              4.09  elb/alb_trust_store_hour  us-east-1          730  hour           730 x 0.0056
            439.31  total

            warning: the price of apigateway/http_request in us-east-1 is of 2025-11-02: check it
            warning: the price of elb/alb_trust_store_hour in us-east-1 has no date and is of grade C: check it
            "
        );
    }

    #[test]
    fn the_same_numbers_are_in_json_and_csv() {
        let document = json("aws-2026-11", &example(), &Conventions::default(), 0);
        assert_eq!(document["total_usd"], 439.31);
        assert_eq!(document["lines"][1]["usd"], 418.8);
        assert_eq!(document["lines"][1]["tiers"][1]["usd_per_unit"], "0.0000009");
        let text = String::from_utf8(csv(&example())).unwrap();
        assert!(text.starts_with("service,item,region,quantity,unit,free,tiers,usd,binding,price_date,grade\n"));
        assert!(text.contains("apigateway,http_request,us-east-1,432000000,request_512kb,0,300000000 x 0.000001 + 132000000 x 0.0000009,418.80,,2025-11-02,A"), "{text}");
    }

    #[test]
    fn a_search_needs_all_words() {
        let found = |words: &[&str]| search(book(), &words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(found(&["rest_request", "EU-WEST"]).len(), 1);
        assert!(found(&["rest_request", "nowhere"]).is_empty());
    }

    #[test]
    fn a_check_finds_old_rows_weak_rows_and_gaps() {
        let text = check(book(), day("2026-11-20").unwrap());
        for part in [
            "older than a year\n",
            "nat/nat_gateway_hour: ap-northeast-1",
            "datatransfer/internet_out_gb in us-east-1: 153,600 GB",
            "elb/alb_lcu_hour in ap-northeast-1",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }
}
