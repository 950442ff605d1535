//! Answers about some of an index's slots, in every way that a search goes, against an index that
//! never became a graph: there every answer is an exact scan.

use super::plan::{Plan, Way};
use super::reader::Request;
use super::*;
use crate::config::Quantization;
use crate::graph::{Neighbor, Searcher, Serial};
use crate::memory::SlotSet;
use crate::mix::mix;

const DIMENSIONS: usize = 6;
const COUNT: u32 = 1500;
const QUERIES: u32 = 20;

/// Matches that are said to be there, so that a walk in two hops is not ended because a scan of the
/// few that there are costs less.
const MANY: usize = 1_000_000;

/// What an index keeps of a vector.
const KEPT: [(Quantization, Kept); 4] = [
    (Quantization::Int8, Kept::F32),
    (Quantization::Int8, Kept::F16),
    (Quantization::Int8, Kept::None),
    (Quantization::None, Kept::F32),
];

const METRICS: [DistanceMetric; 4] = [
    DistanceMetric::Euclidean,
    DistanceMetric::Cosine,
    DistanceMetric::InnerProduct,
    DistanceMetric::Manhattan,
];

/// A vector of a numbered place; one in 50 is long, and some of its codes are clipped.
fn vector(number: u32) -> Vec<f32> {
    let long = if number % 50 == 3 { 2.0 } else { 1.0 };
    let value = |i: u64| {
        #[expect(clippy::cast_possible_truncation, reason = "16 bits")]
        let bits = mix(u64::from(number) * 64 + i) as u16;
        (f32::from(bits) / 32_768.0 - 1.0) * long
    };
    (0..DIMENSIONS as u64).map(value).collect()
}

/// The same vectors as a graph and as a scan, some of them deleted.
struct Twins {
    graph: HnswIndex,
    flat: HnswIndex,
    searcher: Searcher,
}

impl Twins {
    fn new(metric: DistanceMetric, quantization: Quantization, kept: Kept) -> Self {
        let vectors: Vec<Vec<f32>> = (0..COUNT).map(vector).collect();
        let gone: Vec<u32> = (0..COUNT).filter(|slot| slot % 7 == 2).collect();
        Self::of(metric, quantization, kept, &vectors.concat(), &gone)
    }

    fn of(
        metric: DistanceMetric,
        quantization: Quantization,
        kept: Kept,
        vectors: &[f32],
        gone: &[u32],
    ) -> Self {
        let config = HnswConfig::balanced()
            .with_distance_metric(metric)
            .with_max_connections(8)
            .with_ef_construction(40);
        let graph = config.clone().with_quantization(quantization).with_exact(kept);
        let index = |config: HnswConfig, promotion: usize| {
            let config = config.with_promotion_size(promotion);
            let mut index = HnswIndex::new(config, DIMENSIONS, Simd::detect()).unwrap();
            // The last come to a graph, and are longer than those that it was made of.
            let (first, rest) = vectors.split_at(vectors.len() - 10 * DIMENSIONS);
            index.insert(first, &Serial).unwrap();
            index.insert(rest, &Serial).unwrap();
            index.delete(gone).unwrap();
            index
        };
        let (graph, flat) = (index(graph, 60), index(config, 100_000));
        Self { graph, flat, searcher: Searcher::default() }
    }

    /// The slots of a filter, and how many of them are there.
    fn matching(&self, passes: impl Fn(u32) -> bool) -> (SlotSet, usize) {
        let mut set = SlotSet::default();
        let slots = self.graph.slots.len();
        set.reset(slots.try_into().unwrap());
        (0..slots.try_into().unwrap()).filter(|&slot| passes(slot)).for_each(|s| set.insert(s));
        let live = set.iter().filter(|&slot| self.graph.slots.is_live(slot)).count();
        (set, live)
    }

    fn answer(
        &mut self,
        flat: bool,
        way: Option<Way>,
        query: &[f32],
        k: usize,
        set: &SlotSet,
        live: usize,
    ) -> (Plan, Vec<Neighbor>) {
        let reader = if flat { self.flat.reader() } else { self.graph.reader() };
        let Searcher { pin, scratch, .. } = &mut self.searcher;
        let guard = pin.enter(reader.reading());
        let shown = reader.numbers().shown().among(set, live);
        let request = Request { query, k, ef: Some(80), shown };
        let plan = reader.answer_by(way, &request, &guard, scratch).unwrap();
        (plan, scratch.exact.results.clone())
    }

    /// The share of the nearest that a way finds. Whatever it finds is right, and there is enough
    /// of it.
    fn recall(&mut self, way: Option<Way>, (set, live): &(SlotSet, usize)) -> f64 {
        let said = if way == Some(Way::TwoHop) { MANY } else { *live };
        let (mut found, mut all) = (0_u32, 0_u32);
        for query in (COUNT..COUNT + QUERIES).map(vector) {
            let (_, expected) = self.answer(true, None, &query, 10, set, *live);
            let (_, results) = self.answer(false, way, &query, 10, set, said);
            assert_eq!(results.len(), *live.min(&10), "{way:?}");
            assert!(results.is_sorted_by(|a, b| a.distance <= b.distance));
            for result in &results {
                assert!(set.contains(result.slot), "{way:?} found what does not pass");
                assert!(self.graph.slots.is_live(result.slot), "{way:?} found what is deleted");
            }
            for expected in expected {
                all += 1;
                found += u32::from(results.iter().any(|result| result.slot == expected.slot));
            }
        }
        if all == 0 { 1.0 } else { f64::from(found) / f64::from(all) }
    }
}

