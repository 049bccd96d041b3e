//! A price book: what one unit of everything costs in each region, by tiers, each row with its source, date and grade.
//!
//! A book is a CSV file with the columns service, item, region, tier_from, tier_to, unit, usd, date, source, grade, note.
//! The rows of one service, item and region are the tiers of one price. Two kinds of rows are no prices and cannot be
//! billed: *capacities* (what one unit of a load balancer covers) and *allowances* (what is free in a month).

use super::money::{self, Decimal};
use crate::diagnostic::nearest;
use crate::program::Grade;
use crate::rows;
use crate::time::Span;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

/// Books that are compiled in, by data pack: name of the pack, name of the file, text.
const BOOKS: &[(&str, &str, &str)] =
    &[("aws-2026-11", "data/aws-2026-11/prices.csv", include_str!("../../data/aws-2026-11/prices.csv"))];

/// Columns of a book, in this order.
pub const COLUMNS: [&str; 11] =
    ["service", "item", "region", "tier_from", "tier_to", "unit", "usd", "date", "source", "grade", "note"];

/// The region of a price that holds everywhere.
pub const GLOBAL: &str = "global";

/// The unit of rows that tell what one unit of capacity covers.
const CAPACITY: &str = "span_of_one_unit";

/// What a price is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Service, such as `apigateway`.
    pub service: String,
    /// Item, such as `rest_request`.
    pub item: String,
    /// Region, class of edge locations (`cf-us`) or `global`.
    pub region: String,
}

impl Key {
    /// A key from its parts.
    pub fn new(service: &str, item: &str, region: &str) -> Key {
        Key { service: service.to_owned(), item: item.to_owned(), region: region.to_owned() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} in {}", self.service, self.item, self.region)
    }
}

/// What units from one edge to another cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// Units before it.
    pub from: Decimal,
    /// Units up to its end; nothing means without end.
    pub to: Option<Decimal>,
    /// USD of one unit.
    pub usd: Decimal,
    /// Day, month or year the price was published or read, or `undated`.
    pub date: String,
    /// Publication.
    pub source: String,
    /// How far it can be trusted.
    pub grade: Grade,
    /// Conditions.
    pub note: String,
}

/// A price: tiers without gaps between them, the lowest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// What it is of.
    pub key: Key,
    /// Unit that quantities are counted in.
    pub unit: String,
    /// The tiers, at least one.
    pub tiers: Vec<Tier>,
}

/// The whole book.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    prices: BTreeMap<Key, Price>,
    allowances: BTreeMap<Key, Price>,
    capacities: BTreeMap<String, Decimal>,
}

/// A row of a book that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct BookError {
    /// Name of the file.
    pub file: String,
    /// Line, counted from 1.
    pub line: u64,
    /// What is wrong.
    pub message: String,
}

/// Which part of a key the book does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The service.
    Service,
    /// The item of this service.
    Item,
    /// The region of this item.
    Region,
    /// The quantity: beyond the last tier, negative, or too large.
    Quantity,
}

/// A price the book does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Missing {
    /// Which part of the key is not there.
    pub field: Field,
    /// What is wrong, naming the row.
    pub message: String,
    /// The most similar word there is.
    pub near: Option<String>,
    /// What there is, in order.
    pub known: Vec<String>,
}

