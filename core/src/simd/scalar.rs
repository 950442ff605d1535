//! The instruction set that every machine has, and the reference for all others.
//!
//! Arrays of sixteen and of sixty-four elements, plain loops: what each operation means.

use super::lanes::{Lanes, Operation};

/// Needs no proof.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scalar(());

impl Scalar {
    #[expect(clippy::unnecessary_wraps, reason = "one shape for every instruction set")]
    pub(super) fn detect() -> Option<Self> {
        Some(Self(()))
    }
}

impl Lanes for Scalar {
    type Floats = [f32; 16];
    type Bytes = [u8; 64];
    type Counts = i32;

    const ROWS: usize = 1;

    #[inline(always)]
    fn run<O: Operation>(self, operation: O) -> O::Output {
        operation.run(self)
    }

    #[inline(always)]
    fn load_floats(self, block: &[f32; 16]) -> [f32; 16] {
        *block
    }

    #[inline(always)]
    fn add(self, a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        std::array::from_fn(|i| a[i] + b[i])
    }

    #[inline(always)]
    fn sub(self, a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        std::array::from_fn(|i| a[i] - b[i])
    }

    #[inline(always)]
    fn mul(self, a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        std::array::from_fn(|i| a[i] * b[i])
    }

    #[inline(always)]
    fn abs(self, a: [f32; 16]) -> [f32; 16] {
        a.map(f32::abs)
    }

    #[inline(always)]
    fn sum_floats(self, lanes: [f32; 16]) -> f32 {
        let eight: [f32; 8] = std::array::from_fn(|i| lanes[i] + lanes[i + 8]);
        let four: [f32; 4] = std::array::from_fn(|i| eight[i] + eight[i + 4]);
        let two = [four[0] + four[2], four[1] + four[3]];
        two[0] + two[1]
    }

    #[inline(always)]
    fn load_bytes(self, block: &[u8; 64]) -> [u8; 64] {
        *block
    }

    #[inline(always)]
    fn xor(self, a: [u8; 64], b: [u8; 64]) -> [u8; 64] {
        std::array::from_fn(|i| a[i] ^ b[i])
    }

    #[inline(always)]
    fn abs_difference(self, a: [u8; 64], b: [u8; 64]) -> [u8; 64] {
        std::array::from_fn(|i| a[i].abs_diff(b[i]))
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "a byte has at most eight ones")]
    fn count_ones(self, a: [u8; 64]) -> [u8; 64] {
        a.map(|byte| byte.count_ones() as u8)
    }

    #[inline(always)]
    fn no_counts(self) -> i32 {
        0
    }

    #[inline(always)]
    fn add_bytes(self, sums: i32, bytes: [u8; 64]) -> i32 {
        bytes.iter().fold(sums, |sum, &byte| sum + i32::from(byte))
    }

    #[inline(always)]
    fn add_products(self, sums: i32, codes: [u8; 64], signed: [u8; 64]) -> i32 {
        codes.iter().zip(signed).fold(sums, |sum, (&code, signed)| {
            sum + i32::from(code) * i32::from(signed.cast_signed())
        })
    }

    #[inline(always)]
    fn sum_counts(self, sums: i32) -> i32 {
        sums
    }
}
