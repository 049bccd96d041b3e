use super::*;
use crate::pricing::{Conventions, FreeTier};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn book() -> &'static Book {
    Book::pack("aws-2026-11").expect("a good book")
}

fn number(text: &str) -> Decimal {
    money::parse(text).expect("a number")
}

fn used(service: &str, item: &str, region: &str, quantity: &str) -> Usage {
    let key = Key::new(service, item, region);
    Usage { key, quantity: number(quantity), resource: String::new(), binding: None }
}

fn total(usage: &[Usage], conventions: &Conventions) -> Decimal {
    bill(usage, book(), conventions).expect("priced").total()
}

/// The total in USD, as shown.
fn shown(usage: &[Usage], conventions: &Conventions) -> String {
    money::usd(total(usage, conventions))
}

#[test]
fn tiers_are_counted_over_all_lines_of_a_price() {
    let halves = [
        used("apigateway", "rest_request", "us-east-1", "500000000"),
        used("apigateway", "rest_request", "us-east-1", "500000000"),
    ];
    let whole = [used("apigateway", "rest_request", "us-east-1", "1000000000")];
    assert_eq!(shown(&halves, &Conventions::default()), "3,033.10");
    assert_eq!(shown(&whole, &Conventions::default()), "3,033.10");
    let bill = bill(&halves, book(), &Conventions::default()).expect("priced");
    assert_eq!(bill.lines[0].split(), "333000000 x 0.0000035 + 667000000 x 0.0000028");
}

#[test]
fn published_totals_of_tiered_items_come_out_to_the_cent() {
    let rest = [used("apigateway", "rest_request", "us-east-1", "21000000000")];
    assert_eq!(shown(&rest, &Conventions::default()), "49,763.10");
    let socket = [
        used("apigateway", "websocket_message", "us-east-1", "1500000000"),
        used("apigateway", "websocket_connection_minute", "us-east-1", "10000000"),
    ];
    assert_eq!(shown(&socket, &Conventions::default()), "1,402.50");
    assert_eq!(
        shown(&[used("apigateway", "http_request", "us-east-1", "400000000")], &Conventions::default()),
        "390.00"
    );
}

#[test]
fn a_line_is_rounded_once_and_the_total_is_no_sum_of_rounded_lines() {
    // Three lines of 0.4 cents each are 1.2 cents, not three times nothing.
    let usage = ["us-east-1", "eu-west-1"].map(|region| used("vpc", "public_ipv4_in_use_hour", region, "0.8"));
    let mut usage = usage.to_vec();
    usage.push(used("vpc", "public_ipv4_idle_hour", "us-east-1", "0.8"));
    let bill = bill(&usage, book(), &Conventions::default()).expect("priced");
    assert!(bill.lines.iter().all(|line| line.cents() == number("0.00")));
    assert_eq!(money::usd(bill.total()), "0.01");
}

#[test]
fn free_units_are_taken_once_over_all_architectures_and_regions() {
    let free = Conventions { free_tier: FreeTier::AlwaysFree, ..Conventions::default() };
    let usage = [
        used("lambda", "request", "us-east-1", "700000"),
        used("lambda", "request", "eu-west-1", "800000"),
        used("lambda", "x86_gb_second", "us-east-1", "300000"),
        used("lambda", "arm_gb_second", "us-east-1", "300000"),
    ];
    let bill = bill(&usage, book(), &free).expect("priced");
    let free: Vec<String> = bill.lines.iter().map(|line| money::plain(line.free)).collect();
    assert_eq!(free, ["700000", "300000", "300000", "100000"]);
    assert_eq!(bill.lines[1].usd, number("0.1"));
}

#[test]
fn what_was_free_in_the_first_year_is_so_for_old_accounts_only() {
    let usage = [used("apigateway", "rest_request", "us-east-1", "3000000")];
    let with = |free_tier| shown(&usage, &Conventions { free_tier, ..Conventions::default() });
    assert_eq!(with(FreeTier::None), "10.50");
    assert_eq!(with(FreeTier::AlwaysFree), "10.50");
    assert_eq!(with(FreeTier::Legacy12Months), "7.00");
}

#[test]
fn usage_of_others_takes_the_first_units_of_a_tier_and_of_an_allowance() {
    let mut conventions = Conventions { free_tier: FreeTier::AlwaysFree, ..Conventions::default() };
    conventions.already.insert(Key::new("apigateway", "http_request", "us-east-1"), number("299000000"));
    conventions.already.insert(Key::new("lambda", "request", "eu-west-1"), number("900000"));
    assert_eq!(shown(&[used("apigateway", "http_request", "us-east-1", "2000000")], &conventions), "1.90");
    let bill = bill(&[used("lambda", "request", "us-east-1", "1100000")], book(), &conventions).expect("priced");
    assert_eq!(bill.lines[0].free, number("100000"));
}