impl Book {
    /// The book of a data pack.
    ///
    /// # Errors
    /// There is no such pack, or every row that cannot be used.
    pub fn pack(name: &str) -> Result<&'static Book, Vec<BookError>> {
        static READ: [OnceLock<Result<Book, Vec<BookError>>>; BOOKS.len()] = [const { OnceLock::new() }; BOOKS.len()];
        let Some(index) = BOOKS.iter().position(|(pack, ..)| *pack == name) else {
            let known: Vec<String> = BOOKS.iter().map(|(pack, ..)| format!("`{pack}`")).collect();
            let message = format!("no data pack of this name has prices; there is {}", known.join(", "));
            return Err(vec![BookError { file: name.to_owned(), line: 0, message }]);
        };
        let (_, file, text) = BOOKS[index];
        READ[index].get_or_init(|| Book::read(file, text)).as_ref().map_err(Clone::clone)
    }

    /// The book of a data pack as it is written; nothing when there is no such pack.
    pub fn text(name: &str) -> Option<&'static str> {
        BOOKS.iter().find(|(pack, ..)| *pack == name).map(|(_, _, text)| *text)
    }

    /// Reads a book.
    ///
    /// # Errors
    /// Every row that cannot be used, and every price whose tiers leave gaps, with file and line.
    pub fn read(file: &str, text: &str) -> Result<Book, Vec<BookError>> {
        let mut book = Book::default();
        let error = |(line, message)| BookError { file: file.to_owned(), line, message };
        match rows::read(text, &COLUMNS, |row| book.add(row)) {
            Ok(()) => Ok(book),
            Err(problems) => Err(problems.into_iter().map(error).collect()),
        }
    }

    fn add(&mut self, record: &csv::StringRecord) -> Result<(), String> {
        let text = |column: usize| record.get(column).unwrap_or_default().trim();
        let given = |column: usize| match text(column) {
            "" => Err(format!("a price needs its {}", COLUMNS[column])),
            text => Ok(text),
        };
        let number = |column: usize, most: Decimal| {
            let text = given(column)?;
            let number = money::parse(text).filter(|number| (Decimal::ZERO..=most).contains(number));
            number.ok_or_else(|| format!("`{text}` is no {}; expected a number from 0 to {most}", COLUMNS[column]))
        };
        let key = Key::new(given(0)?, given(1)?, given(2)?);
        let unit = given(5)?;
        let to = if text(4).is_empty() { None } else { Some(number(4, money::MOST)?) };
        if unit == CAPACITY {
            let capacity = to.filter(|capacity| !capacity.is_zero()).ok_or("a capacity needs its tier_to")?;
            self.capacities.insert(key.item, capacity);
            return Ok(());
        }
        let tier = Tier {
            from: number(3, money::MOST)?,
            to,
            usd: number(6, money::DEAREST)?,
            date: given(7)?.to_owned(),
            source: given(8)?.to_owned(),
            grade: grade(given(9)?)?,
            note: text(10).to_owned(),
        };
        if tier.to.is_some_and(|to| to <= tier.from) {
            return Err(format!("the tier of {key} ends before it begins"));
        }
        let rows = if is_allowance(&key.item) { &mut self.allowances } else { &mut self.prices };
        let price = rows.entry(key.clone());
        let price = price.or_insert_with(|| Price { key, unit: unit.to_owned(), tiers: Vec::new() });
        match price.tiers.last() {
            Some(last) if last.to != Some(tier.from) => {
                return Err(format!("the tiers of {} leave a gap or overlap at {}", price.key, tier.from));
            }
            Some(_) if price.unit != unit => {
                return Err(format!("the tiers of {} have two units, {} and {unit}", price.key, price.unit));
            }
            _ => price.tiers.push(tier),
        }
        Ok(())
    }

    /// All prices in order of their keys.
    pub fn prices(&self) -> impl Iterator<Item = &Price> {
        self.prices.values()
    }

    /// What is free in a month, in order of the keys.
    pub fn allowances(&self) -> impl Iterator<Item = &Price> {
        self.allowances.values()
    }

    /// The free quantity of an allowance; nothing when the book has none.
    pub fn allowance(&self, service: &str, item: &str) -> Option<Decimal> {
        self.allowances.get(&Key::new(service, item, GLOBAL))?.tiers.first()?.to
    }

    /// What one unit of a load balancer covers, by the item of `elb_capacity`.
    pub fn capacity(&self, item: &str) -> Option<Decimal> {
        self.capacities.get(item).copied()
    }

    /// The price of an item in a region, or the one that holds everywhere.
    ///
    /// # Errors
    /// There is none; the error names the part of the key that is not there, the nearest word and what there is.
    pub fn price(&self, service: &str, item: &str, region: &str) -> Result<&Price, Missing> {
        let key = Key::new(service, item, region);
        let everywhere = Key { region: GLOBAL.to_owned(), ..key.clone() };
        self.prices.get(&key).or_else(|| self.prices.get(&everywhere)).ok_or_else(|| self.missing(&key))
    }

    fn missing(&self, key: &Key) -> Missing {
        let Key { service, item, region } = key;
        let of_service = || self.prices.keys().filter(|known| known.service == *service);
        let (field, word, known): (_, _, Vec<&str>) = if of_service().next().is_none() {
            (Field::Service, service, self.prices.keys().map(|known| known.service.as_str()).collect())
        } else {
            let of_item: Vec<&str> =
                of_service().filter(|known| known.item == *item).map(|known| known.region.as_str()).collect();
            match of_item.is_empty() {
                true => (Field::Item, item, of_service().map(|known| known.item.as_str()).collect()),
                false => (Field::Region, region, of_item),
            }
        };
        let free = self.allowances.keys().any(|known| known.service == *service && known.item == *item);
        let message = match field {
            _ if free => format!("{service}/{item} is a free allowance, not something that is billed"),
            Field::Service => format!("the price book has no service `{service}`"),
            Field::Item => format!("the price book has no item `{item}` of {service}"),
            _ => format!("the price book has no price of {service}/{item} in `{region}`"),
        };
        let mut known: Vec<String> = known.into_iter().map(str::to_owned).collect();
        known.dedup();
        let near = nearest(word, known.iter().map(String::as_str)).map(str::to_owned);
        Missing { field, message, near, known }
    }
}

