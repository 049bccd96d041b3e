//! Closed forms of queueing theory, to stand beside simulated numbers.
//!
//! Rates are per second, or per any other unit of time as long as all times given are in the same unit; what comes back is
//! in that unit too. Nothing here knows a program or a run: whether the assumptions hold is for the caller to say.

pub mod cache;
pub mod closed;
pub mod multi_server;
pub mod single_server;

pub use closed::{Closed, Place};
pub use multi_server::{MultiServer, erlang_b, erlang_c};
pub use single_server::{bucket_refusal, pollaczek_khinchine};

/// The smallest time t with `exceeds(t) <= tail`, for a function that falls from at most 1 to 0; `scale` is a first guess
/// at its size. Found by doubling and bisection to the last bit.
fn time_exceeded_by(tail: f64, scale: f64, exceeds: impl Fn(f64) -> f64) -> f64 {
    if exceeds(0.0) <= tail {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, scale);
    while exceeds(high) > tail && high < 1e300 {
        low = high;
        high *= 2.0;
    }
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return high;
        }
        if exceeds(middle) > tail { low = middle } else { high = middle }
    }
}
