//! Which vector instructions this processor has, and running a piece of work compiled for them.
//!
//! Block functions are written once, as plain loops over slices in `#[inline(always)]` functions; [`dispatch`] compiles
//! such a loop three times and chooses at run time. Plain multiplications and additions of `f64`, never fused, and whole
//! numbers give the same bits from all three, so the choice is a matter of speed only.

pub mod scan;

use std::sync::atomic::{AtomicU8, Ordering};

/// Sets of vector instructions, from narrow to wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lanes {
    /// What every processor of the architecture has: two lanes of 64 bits on x86-64 and ARM64.
    Baseline = 0,
    /// AVX2 and what came with it: four lanes.
    Avx2 = 1,
    /// AVX-512 (F, BW, CD, DQ, VL): eight lanes.
    Avx512 = 2,
}

impl Lanes {
    /// All of them, narrow ones first.
    pub const ALL: [Lanes; 3] = [Lanes::Baseline, Lanes::Avx2, Lanes::Avx512];
}

/// The widest that may be used.
static LIMIT: AtomicU8 = AtomicU8::new(Lanes::Avx512 as u8);

/// From now on, uses at most these instructions in the whole process, for measurements and tests: results do not depend
/// on it. What the processor lacks is not used whatever the limit.
pub fn limit(lanes: Lanes) {
    LIMIT.store(lanes as u8, Ordering::Relaxed);
}

/// What is used: the widest that the processor has, within the limit.
pub fn used() -> Lanes {
    let limit = usize::from(LIMIT.load(Ordering::Relaxed));
    Lanes::ALL[limit].min(supported())
}

/// Runs `work`, compiled for the widest instructions in use. `work` should be a short closure marked
/// `#[inline(always)]` that calls one function marked so: what is not inlined into it stays baseline code.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
#[inline(always)]
pub fn dispatch<R>(work: impl FnOnce() -> R) -> R {
    use pulp::x86::{V3, V4};
    match LIMIT.load(Ordering::Relaxed) {
        2.. if let Some(wide) = V4::try_new() => wide.vectorize(work),
        1.. if let Some(wide) = V3::try_new() => wide.vectorize(work),
        _ => work(),
    }
}

/// Runs `work`, compiled for the instructions that every processor of this architecture has.
#[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
#[inline(always)]
pub fn dispatch<R>(work: impl FnOnce() -> R) -> R {
    work()
}

/// What may be used of vectors of four numbers, for what loops do not become by themselves.
#[cfg(target_arch = "x86_64")]
pub fn fours() -> Option<pulp::x86::V3> {
    if used() == Lanes::Baseline { None } else { pulp::x86::V3::try_new() }
}

/// The widest that the processor has.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn supported() -> Lanes {
    use pulp::x86::{V3, V4};
    match () {
        () if V4::is_available() => Lanes::Avx512,
        () if V3::is_available() => Lanes::Avx2,
        () => Lanes::Baseline,
    }
}

/// The widest that the processor has.
#[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
fn supported() -> Lanes {
    Lanes::Baseline
}

/// Runs a test once with each set of instructions that the processor has. Tests that ask for it take turns; others do not
/// mind, since results are the same.
#[cfg(test)]
pub(crate) fn with_each(mut test: impl FnMut(Lanes)) {
    use std::sync::{Mutex, PoisonError};
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for lanes in Lanes::ALL {
        limit(lanes);
        if used() == lanes {
            test(lanes);
        }
    }
    limit(Lanes::Avx512);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(always)]
    fn doubled(values: &mut [f64]) -> f64 {
        values.iter_mut().for_each(|value| *value *= 2.0);
        values.iter().sum()
    }

    #[test]
    fn work_is_done_whatever_the_limit_and_the_limit_is_kept() {
        let mut seen = Vec::new();
        with_each(|lanes| {
            assert!(used() <= lanes);
            let mut values = [1.0, 2.0, 3.0];
            assert_eq!(
                dispatch(
                    #[inline(always)]
                    || doubled(&mut values)
                ),
                12.0
            );
            assert_eq!(values, [2.0, 4.0, 6.0]);
            seen.push(lanes);
        });
        assert!(seen.contains(&Lanes::Baseline) && seen.is_sorted());
    }
}
