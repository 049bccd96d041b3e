//! The section `cost`: conventions of the bill, and which part of a month the simulated span stands for.

use super::further::{self, OwnPrice, UsageSpec, amount};
use super::usage::point;
use crate::diagnostic::Problems;
use crate::pricing::costing::{OwnBook, Stretch};
use crate::pricing::{Book, Costing, FreeTier, money};
use crate::spec::{At, Decode, Json, Named, Node, above, at_least, between};
use crate::time::Span;
use crate::units::{Bytes, Share};
use crate::{section, words};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

words! {
    /// What is free.
    pub enum Free {
        /// Nothing.
        None = "none",
        /// What is free for everyone in every month.
        AlwaysFree = "always_free",
        /// That, and the first twelve months of accounts opened before 2025-07-15.
        Legacy = "legacy_12_month",
    }
}

words! {
    /// What a GB is.
    pub enum Gigabyte {
        /// 2^30 bytes.
        Binary = "binary",
        /// 10^9 bytes.
        Decimal = "decimal",
    }
}

section! {
    /// What the simulated traffic costs in a month. Nothing has to be said: then the simulated rate goes on all month.
    pub struct CostSpec {
        /// Requests of the month, when the simulated rate is not that of the whole month.
        requests: Option<At<f64>> => at_least(0.0),
        /// Requests in each hour of a day, as multiples of the simulated rate: 24 numbers.
        day: Option<At<Vec<f64>>>,
        /// Parts of the measured time and the share of the month each stands for, when they do not count alike.
        spans: Option<At<Vec<StretchSpec>>>,
        /// Hours of a month: 730 as in the AWS Pricing Calculator, 720 as in the examples of the pricing pages.
        hours_per_month: f64 = 730.0 => between(1.0, 744.0),
        /// What a GB of transfer, endpoints and logs is.
        gb: Gigabyte = Gigabyte::Binary,
        /// What a GB of load balancer capacity is.
        lcu_gb: Gigabyte = Gigabyte::Decimal,
        /// What is free.
        free_tier: Free = Free::None,
        /// Other usage of the month that is in the tiers already, such as `lambda/request/us-east-1: 5000000`.
        already: Named<At<f64>> = Named::default(),
        /// Price book to take instead of the data pack's: a CSV file as `gatepath prices refresh` writes it, relative to the
        /// scenario.
        book: Option<At<String>>,
        /// Prices of your own instead of the book's, in USD of one unit, such as `datatransfer/internet_out_gb: 0.05`; with
        /// unit, date and source also where the book has none.
        prices: Named<OwnPrice> = Named::default(),
        /// Usage that no stage counts: NAT gateways, alarms, storage, lines, fees, servers that scale themselves.
        usage: Vec<UsageSpec> = Vec::new(),
        /// Class of edge locations viewers use, such as `cf-us`, or several with their shares, such as
        /// `{cf-us: 70%, cf-eu: 30%}`; without it the one near the region.
        viewers: Option<Viewers>,
        /// What a gateway writes to its access log for each request; `0 B` for no log.
        access_log: Bytes = Bytes(1024),
        /// Requests on one connection to a load balancer, instead of what the connections of its callers tell.
        requests_per_connection: Option<f64> => above(0.0),
        /// How long such a connection stays open.
        connection_time: Span = Span::ZERO,
    }
}

/// Classes of edge locations and their shares.
#[derive(Clone, Debug, PartialEq)]
pub struct Viewers(Vec<(At<String>, Share)>);

impl Decode for Viewers {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Viewers> {
        if node.as_map().is_none() {
            return At::<String>::decode(node, problems).map(|class| Viewers(vec![(class, Share(1.0))]));
        }
        let classes = Named::<Share>::decode(node, problems)?.0;
        let total: f64 = classes.iter().map(|(_, share)| share.0).sum();
        if (total - 1.0).abs() > 1e-9 {
            let problem = problems.error(node.span, "the viewers are not all of them");
            problem.label(format!("expected shares that add up to 100%, they are {:.6}%", 100.0 * total));
            return None;
        }
        Some(Viewers(classes))
    }

    fn schema() -> Json {
        json!({"anyOf": [At::<String>::schema(), Named::<Share>::schema()]})
    }
}

section! {
    /// A part of the measured time.
    pub struct StretchSpec {
        /// Its begin, from the begin of the measured time.
        from: Span,
        /// Its end.
        to: At<Span>,
        /// Share of the month it stands for.
        share: Share,
    }
}