#[test]
#[cfg_attr(miri, ignore = "thousands of searches")]
fn every_way_finds_what_passes() {
    let near = |slot: u32| vector(slot)[0] > 0.5;
    let filters: [(&str, &dyn Fn(u32) -> bool); 8] = [
        ("half", &|slot| mix(slot.into()).is_multiple_of(2)),
        ("a tenth", &|slot| mix(slot.into()).is_multiple_of(10)),
        ("those on one side", &near),
        ("those that are not", &|slot| !near(slot)),
        ("one", &|slot| slot == 11),
        ("a deleted one", &|slot| slot == 9),
        ("none", &|_| false),
        ("all", &|_| true),
    ];
    for metric in METRICS {
        for (quantization, kept) in KEPT {
            let mut twins = Twins::new(metric, quantization, kept);
            // Codes alone find another order, and the codes of inner products are coarse where a
            // few vectors are long.
            let coarse = kept == Kept::None || metric == DistanceMetric::InnerProduct;
            let least = if coarse { 0.7 } else { 0.9 };
            for (name, passes) in filters {
                let matching = twins.matching(passes);
                for way in [None, Some(Way::Scan), Some(Way::FilteredWalk), Some(Way::TwoHop)] {
                    let recall = twins.recall(way, &matching);
                    let least =
                        if way == Some(Way::Scan) && kept == Kept::F32 { 1.0 } else { least };
                    let what = (metric, quantization, kept, name, way);
                    assert!(recall >= least, "{recall} of {what:?}");
                }
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "thousands of distances")]
fn a_scan_that_reads_codes_first_is_exact_to_the_bit() {
    for metric in METRICS {
        let mut twins = Twins::new(metric, Quantization::Int8, Kept::F32);
        for passes in [|_| true, |slot| slot % 2 == 0, |slot| slot > 700] {
            let (set, live) = twins.matching(passes);
            for query in (0..QUERIES).chain(COUNT..COUNT + QUERIES).map(vector) {
                for k in [1, 10, 300] {
                    let (_, expected) = twins.answer(true, None, &query, k, &set, live);
                    let (_, found) = twins.answer(false, Some(Way::Scan), &query, k, &set, live);
                    assert_eq!(found, expected, "{metric}, {k}");
                }
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "thousands of distances")]
fn in_a_crowd_of_equals_as_many_are_found_as_there_are() {
    let numbers = (0..800).map(|number| if number < 400 { 5 } else { number });
    let vectors: Vec<Vec<f32>> = numbers.map(vector).collect();
    let gone: Vec<u32> = (0..300).step_by(3).collect();
    for quantization in [Quantization::Int8, Quantization::None] {
        let metric = DistanceMetric::Euclidean;
        let mut twins = Twins::of(metric, quantization, Kept::F32, &vectors.concat(), &gone);
        for passes in [|slot| slot < 400, |slot| slot % 40 == 1, |slot| slot == 4 || slot > 780] {
            let (set, live) = twins.matching(passes);
            for way in [None, Some(Way::Scan), Some(Way::FilteredWalk), Some(Way::TwoHop)] {
                let said = if way == Some(Way::TwoHop) { MANY } else { live };
                let (_, found) = twins.answer(false, way, &vector(5), 50, &set, said);
                assert_eq!(found.len(), live.min(50), "{way:?}");
                assert!(found.iter().all(|found| set.contains(found.slot)));
                assert_eq!(found[0].distance, 0.0);
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "thousands of distances")]
fn a_plan_says_how_it_began_and_how_it_ended() {
    let mut twins = Twins::new(DistanceMetric::Euclidean, Quantization::Int8, Kept::F32);
    let query = vector(COUNT);
    let (half, live) = twins.matching(|slot| slot % 2 == 0);
    for (way, said) in [(Way::Scan, live), (Way::FilteredWalk, live), (Way::TwoHop, MANY)] {
        let (plan, _) = twins.answer(false, Some(way), &query, 10, &half, said);
        assert_eq!(plan, Plan { began: way, ended: way });
    }
    // Fewer than a walk keeps: it cannot know that there are no more.
    let (few, live) = twins.matching(|slot| slot % 70 == 1);
    for (way, said) in [(Way::FilteredWalk, live), (Way::TwoHop, MANY)] {
        let (plan, found) = twins.answer(false, Some(way), &query, 10, &few, said);
        assert_eq!((plan, found.len()), (Plan { began: way, ended: Way::Scan }, 10));
    }
    // Where a scan of what there is costs less, a walk is ended.
    let (plan, _) = twins.answer(false, Some(Way::TwoHop), &query, 10, &half, live);
    assert_eq!(plan, Plan { began: Way::TwoHop, ended: Way::Scan });
}
