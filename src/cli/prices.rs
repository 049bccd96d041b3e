//! `price` and `prices`: bills of plain quantities, and the book behind them.

use super::arguments::{Billing, Format, Free, Gigabyte, PriceArguments, PricesArguments, PricesCommand};
use super::commands::{print, print_bytes};
use super::{Exit, Failure};
use crate::diagnostic::render;
use crate::pricing::{Book, Conventions, FreeTier, Key, Offers, book, money};
use crate::report::bill;
use crate::scenario::usage;
use jiff::Timestamp;
use std::fmt::Display;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Largest file read, in bytes.
const MAX_BYTES: u64 = 4 << 30;

/// Prices a usage file.
pub fn price(arguments: &PriceArguments) -> Result<Exit, Failure> {
    let Billing { data, book, .. } = &arguments.billing;
    let (name, book) = chosen(data, book.as_deref())?;
    let conventions = conventions(&arguments.billing, book)?;
    let (shown, bytes) = read(&arguments.file)?;
    let bill = usage::price(&shown, &bytes, book, &conventions)
        .map_err(|(problems, sources)| Failure::new(Exit::Usage, render(&problems, &sources, true).trim_end()))?;
    match arguments.format {
        Format::Table => print(&bill::table(&shown, &name, &bill, &conventions, today()))?,
        Format::Json => print(&format!("{:#}\n", bill::json(&name, &bill, &conventions, today())))?,
        Format::Csv => print_bytes(&bill::csv(&bill))?,
    }
    Ok(Exit::Good)
}

/// Lists, checks or refreshes the price book.
pub fn prices(arguments: &PricesArguments) -> Result<Exit, Failure> {
    match &arguments.command {
        None => list(arguments),
        Some(PricesCommand::Check { data, as_of }) => {
            let day = match as_of {
                Some(date) => book::day(date).ok_or_else(|| usage_error(format!("`{date}` is no date YYYY-MM-DD")))?,
                None => today(),
            };
            print(&bill::check(pack(data)?, day)).map(|()| Exit::Good)
        }
        Some(PricesCommand::Refresh { from, data, out }) => refresh(from, data, out.as_deref()),
    }
}

fn list(arguments: &PricesArguments) -> Result<Exit, Failure> {
    let found = bill::search(pack(&arguments.data)?, &arguments.words);
    if found.is_empty() {
        let words = arguments.words.join(" ");
        return Err(usage_error(format!("no price holds `{words}`; `gatepath prices` lists all")));
    }
    match arguments.format {
        Format::Table => print(&bill::list(&found))?,
        Format::Json => print(&format!("{:#}\n", bill::list_json(&found)))?,
        Format::Csv => print(&bill::list_csv(&found))?,
    }
    Ok(Exit::Good)
}

fn refresh(from: &[PathBuf], data: &str, out: Option<&Path>) -> Result<Exit, Failure> {
    let mut offers = Offers::new();
    for file in from {
        let (shown, bytes) = read(file)?;
        let text = String::from_utf8(bytes).map_err(|error| usage_error(format!("{shown}: {error}")))?;
        let taken = offers.read(&text).map_err(|why| usage_error(format!("{shown} is no offer file: {why}")))?;
        anstream::eprintln!("{shown}: {taken} price dimensions");
    }
    if offers.is_empty() {
        return Err(usage_error("these files hold no price the book could take; nothing was written"));
    }
    for phrase in &offers.ambiguous {
        anstream::eprintln!("warning: two prices of {phrase}; the first is taken, check it");
    }
    let text = Book::text(data).ok_or_else(|| usage_error(format!("there is no data pack `{data}`")))?;
    let refreshed = offers.refresh(data, text).map_err(|errors| usage_error(joined(&errors)))?;
    for (key, old, new) in &refreshed.changed {
        anstream::eprintln!("changed: {key} from {} to {}", money::plain(*old), money::plain(*new));
    }
    for key in &refreshed.new {
        anstream::eprintln!("new: {key}");
    }
    anstream::eprintln!(
        "{} prices read: {} as before, {} changed, {} new",
        offers.len(),
        refreshed.same.len(),
        refreshed.changed.len(),
        refreshed.new.len()
    );
    match out {
        None => print(&refreshed.text)?,
        Some(file) => std::fs::write(file, &refreshed.text)
            .map_err(|error| Failure::new(Exit::Failed, format!("error: cannot write {}: {error}", file.display())))?,
    }
    Ok(Exit::Good)
}

