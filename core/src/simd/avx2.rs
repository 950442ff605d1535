//! AVX2: a block in two registers.
//!
//! Products of 7-bit codes with signed bytes fit the pairwise 16-bit sums of `maddubs` (at most
//! 2 * 127 * 128 = 32,512), so nothing saturates.
#![expect(unsafe_code, reason = "intrinsics; each is behind the proof that a value of `Avx2` is")]

use std::arch::x86_64::*;

use super::lanes::{Lanes, Operation};
use super::proven::{proven, proven_run};

/// Proves that the CPU has AVX2.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }
}

impl Lanes for Avx2 {
    type Floats = [__m256; 2];
    type Bytes = [__m256i; 2];
    type Counts = __m256i;

    const ROWS: usize = 4;

    proven_run!("avx2");

    proven! { "avx2":
        fn load_floats(self, block: &[f32; 16]) -> [__m256; 2] {
            let half = block.as_ptr();
            // SAFETY: a block is two registers long, and the load needs no alignment.
            let low = unsafe { _mm256_loadu_ps(half) };
            // SAFETY: as above.
            let high = unsafe { _mm256_loadu_ps(half.wrapping_add(8)) };
            [low, high]
        }

        fn add(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
            [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])]
        }

        fn sub(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
            [_mm256_sub_ps(a[0], b[0]), _mm256_sub_ps(a[1], b[1])]
        }

        fn mul(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
            [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])]
        }

        fn abs(self, a: [__m256; 2]) -> [__m256; 2] {
            let sign = _mm256_set1_ps(-0.0);
            [_mm256_andnot_ps(sign, a[0]), _mm256_andnot_ps(sign, a[1])]
        }

        fn sum_floats(self, lanes: [__m256; 2]) -> f32 {
            super::x86::sum_f32x8(_mm256_add_ps(lanes[0], lanes[1]))
        }

        fn load_bytes(self, block: &[u8; 64]) -> [__m256i; 2] {
            let half = block.as_ptr().cast::<__m256i>();
            // SAFETY: a block is two registers long, and the load needs no alignment.
            let low = unsafe { _mm256_loadu_si256(half) };
            // SAFETY: as above.
            let high = unsafe { _mm256_loadu_si256(half.wrapping_add(1)) };
            [low, high]
        }

        fn xor(self, a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
            [_mm256_xor_si256(a[0], b[0]), _mm256_xor_si256(a[1], b[1])]
        }

        fn abs_difference(self, a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
            let low = _mm256_abs_epi8(_mm256_sub_epi8(a[0], b[0]));
            let high = _mm256_abs_epi8(_mm256_sub_epi8(a[1], b[1]));
            [low, high]
        }

        fn count_ones(self, a: [__m256i; 2]) -> [__m256i; 2] {
            [ones_of_bytes(a[0]), ones_of_bytes(a[1])]
        }

        fn no_counts(self) -> __m256i {
            _mm256_setzero_si256()
        }

        fn add_bytes(self, sums: __m256i, bytes: [__m256i; 2]) -> __m256i {
            let low = _mm256_sad_epu8(bytes[0], _mm256_setzero_si256());
            let high = _mm256_sad_epu8(bytes[1], _mm256_setzero_si256());
            _mm256_add_epi32(sums, _mm256_add_epi32(low, high))
        }

        fn add_products(
            self, sums: __m256i, codes: [__m256i; 2], signed: [__m256i; 2]
        ) -> __m256i {
            let ones = _mm256_set1_epi16(1);
            let low = _mm256_madd_epi16(_mm256_maddubs_epi16(codes[0], signed[0]), ones);
            let high = _mm256_madd_epi16(_mm256_maddubs_epi16(codes[1], signed[1]), ones);
            _mm256_add_epi32(sums, _mm256_add_epi32(low, high))
        }

        fn sum_counts(self, sums: __m256i) -> i32 {
            super::x86::sum_i32x8(sums)
        }
    }
}

/// The number of ones in each byte: those of both nibbles, looked up.
#[inline]
#[target_feature(enable = "avx2")]
fn ones_of_bytes(bytes: __m256i) -> __m256i {
    let ones = _mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    let ones_of_nibble = _mm256_broadcastsi128_si256(ones);
    let nibble = _mm256_set1_epi8(0x0f);
    let low = _mm256_and_si256(bytes, nibble);
    let high = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), nibble);
    _mm256_add_epi8(
        _mm256_shuffle_epi8(ones_of_nibble, low),
        _mm256_shuffle_epi8(ones_of_nibble, high),
    )
}
