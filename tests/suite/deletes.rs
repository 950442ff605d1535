//! Deletes: hidden at once, repaired without rot, and their slots used again.

use vicino::{DistanceMetric, Error, HnswConfig, HnswIndex, Quantization, Rayon, Searcher, Serial};
use vicino_tests::Random;

use crate::index::{QUERIES, clustered};

const DIMENSIONS: usize = 16;

fn config() -> HnswConfig {
    HnswConfig::balanced()
        .with_distance_metric(DistanceMetric::Euclidean)
        .with_ef_construction(64)
        .with_promotion_size(500)
}

fn index_of(vectors: &[f32]) -> (HnswIndex, Vec<u32>) {
    let simd = vicino::simd().unwrap();
    let mut index = HnswIndex::new(config(), DIMENSIONS, simd).unwrap();
    let slots = index.insert(vectors, &Rayon).unwrap();
    (index, slots)
}

/// The share of the ten nearest, by a scan of the index itself, that searches find.
fn recall(index: &HnswIndex, queries: &[f32], ef: usize) -> f64 {
    let (mut exact, mut searcher) = (Searcher::default(), Searcher::default());
    let mut hits = 0;
    for query in queries.chunks_exact(DIMENSIONS) {
        let exact = index.scan(query, 10, &mut exact).unwrap();
        let found = index.search(query, 10, Some(ef), &mut searcher).unwrap();
        hits += found.iter().filter(|found| found.distance <= exact[9].distance).count();
    }
    hits as f64 / (10 * QUERIES) as f64
}

fn maintain(index: &mut HnswIndex) {
    for calls in 0.. {
        assert!(calls < 10_000, "maintenance comes to an end");
        if index.maintain(20_000, &Rayon).finished {
            return;
        }
    }
}

#[test]
fn recall_after_long_churn_is_that_of_a_fresh_build() {
    const N: usize = 6_000;
    let all = clustered(N + QUERIES, DIMENSIONS, 21);
    let (vectors, queries) = all.split_at(N * DIMENSIONS);
    let (mut index, slots) = index_of(vectors);
    let fresh = recall(&index, queries, 40);
    assert!(fresh > 0.9, "{fresh}");
    let bytes = index.memory_bytes();
    let row = |i: usize| &vectors[i * DIMENSIONS..][..DIMENSIONS];
    let mut of_row = slots;
    for round in 0..15 {
        let chosen: Vec<usize> = (0..N).filter(|i| (i * 7 + round * 3) % 5 == 0).collect();
        let gone: Vec<u32> = chosen.iter().map(|&i| of_row[i]).collect();
        index.delete(&gone).unwrap();
        maintain(&mut index);
        let again: Vec<f32> = chosen.iter().flat_map(|&i| row(i)).copied().collect();
        let born = index.insert(&again, &Rayon).unwrap();
        chosen.iter().zip(born).for_each(|(&i, slot)| of_row[i] = slot);
        let report = index.check();
        assert_eq!((report.slots, report.invalid_links), (N, 0), "round {round}");
        assert_eq!(report.unreachable, 0, "round {round}");
    }
    let churned = recall(&index, queries, 40);
    assert!(churned > fresh - 0.01, "{fresh} became {churned}");
    assert!(index.memory_bytes() < bytes + bytes / 10, "slots are used again");
}

#[test]
fn a_window_that_slides_forgets_nothing_of_what_is_in_it() {
    const N: usize = 3_000;
    let all = clustered(3 * N + QUERIES, DIMENSIONS, 22);
    let (vectors, queries) = all.split_at(3 * N * DIMENSIONS);
    let (mut index, mut window) = index_of(&vectors[..N * DIMENSIONS]);
    for batch in vectors[N * DIMENSIONS..].chunks_exact(300 * DIMENSIONS) {
        let oldest: Vec<u32> = window.drain(..300).collect();
        window.extend(index.apply(batch, &oldest, &Rayon).unwrap());
        index.maintain(5_000, &Rayon);
    }
    maintain(&mut index);
    assert_eq!((index.len(), index.check().unreachable), (N, 0));
    let recall = recall(&index, queries, 60);
    assert!(recall > 0.95, "{recall}");
    let (fresh, _) = index_of(&vectors[2 * N * DIMENSIONS..]);
    assert!(index.memory_bytes() < 2 * fresh.memory_bytes());
}

