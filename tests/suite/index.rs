//! The index against a scan of everything by the metrics' own formulas.

use rayon::ThreadPoolBuilder;
use vicino::{
    DistanceMetric, Error, HnswConfig, HnswIndex, Isa, Neighbor, Quantization, Rayon, Searcher,
    Serial, Simd,
};
use vicino_tests::Random;

/// Vectors in clusters of unequal size, as embeddings are: `count` of `dimensions` values.
fn clustered(count: usize, dimensions: usize, seed: u64) -> Vec<f32> {
    let mut random = Random(seed);
    let centres: Vec<f32> = (0..32 * dimensions).map(|_| random.signed()).collect();
    let mut vectors = Vec::with_capacity(count * dimensions);
    for _ in 0..count {
        let cluster = random.below(32).min(random.below(32));
        let centre = &centres[cluster * dimensions..][..dimensions];
        vectors.extend(centre.iter().map(|value| value + 0.6 * random.signed()));
    }
    vectors
}

/// The `k` nearest by a scan, in `f64`.
fn oracle(metric: DistanceMetric, rows: &[f32], query: &[f32], k: usize) -> Vec<Neighbor> {
    let rows = rows.chunks_exact(query.len()).zip(0..);
    let mut all: Vec<Neighbor> = rows
        .map(|(row, slot)| Neighbor { slot, distance: metric.distance(query, row).unwrap() })
        .collect();
    all.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.slot.cmp(&b.slot)));
    all.truncate(k);
    all
}

fn built(config: &HnswConfig, dimensions: usize, vectors: &[f32]) -> HnswIndex {
    let mut index = HnswIndex::new(config.clone(), dimensions, vicino::simd().unwrap()).unwrap();
    let slots = index.insert(vectors, &Rayon).unwrap();
    assert!(slots.iter().copied().eq(0..u32::try_from(vectors.len() / dimensions).unwrap()));
    index
}

/// The share of the `k` nearest that searches with `ef` find, ties at the last place included.
fn recall(index: &HnswIndex, config: &HnswConfig, rows: &[f32], queries: &[f32], ef: usize) -> f64 {
    const K: usize = 10;
    let dimensions = queries.len() / QUERIES;
    let mut searcher = Searcher::default();
    let mut hits = 0;
    for query in queries.chunks_exact(dimensions) {
        let exact = oracle(config.distance_metric, rows, query, K);
        let found = index.search(query, K, Some(ef), &mut searcher).unwrap();
        assert_eq!(found.len(), K);
        assert!(found.is_sorted_by(|a, b| a.distance <= b.distance));
        let edge = exact[K - 1].distance;
        let near = |n: &&Neighbor| n.distance <= edge + edge.abs() * 1e-5 + 1e-6;
        hits += found.iter().filter(near).count();
    }
    hits as f64 / (QUERIES * K) as f64
}

const QUERIES: usize = 100;

#[test]
fn a_small_index_is_exact_under_every_metric() {
    let all = clustered(720, 24, 1);
    let (rows, queries) = all.split_at(700 * 24);
    for &metric in DistanceMetric::ALL {
        let config = HnswConfig::balanced().with_distance_metric(metric);
        let index = built(&config, 24, rows);
        assert_eq!(index.check().slots, 0, "a scan needs no graph");
        let mut searcher = Searcher::default();
        for query in queries.chunks_exact(24) {
            let exact = oracle(metric, rows, query, 12);
            let found = index.search(query, 12, None, &mut searcher).unwrap();
            for (found, exact) in found.iter().zip(&exact) {
                let error = (found.distance - exact.distance).abs();
                assert!(error <= 1e-5 * (1.0 + exact.distance.abs()), "{metric}: {found:?}");
            }
            assert_eq!(found.len(), exact.len());
        }
    }
}

#[test]
fn a_graph_finds_nearly_all_under_every_metric_and_quantization() {
    let all = clustered(12_000 + QUERIES, 32, 3);
    let (rows, queries) = all.split_at(12_000 * 32);
    for &metric in DistanceMetric::ALL {
        for quantization in [Quantization::Int8, Quantization::None] {
            let config = HnswConfig::balanced()
                .with_distance_metric(metric)
                .with_quantization(quantization)
                .with_ef_construction(100);
            let index = built(&config, 32, rows);
            let recall = recall(&index, &config, rows, queries, 100);
            assert!(recall >= 0.95, "{metric}, {quantization:?}: {recall}");
            let report = index.check();
            assert_eq!((report.slots, report.invalid_links), (12_000, 0));
            assert_eq!(report.unreachable, 0, "{metric}, {quantization:?}");
        }
    }
}

