//! Every kernel, on every set of this machine, against the definition anyone would write.

use super::*;
use crate::kernel::{Dot, Hamming, Manhattan, SquaredEuclidean};
use crate::verify::verify_lengths;

/// The sets that this machine has.
fn sets() -> impl Iterator<Item = Simd> {
    Isa::ALL.iter().filter_map(|&isa| Simd::new(isa).ok())
}

/// Lengths around every edge of a block; fewer where each step is interpreted.
fn lengths() -> Vec<usize> {
    if cfg!(miri) { vec![0, 17, 65] } else { (0..=130).collect() }
}

/// The canonical order: sixteen sums, element `i` to sum `i % 16`, then added by halves.
fn canonical(terms: impl Iterator<Item = f32>) -> f32 {
    let mut sums = [0.0; 16];
    for (i, term) in terms.enumerate() {
        sums[i % 16] += term;
    }
    for width in [8, 4, 2, 1] {
        for i in 0..width {
            sums[i] += sums[i + width];
        }
    }
    sums[0]
}

#[test]
fn floats_add_up_in_the_canonical_order() {
    let a: Vec<f32> = (0..130_u16).map(|i| 1.0 / (f32::from(i) - 60.5)).collect();
    let b: Vec<f32> = (0..130_u16).map(|i| f32::from(i * 37 % 101) - 50.0).collect();
    for length in lengths() {
        let (a, b) = (&a[..length], &b[..length]);
        let terms = || a.iter().zip(b);
        for simd in sets() {
            let dot = canonical(terms().map(|(a, b)| a * b));
            assert_eq!(simd.pair(Dot, a, b), Ok(dot), "{simd:?}, length {length}");
            let squared = canonical(terms().map(|(a, b)| (a - b) * (a - b)));
            assert_eq!(simd.pair(SquaredEuclidean, a, b), Ok(squared), "{simd:?}, length {length}");
            let manhattan = canonical(terms().map(|(a, b)| (a - b).abs()));
            assert_eq!(simd.pair(Manhattan, a, b), Ok(manhattan), "{simd:?}, length {length}");
        }
    }
}

#[test]
fn codes_and_words_are_counted_exactly() {
    let bytes: Vec<u8> = (0..130).map(|i: u8| i.wrapping_mul(73) & 127).collect();
    let others: Vec<u8> = (0..130).map(|i: u8| i.wrapping_mul(41) & 127).collect();
    let signed: Vec<i8> = (0..130).map(|i: u8| i.wrapping_mul(107).cast_signed()).collect();
    let words: Vec<u64> = (1..=130).map(|i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
    for length in lengths() {
        let a = Code::slice(&bytes[..length]).unwrap();
        let b = Code::slice(&others[..length]).unwrap();
        let pairs = || a.iter().zip(b).map(|(a, b)| (i32::from(a.get()), i32::from(b.get())));
        for simd in sets() {
            let query = &signed[..length];
            let dot = query.iter().zip(b).map(|(&a, b)| i32::from(a) * i32::from(b.get())).sum();
            assert_eq!(simd.pair(Dot, query, b), Ok(dot), "{simd:?}, length {length}");
            let squared = pairs().map(|(a, b)| (a - b) * (a - b)).sum();
            assert_eq!(simd.pair(SquaredEuclidean, a, b), Ok(squared), "{simd:?}, length {length}");
            let manhattan = pairs().map(|(a, b)| (a - b).abs()).sum();
            assert_eq!(simd.pair(Manhattan, a, b), Ok(manhattan), "{simd:?}, length {length}");

            let (a, b) = (&words[..length], &words[words.len() - length..]);
            let bits = a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones().cast_signed()).sum();
            assert_eq!(simd.pair(Hamming, a, b), Ok(bits), "{simd:?}, length {length}");
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "too long to interpret")]
fn the_largest_row_does_not_overflow() {
    let codes = [Code::MAX; DIMENSIONS_MAX];
    let query = vec![i8::MIN; DIMENSIONS_MAX];
    let most = 127 * 128 * i32::try_from(DIMENSIONS_MAX).unwrap();
    for simd in sets() {
        assert_eq!(simd.pair(Dot, &query, &codes), Ok(-most), "{simd:?}");
    }
}

#[test]
fn a_batch_gives_what_pairs_give() {
    let pool: Vec<f32> = (0..400_u16).map(|i| f32::from(i % 89) * 0.125 - 5.0).collect();
    let query = &pool[..37];
    for count in 0..20 {
        let rows: Vec<&[f32]> = (0..count).map(|i| &pool[i * 19..][..37]).collect();
        for simd in sets() {
            let mut distances = vec![f32::NAN; count];
            simd.batch(SquaredEuclidean, query, &rows, &mut distances).unwrap();
            for (row, distance) in rows.iter().zip(distances) {
                assert_eq!(simd.pair(SquaredEuclidean, query, row), Ok(distance), "{simd:?}");
            }
        }
    }
}

#[test]
fn every_set_agrees_with_scalar() {
    for simd in sets() {
        if let Err(error) = verify_lengths(simd, lengths().into_iter()) {
            panic!("{error}");
        }
    }
}

#[test]
fn a_batch_that_does_not_fit_changes_nothing() {
    let simd = Simd::detect();
    let mut distances = [7.0; 2];
    let rows: [&[f32]; 2] = [&[1.0, 2.0], &[1.0]];
    let error = simd.batch(Dot, &[1.0, 2.0], &rows, &mut distances).unwrap_err();
    assert_eq!(error, Error::DimensionMismatch { expected: 2, found: 1 });
    let error = simd.batch(Dot, &[1.0], &rows[1..], &mut distances).unwrap_err();
    assert_eq!(error, Error::OutputMismatch { rows: 1, found: 2 });
    let long = vec![0.0; DIMENSIONS_MAX + 1];
    let error = simd.batch(Dot, &long, &[&long], &mut distances[..1]).unwrap_err();
    assert_eq!(error.code(), "too_many_dimensions");
    assert_eq!(distances, [7.0; 2]);
    assert_eq!(simd.pair(Dot, &[1.0], &[0.0_f32; 0]).unwrap_err().code(), "dimension_mismatch");
}

#[test]
fn bytes_over_127_are_no_codes() {
    assert_eq!(Code::new(127), Some(Code::MAX));
    assert_eq!(Code::new(128), None);
    assert_eq!(Code::slice(&[0, 127]).map(<[Code]>::len), Ok(2));
    assert_eq!(Code::slice(&[5, 128]), Err(Error::CodeOutOfRange { position: 1, found: 128 }));
}

#[test]
fn bytes_that_only_claim_to_be_codes_do_no_harm() {
    // A damaged file may hold them: the number is wrong, and nothing else happens.
    let claimed: &[Code] = bytemuck::must_cast_slice(&[255_u8; 200]);
    for simd in sets() {
        assert!(simd.pair(SquaredEuclidean, claimed, claimed).is_ok());
        assert!(simd.pair(Dot, &[-128; 200], claimed).is_ok());
        assert!(simd.pair(Manhattan, claimed, claimed).is_ok());
    }
}

#[test]
fn a_set_that_is_not_here_is_an_error_that_names_the_best() {
    let best = Simd::detect().isa();
    for &isa in Isa::ALL {
        match Simd::new(isa) {
            Ok(simd) => assert_eq!(simd.isa(), isa),
            Err(error) => assert_eq!(error, Error::IsaUnavailable { isa, best }),
        }
        assert_eq!(isa.name().parse(), Ok(isa));
    }
}
