//! The event executor: the interpreter with the whole program as its part and the source as its outside.

use super::ahead::{Ahead, BLOCK};
use super::calendar::Key;
use super::core::Core;
use super::interpreter::{Interpreter, Outside};
use super::run::{Options, Run, Verdict};
use super::source::{Arrival, Source};
use super::token::Token;
use crate::program::Program;
use crate::time::{Span, Time};

/// Runs one replication of a program.
pub fn run(program: &Program, source: Box<dyn Source>, options: &Options<'_>) -> Run {
    run_in_windows(program, source, options, Span(u64::MAX))
}

/// The same, stopped at the end of every window and taken up again, as parts are by whoever runs the rest of the program
/// in windows. The length of the windows never changes a result.
pub fn run_in_windows(program: &Program, source: Box<dyn Source>, options: &Options<'_>, window: Span) -> Run {
    let mut core = Core::new(program, options);
    let mut interpreter = Interpreter::new(program, &vec![true; program.code.len()], options);
    let ahead = interpreter.ahead();
    let mut inbox = Inbox { source, block: Vec::new(), next: 0, ahead, words: Vec::new(), from: 0, to: 0 };
    let mut end = Time::ZERO;
    let verdict = loop {
        let next = interpreter.next_time().min(inbox.next_key(&core).at());
        if next == Time::NEVER {
            break Verdict::Complete;
        }
        end = end.max(next) + window;
        if let Err(verdict) = interpreter.run_until(&mut core, &mut inbox, end) {
            break verdict;
        }
    };
    core.finish(verdict, interpreter.now())
}

/// Arrivals taken from the source in blocks, with the draws made ahead for them.
struct Inbox {
    source: Box<dyn Source>,
    block: Vec<Arrival>,
    next: usize,
    ahead: Ahead,
    words: Vec<u64>,
    /// The arrivals of the block for which draws have been made lie from here ...
    from: usize,
    /// ... to here.
    to: usize,
}

impl Inbox {
    #[inline(never)]
    fn advance(&mut self, core: &Core<'_>) {
        if self.next == self.block.len() {
            self.block.clear();
            self.next = 0;
            self.source.fill(&mut self.block);
        }
        (self.from, self.to) = (self.next, self.block.len().min(self.next + BLOCK));
        self.words.clear();
        self.words.extend(self.block[self.from..self.to].iter().map(|arrival| arrival.serial));
        self.ahead.draw(&core.draws, &self.words);
    }
}

impl Outside for Inbox {
    #[inline(always)]
    fn next_key(&mut self, core: &Core<'_>) -> Key {
        if self.next == self.to {
            self.advance(core);
        }
        self.block.get(self.next).map_or(Key::LAST, |arrival| Key::new(arrival.at, 0, arrival.serial, 0))
    }

    #[inline(always)]
    fn enter(&mut self, core: &mut Core<'_>, place: &mut Token, row: &mut [u32]) {
        let arrival = &self.block[self.next];
        *place = Token::new(arrival, core.recorder.window);
        place.lucky = true;
        row.copy_from_slice(self.ahead.row(self.next - self.from));
        core.recorder.birth(arrival.at);
        self.next += 1;
    }

    fn leave(&mut self, _: Time, _: u32, _: &Token) {
        unreachable!("every instruction is a member");
    }

    fn follow(&mut self, serial: u64, end: Time) -> Option<Arrival> {
        self.source.follow(serial, end)
    }
}
