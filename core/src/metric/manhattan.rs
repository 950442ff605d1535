//! The Manhattan distance.

use crate::simd::{Code, Kernel, Lanes};

/// The Manhattan distance `sum(abs(a - b))`, on `f32` and on codes.
#[derive(Debug, Clone, Copy)]
pub struct Manhattan;

impl Kernel<f32> for Manhattan {
    type Query = f32;

    #[inline(always)]
    fn step<L: Lanes>(
        self,
        lanes: L,
        sums: L::Floats,
        query: L::Floats,
        row: L::Floats,
    ) -> L::Floats {
        lanes.add(sums, lanes.abs(lanes.sub(query, row)))
    }
}

impl Kernel<Code> for Manhattan {
    type Query = Code;

    #[inline(always)]
    fn step<L: Lanes>(
        self,
        lanes: L,
        sums: L::Counts,
        query: L::Bytes,
        row: L::Bytes,
    ) -> L::Counts {
        lanes.add_bytes(sums, lanes.abs_difference(query, row))
    }
}
