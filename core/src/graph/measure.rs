//! Kernels as the measure of a graph, and rows of each kind.
//!
//! A graph needs distances between its own rows, so its kernels compare a row with a row, and
//! none is negative. Inner products come in as Euclidean distances, which `index` makes of them.

use std::fmt::Debug;

use bytemuck::Pod;

use super::int8::Int8;
use super::pool::Queries;
use crate::memory::Shared;
use crate::metric::{Manhattan, SquaredEuclidean};
use crate::simd::{Code, Element, Kernel};

/// What a graph's rows are made of.
pub(crate) trait Stored: Element + Pod + PartialEq + Debug + Shared<Plain = Self> {
    /// Writes a vector as a row.
    fn encode(range: &Int8, vector: &[f32], row: &mut Vec<Self>);

    /// Writes what a row tells of its vector.
    fn decode(range: &Int8, row: &[Self], vector: &mut Vec<f32>);

    /// A total as a number of the same order.
    fn rank(total: Self::Total) -> u32;

    /// The total that such a number stands for.
    fn measured(rank: u32) -> f64;

    /// A step of the rows' values, in the units of the vectors.
    fn step(range: &Int8) -> f64;

    /// Where a searcher keeps queries of this kind.
    fn buffer(queries: &mut Queries) -> &mut Vec<Self>;
}

impl Stored for f32 {
    fn encode(_: &Int8, vector: &[f32], row: &mut Vec<Self>) {
        row.clear();
        row.extend_from_slice(vector);
    }

    fn decode(_: &Int8, row: &[Self], vector: &mut Vec<f32>) {
        vector.clear();
        vector.extend_from_slice(row);
    }

    /// The bits of floats that are not negative are in their order.
    #[inline(always)]
    fn rank(total: Self) -> u32 {
        total.to_bits()
    }

    #[inline(always)]
    fn measured(rank: u32) -> f64 {
        f64::from(Self::from_bits(rank))
    }

    fn step(_: &Int8) -> f64 {
        1.0
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

    fn decode(range: &Int8, row: &[Self], vector: &mut Vec<f32>) {
        vector.clear();
        vector.extend(row.iter().map(|&code| range.value(code)));
    }

    #[inline(always)]
    fn rank(total: i32) -> u32 {
        total.cast_unsigned()
    }

    #[inline(always)]
    fn measured(rank: u32) -> f64 {
        f64::from(rank)
    }

    fn step(range: &Int8) -> f64 {
        range.step()
    }

    fn buffer(queries: &mut Queries) -> &mut Vec<Self> {
        &mut queries.codes
    }
}

/// A kernel that measures the distance between two rows.
pub(crate) trait Measure<R: Stored>:
    Kernel<R, Query = R> + Debug + Send + Sync + 'static
{
    /// Its total grows with this power of the distance.
    const POWER: Power;
}

/// Powers of distances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Power {
    One,
    Two,
}

impl<R: Stored> Measure<R> for SquaredEuclidean
where
    Self: Kernel<R, Query = R>,
{
    const POWER: Power = Power::Two;
}

impl<R: Stored> Measure<R> for Manhattan
where
    Self: Kernel<R, Query = R>,
{
    const POWER: Power = Power::One;
}
