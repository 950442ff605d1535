//! What rows are made of, and how far two of them are from one another.
//!
//! A graph has rows of bytes. What they mean is asked of its [`Measure`], one hop or one choice of
//! links at a time, so that walks, links and repairs are compiled once, and only the loop over a
//! hop's rows for each kernel, kind of row and instruction set. No distance is negative, so the
//! bits of a total are a number of the same order, its rank. Inner products come in as Euclidean
//! distances, which `index` makes of them.

use bytemuck::{Pod, cast_slice, cast_slice_mut};

use super::int8::Int8;
use crate::config::Quantization;
use crate::memory::whole_lines;
use crate::metric::{DistanceMetric, Manhattan, SquaredEuclidean};
use crate::simd::{AnyWithin, Batch, Code, Element, Kernel, Raw, Simd};

/// How the rows of a graph are compared.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measure {
    simd: Simd,
    power: Power,
    rows: Quantization,
}

/// Powers of distances that totals grow with: of the Euclidean the second, of Manhattan the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Power {
    One,
    Two,
}

/// Calls a method with the kernel, for the rows of the measure.
macro_rules! on_rows {
    ($measure:ident.$method:ident($($argument:expr),*)) => {
        match ($measure.power, $measure.rows) {
            (Power::One, Quantization::Int8) => {
                $measure.$method::<_, Code>(Manhattan, $($argument),*)
            }
            (Power::One, Quantization::None) => {
                $measure.$method::<_, f32>(Manhattan, $($argument),*)
            }
            (Power::Two, Quantization::Int8) => {
                $measure.$method::<_, Code>(SquaredEuclidean, $($argument),*)
            }
            (Power::Two, Quantization::None) => {
                $measure.$method::<_, f32>(SquaredEuclidean, $($argument),*)
            }
        }
    };
}

impl Measure {
    pub(crate) fn new(simd: Simd, metric: DistanceMetric, rows: Quantization) -> Self {
        let power = match metric {
            DistanceMetric::Manhattan => Power::One,
            _ => Power::Two,
        };
        Self { simd, power, rows }
    }

    pub(super) fn power(self) -> Power {
        self.power
    }

    /// The bytes of a row: whole cache lines.
    pub(super) fn width(self, dimensions: usize) -> usize {
        match self.rows {
            Quantization::Int8 => whole_lines::<Code>(dimensions),
            Quantization::None => whole_lines::<f32>(dimensions) * size_of::<f32>(),
        }
    }

    /// Writes a vector at the beginning of a row, which is as wide or wider.
    pub(super) fn encode(self, range: &Int8, vector: &[f32], row: &mut [u8]) {
        match self.rows {
            Quantization::Int8 => {
                for (place, &value) in row.iter_mut().zip(vector) {
                    *place = range.code(value).get();
                }
            }
            Quantization::None => row[..size_of_val(vector)].copy_from_slice(cast_slice(vector)),
        }
    }

    /// Writes what a row tells of its vector.
    pub(super) fn decode(self, range: &Int8, row: &[u8], vector: &mut Vec<f32>) {
        vector.clear();
        match self.rows {
            Quantization::Int8 => {
                vector.extend(cast_slice(row).iter().map(|&code| range.value(code)));
            }
            Quantization::None => vector.extend_from_slice(cast_slice(row)),
        }
    }

    /// Are two rows of equal values?
    pub(super) fn equal(self, a: &[u8], b: &[u8]) -> bool {
        match self.rows {
            Quantization::Int8 => a == b,
            // Zeros of both signs are equal.
            Quantization::None => cast_slice::<_, f32>(a) == cast_slice::<_, f32>(b),
        }
    }

    /// A step of the rows' values, in the units of the vectors.
    pub(super) fn step(self, range: &Int8) -> f64 {
        match self.rows {
            Quantization::Int8 => range.step(),
            Quantization::None => 1.0,
        }
    }

    /// Compares a query, which is a row, with others of its width; their first `asked` lines are
    /// on their way.
    #[inline]
    pub(super) fn ranks(self, query: &[u8], rows: &[Raw<'_>], ranks: &mut [u32], asked: usize) {
        on_rows!(self.totals(query, rows, ranks, asked));
    }

    /// Is any of these rows, which are near at hand, of the rank `most` or nearer?
    #[inline]
    pub(super) fn any_within(self, query: &[u8], rows: &[Raw<'_>], most: u32) -> bool {
        on_rows!(self.any_total_within(query, rows, most))
    }

    /// The bits of totals, which are in their order: none is negative.
    #[inline]
    fn totals<K, Row>(
        self,
        kernel: K,
        query: &[u8],
        rows: &[Raw<'_>],
        ranks: &mut [u32],
        asked: usize,
    ) where
        K: Kernel<Row, Query = Row>,
        Row: Element<Total: Pod> + Pod,
    {
        let (query, totals) = (cast_slice(query), cast_slice_mut(ranks));
        self.simd.run(Batch { kernel, query, rows, totals, asked });
    }

    fn any_total_within<K, Row>(self, kernel: K, query: &[u8], rows: &[Raw<'_>], most: u32) -> bool
    where
        K: Kernel<Row, Query = Row>,
        Row: Element<Total: Pod> + Pod,
    {
        self.simd.run(AnyWithin { kernel, query: cast_slice(query), rows, most })
    }

    /// The last rank whose total times `factor` is below that of another; 0 where there is none.
    pub(super) fn last_below(self, rank: u32, factor: f64) -> u32 {
        let limit = self.measured(rank);
        if limit.is_nan() {
            return 0;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a guess")]
        let guess = match self.rows {
            Quantization::Int8 => (limit / factor) as u32,
            Quantization::None => ((limit / factor) as f32).to_bits(),
        };
        // The quotient is rounded, so it may be the next or the one before.
        let is_below = |rank| self.measured(rank) * factor < limit;
        let last = guess + u32::from(is_below(guess + 1));
        if is_below(last) { last } else { last.saturating_sub(1) }
    }

    /// The total that a rank stands for.
    #[inline]
    pub(super) fn measured(self, rank: u32) -> f64 {
        match self.rows {
            Quantization::Int8 => f64::from(rank),
            Quantization::None => f64::from(f32::from_bits(rank)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_rank_below_is_the_last_that_the_factor_leaves_below() {
        let factors = [1.05, 1.05 * 1.05];
        let floats = [0.0, f32::MIN_POSITIVE, 1e-45, 1e-30, 0.1, 1.0, 7.3, 1e30, f32::MAX];
        let floats = floats.into_iter().chain([f32::INFINITY]).map(f32::to_bits);
        let codes = (0..5000).chain([1 << 20, (1 << 30) + 1, u32::MAX >> 1]);
        let ranks = codes.map(|rank| (Quantization::Int8, rank));
        for (rows, rank) in ranks.chain(floats.map(|rank| (Quantization::None, rank))) {
            let measure = Measure::new(Simd::detect(), DistanceMetric::Manhattan, rows);
            for factor in factors {
                let last = measure.last_below(rank, factor);
                let below = |other| measure.measured(other) * factor < measure.measured(rank);
                assert!(last == 0 || below(last), "{rank:#x} of {rows:?}");
                assert!(!below(last + 1), "{rank:#x} of {rows:?}");
            }
        }
        let measure = Measure::new(Simd::detect(), DistanceMetric::Manhattan, Quantization::None);
        assert_eq!(measure.last_below(f32::NAN.to_bits(), 1.05), 0);
    }
}
