//! Kernels as the measure of a graph, and rows of each kind.
//!
//! A graph needs distances between its own rows, so its kernels compare a row with a row, and
//! none is negative. Inner products come in as Euclidean distances, which `index.rs` makes of them.

use std::fmt::Debug;

use bytemuck::Pod;

use super::int8::Int8;
use super::pool::Queries;
use crate::metric::{Manhattan, SquaredEuclidean};
use crate::simd::{Code, Element, Kernel};

/// What a graph's rows are made of.
pub(crate) trait Stored: Element + Pod + Debug + Send + Sync {
    /// Writes a vector as a row.
    fn encode(range: &Int8, vector: &[f32], row: &mut Vec<Self>);

    /// A total as a number of the same order.
    fn distance(total: Self::Total) -> u32;

    /// Where a searcher keeps queries of this kind.
    fn buffer(queries: &mut Queries) -> &mut Vec<Self>;
}

impl Stored for f32 {
    fn encode(_: &Int8, vector: &[f32], row: &mut Vec<Self>) {
        row.clear();
        row.extend_from_slice(vector);
    }

    /// The bits of floats that are not negative are in their order.
    #[inline]
    fn distance(total: Self) -> u32 {
        total.to_bits()
    }

    fn buffer(queries: &mut Queries) -> &mut Vec<Self> {
        &mut queries.floats
    }
}

impl Stored for Code {
    fn encode(range: &Int8, vector: &[f32], row: &mut Vec<Self>) {
        row.clear();
        row.extend(vector.iter().map(|&value| range.code(value)));
    }

    #[inline]
    fn distance(total: i32) -> u32 {
        total.cast_unsigned()
    }

    fn buffer(queries: &mut Queries) -> &mut Vec<Self> {
        &mut queries.codes
    }
}

/// A kernel that measures the distance between two rows.
pub(crate) trait Measure<R: Stored>:
    Kernel<R, Query = R> + Debug + Send + Sync + 'static
{
}

impl<R: Stored> Measure<R> for SquaredEuclidean where Self: Kernel<R, Query = R> {}
impl<R: Stored> Measure<R> for Manhattan where Self: Kernel<R, Query = R> {}
