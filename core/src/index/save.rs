//! An index in a snapshot: what its slots hold, its vectors and its graph.
//!
//! An index that was opened goes on like the one that was written: the same calls give the same
//! graph, which the test below holds byte by byte.

use super::exact::ExactWriter;
use super::promote::LONGER_MAX;
use super::reader::{HnswReader, Stage};
use super::{HnswIndex, Repair, check_config};
use crate::config::{Exact, HnswConfig};
use crate::error::Error;
use crate::graph::{SLOTS_MAX, check_slots};
use crate::memory::{RowsWriter, SlotsWriter, State};
use crate::metric::DistanceMetric;
use crate::simd::Simd;
use crate::snapshot::{Open, Part, Save, Tag, corrupt};

const STATES: Tag = Tag::new(*b"SLOT", "states of slots");
const FREE: Tag = Tag::new(*b"FREE", "free slots");
const SWEEP: Tag = Tag::new(*b"SWEP", "sweep");
const LONGEST: Tag = Tag::new(*b"LGST", "longest length");
const LONGER: Tag = Tag::new(*b"LNGR", "longer vectors");

impl HnswIndex {
    /// What the part of a snapshot has of the index. Lists are copied, vectors are not: the slots
    /// of now are held until they are written.
    pub(crate) fn save(&self) -> Result<Save, Error> {
        let held = self.slots.held()?;
        let free = self.slots.free()?;
        let sweep = self.sweep.as_ref().map(Repair::position);
        let (exact, longest) = (self.exact.exact(), self.longest);
        let graph = self.graph.as_ref().map(|graph| graph.save(self.memory())).transpose()?;
        let longer = self.longer.as_ref().map(|longer| longer.copied(self.memory())).transpose()?;
        Ok(Box::new(move |part| {
            part.array(STATES, 1, &mut |array| {
                held.states().iter().for_each(|state| array.extend(&[state.number()]));
            });
            part.values(FREE, &free);
            if let Some(sweep) = &sweep {
                part.values(SWEEP, sweep);
            }
            exact.write(&held, part);
            if let Some(write_graph) = &graph {
                part.values(LONGEST, &[longest]);
                write_graph(part, &held);
            }
            if let Some(longer) = &longer {
                part.copy(LONGER, size_of::<u32>(), longer.bytes());
            }
        }))
    }

    /// The index of a part.
    pub(crate) fn open(
        config: &HnswConfig,
        dimensions: usize,
        simd: Simd,
        open: &Open,
        part: &mut Part,
    ) -> Result<Self, Error> {
        let memory = open.memory;
        check_config(config, dimensions)?;
        let states: Vec<u8> = part.take_values(STATES)?;
        let states: Option<Vec<State>> = states.into_iter().map(State::of_number).collect();
        let states = states.ok_or_else(|| corrupt(STATES.name)("have one that is unknown"))?;
        let slots = states.len();
        if slots > SLOTS_MAX {
            return Err(corrupt(STATES.name)("are more than there can be"));
        }
        let sweep = match part.take_values(SWEEP)?[..] {
            [] => None,
            [next, end] => {
                let sweep = Repair::at([next, end], slots);
                Some(sweep.ok_or_else(|| corrupt(SWEEP.name)("is over other slots"))?)
            }
            _ => return Err(corrupt(SWEEP.name)("is none")),
        };
        let free: Vec<u32> = part.take_values(FREE)?;
        let longest: Vec<f64> = part.take_values(LONGEST)?;
        let is_graph = !longest.is_empty();
        // First what is as large as the slots say, so that memory is taken for no others.
        if is_graph {
            check_slots(part, slots)?;
        }
        let exact = ExactWriter::open(config, (dimensions, slots), is_graph, memory, part)?;
        let slots_writer = SlotsWriter::open(states, &free, is_graph, memory)?;
        let slots_writer =
            slots_writer.ok_or_else(|| corrupt(FREE.name)("are not those that the states say"))?;
        let (config, shown) = (config.clone(), slots_writer.slots());
        let reader = HnswReader::new(config, dimensions, simd, memory, shown, exact.exact());
        let mut index = Self {
            reader,
            slots: slots_writer,
            exact,
            graph: None,
            longest: 0.0,
            longer: None,
            sweep,
            // Who wrote it may have looked, or not.
            unwalked: 1,
            foreign: is_graph,
        };
        if let Some(&longest) = longest.first() {
            index.open_stage(longest, slots, open, part)?;
        }
        Ok(index)
    }

