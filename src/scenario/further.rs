//! The lists `usage` and `prices` of the section `cost`: usage beside what the stages count, in the words of the price
//! book, and prices of the user's own.

use super::usage::{is_hourly, point, quantity};
use crate::diagnostic::{Problems, nearest};
use crate::pricing::costing::{Basis, Further};
use crate::pricing::{Book, Costing, Decimal, Key, Own, Price, book, money};
use crate::program::Program;
use crate::spec::{At, Decode, Json, Named, Node};
use crate::{section, words};
use serde_json::json;

/// How a price is written that the book does not have.
const NEW: &str = "`{usd: 0.45, unit: hour, date: 2026-11-20, source: the pricing page}`";

words! {
    /// What a quantity is for.
    pub enum Per {
        /// The month.
        Month = "month",
        /// Each hour of the month.
        Hour = "hour",
        /// Each request of a client; with `of`, each that passes that stage `meter`.
        Request = "request",
        /// Each request served as asked.
        Served = "served",
        /// Each GB of requests.
        RequestGb = "request_gb",
        /// Each GB of good answers.
        ResponseGb = "response_gb",
        /// Each GB of requests and good answers.
        Gb = "gb",
        /// Each hour of each server of the station named by `of`, also while it is on its way.
        ServerHour = "server_hour",
    }
}

section! {
    /// Usage that no stage counts: a NAT gateway, alarms, storage, a line, a fee.
    pub struct UsageSpec {
        /// Service and item of the price book, such as `nat/nat_gateway_hour` (`gatepath prices` lists them).
        item: At<String>,
        /// How much: a number in the unit of the price, or with `B` to `TiB`, `h`, `days`, `months`.
        quantity: Written,
        /// What that is for. Without it a number of something priced by the hour is there every hour, and all else is a
        /// quantity of the month.
        per: Option<Per>,
        /// A stage `meter` whose requests or bytes count instead of those of all clients; for `server_hour` the station.
        of: Option<At<String>>,
        /// Where, instead of the region of the scenario.
        region: Option<At<String>>,
        /// Under which name it is shown beside the stages, instead of `of` or its service.
        name: Option<String>,
    }
}

section! {
    /// A price of your own.
    pub struct OwnSpec {
        /// USD of one unit.
        usd: At<f64>,
        /// The unit; needed where the price book does not have the item.
        unit: Option<String>,
        /// When you read it: `2026-11-20`.
        date: Option<At<String>>,
        /// Where you read it.
        source: Option<String>,
    }
}

/// A number with or without a unit, as it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Written(At<String>);

impl Decode for Written {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Written> {
        let Some(text) = node.as_text().filter(|text| !text.is_empty()) else {
            problems.error(node.span, format!("this is {}", node.describe())).label("expected a quantity such as `2`");
            return None;
        };
        Some(Written(At { value: text.to_owned(), span: node.span }))
    }