impl CostSpec {
    /// The costing as written, checked; `measured` is the measured time, where it is known, and files lie relative to
    /// `folder`.
    pub fn check(
        self,
        costing: Costing,
        measured: Option<Span>,
        folder: &Path,
        problems: &mut Problems,
    ) -> Option<Costing> {
        let before = problems.len();
        let mut costing = costing;
        costing.book = self.book.as_ref().and_then(|file| read_book(file, folder, problems));
        let own = costing.book.clone();
        let book = own.as_ref().map_or_else(|| Book::pack(&costing.data).ok(), |own| Some(&*own.book));
        self.conventions(&mut costing, book, problems);
        if let Some(Viewers(classes)) = &self.viewers {
            classes.iter().for_each(|(class, _)| check_viewers(class, book, problems));
            costing.viewers = classes.iter().map(|(class, share)| (class.value.clone(), share.0)).collect();
        }
        if let Some(book) = book {
            further::own_prices(&self.prices, book, &mut costing, problems);
            further::further(&self.usage, book, &mut costing, problems);
        }
        if let Some(day) = &self.day {
            let good = day.value.len() == 24 && day.value.iter().all(|factor| factor.is_finite() && *factor >= 0.0);
            if !good {
                let problem = problems.error(day.span, "this is no day");
                problem.label(format!("expected 24 numbers of 0 or more, there are {}", day.value.len()));
            }
            costing.day = day.value.clone();
        }
        if let Some(spans) = self.spans {
            if let Some(requests) = &self.requests {
                let problem = problems.error(requests.span, "`requests` and `spans` at once");
                problem.label("remove one of them").help("the spans tell how many requests there are in the month");
            }
            costing.spans = check_spans(spans, measured, problems);
        }
        costing.requests = self.requests.map(|requests| requests.value);
        costing.access_log = self.access_log.0;
        costing.requests_per_connection = self.requests_per_connection;
        costing.connection_time = self.connection_time;
        (problems.len() == before).then_some(costing)
    }

    fn conventions(&self, costing: &mut Costing, book: Option<&Book>, problems: &mut Problems) {
        let bytes = |gb: Gigabyte| match gb {
            Gigabyte::Binary => 1 << 30,
            Gigabyte::Decimal => 1_000_000_000,
        };
        let conventions = &mut costing.conventions;
        conventions.hours_per_month = money::nearest(self.hours_per_month).unwrap_or(conventions.hours_per_month);
        conventions.gb_bytes = bytes(self.gb);
        conventions.lcu_gb_bytes = bytes(self.lcu_gb);
        conventions.free_tier = match self.free_tier {
            Free::None => FreeTier::None,
            Free::AlwaysFree => FreeTier::AlwaysFree,
            Free::Legacy => FreeTier::Legacy12Months,
        };
        let Some(book) = book else { return };
        for (path, quantity) in &self.already.0 {
            let Some(number) = amount(quantity, money::MOST, problems) else { continue };
            let parts: Vec<&str> = path.value.splitn(3, '/').collect();
            let [service, item, region] = parts[..] else {
                problems.error(path.span, "this names no price").label("expected `service/item/region`");
                continue;
            };
            match book.price(service, item, region) {
                Ok(price) => *conventions.already.entry(price.key.clone()).or_default() += number,
                Err(missing) => point(problems.error(path.span, missing.message.clone()), &missing),
            }
        }
    }
}

fn check_viewers(viewers: &At<String>, book: Option<&Book>, problems: &mut Problems) {
    let Some(Err(missing)) = book.map(|book| book.price("cloudfront", "https_request", &viewers.value)) else { return };
    let problem = problems.error(viewers.span, format!("`{}` is no class of edge locations", viewers.value));
    problem.label(format!("expected {}", missing.known.join(", ")));
}

/// Reads the user's own price book.
fn read_book(file: &At<String>, folder: &Path, problems: &mut Problems) -> Option<OwnBook> {
    let path = folder.join(&file.value);
    let text = super::read(&path).and_then(|bytes| {
        String::from_utf8(bytes)
            .map_err(|error| format!("it is not UTF-8 text: byte {}", error.utf8_error().valid_up_to()))
    });
    let text = match text {
        Ok(text) => text,
        Err(reason) => {
            super::table::report_unreadable(file, &path, reason, problems);
            return None;
        }
    };
    match Book::read(&file.value, &text) {
        Ok(book) => Some(OwnBook { name: file.value.clone(), book: Arc::new(book) }),
        Err(errors) => {
            let problem = problems.error(file.span, format!("`{}` is no price book", file.value));
            problem.label(errors.first().map_or_else(String::new, ToString::to_string));
            problem.help(match errors.len() {
                1 => "`gatepath prices --format csv` shows how one is written".to_owned(),
                all => format!(
                    "and {} more rows are wrong; `gatepath prices --format csv` shows how one is written",
                    all - 1
                ),
            });
            None
        }
    }
}

