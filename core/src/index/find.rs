//! One search: it goes the way that the planner says, and the next where that found too little.
//!
//! A search returns min(k, all that it shows), whatever way it goes: the last is a scan, which is
//! exact as far as exact vectors are kept. `filtered_tests.rs` holds every way to an oracle.

use std::ops::Range;

use super::exact::Exact;
use super::plan::{Plan, Situation, Way};
use super::reader::{HnswReader, Stage};
use crate::config::Quantization;
use crate::graph::{Graph, Scratch};
use crate::memory::Shown;

/// Slots that are sifted at a time: at first few, which are all ranked, then twice as many as
/// before, so that a few more than the nearest are ranked each time; in the end a batch of codes
/// stays in the second cache.
const SIFTED: Range<usize> = 256..4096;

/// A search that knows what it reads.
pub(super) struct Find<'a> {
    pub(super) reader: &'a HnswReader,
    pub(super) stage: &'a Stage,
    pub(super) shown: &'a Shown<'a>,
    pub(super) query: &'a [f32],
    pub(super) norm: f64,
    pub(super) k: usize,
}

impl Find<'_> {
    /// Leaves the nearest in the scratch, beginning in this way, or in the planner's.
    pub(super) fn answer(
        &self,
        way: Option<Way>,
        ef: Option<usize>,
        scratch: &mut Scratch,
    ) -> Plan {
        let scan = Plan { began: Way::Scan, ended: Way::Scan };
        if self.k == 0 {
            return scan;
        }
        let (Some(graph), Some(ef)) = (&self.stage.graph, ef) else {
            self.scan(scratch);
            return scan;
        };
        let situation = Situation {
            lines: graph.lines(),
            connections: graph.connections(),
            k: self.k,
            ef,
            live: self.reader.len(),
            matches: self.shown.matches(),
        };
        let began = way.unwrap_or(situation.way());
        let mut way = began;
        while !self.go(way, situation, graph, scratch) {
            way = situation.after(way);
        }
        Plan { began, ended: way }
    }

    /// Finds the nearest in one way. Did it find enough?
    fn go(&self, way: Way, situation: Situation, graph: &Graph, scratch: &mut Scratch) -> bool {
        scratch.exact.clear();
        if way == Way::Scan {
            self.scan(scratch);
            return true;
        }
        let beam = situation.beam(way);
        let aimed = self.aimed(scratch);
        graph.search(&aimed, beam, self.shown, scratch);
        scratch.exact.placed = aimed;
        // With a filter less than a full pool is a walk that did not get to where matches are.
        if way != Way::Walk && !scratch.pool.is_full() {
            return false;
        }
        // Codes misplace the nearest by a few places: three times as many hold them.
        self.rescore(graph, 3 * self.k, scratch);
        scratch.exact.len() >= self.k
    }

    /// Compares all that is shown.
    fn scan(&self, scratch: &mut Scratch) {
        match (&self.stage.exact, &self.stage.graph) {
            (Exact::None, Some(graph)) => {
                let aimed = self.aimed(scratch);
                graph.scan(&aimed, self.k, self.shown, scratch);
                scratch.exact.placed = aimed;
                self.rescore(graph, self.k, scratch);
            }
            (exact, Some(graph)) if self.has_bounds() => self.sift(exact, graph, scratch),
            (exact, _) => {
                let (simd, space) = (self.reader.simd(), self.reader.space());
                exact.rank(simd, space, self.k, self.shown.slots(), scratch);
            }
        }
    }

    /// Do codes bound how near a vector may be? Those of one that came later and is longer than
    /// the graph knew do not.
    fn has_bounds(&self) -> bool {
        let longer = self.stage.longer.as_ref().map_or(0, |longer| longer.view().len());
        self.reader.config().quantization == Quantization::Int8 && longer == 0
    }

    /// Compares all that is shown, codes first: only vectors that may be among the nearest, by the
    /// most that a code can be off, are read. The result is that of reading all, at a quarter of
    /// the bytes.
    fn sift(&self, exact: &Exact, graph: &Graph, scratch: &mut Scratch) {
        let (simd, space) = (self.reader.simd(), self.reader.space());
        let aimed = self.aimed(scratch);
        let mut slots = std::mem::take(&mut scratch.exact.slots);
        let mut all = self.shown.slots();
        let mut room = SIFTED.start.max(2 * self.k);
        loop {
            slots.clear();
            slots.extend(all.by_ref().take(room));
            if slots.is_empty() {
                break;
            }
            if let Some(edge) = scratch.exact.edge() {
                let halves = matches!(exact, Exact::F16(_));
                let most = space.placed_total_max(edge, self.norm, self.stage.longest, halves);
                scratch.pool.cost.distances += slots.len() as u64;
                graph.sift(&aimed, most, &mut slots, &mut scratch.row);
                room = SIFTED.end.min(2 * room);
            }
            exact.rank(simd, space, self.k, slots.iter().copied(), scratch);
        }
        scratch.exact.slots = slots;
        scratch.exact.placed = aimed;
    }

    /// The query in the form that the graph knows, in a buffer of the scratch.
    fn aimed(&self, scratch: &mut Scratch) -> Vec<f32> {
        let mut aimed = std::mem::take(&mut scratch.exact.placed);
        self.reader.space().aim(self.query, self.norm, self.stage.longest, &mut aimed);
        aimed
    }

    /// Ranks the best of the pool, at most `count` that are shown, by what is kept of them.
    fn rescore(&self, graph: &Graph, count: usize, scratch: &mut Scratch) {
        let shown = |slot: &u32| self.shown.shows(*slot);
        let space = self.reader.space();
        if let Exact::None = self.stage.exact {
            scratch.pool.cost.rescored += scratch.pool.candidates().len() as u64;
            for &candidate in scratch.pool.candidates() {
                if shown(&candidate.slot()) {
                    let total = graph.total(candidate);
                    let distance = space.placed_distance(total, self.norm, self.stage.longest);
                    scratch.exact.offer(self.k, candidate.slot(), distance);
                }
            }
            return;
        }
        let mut slots = std::mem::take(&mut scratch.exact.slots);
        slots.clear();
        let best = scratch.pool.candidates().iter().map(|candidate| candidate.slot());
        slots.extend(best.filter(shown).take(count));
        if let Some(longer) = &self.stage.longer {
            let view = longer.view();
            for slot in (0..view.len()).map(|i| view.row(i)[0]) {
                if shown(&slot) && !slots.contains(&slot) {
                    slots.push(slot);
                }
            }
        }
        scratch.pool.cost.rescored += slots.len() as u64;
        self.stage.exact.rank(self.reader.simd(), space, self.k, slots.iter().copied(), scratch);
        scratch.exact.slots = slots;
    }
}
