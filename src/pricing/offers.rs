//! Offer files: copies of the official price list, as JSON or CSV, turned into rows of a price book.
//!
//! What an offer calls a usage type and a book calls an item are told apart by a table, `data/.../offers.csv`: the usage
//! type without its region (`*` stands for a size or a class and goes into the item), and attributes that must hold. A
//! price found in the files replaces all tiers of that price in the book; everything else stays as it was.

use super::book::{Book, BookError, COLUMNS, Key};
use super::money::{self, Decimal};
use serde_json::Value;
use std::collections::BTreeMap;

/// How usage types become items.
const RULES: &str = include_str!("../../data/aws-2026-11/offers.csv");

/// Classes of edge locations by what their usage types begin with.
const CLASSES: [(&str, &str); 9] = [
    ("US-", "cf-us"),
    ("EU-", "cf-eu"),
    ("ZA-", "cf-za-me"),
    ("ME-", "cf-za-me"),
    ("SA-", "cf-sa"),
    ("JP-", "cf-jp"),
    ("AU-", "cf-au"),
    ("AP-", "cf-apac"),
    ("IN-", "cf-in"),
];

/// One rule of the table.
#[derive(Clone, Debug)]
struct Rule {
    offer: String,
    usage: String,
    conditions: Vec<(String, String)>,
    service: String,
    item: String,
    unit: String,
}

/// One tier found in an offer file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    from: Decimal,
    to: Option<Decimal>,
    usd: Decimal,
    unit: String,
    date: String,
    source: String,
}

/// Prices found in offer files.
#[derive(Clone, Debug, Default)]
pub struct Offers {
    rules: Vec<Rule>,
    prices: BTreeMap<Key, Vec<Found>>,
    /// Prices found twice with different rates, a phrase each; the first one counts.
    pub ambiguous: Vec<String>,
}

/// What a refresh did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refreshed {
    /// The new book as CSV.
    pub text: String,
    /// Prices that are as before, but for date and source.
    pub same: Vec<Key>,
    /// Prices that changed: old and new first rate.
    pub changed: Vec<(Key, Decimal, Decimal)>,
    /// Prices the book did not have.
    pub new: Vec<Key>,
}

/// One price dimension with the attributes of its product.
struct Dimension<'a> {
    offer: &'a str,
    attribute: &'a dyn Fn(&str) -> Option<String>,
    usage: &'a str,
    region: &'a str,
    range: (&'a str, &'a str),
    usd: &'a str,
    date: &'a str,
}

impl Offers {
    /// No prices yet.
    pub fn new() -> Offers {
        let mut reader = csv::Reader::from_reader(RULES.as_bytes());
        let rule = |record: csv::StringRecord| {
            let text = |column: usize| record.get(column).unwrap_or_default().to_owned();
            let condition = |part: &str| part.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
            Rule {
                offer: text(0),
                usage: text(1),
                conditions: text(2).split(';').filter_map(condition).collect(),
                service: text(3),
                item: text(4),
                unit: text(5),
            }
        };
        let rules = reader.records().filter_map(Result::ok).map(rule).collect();
        Offers { rules, prices: BTreeMap::new(), ambiguous: Vec::new() }
    }

    /// Number of prices found so far.
    pub fn len(&self) -> usize {
        self.prices.len()
    }

    /// Whether nothing was found so far.
    pub fn is_empty(&self) -> bool {
        self.prices.is_empty()
    }

    /// Reads an offer file and returns how many price dimensions of it are in the book's terms.
    ///
    /// # Errors
    /// Why the text is no offer file.
    pub fn read(&mut self, text: &str) -> Result<usize, String> {
        match text.trim_start().starts_with('{') {
            true => self.read_json(text),
            false => self.read_csv(text),
        }
    }

    fn read_json(&mut self, text: &str) -> Result<usize, String> {
        let document: Value = serde_json::from_str(text).map_err(|error| format!("this is no JSON: {error}"))?;
        let word = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let offer = word(&document, "offerCode");
        let date = day_of(&word(&document, "publicationDate"));
        let products = document["products"].as_object().filter(|_| !offer.is_empty());
        let products = products.ok_or("expected the keys offerCode, publicationDate, products and terms")?;
        let mut taken = 0;
        for (sku, product) in products {
            let attributes = &product["attributes"];
            let attribute = |name: &str| match name {
                "productFamily" => product["productFamily"].as_str().map(str::to_owned),
                name => attributes[name].as_str().map(str::to_owned),
            };
            let usage = word(attributes, "usagetype");
            let region = ["regionCode", "fromRegionCode"].map(|name| word(attributes, name));
            let region = region.into_iter().find(|region| !region.is_empty()).unwrap_or_default();
            let terms = document["terms"]["OnDemand"][sku.as_str()].as_object().into_iter().flatten();
            let dimensions = terms.flat_map(|(_, term)| term["priceDimensions"].as_object().into_iter().flatten());
            for (_, dimension) in dimensions {
                let (from, to) = (word(dimension, "beginRange"), word(dimension, "endRange"));
                let usd = word(&dimension["pricePerUnit"], "USD");
                let range = (from.as_str(), to.as_str());
                let (offer, date) = (offer.as_str(), date.as_str());
                let (usage, region, usd) = (usage.as_str(), region.as_str(), usd.as_str());
                let found = Dimension { offer, attribute: &attribute, usage, region, range, usd, date };
                taken += usize::from(self.take(&found));
            }
        }
        Ok(taken)
    }