/// Tombstones that surround a query could fill the whole beam of its search.
#[test]
fn a_crowd_of_deleted_neighbors_hides_no_living_one() {
    let vectors = clustered(4_000, DIMENSIONS, 23);
    let (mut index, _) = index_of(&vectors);
    let (mut scan, mut searcher) = (Searcher::default(), Searcher::default());
    let query = &vectors[..DIMENSIONS];
    let nearest = index.scan(query, 1_000, &mut scan).unwrap();
    let gone: Vec<u32> = nearest.iter().map(|found| found.slot).collect();
    index.delete(&gone).unwrap();
    let exact = index.scan(query, 10, &mut scan).unwrap().to_vec();
    let found = index.search(query, 10, Some(50), &mut searcher).unwrap();
    assert_eq!(found.len(), 10);
    assert!(found.iter().filter(|found| exact.contains(found)).count() >= 8);
    maintain(&mut index);
    let found = index.search(query, 10, Some(100), &mut searcher).unwrap();
    assert!(found.iter().filter(|found| exact.contains(found)).count() >= 8);
}

#[test]
fn all_can_be_deleted_and_others_come() {
    let vectors = clustered(2_000, DIMENSIONS, 24);
    let (mut index, slots) = index_of(&vectors);
    let mut searcher = Searcher::default();
    // Not the entry's turn: whoever is deleted first or last, some walk begins at a dead slot.
    for slots in slots.chunks(500) {
        index.delete(slots).unwrap();
        let expected = index.len().min(7);
        let found = index.search(&vectors[..DIMENSIONS], 7, Some(20), &mut searcher).unwrap();
        assert_eq!(found.len(), expected);
        assert!(found.iter().all(|found| !slots.contains(&found.slot)));
    }
    assert!(index.is_empty());
    maintain(&mut index);
    assert_eq!(index.check().slots, 0);
    let again = index.insert(&vectors, &Rayon).unwrap();
    assert!(again.iter().all(|slot| slots.contains(slot)), "slots are used again");
    for (vector, slot) in vectors.chunks_exact(DIMENSIONS).zip(again).step_by(50) {
        let found = index.search(vector, 1, Some(40), &mut searcher).unwrap();
        assert_eq!((found[0].slot, found[0].distance), (slot, 0.0));
    }
    assert_eq!(index.check().unreachable, 0);
}

#[test]
fn a_batch_with_one_wrong_slot_changes_nothing() {
    let vectors = clustered(600, DIMENSIONS, 25);
    let (mut index, slots) = index_of(&vectors);
    index.delete(&slots[..1]).unwrap();
    let digest = index.check().digest;
    for wrong in [vec![1, 2, 0], vec![5, 6, 5], vec![600], vec![u32::MAX]] {
        let error = index.apply(&vectors[..DIMENSIONS], &wrong, &Serial).unwrap_err();
        assert!(matches!(error, Error::UnknownSlot { .. }), "{wrong:?}: {error}");
        assert_eq!((index.len(), index.check().digest), (599, digest));
    }
    let nan = [f32::NAN; DIMENSIONS];
    assert_eq!(index.apply(&nan, &[1], &Serial).unwrap_err().code(), "not_finite");
    assert_eq!(index.len(), 599);
}

#[test]
fn threads_change_nothing_about_deletes_and_repairs() {
    let vectors = clustered(3_000, DIMENSIONS, 26);
    let digest = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (mut index, slots) = index_of(&vectors);
            let gone: Vec<u32> = slots.iter().copied().filter(|slot| slot % 3 == 0).collect();
            index.delete(&gone).unwrap();
            // Between the pieces of a sweep others come and go.
            index.maintain(2_000, &Rayon);
            index.apply(&vectors[..900 * DIMENSIONS], &slots[1..2], &Rayon).unwrap();
            maintain(&mut index);
            index.insert(&vectors[..400 * DIMENSIONS], &Rayon).unwrap();
            index.check()
        })
    };
    let expected = digest(1);
    assert_eq!((expected.invalid_links, expected.unreachable), (0, 0));
    assert_eq!(digest(2), expected);
    assert_eq!(digest(7), expected);
}

#[test]
fn a_scan_uses_slots_again_too() {
    let simd = vicino::simd().unwrap();
    let config = config().with_quantization(Quantization::None);
    let mut index = HnswIndex::new(config, 1, simd).unwrap();
    let slots = index.insert(&[1.0, 2.0, 3.0], &Serial).unwrap();
    index.delete(&slots[1..]).unwrap();
    assert_eq!(index.maintain(1, &Serial).freed, 2);
    let again = index.insert(&[4.0, 5.0, 6.0], &Serial).unwrap();
    assert_eq!(again, [1, 2, 3]);
    let mut searcher = Searcher::default();
    let found = index.search(&[5.1], 9, None, &mut searcher).unwrap();
    assert_eq!(found.iter().map(|found| found.slot).collect::<Vec<_>>(), [2, 3, 1, 0]);
}