    fn schema() -> Json {
        json!({"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "examples": ["2 KiB"]}]})
    }
}

/// A price of the user's own: a number, or one with its unit, date and source.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnPrice(OwnSpec);

impl Decode for OwnPrice {
    fn decode(node: &Node, problems: &mut Problems) -> Option<OwnPrice> {
        if node.as_map().is_some() {
            return OwnSpec::decode(node, problems).map(OwnPrice);
        }
        At::<f64>::decode(node, problems).map(|usd| OwnPrice(OwnSpec { usd, unit: None, date: None, source: None }))
    }

    fn schema() -> Json {
        json!({"anyOf": [f64::schema(), OwnSpec::schema()]})
    }
}

/// Puts the user's own prices into a costing.
pub fn own_prices(prices: &Named<OwnPrice>, book: &Book, costing: &mut Costing, problems: &mut Problems) {
    for (path, OwnPrice(spec)) in &prices.0 {
        let Some(usd) = amount(&spec.usd, money::DEAREST, problems) else { continue };
        let Some((service, item)) = parts(path, problems) else { continue };
        if let Some(date) = spec.date.as_ref().filter(|date| book::day(&date.value).is_none()) {
            problems.error(date.span, format!("`{}` is no date", date.value)).label("expected such as `2026-11-20`");
        }
        let known = book.prices().find(|price| price.key.service == service && price.key.item == item);
        match (known, &spec.unit, &spec.source, &spec.date) {
            (Some(price), Some(unit), ..) if price.unit != *unit => {
                let problem = problems.error(path.span, format!("the price book counts this by {}", price.unit));
                problem.label(format!("your price is by {unit}; write `unit: {}`, or leave it out", price.unit));
            }
            (None, None, ..) | (None, _, None, _) | (None, _, _, None) => {
                if let Err(missing) = book.price(service, item, "") {
                    let problem = problems.error(path.span, missing.message.clone());
                    point(problem, &missing);
                    problem.help(format!(
                        "a price the book does not have is written with all that tells where it is from: {NEW}"
                    ));
                }
            }
            _ => {}
        }
        let own = Own {
            usd,
            unit: spec.unit.clone(),
            date: spec.date.as_ref().map(|date| date.value.clone()),
            source: spec.source.clone(),
        };
        costing.conventions.prices.insert((service.to_owned(), item.to_owned()), own);
    }
}

/// Puts further usage into a costing that has its conventions.
pub fn further(list: &[UsageSpec], book: &Book, costing: &mut Costing, problems: &mut Problems) {
    for spec in list {
        let Some((service, item)) = parts(&spec.item, problems) else { continue };
        let region = spec.region.as_ref().map_or(costing.region_of(service, item), |region| &region.value).to_owned();
        let at = spec.region.as_ref().map_or(spec.item.span, |region| region.span);
        let own = costing.conventions.prices.get(&(service.to_owned(), item.to_owned()));
        let price = match book.price(service, item, &region) {
            Ok(price) => price.clone(),
            Err(missing) => match own.and_then(|own| own.unit.clone()) {
                Some(unit) => Price { key: Key::new(service, item, &region), unit, tiers: Vec::new() },
                None => {
                    let at = if missing.field == book::Field::Region { at } else { spec.item.span };
                    point(problems.error(at, missing.message.clone()), &missing);
                    continue;
                }
            },
        };
        let Some(quantity) = quantity(&spec.quantity.0, &price, &costing.conventions, problems) else { continue };
        let bare = money::parse(spec.quantity.0.value.trim()).is_some();
        let per = spec.per.unwrap_or(if bare && is_hourly(&price.unit) { Per::Hour } else { Per::Month });
        let Some(basis) = basis(per, spec, problems) else { continue };
        let name = spec.name.clone().or(spec.of.as_ref().map(|of| of.value.clone()));
        let name = name.unwrap_or_else(|| service.to_owned());
        costing.further.push(Further { key: Key::new(service, item, &region), name, quantity, per: basis });
    }
}

fn basis(per: Per, spec: &UsageSpec, problems: &mut Problems) -> Option<Basis> {
    let of = spec.of.as_ref().map(|of| of.value.clone());
    let basis = match (per, of) {
        (Per::Month | Per::Hour | Per::Served, Some(_)) => {
            let at = spec.of.as_ref().map_or(spec.item.span, |of| of.span);
            let problem = problems.error(at, format!("`of` says nothing about `per: {per}`"));
            problem.label("remove it, or write `per: request`, `gb` or `server_hour`");
            return None;
        }
        (Per::ServerHour, None) => {
            let problem = problems.error(spec.item.span, "`per: server_hour` needs to know whose servers");
            problem.label("write `of:` and the name of a station");
            return None;
        }
        (Per::Month, _) => Basis::Month,
        (Per::Hour, _) => Basis::Hour,
        (Per::Served, _) => Basis::Served,
        (Per::Request, of) => Basis::Request(of),
        (Per::RequestGb, of) => Basis::RequestGb(of),
        (Per::ResponseGb, of) => Basis::ResponseGb(of),
        (Per::Gb, of) => Basis::Gb(of),
        (Per::ServerHour, Some(of)) => Basis::ServerHour(of),
    };
    Some(basis)
}

/// Whether the bytes of all clients have to be counted.
pub fn needs_bytes(list: &[UsageSpec]) -> bool {
    let bytes = |per: Option<Per>| matches!(per, Some(Per::RequestGb | Per::ResponseGb | Per::Gb));
    list.iter().any(|spec| spec.of.is_none() && bytes(spec.per))
}

/// Checks that the stages named by `of` are there and count what is asked for.
pub fn check_places(list: &[UsageSpec], program: &Program, problems: &mut Problems) {
    for (spec, of) in list.iter().filter_map(|spec| Some((spec, spec.of.as_ref()?))) {
        let servers = spec.per == Some(Per::ServerHour);
        let stage = |operator: &String| operator.split('.').next().unwrap_or_default().to_owned();
        let fit: Vec<String> = match servers {
            true => {
                // Instances and tasks are on the bill anyway, and their units are workers and not servers.
                let counts = |name: &String| {
                    program
                        .stages
                        .iter()
                        .any(|stage| stage.name == *name && matches!(stage.kind.as_str(), "station" | "pool"))
                };
                let stations = program.stations.iter().map(|station| stage(&station.name));
                stations.chain(program.pools.iter().map(|pool| stage(&pool.name))).filter(counts).collect()
            }
            false => {
                let meters = program.stages.iter().filter(|stage| stage.kind == "meter");
                meters.map(|stage| stage.name.clone()).collect()
            }
        };
        if fit.contains(&of.value) {
            continue;
        }
        let what = if servers { "station" } else { "stage `meter`" };
        let problem = problems.error(of.span, format!("the path has no {what} of the name `{}`", of.value));
        match nearest(&of.value, fit.iter().map(String::as_str)) {
            Some(near) => problem.label(format!("did you mean `{near}`?")),
            None if fit.is_empty() && !servers => problem
                .label("not on the path")
                .help("put `- meter: {name: ...}` where requests and bytes are to be counted"),
            None => problem.label("not on the path").help(format!("there is: {}", fit.join(", "))),
        };
    }
}

/// Service and item of a path.
fn parts<'a>(path: &'a At<String>, problems: &mut Problems) -> Option<(&'a str, &'a str)> {
    let parts = path.value.split_once('/');
    if parts.is_none() {
        problems.error(path.span, "this names no price").label("expected `service/item`");
    }
    parts
}

/// A number from 0 to `most`.
pub fn amount(written: &At<f64>, most: Decimal, problems: &mut Problems) -> Option<Decimal> {
    let number = money::nearest(written.value).filter(|number| (Decimal::ZERO..=most).contains(number));
    if number.is_none() {
        problems.error(written.span, "this is out of range").label(format!("expected 0 to {most}"));
    }
    number
}