    fn read_csv(&mut self, text: &str) -> Result<usize, String> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        let (mut offer, mut date) = (String::new(), String::new());
        // Columns by their names without spaces, hyphens, slashes and case: `Pre Installed S/W` is `preInstalledSw`.
        let mut header: Option<BTreeMap<String, usize>> = None;
        let plain = |text: &str| text.to_lowercase().replace([' ', '-', '/'], "");
        let mut taken = 0;
        for record in reader.records() {
            let record = record.map_err(|error| format!("this is no CSV: {error}"))?;
            let Some(header) = &header else {
                match record.get(0).unwrap_or_default() {
                    "OfferCode" => record.get(1).unwrap_or_default().clone_into(&mut offer),
                    "Publication Date" => date = day_of(record.get(1).unwrap_or_default()),
                    "SKU" => {
                        let columns = record.iter().enumerate();
                        header = Some(columns.map(|(place, title)| (plain(title), place)).collect());
                    }
                    _ => {}
                }
                continue;
            };
            let attribute = |name: &str| record.get(*header.get(&plain(name))?).map(str::to_owned);
            let word = |name: &str| attribute(name).unwrap_or_default();
            if word("TermType") != "OnDemand" || word("Currency") != "USD" {
                continue;
            }
            let (usage, usd) = (word("usageType"), word("PricePerUnit"));
            let region = ["Region Code", "From Region Code"].map(word);
            let region = region.into_iter().find(|region| !region.is_empty()).unwrap_or_default();
            let (from, to) = (word("StartingRange"), word("EndingRange"));
            let range = (from.as_str(), to.as_str());
            let found = Dimension {
                offer: &offer,
                attribute: &attribute,
                usage: &usage,
                region: &region,
                range,
                usd: &usd,
                date: &date,
            };
            taken += usize::from(self.take(&found));
        }
        match header {
            Some(_) => Ok(taken),
            None => Err("expected the lines of an offer file up to one that begins with SKU".to_owned()),
        }
    }

    /// Keeps a price dimension when a rule knows it.
    fn take(&mut self, found: &Dimension<'_>) -> bool {
        let holds = |rule: &&Rule| {
            rule.offer == found.offer
                && rule.conditions.iter().all(|(name, value)| (found.attribute)(name).as_deref() == Some(value))
        };
        let matched = self.rules.iter().filter(holds).find_map(|rule| Some((rule, matched(&rule.usage, found.usage)?)));
        let Some((rule, wild)) = matched else { return false };
        let class = || CLASSES.iter().find(|(prefix, _)| found.usage.starts_with(prefix)).map(|(_, class)| *class);
        let region = if rule.service == "cloudfront" { class() } else { Some(found.region) };
        let Some(region) = region.filter(|region| !region.is_empty()) else { return false };
        let (Some(from), Some(usd)) = (money::parse(found.range.0), money::parse(found.usd)) else { return false };
        let to = money::parse(found.range.1);
        let (service, item) = (rule.service.as_str(), rule.item.replace('*', wild));
        let key = Key::new(service, &item, region);
        let source = format!("offer file {}", found.offer);
        let (unit, date) = (rule.unit.clone(), found.date.to_owned());
        let tiers = self.prices.entry(key).or_default();
        let tier = Found { from, to, usd, unit, date, source };
        match tiers.iter().find(|known| known.from == tier.from) {
            Some(known) if known.usd != tier.usd => {
                let [first, other] = [known.usd, tier.usd].map(money::plain);
                self.ambiguous.push(format!("{service}/{item} in {region}: {first} and {other}"));
            }
            Some(_) => {}
            None => {
                tiers.push(tier);
                tiers.sort_by_key(|tier| tier.from);
            }
        }
        true
    }

    /// The text of a book with all that was found put in, ready to be read again.
    ///
    /// # Errors
    /// The old book cannot be read, or the new one could not: every row that would be wrong.
    pub fn refresh(&self, file: &str, text: &str) -> Result<Refreshed, Vec<BookError>> {
        let old = Book::read(file, text)?;
        let mut refreshed = Refreshed::default();
        let mut rows: Vec<Vec<String>> = vec![COLUMNS.map(str::to_owned).to_vec()];
        let mut written: Vec<&Key> = Vec::new();
        for record in csv::Reader::from_reader(text.as_bytes()).records().flatten() {
            let key = Key::new(&record[0], &record[1], &record[2]);
            match self.prices.get_key_value(&key) {
                None => rows.push(record.iter().map(str::to_owned).collect()),
                Some((key, tiers)) if !written.contains(&key) => {
                    written.push(key);
                    rows.extend(tiers.iter().map(|tier| tier.row(key, &record[10])));
                }
                Some(_) => {}
            }
        }
        let new = self.prices.iter().filter(|(key, _)| !written.contains(key));
        for (key, tiers) in new {
            refreshed.new.push(key.clone());
            rows.extend(tiers.iter().map(|tier| tier.row(key, "")));
        }
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in &rows {
            // Writing to memory cannot fail, and every row has the columns of a book.
            let written = writer.write_record(row);
            debug_assert!(written.is_ok(), "{written:?}");
        }
        refreshed.text = String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default();
        let new = Book::read(file, &refreshed.text)?;
        for price in old.prices().filter(|price| self.prices.contains_key(&price.key)) {
            let Ok(now) = new.price(&price.key.service, &price.key.item, &price.key.region) else { continue };
            let rates = |price: &super::Price| {
                price.tiers.iter().map(|tier| (tier.from, tier.to, tier.usd)).collect::<Vec<_>>()
            };
            match rates(price) == rates(now) {
                true => refreshed.same.push(price.key.clone()),
                false => refreshed.changed.push((price.key.clone(), price.tiers[0].usd, now.tiers[0].usd)),
            }
        }
        Ok(refreshed)
    }
}

