//! Usage files: plain quantities to be priced, as CSV with the columns service, item, region, quantity, or as a JSON list
//! of objects with these keys. A column `resource` may say what used them; lines of CSV that begin with `#` are passed over.
//!
//! A quantity is a number in the unit of its price, or a number with another unit: `months` and `days` for what is priced
//! by the hour, `B` and the other units of size for what is priced by the GB.

use super::yaml;
use crate::diagnostic::{Problem, Problems, SourceSpan, Sources, nearest};
use crate::pricing::book::Field;
use crate::pricing::{Bill, Book, Conventions, Decimal, Key, Missing, Price, Usage, bill, money};
use crate::spec::{At, Node};

/// Largest file read, in bytes.
pub const MAX_BYTES: usize = yaml::MAX_BYTES;

/// What a row must have.
const COLUMNS: [&str; 4] = ["service", "item", "region", "quantity"];
/// What it may have.
const RESOURCE: &str = "resource";
/// Names listed beside a caret at most.
const LISTED: usize = 12;

/// Reads a usage file and prices it.
///
/// # Errors
/// Everything that is wrong with it, each at its place; nothing is left out of a bill, and nothing unknown costs nothing.
pub fn price(name: &str, bytes: &[u8], book: &Book, conventions: &Conventions) -> Result<Bill, (Problems, Sources)> {
    let (mut sources, mut problems) = (Sources::new(), Problems::new());
    let bill = read(name, bytes, &mut sources, &mut problems)
        .map(|rows| rows.iter().filter_map(|row| row.resolve(book, conventions, &mut problems)).collect::<Vec<_>>())
        .filter(|_| !problems.has_errors())
        .and_then(|resolved| priced(&resolved, book, conventions, &mut problems));
    problems.sort();
    bill.filter(|_| !problems.has_errors()).ok_or((problems, sources))
}

/// A row as written.
struct Row {
    fields: [At<String>; 4],
    resource: String,
}

fn priced(
    resolved: &[(Usage, SourceSpan)],
    book: &Book,
    conventions: &Conventions,
    problems: &mut Problems,
) -> Option<Bill> {
    let usage: Vec<Usage> = resolved.iter().map(|(usage, _)| usage.clone()).collect();
    let wrong = match bill(&usage, book, conventions) {
        Ok(bill) => return Some(bill),
        Err(wrong) => wrong,
    };
    for unpriced in wrong {
        let at = resolved.get(unpriced.index).map(|(_, at)| *at);
        problems.error(at, unpriced.missing.message).label("no price for so much");
    }
    None
}

impl Row {
    /// The quantity with its price; absent, with an error at the wrong field, when there is none.
    fn resolve(&self, book: &Book, conventions: &Conventions, problems: &mut Problems) -> Option<(Usage, SourceSpan)> {
        let [service, item, region, written] = &self.fields;
        let empty: Vec<&At<String>> = self.fields.iter().filter(|field| field.value.is_empty()).collect();
        if !empty.is_empty() {
            for field in empty {
                let column = self.fields.iter().position(|other| std::ptr::eq(other, field)).map_or("", |i| COLUMNS[i]);
                problems.error(field.span, format!("the {column} is missing")).label("expected something here");
            }
            return None;
        }
        let price = match book.price(&service.value, &item.value, &region.value) {
            Ok(price) => price,
            Err(missing) => {
                let at = match missing.field {
                    Field::Service => service.span,
                    Field::Item => item.span,
                    _ => region.span,
                };
                point(problems.error(at, missing.message.clone()), &missing);
                return None;
            }
        };
        let quantity = quantity(written, price, conventions, problems)?;
        let key = Key::new(&service.value, &item.value, &region.value);
        Some((Usage { key, quantity, resource: self.resource.clone(), binding: None }, written.span))
    }
}

/// The nearest word and what there is.
pub(super) fn point(problem: &mut Problem, missing: &Missing) {
    match &missing.near {
        Some(near) => problem.label(format!("did you mean `{near}`?")),
        None => problem.label("not in the price book"),
    };
    let listed = missing.known.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    let more = missing.known.len().saturating_sub(LISTED);
    problem.help(match more {
        0 => format!("there is: {listed}"),
        more => format!("there is: {listed}, and {more} more (`gatepath prices` lists them)"),
    });
}

