//! Ramps, steps and pauses as in k6: each stage moves the rate in a straight line from where it is to a target.
//!
//! The area under a straight line is a parabola, so the time of each arrival solves a quadratic: exact, with no thinning.

use super::source::{Inverse, at_seconds};
use super::{SECOND, TrafficError, check};
use crate::time::{Span, Time};
use crate::units::Rate;

/// One stage: the rate goes in a straight line to `target` over `duration`; a duration of zero is a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// How long it takes.
    pub duration: Span,
    /// The rate at its end.
    pub target: Rate,
}

/// A rate over time made of stages. Traffic ends with the last stage.
#[derive(Clone, Debug)]
pub struct Stages {
    pieces: Vec<Piece>,
}

/// A stretch with a straight rate.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// Seconds from the start.
    from: f64,
    seconds: f64,
    start: f64,
    end: f64,
    /// Area under the rate before it.
    before: f64,
}

impl Stages {
    /// Stages one after another, the first starting from the rate `start`.
    ///
    /// # Errors
    /// When there are no stages, a rate is negative, above one a nanosecond or no number, or nothing ever arrives.
    pub fn new(start: Rate, stages: &[Stage]) -> Result<Stages, TrafficError> {
        let valid = |rate: Rate| (0.0..=SECOND).contains(&rate.0);
        check(!stages.is_empty(), "the list of stages", "at least one stage long")?;
        check(valid(start), "the start rate", "from 0/s to 1000000000/s")?;
        check(stages.iter().all(|stage| valid(stage.target)), "every target", "from 0/s to 1000000000/s")?;
        let mut pieces = Vec::with_capacity(stages.len());
        let (mut nanos, mut rate, mut before) = (0u64, start.0, 0.0);
        for stage in stages {
            if stage.duration > Span::ZERO {
                let seconds = stage.duration.as_secs_f64();
                let from = Time(nanos).as_secs_f64();
                pieces.push(Piece { from, seconds, start: rate, end: stage.target.0, before });
                before += 0.5 * (rate + stage.target.0) * seconds;
                nanos = nanos.saturating_add(stage.duration.0);
            }
            rate = stage.target.0;
        }
        check(before > 0.0, "the list of stages", "such that requests arrive: some rate above zero for some time")?;
        Ok(Stages { pieces })
    }

    /// The end of the last stage.
    pub fn end(&self) -> Time {
        self.pieces.last().map_or(Time::ZERO, |piece| at_seconds(piece.from + piece.seconds))
    }

    /// Requests expected before a time.
    pub fn area(&self, until: Time) -> f64 {
        let seconds = until.as_secs_f64();
        self.pieces.iter().map(|piece| piece.area((seconds - piece.from).clamp(0.0, piece.seconds))).sum()
    }

    /// A walk along the rate.
    pub(super) fn cursor(&self) -> Cursor {
        Cursor { pieces: self.pieces.clone(), current: 0 }
    }
}

impl Piece {
    /// Area under the rate over the first `seconds` of the piece.
    fn area(&self, seconds: f64) -> f64 {
        seconds * (self.start + 0.5 * (self.end - self.start) * (seconds / self.seconds))
    }

    /// Seconds until the area under the rate reaches `area`. The quadratic is solved in the form that does not cancel.
    fn seconds_to(&self, area: f64) -> f64 {
        let slope = (self.end - self.start) / self.seconds;
        let root = (self.start * self.start + 2.0 * slope * area).max(0.0).sqrt();
        let sum = self.start + root;
        if sum > 0.0 { (2.0 * area / sum).min(self.seconds) } else { 0.0 }
    }
}

/// A walk along the stages.
#[derive(Debug)]
pub(super) struct Cursor {
    pieces: Vec<Piece>,
    current: usize,
}

impl Inverse for Cursor {
    fn instant(&mut self, area: f64) -> Option<Time> {
        loop {
            let piece = self.pieces.get(self.current)?;
            let here = (area - piece.before).max(0.0);
            if here < piece.area(piece.seconds) {
                return Some(at_seconds(piece.from + piece.seconds_to(here)));
            }
            self.current += 1;
        }
    }
}
