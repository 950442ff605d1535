//! Leading lists around slots that were deleted, so that these can be used again (Singh et al.,
//! "`FreshDiskANN`: a fast and accurate graph-based ANN index for streaming similarity search",
//! 2021, algorithm 4).
//!
//! A sweep reads every list once. Where a list leads to a slot that is not live, the live links of
//! that slot take its place, chosen as links are; a list that gets shorter and has fewer than m
//! links is filled up by a search. At last every slot that no walk reaches is given a place.
//! Lists of deleted slots are left alone until the sweep has ended, since searches pass through
//! them. A sweep can pause after any number of slots: links made meanwhile lead to live slots.

use std::sync::atomic::Ordering;

use super::link::{Back, Dropped, Executor, map};
use super::pool::Admit;
use super::{GraphView, GraphWriter};
use crate::memory::{EMPTY, State};

/// A sweep that is going on.
#[derive(Debug, Default)]
pub(crate) struct Repair {
    /// The next slot whose lists are looked at, and the first that came after the sweep began:
    /// nothing in its lists leaves.
    next: u32,
    end: u32,
    /// Distances that may still be computed; what is begun is ended.
    pub(crate) budget: u64,
    pub(crate) distances: u64,
    /// Lists that were led around somebody.
    pub(crate) repaired: usize,
    /// Nothing leads to the slots that were leaving when the sweep began.
    pub(crate) finished: bool,
}

impl Repair {
    /// A sweep over as many slots as there are.
    pub(crate) fn over(slots: usize) -> Self {
        Self { end: u32::try_from(slots).expect("slots fit"), ..Self::default() }
    }

    /// How far it is, to go on from there.
    pub(crate) fn position(&self) -> [u32; 2] {
        [self.next, self.end]
    }

    /// One that is so far, over no more than so many slots.
    pub(crate) fn at([next, end]: [u32; 2], slots: usize) -> Option<Self> {
        let is_within = next <= end && end as usize <= slots;
        is_within.then(|| Self { next, end, ..Self::default() })
    }

    /// Goes on for `budget` distances more.
    pub(crate) fn go_on(&mut self, budget: u64) {
        let (next, end) = (self.next, self.end);
        *self = Self { next, end, budget: budget.max(1), ..Self::default() };
    }
}

/// Slots whose lists are looked at together: enough to keep threads busy.
const BATCH: u32 = 2048;

/// A new list, whether a search chose it, and what it cost.
struct Repaired {
    links: Vec<u32>,
    anew: bool,
    distances: u64,
}

impl GraphWriter {
    pub(super) fn repair_next(
        &self,
        repair: &mut Repair,
        states: &[State],
        executor: &dyn Executor,
    ) {
        let view = self.graph.view();
        while repair.next < repair.end && repair.distances < repair.budget {
            let end = repair.next.saturating_add(BATCH).min(repair.end);
            self.repair_batch(&view, repair, end, states, executor);
            repair.next = end;
        }
        if repair.next >= repair.end {
            repair.distances += self.finish(&view, states);
            repair.finished = true;
        }
    }

