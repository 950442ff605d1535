//! The walk: greedily down the layers, then a beam through the ground.
//!
//! Each hop marks the unseen links of a list first, then compares them all at once, so that their
//! rows are on the way together. The whole walk is one operation of the instruction set.

use std::sync::atomic::{Ordering, fence};

use super::pool::{Admit, LINKS_MAX, Pool};
use super::{Candidate, GraphView, Measure, Stored};
use crate::memory::EMPTY;
use crate::simd::{Batch, Lanes, Operation, Pair, prefetch_line};

/// A search of a view.
pub(super) struct Search<'a, K, R, A> {
    pub(super) view: &'a GraphView<'a, K, R>,
    pub(super) query: &'a [R],
    pub(super) ef: usize,
    /// What it may cost, see [`Cost::units`](super::Cost::units).
    pub(super) most: u64,
    pub(super) pool: &'a mut Pool,
    pub(super) admit: A,
}

impl<K: Measure<R>, R: Stored, A: Admit> Operation for Search<'_, K, R, A> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { view, query, ef, most, pool, admit } = self;
        let walker = Walker { view, lanes };
        pool.start(view.len(), ef);
        pool.limit(most);
        if walker.enter(query, pool, admit) {
            walker.beam(query, 0, pool, admit);
        }
    }
}

/// A graph and the instruction set to compare its rows with. All methods are inlined into the
/// operation that has the set's features.
pub(super) struct Walker<'a, K, R, L> {
    pub(super) view: &'a GraphView<'a, K, R>,
    pub(super) lanes: L,
}

impl<'a, K: Measure<R>, R: Stored, L: Lanes> Walker<'a, K, R, L> {
    /// Puts the nearest that the layers above lead to into the pool. False where nobody is there.
    #[inline(always)]
    pub(super) fn enter(&self, query: &[R], pool: &mut Pool, admit: impl Admit) -> bool {
        let Some(entry) = self.view.entry() else { return false };
        let entry = self.measure(query, entry);
        let nearest = self.descend(query, entry, 0, pool);
        pool.see(nearest.slot());
        pool.offer(nearest, admit);
        true
    }

    /// How far a slot is from a query.
    #[inline(always)]
    pub(super) fn measure(&self, query: &[R], slot: u32) -> Candidate {
        let (kernel, row) = (self.view.graph.kernel, self.view.rows.row(slot));
        let total = Pair { kernel, query, row }.run(self.lanes);
        Candidate::new(R::rank(total), slot)
    }

    /// How far slots are from a query, at most [`LINKS_MAX`] of them.
    #[inline(always)]
    pub(super) fn measure_all(&self, query: &[R], slots: &[u32], scratch: &mut Totals<'a, R>) {
        let kernel = self.view.graph.kernel;
        let view = self.view.rows;
        for (row, &slot) in scratch.rows.iter_mut().zip(slots) {
            *row = view.row(slot);
            // All rows of a hop are on their way before the first is compared; of long ones
            // their beginnings, the batch asks for the rest.
            for line in 0..ASKED {
                prefetch_line(self.lanes, row, line);
            }
        }
        let (rows, totals) = (&scratch.rows[..slots.len()], &mut scratch.totals[..slots.len()]);
        Batch { kernel, query, rows, totals, asked: ASKED }.run(self.lanes);
    }

    /// Slots as candidates of a query, appended to others.
    #[inline(always)]
    pub(super) fn gather(&self, query: &[R], slots: &[u32], candidates: &mut Vec<Candidate>) {
        // A loop, not a closure: what is in a closure is compiled without the set's features.
        let mut scratch = Totals::new();
        candidates.reserve(slots.len());
        for slots in slots.chunks(LINKS_MAX) {
            self.measure_all(query, slots, &mut scratch);
            for (&slot, &total) in slots.iter().zip(&scratch.totals) {
                candidates.push(Candidate::new(R::rank(total), slot));
            }
        }
    }

    /// Goes on to a nearer link until there is none, in each layer above `layer`.
    #[inline(always)]
    pub(super) fn descend(
        &self,
        query: &[R],
        entry: Candidate,
        layer: usize,
        pool: &mut Pool,
    ) -> Candidate {
        let mut slots = [EMPTY; LINKS_MAX];
        let mut scratch = Totals::new();
        let mut best = entry;
        for above in (layer + 1..=self.view.layers_above(entry.slot())).rev() {
            loop {
                let from = best;
                let mut count = 0;
                for link in self.view.links(from.slot(), above) {
                    slots[count] = link;
                    count += usize::from(link < self.view.len());
                }
                fence(Ordering::Acquire);
                let slots = &slots[..count];
                pool.cost.hops += 1;
                pool.cost.distances += count as u64;
                self.measure_all(query, slots, &mut scratch);
                for (&slot, &total) in slots.iter().zip(&scratch.totals) {
                    best = best.min(Candidate::new(R::rank(total), slot));
                }
                if best == from {
                    break;
                }
            }
        }
        best
    }

    /// Expands the nearest candidates, [`EXPANDED`] at a time, until all are.
    #[inline(always)]
    pub(super) fn beam(&self, query: &[R], layer: usize, pool: &mut Pool, admit: impl Admit) {
        let mut slots = [EMPTY; LINKS_MAX];
        let mut hop = Hop::new();
        while let Some(first) = pool.next() {
            let mut count = self.unseen(first, layer, pool, &mut slots);
            for _ in 1..EXPANDED {
                if count + self.view.list(first, layer).len() > LINKS_MAX {
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
    #[inline(always)]
    pub(super) fn take(
        &self,
        query: &[R],
        slots: &[u32],
        layer: usize,
        hop: &mut Hop<'a, R>,
        pool: &mut Pool,
        admit: impl Admit,
    ) {
        let Hop { totals, found } = hop;
        pool.cost.distances += slots.len() as u64;
        self.measure_all(query, slots, totals);
        for ((place, &slot), &total) in found.iter_mut().zip(slots).zip(&totals.totals) {
            *place = Candidate::new(R::rank(total), slot);
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
        let len = self.view.len();
        let mut count = 0;
        pool.cost.hops += 1;
        let (marks, mark) = pool.marks(len);
        for link in self.view.list(slot, layer) {
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
        let list = self.view.list(slot, layer);
        for line in 0..size_of_val(list).div_ceil(64).min(4) {
            prefetch_line(self.lanes, list, line);
        }
    }
}

/// How many candidates are expanded at a time. The second is nearly always expanded anyway, and
/// with it there is twice as much to wait for at once: a tenth faster at equal recall, measured;
/// three gain nothing more.
const EXPANDED: usize = 2;

/// How many cache lines of each row are asked for before the first row of a hop is compared.
pub(super) const ASKED: usize = 2;

/// The rows of a hop, and how far they are.
pub(super) struct Totals<'a, R: Stored> {
    rows: [&'a [R]; LINKS_MAX],
    pub(super) totals: [R::Total; LINKS_MAX],
}

impl<R: Stored> Totals<'_, R> {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Self { rows: [&[]; LINKS_MAX], totals: [R::Total::default(); LINKS_MAX] }
    }
}

/// The same as candidates.
pub(super) struct Hop<'a, R: Stored> {
    totals: Totals<'a, R>,
    found: [Candidate; LINKS_MAX],
}

impl<R: Stored> Hop<'_, R> {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Self { totals: Totals::new(), found: [Candidate::new(0, 0); LINKS_MAX] }
    }
}
