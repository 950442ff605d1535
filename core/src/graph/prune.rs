//! Which candidates become links.

use super::measure::Power;
use super::{Candidate, GraphView};
use crate::simd::Raw;

/// How many times nearer to a chosen link than to the slot a candidate must be to be left out.
/// Above 1 lists keep more links in one direction. Measured on word vectors, 1.05 needs the fewest
/// distances for a recall of 0.95 to 0.99; 1 needs a tenth to a fifth more, 1.2 a quarter.
const ALPHA: f64 = 1.05;

impl GraphView<'_> {
    /// Chooses at most `most` of the candidates for a slot that they are sorted for, the nearest
    /// first, leaving out whoever is nearer to a chosen one than to the slot (Malkov and
    /// Yashunin, algorithm 4; with `ALPHA` the robust prune of Subramanya et al., "`DiskANN`: fast
    /// accurate billion-point nearest neighbor search on a single node", 2019, algorithm 2), and
    /// whoever equals a chosen one, so that a crowd of equal vectors does not fill a list.
    pub(super) fn prune(
        &self,
        candidates: &mut dyn Iterator<Item = Candidate>,
        most: usize,
    ) -> Vec<u32> {
        let measure = self.graph.measure;
        let factor = match measure.power() {
            Power::One => ALPHA,
            Power::Two => ALPHA * ALPHA,
        };
        let mut chosen: Vec<u32> = Vec::with_capacity(most);
        let mut rows: Vec<Raw<'_>> = Vec::with_capacity(most);
        for candidate in candidates {
            if chosen.len() == most {
                break;
            }
            let query = self.rows.row(candidate.slot());
            // Nearer to a chosen one by the factor, or equal to it.
            let near = measure.last_below(candidate.rank(), factor);
            if !measure.any_within(query, &rows, near) {
                chosen.push(candidate.slot());
                rows.push(Raw(query));
            }
        }
        chosen
    }

    /// The list of a slot among others: all of them if they fit. Pruned lists have room for the
    /// next few by themselves, on average a quarter of it. Shrinking them further, to four fifths,
    /// made building no faster and searches dearer by a tenth.
    pub(super) fn among(&self, slot: u32, layer: usize, others: Vec<u32>) -> Vec<u32> {
        let most = self.list(slot, layer).len();
        if others.len() <= most {
            return others;
        }
        let mut candidates = Vec::new();
        self.gather(self.rows.row(slot), &others, &mut candidates);
        candidates.sort_unstable();
        self.prune(&mut candidates.into_iter(), most)
    }
}
