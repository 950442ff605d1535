//! NEON: a block in four registers; with the dot-product extension where `DOTPROD` says so.
//!
//! The targets that this file is built for have NEON throughout. `sdot` is written as
//! assembly because its intrinsic is not stable.
#![expect(unsafe_code, reason = "intrinsics; each is behind the proof that a value of `Neon` is")]

use std::arch::aarch64::*;
use std::arch::{asm, is_aarch64_feature_detected};
use std::array::from_fn;

use super::lanes::{Lanes, Operation};
use super::proven::proven;

/// Proves that the CPU has NEON, and with `DOTPROD` that it has `sdot`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Neon<const DOTPROD: bool>(());

impl Neon<false> {
    #[expect(clippy::unnecessary_wraps, reason = "one shape for every instruction set")]
    pub(super) fn detect() -> Option<Self> {
        Some(Self(()))
    }
}

impl Neon<true> {
    pub(super) fn detect() -> Option<Self> {
        is_aarch64_feature_detected!("dotprod").then_some(Self(()))
    }
}

impl<const DOTPROD: bool> Lanes for Neon<DOTPROD> {
    type Floats = [float32x4_t; 4];
    type Bytes = [uint8x16_t; 4];
    type Counts = [int32x4_t; 2];

    const ROWS: usize = 4;

    #[inline(always)]
    fn run<O: Operation>(self, operation: O) -> O::Output {
        #[target_feature(enable = "neon,dotprod")]
        fn with_dotprod<O: Operation>(lanes: impl Lanes, operation: O) -> O::Output {
            operation.run(lanes)
        }
        if DOTPROD {
            // SAFETY: `Neon<true>` is made only by `detect`, which has seen the extension.
            unsafe { with_dotprod(self, operation) }
        } else {
            operation.run(self)
        }
    }

    #[inline(always)]
    fn add_products(
        self,
        sums: [int32x4_t; 2],
        codes: [uint8x16_t; 4],
        signed: [uint8x16_t; 4],
    ) -> [int32x4_t; 2] {
        if DOTPROD {
            // SAFETY: `Neon<true>` is made only by `detect`, which has seen the extension.
            unsafe { add_products_dotprod(sums, codes, signed) }
        } else {
            // SAFETY: `self` is made only by `detect`; every build of this file has NEON.
            unsafe { add_products_neon(sums, codes, signed) }
        }
    }

    proven! { "neon":
        fn load_floats(self, block: &[f32; 16]) -> [float32x4_t; 4] {
            // SAFETY: a block is four registers long.
            let block = unsafe { vld1q_f32_x4(block.as_ptr()) };
            [block.0, block.1, block.2, block.3]
        }

        fn add(self, a: [float32x4_t; 4], b: [float32x4_t; 4]) -> [float32x4_t; 4] {
            from_fn(|i| vaddq_f32(a[i], b[i]))
        }

        fn sub(self, a: [float32x4_t; 4], b: [float32x4_t; 4]) -> [float32x4_t; 4] {
            from_fn(|i| vsubq_f32(a[i], b[i]))
        }

        fn mul(self, a: [float32x4_t; 4], b: [float32x4_t; 4]) -> [float32x4_t; 4] {
            from_fn(|i| vmulq_f32(a[i], b[i]))
        }

        fn abs(self, a: [float32x4_t; 4]) -> [float32x4_t; 4] {
            a.map(|lanes| vabsq_f32(lanes))
        }

        fn sum_floats(self, lanes: [float32x4_t; 4]) -> f32 {
            let eight = [vaddq_f32(lanes[0], lanes[2]), vaddq_f32(lanes[1], lanes[3])];
            let four = vaddq_f32(eight[0], eight[1]);
            let two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
            vget_lane_f32::<0>(two) + vget_lane_f32::<1>(two)
        }

        fn load_bytes(self, block: &[u8; 64]) -> [uint8x16_t; 4] {
            // SAFETY: a block is four registers long.
            let block = unsafe { vld1q_u8_x4(block.as_ptr()) };
            [block.0, block.1, block.2, block.3]
        }

        fn xor(self, a: [uint8x16_t; 4], b: [uint8x16_t; 4]) -> [uint8x16_t; 4] {
            from_fn(|i| veorq_u8(a[i], b[i]))
        }

        fn abs_difference(self, a: [uint8x16_t; 4], b: [uint8x16_t; 4]) -> [uint8x16_t; 4] {
            from_fn(|i| vabdq_u8(a[i], b[i]))
        }

        fn count_ones(self, a: [uint8x16_t; 4]) -> [uint8x16_t; 4] {
            a.map(|bytes| vcntq_u8(bytes))
        }

        fn no_counts(self) -> [int32x4_t; 2] {
            [vdupq_n_s32(0); 2]
        }

        fn add_bytes(self, sums: [int32x4_t; 2], bytes: [uint8x16_t; 4]) -> [int32x4_t; 2] {
            let pairs = bytes.map(|sixteen| vreinterpretq_s16_u16(vpaddlq_u8(sixteen)));
            from_fn(|i| vpadalq_s16(vpadalq_s16(sums[i], pairs[i]), pairs[i + 2]))
        }

        fn sum_counts(self, sums: [int32x4_t; 2]) -> i32 {
            vaddvq_s32(vaddq_s32(sums[0], sums[1]))
        }
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn add_products_neon(
    sums: [int32x4_t; 2],
    codes: [uint8x16_t; 4],
    signed: [uint8x16_t; 4],
) -> [int32x4_t; 2] {
    // Two products of a 7-bit code and a signed byte fit 16 bits: 2 * 127 * 128.
    let pairs: [int16x8_t; 4] = from_fn(|i| {
        let (a, b) = (vreinterpretq_s8_u8(codes[i]), vreinterpretq_s8_u8(signed[i]));
        vmlal_high_s8(vmull_s8(vget_low_s8(a), vget_low_s8(b)), a, b)
    });
    from_fn(|i| vpadalq_s16(vpadalq_s16(sums[i], pairs[i]), pairs[i + 2]))
}

#[inline]
#[target_feature(enable = "neon,dotprod")]
fn add_products_dotprod(
    sums: [int32x4_t; 2],
    codes: [uint8x16_t; 4],
    signed: [uint8x16_t; 4],
) -> [int32x4_t; 2] {
    // Without closures: a function that is not compiled for the extension cannot inline one.
    let first = sdot(sdot(sums[0], codes[0], signed[0]), codes[2], signed[2]);
    let second = sdot(sdot(sums[1], codes[1], signed[1]), codes[3], signed[3]);
    [first, second]
}

/// Adds four products of signed bytes to each sum; a 7-bit code is the same as a signed byte.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn sdot(sums: int32x4_t, a: uint8x16_t, b: uint8x16_t) -> int32x4_t {
    let mut sums = sums;
    // SAFETY: the extension is there, and the instruction reads and writes only these registers.
    unsafe {
        asm!(
            "sdot {sums:v}.4s, {a:v}.16b, {b:v}.16b",
            sums = inout(vreg) sums,
            a = in(vreg) a,
            b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}
