//! What deletes leave behind, cleared away in pieces.

#![expect(unsafe_code, reason = "a sweep that has ended is what proves that slots are free")]

use super::HnswIndex;
use crate::graph::{Executor, Repair};

/// What a call of [`HnswIndex::maintain`] did.
///
/// ```
/// use vicino_core::{HnswConfig, HnswIndex, Serial, Simd};
///
/// let mut index = HnswIndex::new(HnswConfig::balanced(), 1, Simd::detect())?;
/// let slots = index.insert(&[1.0, 2.0, 3.0], &Serial)?;
/// index.delete(&slots[1..])?;
/// let done = index.maintain(1_000, &Serial);
/// assert!(done.finished);
/// assert_eq!(done.freed, 2);
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Maintenance {
    /// Nothing is left to do: another call would do nothing.
    pub finished: bool,
    /// The distances that were computed, and the lists that were read.
    pub distances: u64,
    /// Lists that were led around deleted vectors.
    pub repaired: usize,
    /// Slots that can be used again.
    pub freed: usize,
    /// Entries that had expired, where those who call it know of time.
    pub purged: usize,
}

/// One slot in this many must be dead before a sweep begins: passing through a few costs searches
/// next to nothing, and a sweep reads the list of every slot.
const DEAD_SHARE: usize = 32;

/// One slot in this many must be new for a look whether all can be reached, which reads every list
/// too. Hardly ever is one not, but for vectors that lie on a line or are the same.
const NEW_SHARE: usize = 8;

impl HnswIndex {
    /// Leads the graph around deleted vectors and makes their slots usable again, for about
    /// `budget` distances; what is left is done by the next calls. Searches go on meanwhile.
    ///
    /// A sweep over all lists begins when one vector in 32 is a deleted one. It restores the lists
    /// that led to them from the lists of the deleted (Singh et al., 2021) or, where too few links
    /// are left, by a search. Its last call, and one where vectors were inserted and there is
    /// nothing else to do, also looks whether all that is live can be reached, in O(links) whatever
    /// the budget.
    pub fn maintain(&mut self, budget: u64, executor: &dyn Executor) -> Maintenance {
        self.heal();
        let mut done = Maintenance::default();
        let mut sweep = match self.sweep.take() {
            Some(sweep) => sweep,
            None if self.nothing_to_sweep() => {
                if let (Some(graph), 1..) = (&mut self.graph, self.unwalked) {
                    done.distances = graph.reconnect(self.slots.states());
                }
                self.unwalked = 0;
                done.finished = true;
                return done;
            }
            None => {
                self.slots.begin_leaving();
                Repair::over(self.slots.len())
            }
        };
        sweep.go_on(budget);
        match &mut self.graph {
            Some(graph) => graph.repair(&mut sweep, self.slots.states(), executor),
            None => sweep.finished = true,
        }
        (done.distances, done.repaired) = (sweep.distances, sweep.repaired);
        if sweep.finished {
            self.unwalked = 0;
            // SAFETY: the sweep has led every list and the entry around the slots that leave, or
            // there is no graph; a scan reads rows that it shows, which dead ones are not.
            done.freed = unsafe { self.slots.free_leaving() };
            done.finished = self.nothing_to_sweep();
        } else {
            self.sweep = Some(sweep);
        }
        done
    }

    /// Has [`maintain`](Self::maintain) something to do that is worth its time?
    #[must_use]
    pub fn needs_maintenance(&self) -> bool {
        let is_new = self.graph.is_some() && self.unwalked * NEW_SHARE >= self.len().max(1);
        is_new || self.sweep.is_some() || !self.nothing_to_sweep()
    }

    /// Are too few slots dead for a sweep? Without a graph one is enough.
    fn nothing_to_sweep(&self) -> bool {
        let dead = self.slots.dead();
        dead == 0 || self.graph.is_some() && dead * DEAD_SHARE < self.len() + dead
    }
}
