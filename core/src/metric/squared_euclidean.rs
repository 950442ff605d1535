//! The squared Euclidean distance: the order of the Euclidean one without its root.

use crate::simd::{Code, Kernel, Lanes};

/// The squared Euclidean distance `sum((a - b)^2)`, on `f32` and on codes.
#[derive(Debug, Clone, Copy)]
pub struct SquaredEuclidean;

impl Kernel<f32> for SquaredEuclidean {
    type Query = f32;

    #[inline(always)]
    fn step<L: Lanes>(
        self,
        lanes: L,
        sums: L::Floats,
        query: L::Floats,
        row: L::Floats,
    ) -> L::Floats {
        let difference = lanes.sub(query, row);
        lanes.add(sums, lanes.mul(difference, difference))
    }
}

impl Kernel<Code> for SquaredEuclidean {
    type Query = Code;

    #[inline(always)]
    fn step<L: Lanes>(
        self,
        lanes: L,
        sums: L::Counts,
        query: L::Bytes,
        row: L::Bytes,
    ) -> L::Counts {
        lanes.add_squares(sums, query, row)
    }
}