    /// Reads the graph of a part, which knows no longer vectors than this.
    fn open_stage(
        &mut self,
        longest: f64,
        slots: usize,
        open: &Open,
        part: &mut Part,
    ) -> Result<(), Error> {
        if !(longest.is_finite() && longest >= 0.0) {
            return Err(corrupt(LONGEST.name)("is none"));
        }
        let graph = self.open_graph(slots, open, part)?;
        if self.config().distance_metric == DistanceMetric::InnerProduct {
            let rows = part.take(LONGER, size_of::<u32>())?;
            let mut longer = RowsWriter::open(1, self.memory(), rows)?;
            let most = if self.config().exact == Exact::None { slots } else { LONGER_MAX };
            if longer.len() > most {
                return Err(corrupt(LONGER.name)("are more than there can be"));
            }
            longer.reserve(LONGER_MAX.saturating_sub(longer.len()))?;
            self.longer = Some(longer);
        }
        self.longest = longest;
        self.publish(Stage {
            exact: self.exact.exact(),
            graph: Some(graph.graph()),
            longest,
            longer: self.longer.as_ref().map(RowsWriter::rows),
        });
        self.graph = Some(graph);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Quantization;
    use crate::graph::{Searcher, Serial};
    use crate::memory::Bytes;
    use crate::mix::mix;
    use crate::scope::Scope;
    use crate::snapshot::{SnapshotIndex, SnapshotWriter, Verify};

    const DIMENSIONS: usize = 5;

    /// Small where every step is interpreted.
    const PROMOTION: usize = if cfg!(miri) { 12 } else { 100 };

    fn written(index: &HnswIndex) -> Vec<u8> {
        written_of(index.save().unwrap(), index.config())
    }

    fn written_of(save: Save, config: &HnswConfig) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = SnapshotWriter::new(&mut bytes, config, DIMENSIONS);
        writer.part(&Scope::Global, (0, i64::MAX), &save);
        writer.end().unwrap();
        bytes
    }

    fn opened(bytes: &[u8], preload: bool) -> HnswIndex {
        let file = SnapshotIndex::of(bytes).unwrap();
        let place = &file.places[0];
        let own = Bytes::copy_of(bytes).unwrap().part_at(&place.range).unwrap();
        let mut part = Part::new(own, place, Verify::Full).unwrap();
        let simd = Simd::detect();
        let open = Open::default().with_preload(preload);
        let index = HnswIndex::open(&file.config, file.dimensions, simd, &open, &mut part);
        part.end().unwrap();
        index.unwrap()
    }

    fn vectors(seed: u64, count: u64) -> Vec<f32> {
        let value = |i| (mix(seed << 32 | i) >> 40) as f32 / 4096.0 - 2000.0;
        (0..count * DIMENSIONS as u64).map(value).collect()
    }

    /// Some days in the life of an index: inserts, deletes and parts of sweeps.
    fn live(index: &mut HnswIndex, seed: u64, count: u64) {
        let slots = index.insert(&vectors(seed, count), &Serial).unwrap();
        let gone: Vec<u32> = slots.into_iter().filter(|slot| slot % 3 == 0).collect();
        index.delete(&gone).unwrap();
        index.maintain(2_000, &Serial);
        index.insert(&vectors(seed + 1, 3), &Serial).unwrap();
    }

    #[test]
    fn an_opened_index_goes_on_like_the_one_that_was_written() {
        let metrics = DistanceMetric::ALL.iter().map(|metric| {
            HnswConfig::fast().with_ef_construction(16).with_distance_metric(*metric)
        });
        let kinds = [
            HnswConfig::fast().with_ef_construction(16).with_exact(Exact::F16),
            HnswConfig::fast().with_ef_construction(16).with_exact(Exact::None),
            HnswConfig::fast().with_ef_construction(16).with_quantization(Quantization::None),
        ];
        let all = metrics.chain(kinds).map(|config| config.with_promotion_size(PROMOTION));
        for config in all.take(if cfg!(miri) { 1 } else { usize::MAX }) {
            let mut index = HnswIndex::new(config.clone(), DIMENSIONS, Simd::detect()).unwrap();
            let lives: &[u64] = if cfg!(miri) { &[0, 24] } else { &[0, 10, 60, 200, 150] };
            for (round, &count) in lives.iter().enumerate() {
                let seed = 10 * round as u64;
                let bytes = written(&index);
                let mut again = opened(&bytes, round % 2 == 1);
                assert_eq!(written(&again), bytes, "round {round} of {config:?}");
                let (mut a, mut b) = (Searcher::default(), Searcher::default());
                for query in vectors(999, if cfg!(miri) { 2 } else { 20 }).chunks(DIMENSIONS) {
                    let ours = index.search(query, 10, None, &mut a).unwrap();
                    assert_eq!(ours, again.search(query, 10, None, &mut b).unwrap());
                }
                live(&mut index, seed, count);
                live(&mut again, seed, count);
                assert_eq!(again.check(), index.check());
                assert_eq!(written(&again), written(&index), "round {round} of {config:?}");
            }
        }
    }

    /// Miri sees whether a row is written while it is read.
    #[test]
    fn what_is_saved_is_written_while_the_index_goes_on() {
        let config = HnswConfig::fast().with_ef_construction(16).with_promotion_size(PROMOTION);
        let mut index = HnswIndex::new(config, DIMENSIONS, Simd::detect()).unwrap();
        let (days, count) = if cfg!(miri) { (2, 16) } else { (40, 60) };
        for day in 0..days {
            let before = written(&index);
            let (save, config) = (index.save().unwrap(), index.config().clone());
            #[expect(clippy::disallowed_methods, reason = "a test may start threads")]
            let after = std::thread::scope(|scope| {
                let writing = scope.spawn(move || written_of(save, &config));
                live(&mut index, 10 * day, count);
                live(&mut index, 10 * day + 5, count);
                writing.join().unwrap()
            });
            assert!(after == before, "day {day}");
        }
    }
}