/// Items of rows that tell what is free in a month.
fn is_allowance(item: &str) -> bool {
    item.starts_with("free_tier_") || item == "internet_out_free_gb"
}

fn grade(text: &str) -> Result<Grade, String> {
    match text {
        "A" => Ok(Grade::A),
        "B" => Ok(Grade::B),
        "C" => Ok(Grade::C),
        "D" => Ok(Grade::D),
        other => Err(format!("`{other}` is not a grade; expected A, B, C or D")),
    }
}

/// Days since the year 0 of a date `YYYY`, `YYYY-MM` or `YYYY-MM-DD` (its first day where it says no more), in months of
/// 30.4 days: for ages in years, not for calendars. Nothing for a text that holds no date.
pub fn day(date: &str) -> Option<u32> {
    let date = date.split_whitespace().next()?;
    let mut parts = date.split('-').map(|part| part.parse::<u32>().ok());
    let year = parts.next()?.filter(|year| (1990..=2200).contains(year))?;
    let month = parts.next().unwrap_or(Some(1))?.clamp(1, 12);
    let day = parts.next().unwrap_or(Some(1))?.clamp(1, 31);
    Some(year * 365 + (month - 1) * 304 / 10 + day - 1)
}

impl Tier {
    /// Days from its date to `today`; nothing when it has no date.
    pub fn age(&self, today: u32) -> Option<u32> {
        Some(today.saturating_sub(day(&self.date)?))
    }
}

impl Price {
    /// The shortest time that something priced by the hour is paid for, as the note of the price says it: `per second, 1 min
    /// minimum`.
    pub fn minimum(&self) -> Span {
        let words: Vec<&str> = self.tiers.first().map_or("", |tier| &tier.note).split([' ', ',', ';']).collect();
        let minutes = words.windows(3).find(|words| words[1..] == ["min", "minimum"]);
        minutes.and_then(|words| words[0].parse().ok()).map_or(Span::ZERO, |minutes: u64| Span::from_secs(60 * minutes))
    }