/// A number in the unit of the price.
pub(super) fn quantity(
    written: &At<String>,
    price: &Price,
    conventions: &Conventions,
    problems: &mut Problems,
) -> Option<Decimal> {
    let text = written.value.trim();
    let split = text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len());
    let (digits, unit) = (&text[..split], text[split..].trim());
    let Some(number) = money::parse(digits) else {
        let problem = problems.error(written.span, format!("`{text}` is no quantity"));
        problem.label(format!("expected a number of {}, such as `1000000`, `14.3` or `1e6`", price.unit));
        return None;
    };
    let Some(scale) = scale(unit, &price.unit, conventions) else {
        let problem = problems.error(written.span, format!("`{unit}` is no unit of {}", price.key));
        problem.label(format!("expected {}", allowed(&price.unit)));
        return None;
    };
    let quantity = number.checked_mul(scale).unwrap_or(Decimal::MAX);
    if number < Decimal::ZERO || quantity > money::MOST {
        problems.error(written.span, format!("`{text}` is out of range")).label("expected from 0 to 1e18");
        return None;
    }
    Some(quantity)
}

/// Whether a unit of price is an hour of something.
pub(super) fn is_hourly(unit: &str) -> bool {
    unit == "hour" || unit.ends_with("_hour")
}

fn is_size(unit: &str) -> bool {
    unit == "GB" || unit.starts_with("GB_each") || unit == "GB_moved"
}

/// What one of a written unit is in the unit of the price.
fn scale(unit: &str, of_price: &str, conventions: &Conventions) -> Option<Decimal> {
    let bytes = |bytes: u64| conventions.gb(money::whole(bytes));
    match unit {
        "" => Some(Decimal::ONE),
        unit if unit == of_price => Some(Decimal::ONE),
        "h" | "hours" if is_hourly(of_price) => Some(Decimal::ONE),
        "day" | "days" if is_hourly(of_price) => Some(money::whole(24)),
        "month" | "months" if is_hourly(of_price) => Some(conventions.hours_per_month),
        "B" if is_size(of_price) => Some(bytes(1)),
        "KiB" if is_size(of_price) => Some(bytes(1 << 10)),
        "MiB" if is_size(of_price) => Some(bytes(1 << 20)),
        "GiB" if is_size(of_price) => Some(bytes(1 << 30)),
        "TiB" if is_size(of_price) => Some(bytes(1 << 40)),
        "KB" if is_size(of_price) => Some(bytes(1_000)),
        "MB" if is_size(of_price) => Some(bytes(1_000_000)),
        "TB" if is_size(of_price) => Some(bytes(1_000_000_000_000)),
        _ => None,
    }
}

fn allowed(of_price: &str) -> String {
    match of_price {
        unit if is_hourly(unit) => format!("a number alone ({unit}), or with `h`, `days` or `months`"),
        unit if is_size(unit) => {
            format!("a number alone ({unit}), or with `B`, `KiB`, `MiB`, `GiB`, `TiB`, `KB`, `MB`, `TB`")
        }
        unit => format!("a number alone ({unit})"),
    }
}

/// The rows of a file; absent when it cannot be read at all.
fn read(name: &str, bytes: &[u8], sources: &mut Sources, problems: &mut Problems) -> Option<Vec<Row>> {
    let json = bytes.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| matches!(byte, b'[' | b'{'));
    if json || name.ends_with(".json") {
        let root = yaml::parse_bytes(name, bytes, sources, problems)?;
        return Some(objects(&root, problems));
    }
    if bytes.len() > MAX_BYTES {
        problems.error(None, format!("`{name}` is too large: {} bytes", bytes.len()));
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            let file = sources.add(name, text);
            table(file, text, problems)
        }
        Err(error) => {
            problems.error(None, format!("`{name}` is not UTF-8 text: byte {}", error.valid_up_to()));
            None
        }
    }
}

/// Rows of a JSON document: a list of objects, or an object with the list under `usage` or `lines`.
fn objects(root: &Node, problems: &mut Problems) -> Vec<Row> {
    let list = root.get("usage").or_else(|| root.get("lines")).unwrap_or(root);
    let Some(items) = list.as_list() else {
        let problem = problems.error(list.span, "this is no list of quantities");
        problem.label("expected `[{\"service\": ..., \"item\": ..., \"region\": ..., \"quantity\": ...}]`");
        return Vec::new();
    };
    if items.is_empty() {
        problems.error(list.span, "there is nothing to price").label("expected at least one object");
    }
    items.iter().filter_map(|item| object(item, problems)).collect()
}

