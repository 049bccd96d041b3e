//! A numeric field of a scenario that is tried at many values: where it is, its unit, and the overrides that set it.

use super::{read, set, yaml};
use crate::diagnostic::{Problems, Sources};
use std::path::Path;

/// A number in a scenario with its unit, such as `traffic.rate`, 400 `/s`.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Where it is, in the syntax of [`set`].
    pub path: String,
    /// The number as written.
    pub number: f64,
    /// What is written behind the number; empty for a count.
    pub unit: String,
    /// Whether only whole numbers make sense.
    pub whole: bool,
}

impl Field {
    /// Digits of the values that are tried.
    const DIGITS: usize = 4;

    /// The field of a file after overrides.
    ///
    /// # Errors
    /// When the file cannot be read, the path leads nowhere (with the nearest name), or the value is no number.
    pub fn of(file: &Path, overrides: &[String], path: &str) -> Result<Field, (Problems, Sources)> {
        let (mut sources, mut problems) = (Sources::new(), Problems::new());
        let bytes = read(file).map_err(|reason| {
            let mut problems = Problems::new();
            problems.error(None, format!("cannot read `{}`: {reason}", file.display()));
            (problems, Sources::new())
        })?;
        let shown = file.display().to_string();
        let field = yaml::parse_bytes(&shown, &bytes, &mut sources, &mut problems).and_then(|mut root| {
            overrides.iter().for_each(|argument| set::set(&mut root, argument, &mut sources, &mut problems));
            let (node, span) = set::get(&root, "--over", path, &mut sources, &mut problems)?;
            let Some(text) = node.as_text().filter(|_| !node.is_empty()) else {
                let problem = problems.error(span, format!("`{path}` holds {}, no number", node.describe()));
                problem.label("expected the path of a number, such as `traffic.rate`");
                return None;
            };
            let field = Field::parse(path, text);
            if field.is_none() {
                problems.error(span, format!("`{path}` is `{text}`, no number")).label("expected the path of a number");
            }
            field
        });
        match field {
            Some(field) if !problems.has_errors() => Ok(field),
            _ => Err((problems, sources)),
        }
    }

    /// A field with a value as written in a file; nothing when that is no positive number with a unit behind it.
    pub fn parse(path: &str, text: &str) -> Option<Field> {
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (digits, unit) = text.split_at(end);
        let number: f64 = digits.parse().ok()?;
        let whole = unit.is_empty() && !digits.contains('.');
        (number > 0.0).then(|| Field { path: path.to_owned(), number, unit: unit.to_owned(), whole })
    }

    /// The nearest value that is tried: a whole number of at least one, or one of four digits.
    pub fn round(&self, value: f64) -> f64 {
        match self.whole {
            true => value.round().max(1.0),
            false => format!("{value:.*e}", Field::DIGITS - 1).parse().unwrap_or(value),
        }
    }

    /// A value as it would be written.
    pub fn text(&self, value: f64) -> String {
        format!("{value}{}", self.unit)
    }

    /// The override that sets a value.
    pub fn setting(&self, value: f64) -> String {
        format!("{}={}", self.path, self.text(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Result<Field, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("t.yaml");
        std::fs::write(
            &file,
            "traffic: {rate: 400/s, duration: 10 s}\npath:\n  - waf\n  - ecs: {tasks: 4, cpu: [1]}\n",
        )
        .unwrap();
        Field::of(&file, &[], path).map_err(|(problems, sources)| crate::diagnostic::render(&problems, &sources, false))
    }

    #[test]
    fn numbers_keep_their_units() {
        let rate = of("traffic.rate").unwrap();
        assert_eq!((rate.number, rate.unit.as_str(), rate.whole), (400.0, "/s", false));
        assert_eq!(rate.setting(rate.round(412.3456)), "traffic.rate=412.3/s");
        let tasks = of("path.ecs.tasks").unwrap();
        assert_eq!((tasks.number, tasks.whole), (4.0, true));
        assert_eq!(tasks.setting(tasks.round(5.6)), "path.ecs.tasks=6");
        assert_eq!(Field::parse("x", "10k/s").map(|field| field.text(12.5)), Some("12.5k/s".to_owned()));
        assert_eq!(Field::parse("x", "0.5 ms").map(|field| field.text(0.25)), Some("0.25 ms".to_owned()));
    }

    #[test]
    fn a_field_that_is_not_there_has_a_nearest_name() {
        let wrong = of("traffic.rte").unwrap_err();
        assert!(wrong.contains("--over:1:9") && wrong.contains("did you mean `rate`?"), "{wrong}");
        let wrong = of("path.ecs.taks").unwrap_err();
        assert!(wrong.contains("did you mean `tasks`?"), "{wrong}");
        assert!(of("path.esc.tasks").unwrap_err().contains("did you mean `ecs`?"));
        assert!(of("path.waf.rules").unwrap_err().contains("there is no `rules`"));
        assert!(of("traffic").unwrap_err().contains("no number"));
        assert!(of("path.ecs.cpu").unwrap_err().contains("no number"));
    }
}
