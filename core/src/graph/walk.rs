//! The walk: greedily down the layers, then a beam through the ground.
//!
//! Each hop marks the unseen links of a list first, then compares them all at once, so that their
//! rows are on the way together. What a hop does is inlined, a few percent of a search, but where
//! bytes of code count for more.

use std::sync::atomic::{Ordering, fence};

use super::pool::{Admit, LINKS_MAX, Pool};
use super::{Candidate, GraphView};
use crate::memory::EMPTY;
use crate::simd::{Raw, prefetch_lines};

impl<'a> GraphView<'a> {
    /// Fills the pool with the nearest `ef` slots of those that it admits, for a
    /// [cost](super::Cost::units) of `most`.
    pub(super) fn walk(
        &self,
        query: &[u8],
        ef: usize,
        most: u64,
        pool: &mut Pool,
        admit: Admit<'_>,
    ) {
        pool.start(self.len(), ef);
        pool.limit(most);
        if self.enter(query, pool, admit) {
            self.beam(query, 0, pool, admit);
        }
    }

    /// Puts the nearest that the layers above lead to into the pool. False where nobody is there.
    pub(super) fn enter(&self, query: &[u8], pool: &mut Pool, admit: Admit<'_>) -> bool {
        let Some(entry) = self.entry() else { return false };
        let entry = self.measure(query, entry);
        let nearest = self.descend(query, entry, 0, pool);
        pool.see(nearest.slot());
        pool.offer(nearest, admit);
        true
    }

    /// How far a slot is from a query.
    pub(super) fn measure(&self, query: &[u8], slot: u32) -> Candidate {
        let mut rank = [0];
        self.graph.measure.ranks(query, &[Raw(self.rows.row(slot))], &mut rank, ASKED);
        Candidate::new(rank[0], slot)
    }

