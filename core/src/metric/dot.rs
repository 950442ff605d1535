//! The inner product.

use crate::simd::{Code, Kernel, Lanes};

/// The inner product `sum(a * b)`, on `f32` and on codes.
///
/// On codes the query is made of signed bytes, so that it may stand for a vector with both signs
/// in all eight bits.
#[derive(Debug, Clone, Copy)]
pub struct Dot;

impl Kernel<f32> for Dot {
    type Query = f32;

    #[inline(always)]
    fn step<L: Lanes>(
        self,
        lanes: L,
        sums: L::Floats,
        query: L::Floats,
        row: L::Floats,
    ) -> L::Floats {
        lanes.add(sums, lanes.mul(query, row))
    }
}

impl Kernel<Code> for Dot {
    type Query = i8;

    #[inline(always)]
    fn step<L: Lanes>(
        self,
        lanes: L,
        sums: L::Counts,
        query: L::Bytes,
        row: L::Bytes,
    ) -> L::Counts {
        lanes.add_products(sums, row, query)
    }
}