#[test]
fn beyond_the_last_tier_there_is_no_price() {
    let far = [used("datatransfer", "internet_out_gb", "us-east-1", "153601")];
    let wrong = bill(&far, book(), &Conventions::default()).expect_err("not in the book");
    let text = "the price book has no price of datatransfer/internet_out_gb in us-east-1 beyond 153600 GB";
    assert_eq!(wrong[0].missing.message, text);
    assert!(bill(&[used("waf", "request", "global", "-1")], book(), &Conventions::default()).is_err());
}

#[test]
fn all_that_is_not_priced_is_told_at_once_in_order() {
    let usage = [
        used("lamda", "request", "us-east-1", "1"),
        used("lambda", "request", "us-east-1", "1"),
        used("elb", "nlb_nlcu_hour", "eu-west-1", "1"),
    ];
    let wrong = bill(&usage, book(), &Conventions::default()).expect_err("two are not in the book");
    assert_eq!(wrong.iter().map(|unpriced| unpriced.index).collect::<Vec<_>>(), [0, 2]);
}

#[test]
fn a_line_is_shared_out_by_quantity_over_the_stages_that_used_it() {
    let by = |resource: &str, quantity| Usage {
        resource: resource.to_owned(),
        ..used("elb", "alb_hour", "us-east-1", quantity)
    };
    let bill = bill(&[by("a", "300"), by("b", "100")], book(), &Conventions::default()).expect("priced");
    assert_eq!(bill.by_resource(), [("a".to_owned(), number("6.75")), ("b".to_owned(), number("2.25"))]);
}

/// Prices without an end, and quantities around their edges.
fn arbitrary_usage() -> impl Strategy<Value = Usage> {
    let open: Vec<Key> = book().prices().filter(|price| price.end().is_none()).map(|price| price.key.clone()).collect();
    (proptest::sample::select(open), 0_u64..30_000_000_000, 0_u32..4).prop_map(|(key, quantity, scale)| Usage {
        key,
        quantity: Decimal::new(quantity as i64, scale),
        resource: String::new(),
        binding: None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, rng_seed: RngSeed::Fixed(11), ..ProptestConfig::default() })]

    #[test]
    fn more_usage_never_costs_less(
        usage in proptest::collection::vec(arbitrary_usage(), 1..6),
        more in 0_u64..1_000_000_000,
        which in 0_usize..6,
        free in proptest::bool::ANY,
    ) {
        let free_tier = if free { FreeTier::Legacy12Months } else { FreeTier::None };
        let conventions = Conventions { free_tier, ..Conventions::default() };
        let before = total(&usage, &conventions);
        let mut grown = usage.clone();
        let index = which % grown.len();
        grown[index].quantity += money::whole(more);
        prop_assert!(total(&grown, &conventions) >= before);
    }

    #[test]
    fn the_order_of_hours_and_their_division_do_not_matter(
        usage in arbitrary_usage(),
        shares in proptest::collection::vec(1_u64..100, 1..8),
    ) {
        let sum: u64 = shares.iter().sum();
        let hourly = |share: &u64| {
            // Whole units an hour, as a ledger counts them.
            let quantity = (usage.quantity * money::whole(*share) / money::whole(sum)).trunc();
            Usage { quantity, ..usage.clone() }
        };
        let hours: Vec<Usage> = shares.iter().map(hourly).collect();
        let whole = Usage { quantity: hours.iter().map(|hour| hour.quantity).sum(), ..usage.clone() };
        let backwards: Vec<Usage> = hours.iter().rev().cloned().collect();
        let conventions = Conventions::default();
        prop_assert_eq!(total(&hours, &conventions), total(&[whole], &conventions));
        prop_assert_eq!(total(&hours, &conventions), total(&backwards, &conventions));
    }

    #[test]
    fn nothing_is_priced_at_zero_unless_the_book_says_so(usage in arbitrary_usage()) {
        let bill = bill(std::slice::from_ref(&usage), book(), &Conventions::default()).expect("priced");
        let Key { service, item, region } = &usage.key;
        let price = book().price(service, item, region).expect("known");
        let free_below = price.tiers.iter().find(|tier| !tier.usd.is_zero()).map(|tier| tier.from);
        let costs = free_below.is_some_and(|edge| usage.quantity > edge);
        prop_assert_eq!(bill.total() > Decimal::ZERO, costs);
        let sum: Decimal = bill.lines[0].tiers.iter().map(|tier| tier.quantity).sum();
        prop_assert_eq!(sum, usage.quantity, "every unit is in a tier");
    }
}
