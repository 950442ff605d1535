//! A life of a small index, short enough for Miri to watch every byte of it.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::config::Exact;
use crate::config::Quantization;
use crate::graph::{Searcher, Serial};

const DIMENSIONS: usize = 5;

/// Vectors before the first is deleted: a third of them are there before the graph.
const COUNT: u32 = if cfg!(miri) { 18 } else { 69 };

fn vector(number: u32) -> Vec<f32> {
    #[expect(clippy::cast_precision_loss, reason = "the numbers are small")]
    (3..).take(DIMENSIONS).map(|i: u32| (number * i % 97) as f32 - 40.0).collect()
}

fn vectors(numbers: impl Iterator<Item = u32>) -> Vec<f32> {
    numbers.flat_map(vector).collect()
}

/// Tells readers that the writer has gone.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Flat, promoted, deleted from, repaired in pieces, filled again, with a reader on another thread
/// all the while.
fn live(config: HnswConfig, simd: Simd) {
    let mut index = HnswIndex::new(config, DIMENSIONS, simd).unwrap();
    let (reader, done) = (index.reader(), AtomicBool::new(false));
    #[expect(clippy::disallowed_methods, reason = "a test may start threads")]
    std::thread::scope(|scope| {
        // Also where an assertion fails: readers that go on would hang the test.
        let _done = Done(&done);
        scope.spawn(|| {
            let mut searcher = Searcher::default();
            while !done.load(Ordering::Acquire) {
                let found = reader.search(&vector(7), 4, Some(4), &mut searcher).unwrap();
                assert!(found.is_empty() || found.len() == 4);
            }
        });
        let mut slots = index.insert(&vectors(0..COUNT / 3), &Serial).unwrap();
        slots.extend(index.insert(&vectors(COUNT / 3..COUNT), &Serial).unwrap());
        assert_eq!(index.check().slots, COUNT as usize);
        let gone: Vec<u32> = slots.iter().copied().step_by(4).collect();
        index.delete(&gone).unwrap();
        index.maintain(10, &Serial);
        index.apply(&vectors(70..72), &slots[1..2], &Serial).unwrap();
        while !index.maintain(100, &Serial).finished {}
        let born = index.insert(&vectors(100..110), &Serial).unwrap();
        assert!(born.iter().any(|slot| gone.contains(slot)), "slots are used again");
    });
    let report = index.check();
    assert_eq!((report.invalid_links, report.unreachable), (0, 0));
    assert_eq!(index.len(), (COUNT - COUNT.div_ceil(4) + 2 - 1 + 10) as usize);
    let mut searcher = Searcher::default();
    let found = index.search(&vector(105), 1, Some(5), &mut searcher).unwrap();
    assert_eq!(found.len(), 1);
}

fn config() -> HnswConfig {
    HnswConfig::balanced()
        .with_max_connections(4)
        .with_ef_construction(8)
        .with_promotion_size(COUNT as usize / 2)
        .with_distance_metric(DistanceMetric::Euclidean)
}

#[test]
fn an_index_lives_beside_its_readers() {
    live(config(), Simd::detect());
    live(config().with_exact(Exact::F16), Simd::detect());
}

#[test]
fn an_index_without_codes_lives_beside_its_readers() {
    live(config().with_quantization(Quantization::None), Simd::detect());
    let product = config().with_distance_metric(DistanceMetric::InnerProduct);
    live(product.with_exact(Exact::None), Simd::detect());
}
