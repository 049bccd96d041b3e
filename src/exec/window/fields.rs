//! The columns of requests that are by themselves: in a loop requests are tokens, outside of it they are rows.

use super::batch::{
    BASE, BEFORE_SEND, BORN, CLASS, COUNTS, Column, DEADLINE, DEMAND, GIVEN, KEY, Layout, MARK, OUTCOME, REQUEST,
    RESPONSE, STAGE, TRAIL, Values,
};
use crate::exec::token::Token;
use crate::program::Register;
use crate::time::{Span, Time};

/// Appends what tokens have for a column; for [`LATE`](super::batch::LATE) and [`ROW`](super::batch::ROW), which are no
/// properties of a token, zeros.
pub(super) fn append(tokens: &[Token], layout: Layout, column: Column, to: &mut Values) {
    #[inline(always)]
    fn all(tokens: &[Token], to: &mut Values, value: impl Fn(&Token) -> u64) {
        to.extend(tokens.iter().map(value));
    }
    match column {
        TRAIL => all(tokens, to, |token| token.trail),
        BORN => all(tokens, to, |token| token.born.0),
        MARK => all(tokens, to, |token| token.mark.0),
        STAGE => all(tokens, to, |token| token.mark_stage as u64),
        OUTCOME => all(tokens, to, |token| token.outcome as u64),
        CLASS => all(tokens, to, |token| token.class as u64),
        KEY => all(tokens, to, |token| token.key as u64),
        REQUEST => all(tokens, to, |token| token.request_bytes as u64),
        RESPONSE => all(tokens, to, |token| token.response_bytes as u64),
        DEMAND => all(tokens, to, |token| token.demand),
        GIVEN => all(tokens, to, |token| token.given as u64),
        BASE => all(tokens, to, |token| token.base() as u64),
        COUNTS => all(tokens, to, |token| token.counts as u64),
        DEADLINE => all(tokens, to, |token| token.deadline.0),
        BEFORE_SEND => all(tokens, to, |token| token.before_send.0),
        _ => match layout.place(column) {
            Some(Place::Register(register)) => all(tokens, to, |token| token.target(Some(register)) as u64),
            Some(Place::Frame(depth)) => all(tokens, to, |token| token.frame(depth).1.0),
            Some(Place::Call(depth)) => all(tokens, to, |token| token.frame(depth).0 as u64),
            None => all(tokens, to, |_| 0),
        },
    }
}

/// Gives tokens what a column has for them.
pub(super) fn set(tokens: &mut [Token], layout: Layout, column: Column, values: &[u64]) {
    #[inline(always)]
    fn all(tokens: &mut [Token], values: &[u64], set: impl Fn(&mut Token, u64)) {
        tokens.iter_mut().zip(values).for_each(|(token, &value)| set(token, value));
    }
    match column {
        TRAIL => all(tokens, values, |token, value| token.trail = value),
        BORN => all(tokens, values, |token, value| token.born = Time(value)),
        MARK => all(tokens, values, |token, value| token.mark = Time(value)),
        STAGE => all(tokens, values, |token, value| token.mark_stage = value as u16),
        OUTCOME => all(tokens, values, |token, value| token.outcome = value as u16),
        CLASS => all(tokens, values, |token, value| token.class = value as u16),
        KEY => all(tokens, values, |token, value| token.key = value as u32),
        REQUEST => all(tokens, values, |token, value| token.request_bytes = value as u32),
        RESPONSE => all(tokens, values, |token, value| token.response_bytes = value as u32),
        DEMAND => all(tokens, values, |token, value| token.demand = value),
        GIVEN => all(tokens, values, |token, value| token.given = value as u32),
        BASE => all(tokens, values, |token, value| token.set_base(value as u8)),
        COUNTS => all(tokens, values, |token, value| token.counts = value == 1),
        DEADLINE if layout.frame(0) == DEADLINE => all(tokens, values, |token, value| {
            token.deadline = Time(value);
            token.set_frame(0, token.frame(0).0, Time(value));
        }),
        DEADLINE => all(tokens, values, |token, value| token.deadline = Time(value)),
        BEFORE_SEND => all(tokens, values, |token, value| token.before_send = Span(value)),
        _ => match layout.place(column) {
            Some(Place::Register(register)) => all(tokens, values, |token, value| token.set(register, value as u32)),
            Some(Place::Frame(depth)) => {
                all(tokens, values, |token, value| token.set_frame(depth, token.frame(depth).0, Time(value)));
            }
            Some(Place::Call(depth)) => {
                all(tokens, values, |token, value| token.set_frame(depth, value as u16, token.frame(depth).1));
            }
            None => {}
        },
    }
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
