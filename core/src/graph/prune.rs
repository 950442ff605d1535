//! Which candidates become links.

use super::{Candidate, Graph, Measure, Stored};

impl<K: Measure<R>, R: Stored> Graph<K, R> {
    /// Chooses at most `most` of the candidates for a slot that they are sorted for, the nearest
    /// first, leaving out whoever is nearer to a chosen one than to the slot (Malkov and
    /// Yashunin, algorithm 4; robust prune of Disk-ANN with alpha 1), and whoever equals a chosen
    /// one, so that a crowd of equal vectors does not fill a list.
    pub(super) fn prune(&self, candidates: &[Candidate], most: usize) -> Vec<u32> {
        let mut chosen: Vec<u32> = Vec::with_capacity(most);
        for candidate in candidates {
            if chosen.len() == most {
                break;
            }
            let query = self.rows.row(candidate.slot() as usize);
            let covers = |&other: &u32| {
                let between = self.measure(query, other).distance();
                between < candidate.distance() || between == 0
            };
            if !chosen.iter().any(covers) {
                chosen.push(candidate.slot());
            }
        }
        chosen
    }
}
