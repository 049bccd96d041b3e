//! Problems of an input, and how they are shown: message, file, line, column, the line itself, a caret, what is allowed.
//!
//! Whoever reads an input adds to [`Problems`] and carries on, so that one run shows everything that is wrong. Positions
//! are byte offsets into a text held by [`Sources`]; only [`render`] turns them into lines and columns.

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use std::fmt;

/// A piece of an input: byte offsets `start..end` into the text of `file`, an index given by [`Sources::add`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceSpan {
    /// Index of the text in [`Sources`].
    pub file: u32,
    /// First byte.
    pub start: usize,
    /// One past the last byte; equal to `start` for a place between two characters.
    pub end: usize,
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The input cannot be used.
    Error,
    /// The input can be used, but probably means something else.
    Warning,
}

/// One thing that is wrong with an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// Where; absent when the problem has no place in a text, such as a missing file named on the command line.
    pub at: Option<SourceSpan>,
    /// Shown beside the caret: what is expected there.
    pub label: Option<String>,
    /// Shown below: how to mend it.
    pub help: Option<String>,
    /// Other places that matter, each with its own label, such as the first occurrence of a repeated key.
    pub also: Vec<(SourceSpan, String)>,
}

/// All problems found so far, in the order of finding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    list: Vec<Problem>,
}

/// The texts that positions refer to, each with the name under which it is shown.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    texts: Vec<(String, String)>,
}

impl SourceSpan {
    /// The empty place at the start of this piece.
    pub fn start_point(self) -> SourceSpan {
        SourceSpan { end: self.start, ..self }
    }

    /// The smallest piece that holds both; of `self` alone when they lie in different files.
    pub fn to(self, other: SourceSpan) -> SourceSpan {
        if self.file != other.file {
            return self;
        }
        SourceSpan { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The piece `start..end` of this piece, in bytes from its start, cut to what it holds.
    pub fn part(self, start: usize, end: usize) -> SourceSpan {
        let cut = |offset: usize| self.start.saturating_add(offset).min(self.end);
        SourceSpan { file: self.file, start: cut(start), end: cut(end.max(start)) }
    }
}

impl Problem {
    /// A problem of the given severity with a message only.
    fn new(severity: Severity, at: Option<SourceSpan>, message: String) -> Problem {
        Problem { severity, message, at, label: None, help: None, also: Vec::new() }
    }

    /// Says beside the caret what is expected.
    pub fn label(&mut self, text: impl Into<String>) -> &mut Problem {
        self.label = Some(text.into());
        self
    }

    /// Says below how to mend it.
    pub fn help(&mut self, text: impl Into<String>) -> &mut Problem {
        self.help = Some(text.into());
        self
    }

    /// Points at a second place with its own label.
    pub fn also(&mut self, at: SourceSpan, label: impl Into<String>) -> &mut Problem {
        self.also.push((at, label.into()));
        self
    }
}

impl Problems {
    /// No problems.
    pub fn new() -> Problems {
        Problems::default()
    }

    /// Adds an error and returns it, to be given a label or help.
    pub fn error(&mut self, at: impl Into<Option<SourceSpan>>, message: impl Into<String>) -> &mut Problem {
        self.push(Problem::new(Severity::Error, at.into(), message.into()))
    }

    /// Adds a warning and returns it, to be given a label or help.
    pub fn warning(&mut self, at: impl Into<Option<SourceSpan>>, message: impl Into<String>) -> &mut Problem {
        self.push(Problem::new(Severity::Warning, at.into(), message.into()))
    }

    fn push(&mut self, problem: Problem) -> &mut Problem {
        let index = self.list.len();
        self.list.push(problem);
        &mut self.list[index]
    }

    /// Whether any of them makes the input unusable.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// Whether nothing was found, not even a warning.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many were found.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The problems in the order of finding.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.list.iter()
    }

    /// Takes over the problems of another collection, after its own.
    pub fn append(&mut self, other: Problems) {
        self.list.extend(other.list);
    }

    /// The same problems with every place moved by `offset` bytes, for a text that is part of another.
    pub fn moved(mut self, offset: usize) -> Problems {
        let moved = |span: SourceSpan| SourceSpan { start: span.start + offset, end: span.end + offset, ..span };
        for problem in &mut self.list {
            problem.at = problem.at.map(moved);
            problem.also.iter_mut().for_each(|(place, _)| *place = moved(*place));
        }
        self
    }

    /// Orders by place (those without a place first) and drops exact repetitions, which shared parts of a file produce.
    pub fn sort(&mut self) {
        self.list.sort_by_key(|problem| problem.at);
        self.list.dedup();
    }
}

impl Sources {
    /// No texts.
    pub fn new() -> Sources {
        Sources::default()
    }