impl Found {
    fn row(&self, key: &Key, note: &str) -> Vec<String> {
        let to = self.to.map(money::plain).unwrap_or_default();
        let (from, usd) = (money::plain(self.from), money::plain(self.usd));
        let Key { service, item, region } = key;
        [service, item, region, &from, &to, &self.unit, &usd, &self.date, &self.source, "A", note]
            .map(|text: &str| text.to_owned())
            .to_vec()
    }
}

/// What `*` of a pattern stands for in a usage type without its region; empty for patterns without one.
fn matched<'a>(pattern: &str, usage: &'a str) -> Option<&'a str> {
    // `EU`, `USE1`, `APN1`: other words before a hyphen, such as `TS` of a trust store, belong to the usage type.
    let is_region = |prefix: &str| {
        let class = CLASSES.iter().any(|(known, _)| known.strip_suffix('-') == Some(prefix));
        let letters = prefix.trim_end_matches(|c: char| c.is_ascii_digit());
        let numbered = letters.len() < prefix.len() && (3..=5).contains(&prefix.len());
        class || numbered && letters.bytes().all(|byte| byte.is_ascii_uppercase())
    };
    let bare = usage.split_once('-').filter(|(prefix, _)| is_region(prefix)).map_or(usage, |(_, rest)| rest);
    let (head, tail) = pattern.split_once('*').unwrap_or((pattern, ""));
    if !pattern.contains('*') {
        return (bare == pattern).then_some("");
    }
    let wild = bare.strip_prefix(head)?.strip_suffix(tail)?;
    (!wild.is_empty()).then_some(wild)
}

