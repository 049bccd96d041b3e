//! Running sums and running maxima over columns, and columns closed up. One by one each number waits for the one before it;
//! where the processor has vectors of eight numbers, eight are summed in three steps of shifted copies or closed up at once,
//! and only what is carried on waits.

/// Replaces numbers by their running sums, from a first one on, and gives the last of these.
pub fn running_sums(numbers: &mut [u64], before: u64) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if let Some(eights) = eights::Eights::get() {
        return eights.running_sums(numbers, before);
    }
    sum_one_by_one(numbers, before)
}

/// A server that is free from an instant on serves all in order. Demands become ends; when it is free again.
pub fn serve_in_line(free: u64, times: &[u64], starts: &mut [u64], ends: &mut [u64]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if let Some(eights) = eights::Eights::get() {
        return eights.serve_in_line(free, times, starts, ends);
    }
    serve_one_by_one(free, times, starts, ends)
}

/// Moves what differs from `unwanted` to the front and says how much it is; what lies behind is of no use then.
#[inline(always)]
pub fn close_up<const N: usize>(numbers: &mut [u64; N], unwanted: u64) -> usize {
    #[cfg(target_arch = "x86_64")]
    if N.is_multiple_of(8)
        && let Some(eights) = eights::Eights::get()
    {
        return eights.close_up(numbers, unwanted);
    }
    close_up_one_by_one(numbers, unwanted)
}

#[inline(always)]
fn close_up_one_by_one<const N: usize>(numbers: &mut [u64; N], unwanted: u64) -> usize {
    let mut length = 0;
    for i in 0..N {
        // Without a branch, which would be guessed wrong too often.
        let number = numbers[i];
        numbers[length.min(i)] = number;
        length += usize::from(number != unwanted);
    }
    length
}

#[inline(always)]
fn sum_one_by_one(numbers: &mut [u64], before: u64) -> u64 {
    let mut sum = before;
    for number in numbers {
        sum += *number;
        *number = sum;
    }
    sum
}

#[inline(always)]
fn serve_one_by_one(free: u64, times: &[u64], starts: &mut [u64], ends: &mut [u64]) -> u64 {
    // Without the work done before, the next start is the latest of such starts: the sum of the work and that maximum
    // do not wait for each other.
    let (mut latest, mut work) = (free as i64, 0);
    for ((&at, start), end) in times.iter().zip(starts).zip(ends) {
        latest = latest.max(at as i64 - work);
        *start = (latest + work) as u64;
        work += *end as i64;
        *end = (latest + work) as u64;
    }
    (latest + work) as u64
}

#[cfg(target_arch = "x86_64")]
mod eights {
    use std::arch::x86_64::__m512i;

    use pulp::cast;
    use pulp::x86::V4;

    use super::{serve_one_by_one, sum_one_by_one};
    use crate::lanes::{Lanes, used};

    /// That the processor has vectors of eight numbers, and that they may be used.
    #[derive(Clone, Copy)]
    pub struct Eights(V4);

    impl Eights {
        /// If they may be used.
        pub fn get() -> Option<Eights> {
            if used() == Lanes::Avx512 { V4::try_new().map(Eights) } else { None }
        }

        pub fn running_sums(self, numbers: &mut [u64], before: u64) -> u64 {
            self.0.vectorize(
                #[inline(always)]
                move || {
                    let (eights, rest) = numbers.as_chunks_mut::<8>();
                    let avx = self.0.avx512f;
                    let mut sum = avx._mm512_set1_epi64(before as i64);
                    for eight in eights {
                        let own = self.sums(cast(*eight));
                        *eight = cast(avx._mm512_add_epi64(own, sum));
                        sum = avx._mm512_add_epi64(sum, self.last(own));
                    }
                    sum_one_by_one(rest, first(sum))
                },
            )
        }

        pub fn serve_in_line(self, free: u64, times: &[u64], starts: &mut [u64], ends: &mut [u64]) -> u64 {
            self.0.vectorize(
                #[inline(always)]
                move || {
                    let (times, rest) = times.as_chunks::<8>();
                    let (starts, rest_starts) = starts.as_chunks_mut::<8>();
                    let (ends, rest_ends) = ends.as_chunks_mut::<8>();
                    let avx = self.0.avx512f;
                    let mut latest = avx._mm512_set1_epi64(free as i64);
                    let mut work = avx._mm512_set1_epi64(0);
                    for ((&times, starts), ends) in times.iter().zip(starts).zip(ends) {
                        let demands = cast(*ends);
                        let after = avx._mm512_add_epi64(self.sums(demands), work);
                        let before = avx._mm512_sub_epi64(after, demands);
                        // The latest start without the work done before, as one by one.
                        let own = self.maxima(avx._mm512_sub_epi64(cast(times), before));
                        let start = avx._mm512_max_epi64(own, latest);
                        *starts = cast(avx._mm512_add_epi64(start, before));
                        *ends = cast(avx._mm512_add_epi64(start, after));
                        work = self.last(after);
                        latest = avx._mm512_max_epi64(latest, self.last(own));
                    }
                    let free = first(avx._mm512_add_epi64(latest, work));
                    serve_one_by_one(free, rest, rest_starts, rest_ends)
                },
            )
        }

