//! Leading lists around slots that were deleted, so that these can be used again (Singh et al.,
//! "`FreshDiskANN`: a fast and accurate graph-based ANN index for streaming similarity search",
//! 2021, algorithm 4).
//!
//! A sweep reads every list once. Where a list leads to a slot that is not live, the live links
//! of that slot take its place, chosen as links are; a list that stays shorter than half its room
//! is chosen anew by a search. Lists of deleted slots are left alone until the sweep has ended,
//! since searches pass through them. A sweep can pause after any number of slots: links made
//! meanwhile lead to live slots only.

use std::sync::atomic::Ordering;

use super::link::{Back, Executor, map};
use super::pool::Pool;
use super::walk::Walker;
use super::{GraphView, GraphWriter, Measure, Stored};
use crate::memory::{EMPTY, State, links};
use crate::simd::{Lanes, Operation};

/// A sweep that is going on.
#[derive(Debug, Default)]
pub(crate) struct Repair {
    /// The next slot whose lists are looked at.
    pub(crate) next: u32,
    /// Distances that may still be computed; what is begun is ended.
    pub(crate) budget: u64,
    pub(crate) distances: u64,
    /// Lists that were led around somebody.
    pub(crate) repaired: usize,
    /// Nothing leads to the slots that were leaving when the sweep began.
    pub(crate) finished: bool,
}

impl Repair {
    /// Goes on for `budget` distances more.
    pub(crate) fn begin(&mut self, budget: u64) {
        *self = Self { next: self.next, budget: budget.max(1), ..Self::default() };
    }
}

/// Slots whose lists are looked at together: as many as a round links.
const BATCH: u32 = 2048;

/// New lists of a slot, and whether it was chosen anew.
struct Repaired {
    layer: usize,
    links: Vec<u32>,
    anew: bool,
}

impl<K: Measure<R>, R: Stored> GraphWriter<K, R> {
    pub(super) fn repair_next(
        &self,
        repair: &mut Repair,
        states: &[State],
        executor: &dyn Executor,
    ) {
        let view = self.graph.view();
        while repair.next < view.len() && repair.distances < repair.budget {
            let end = repair.next.saturating_add(BATCH).min(view.len());
            self.repair_batch(&view, repair, end, states, executor);
            repair.next = end;
        }
        if repair.next >= view.len() {
            self.finish(&view, states);
            repair.finished = true;
        }
    }

    fn repair_batch(
        &self,
        view: &GraphView<'_, K, R>,
        repair: &mut Repair,
        end: u32,
        states: &[State],
        executor: &dyn Executor,
    ) {
        let gone = |link: u32| states[link as usize] != State::Live;
        let broken: Vec<(u32, usize)> = (repair.next..end)
            .filter(|&slot| !gone(slot))
            .flat_map(|slot| (0..=view.layers_above(slot)).map(move |layer| (slot, layer)))
            .filter(|&(slot, layer)| view.links(slot, layer).any(gone))
            .collect();
        let around = map(executor, broken.len(), |i| {
            let (slot, layer) = broken[i];
            self.pools.with(|pool| {
                let mut repaired = self.graph.simd.run(Around { view, slot, layer, states, pool });
                if repaired.links.len() < view.list(slot, layer).len() / 2 {
                    let mut layers = self.choose(view, slot, &[], states, pool);
                    for link in std::mem::take(&mut layers[layer]) {
                        if !repaired.links.contains(&link) {
                            repaired.links.push(link);
                        }
                    }
                    repaired.links.truncate(view.list(slot, layer).len());
                    repaired.anew = true;
                }
                (repaired, pool.cost.distances)
            })
        });
        let (mut back, mut dropped) = (Vec::<Back>::new(), Vec::new());
        for (&(slot, _), (Repaired { layer, links, anew }, distances)) in broken.iter().zip(&around)
        {
            repair.distances += distances;
            if *anew {
                back.extend(links.iter().map(|&target| (target, *layer, slot)));
            }
            dropped.extend(self.set_list(view, slot, *layer, links));
        }
        // Whoever died since the sweep began is still walked through, and must not lead to a slot
        // that is free.
        let leaves = |link: u32| states[link as usize] == State::Leaving;
        for slot in (repair.next..end).filter(|&slot| states[slot as usize] == State::Dead) {
            for layer in 0..=view.layers_above(slot) {
                if view.links(slot, layer).any(leaves) {
                    let rest: Vec<u32> = view.links(slot, layer).filter(|&l| !leaves(l)).collect();
                    self.set_list(view, slot, layer, &rest);
                }
            }
        }
        // A list that is read costs about as much as a distance.
        repair.distances += u64::from(end - repair.next);
        repair.repaired += broken.len();
        dropped.extend(self.link_back(view, back, executor));
        self.adopt_all(view, dropped, states);
    }

    /// Takes the slots that leave out of the counts, and the entry from them.
    fn finish(&self, view: &GraphView<'_, K, R>, states: &[State]) {
        let slots = || (0..view.len()).zip(states);
        let mut dropped = Vec::new();
        for (slot, _) in slots().filter(|(_, state)| **state == State::Leaving) {
            for link in view.links(slot, 0) {
                self.in_degrees[link as usize].fetch_sub(1, Ordering::Relaxed);
                dropped.push(link);
            }
        }
        let entry = self.graph.entry.load(Ordering::Relaxed);
        if states.get(entry as usize) == Some(&State::Leaving) {
            let live = slots().filter(|(_, state)| **state == State::Live).map(|(slot, _)| slot);
            let next = live.rev().max_by_key(|&slot| view.layers_above(slot));
            self.graph.entry.store(next.unwrap_or(EMPTY), Ordering::Release);
        }
        self.adopt_all(view, dropped, states);
    }
}

/// The list of a slot, led around those that are not live.
struct Around<'a, K, R> {
    view: &'a GraphView<'a, K, R>,
    slot: u32,
    layer: usize,
    states: &'a [State],
    pool: &'a mut Pool,
}

impl<K: Measure<R>, R: Stored> Operation for Around<'_, K, R> {
    type Output = Repaired;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Repaired {
        let Self { view, slot, layer, states, pool } = self;
        let walker = Walker { view, lanes };
        let query = view.rows.row(slot);
        let list = view.list(slot, layer);
        let live = |link: &u32| states[*link as usize] == State::Live;
        pool.start(view.len(), list.len());
        pool.see(slot);
        let mut near = Vec::new();
        for link in links(list) {
            let via = view.list(link, layer);
            let beyond = links(via).take(if live(&link) { 0 } else { via.len() });
            for link in std::iter::once(link).chain(beyond).filter(live) {
                if pool.see(link) {
                    near.push(link);
                }
            }
        }
        let links = if near.len() <= list.len() * 4 / 5 {
            near
        } else {
            let mut candidates = Vec::new();
            walker.gather(query, &near, &mut candidates);
            pool.cost.distances += candidates.len() as u64;
            candidates.sort_unstable();
            walker.prune(candidates.into_iter(), list.len() * 4 / 5)
        };
        Repaired { layer, links, anew: false }
    }
}