/// The conventions that the command line asks for.
pub fn conventions(billing: &Billing, book: &Book) -> Result<Conventions, Failure> {
    let bytes = |gb: Gigabyte| match gb {
        Gigabyte::Binary => 1 << 30,
        Gigabyte::Decimal => 1_000_000_000,
    };
    let mut conventions = Conventions {
        hours_per_month: money::whole(billing.hours_per_month.into()),
        gb_bytes: bytes(billing.gb),
        lcu_gb_bytes: bytes(billing.lcu_gb),
        free_tier: match billing.free_tier {
            Free::None => FreeTier::None,
            Free::Always => FreeTier::AlwaysFree,
            Free::Legacy12Months => FreeTier::Legacy12Months,
        },
        ..Conventions::default()
    };
    for text in &billing.already {
        let wrong = || usage_error(format!("`--already {text}`: expected SERVICE/ITEM/REGION=QUANTITY"));
        let (path, quantity) = text.split_once('=').ok_or_else(wrong)?;
        let [service, item, region] = path.splitn(3, '/').collect::<Vec<_>>()[..] else { return Err(wrong()) };
        let quantity = money::parse(quantity).filter(|quantity| (money::whole(0)..=money::MOST).contains(quantity));
        let price = book.price(service, item, region).map_err(|missing| missed(text, &missing))?;
        *conventions.already.entry(price.key.clone()).or_default() += quantity.ok_or_else(wrong)?;
    }
    for text in &billing.prices {
        let wrong = || usage_error(format!("`--price {text}`: expected SERVICE/ITEM=USD"));
        let (path, usd) = text.split_once('=').ok_or_else(wrong)?;
        let (service, item) = path.split_once('/').ok_or_else(wrong)?;
        let usd = money::parse(usd).filter(|usd| (money::whole(0)..=money::DEAREST).contains(usd)).ok_or_else(wrong)?;
        if !book.prices().any(|price| price.key.service == service && price.key.item == item) {
            let Key { region, .. } = Key::new("", "", "");
            let missing = book.price(service, item, &region).err();
            return Err(missing.map_or_else(wrong, |missing| missed(text, &missing)));
        }
        conventions.prices.insert((service.to_owned(), item.to_owned()), usd.into());
    }
    Ok(conventions)
}

fn missed(text: &str, missing: &book::Missing) -> Failure {
    let near = missing.near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    usage_error(format!("`{text}`: {missing}{near}"))
}

/// The book of a file, or of a pack, with its name.
pub fn chosen(data: &str, file: Option<&Path>) -> Result<(String, &'static Book), Failure> {
    static GIVEN: OnceLock<Book> = OnceLock::new();
    let Some(file) = file else { return Ok((data.to_owned(), pack(data)?)) };
    let (shown, bytes) = read(file)?;
    let text = String::from_utf8(bytes).map_err(|error| usage_error(format!("{shown}: {error}")))?;
    let book = Book::read(&shown, &text).map_err(|errors| usage_error(joined(&errors)))?;
    Ok((shown, GIVEN.get_or_init(|| book)))
}

fn pack(name: &str) -> Result<&'static Book, Failure> {
    Book::pack(name).map_err(|errors| usage_error(joined(&errors)))
}

fn joined(errors: &[book::BookError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn usage_error(message: impl Display) -> Failure {
    Failure::new(Exit::Usage, format!("error: {message}"))
}

/// A file, or standard input for `-`, with the name it is shown by.
fn read(file: &Path) -> Result<(String, Vec<u8>), Failure> {
    let mut bytes = Vec::new();
    let shown = if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() };
    let read = match file == Path::new("-") {
        true => std::io::stdin().lock().take(MAX_BYTES).read_to_end(&mut bytes),
        false => std::fs::File::open(file).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes)),
    };
    match read {
        Ok(_) => Ok((shown, bytes)),
        Err(error) => Err(usage_error(format!("cannot read `{shown}`: {error}"))),
    }
}

/// Today, as ages of prices are counted.
pub fn today() -> u32 {
    book::day(&Timestamp::now().to_string()[..10]).unwrap_or(0)
}
