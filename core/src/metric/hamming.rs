//! The Hamming distance.

use crate::simd::{Kernel, Lanes};

/// The Hamming distance, the number of bits that differ, on words of 64.
#[derive(Debug, Clone, Copy)]
pub struct Hamming;

impl Kernel<u64> for Hamming {
    type Query = u64;

    #[inline(always)]
    fn step<L: Lanes>(
        self,
        lanes: L,
        sums: L::Counts,
        query: L::Bytes,
        row: L::Bytes,
    ) -> L::Counts {
        lanes.add_bytes(sums, lanes.count_ones(lanes.xor(query, row)))
    }
}
