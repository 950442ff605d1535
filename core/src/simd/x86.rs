//! What the two x86 sets share: the last steps of a sum.

use std::arch::x86_64::*;

/// Eight floats by halves: 8 to 4, 4 to 2, 2 to 1.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn sum_f32x8(eight: __m256) -> f32 {
    let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<0b01>(two, two)))
}

/// Eight integers, in any order.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn sum_i32x8(eight: __m256i) -> i32 {
    let four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256::<1>(eight));
    let two = _mm_add_epi32(four, _mm_shuffle_epi32::<0b11_10>(four));
    _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32::<0b01>(two)))
}