/// New slots that could link to dead ones only would be islands.
#[test]
fn everything_can_be_replaced_in_one_change() {
    let vectors = clustered(4_000 + QUERIES, DIMENSIONS, 27);
    let (vectors, queries) = vectors.split_at(4_000 * DIMENSIONS);
    let (mut index, slots) = index_of(&vectors[..2_000 * DIMENSIONS]);
    index.apply(&vectors[2_000 * DIMENSIONS..], &slots, &Rayon).unwrap();
    let report = index.check();
    assert_eq!((report.slots, report.unreachable, report.invalid_links), (2_000, 0, 0));
    let replaced = recall(&index, queries, 40);
    assert!(replaced > 0.9, "{replaced}");
    maintain(&mut index);
    assert_eq!(index.check().dead, 0);
    assert!(recall(&index, queries, 40) > 0.9);
}

#[test]
fn a_sweep_ends_while_others_come() {
    let vectors = clustered(9_000, DIMENSIONS, 28);
    let (mut index, slots) = index_of(&vectors[..3_000 * DIMENSIONS]);
    index.delete(&slots[..1_000]).unwrap();
    let mut freed = 0;
    for batch in vectors[3_000 * DIMENSIONS..].chunks_exact(2_000 * DIMENSIONS) {
        freed += index.maintain(1, &Serial).freed;
        index.insert(batch, &Rayon).unwrap();
    }
    assert_eq!(freed, 1_000);
}

/// Half a batch that stayed behind would be seen with the next.
#[test]
fn an_executor_that_panics_or_leaves_tasks_out_changes_nothing() {
    struct Bad(bool);
    impl vicino::Executor for Bad {
        fn run(&self, count: usize, task: &(dyn Fn(usize) + Sync)) {
            (0..count).step_by(3).for_each(task);
            (0..count).step_by(6).for_each(task);
            assert!(!self.0, "this is meant to be seen in the output");
        }
    }
    let vectors = clustered(900, DIMENSIONS, 29);
    let (good, _) = index_of(&vectors);
    for panics in [false, true] {
        let simd = vicino::simd().unwrap();
        let mut index = HnswIndex::new(config(), DIMENSIONS, simd).unwrap();
        index.insert(&vectors, &Bad(panics)).unwrap();
        assert_eq!(index.check(), good.check());
    }
}

/// Equal vectors hang below the smallest of them, and when what led to that one is deleted it must
/// be found again among lists that are full of its equals.
#[test]
fn crowds_of_equals_survive_the_deletion_of_what_led_to_them() {
    let mut random = Random(11);
    for round in 0..12 {
        let config = HnswConfig::balanced()
            .with_distance_metric(DistanceMetric::Euclidean)
            .with_max_connections(4)
            .with_ef_construction(40)
            .with_promotion_size(50);
        let mut index = HnswIndex::new(config, 4, vicino::simd().unwrap()).unwrap();
        let centres = clustered(5, 4, round);
        let mut crowds = Vec::new();
        for _ in 0..8 {
            let mut rows = clustered(40, 4, round + 1);
            for centre in centres.chunks_exact(4) {
                rows.extend(centre.repeat(20 + random.below(60)));
            }
            let born = index.insert(&rows, &Serial).unwrap();
            crowds.extend_from_slice(&born[40..]);
            let (kept, gone): (Vec<u32>, Vec<u32>) =
                crowds.into_iter().partition(|_| random.below(3) > 0);
            crowds = kept;
            // With all that is between the crowds.
            index.delete(&gone).unwrap();
            index.delete(&born[..40]).unwrap();
            while !index.maintain(1_000, &Serial).finished {}
            let report = index.check();
            assert_eq!((report.invalid_links, report.unreachable), (0, 0), "round {round}");
        }
    }
}

/// Vectors on a line, of which many are the same, have few links, and one that is inserted may take
/// another's last. Whoever clears up finds them again, though next to nothing was deleted.
#[test]
fn all_can_be_reached_once_it_is_cleared_up() {
    let config = HnswConfig::fast().with_ef_construction(16).with_promotion_size(100);
    let config = config.with_distance_metric(DistanceMetric::Euclidean);
    let mut index = HnswIndex::new(config, 8, vicino::simd().unwrap()).unwrap();
    let mut random = Random(5);
    let mut slots: Vec<u32> = Vec::new();
    let mut lost = 0;
    for round in 0..600 {
        // Numbers that follow each other stand for vectors; some take the places of others.
        let first = random.below(1000) * 100;
        let numbers = first..first + 1 + random.below(30);
        let vectors: Vec<f32> = numbers
            .flat_map(|number| (0..8).map(move |i| (number * 31 + i * 7 % 11) as f32))
            .collect();
        let gone = (slots.len() > 800).then(|| slots.split_off(slots.len() - 12 - random.below(9)));
        let new = index.apply(&vectors, &gone.unwrap_or_default(), &Serial).unwrap();
        slots.splice(..0, new);
        let middle = random.below(slots.len());
        slots.rotate_left(middle);
        lost += index.check().unreachable;
        if round % 20 == 19 {
            while !index.maintain(1_000, &Serial).finished {}
            assert_eq!(index.check().unreachable, 0, "round {round}");
        }
    }
    assert!(lost > 0, "none was lost");
}
