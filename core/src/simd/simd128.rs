//! WebAssembly's simd128: a block in four registers.
//!
//! A module either has these instructions or does not load, so the build decides and there is
//! nothing to detect. Engines have no prefetch. Products go through `i32x4.dot_i16x8`, which in V8
//! on x86 was 10 to 40 % faster than `i16x8.extmul` with pairwise sums, the form made for ARM.
#![expect(unsafe_code, reason = "loads through a pointer")]

use std::arch::wasm32::*;

use super::lanes::{Lanes, Operation};

/// The same of each quarter of a block, written out: a module is compiled for size, which leaves
/// loops and closures as they are.
macro_rules! quarters {
    ($i:ident => $each:expr) => {
        [
            {
                let $i = 0;
                $each
            },
            {
                let $i = 1;
                $each
            },
            {
                let $i = 2;
                $each
            },
            {
                let $i = 3;
                $each
            },
        ]
    };
}

/// The build has simd128.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Simd128(());

impl Simd128 {
    #[expect(clippy::unnecessary_wraps, reason = "one shape for every instruction set")]
    pub(super) fn detect() -> Option<Self> {
        Some(Self(()))
    }
}

impl Lanes for Simd128 {
    type Floats = [v128; 4];
    type Bytes = [v128; 4];
    type Counts = v128;

    // Engines have sixteen registers on x86: one row's sums and operands fill half of them.
    const ROWS: usize = 1;

    #[inline(always)]
    fn run<O: Operation>(self, operation: O) -> O::Output {
        operation.run(self)
    }

    #[inline(always)]
    fn load_floats(self, block: &[f32; 16]) -> [v128; 4] {
        let (quarters, _) = block.as_chunks::<4>();
        // SAFETY: a quarter is one register long, and the load needs no alignment.
        quarters!(i => unsafe { v128_load(quarters[i].as_ptr().cast()) })
    }

    #[inline(always)]
    fn add(self, a: [v128; 4], b: [v128; 4]) -> [v128; 4] {
        quarters!(i => f32x4_add(a[i], b[i]))
    }

    #[inline(always)]
    fn sub(self, a: [v128; 4], b: [v128; 4]) -> [v128; 4] {
        quarters!(i => f32x4_sub(a[i], b[i]))
    }

    #[inline(always)]
    fn mul(self, a: [v128; 4], b: [v128; 4]) -> [v128; 4] {
        quarters!(i => f32x4_mul(a[i], b[i]))
    }

    #[inline(always)]
    fn abs(self, a: [v128; 4]) -> [v128; 4] {
        quarters!(i => f32x4_abs(a[i]))
    }

    #[inline(always)]
    fn sum_floats(self, lanes: [v128; 4]) -> f32 {
        let eight = [f32x4_add(lanes[0], lanes[2]), f32x4_add(lanes[1], lanes[3])];
        let four = f32x4_add(eight[0], eight[1]);
        let two = f32x4_add(four, i32x4_shuffle::<2, 3, 0, 1>(four, four));
        f32x4_extract_lane::<0>(two) + f32x4_extract_lane::<1>(two)
    }

    #[inline(always)]
    fn load_bytes(self, block: &[u8; 64]) -> [v128; 4] {
        let (quarters, _) = block.as_chunks::<16>();
        // SAFETY: a quarter is one register long, and the load needs no alignment.
        quarters!(i => unsafe { v128_load(quarters[i].as_ptr().cast()) })
    }

    #[inline(always)]
    fn xor(self, a: [v128; 4], b: [v128; 4]) -> [v128; 4] {
        quarters!(i => v128_xor(a[i], b[i]))
    }

    #[inline(always)]
    fn abs_difference(self, a: [v128; 4], b: [v128; 4]) -> [v128; 4] {
        quarters!(i => i8x16_abs(i8x16_sub(a[i], b[i])))
    }

    #[inline(always)]
    fn count_ones(self, a: [v128; 4]) -> [v128; 4] {
        quarters!(i => u8x16_popcnt(a[i]))
    }

    #[inline(always)]
    fn no_counts(self) -> v128 {
        i32x4_splat(0)
    }

    #[inline(always)]
    fn add_bytes(self, sums: v128, bytes: [v128; 4]) -> v128 {
        // Four bytes of at most 127 fit 16 bits many times over.
        let pairs = quarters!(i => u16x8_extadd_pairwise_u8x16(bytes[i]));
        let pairs = i16x8_add(i16x8_add(pairs[0], pairs[1]), i16x8_add(pairs[2], pairs[3]));
        i32x4_add(sums, u32x4_extadd_pairwise_u16x8(pairs))
    }

    #[inline(always)]
    fn add_products(self, sums: v128, codes: [v128; 4], signed: [v128; 4]) -> v128 {
        let products = quarters!(i => i32x4_add(
            i32x4_dot_i16x8(
                i16x8_extend_low_i8x16(codes[i]),
                i16x8_extend_low_i8x16(signed[i]),
            ),
            i32x4_dot_i16x8(
                i16x8_extend_high_i8x16(codes[i]),
                i16x8_extend_high_i8x16(signed[i]),
            )
        ));
        add_all(sums, products)
    }

    #[inline(always)]
    fn add_squares(self, sums: v128, a: [v128; 4], b: [v128; 4]) -> v128 {
        let differences = self.abs_difference(a, b);
        let low = i16x8_splat(0xFF);
        let squares = quarters!(i => {
            // Order has no meaning here, so no shuffle has to spread the bytes.
            let (even, odd) = (v128_and(differences[i], low), u16x8_shr(differences[i], 8));
            i32x4_add(i32x4_dot_i16x8(even, even), i32x4_dot_i16x8(odd, odd))
        });
        add_all(sums, squares)
    }

    #[inline(always)]
    fn sum_counts(self, sums: v128) -> i32 {
        let two = i32x4_add(sums, i32x4_shuffle::<2, 3, 0, 1>(sums, sums));
        i32x4_extract_lane::<0>(two) + i32x4_extract_lane::<1>(two)
    }
}

/// Sums, and what each quarter of a block adds to them.
#[inline(always)]
fn add_all(sums: v128, quarters: [v128; 4]) -> v128 {
    let halves = [i32x4_add(quarters[0], quarters[1]), i32x4_add(quarters[2], quarters[3])];
    i32x4_add(sums, i32x4_add(halves[0], halves[1]))
}
