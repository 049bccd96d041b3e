//! Polynomials of a table four at a time, where the processor has vectors of four numbers. A row of terms is read from each
//! cell, and rows become columns in registers. Loops that become vector code by themselves write the rows to memory and read
//! them again, and a draw takes a third longer.

pub(super) use vectors::Fours;

#[cfg(target_arch = "x86_64")]
mod vectors {
    use std::arch::x86_64::__m256d;

    use pulp::cast;
    use pulp::x86::V3;

    use crate::lanes;
    use crate::law::table::Cells;

    /// That the processor has such vectors, and that they may be used.
    #[derive(Clone, Copy)]
    pub struct Fours(V3);

    impl Fours {
        /// If they may be used.
        #[inline(always)]
        pub fn get() -> Option<Fours> {
            lanes::fours().map(Fours)
        }

        /// Values of the polynomials of cells at places within them, in the same order of operations as one by one.
        #[inline(always)]
        pub fn polynomials<const N: usize>(
            self,
            cells: &Cells,
            (chosen, places): (&[u64; N], &[f64; N]),
            values: &mut [f64; N],
        ) {
            let fours = chosen.as_chunks::<4>().0.iter().zip(places.as_chunks::<4>().0);
            for (values, (&[a, b, c, d], &t)) in values.as_chunks_mut::<4>().0.iter_mut().zip(fours) {
                let rows = [
                    self.pairs(cells, a, t[0]),
                    self.pairs(cells, b, t[1]),
                    self.pairs(cells, c, t[2]),
                    self.pairs(cells, d, t[3]),
                ];
                *values = cast(self.sums(self.columns(rows), cast(t)));
            }
        }

        /// Terms two by two.
        #[inline(always)]
        fn pairs(self, cells: &Cells, place: u64, t: f64) -> __m256d {
            let [a, b, c, d, e, f, g, h] = *cells.at(place);
            let (even, odd) = (cast([a, b, c, d]), cast([e, f, g, h]));
            let avx = self.0.avx;
            avx._mm256_add_pd(even, avx._mm256_mul_pd(odd, avx._mm256_set1_pd(t)))
        }

        /// The first three columns of four rows.
        #[inline(always)]
        fn columns(self, [a, b, c, d]: [__m256d; 4]) -> [__m256d; 3] {
            let avx = self.0.avx;
            let (first, second) = (avx._mm256_unpacklo_pd(a, b), avx._mm256_unpacklo_pd(c, d));
            let (others, more) = (avx._mm256_unpackhi_pd(a, b), avx._mm256_unpackhi_pd(c, d));
            [
                avx._mm256_permute2f128_pd::<0x20>(first, second),
                avx._mm256_permute2f128_pd::<0x20>(others, more),
                avx._mm256_permute2f128_pd::<0x31>(first, second),
            ]
        }

        /// Values of polynomials from their terms two by two.
        #[inline(always)]
        fn sums(self, [first, second, third]: [__m256d; 3], t: __m256d) -> __m256d {
            let avx = self.0.avx;
            let t2 = avx._mm256_mul_pd(t, t);
            let both = avx._mm256_add_pd(first, avx._mm256_mul_pd(second, t2));
            avx._mm256_add_pd(both, avx._mm256_mul_pd(third, avx._mm256_mul_pd(t2, t2)))
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod vectors {
    use crate::law::table::Cells;

    /// Never there: nothing is known of vectors of other processors.
    #[derive(Clone, Copy)]
    pub enum Fours {}

    impl Fours {
        /// Never.
        pub fn get() -> Option<Fours> {
            None
        }

        /// Never called.
        pub fn polynomials<const N: usize>(self, _: &Cells, _: (&[u64; N], &[f64; N]), _: &mut [f64; N]) {
            match self {}
        }
    }
}