    /// Adds a text under the name shown to the user and returns the index for [`SourceSpan::file`].
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> u32 {
        let index = self.texts.len() as u32;
        self.texts.push((name.into(), text.into()));
        index
    }

    /// The name of a text; empty for an index that was never given out.
    pub fn name(&self, file: u32) -> &str {
        self.texts.get(file as usize).map_or("", |(name, _)| name)
    }

    /// A text; empty for an index that was never given out.
    pub fn text(&self, file: u32) -> &str {
        self.texts.get(file as usize).map_or("", |(_, text)| text)
    }

    /// The piece of text at a span; empty where the span does not fit the text.
    pub fn slice(&self, at: SourceSpan) -> &str {
        self.text(at.file).get(at.start..at.end).unwrap_or("")
    }

    /// Line and column of the start of a span, both counted from one, the column in characters.
    pub fn line_and_column(&self, at: SourceSpan) -> (usize, usize) {
        let text = self.text(at.file);
        let before = &text[..floor_boundary(text, at.start)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// The candidate most like `word`, if it is like enough that the writer may have meant it: at most one edit in three
/// letters, where a swap of neighbours is one edit and case, `-` and `_` do not matter. The first of equals wins.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Words this long are no slips of the pen, and the comparison takes quadratic time.
    const LONGEST: usize = 64;
    if word.len() > LONGEST {
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace('-', "_");
    let word = plain(word);
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &plain(candidate)), candidate))
        .filter(|&(distance, candidate)| distance <= allowed && distance < candidate.len())
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// All problems as text, each with file, line, column, the line and a caret, separated by empty lines.
pub fn render(problems: &Problems, sources: &Sources, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for problem in problems.iter() {
        text.push_str(&renderer.render(&[report(problem, sources)]));
        text.push_str("\n\n");
    }
    text.truncate(text.trim_end().len());
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn report<'a>(problem: &'a Problem, sources: &'a Sources) -> Group<'a> {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(problem.message.as_str()));
    if let Some(at) = problem.at {
        let label = problem.label.as_deref();
        let mut snippet = snippet(at.file, sources).annotation(annotation(AnnotationKind::Primary, at, label, sources));
        for (place, label) in problem.also.iter().filter(|(place, _)| place.file == at.file) {
            snippet = snippet.annotation(annotation(AnnotationKind::Context, *place, Some(label), sources));
        }
        group = group.element(snippet);
        for (place, label) in problem.also.iter().filter(|(place, _)| place.file != at.file) {
            let context = annotation(AnnotationKind::Context, *place, Some(label), sources);
            group = group.element(self::snippet(place.file, sources).annotation(context));
        }
    } else if let Some(label) = &problem.label {
        group = group.element(Level::NOTE.message(label.as_str()));
    }
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    group
}

fn snippet<'a>(file: u32, sources: &'a Sources) -> Snippet<'a, Annotation<'a>> {
    Snippet::source(sources.text(file)).path(sources.name(file))
}

/// The annotation cut to one line and to whole characters: a section is pointed at by its first line.
fn annotation<'a>(kind: AnnotationKind, at: SourceSpan, label: Option<&'a str>, sources: &Sources) -> Annotation<'a> {
    let text = sources.text(at.file);
    let start = floor_boundary(text, at.start);
    let end = floor_boundary(text, at.end).max(start);
    let line_end = text[start..end].find(['\n', '\r']).map_or(end, |length| start + length);
    kind.span(start..line_end).label(label)
}