    /// The last unit the book has a price of; nothing means without end.
    pub fn end(&self) -> Option<Decimal> {
        self.tiers.last().and_then(|tier| tier.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(rows: &str) -> Result<Book, Vec<BookError>> {
        Book::read("test.csv", &format!("{}\n{rows}", COLUMNS.join(",")))
    }

    fn refusal(rows: &str) -> String {
        read(rows).expect_err("refused").iter().map(BookError::to_string).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn the_book_of_every_pack_is_good() {
        for (pack, ..) in BOOKS {
            let book = Book::pack(pack).expect("a good book");
            assert!(book.prices().count() > 250, "{pack}");
            assert_eq!(book.capacity("lcu_new_connections_per_s"), money::parse("25"));
            assert_eq!(book.allowance("lambda", "free_tier_requests"), money::parse("1000000"));
        }
        assert!(Book::pack("aws-2020-01").expect_err("unknown")[0].message.contains("aws-2026-11"));
    }

    #[test]
    fn rows_that_cannot_be_used_are_refused_with_their_line() {
        assert_eq!(refusal("a,b,r,0,,h,1,2026,,A,\n"), "test.csv:2: a price needs its source");
        assert_eq!(
            refusal("a,b,r,0,,h,-1,2026,s,A,\n"),
            "test.csv:2: `-1` is no usd; expected a number from 0 to 1000000"
        );
        assert_eq!(refusal("a,b,r,0,,h,1,2026,s,E,\n"), "test.csv:2: `E` is not a grade; expected A, B, C or D");
        assert_eq!(refusal("a,b\n"), "test.csv:2: expected 11 columns");
        let gap = "a,b,r,0,5,h,1,2026,s,A,\na,b,r,6,,h,1,2026,s,A,\n";
        assert_eq!(refusal(gap), "test.csv:3: the tiers of a/b in r leave a gap or overlap at 6");
        let twice = "a,b,r,0,,h,1,2026,s,A,\na,b,r,0,,h,1,2026,s,A,\n";
        assert_eq!(refusal(twice), "test.csv:3: the tiers of a/b in r leave a gap or overlap at 0");
    }

    #[test]
    fn a_price_that_is_missing_names_the_part_that_is_wrong_and_the_nearest() {
        let book = Book::pack("aws-2026-11").expect("a good book");
        let missing = |service, item, region| book.price(service, item, region).expect_err("missing");
        let service = missing("lamda", "request", "us-east-1");
        assert_eq!((service.field, service.near.as_deref()), (Field::Service, Some("lambda")));
        let item = missing("lambda", "requests", "us-east-1");
        assert_eq!((item.field, item.near.as_deref()), (Field::Item, Some("request")));
        let region = missing("apigateway", "rest_request", "ap-southeast-2");
        assert_eq!(region.message, "the price book has no price of apigateway/rest_request in `ap-southeast-2`");
        assert_eq!(region.known, ["eu-west-1", "us-east-1"]);
        let free = missing("lambda", "free_tier_requests", "global");
        assert!(free.message.contains("free allowance"), "{free}");
    }

    #[test]
    fn the_shortest_time_that_is_paid_is_read_from_the_note() {
        let book = Book::pack("aws-2026-11").expect("a good book");
        let minimum = |service, item| book.price(service, item, "us-east-1").expect("a price").minimum();
        assert_eq!(minimum("fargate", "x86_vcpu_hour"), Span::from_secs(60));
        assert_eq!(minimum("rds", "postgres_single_az_db.r6g.large_hour"), Span::from_secs(600));
        assert_eq!(minimum("elb", "alb_hour"), Span::ZERO);
    }

    #[test]
    fn what_holds_everywhere_is_found_in_every_region() {
        let book = Book::pack("aws-2026-11").expect("a good book");
        assert!(book.price("waf", "request", "eu-west-1").is_ok());
        assert!(book.price("elb", "nlb_nlcu_hour", "eu-west-1").is_err(), "no region stands for another");
    }

    #[test]
    fn dates_have_an_order_and_texts_without_one_have_none() {
        assert!(day("2024-07-01") < day("2024-10"));
        assert!(day("2026") < day("2026-04"));
        assert_eq!(day("2025-11-02").zip(day("2026-11-02")).map(|(from, to)| to - from), Some(365));
        assert_eq!(day("undated"), None);
        assert_eq!(day(""), None);
    }
}
