//! The walk for a filter that few pass: it measures only what is shown, and looks through the
//! others to those behind them (Patel et al., "ACORN: performant and predicate-agnostic search
//! over vector embeddings and structured data", 2024, section 5.3).
//!
//! Links to slots that are not shown are not measured; their lists are read in their place. So the
//! walk sees a graph of the shown slots alone, and its cost hardly depends on how many they are.
//! What is shown may lie far from the query, in heaps that no two hops lead between: the walk
//! begins at a sample of all of it. And where two hops still lead to few, slots that are not shown
//! are measured as bridges. `index/filtered_tests.rs` holds it to a brute-force oracle.

use std::sync::atomic::{Ordering, fence};

use super::GraphView;
use super::pool::{Admit, LINKS_MAX, Pool};
use super::walk::Hop;
use crate::memory::{EMPTY, Shown};

/// Samples of what is shown, where the walk begins beside the nearest of the layers above. Sixteen
/// are found in most heaps of a filter that goes with the vectors; 32 find no more, measured.
const SEEDS: usize = 16;

impl GraphView<'_> {
    /// Fills the pool with the nearest slots that are shown, and measures no others but bridges.
    pub(super) fn walk_in_two_hops(
        &self,
        query: &[u8],
        ef: usize,
        most: u64,
        pool: &mut Pool,
        shown: &Shown<'_>,
    ) {
        let admit = Admit::Shown(shown);
        pool.start(self.len(), ef);
        pool.limit(most);
        if !self.enter(query, pool, admit) {
            return;
        }
        let (mut slots, mut hidden) = ([EMPTY; LINKS_MAX], [EMPTY; LINKS_MAX]);
        let mut hop = Hop::new();
        let mut count = 0;
        for slot in shown.sample(SEEDS) {
            slots[count] = slot;
            count += usize::from(slot < self.len() && pool.see(slot));
        }
        self.take(query, &slots[..count], 0, &mut hop, pool, admit);
        // As many as slots are kept: where 2 % pass, half as many lists again are read, and of the
        // neighbors that would be missed two thirds are found. To keep more slots costs as much
        // and finds one third.
        let mut bridges = ef;
        // Fewer than half of m lead on: so few that whom they lead to may not be the nearest.
        let few = self.graph.shape.connections / 2;
        while let Some(slot) = pool.next() {
            let (mut count, others) = self.sorted(slot, pool, shown, &mut slots, &mut hidden);
            let hidden = &hidden[..others];
            for &slot in hidden {
                self.prefetch(slot, 0);
            }
            for &slot in hidden {
                if count == LINKS_MAX {
                    break;
                }
                count = self.behind(slot, pool, shown, &mut slots, count);
            }
            // What was written of these slots before they were linked is seen from here on.
            fence(Ordering::Acquire);
            if let Some(next) = pool.peek() {
                self.prefetch(next, 0);
            }
            if count < few {
                let more = others.min(bridges).min(LINKS_MAX - count);
                slots[count..count + more].copy_from_slice(&hidden[..more]);
                count += more;
                bridges -= more;
            }
            self.take(query, &slots[..count], 0, &mut hop, pool, admit);
        }
    }

    /// Gathers the unseen links of a slot, the shown ones, from now on seen, apart from the
    /// others; how many are there of each?
    fn sorted(
        &self,
        slot: u32,
        pool: &mut Pool,
        shown: &Shown<'_>,
        slots: &mut [u32; LINKS_MAX],
        hidden: &mut [u32; LINKS_MAX],
    ) -> (usize, usize) {
        let len = self.len();
        let (mut count, mut others) = (0, 0);
        pool.cost.hops += 1;
        let (marks, mark) = pool.marks(len);
        for link in self.list(slot, 0) {
            let link = link.load(Ordering::Relaxed);
            if link >= len {
                if link == EMPTY {
                    break;
                }
                continue;
            }
            let seen = &mut marks[link as usize];
            let (new, hides) = (*seen != mark, shown.hides(link));
            slots[count] = link;
            count += usize::from(new & !hides);
            hidden[others] = link;
            others += usize::from(new & hides);
            *seen = if hides { *seen } else { mark };
        }
        (count, others)
    }

    /// Marks a slot that is not shown as seen and appends its unseen links that are, as far as
    /// there is room; how many are there now?
    fn behind(
        &self,
        slot: u32,
        pool: &mut Pool,
        shown: &Shown<'_>,
        slots: &mut [u32; LINKS_MAX],
        mut count: usize,
    ) -> usize {
        let len = self.len();
        pool.cost.hops += 1;
        let (marks, mark) = pool.marks(len);
        marks[slot as usize] = mark;
        // First the filter, whose bits are in the cache, then the marks of the few that pass.
        let mut passing = [EMPTY; LINKS_MAX];
        let mut passed = 0;
        for link in self.list(slot, 0) {
            let link = link.load(Ordering::Relaxed);
            if link >= len {
                if link == EMPTY {
                    break;
                }
                continue;
            }
            passing[passed] = link;
            passed += usize::from(!shown.hides(link));
        }
        for &link in &passing[..passed] {
            if count == LINKS_MAX {
                break;
            }
            let seen = &mut marks[link as usize];
            slots[count] = link;
            count += usize::from(*seen != mark);
            *seen = mark;
        }
        count
    }
}