#[test]
fn threads_and_instruction_sets_change_nothing() {
    let rows = clustered(11_000, 16, 4);
    let digest = |simd: Simd, threads: usize| {
        let config = HnswConfig::balanced().with_ef_construction(40);
        let mut index = HnswIndex::new(config, 16, simd).unwrap();
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| index.insert(&rows, &Rayon)).unwrap();
        index.check().digest
    };
    let best = Simd::detect();
    let mut serial =
        HnswIndex::new(HnswConfig::balanced().with_ef_construction(40), 16, best).unwrap();
    serial.insert(&rows, &Serial).unwrap();
    let expected = serial.check().digest;
    for threads in [1, 2, 7] {
        assert_eq!(digest(best, threads), expected, "{threads} threads");
    }
    for simd in Isa::ALL.iter().filter_map(|&isa| Simd::new(isa).ok()) {
        assert_eq!(digest(simd, 2), expected, "{}", simd.isa());
    }
}

#[test]
fn what_is_inserted_one_by_one_is_found() {
    let rows = clustered(10_300, 8, 5);
    let config = HnswConfig::balanced().with_distance_metric(DistanceMetric::Euclidean);
    let mut index = built(&config, 8, &rows[..10_001 * 8]);
    assert_eq!(index.check().slots, 10_001, "promoted");
    for row in rows[10_001 * 8..].chunks_exact(8) {
        index.insert(row, &Serial).unwrap();
    }
    let mut searcher = Searcher::default();
    for (row, slot) in rows.chunks_exact(8).zip(0..) {
        let found = index.search(row, 1, None, &mut searcher).unwrap();
        assert_eq!(found[0].distance, 0.0, "slot {slot}");
    }
    assert_eq!((index.check().slots, index.check().invalid_links), (10_300, 0));
}

/// All links of equal vectors could lead among themselves, and never out.
#[test]
fn equal_vectors_hide_nobody() {
    let config = HnswConfig::balanced().with_distance_metric(DistanceMetric::Euclidean);
    let originals = clustered(1_200, 8, 6);
    let rows: Vec<f32> = originals.chunks_exact(8).flat_map(|row| row.repeat(10)).collect();
    let index = built(&config, 8, &rows);
    let report = index.check();
    assert_eq!((report.slots, report.unreachable), (12_000, 0));
    let mut searcher = Searcher::default();
    for (row, first) in originals.chunks_exact(8).zip((0..).step_by(10)) {
        let found = index.search(row, 10, Some(400), &mut searcher).unwrap();
        assert_eq!(found.len(), 10);
        assert_eq!((found[0].slot, found[0].distance), (first, 0.0));
    }
}

#[test]
fn what_has_no_answer_is_an_error_and_changes_nothing() {
    let simd = vicino::simd().unwrap();
    let config = HnswConfig::balanced();
    for (wrong, field) in [
        (config.clone().with_max_connections(3), "max_connections"),
        (config.clone().with_max_connections(129), "max_connections"),
        (config.clone().with_ef_construction(15), "ef_construction"),
        (config.clone().with_ef_search(0), "ef_search"),
        (config.clone().with_nb_layers(0), "nb_layers"),
    ] {
        let error = HnswIndex::new(wrong, 4, simd).unwrap_err();
        assert!(matches!(error, Error::InvalidConfig { field: found, .. } if found == field));
    }
    for dimensions in [0, 65_537, usize::MAX] {
        assert_eq!(
            HnswIndex::new(config.clone(), dimensions, simd).unwrap_err().code(),
            "invalid_config"
        );
    }

    // Its graph has one dimension more.
    let product = config.clone().with_distance_metric(DistanceMetric::InnerProduct);
    assert_eq!(HnswIndex::new(product, 65_536, simd).unwrap_err().code(), "invalid_config");
    assert!(HnswIndex::new(config.clone(), 65_536, simd).is_ok());

    let mut index = HnswIndex::new(config, 2, simd).unwrap();
    let mut searcher = Searcher::default();
    assert_eq!(index.search(&[1.0, 0.0], 5, None, &mut searcher), Ok(&[][..]));
    index.insert(&[1.0, 0.0, 0.0, 1.0], &Serial).unwrap();
    for (wrong, code) in [
        (vec![1.0, 2.0, 3.0], "dimension_mismatch"),
        (vec![1.0, 2.0, f32::NAN, 0.0], "not_finite"),
        (vec![1.0, 2.0, f32::INFINITY, 0.0], "not_finite"),
        (vec![1.0, 2.0, 0.0, -0.0], "zero_norm"),
        (vec![1.0, 2.0, 1e30, 0.0], "norm_too_large"),
    ] {
        assert_eq!(index.insert(&wrong, &Serial).unwrap_err().code(), code);
        let query = &wrong[wrong.len().saturating_sub(2)..];
        if code != "dimension_mismatch" {
            assert_eq!(index.search(query, 1, None, &mut searcher).unwrap_err().code(), code);
        }
        assert_eq!(index.len(), 2);
    }
    assert_eq!(
        index.search(&[1.0], 1, None, &mut searcher).unwrap_err().code(),
        "dimension_mismatch"
    );
    assert_eq!(index.search(&[1.0, 0.0], 0, None, &mut searcher), Ok(&[][..]));
    let found = index.search(&[1.0, 0.0], 100, Some(0), &mut searcher).unwrap();
    assert_eq!(found.iter().map(|n| n.slot).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(index.insert(&[], &Serial), Ok(vec![]));
}
