//! The metrics against their formulas, and what they refuse.

use super::*;

/// Two vectors of `length`, unlike each other in every dimension.
fn vectors(length: u32) -> (Vec<f32>, Vec<f32>) {
    let value = |i: u32, step: u32| (i * step % 199) as f32 / 100.0 - 0.9;
    ((0..length).map(|i| value(i, 17)).collect(), (0..length).map(|i| value(i, 71)).collect())
}

fn assert_near(found: f32, expected: f64, what: impl fmt::Display) {
    let error = (f64::from(found) - expected).abs() / (1.0 + expected.abs());
    assert!(error <= 1e-6, "{what}: {found}, not {expected}");
}

#[test]
fn distances_and_scores_are_those_of_the_formulas() {
    for length in [1, 2, 15, 16, 17, 100, 384, 1536] {
        let (a, b) = vectors(length);
        let terms = || a.iter().zip(&b).map(|(&a, &b)| (f64::from(a), f64::from(b)));
        let dot: f64 = terms().map(|(a, b)| a * b).sum();
        let norm = |v: &[f32]| v.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
        let cosine = dot / norm(&a) / norm(&b);
        let euclidean = terms().map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt();
        let manhattan: f64 = terms().map(|(a, b)| (a - b).abs()).sum();

        for (metric, distance, score) in [
            (DistanceMetric::Cosine, 1.0 - cosine, cosine),
            (DistanceMetric::Euclidean, euclidean, 1.0 / (1.0 + euclidean)),
            (DistanceMetric::InnerProduct, -dot, dot),
            (DistanceMetric::Manhattan, manhattan, 1.0 / (1.0 + manhattan)),
        ] {
            let found = metric.distance(&a, &b).unwrap();
            assert_near(found, distance, format_args!("{metric} distance, length {length}"));
            assert_near(metric.score(found), score, format_args!("{metric} score, {length}"));
        }
    }
}

#[test]
fn the_nearer_vector_has_the_larger_score() {
    let (query, near, far) = ([1.0, 0.0], [0.9, 0.1], [-0.5, 0.4]);
    for &metric in DistanceMetric::ALL {
        let [near, far] = [near, far].map(|row| metric.distance(&query, &row).unwrap());
        assert!(near < far && metric.score(near) > metric.score(far), "{metric}");
    }
}

#[test]
fn a_vector_is_at_no_distance_from_itself() {
    for length in [1, 3, 384] {
        let (a, _) = vectors(length);
        for metric in [DistanceMetric::Euclidean, DistanceMetric::Manhattan] {
            assert_eq!(metric.distance(&a, &a), Ok(0.0));
            assert_eq!(metric.score(0.0), 1.0);
        }
        // However short it is: the squares of the shortest are below the smallest f32.
        for scale in [1.0, 1e-15, 1e-30] {
            let a: Vec<f32> = a.iter().map(|value| value * scale).collect();
            let zero = vec![0.0; a.len()];
            assert!(DistanceMetric::Euclidean.distance(&a, &zero).unwrap() > 0.0);
            let cosine = DistanceMetric::Cosine.distance(&a, &a).unwrap();
            assert!((0.0..1e-6).contains(&cosine), "{cosine} at {scale}");
        }
    }
}

#[test]
fn what_has_no_distance_is_refused() {
    let huge = [1e19; 4];
    for &metric in DistanceMetric::ALL {
        let code = |a: &[f32], b: &[f32]| metric.distance(a, b).map_err(|error| error.code());
        assert_eq!(code(&[1.0], &[1.0, 2.0]), Err("dimension_mismatch"));
        assert_eq!(code(&[1.0, f32::NAN], &[1.0, 2.0]), Err("not_finite"));
        assert_eq!(code(&[1.0, 2.0], &[f32::INFINITY, 2.0]), Err("not_finite"));
        assert_eq!(code(&huge, &huge), Err("norm_too_large"));
        let zero = code(&[0.0, -0.0], &[1.0, 2.0]);
        assert_eq!(zero.err(), (metric == DistanceMetric::Cosine).then_some("zero_norm"));
    }
}

#[test]
#[cfg_attr(miri, ignore = "too long to interpret")]
fn the_longest_vectors_still_have_distances() {
    // Every squared norm up to the largest, every distance a number, in f64 and in the kernels.
    let simd = crate::Simd::detect();
    for length in 1..200_u16 {
        let value = (f32::MAX / 8.0 / f32::from(length)).sqrt() * (1.0 - f32::EPSILON);
        let (a, b) = (vec![value; length.into()], vec![-value; length.into()]);
        for &metric in DistanceMetric::ALL {
            assert!(metric.distance(&a, &b).unwrap().is_finite(), "{metric}, length {length}");
        }
        assert!(simd.pair(SquaredEuclidean, &a, &b).unwrap().is_finite(), "length {length}");
        assert!(simd.pair(Manhattan, &a, &b).unwrap().is_finite(), "length {length}");
    }
}

#[test]
fn nothing_is_negative_zero() {
    let product = DistanceMetric::InnerProduct.distance(&[1.0, 0.0], &[0.0, 1.0]).unwrap();
    assert!(product.is_sign_positive());
    assert!(DistanceMetric::InnerProduct.score(product).is_sign_positive());
}

#[test]
fn names_and_tags_come_back() {
    for &metric in DistanceMetric::ALL {
        assert_eq!(metric.name().parse(), Ok(metric));
        assert_eq!(DistanceMetric::from_tag(metric.tag()), Some(metric));
        let json = serde_json::to_string(&metric).unwrap();
        assert_eq!(json, format!("\"{metric}\""));
        assert_eq!(serde_json::from_str::<DistanceMetric>(&json).unwrap(), metric);
    }
    assert_eq!(DistanceMetric::from_tag(200), None);
    let error = "cosin".parse::<DistanceMetric>().unwrap_err();
    assert!(error.to_string().contains("\"cosin\""), "{error}");
}
