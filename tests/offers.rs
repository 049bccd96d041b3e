//! Offer files as they are published: JSON with products and terms apart, tiers in any order and terms of other kinds; CSV
//! behind five lines about the file, with its own names of columns. The excerpts in `tests/data/offers` were written after
//! the documented structure (AWS Billing user guide, "Reading the service price list files"), with rates made up where a
//! test needs a change: they are no copies.

use gatepath::pricing::{Book, Key, Offers, money};

const PACK: &str = "aws-2026-11";

fn offers(files: &[&str]) -> (Offers, usize) {
    let mut offers = Offers::new();
    let mut taken = 0;
    for file in files {
        let path = format!("{}/tests/data/offers/{file}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).expect("an excerpt");
        taken += offers.read(&text).unwrap_or_else(|why| panic!("{file}: {why}"));
    }
    (offers, taken)
}

/// The refreshed book, and what is as before, changed and new.
fn refreshed(files: &[&str]) -> (Book, [Vec<String>; 3]) {
    let refreshed = offers(files).0.refresh("prices.csv", Book::text(PACK).expect("a book")).expect("a good book");
    let names = |keys: &[Key]| keys.iter().map(Key::to_string).collect::<Vec<_>>();
    let changed: Vec<Key> = refreshed.changed.iter().map(|(key, ..)| key.clone()).collect();
    let told = [names(&refreshed.same), names(&changed), names(&refreshed.new)];
    (Book::read("new", &refreshed.text).expect("a good book"), told)
}

/// Where each tier begins, and its rate.
fn tiers(book: &Book, service: &str, item: &str, region: &str) -> Vec<(String, String)> {
    let price = book.price(service, item, region).expect("a price");
    price.tiers.iter().map(|tier| (money::plain(tier.from), money::plain(tier.usd))).collect()
}

fn told(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(from, usd)| ((*from).to_owned(), (*usd).to_owned())).collect()
}

#[test]
fn tiers_of_functions_are_put_in_order_and_other_products_are_passed_over() {
    assert_eq!(offers(&["AWSLambda.json"]).1, 4, "three tiers of duration and one price of requests, none at the edge");
    let (book, [same, changed, new]) = refreshed(&["AWSLambda.json"]);
    assert_eq!(same, ["lambda/request in us-east-1", "lambda/x86_gb_second in us-east-1"]);
    assert_eq!((changed.len(), new.len()), (0, 0));
    let duration = told(&[("0", "0.0000166667"), ("6000000000", "0.000015"), ("15000000000", "0.0000133334")]);
    assert_eq!(tiers(&book, "lambda", "x86_gb_second", "us-east-1"), duration);
    let price = book.price("lambda", "request", "us-east-1").expect("a price");
    assert_eq!((price.tiers[0].date.as_str(), price.tiers[0].source.as_str()), ("2026-12-03", "offer file AWSLambda"));
}

#[test]
fn transfer_is_filed_under_the_region_it_leaves() {
    assert_eq!(
        offers(&["AWSDataTransfer.json"]).1,
        5,
        "four tiers to the internet, one between zones, none between regions"
    );
    let (book, [_, changed, _]) = refreshed(&["AWSDataTransfer.json"]);
    assert_eq!(changed, ["datatransfer/internet_out_gb in eu-west-1"]);
    let out = told(&[("0", "0.09"), ("10240", "0.085"), ("51200", "0.07"), ("153600", "0.049")]);
    assert_eq!(tiers(&book, "datatransfer", "internet_out_gb", "eu-west-1"), out);
    assert!(book.price("datatransfer", "internet_out_gb", "eu-west-1").expect("a price").end().is_none());
}

#[test]
fn edge_locations_are_filed_under_their_class() {
    let (book, _) = refreshed(&["AmazonCloudFront.json"]);
    assert_eq!(tiers(&book, "cloudfront", "https_request", "cf-eu"), told(&[("0", "0.0000012")]));
    assert_eq!(
        tiers(&book, "cloudfront", "data_transfer_out_gb", "cf-eu").len(),
        3,
        "all tiers of the old book are gone"
    );
}

#[test]
fn balancers_are_told_from_trust_stores_reservations_gateways_and_other_currencies() {
    assert_eq!(offers(&["AWSELB.csv"]).1, 4);
    let (book, [same, changed, new]) = refreshed(&["AWSELB.csv"]);
    assert_eq!(tiers(&book, "elb", "alb_hour", "us-east-1"), told(&[("0", "0.0225")]));
    assert_eq!((same.len(), changed.len()), (3, 0), "{same:?} {changed:?}");
    assert_eq!(new, ["elb/nlb_nlcu_hour in eu-west-1"], "a gap of the book is filled");
}

#[test]
fn instances_are_those_with_linux_alone_on_shared_machines() {
    assert_eq!(offers(&["AmazonEC2.csv"]).1, 3);
    let (book, [same, changed, _]) = refreshed(&["AmazonEC2.csv"]);
    assert_eq!(tiers(&book, "ec2", "t3.medium_hour", "us-east-1"), told(&[("0", "0.0416")]));
    assert_eq!(changed, ["nat/nat_gateway_hour in us-east-1"]);
    assert!(same.contains(&"nat/nat_gateway_gb in us-east-1".to_owned()), "{same:?}");
}

#[test]
fn databases_are_told_by_engine_and_zones() {
    let (book, [same, _, new]) = refreshed(&["AmazonRDS.csv"]);
    let xlarge = ["multi", "single"].map(|zones| format!("rds/postgres_{zones}_az_db.r6g.xlarge_hour in us-east-1"));
    assert_eq!(same, xlarge);
    assert_eq!(new.len(), 2, "{new:?}");
    assert_eq!(tiers(&book, "rds", "mariadb_single_az_db.r6g.2xlarge_hour", "eu-west-1"), told(&[("0", "0.901")]));
}

#[test]
fn all_files_together_leave_nothing_out_and_nothing_in_doubt() {
    let files = [
        "AWSLambda.json",
        "AWSDataTransfer.json",
        "AmazonCloudFront.json",
        "AWSELB.csv",
        "AmazonEC2.csv",
        "AmazonRDS.csv",
    ];
    assert!(offers(&files).0.ambiguous.is_empty());
    let (book, [_, _, new]) = refreshed(&files);
    let old = Book::pack(PACK).expect("a good book");
    assert_eq!(book.prices().count(), old.prices().count() + new.len());
    assert_eq!(book.allowances().count(), old.allowances().count());
}

#[test]
fn two_rates_for_one_price_are_told() {
    let row = |sku: &str, usd: &str| {
        format!(
            "\"{sku}\",\"OnDemand\",\"0\",\"Inf\",\"{usd}\",\"USD\",\"NAT Gateway\",\"NatGateway-Hours\",\"NatGateway\",\"us-east-1\"\n"
        )
    };
    let text = format!(
        "\"OfferCode\",\"AmazonEC2\"\n\"SKU\",\"TermType\",\"StartingRange\",\"EndingRange\",\"PricePerUnit\",\"Currency\",\
         \"Product Family\",\"usageType\",\"operation\",\"Region Code\"\n{}{}{}",
        row("A", "0.045"),
        row("B", "0.045"),
        row("C", "0.059")
    );
    let mut offers = Offers::new();
    assert_eq!(offers.read(&text), Ok(3));
    assert_eq!(offers.ambiguous, ["nat/nat_gateway_hour in us-east-1: 0.045 and 0.059"]);
}