fn object(item: &Node, problems: &mut Problems) -> Option<Row> {
    let Some(entries) = item.as_map() else {
        let problem = problems.error(item.span, "this is no object");
        problem.label(format!("expected the keys {}", COLUMNS.join(", ")));
        return None;
    };
    let mut resource = String::new();
    let mut fields: [Option<At<String>>; 4] = Default::default();
    let before = problems.len();
    for entry in entries {
        let (key, value) = (entry.key.text.as_str(), entry.value.as_text().unwrap_or_default().trim().to_owned());
        match COLUMNS.iter().position(|column| *column == key) {
            Some(column) if fields[column].is_some() => {
                problems.error(entry.key.span, format!("`{key}` is written twice")).label("remove one of them");
            }
            Some(column) => fields[column] = Some(At { value, span: entry.value.span }),
            None if key == RESOURCE => resource = value,
            None => unknown(key, entry.key.span, problems),
        }
    }
    for (column, _) in COLUMNS.iter().zip(&fields).filter(|(_, field)| field.is_none()) {
        problems.error(item.span, format!("the {column} is missing")).label(format!("expected the key `{column}`"));
    }
    let [Some(service), Some(name), Some(region), Some(quantity)] = fields else { return None };
    (problems.len() == before).then_some(Row { fields: [service, name, region, quantity], resource })
}

fn unknown(title: &str, at: SourceSpan, problems: &mut Problems) {
    let problem = problems.error(at, format!("unknown column `{title}`"));
    match nearest(title, COLUMNS.into_iter().chain([RESOURCE])) {
        Some(near) => problem.label(format!("did you mean `{near}`?")),
        None => problem.label(format!("expected {}, or {RESOURCE}", COLUMNS.join(", "))),
    };
}

/// Rows of a CSV text.
fn table(file: u32, text: &str, problems: &mut Problems) -> Option<Vec<Row>> {
    let mut records = Records { file, text, at: if text.starts_with('\u{feff}') { 3 } else { 0 } };
    let Some(header) = records.next() else {
        let problem = problems.error(SourceSpan { file, start: 0, end: 0 }, "the file is empty");
        problem.label(format!("expected a header `{}` and rows", COLUMNS.join(",")));
        return None;
    };
    let before = problems.len();
    let place = |column: &str| header.iter().position(|title| title.value == column);
    for (index, title) in header.iter().enumerate() {
        if !COLUMNS.contains(&title.value.as_str()) && title.value != RESOURCE {
            unknown(&title.value, title.span, problems);
        } else if place(&title.value) != Some(index) {
            problems.error(title.span, format!("the column `{}` is there twice", title.value)).label("remove one");
        }
    }
    let whole = header.first()?.span.to(header.last()?.span);
    for column in COLUMNS.iter().filter(|column| place(column).is_none()) {
        let problem = problems.error(whole, format!("there is no column `{column}`"));
        problem.label(format!("expected the header `{}`", COLUMNS.join(",")));
    }
    let [Some(service), Some(item), Some(region), Some(quantity)] = COLUMNS.map(place) else { return None };
    if problems.len() > before {
        return None;
    }
    let mut rows = Vec::new();
    for record in records {
        if record.len() != header.len() {
            let at = record[0].span.to(record[record.len() - 1].span);
            let problem = problems.error(at, format!("this row has {} fields", record.len()));
            problem.label(format!("expected {}, as in the header", header.len()));
            continue;
        }
        let fields = [service, item, region, quantity].map(|place| record[place].clone());
        let resource = place(RESOURCE).map(|place| record[place].value.clone()).unwrap_or_default();
        rows.push(Row { fields, resource });
    }
    if rows.is_empty() && problems.len() == before {
        problems.error(whole, "there is nothing to price").label("expected rows after the header");
    }
    Some(rows)
}

/// Records of a CSV text (RFC 4180), each field with its place. Empty lines and lines that begin with `#` are passed over.
struct Records<'a> {
    file: u32,
    text: &'a str,
    at: usize,
}

impl Iterator for Records<'_> {
    type Item = Vec<At<String>>;

    fn next(&mut self) -> Option<Vec<At<String>>> {
        loop {
            let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
            let line = rest.lines().next().unwrap_or_default();
            if !line.trim().is_empty() && !line.starts_with('#') {
                return Some(self.record());
            }
            self.at += rest.find('\n').map_or(rest.len(), |newline| newline + 1);
        }
    }
}

