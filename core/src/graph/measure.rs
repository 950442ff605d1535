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
use crate::simd::{Batch, Code, Element, Kernel, Raw, Simd};

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
    pub(super) fn ranks(self, query: &[u8], rows: &[Raw<'_>], ranks: &mut [u32], asked: usize) {
        match (self.power, self.rows) {
            (Power::One, Quantization::Int8) => {
                self.totals::<_, Code>(Manhattan, query, rows, ranks, asked);
            }
            (Power::One, Quantization::None) => {
                self.totals::<_, f32>(Manhattan, query, rows, ranks, asked);
            }
            (Power::Two, Quantization::Int8) => {
                self.totals::<_, Code>(SquaredEuclidean, query, rows, ranks, asked);
            }
            (Power::Two, Quantization::None) => {
                self.totals::<_, f32>(SquaredEuclidean, query, rows, ranks, asked);
            }
        }
    }

    /// The bits of totals, which are in their order: none is negative.
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

    /// The total that a rank stands for.
    #[inline]
    pub(super) fn measured(self, rank: u32) -> f64 {
        match self.rows {
            Quantization::Int8 => f64::from(rank),
            Quantization::None => f64::from(f32::from_bits(rank)),
        }
    }
}