        #[inline(always)]
        pub fn close_up<const N: usize>(self, numbers: &mut [u64; N], unwanted: u64) -> usize {
            let avx = self.0.avx512f;
            let unwanted = avx._mm512_set1_epi64(unwanted as i64);
            let mut length = 0;
            for from in (0..N).step_by(8) {
                let Some(&eight) = numbers[from..].first_chunk::<8>() else { break };
                let wanted = avx._mm512_cmpneq_epi64_mask(cast(eight), unwanted);
                let closed = cast(avx._mm512_maskz_compress_epi64(wanted, cast(eight)));
                // Never past what has been read.
                let Some(to) = numbers[length..].first_chunk_mut::<8>() else { break };
                *to = closed;
                length += wanted.count_ones() as usize;
            }
            length
        }

        /// Running sums of eight numbers.
        #[inline(always)]
        fn sums(self, numbers: __m512i) -> __m512i {
            let avx = self.0.avx512f;
            let none = avx._mm512_set1_epi64(0);
            let twos = avx._mm512_add_epi64(numbers, avx._mm512_alignr_epi64::<7>(numbers, none));
            let fours = avx._mm512_add_epi64(twos, avx._mm512_alignr_epi64::<6>(twos, none));
            avx._mm512_add_epi64(fours, avx._mm512_alignr_epi64::<4>(fours, none))
        }

        /// Running maxima of eight numbers.
        #[inline(always)]
        fn maxima(self, numbers: __m512i) -> __m512i {
            let avx = self.0.avx512f;
            let none = avx._mm512_set1_epi64(i64::MIN);
            let twos = avx._mm512_max_epi64(numbers, avx._mm512_alignr_epi64::<7>(numbers, none));
            let fours = avx._mm512_max_epi64(twos, avx._mm512_alignr_epi64::<6>(twos, none));
            avx._mm512_max_epi64(fours, avx._mm512_alignr_epi64::<4>(fours, none))
        }

        /// The last of eight numbers, eight times.
        #[inline(always)]
        fn last(self, numbers: __m512i) -> __m512i {
            let avx = self.0.avx512f;
            avx._mm512_permutexvar_epi64(avx._mm512_set1_epi64(7), numbers)
        }
    }

    /// The first of eight numbers.
    #[inline(always)]
    fn first(numbers: __m512i) -> u64 {
        cast::<__m512i, [u64; 8]>(numbers)[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::with_each;

    /// Numbers without a pattern.
    fn numbers(count: u64, most: u64) -> Vec<u64> {
        (1..=count).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29) % most).collect()
    }

    #[test]
    fn a_closed_up_column_keeps_its_order_whatever_the_lanes() {
        with_each(|lanes| {
            for most in [1, 2, 3, 10] {
                let column: [u64; 64] = numbers(64, most).try_into().unwrap();
                for unwanted in [0, 1, 11] {
                    let mut closed = column;
                    let length = close_up(&mut closed, unwanted);
                    let wanted = column.into_iter().filter(|&number| number != unwanted);
                    assert!(closed[..length].iter().copied().eq(wanted), "{lanes:?}, {most}, {unwanted}");
                    let (mut few, expected) = ([column[0], 7, unwanted], [column[0], 7]);
                    let length = close_up(&mut few, unwanted);
                    assert!(few[..length].iter().eq(expected.iter().filter(|&&number| number != unwanted)));
                }
            }
        });
    }

    #[test]
    fn sums_and_services_are_those_of_one_by_one_whatever_the_lanes() {
        with_each(|lanes| {
            for length in [0, 1, 7, 8, 9, 64, 200] {
                let gaps = numbers(length, 1000);
                let (mut times, mut expected) = (gaps.clone(), gaps);
                assert_eq!(running_sums(&mut times, 1 << 60), sum_one_by_one(&mut expected, 1 << 60), "{lanes:?}");
                assert_eq!(times, expected, "{lanes:?}, {length}");
                for most in [10, 990, 1500] {
                    for free in [0, (1 << 60) + 10_000] {
                        let demands = numbers(length + 1, most).split_off(1);
                        let (mut starts, mut ends) = (vec![0; times.len()], demands.clone());
                        let (mut first, mut second) = (starts.clone(), demands);
                        let found = serve_in_line(free, &times, &mut starts, &mut ends);
                        assert_eq!(found, serve_one_by_one(free, &times, &mut first, &mut second), "{lanes:?}");
                        assert_eq!((starts, ends), (first, second), "{lanes:?}, {length}");
                    }
                }
            }
        });
    }
}