    fn repair_batch(
        &self,
        view: &GraphView<'_>,
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
        let repaired = map(executor, broken.len(), |i| {
            let (slot, layer) = broken[i];
            self.repaired(view, slot, layer, states)
        });
        let (mut back, mut dropped) = (Vec::<Back>::new(), Vec::<Dropped>::new());
        for (&(slot, layer), Repaired { links, anew, distances }) in broken.iter().zip(&repaired) {
            repair.distances += distances;
            if *anew {
                back.extend(links.iter().map(|&target| (target, layer, slot)));
            }
            let out = self.set_list(view, slot, layer, links);
            dropped.extend(out.into_iter().map(|link| (link, slot)));
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
        dropped.extend(self.link_back(view, back, states, executor));
        self.adopt_all(view, dropped, states);
    }

    /// The list of a slot, led around those that are not live.
    fn repaired(
        &self,
        view: &GraphView<'_>,
        slot: u32,
        layer: usize,
        states: &[State],
    ) -> Repaired {
        let old: Vec<u32> = view.links(slot, layer).collect();
        let live = view.around(slot, layer, &old, states);
        let mut distances = live.len() as u64;
        let mut links = view.among(slot, layer, live);
        let anew = links.len() < old.len().min(self.graph.shape.connections);
        if anew {
            self.pools.with(|pool| {
                let chosen = view.choose(slot, &[], states, pool).layers.swap_remove(layer);
                let new = chosen.into_iter().filter(|link| !links.contains(link));
                let room = view.list(slot, layer).len() - links.len();
                let new: Vec<u32> = new.take(room).collect();
                links.extend(new);
                distances += pool.cost.distances;
            });
        }
        Repaired { links, anew, distances }
    }

    /// Takes the slots that leave out of the counts, and the entry from them; then looks whether
    /// all that is live can be reached.
    fn finish(&self, view: &GraphView<'_>, states: &[State]) -> u64 {
        let slots = || (0..view.len()).zip(states);
        for (slot, _) in slots().filter(|(_, state)| **state == State::Leaving) {
            for link in view.links(slot, 0).filter(|&link| view.counts(slot, link)) {
                self.in_degrees[link as usize].fetch_sub(1, Ordering::Relaxed);
            }
        }
        let entry = self.graph.entry.load(Ordering::Relaxed);
        if states.get(entry as usize) == Some(&State::Leaving) {
            let live = slots().filter(|(_, state)| **state == State::Live).map(|(slot, _)| slot);
            let next = live.rev().max_by_key(|&slot| view.layers_above(slot));
            self.graph.entry.store(next.unwrap_or(EMPTY), Ordering::Release);
        }
        self.reconnect_all(states)
    }

    /// Gives every live slot that no walk reaches a place in a list that one does.
    pub(super) fn reconnect_all(&self, states: &[State]) -> u64 {
        let mut distances = 0;
        // Who gives up a link for an orphan may lose what hung on it: seldom, and never for long.
        const PASSES: usize = 16;
        for _ in 0..PASSES {
            match self.reconnect_once(states) {
                0 => break,
                more => distances += more,
            }
        }
        distances
    }

    /// Finds a list that is reached for each live slot that is not; how many distances that took.
    fn reconnect_once(&self, states: &[State]) -> u64 {
        let view = self.graph.view();
        let mut distances = 0;
        let mut reached = vec![false; view.len() as usize];
        view.reach(view.entry(), &mut reached);
        for slot in 0..view.len() {
            if states[slot as usize] == State::Live && !reached[slot as usize] {
                self.pools.with(|pool| {
                    let row = view.rows.row(slot);
                    let ef = self.graph.shape.ef_construction;
                    view.walk(row, ef, u64::MAX, pool, Admit::Live(states));
                    // Through the layers above, the search may have come to a part that no other
                    // leads to.
                    let near = pool.candidates().iter().map(|candidate| candidate.slot());
                    let near = near.filter(|&near| reached[near as usize]).collect();
                    self.adopt(&view, slot, near, states);
                    distances += pool.cost.distances;
                });
                view.reach(Some(slot), &mut reached);
            }
        }
        distances
    }
}

impl GraphView<'_> {
    /// Those links of a slot that are live, and in place of the others the live ones that these
    /// lead to.
    pub(super) fn around(
        &self,
        slot: u32,
        layer: usize,
        links: &[u32],
        states: &[State],
    ) -> Vec<u32> {
        let live = |link: &u32| states[*link as usize] == State::Live;
        let mut around: Vec<u32> = links.iter().copied().filter(live).collect();
        let own = around.len();
        for &gone in links.iter().filter(|link| !live(link)) {
            around.extend(self.links(gone, layer).filter(live).filter(|&link| link != slot));
        }
        if around.len() > own {
            around.sort_unstable();
            around.dedup();
        }
        around
    }
}
