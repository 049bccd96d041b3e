//! The 48 worked examples of published and derived bills, to the cent.

use gatepath::pricing::{Bill, Book, Conventions, Decimal, Key, Usage, bill, money};
use serde_json::Value;

/// A row of the examples.
struct Example {
    id: String,
    inputs: Value,
    expected: String,
}

fn examples() -> Vec<Example> {
    let mut reader = csv::Reader::from_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/pricing-examples.csv"))
        .expect("the examples");
    let read = |record: csv::StringRecord| Example {
        id: record[0].to_owned(),
        inputs: serde_json::from_str(&record[3]).expect("inputs are JSON"),
        expected: record[4].to_owned(),
    };
    reader.records().map(|record| read(record.expect("a row"))).collect()
}

fn number(text: &str) -> Decimal {
    money::parse(text).expect("a number")
}

/// The quantities of an example, and its conventions.
fn usage(example: &Example) -> (Vec<Usage>, Conventions) {
    let text = |meter: &Value, key: &str| meter[key].as_str().expect("a text").to_owned();
    let meters = example.inputs["meters"].as_array().expect("meters");
    let used = |meter: &Value| Usage {
        key: Key::new(&text(meter, "service"), &text(meter, "item"), &text(meter, "region")),
        quantity: number(&text(meter, "qty")),
        resource: String::new(),
        binding: None,
    };
    let mut conventions = Conventions::default();
    for (path, price) in example.inputs["unit_price_overrides"].as_object().into_iter().flatten() {
        let (service, item) = path.split_once('/').expect("service and item");
        conventions
            .prices
            .insert((service.to_owned(), item.to_owned()), number(price.as_str().expect("a price")).into());
    }
    (meters.iter().map(used).collect(), conventions)
}

fn priced(example: &Example) -> Bill {
    let book = Book::pack("aws-2026-11").expect("a good book");
    let (usage, conventions) = usage(example);
    bill(&usage, book, &conventions).unwrap_or_else(|wrong| panic!("{}: {wrong:?}", example.id))
}

#[test]
fn every_worked_example_is_priced_to_the_cent() {
    let examples = examples();
    assert_eq!(examples.len(), 48);
    for example in &examples {
        let total = money::cents(priced(example).total());
        assert_eq!(total.to_string(), example.expected, "{}", example.id);
    }
}

#[test]
fn an_example_without_traffic_costs_its_fixed_lines() {
    for id in ["PX031", "PX036", "PX071", "PX088"] {
        let examples = examples();
        let example = examples.iter().find(|example| example.id == id).expect("an example");
        let fixed: Decimal =
            priced(example).lines.iter().filter(|line| line.unit.ends_with("hour")).map(|line| line.usd).sum();
        assert_eq!(money::cents(fixed).to_string(), example.expected, "{id}");
    }
}
