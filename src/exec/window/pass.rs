//! What each instruction does to the requests of a window.

use super::batch::{
    BASE, BEFORE_SEND, BORN, Batch, CLASS, COUNTS, Cells, DEADLINE, GIVEN, KEY, LATE, MARK, OUTCOME, REQUEST, RESPONSE,
    STAGE, TRAIL, Values,
};
use super::bet::Counted;
use super::{ALIVE, Halt, NO_STAGE, Windows, batch};
use crate::exec::columns;
use crate::exec::core::deadline_rank;
use crate::op::choose::{Asking, pick};
use crate::op::keyed::object;
use crate::program::{
    BalancerId, BudgetId, Choice, Condition, Instruction, Label, LimitScope, OutcomeId, OutcomeTest, Per, RetryId,
    SiteId,
};
use crate::rng::{Threshold, happens_all, retrail};
use crate::time::{Span, Time};

impl Windows<'_> {
    /// Runs the instruction of a place for requests that are there.
    pub(super) fn execute(&mut self, place: usize, mut batch: Batch) {
        let next = place + 1;
        match self.instruction(place) {
            Instruction::Delay { site, per } => {
                let ends = self.delayed(&batch, site, per);
                self.let_pass(&mut batch, ends);
            }
            Instruction::Branch { on, to } => return self.branch(batch, on, next, to),
            Instruction::Jump { to } => return self.send(to.index(), batch),
            Instruction::Answer { outcome } => {
                batch.set_all(OUTCOME, Cells::Same(outcome.0 as u64), &mut self.spare);
            }
            Instruction::Limit { bucket, otherwise } => {
                if self.limit(&batch, bucket.index()) {
                    return self.part_ways(batch, next, otherwise.index());
                }
            }
            Instruction::Lookup { cache, hit } => {
                self.look_up(&batch, cache.index());
                return self.part_ways(batch, next, hit.index());
            }
            Instruction::Store { cache } => {
                for row in 0..batch.len() {
                    let object = object(batch.get(CLASS, row) as u16, batch.get(KEY, row) as u32);
                    self.core.store(cache.index(), object, Time(batch.at[row]));
                }
            }
            Instruction::Choose { balancer } => self.choose(&mut batch, balancer),
            Instruction::Serve { station, service, full, late } => {
                return self.serve(batch, next, station, service, (full, late));
            }
            Instruction::Call { depth, deadline, .. } => self.call(&mut batch, place, depth as usize, deadline),
            Instruction::Return { depth } => self.returns(&mut batch, depth as usize),
            Instruction::Retry { policy, to } => return self.retry(batch, policy, next, to),
            Instruction::Send => self.sent(&mut batch),
            Instruction::Earn { budget } => self.earn(&batch, budget),
            Instruction::Meter { meter, amount } => self.meter(&batch, meter.index(), amount),
            Instruction::Mark { stage } => self.mark(&mut batch, stage.0 as u64),
            Instruction::End => return self.finish(batch),
            // These are parts of loops, which run by events.
            Instruction::Hold { .. } | Instruction::Free { .. } | Instruction::Release { .. } => {}
            Instruction::Connect { .. } | Instruction::Disconnect { .. } => {}
            Instruction::Fork { .. } | Instruction::Arrive { .. } => {}
        }
        self.send(next, batch);
    }

    /// What draws depend on: serial and trail. Nothing where that is the serial.
    pub(super) fn words(&mut self, batch: &Batch) -> Option<Values> {
        if batch.same(TRAIL) == Some(0) {
            return None;
        }
        let mut words = self.spare.take();
        match &batch.rest[TRAIL] {
            Cells::Each(trails) => words.extend(batch.serial.iter().zip(trails).map(|(serial, trail)| serial ^ trail)),
            _ => words.extend((0..batch.len()).map(|row| batch.serial[row] ^ batch.trail(row))),
        }
        Some(words)
    }

    /// Random bits of all requests at a site.
    fn bits(&mut self, batch: &Batch, site: SiteId) -> Values {
        let own = self.words(batch);
        let words = own.as_ref().unwrap_or(&batch.serial);
        let mut bits = self.spare.sized(words.len());
        self.core.draws.bits_of(site, words, &mut bits);
        self.spare.give(own.unwrap_or_default());
        bits
    }

    /// When a delay ends for each.
    fn delayed(&mut self, batch: &Batch, site: SiteId, per: Per) -> Values {
        let own = self.words(batch);
        let words = own.as_ref().unwrap_or(&batch.serial);
        let mut ends = self.spare.sized(batch.len());
        if per == Per::Request {
            self.core.draws.add(site, words, &batch.at, &mut ends);
        } else {
            let column = if per == Per::RequestKib { REQUEST } else { RESPONSE };
            for (row, end) in ends.iter_mut().enumerate() {
                let span = self.core.draws.span(site, words[row]).0;
                *end = batch.at[row] + ((span as u128 * batch.get(column, row) as u128) >> 10) as u64;
            }
        }
        self.spare.give(own.unwrap_or_default());
        ends
    }

    /// Time passes; callers whose deadline lies before its end go on without their requests.
    pub(super) fn let_pass(&mut self, batch: &mut Batch, ends: Values) {
        let late = match &batch.rest[DEADLINE] {
            Cells::Same(deadline) => *deadline != u64::MAX && ends.iter().any(|end| end > deadline),
            Cells::Each(deadlines) => columns::any_above(&ends, deadlines),
            Cells::Now | Cells::Birth => columns::any_above(&ends, &batch.at),
        };
        if late {
            match &mut self.journal {
                Some(journal) => journal.lost = true,
                None => self.cut(batch, &ends),
            }
        }
        batch.move_to(ends, &mut self.spare);
    }

    /// Cuts the callers loose whose deadline lies before the end.
    fn cut(&mut self, batch: &mut Batch, ends: &[u64]) {
        match self.only_call(batch) {
            Some((depth, place)) => self.cut_together(batch, ends, depth, place),
            None => self.cut_one_by_one(batch, ends),
        }
    }

    /// Depth and place of the call with a deadline, if all requests are in the same one and in no other.
    fn only_call(&self, batch: &Batch) -> Option<(usize, usize)> {
        let mut pending =
            (0..self.layout.depths).filter(|&depth| batch.same(self.layout.frame(depth)) != Some(u64::MAX));
        let depth = pending.next().filter(|_| pending.next().is_none())?;
        Some((depth, batch.same(self.layout.call(depth))? as usize))
    }

    /// Those whose only deadline lies before the end.
    fn cut_together(&mut self, batch: &mut Batch, ends: &[u64], depth: usize, place: usize) {
        let Instruction::Call { late, .. } = self.instruction(place) else { return };
        let mut rows = std::mem::take(&mut self.scratch.rows);
        rows.clear();
        let mut mask = std::mem::take(&mut self.scratch.mask);
        mask.clear();
        let deadlines = batch.written(DEADLINE, &mut self.spare);
        mask.extend(ends.iter().zip(&deadlines).map(|(end, deadline)| (end > deadline) as u8));
        columns::places(&mask, &mut rows);
        self.scratch.mask = mask;
        let frame = self.layout.frame(depth);
        let mut callers = batch.gathered(&rows, &mut self.spare);
        let mut times = self.spare.take();
        columns::gather(&deadlines, &rows, &mut times);
        self.spare.give(deadlines);
        match batch.same(STAGE) {
            Some(NO_STAGE) => {}
            Some(stage) => {
                let passes = rows.iter().zip(&times).map(|(&row, &at)| {
                    let row = row as usize;
                    (at - batch.get(MARK, row), batch.get(COUNTS, row) == 1)
                });
                self.record_counted(stage as usize, passes);
            }
            None => rows.iter().zip(&times).for_each(|(&row, &at)| self.leave_stage(batch, row as usize, at)),
        }
        let spare = &mut self.spare;
        callers.move_to(times, spare);
        let mut order = spare.take();
        order.extend(callers.at.iter().map(|&at| batch::late(at, deadline_rank(depth as u8))));
        callers.set_all(LATE, Cells::Each(order), spare);
        callers.set_all(frame, Cells::Same(u64::MAX), spare);
        callers.set_all(DEADLINE, Cells::Same(u64::MAX), spare);
        callers.set_all(MARK, Cells::Now, spare);
        callers.set_all(STAGE, Cells::Same(NO_STAGE), spare);
        for (column, value) in [(frame, u64::MAX), (DEADLINE, u64::MAX), (BASE, depth as u64), (COUNTS, 0)] {
            let values = batch.each(column, spare);
            rows.iter().for_each(|&row| values[row as usize] = value);
        }
        self.core.recorder.balance.cut += rows.len() as u64;
        self.scratch.rows = rows;
        self.send(late.index(), callers);
    }

    #[cold]
    fn cut_one_by_one(&mut self, batch: &mut Batch, ends: &[u64]) {
        let depths = self.layout.depths;
        for (row, &end) in ends.iter().enumerate() {
            while end > batch.get(DEADLINE, row) {
                let at = batch.get(DEADLINE, row);
                self.leave_stage(batch, row, at);
                let frame = |depth: usize| batch.get(self.layout.frame(depth), row);
                let depth = (0..depths).rfind(|&depth| frame(depth) == at).unwrap_or(0);
                let outer = (0..depth).map(frame).min().unwrap_or(u64::MAX);
                let inner = (depth + 1..depths).map(frame).min().unwrap_or(u64::MAX);
                let call = batch.get(self.layout.call(depth), row) as usize;
                let Instruction::Call { late, .. } = self.instruction(call) else { return };
                let spare = &mut self.spare;
                let mut caller = Batch::default();
                caller.push(batch, row, spare);
                // The new time comes first: nothing may depend on the old one.
                let mut times = spare.take();
                times.push(at);
                caller.move_to(times, spare);
                (depth..depths).for_each(|depth| caller.set(self.layout.frame(depth), 0, u64::MAX, spare));
                caller.set(DEADLINE, 0, outer, spare);
                caller.set(MARK, 0, at, spare);
                caller.set(STAGE, 0, NO_STAGE, spare);
                caller.set(LATE, 0, batch::late(at, deadline_rank(depth as u8)), spare);
                (0..=depth).for_each(|depth| batch.set(self.layout.frame(depth), row, u64::MAX, spare));
                batch.set(DEADLINE, row, inner, spare);
                batch.set(BASE, row, depth as u64, spare);
                batch.set(COUNTS, row, 0, spare);
                self.core.recorder.balance.cut += 1;
                self.send(late.index(), caller);
            }
        }
    }

    /// Sends those for whom the mask holds to one place, the others to another.
    pub(super) fn part_ways(&mut self, mut batch: Batch, others: usize, to: usize) {
        let mask = std::mem::take(&mut self.scratch.mask);
        let count = mask.iter().map(|&holds| holds as usize).sum::<usize>();
        if count == batch.len() {
            self.send(to, batch);
        } else if count == 0 {
            self.send(others, batch);
        } else {
            let out = batch.taken_out(&mask, &mut self.spare);
            self.send(to, out);
            self.send(others, batch);
        }
        self.scratch.mask = mask;
    }

    fn branch(&mut self, batch: Batch, on: Condition, next: usize, to: Label) {
        if let Some(holds) = self.known(&batch, on) {
            return self.send(if holds { to.index() } else { next }, batch);
        }
        let mut mask = std::mem::take(&mut self.scratch.mask);
        mask.clear();
        let rows = 0..batch.len();
        match on {
            Condition::Chance(site, p) => {
                let bits = self.bits(&batch, site);
                mask.resize(bits.len(), 0);
                happens_all(&bits, p, &mut mask);
                self.spare.give(bits);
            }
            Condition::Class(class) => mask.extend(rows.map(|row| (batch.get(CLASS, row) == class as u64) as u8)),
            Condition::RequestAbove(bytes) => {
                mask.extend(rows.map(|row| (batch.get(REQUEST, row) > bytes as u64) as u8))
            }
            Condition::ResponseAbove(bytes) => {
                mask.extend(rows.map(|row| (batch.get(RESPONSE, row) > bytes as u64) as u8))
            }
            Condition::Outcome(test) => mask.extend(rows.map(|row| self.passes(test, batch.get(OUTCOME, row)) as u8)),
            Condition::Holds(register, value) => {
                let column = self.layout.register(register.index());
                mask.extend(rows.map(|row| (batch.get(column, row) == value as u64) as u8));
            }
        }
        self.scratch.mask = mask;
        self.part_ways(batch, next, to.index());
    }

    /// Whether a condition holds, where it is the same for all.
    fn known(&self, batch: &Batch, on: Condition) -> Option<bool> {
        match on {
            Condition::Chance(_, Threshold::NEVER) => Some(false),
            Condition::Chance(_, Threshold::ALWAYS) => Some(true),
            Condition::Chance(..) => None,
            Condition::Class(class) => batch.same(CLASS).map(|value| value == class as u64),
            Condition::RequestAbove(bytes) => batch.same(REQUEST).map(|value| value > bytes as u64),
            Condition::ResponseAbove(bytes) => batch.same(RESPONSE).map(|value| value > bytes as u64),
            Condition::Outcome(test) => batch.same(OUTCOME).map(|outcome| self.passes(test, outcome)),
            Condition::Holds(register, wanted) => {
                batch.same(self.layout.register(register.index())).map(|value| value == wanted as u64)
            }
        }
    }

    fn passes(&self, test: OutcomeTest, outcome: u64) -> bool {
        test.passes(OutcomeId(outcome as u16), &self.program.outcomes)
    }

    /// Marks those without a token; whether there may be any.
    fn limit(&mut self, batch: &Batch, bucket: usize) -> bool {
        let mut mask = std::mem::take(&mut self.scratch.mask);
        mask.clear();
        if self.program.buckets[bucket].scope == LimitScope::Shared {
            mask.resize(batch.len(), 0);
            let any = self.core.admit_all(bucket, &batch.at, &mut mask);
            self.scratch.mask = mask;
            return any;
        }
        mask.extend((0..batch.len()).map(|row| {
            let (class, key) = (batch.get(CLASS, row) as u16, batch.get(KEY, row) as u32);
            !self.core.admit(bucket, class, key, Time(batch.at[row])) as u8
        }));
        self.scratch.mask = mask;
        true
    }

    /// Marks the hits.
    fn look_up(&mut self, batch: &Batch, cache: usize) {
        let mut mask = std::mem::take(&mut self.scratch.mask);
        mask.clear();
        mask.extend((0..batch.len()).map(|row| {
            let object = object(batch.get(CLASS, row) as u16, batch.get(KEY, row) as u32);
            self.core.look_up(cache, object, Time(batch.at[row])) as u8
        }));
        self.scratch.mask = mask;
    }

    fn choose(&mut self, batch: &mut Batch, id: BalancerId) {
        let spec = &self.program.balancers[id.index()];
        let bits = match spec.choice {
            Choice::Random(site) | Choice::Weighted(site, _) => Some(self.bits(batch, site)),
            Choice::LeastOutstanding(site) | Choice::PowerOf(site, _) => Some(self.bits(batch, site)),
            Choice::Flows(site, flows) => {
                let mut bits = self.bits(batch, site);
                bits.iter_mut().for_each(|bits| *bits = self.core.flow(site, pick(*bits, flows)));
                Some(bits)
            }
            Choice::RoundRobin | Choice::HashKey | Choice::Given => None,
        };
        let mut targets = self.spare.take();
        if spec.choice == Choice::RoundRobin {
            self.core.balancers[id.index()].in_turn(spec.targets, batch.len(), &mut targets);
            return self.chosen(batch, id, targets);
        }
        let balancer = &mut self.core.balancers[id.index()];
        targets.extend((0..batch.len()).map(|row| {
            let bits = bits.as_ref().map_or(0, |bits| bits[row]);
            let (class, key) = (batch.get(CLASS, row) as u16, batch.get(KEY, row) as u32);
            let target = balancer.choose(spec, Asking { bits, class, key, given: batch.get(GIVEN, row) as u32 });
            target.min(u16::MAX as u32) as u64
        }));
        self.chosen(batch, id, targets);
        if let Some(bits) = bits {
            self.spare.give(bits);
        }
    }

    pub(super) fn chosen(&mut self, batch: &mut Batch, id: BalancerId, targets: Values) {
        if self.journal.is_some() {
            self.note(batch, Counted::Asked(id), None);
        } else {
            let counted = self.measured(batch);
            self.core.recorder.balancers[id.index()].arrivals += counted;
        }
        let register = self.program.balancers[id.index()].target;
        batch.set_all(self.layout.register(register.index()), Cells::Each(targets), &mut self.spare);
    }

    /// How many requests are where they are in the measured time.
    pub(super) fn measured(&self, batch: &Batch) -> u64 {
        let window = self.core.recorder.window;
        if batch.ordered { window.count_rising(&batch.at) } else { window.count(&batch.at) }
    }

    fn call(&mut self, batch: &mut Batch, place: usize, depth: usize, deadline: Option<Span>) {
        let spare = &mut self.spare;
        batch.set_all(self.layout.call(depth), Cells::Same(place as u64), spare);
        let Some(deadline) = deadline else {
            return batch.set_all(self.layout.frame(depth), Cells::Same(u64::MAX), spare);
        };
        let mut frames = spare.take();
        frames.extend(batch.at.iter().map(|&at| at + deadline.0));
        if self.layout.frame(depth) == DEADLINE {
            return batch.set_all(DEADLINE, Cells::Each(frames), spare);
        }
        let mut earliest = spare.take();
        match batch.same(DEADLINE) {
            Some(u64::MAX) => earliest.extend_from_slice(&frames),
            _ => earliest.extend(frames.iter().enumerate().map(|(row, &at)| at.min(batch.get(DEADLINE, row)))),
        }
        batch.set_all(self.layout.frame(depth), Cells::Each(frames), spare);
        batch.set_all(DEADLINE, Cells::Each(earliest), spare);
    }

    /// Those whose caller has gone end here.
    fn returns(&mut self, batch: &mut Batch, depth: usize) {
        if let Some(journal) = self.journal.as_mut().filter(|_| batch.same(BASE) != Some(ALIVE)) {
            journal.lost = true;
            return;
        }
        if batch.same(BASE) != Some(ALIVE) {
            let mut mask = std::mem::take(&mut self.scratch.mask);
            mask.clear();
            let bases = batch.written(BASE, &mut self.spare);
            mask.extend(bases.iter().map(|&base| (base == depth as u64) as u8));
            self.spare.give(bases);
            let gone = mask.iter().map(|&gone| gone as u64).sum::<u64>();
            if gone > 0 {
                batch.retain(&mask, &mut self.spare);
            }
            self.scratch.mask = mask;
            let balance = &mut self.core.recorder.balance;
            balance.ended_unseen += gone;
            balance.unseen += if depth == 0 { gone } else { 0 };
        }
        if depth == 0 {
            self.core.recorder.balance.returned += batch.len() as u64;
        }
        if batch.is_empty() {
            return batch.clear(&mut self.spare);
        }
        let frame = self.layout.frame(depth);
        if batch.same(frame) == Some(u64::MAX) {
            return;
        }
        let outer = |row: usize| (0..depth).map(|depth| batch.get(self.layout.frame(depth), row)).min();
        let cells = if (0..depth).all(|depth| batch.same(self.layout.frame(depth)) == Some(u64::MAX)) {
            Cells::Same(u64::MAX)
        } else {
            let mut earliest = self.spare.take();
            earliest.extend((0..batch.len()).map(|row| outer(row).unwrap_or(u64::MAX)));
            Cells::Each(earliest)
        };
        batch.set_all(DEADLINE, cells, &mut self.spare);
        batch.set_all(frame, Cells::Same(u64::MAX), &mut self.spare);
    }

    /// Whoever a policy repeats as far as it goes by attempts and outcome; all others go on, whatever their order.
    pub(super) fn those_to_repeat(&mut self, mut batch: Batch, policy: RetryId, next: usize) -> Batch {
        let program = self.program;
        let spec = &program.retries[policy.index()];
        let unwanted = batch.is_empty() || batch.same(OUTCOME).is_some_and(|outcome| !spec.on[outcome as usize]);
        if unwanted {
            self.send(next, batch);
            return Batch::default();
        }
        let counter = self.layout.register(spec.counter.index());
        let mut mask = std::mem::take(&mut self.scratch.mask);
        mask.clear();
        let outcomes = batch.written(OUTCOME, &mut self.spare);
        mask.extend(outcomes.iter().map(|&outcome| spec.on[outcome as usize] as u8));
        self.spare.give(outcomes);
        if let (Some(attempts), true) = (spec.attempts, mask.contains(&1)) {
            let repeats = batch.written(counter, &mut self.spare);
            mask.iter_mut()
                .zip(&repeats)
                .for_each(|(wanted, &repeated)| *wanted &= (repeated + 1 < attempts.into()) as u8);
            self.spare.give(repeats);
        }
        let repeated = if mask.contains(&1) { batch.taken_out(&mask, &mut self.spare) } else { Batch::default() };
        self.scratch.mask = mask;
        self.send(next, batch);
        repeated
    }

    fn retry(&mut self, mut batch: Batch, policy: RetryId, next: usize, to: Label) {
        let program = self.program;
        let spec = &program.retries[policy.index()];
        if batch.same(OUTCOME).is_some_and(|outcome| !spec.on[outcome as usize]) {
            return self.send(next, batch);
        }
        let counter = self.layout.register(spec.counter.index());
        let mut mask = std::mem::take(&mut self.scratch.mask);
        mask.clear();
        let [repeats, outcomes] = [counter, OUTCOME].map(|column| batch.written(column, &mut self.spare));
        mask.extend(repeats.iter().zip(&outcomes).enumerate().map(|(row, (&repeated, &outcome))| {
            let left = spec.attempts.is_none_or(|attempts| repeated as u32 + 1 < attempts);
            let wanted = left && spec.on[outcome as usize];
            (wanted && self.core.may_retry(spec.budget, (Time(batch.at[row]), batch.late_rank(row)))) as u8
        }));
        [repeats, outcomes].into_iter().for_each(|values| self.spare.give(values));
        if mask.contains(&1) {
            let mut repeats = batch.taken_out(&mask, &mut self.spare);
            self.repeat(&mut repeats, policy);
            self.send(to.index(), repeats);
        }
        self.scratch.mask = mask;
        self.send(next, batch);
    }

    /// Another attempt, after a back-off.
    fn repeat(&mut self, batch: &mut Batch, policy: RetryId) {
        let spec = &self.program.retries[policy.index()];
        let counter = self.layout.register(spec.counter.index());
        let (mut ends, mut counts, mut trails) = (self.spare.take(), self.spare.take(), self.spare.take());
        for row in 0..batch.len() {
            let repeated = batch.get(counter, row);
            let trail = batch.get(TRAIL, row);
            let span = self.core.backoff(spec.backoff, repeated as u32, batch.serial[row] ^ trail);
            ends.push(batch.at[row] + span.0.max(1));
            let count = (repeated as u16).saturating_add(1) as u64;
            counts.push(count);
            trails.push(retrail(trail ^ spec.salt, count));
        }
        batch.set_all(counter, Cells::Each(counts), &mut self.spare);
        batch.set_all(TRAIL, Cells::Each(trails), &mut self.spare);
        batch.set_all(OUTCOME, Cells::Same(0), &mut self.spare);
        if spec.depth == 0 {
            self.core.recorder.balance.repeated += batch.len() as u64;
        }
        self.let_pass(batch, ends);
    }

    /// Clients send, now.
    fn sent(&mut self, batch: &mut Batch) {
        let mut spans = self.spare.take();
        spans.extend((0..batch.len()).map(|row| batch.at[row] - batch.get(BORN, row)));
        batch.set_all(BEFORE_SEND, Cells::Each(spans), &mut self.spare);
    }

    fn earn(&mut self, batch: &Batch, budget: BudgetId) {
        // Retries of the window have been taken already.
        if !self.first && batch.at.iter().any(|&at| at < self.end) {
            self.halted = Some(Halt::TooSoon);
            return;
        }
        let counted = self.measured(batch);
        self.core.recorder.budgets[budget.index()].arrivals += counted;
        for (row, &at) in batch.at.iter().enumerate() {
            self.core.earn(budget, (Time(at), batch.late_rank(row)));
        }
    }
}
