//! Replay of recorded requests: each with its time, and, where the trace has them, class, key, sizes, demand and target.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::file::{Column, Names, Stamp, Table, TraceError, nanoseconds};
use super::population::{Class, Dresser, Population};
use super::source::BLOCK;
use super::{TrafficError, check};
use crate::exec::{Arrival, Source};
use crate::rng::{Key, Threshold, happens};
use crate::time::{Span, Time};

/// Which columns of a trace mean what. Only the time is needed; what is not in the trace is drawn by the population.
#[derive(Clone, Debug)]
pub struct Columns {
    /// When the user meant to send the request.
    pub time: String,
    /// How times are written.
    pub stamp: Stamp,
    /// Whether the first request's time is the start of the run; otherwise times count from the start of the run. Dates
    /// always count from the first.
    pub from_first: bool,
    /// Name of the class.
    pub class: Option<String>,
    /// Any text that names the object asked for.
    pub key: Option<String>,
    /// Size of the request in bytes.
    pub request_size: Option<String>,
    /// Size of the response in bytes.
    pub response_size: Option<String>,
    /// Service demand.
    pub demand: Option<String>,
    /// Nanoseconds in a unit of the demand.
    pub demand_unit: u64,
    /// Name of the target that served it; an empty text or `-` for none.
    pub target: Option<String>,
}

impl Columns {
    /// Only times.
    pub fn times(time: &str, stamp: Stamp) -> Columns {
        Columns {
            time: time.into(),
            stamp,
            from_first: false,
            class: None,
            key: None,
            request_size: None,
            response_size: None,
            demand: None,
            demand_unit: 1,
            target: None,
        }
    }
}

/// Recorded requests in order of time. Eight bytes a request, and four or eight for each column asked for.
#[derive(Clone, Debug)]
pub struct Requests {
    rows: Arc<Rows>,
    /// The rows replayed, and the time that is the start of the run.
    from: usize,
    to: usize,
    origin: u64,
    /// How long they last, if something says so.
    length: Option<Span>,
    thin: Threshold,
    speed: f64,
}

/// The columns that were asked for, in order of time.
#[derive(Debug, Default)]
struct Rows {
    times: Vec<u64>,
    classes: Vec<u16>,
    keys: Vec<u32>,
    request_bytes: Vec<u32>,
    response_bytes: Vec<u32>,
    demands: Vec<u64>,
    targets: Vec<u32>,
    class_names: Vec<String>,
    target_names: Vec<String>,
    key_count: u32,
}

impl Requests {
    /// The requests of a CSV file, plain or gzip. Rows may be in any order; those of equal time keep theirs. Classes are
    /// those of the population by name if it has more than one, else numbered as they first appear.
    ///
    /// # Errors
    /// When the file cannot be read, a column is missing, or a value is not what its column means.
    pub fn load(path: &Path, columns: &Columns, population: &Population) -> Result<Requests, TrafficError> {
        let rows = read(path, columns, population)?;
        let to = rows.times.len();
        Ok(Requests { from: 0, to, origin: 0, length: None, thin: Threshold::ALWAYS, speed: 1.0, rows: Arc::new(rows) })
    }

    /// The requests from `skip` on, for at most `take`; what was at `skip` becomes the start.
    ///
    /// # Errors
    /// When nothing is left.
    pub fn cut(self, skip: Span, take: Option<Span>) -> Result<Requests, TrafficError> {
        let origin = self.origin.saturating_add(skip.0);
        let before = |time: u64| self.rows.times.partition_point(|&at| at < time).clamp(self.from, self.to);
        let from = before(origin);
        let to = take.map_or(self.to, |take| before(origin.saturating_add(take.0)));
        check(from < to, "what is skipped", "such that requests are left")?;
        let length = take.or(self.length.map(|length| Span(length.0.saturating_sub(skip.0))));
        Ok(Requests { from, to, origin, length, ..self })
    }

    /// The traffic times a factor: below 1, each request is kept with this probability, drawn by its place in the trace,
    /// at its own time; above 1, time runs faster by the factor, so that gaps and the whole shrink.
    ///
    /// # Errors
    /// When the factor is not above zero and at most a million.
    pub fn scaled(self, factor: f64) -> Result<Requests, TrafficError> {
        check(factor > 0.0 && factor <= 1e6, "the scale", "above zero and at most 1000000")?;
        if factor < 1.0 {
            return Ok(Requests { thin: Threshold::new(self.thin.probability() * factor), ..self });
        }
        Ok(Requests { speed: self.speed * factor, ..self })
    }

    /// How many requests are replayed, before thinning.
    pub fn len(&self) -> usize {
        self.to - self.from
    }