/// The last character boundary of `text` at or before `offset`.
fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    fn sources(text: &str) -> Sources {
        let mut sources = Sources::new();
        sources.add("checkout.yaml", text);
        sources
    }

    fn span(start: usize, end: usize) -> SourceSpan {
        SourceSpan { file: 0, start, end }
    }

    #[test]
    fn a_problem_shows_file_line_column_the_line_a_caret_and_what_is_expected() {
        let text = "path:\n  - rest_api: {throttle: {rate: 5000/s, burst: 0}}\n";
        let at = text.find("0}").unwrap();
        let mut problems = Problems::new();
        problems.error(span(at, at + 1), "`burst` cannot be 0").label("expected 1 to 100000");
        assert_eq!(
            render(&problems, &sources(text), false),
            "\
error: `burst` cannot be 0
 --> checkout.yaml:2:48
  |
2 |   - rest_api: {throttle: {rate: 5000/s, burst: 0}}
  |                                                ^ expected 1 to 100000
"
        );
    }

    #[test]
    fn a_repeated_key_shows_the_first_occurrence_too() {
        let text = "seed: 1\nseed: 2\n";
        let mut problems = Problems::new();
        problems.error(span(8, 12), "`seed` is given twice").label("given again").also(span(0, 4), "first given here");
        assert_eq!(
            render(&problems, &sources(text), false),
            "\
error: `seed` is given twice
 --> checkout.yaml:2:1
  |
1 | seed: 1
  | ---- first given here
2 | seed: 2
  | ^^^^ given again
"
        );
    }

    #[test]
    fn a_problem_without_a_place_is_message_note_and_help() {
        let mut problems = Problems::new();
        problems.error(None, "cannot read `x.yaml`").label("no such file").help("name an existing file");
        let text = render(&problems, &Sources::new(), false);
        assert_eq!(text, "error: cannot read `x.yaml`\n |\n = note: no such file\n = help: name an existing file\n");
    }

    #[test]
    fn a_piece_of_several_lines_is_pointed_at_by_its_first_line() {
        let mut problems = Problems::new();
        problems.warning(span(0, 14), "too short").label("here");
        let text = render(&problems, &sources("traffic:\n  a: 1\n"), false);
        assert!(text.contains("warning: too short") && text.contains("| ^^^^^^^^ here"), "{text}");
        assert!(!text.contains("a: 1"), "{text}");
    }

    #[test]
    fn lines_and_columns_count_from_one_in_characters() {
        let sources = sources("é: 1\nß: x\n");
        assert_eq!(sources.line_and_column(span(0, 0)), (1, 1));
        assert_eq!(sources.line_and_column(span(10, 11)), (2, 4));
        assert_eq!(sources.slice(span(10, 11)), "x");
    }

    #[test]
    fn the_nearest_name_is_within_one_edit_in_three() {
        let kinds = ["waf", "cloudfront", "rest_api", "http_api"];
        assert_eq!(nearest("clodfront", kinds), Some("cloudfront"));
        assert_eq!(nearest("CloudFront", kinds), Some("cloudfront"));
        assert_eq!(nearest("rest-api", kinds), Some("rest_api"));
        assert_eq!(nearest("wfa", kinds), Some("waf"));
        assert_eq!(nearest("database", kinds), None);
        assert_eq!(nearest("", kinds), None);
    }

    #[test]
    fn sorting_orders_by_place_and_drops_repetitions() {
        let mut problems = Problems::new();
        problems.error(span(5, 6), "second");
        problems.error(span(1, 2), "first");
        problems.error(span(5, 6), "second");
        problems.error(None, "general");
        problems.sort();
        let messages: Vec<_> = problems.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(messages, ["general", "first", "second"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn rendering_never_fails_whatever_the_span(text in "\\PC{0,20}(\r?\n\t?\\PC{0,9}){0,3}", file in 0u32..2, start in 0usize..99, end in 0usize..99) {
            let mut problems = Problems::new();
            problems.error(SourceSpan { file, start, end }, "m").label("l").also(span(end, start), "also");
            prop_assert!(render(&problems, &sources(&text), false).starts_with("error: m"));
        }
    }
}
