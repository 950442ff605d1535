//! Scans of rows: of everything that a search shows, and the one that spares a scan of exact
//! vectors most of them.

use super::pool::{Admit, LINKS_MAX, Pool};
use super::walk::{ASKED, Ranks};
use super::{Candidate, GraphView};
use crate::memory::{EMPTY, Shown};
use crate::simd::prefetch_lines;

/// Rows that are measured while as many are on their way.
const AHEAD: usize = 32;

impl GraphView<'_> {
    /// Fills the pool with the nearest `count` slots of everything that a search shows.
    pub(super) fn scan(&self, query: &[u8], count: usize, pool: &mut Pool, shown: &Shown<'_>) {
        let mut slots = [EMPTY; LINKS_MAX];
        let mut scratch = Ranks::new();
        pool.start(0, count);
        let mut all = shown.slots().take_while(|&slot| slot < self.rows.len());
        loop {
            let mut found = 0;
            for (place, slot) in slots.iter_mut().zip(all.by_ref()) {
                *place = slot;
                found += 1;
            }
            if found == 0 {
                break;
            }
            pool.cost.distances += found as u64;
            self.measure_all(query, &slots[..found], &mut scratch);
            for (&slot, &rank) in slots[..found].iter().zip(&scratch.ranks) {
                pool.offer(Candidate::new(rank, slot), Admit::All);
            }
        }
    }

    /// Leaves of some slots, in their order, those whose rows are of the rank `most` or nearer.
    pub(super) fn sift(&self, query: &[u8], most: u32, slots: &mut Vec<u32>) {
        let mut scratch = Ranks::new();
        let mut batch = [EMPTY; AHEAD];
        let (mut kept, mut start) = (0, 0);
        while start < slots.len() {
            let end = slots.len().min(start + AHEAD);
            let batch = &mut batch[..end - start];
            batch.copy_from_slice(&slots[start..end]);
            for &slot in slots[end..].iter().take(AHEAD) {
                prefetch_lines(self.rows.row(slot), ASKED, |&byte| byte.into());
            }
            self.measure_all(query, batch, &mut scratch);
            for (&slot, &rank) in batch.iter().zip(&scratch.ranks) {
                slots[kept] = slot;
                kept += usize::from(rank <= most);
            }
            start = end;
        }
        slots.truncate(kept);
    }
}
