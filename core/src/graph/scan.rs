//! Scans of rows: of everything that a search shows, and the one that spares a scan of exact
//! vectors most of them.
//!
//! Both measure rows in batches, each of them one operation of the instruction set.

use super::pool::{All, LINKS_MAX, Pool};
use super::walk::{ASKED, Totals, Walker};
use super::{Candidate, GraphView, Measure, Stored};
use crate::memory::{EMPTY, Shown};
use crate::simd::{Lanes, Operation, prefetch_line};

/// A comparison with everything that a search shows.
pub(super) struct Scan<'a, K, R> {
    pub(super) view: &'a GraphView<'a, K, R>,
    pub(super) query: &'a [R],
    pub(super) count: usize,
    pub(super) pool: &'a mut Pool,
    pub(super) shown: &'a Shown<'a>,
}

impl<K: Measure<R>, R: Stored> Operation for Scan<'_, K, R> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { view, query, count, pool, shown } = self;
        let walker = Walker { view, lanes };
        let mut slots = [EMPTY; LINKS_MAX];
        let mut scratch = Totals::new();
        pool.start(0, count);
        let mut all = shown.slots().take_while(|&slot| slot < view.rows.len());
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
            walker.measure_all(query, &slots[..found], &mut scratch);
            for (&slot, &total) in slots[..found].iter().zip(&scratch.totals) {
                pool.offer(Candidate::new(R::rank(total), slot), All);
            }
        }
    }
}

/// Leaves of some slots those whose rows are near enough, in their order.
pub(super) struct Sift<'a, K, R> {
    pub(super) view: &'a GraphView<'a, K, R>,
    pub(super) query: &'a [R],
    /// The last rank that is near enough.
    pub(super) most: u32,
    pub(super) slots: &'a mut Vec<u32>,
}

/// Rows that are measured while as many are on their way.
const AHEAD: usize = 32;

impl<K: Measure<R>, R: Stored> Operation for Sift<'_, K, R> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { view, query, most, slots } = self;
        let walker = Walker { view, lanes };
        let mut totals = Totals::new();
        let mut batch = [EMPTY; AHEAD];
        let (mut kept, mut start) = (0, 0);
        while start < slots.len() {
            let end = slots.len().min(start + AHEAD);
            let batch = &mut batch[..end - start];
            batch.copy_from_slice(&slots[start..end]);
            for &slot in slots[end..].iter().take(AHEAD) {
                let row = view.rows.row(slot);
                for line in 0..ASKED {
                    prefetch_line(lanes, row, line);
                }
            }
            walker.measure_all(query, batch, &mut totals);
            for (&slot, &total) in batch.iter().zip(&totals.totals) {
                slots[kept] = slot;
                kept += usize::from(R::rank(total) <= most);
            }
            start = end;
        }
        slots.truncate(kept);
    }
}