    /// Whether there are none. There always are.
    pub fn is_empty(&self) -> bool {
        self.from == self.to
    }

    /// Classes of the trace in order of their numbers; none if it has no such column.
    pub fn classes(&self) -> &[String] {
        &self.rows.class_names
    }

    /// The population with the classes of the trace: each like its only class. Unchanged if it names classes itself, or
    /// the trace does not.
    pub(super) fn name_classes(&self, population: Population) -> Population {
        match population.classes() {
            [only] if !self.classes().is_empty() => {
                let named = |name: &String| Class { name: name.clone(), ..only.clone() };
                Population::new(self.classes().iter().map(named).collect()).unwrap_or(population)
            }
            _ => population,
        }
    }

    /// Targets of the trace in order of their numbers (`t2` before `t10`); none if it has no such column.
    pub fn targets(&self) -> &[String] {
        &self.rows.target_names
    }

    /// The number of different keys; 0 if the trace has no such column.
    pub fn keys(&self) -> u32 {
        self.rows.key_count
    }

    /// Whether the trace says how long each request was served.
    pub fn has_demand(&self) -> bool {
        !self.rows.demands.is_empty()
    }

    /// The end of the replay: as cut, else just after the last request.
    pub fn end(&self) -> Time {
        match self.length {
            Some(length) => Time(self.faster(length.0)),
            None => Time(self.at(self.to - 1).0.saturating_add(1)),
        }
    }

    /// Requests expected before a time.
    pub fn expected(&self, until: Time) -> f64 {
        let times = &self.rows.times[self.from..self.to];
        let before = times.partition_point(|&time| Time(self.faster(time - self.origin)) < until);
        before as f64 * self.thin.probability()
    }

    /// The requests of one replication.
    pub(super) fn source(&self, key: &dyn Fn(&str) -> Key, dresser: Dresser, until: Time) -> Replay {
        Replay { next: self.from, requests: self.clone(), thin: key("thin"), dresser, until }
    }

    /// When a row arrives.
    fn at(&self, row: usize) -> Time {
        Time(self.faster(self.rows.times[row] - self.origin))
    }

    fn faster(&self, nanos: u64) -> u64 {
        if self.speed == 1.0 { nanos } else { (nanos as f64 / self.speed + 0.5) as u64 }
    }
}

/// A walk along recorded requests. The serial number is the place in the whole trace, so thinning and cutting leave the
/// luck of a request alone.
#[derive(Debug)]
pub(super) struct Replay {
    requests: Requests,
    thin: Key,
    dresser: Dresser,
    until: Time,
    next: usize,
}

impl Replay {
    fn arrival(&self, row: usize, at: Time) -> Arrival {
        let rows = &self.requests.rows;
        let mut arrival = match rows.classes.get(row) {
            Some(&class) => self.dresser.request_of(class, at, row as u64),
            None => self.dresser.request(at, row as u64),
        };
        let set = |to: &mut u32, column: &[u32]| {
            if let Some(&value) = column.get(row) {
                *to = value;
            }
        };
        set(&mut arrival.key, &rows.keys);
        set(&mut arrival.request_bytes, &rows.request_bytes);
        set(&mut arrival.response_bytes, &rows.response_bytes);
        set(&mut arrival.target, &rows.targets);
        arrival.demand = rows.demands.get(row).copied().unwrap_or(0);
        arrival
    }
}

impl Source for Replay {
    fn fill(&mut self, block: &mut Vec<Arrival>) {
        let full = block.len() + BLOCK;
        while self.next < self.requests.to && block.len() < full {
            let row = self.next;
            let at = self.requests.at(row);
            if at >= self.until {
                self.next = self.requests.to;
                return;
            }
            self.next += 1;
            if happens(self.thin.bits(row as u64), self.requests.thin) {
                block.push(self.arrival(row, at));
            }
        }
    }
}

/// Positions of the columns that were asked for.
struct Positions {
    time: Column,
    class: Option<Column>,
    key: Option<Column>,
    request_size: Option<Column>,
    response_size: Option<Column>,
    demand: Option<Column>,
    target: Option<Column>,
}

impl Positions {
    fn find(table: &Table, columns: &Columns) -> Result<Positions, TraceError> {
        let find = |name: &Option<String>| name.as_deref().map(|name| table.column(name)).transpose();
        Ok(Positions {
            time: table.column(&columns.time)?,
            class: find(&columns.class)?,
            key: find(&columns.key)?,
            request_size: find(&columns.request_size)?,
            response_size: find(&columns.response_size)?,
            demand: find(&columns.demand)?,
            target: find(&columns.target)?,
        })
    }
}