/// `2026-09-21T18:03:00Z` without its time.
fn day_of(date: &str) -> String {
    date.split('T').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOK: &str = include_str!("../../data/aws-2026-11/prices.csv");

    const JSON: &str = r#"{
        "offerCode": "AmazonApiGateway", "publicationDate": "2026-12-01T10:00:00Z",
        "products": {
            "A": {"productFamily": "API Calls", "attributes": {"usagetype": "EU-ApiGatewayHttpRequest", "regionCode": "eu-west-1"}},
            "B": {"productFamily": "API Calls", "attributes": {"usagetype": "USE1-ApiGatewayCacheUsage:0.5GB", "regionCode": "us-east-1"}},
            "C": {"productFamily": "API Calls", "attributes": {"usagetype": "APN1-ApiGatewayRequest", "regionCode": "ap-northeast-1"}}
        },
        "terms": {"OnDemand": {
            "A": {"A.1": {"priceDimensions": {
                "x": {"beginRange": "300000000", "endRange": "Inf", "pricePerUnit": {"USD": "0.0000010000"}},
                "y": {"beginRange": "0", "endRange": "300000000", "pricePerUnit": {"USD": "0.0000011200"}}}}},
            "B": {"B.1": {"priceDimensions": {"x": {"beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": "0.0200000000"}}}}},
            "C": {"C.1": {"priceDimensions": {"x": {"beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": "0.0000042500"}}}}}
        }}}"#;

    #[test]
    fn prices_of_a_json_offer_file_replace_those_of_the_book() {
        let mut offers = Offers::new();
        assert_eq!(offers.read(JSON), Ok(4));
        let refreshed = offers.refresh("prices.csv", BOOK).expect("a good book");
        let book = Book::read("new", &refreshed.text).expect("a good book");
        let http = book.price("apigateway", "http_request", "eu-west-1").expect("a price");
        assert_eq!(http.tiers[0].usd, money::parse("0.00000112").unwrap());
        assert_eq!((http.tiers[0].date.as_str(), http.tiers.len()), ("2026-12-01", 2));
        let changed: Vec<String> = refreshed.changed.iter().map(|(key, ..)| key.to_string()).collect();
        assert_eq!(changed, ["apigateway/http_request in eu-west-1"]);
        assert_eq!(refreshed.same, [Key::new("apigateway", "cache_0.5gb_hour", "us-east-1")]);
        assert_eq!(refreshed.new, [Key::new("apigateway", "rest_request", "ap-northeast-1")]);
        let old = Book::pack("aws-2026-11").expect("a good book");
        assert_eq!(book.prices().count(), old.prices().count() + 1, "nothing else is lost");
        assert_eq!(book.capacity("lcu_new_connections_per_s"), old.capacity("lcu_new_connections_per_s"));
        assert_eq!(book.allowances().count(), old.allowances().count());
    }

    #[test]
    fn csv_offer_files_are_read_with_their_conditions() {
        let csv = "\"FormatVersion\",\"v1.0\"\n\"Publication Date\",\"2026-12-02T00:00:00Z\"\n\"OfferCode\",\"AWSELB\"\n\
            \"SKU\",\"TermType\",\"StartingRange\",\"EndingRange\",\"PricePerUnit\",\"Currency\",\"Product Family\",\"usageType\",\"Region Code\"\n\
            \"1\",\"OnDemand\",\"0\",\"Inf\",\"0.0230\",\"USD\",\"Load Balancer-Application\",\"LoadBalancerUsage\",\"us-east-1\"\n\
            \"2\",\"OnDemand\",\"0\",\"Inf\",\"0.0240\",\"USD\",\"Load Balancer-Gateway\",\"LoadBalancerUsage\",\"us-east-1\"\n\
            \"3\",\"Reserved\",\"0\",\"Inf\",\"0.0010\",\"USD\",\"Load Balancer-Network\",\"LoadBalancerUsage\",\"us-east-1\"\n";
        let mut offers = Offers::new();
        assert_eq!(offers.read(csv), Ok(1), "a gateway balancer is no rule, and reservations are no prices");
        let refreshed = offers.refresh("prices.csv", BOOK).expect("a good book");
        assert_eq!(refreshed.changed.len(), 1);
    }

    #[test]
    fn what_is_no_offer_file_is_refused() {
        for text in ["", "{", "{}", "[]", "service,item\na,b\n"] {
            assert!(Offers::new().read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_rule_names_an_item_the_book_knows() {
        let book = Book::pack("aws-2026-11").expect("a good book");
        for rule in Offers::new().rules {
            // Stages know the engine, and so do the items they ask for; rates of it are for a refresh to bring.
            let item = rule.item.replace("mariadb", "mysql");
            let (head, tail) = item.split_once('*').unwrap_or((item.as_str(), ""));
            let known = book.prices().any(|price| {
                let item = price.key.item.as_str();
                price.key.service == rule.service
                    && item.starts_with(head)
                    && item.ends_with(tail)
                    && price.unit == rule.unit
            });
            assert!(known, "{rule:?}");
        }
    }

    #[test]
    fn usage_types_match_without_their_region() {
        assert_eq!(matched("BoxUsage:*", "USE1-BoxUsage:t3.medium"), Some("t3.medium"));
        assert_eq!(matched("BoxUsage:*", "BoxUsage:t3.medium"), Some("t3.medium"));
        assert_eq!(matched("Lambda-GB-Second", "Lambda-GB-Second-ARM"), None);
        assert_eq!(matched("Lambda-GB-Second", "EUW1-Lambda-GB-Second"), Some(""));
        assert_eq!(matched("NatGateway-Hours", "NatGateway-Hours"), Some(""));
    }
}
