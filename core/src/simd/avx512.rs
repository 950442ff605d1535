//! AVX-512 with byte operations and VNNI: a block in one register.
//!
//! `vpdpbusd` multiplies unsigned by signed bytes and adds four products to each 32-bit sum.
#![expect(unsafe_code, reason = "intrinsics; each is behind the proof that a value of `Avx512` is")]

use std::arch::x86_64::*;

use super::lanes::{Lanes, Operation};
use super::proven::{proven, proven_run};

/// Proves that the CPU has AVX-512 F, BW and VNNI, and AVX2.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx512(());

impl Avx512 {
    pub(super) fn detect() -> Option<Self> {
        let all = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vnni");
        all.then_some(Self(()))
    }
}

impl Lanes for Avx512 {
    type Floats = __m512;
    type Bytes = __m512i;
    type Counts = __m512i;

    const ROWS: usize = 4;

    proven_run!("avx2,avx512f,avx512bw,avx512vnni");

    proven! { "avx2,avx512f,avx512bw,avx512vnni":
        fn load_floats(self, block: &[f32; 16]) -> __m512 {
            // SAFETY: a block is one register long, and the load needs no alignment.
            unsafe { _mm512_loadu_ps(block.as_ptr()) }
        }

        fn load_floats_tail(self, tail: &[f32]) -> __m512 {
            debug_assert!(tail.len() < 16, "a tail is less than a block");
            let present = (1 << tail.len().min(15)) - 1;
            // SAFETY: only the floats of the tail are read, masked ones are not touched.
            unsafe { _mm512_maskz_loadu_ps(present, tail.as_ptr()) }
        }

        fn add(self, a: __m512, b: __m512) -> __m512 {
            _mm512_add_ps(a, b)
        }

        fn sub(self, a: __m512, b: __m512) -> __m512 {
            _mm512_sub_ps(a, b)
        }

        fn mul(self, a: __m512, b: __m512) -> __m512 {
            _mm512_mul_ps(a, b)
        }

        fn abs(self, a: __m512) -> __m512 {
            _mm512_abs_ps(a)
        }

        fn sum_floats(self, lanes: __m512) -> f32 {
            let high = _mm512_castpd_ps(_mm512_shuffle_f64x2::<0b11_10_11_10>(
                _mm512_castps_pd(lanes), _mm512_castps_pd(lanes)));
            super::x86::sum_f32x8(_mm512_castps512_ps256(_mm512_add_ps(lanes, high)))
        }

        fn load_bytes(self, block: &[u8; 64]) -> __m512i {
            // SAFETY: a block is one register long, and the load needs no alignment.
            unsafe { _mm512_loadu_si512(block.as_ptr().cast()) }
        }

        fn load_bytes_tail(self, tail: &[u8]) -> __m512i {
            debug_assert!(tail.len() < 64, "a tail is less than a block");
            let present = (1 << tail.len().min(63)) - 1;
            // SAFETY: only the bytes of the tail are read, masked ones are not touched.
            unsafe { _mm512_maskz_loadu_epi8(present, tail.as_ptr().cast()) }
        }

        fn xor(self, a: __m512i, b: __m512i) -> __m512i {
            _mm512_xor_si512(a, b)
        }

        fn abs_difference(self, a: __m512i, b: __m512i) -> __m512i {
            _mm512_abs_epi8(_mm512_sub_epi8(a, b))
        }

        fn count_ones(self, a: __m512i) -> __m512i {
            // The ones of a nibble, looked up in each quarter of the register.
            let ones_of_nibble = _mm512_broadcast_i32x4(
                _mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
            let nibble = _mm512_set1_epi8(0x0f);
            let low = _mm512_and_si512(a, nibble);
            let high = _mm512_and_si512(_mm512_srli_epi16::<4>(a), nibble);
            _mm512_add_epi8(
                _mm512_shuffle_epi8(ones_of_nibble, low),
                _mm512_shuffle_epi8(ones_of_nibble, high),
            )
        }

        fn no_counts(self) -> __m512i {
            _mm512_setzero_si512()
        }

        fn add_bytes(self, sums: __m512i, bytes: __m512i) -> __m512i {
            _mm512_dpbusd_epi32(sums, bytes, _mm512_set1_epi8(1))
        }

        fn add_products(self, sums: __m512i, codes: __m512i, signed: __m512i) -> __m512i {
            _mm512_dpbusd_epi32(sums, codes, signed)
        }

        fn sum_counts(self, sums: __m512i) -> i32 {
            let high = _mm512_shuffle_i64x2::<0b11_10_11_10>(sums, sums);
            super::x86::sum_i32x8(_mm512_castsi512_si256(_mm512_add_epi32(sums, high)))
        }
    }
}
