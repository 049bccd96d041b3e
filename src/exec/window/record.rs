//! What the requests of a window leave in the records.

use super::batch::{
    BEFORE_SEND, BORN, Batch, CLASS, COUNTS, Cells, MARK, OUTCOME, REQUEST, RESPONSE, ROW, STAGE, TRAIL, Values,
};
use super::bet::Counted;
use super::{NO_STAGE, Windows};
use crate::exec::columns::{differences, select};
use crate::exec::run::Record;
use crate::exec::token::call_millis;
use crate::program::Amount;
use crate::time::{Extent, Span, Time};

impl Windows<'_> {
    /// Time from here on belongs to a stage.
    pub(super) fn mark(&mut self, batch: &mut Batch, stage: u64) {
        match batch.same(STAGE) {
            Some(same) if same == stage => return,
            Some(NO_STAGE) => {}
            _ => self.leave_stages(batch, Some(stage)),
        }
        if batch.same(STAGE).is_none() && batch.has(STAGE, stage) {
            // Some are in the stage already: their time in it goes on.
            for row in 0..batch.len() {
                if batch.get(STAGE, row) != stage {
                    let at = batch.at[row];
                    batch.set(MARK, row, at, &mut self.spare);
                }
            }
        } else {
            batch.set_all(MARK, Cells::Now, &mut self.spare);
        }
        batch.set_all(STAGE, Cells::Same(stage), &mut self.spare);
    }

    /// The time since the last mark goes to the stages, but for those who stay in one.
    fn leave_stages(&mut self, batch: &Batch, stay: Option<u64>) {
        if self.journal.is_some() {
            return self.note_stays(batch, stay);
        }
        if let (Some(stage), Some(marks)) = (batch.same(STAGE), marks_of(batch)) {
            if batch.same(COUNTS) == Some(1) {
                return self.core.recorder.passes(stage as usize, &batch.at, marks);
            }
            let passes = batch.at.iter().zip(marks).enumerate();
            let passes = passes.map(|(row, (at, mark))| (at - mark, batch.get(COUNTS, row) == 1));
            return self.record_counted(stage as usize, passes);
        }
        if let (Some(stage), Some(1), Cells::Now) = (batch.same(STAGE), batch.same(COUNTS), &batch.rest[MARK]) {
            return self.core.recorder.empty_passes(stage as usize, batch.len() as u64);
        }
        let [of, marks, counts] = [STAGE, MARK, COUNTS].map(|column| batch.written(column, &mut self.spare));
        let mut stages = self.spare.take();
        let mut last = NO_STAGE;
        for &stage in &of {
            if stage != last && stage != NO_STAGE && Some(stage) != stay && !stages.contains(&stage) {
                stages.push(stage);
            }
            last = stage;
        }
        for &stage in &stages {
            let rows = of.iter().zip(&counts).zip(batch.at.iter().zip(&marks));
            let passes =
                rows.map(|((&of, &counts), (at, &mark))| (at.wrapping_sub(mark), (of == stage) & (counts == 1)));
            self.record_counted(stage as usize, passes);
        }
        [of, marks, counts, stages].into_iter().for_each(|values| self.spare.give(values));
    }

    /// The same, noted.
    fn note_stays(&mut self, batch: &Batch, stay: Option<u64>) {
        if let (Some(stage), Some(1)) = (batch.same(STAGE), batch.same(COUNTS)) {
            let mut times = self.spare.take();
            match marks_of(batch) {
                Some(marks) => differences(&batch.at, marks, &mut times),
                None => times.extend((0..batch.len()).map(|row| batch.at[row] - batch.get(MARK, row))),
            }
            let rows = batch.written(ROW, &mut self.spare);
            if let Some(journal) = &mut self.journal {
                journal.stay(stage as usize, rows, times);
            }
            return;
        }
        let columns = [STAGE, MARK, COUNTS, ROW].map(|column| batch.written(column, &mut self.spare));
        let [of, marks, counts, rows] = &columns;
        let counted = |stage: u64| of.iter().zip(counts).map(move |(&of, &counts)| (of == stage) & (counts == 1));
        let mut stages = self.spare.take();
        stages.extend(of);
        stages.sort_unstable();
        stages.dedup();
        for &stage in stages.iter().filter(|&&stage| stage != NO_STAGE && Some(stage) != stay) {
            let (mut who, mut times) = (self.spare.take(), self.spare.take());
            let passes = batch.at.iter().zip(marks).map(|(at, &mark)| at.wrapping_sub(mark)).zip(counted(stage));
            select(passes, &mut times);
            select(rows.iter().copied().zip(counted(stage)), &mut who);
            if let Some(journal) = &mut self.journal {
                journal.stay(stage as usize, who, times);
            }
        }
        columns.into_iter().chain([stages]).for_each(|values| self.spare.give(values));
    }

    /// Requests count where they are, noted.
    pub(super) fn note(&mut self, batch: &Batch, what: Counted, amounts: Option<Values>) {
        let mut at = self.spare.take();
        at.extend_from_slice(&batch.at);
        let rows = batch.written(ROW, &mut self.spare);
        if let Some(journal) = &mut self.journal {
            journal.count(what, rows, at, amounts);
        }
    }

    /// Times of a stage, of which only some count.
    pub(super) fn record_counted(&mut self, stage: usize, passes: impl ExactSizeIterator<Item = (u64, bool)>) {
        let mut times = self.spare.take();
        select(passes, &mut times);
        self.core.recorder.passes_of(stage, &times);
        self.spare.give(times);
    }

    /// The time of one request since its last mark goes to its stage.
    pub(super) fn leave_stage(&mut self, batch: &Batch, row: usize, at: u64) {
        let stage = batch.get(STAGE, row);
        if stage != NO_STAGE && batch.get(COUNTS, row) == 1 {
            self.core.recorder.pass(stage as usize, at - batch.get(MARK, row));
        }
    }

    /// Requests end, as their clients see it.
    pub(super) fn finish(&mut self, batch: Batch) {
        let only = self.only_stage(&batch);
        if only.is_none() && batch.same(STAGE) != Some(NO_STAGE) {
            self.leave_stages(&batch, None);
        }
        let extent = Extent::of(&batch.at);
        self.last = self.last.max(extent.last.0);
        match &batch.rest[BORN] {
            Cells::Each(born) => self.end_all(&batch, extent, born, only),
            _ => {
                let born = batch.written(BORN, &mut self.spare);
                self.end_all(&batch, extent, &born, only);
                self.spare.give(born);
            }
        }
        if self.core.recorder.traces() {
            for row in 0..batch.len() {
                self.core.recorder.trace_one(Record {
                    serial: batch.serial[row],
                    born: Time(batch.get(BORN, row)),
                    before_send: Span(batch.get(BEFORE_SEND, row)),
                    end: Time(batch.at[row]),
                    class: batch.get(CLASS, row) as u16,
                    outcome: batch.get(OUTCOME, row) as u16,
                    trail: batch.get(TRAIL, row),
                });
            }
        }
        batch.discard(&mut self.spare);
    }

    /// Counts the ends of requests born at these times.
    fn end_all(&mut self, batch: &Batch, extent: Extent, births: &[u64], only: Option<usize>) {
        match (batch.same(OUTCOME), batch.same(CLASS), batch.same(COUNTS), batch.same(BEFORE_SEND)) {
            (Some(outcome), Some(class), Some(counts), Some(0)) => {
                let who = (outcome as usize, class as usize, counts == 1);
                self.core.recorder.end_all(who, (&batch.at, extent), (births, &[]), only);
            }
            _ => self.finish_by_kind(batch, extent, births),
        }
    }

    /// The stage in which all have spent all their time, so that their latency is their time there, if there is one.
    fn only_stage(&self, batch: &Batch) -> Option<usize> {
        let alike = batch.same(OUTCOME).is_some() && batch.same(CLASS).is_some() && batch.same(COUNTS) == Some(1);
        let alike = alike && batch.same(BEFORE_SEND) == Some(0);
        let stage = batch.same(STAGE).filter(|&stage| alike && stage != NO_STAGE)?;
        matches!(batch.rest[MARK], Cells::Birth).then_some(stage as usize)
    }

    /// Requests that ended, those of one outcome and class after those of another, and those sent later than meant apart.
    fn finish_by_kind(&mut self, batch: &Batch, extent: Extent, births: &[u64]) {
        let mut kinds = batch.written(OUTCOME, &mut self.spare);
        let columns = [CLASS, COUNTS, BEFORE_SEND].map(|column| batch.written(column, &mut self.spare));
        let [classes, counts, before_send] = &columns;
        for (row, kind) in kinds.iter_mut().enumerate() {
            *kind = *kind << 32 | classes[row] << 2 | u64::from(before_send[row] != 0) << 1 | counts[row];
        }
        let mut left = std::mem::take(&mut self.scratch.rows);
        left.clear();
        left.extend(0..batch.len() as u32);
        let (mut ends, mut born) = (self.spare.sized(batch.len()), self.spare.sized(batch.len()));
        while let Some(&first) = left.first() {
            let wanted = kinds[first as usize];
            let mut from_send = self.spare.take();
            if wanted & 2 != 0 {
                let here = left.iter().map(|&row| row as usize).filter(|&row| kinds[row] == wanted);
                from_send.extend(here.map(|row| batch.at[row] - births[row] - before_send[row]));
            }
            let (mut here, mut others) = (0, 0);
            for place in 0..left.len() {
                let row = left[place] as usize;
                let is_here = kinds[row] == wanted;
                (ends[here], born[here], left[others]) = (batch.at[row], births[row], row as u32);
                here += usize::from(is_here);
                others += usize::from(!is_here);
            }
            left.truncate(others);
            let who = ((wanted >> 32) as usize, (wanted as u32 >> 2) as usize, wanted & 1 == 1);
            self.core.recorder.end_all(who, (&ends[..here], extent), (&born[..here], &from_send), None);
            self.spare.give(from_send);
        }
        self.scratch.rows = left;
        [kinds, ends, born].into_iter().chain(columns).for_each(|values| self.spare.give(values));
    }

    /// Usage is counted.
    pub(super) fn meter(&mut self, batch: &Batch, meter: usize, amount: Amount) {
        if self.journal.is_some() {
            let mut amounts = (amount != Amount::One).then(|| self.spare.take());
            if let Some(amounts) = &mut amounts {
                amounts.extend((0..batch.len()).map(|row| self.amount(batch, row, amount)));
            }
            return self.note(batch, Counted::Meter(meter), amounts);
        }
        let window = self.core.recorder.window;
        if !self.core.recorder.is_one_hour() && !matches!(amount, Amount::One) {
            for row in 0..batch.len() {
                let used = self.amount(batch, row, amount);
                self.core.recorder.meter(meter, used, Time(batch.at[row]));
            }
            return;
        }
        if !self.core.recorder.is_one_hour() {
            batch.at.iter().for_each(|&at| self.core.recorder.meter(meter, 1, Time(at)));
            return;
        }
        let measured = |row: &usize| window.contains(Time(batch.at[*row]));
        let rows = (0..batch.len()).filter(measured);
        let sum = match amount {
            Amount::One => rows.count() as u64,
            amount => rows.map(|row| self.amount(batch, row, amount)).sum(),
        };
        self.core.recorder.add_usage(meter, sum);
    }
    /// How much one request counts.
    fn amount(&self, batch: &Batch, row: usize, amount: Amount) -> u64 {
        match amount {
            Amount::One => 1,
            Amount::RequestBytes => batch.get(REQUEST, row),
            Amount::ResponseBytes => batch.get(RESPONSE, row),
            Amount::UnitsOf(bytes) => {
                batch.get(REQUEST, row).max(batch.get(RESPONSE, row)).div_ceil(bytes as u64).max(1)
            }
            Amount::RequestUnitsOf(bytes) => batch.get(REQUEST, row).div_ceil(bytes as u64).max(1),
            Amount::ResponseUnitsOf(bytes) => batch.get(RESPONSE, row).div_ceil(bytes as u64).max(1),
            Amount::StageNanos => batch.at[row].saturating_sub(batch.get(MARK, row)),
            Amount::CallMillis { depth, deadline } => {
                call_millis(Time(batch.get(self.layout.frame(depth as usize), row)), deadline, Time(batch.at[row]))
            }
        }
    }
}

/// When each request entered its stage, if that is a column.
fn marks_of(batch: &Batch) -> Option<&[u64]> {
    match (&batch.rest[MARK], &batch.rest[BORN]) {
        (Cells::Each(marks), _) | (Cells::Birth, Cells::Each(marks)) => Some(marks),
        _ => None,
    }
}
