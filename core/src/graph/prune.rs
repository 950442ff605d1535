//! Which candidates become links.

use super::measure::Power;
use super::walk::Walker;
use super::{Candidate, GraphView, Measure, Stored};
use crate::simd::{Batch, Lanes, Operation};

/// How many times nearer to a chosen link than to the slot a candidate must be to be left out.
/// Above 1 lists keep more links in one direction. Measured on word vectors, 1.05 needs the fewest
/// distances for a recall of 0.95 to 0.99; 1 needs a tenth to a fifth more, 1.2 a quarter.
const ALPHA: f64 = 1.05;

/// How many of the chosen a candidate is compared with at once: a batch's worth.
const TOGETHER: usize = 4;

impl<K: Measure<R>, R: Stored, L: Lanes> Walker<'_, K, R, L> {
    /// Chooses at most `most` of the candidates for a slot that they are sorted for, the nearest
    /// first, leaving out whoever is nearer to a chosen one than to the slot (Malkov and
    /// Yashunin, algorithm 4; with `ALPHA` the robust prune of Subramanya et al., "`DiskANN`: fast
    /// accurate billion-point nearest neighbor search on a single node", 2019, algorithm 2), and
    /// whoever equals a chosen one, so that a crowd of equal vectors does not fill a list.
    #[inline(always)]
    pub(super) fn prune(
        &self,
        candidates: impl Iterator<Item = Candidate>,
        most: usize,
    ) -> Vec<u32> {
        let factor = match K::POWER {
            Power::One => ALPHA,
            Power::Two => ALPHA * ALPHA,
        };
        let kernel = self.view.graph.kernel;
        let mut chosen: Vec<u32> = Vec::with_capacity(most);
        let mut rows: Vec<&[R]> = Vec::with_capacity(most);
        for candidate in candidates {
            if chosen.len() == most {
                break;
            }
            let query = self.view.rows.row(candidate.slot());
            let distance = R::measured(candidate.rank());
            let mut covered = false;
            for rows in rows.chunks(TOGETHER) {
                let totals = &mut [R::Total::default(); TOGETHER][..rows.len()];
                // They are all near at hand.
                Batch { kernel, query, rows, totals, asked: usize::MAX }.run(self.lanes);
                for &mut total in totals {
                    let between = R::measured(R::rank(total));
                    covered |= between * factor < distance || between == 0.0;
                }
                if covered {
                    break;
                }
            }
            if !covered {
                chosen.push(candidate.slot());
                rows.push(query);
            }
        }
        chosen
    }
}

/// The list of a slot among others: all of them if they fit. Pruned lists have room for the next
/// few by themselves, on average a quarter of it. Shrinking them further, to four fifths, made
/// building no faster and searches dearer by a tenth.
pub(super) struct Among<'a, K, R> {
    pub(super) view: &'a GraphView<'a, K, R>,
    pub(super) slot: u32,
    pub(super) layer: usize,
    pub(super) others: Vec<u32>,
}

impl<K: Measure<R>, R: Stored> Operation for Among<'_, K, R> {
    type Output = Vec<u32>;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Vec<u32> {
        let Self { view, slot, layer, others } = self;
        let most = view.list(slot, layer).len();
        if others.len() <= most {
            return others;
        }
        let walker = Walker { view, lanes };
        let mut candidates = Vec::new();
        walker.gather(view.rows.row(slot), &others, &mut candidates);
        candidates.sort_unstable();
        walker.prune(candidates.into_iter(), most)
    }
}
