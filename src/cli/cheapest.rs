//! `capacity --cheapest`: the points of a grid, tried and priced.

use super::arguments::{CapacityArguments, Format};
use super::capacity::{case, failure, question, runner};
use super::commands::{print, print_bytes};
use super::{Exit, Failure};
use crate::report::cheapest as report;
use crate::scenario::Field;
use crate::study::cheapest::{Offer, cheapest as search};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Points of a grid at most.
const MOST: usize = 1000;

/// Tries all points of the grid and shows the cheapest that meets the objectives.
pub fn cheapest(arguments: &CapacityArguments) -> Result<Exit, Failure> {
    let points = points(&arguments.grid)?;
    let first = case(arguments, &points[0]).map_err(|wrong| Failure::new(Exit::Usage, wrong))?;
    let Some(counter) = Field::parse("grid", "1") else { return Err(Failure::new(Exit::Failed, "error: no grid")) };
    let question = question(arguments, counter, &first)?;
    let cancel = Arc::new(AtomicBool::new(false));
    let runner = runner(&arguments.running, &cancel)?;
    let cases = |point: f64| case(arguments, &points[point as usize]);
    let told = |offer: &Offer| {
        if !arguments.running.quiet {
            anstream::eprintln!("{}", report::line(&points[offer.point], 0, offer));
        }
    };
    let found = search(&question, points.len(), &cases, runner, &told).map_err(failure)?;
    match arguments.format {
        Format::Table => print(&report::summary(&first, &points, &found, question.confidence))?,
        Format::Csv => print_bytes(&report::table(&first, &points, &found).to_csv())?,
        Format::Json => {
            print(&format!("{:#}\n", report::document(&first, &points, &found, question.confidence)))?;
        }
    }
    Ok(if found.best.is_some() { Exit::Good } else { Exit::Missed })
}

/// All combinations of the values of `PATH=VALUE,VALUE,...`, the last field fastest.
fn points(grid: &[String]) -> Result<Vec<Vec<String>>, Failure> {
    let mut points = vec![Vec::new()];
    for axis in grid {
        let wrong = || Failure::new(Exit::Usage, format!("error: `{axis}` is no `PATH=VALUE,VALUE,...`"));
        let (path, values) = axis.split_once('=').ok_or_else(wrong)?;
        let values: Vec<&str> = values.split(',').map(str::trim).filter(|value| !value.is_empty()).collect();
        if values.is_empty() {
            return Err(wrong());
        }
        let more = |point: &Vec<String>| {
            let settings = values.iter().map(|value| format!("{}={value}", path.trim()));
            let longer = |setting: String| point.iter().cloned().chain([setting]).collect::<Vec<String>>();
            settings.map(longer).collect::<Vec<_>>()
        };
        points = points.iter().flat_map(more).collect();
        if points.len() > MOST {
            return Err(Failure::new(Exit::Usage, format!("error: the grid has more than {MOST} points")));
        }
    }
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_is_every_combination() {
        let grid = ["path.ecs.tasks=2, 4".to_owned(), "traffic.rate=5/s,6/s".to_owned()];
        let points = points(&grid).unwrap();
        assert_eq!(points.len(), 4);
        assert_eq!(points[1], ["path.ecs.tasks=2", "traffic.rate=6/s"]);
        assert!(super::points(&["tasks".to_owned()]).is_err());
        assert!(super::points(&["tasks=,".to_owned()]).is_err());
    }
}