impl Records<'_> {
    fn record(&mut self) -> Vec<At<String>> {
        let mut fields = Vec::new();
        loop {
            fields.push(self.field());
            match self.text.as_bytes().get(self.at) {
                Some(b',') => self.at += 1,
                _ => break,
            }
        }
        // The end of the line.
        let rest = &self.text[self.at..];
        self.at += rest.find('\n').map_or(rest.len(), |newline| newline + 1);
        fields
    }

    fn field(&mut self) -> At<String> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        if bytes.get(start) != Some(&b'"') {
            let rest = &self.text[start..];
            let length = rest.find([',', '\n']).unwrap_or(rest.len());
            self.at += length;
            let raw = &rest[..length];
            let value = raw.trim();
            let lead = raw.len() - raw.trim_start().len();
            let span = SourceSpan { file: self.file, start: start + lead, end: start + lead + value.len() };
            return At { value: value.to_owned(), span };
        }
        let mut end = start + 1;
        loop {
            match (bytes.get(end), bytes.get(end + 1)) {
                (Some(b'"'), Some(b'"')) => end += 2,
                (Some(b'"') | None, _) => break,
                _ => end += 1,
            }
        }
        let value = self.text[start + 1..end].replace("\"\"", "\"").trim().to_owned();
        let closed = (end + 1).min(bytes.len());
        // What stands between the quote and the comma belongs to no field.
        let rest = &self.text[closed..];
        self.at = closed + rest.find([',', '\n']).unwrap_or(rest.len());
        At { value, span: SourceSpan { file: self.file, start, end: closed } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::render;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    fn book() -> &'static Book {
        Book::pack("aws-2026-11").expect("a good book")
    }

    fn total(name: &str, text: &str) -> String {
        match price(name, text.as_bytes(), book(), &Conventions::default()) {
            Ok(bill) => money::usd(bill.total()),
            Err((problems, sources)) => panic!("{}", render(&problems, &sources, false)),
        }
    }

    fn refusal(name: &str, text: &str) -> String {
        let (problems, sources) =
            price(name, text.as_bytes(), book(), &Conventions::default()).expect_err("this must be refused");
        render(&problems, &sources, false)
    }

    const HEADER: &str = "service,item,region,quantity\n";

    #[test]
    fn csv_and_json_say_the_same() {
        let csv = format!(
            "{HEADER}\n# a comment\napigateway,http_request,us-east-1,432000000\n\"elb\", alb_hour ,us-east-1,730\n"
        );
        assert_eq!(total("a.csv", &csv), "435.23");
        let json = r#"[{"service": "apigateway", "item": "http_request", "region": "us-east-1", "quantity": 432000000},
            {"service": "elb", "item": "alb_hour", "region": "us-east-1", "quantity": "730"}]"#;
        assert_eq!(total("a.json", json), "435.23");
        assert_eq!(total("a.json", &format!("{{\"usage\": {json}}}")), "435.23");
    }

    #[test]
    fn columns_may_come_in_any_order_with_windows_line_ends() {
        let text = "quantity,region,item,service,resource\r\n730,us-east-1,alb_hour,elb,front\r\n";
        assert_eq!(total("a.csv", text), "16.43");
    }

    #[test]
    fn quantities_may_have_units_that_follow_the_conventions() {
        assert_eq!(total("a.csv", &format!("{HEADER}elb,alb_hour,us-east-1,1 months\n")), "16.43");
        assert_eq!(total("a.csv", &format!("{HEADER}elb,alb_hour,us-east-1,30 days\n")), "16.20");
        let bytes = format!("{HEADER}datatransfer,internet_out_gb,us-east-1,15360000000 B\n");
        assert_eq!(total("a.csv", &bytes), "1.29");
        assert!(refusal("a.csv", &format!("{HEADER}elb,alb_hour,us-east-1,1 GiB\n")).contains("`GiB` is no unit of"));
    }

    #[test]
    fn all_that_is_wrong_is_shown_at_its_place_with_the_nearest_name() {
        let text = format!(
            "{HEADER}lamda,request,us-east-1,1\nlambda,requests,us-east-1,1\nelb,nlb_nlcu_hour,eu-west-1,2\n\
             elb,alb_hour,us-east-1,many\nelb,alb_hour,us-east-1\nelb,alb_hour,,-3\n"
        );
        let shown = refusal("usage.csv", &text);
        for part in [
            "usage.csv:2:1",
            "did you mean `lambda`?",
            "usage.csv:3:8",
            "did you mean `request`?",
            "usage.csv:4:19",
            "no price of elb/nlb_nlcu_hour in `eu-west-1`",
            "there is: ap-northeast-1, us-east-1",
            "usage.csv:5:24",
            "expected a number of hour",
            "usage.csv:6:1",
            "this row has 3 fields",
            "the region is missing",
        ] {
            assert!(shown.contains(part), "{part} is missing in\n{shown}");
        }
    }

    #[test]
    fn headers_and_keys_that_are_wrong_are_shown() {
        let shown = refusal("a.csv", "servce,item,region,quantity\nelb,alb_hour,us-east-1,1\n");
        assert!(shown.contains("did you mean `service`?") && shown.contains("a.csv:1:1"), "{shown}");
        let shown =
            refusal("a.json", r#"[{"service": "elb", "item": "alb_hour", "regon": "us-east-1", "quantity": 1}]"#);
        assert!(shown.contains("did you mean `region`?") && shown.contains("the region is missing"), "{shown}");
        assert!(refusal("a.csv", "").contains("the file is empty"));
        assert!(refusal("a.csv", HEADER).contains("there is nothing to price"));
        assert!(refusal("a.json", "[]").contains("there is nothing to price"));
        assert!(refusal("a.json", "{\"usage\": 3}").contains("this is no list"));
    }

    #[test]
    fn more_than_the_book_prices_is_an_error_at_the_quantity() {
        let shown = refusal("a.csv", &format!("{HEADER}datatransfer,internet_out_gb,us-east-1,200000\n"));
        assert!(shown.contains("beyond 153600 GB") && shown.contains("a.csv:2:40"), "{shown}");
    }

    /// Files made of what usage files are made of.
    fn arbitrary_file() -> impl Strategy<Value = String> {
        let word = proptest::sample::select(vec![
            "service",
            "item",
            "region",
            "quantity",
            "elb",
            "alb_hour",
            "us-east-1",
            "lambda",
            "request",
            "1e6",
            "-1",
            "0",
            "9e99",
            "1e18",
            "\"",
            "\"\"",
            ",",
            "\n",
            "\r\n",
            "[",
            "]",
            "{",
            "}",
            ":",
            "#",
            "é",
            " ",
            "months",
            "B",
        ]);
        proptest::collection::vec(word, 0..40).prop_map(|words| words.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, rng_seed: RngSeed::Fixed(5), ..ProptestConfig::default() })]

        #[test]
        fn no_file_makes_it_panic_and_what_is_refused_says_why(text in arbitrary_file(), json in proptest::bool::ANY) {
            let name = if json { "a.json" } else { "a.csv" };
            if let Err((problems, sources)) = price(name, text.as_bytes(), book(), &Conventions::default()) {
                prop_assert!(problems.has_errors());
                prop_assert!(render(&problems, &sources, false).starts_with("error"));
            }
        }

        #[test]
        fn bytes_that_are_no_text_are_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = price("a.csv", &bytes, book(), &Conventions::default());
            let _ = price("a.json", &bytes, book(), &Conventions::default());
        }

        #[test]
        fn every_row_is_in_the_bill_or_refused(
            rows in proptest::collection::vec((0_usize..400, 1_u64..1_000_000, proptest::bool::weighted(0.1)), 1..8),
        ) {
            let prices: Vec<&Price> = book().prices().collect();
            let mut text = HEADER.to_owned();
            let (mut costs, mut misspelt) = (false, false);
            for (index, quantity, wrong) in rows {
                let price = prices[index % prices.len()];
                let Key { service, item, region } = &price.key;
                let item = if wrong { format!("{item}x") } else { item.clone() };
                misspelt |= wrong;
                costs |= price.tiers[0].from.is_zero() && !price.tiers[0].usd.is_zero();
                text.push_str(&format!("{service},{item},{region},{quantity}\n"));
            }
            match price("a.csv", text.as_bytes(), book(), &Conventions::default()) {
                Ok(bill) => {
                    prop_assert!(!misspelt, "an unknown item was priced");
                    prop_assert!(!costs || bill.total() > Decimal::ZERO, "usage was priced at nothing: {}", text);
                }
                Err(_) => prop_assert!(misspelt || text.contains("data_transfer") || text.contains("internet_out")
                    || text.contains("_gb") || text.contains("mau") || text.contains("metric"), "refused: {}", text),
            }
        }
    }
}
