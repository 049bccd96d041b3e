//! The columns of a request that is by itself: in a loop requests are tokens, outside of it they are rows.

use super::batch::{
    BASE, BEFORE_SEND, BORN, CLASS, COUNTS, Column, DEADLINE, DEMAND, GIVEN, KEY, Layout, MARK, OUTCOME, REQUEST,
    RESPONSE, STAGE, TRAIL,
};
use crate::exec::token::Token;
use crate::program::Register;
use crate::time::{Span, Time};

/// What a token has for a column; nothing for [`LATE`](super::batch::LATE), which is no property of a token.
#[inline]
pub(super) fn value(token: &Token, layout: Layout, column: Column) -> u64 {
    match column {
        TRAIL => token.trail,
        BORN => token.born.0,
        MARK => token.mark.0,
        STAGE => token.mark_stage as u64,
        OUTCOME => token.outcome as u64,
        CLASS => token.class as u64,
        KEY => token.key as u64,
        REQUEST => token.request_bytes as u64,
        RESPONSE => token.response_bytes as u64,
        DEMAND => token.demand,
        GIVEN => token.given as u64,
        BASE => token.base() as u64,
        COUNTS => token.counts as u64,
        DEADLINE => token.deadline.0,
        BEFORE_SEND => token.before_send.0,
        _ => match layout.place(column) {
            Some(Place::Register(register)) => token.target(Some(register)) as u64,
            Some(Place::Frame(depth)) => token.frame(depth).1.0,
            Some(Place::Call(depth)) => token.frame(depth).0 as u64,
            None => 0,
        },
    }
}

/// Gives a token what a column has for it.
#[inline]
pub(super) fn set(token: &mut Token, layout: Layout, column: Column, value: u64) {
    match column {
        TRAIL => token.trail = value,
        BORN => token.born = Time(value),
        MARK => token.mark = Time(value),
        STAGE => token.mark_stage = value as u16,
        OUTCOME => token.outcome = value as u16,
        CLASS => token.class = value as u16,
        KEY => token.key = value as u32,
        REQUEST => token.request_bytes = value as u32,
        RESPONSE => token.response_bytes = value as u32,
        DEMAND => token.demand = value,
        GIVEN => token.given = value as u32,
        BASE => token.set_base(value as u8),
        COUNTS => token.counts = value == 1,
        BEFORE_SEND => token.before_send = Span(value),
        DEADLINE => {
            token.deadline = Time(value);
            if layout.frame(0) == DEADLINE {
                token.set_frame(0, token.frame(0).0, Time(value));
            }
        }
        _ => match layout.place(column) {
            Some(Place::Register(register)) => token.set(register, value as u32),
            Some(Place::Frame(depth)) => token.set_frame(depth, token.frame(depth).0, Time(value)),
            Some(Place::Call(depth)) => token.set_frame(depth, value as u16, token.frame(depth).1),
            None => {}
        },
    }
}

/// The columns in which two tokens differ, a bit for each.
#[inline]
pub(super) fn differences(a: &Token, b: &Token, layout: Layout) -> u64 {
    let bit = |differs: bool, column: Column| (differs as u64) << column;
    let mut bits = bit(a.trail != b.trail, TRAIL)
        | bit(a.born != b.born, BORN)
        | bit(a.mark != b.mark, MARK)
        | bit(a.mark_stage != b.mark_stage, STAGE)
        | bit(a.outcome != b.outcome, OUTCOME)
        | bit(a.class != b.class, CLASS)
        | bit(a.key != b.key, KEY)
        | bit(a.request_bytes != b.request_bytes, REQUEST)
        | bit(a.response_bytes != b.response_bytes, RESPONSE)
        | bit(a.demand != b.demand, DEMAND)
        | bit(a.given != b.given, GIVEN)
        | bit(a.base() != b.base(), BASE)
        | bit(a.counts != b.counts, COUNTS)
        | bit(a.deadline != b.deadline, DEADLINE)
        | bit(a.before_send != b.before_send, BEFORE_SEND);
    for register in 0..layout.registers {
        bits |= bit(a.registers[register] != b.registers[register], layout.register(register));
    }
    for depth in 0..layout.depths {
        let (a, b) = (a.frame(depth), b.frame(depth));
        bits |= bit(a.0 != b.0, layout.call(depth)) | bit(a.1 != b.1, layout.frame(depth));
    }
    bits
}

/// What a column beyond the fixed ones is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// A register.
    Register(Register),
    /// The deadline of the call of a depth.
    Frame(usize),
    /// Where the call of a depth was made.
    Call(usize),
}