fn check_spans(spans: At<Vec<StretchSpec>>, measured: Option<Span>, problems: &mut Problems) -> Vec<Stretch> {
    let total: f64 = spans.value.iter().map(|span| span.share.0).sum();
    if (total - 1.0).abs() > 1e-9 {
        let problem = problems.error(spans.span, "the spans are not the whole month");
        problem.label(format!("expected shares that add up to 100%, they are {:.6}%", 100.0 * total));
    }
    let stretch = |span: &StretchSpec| Stretch { from: span.from, to: span.to.value, share: span.share.0 };
    for span in &spans.value {
        if span.to.value <= span.from {
            problems
                .error(span.to.span, "this span ends before it begins")
                .label(format!("expected more than {}", span.from));
        } else if let Some(measured) = measured.filter(|measured| span.to.value > *measured) {
            let problem = problems.error(span.to.span, "this span ends after the measured time");
            problem.label(format!("expected at most {measured}")).help("the measured time begins after the warm-up");
        }
    }
    spans.value.iter().map(stretch).collect()
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::render;
    use crate::scenario::load_bytes;
    use std::path::Path;

    fn read(cost: &str) -> Result<crate::pricing::Costing, String> {
        let text = format!(
            "traffic: {{rate: 5/s, duration: 2 h}}\npath: [delay: {{time: 1 ms}}]\nrun: {{warmup: 0 s}}\ncost: {cost}\n"
        );
        load_bytes("test", "test.yaml", text.as_bytes(), Path::new(""), &[])
            .map(|scenario| scenario.costing)
            .map_err(|(problems, sources)| render(&problems, &sources, false))
    }

    #[test]
    fn what_is_written_arrives_in_the_costing() {
        let costing = read(
            "{requests: 10000000, hours_per_month: 720, free_tier: always_free, viewers: cf-eu, access_log: 0 B, \
             requests_per_connection: 100, already: {lambda/request/us-east-1: 5000000}, \
             prices: {datatransfer/internet_out_gb: 0.05}}",
        )
        .expect("a good section");
        assert_eq!(costing.requests, Some(1e7));
        assert_eq!((&costing.viewers, costing.access_log), (&vec![("cf-eu".to_owned(), 1.0)], 0));
        assert_eq!(costing.conventions.already.len() + costing.conventions.prices.len(), 2);
        assert_eq!(costing.hours(), 720.0);
    }

    #[test]
    fn what_is_wrong_is_shown_at_its_place() {
        for (cost, part) in [
            ("{day: [1, 2]}", "expected 24 numbers"),
            ("{spans: [{from: 0 s, to: 1 h, share: 50%}]}", "add up to 100%"),
            ("{spans: [{from: 0 s, to: 3 h, share: 100%}]}", "expected at most 2 h"),
            ("{spans: [{from: 1 h, to: 1 h, share: 100%}]}", "ends before it begins"),
            ("{requests: 5, spans: [{from: 0 s, to: 1 h, share: 100%}]}", "`requests` and `spans` at once"),
            ("{viewers: us-east-1}", "expected cf-apac"),
            ("{viewers: {cf-us: 50%, us-east-1: 50%}}", "expected cf-apac"),
            ("{viewers: {cf-us: 50%, cf-eu: 40%}}", "they are 90.000000%"),
            ("{already: {lambda/reqest/us-east-1: 5}}", "did you mean `request`?"),
            ("{already: {lambda/request/us-east-1: -5}}", "expected 0 to"),
            ("{prices: {lambda: 5}}", "expected `service/item`"),
            ("{prices: {rds/mariadb_single_az_db.t3.micro_hour: 0.017}}", "`{usd: 0.45, unit: hour, date: 2026-11-20"),
            ("{prices: {datatransfer/internet_out_gb: {usd: 0.05, unit: TB}}}", "the price book counts this by GB"),
            ("{prices: {datatransfer/internet_out_gb: {usd: 0.05, date: today}}}", "`today` is no date"),
            ("{usage: [{item: nat/nat_gateway_hours, quantity: 1}]}", "did you mean `nat_gateway_hour`?"),
            ("{usage: [{item: nat, quantity: 1}]}", "expected `service/item`"),
            ("{usage: [{item: nat/nat_gateway_hour, quantity: two}]}", "`two` is no quantity"),
            ("{usage: [{item: nat/nat_gateway_hour, quantity: 1 GiB}]}", "`GiB` is no unit of"),
            (
                "{usage: [{item: nat/nat_gateway_hour, quantity: 1, region: eu-west-9}]}",
                "no price of nat/nat_gateway_hour in",
            ),
            ("{usage: [{item: nat/nat_gateway_gb, quantity: 1, per: respons_gb}]}", "did you mean `response_gb`?"),
            (
                "{usage: [{item: nat/nat_gateway_gb, quantity: 1, per: gb, of: delay}]}",
                "no stage `meter` of the name `delay`",
            ),
            ("{usage: [{item: nat/nat_gateway_gb, quantity: 1, of: delay}]}", "`of` says nothing about `per: month`"),
            ("{usage: [{item: ec2/t3.micro_hour, quantity: 1, per: server_hour}]}", "needs to know whose servers"),
            (
                "{usage: [{item: ec2/t3.micro_hour, quantity: 1, per: server_hour, of: delay}]}",
                "the path has no station",
            ),
            ("{usage: [{quantity: 1}]}", "`item` is missing"),
            ("{book: nowhere.csv}", "no such file"),
            ("{book: Cargo.toml}", "`Cargo.toml` is no price book"),
            ("{requets: 5}", "did you mean `requests`?"),
        ] {
            let shown = read(cost).expect_err(cost);
            assert!(shown.contains(part), "{cost}: {part} is missing in\n{shown}");
        }
    }
}