    /// How far slots are from a query, at most [`LINKS_MAX`] of them.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(super) fn measure_all(&self, query: &[u8], slots: &[u32], scratch: &mut Ranks<'a>) {
        let view = self.rows;
        for (row, &slot) in scratch.rows.iter_mut().zip(slots) {
            *row = Raw(view.row(slot));
            // All rows of a hop are on their way before the first is compared; of long ones
            // their beginnings, the batch asks for the rest.
            prefetch_lines(row.0, ASKED, |&byte| byte.into());
        }
        let (rows, ranks) = (&scratch.rows[..slots.len()], &mut scratch.ranks[..slots.len()]);
        self.graph.measure.ranks(query, rows, ranks, ASKED);
    }

    /// Slots as candidates of a query, appended to others.
    pub(super) fn gather(&self, query: &[u8], slots: &[u32], candidates: &mut Vec<Candidate>) {
        let mut scratch = Ranks::new();
        candidates.reserve(slots.len());
        for slots in slots.chunks(LINKS_MAX) {
            self.measure_all(query, slots, &mut scratch);
            for (&slot, &rank) in slots.iter().zip(&scratch.ranks) {
                candidates.push(Candidate::new(rank, slot));
            }
        }
    }

    /// Goes on to a nearer link until there is none, in each layer above `layer`.
    pub(super) fn descend(
        &self,
        query: &[u8],
        entry: Candidate,
        layer: usize,
        pool: &mut Pool,
    ) -> Candidate {
        let mut slots = [EMPTY; LINKS_MAX];
        let mut scratch = Ranks::new();
        let mut best = entry;
        for above in (layer + 1..=self.layers_above(entry.slot())).rev() {
            loop {
                let from = best;
                let mut count = 0;
                for link in self.links(from.slot(), above) {
                    slots[count] = link;
                    count += usize::from(link < self.len());
                }
                fence(Ordering::Acquire);
                let slots = &slots[..count];
                pool.cost.hops += 1;
                pool.cost.distances += count as u64;
                self.measure_all(query, slots, &mut scratch);
                for (&slot, &rank) in slots.iter().zip(&scratch.ranks) {
                    best = best.min(Candidate::new(rank, slot));
                }
                if best == from {
                    break;
                }
            }
        }
        best
    }

    /// Expands the nearest candidates, [`EXPANDED`] at a time, until all are.
    pub(super) fn beam(&self, query: &[u8], layer: usize, pool: &mut Pool, admit: Admit<'_>) {
        let mut slots = [EMPTY; LINKS_MAX];
        let mut hop = Hop::new();
        while let Some(first) = pool.next() {
            let mut count = self.unseen(first, layer, pool, &mut slots);
            for _ in 1..EXPANDED {
                if count + self.list(first, layer).len() > LINKS_MAX {
                    break;
                }
                let Some(next) = pool.next() else { break };
                count += self.unseen(next, layer, pool, &mut slots[count..]);
            }
            // What was written of these slots before they were linked is seen from here on.
            fence(Ordering::Acquire);
            if let Some(next) = pool.peek() {
                self.prefetch(next, layer);
            }
            self.take(query, &slots[..count], layer, &mut hop, pool, admit);
        }
    }

    /// Measures slots, at most [`LINKS_MAX`], and keeps those that are among the nearest.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(super) fn take(
        &self,
        query: &[u8],
        slots: &[u32],
        layer: usize,
        hop: &mut Hop<'a>,
        pool: &mut Pool,
        admit: Admit<'_>,
    ) {
        let Hop { ranks, found } = hop;
        pool.cost.distances += slots.len() as u64;
        self.measure_all(query, slots, ranks);
        for ((place, &slot), &rank) in found.iter_mut().zip(slots).zip(&ranks.ranks) {
            *place = Candidate::new(rank, slot);
        }
        let near = pool.nearest(&mut found[..slots.len()]);
        // They are likely the next to be expanded.
        for candidate in near.iter().take(EXPANDED) {
            self.prefetch(candidate.slot(), layer);
        }
        pool.merge(near, admit);
    }

    /// Marks the links of a slot as seen and gathers those that were not, one after the other;
    /// how many?
    #[inline(always)]
    fn unseen(&self, slot: u32, layer: usize, pool: &mut Pool, slots: &mut [u32]) -> usize {
        let len = self.len();
        let mut count = 0;
        pool.cost.hops += 1;
        let (marks, mark) = pool.marks(len);
        for link in self.list(slot, layer) {
            let link = link.load(Ordering::Relaxed);
            if link >= len {
                // The end, or a slot that came after this walk began.
                if link == EMPTY {
                    break;
                }
                continue;
            }
            let seen = &mut marks[link as usize];
            // Without a branch: a slot that was seen is overwritten by the next.
            slots[count] = link;
            count += usize::from(*seen != mark);
            *seen = mark;
        }
        count
    }

    /// Asks for the list of a slot.
    #[inline(always)]
    pub(super) fn prefetch(&self, slot: u32, layer: usize) {
        let list = self.list(slot, layer);
        let lines = size_of_val(list).div_ceil(64).min(4);
        prefetch_lines(list, lines, |link| link.load(Ordering::Relaxed));
    }
}

/// How many candidates are expanded at a time. The second is nearly always expanded anyway, and
/// with it there is twice as much to wait for at once: a tenth faster at equal recall, measured;
/// three gain nothing more.
const EXPANDED: usize = 2;

/// How many cache lines of each row are asked for before the first row of a hop is compared.
pub(super) const ASKED: usize = 2;

/// The rows of a hop, and how far they are.
pub(super) struct Ranks<'a> {
    rows: [Raw<'a>; LINKS_MAX],
    pub(super) ranks: [u32; LINKS_MAX],
}

impl Ranks<'_> {
    pub(super) fn new() -> Self {
        Self { rows: [Raw(&[]); LINKS_MAX], ranks: [0; LINKS_MAX] }
    }
}

/// The same as candidates.
pub(super) struct Hop<'a> {
    ranks: Ranks<'a>,
    found: [Candidate; LINKS_MAX],
}

impl Hop<'_> {
    pub(super) fn new() -> Self {
        Self { ranks: Ranks::new(), found: [Candidate::new(0, 0); LINKS_MAX] }
    }
}