/// The rows of a file in order of time.
fn read(path: &Path, columns: &Columns, population: &Population) -> Result<Rows, TraceError> {
    let mut table = Table::open(path, true)?;
    let positions = Positions::find(&table, columns)?;
    let by_name = population.classes().len() > 1;
    let (mut classes, mut keys, mut targets) = (Names::default(), Names::default(), Names::default());
    let mut times: Vec<i128> = Vec::new();
    let mut rows = Rows::default();
    let size = |text: &str| text.parse::<u32>().ok();
    while table.advance()? {
        times.push(table.value(&positions.time, columns.stamp.expected(), |text| columns.stamp.parse(text))?);
        if let Some(column) = &positions.class {
            let name = table.text(column)?;
            let number = if by_name { population.class(name) } else { u16::try_from(classes.number(name)).ok() };
            let unknown = || {
                let known: Vec<&str> = population.classes().iter().take(20).map(|class| class.name.as_str()).collect();
                table.here(column, format!("there is no class \"{name}\"; the classes are {}", known.join(", ")))
            };
            rows.classes.push(number.ok_or_else(unknown)?);
        }
        if let Some(column) = &positions.key {
            rows.keys.push(keys.number(table.text(column)?));
        }
        if let Some(column) = &positions.request_size {
            rows.request_bytes.push(table.value(column, "a whole number of bytes", size)?);
        }
        if let Some(column) = &positions.response_size {
            rows.response_bytes.push(table.value(column, "a whole number of bytes", size)?);
        }
        if let Some(column) = &positions.demand {
            let read = |text: &str| nanoseconds(text, columns.demand_unit);
            rows.demands.push(table.value(column, "a number that is not negative", read)?);
        }
        if let Some(column) = &positions.target {
            rows.targets.push(targets.number(table.text(column)?));
        }
    }
    if times.is_empty() {
        return Err(table.whole("holds no requests"));
    }
    rows.class_names = match (by_name, positions.class) {
        (_, None) => Vec::new(),
        (true, _) => population.classes().iter().map(|class| class.name.clone()).collect(),
        (false, _) => classes.in_order().into_iter().map(String::from).collect(),
    };
    rows.key_count = keys.in_order().len() as u32;
    rows.number_targets(&targets);
    let origin = if columns.from_first || columns.stamp == Stamp::Date { times.iter().min().copied() } else { None };
    rows.order(&times, origin.unwrap_or(0));
    Ok(rows)
}

impl Rows {
    /// Numbers targets in the natural order of their names instead of that of their appearance.
    fn number_targets(&mut self, names: &Names) {
        let named = names.in_order();
        let is_name = |name: &str| !name.is_empty() && name != "-";
        let mut sorted: Vec<&str> = named.iter().copied().filter(|name| is_name(name)).collect();
        sorted.sort_by(|a, b| natural(a, b));
        let numbers: BTreeMap<&str, u32> = sorted.iter().zip(0..).map(|(&name, number)| (name, number)).collect();
        let renumbered: Vec<u32> = named.iter().map(|name| numbers.get(name).copied().unwrap_or(0)).collect();
        self.targets.iter_mut().for_each(|target| *target = renumbered[*target as usize]);
        self.target_names = sorted.into_iter().map(String::from).collect();
    }

    /// Puts all columns in order of time and counts times from `origin`.
    fn order(&mut self, times: &[i128], origin: i128) {
        let nanos = |row: usize| u64::try_from(times[row] - origin).unwrap_or(u64::MAX);
        let mut order: Vec<usize> = (0..times.len()).collect();
        order.sort_by_key(|&row| times[row]);
        self.times = order.iter().map(|&row| nanos(row)).collect();
        permute(&mut self.classes, &order);
        permute(&mut self.keys, &order);
        permute(&mut self.request_bytes, &order);
        permute(&mut self.response_bytes, &order);
        permute(&mut self.demands, &order);
        permute(&mut self.targets, &order);
    }
}

/// A column in a new order; a column that is not there stays so.
fn permute<T: Copy>(column: &mut Vec<T>, order: &[usize]) {
    if !column.is_empty() {
        *column = order.iter().map(|&row| column[row]).collect();
    }
}

/// The order of names in which `t2` comes before `t10`: runs of digits compare as numbers.
fn natural(a: &str, b: &str) -> Ordering {
    let key = |name: &str| {
        let head = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let number = name[head.len()..].parse::<u64>().unwrap_or(0);
        (head.to_string(), number)
    };
    key(a).cmp(&key(b)).then_with(|| a.cmp(b))
}
