//! How much of the truth an index finds, measured on its own vectors.

use super::HnswReader;
use crate::config::EF_MAX;
use crate::error::Error;
use crate::graph::Searcher;

/// Vectors that [`HnswReader::ef_for`] tries: enough to tell recalls apart by half a percent.
const SAMPLE: usize = 200;

/// A vector of the index, and how far the farthest of its nearest is.
struct Probe {
    slot: u32,
    vector: Vec<f32>,
    nearest: usize,
    edge: f32,
}

impl HnswReader {
    /// The share of the `k` nearest that searches with `ef` find, over `sample` of the index's own
    /// vectors, each left out of its own answer. Vectors as near as the `k`-th count.
    ///
    /// It costs `sample` exact scans, and says more than any figure measured on other data; real
    /// queries, which lie farther from the vectors than these from one another, may find less.
    /// An index with nothing to find has recall 1.
    pub fn measure_recall(
        &self,
        sample: usize,
        k: usize,
        ef: Option<usize>,
        searcher: &mut Searcher,
    ) -> f64 {
        let probes = self.probes(sample, k, searcher);
        self.recall(&probes, k, ef, searcher)
    }

    /// The least `ef` whose recall, measured as [`measure_recall`](Self::measure_recall) does on
    /// 200 vectors, is at least `recall`; none where 65,536 candidates are not enough.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRecall`] for a recall that is not above 0 and at most 1.
    pub fn ef_for(
        &self,
        recall: f64,
        k: usize,
        searcher: &mut Searcher,
    ) -> Result<Option<usize>, Error> {
        if !(recall > 0.0 && recall <= 1.0) {
            return Err(Error::InvalidRecall { found: recall });
        }
        let probes = self.probes(SAMPLE, k, searcher);
        let mut enough = |ef: usize| self.recall(&probes, k, Some(ef), searcher) >= recall;
        let mut high = k.max(1);
        while !enough(high) {
            if high >= EF_MAX {
                return Ok(None);
            }
            high *= 2;
        }
        let mut low = if high == k.max(1) { high } else { high / 2 + 1 };
        while low < high {
            let middle = low.midpoint(high);
            if enough(middle) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Ok(Some(high))
    }

    /// Vectors spread evenly over all.
    fn probes(&self, sample: usize, k: usize, searcher: &mut Searcher) -> Vec<Probe> {
        let slots = self.slots();
        let step = slots.len().div_ceil(sample.max(1)).max(1);
        let mut probes = Vec::new();
        for slot in slots.into_iter().step_by(step) {
            let mut vector = Vec::new();
            if self.vector(slot, &mut vector, searcher) {
                let nearest = self.scan(&vector, k.saturating_add(1), searcher).unwrap_or(&[]);
                let others = nearest.iter().filter(|found| found.slot != slot).take(k);
                let (count, last) = (others.clone().count(), others.last());
                let edge = last.map_or(0.0, |last| last.distance);
                probes.push(Probe { slot, vector, nearest: count, edge });
            }
        }
        probes
    }

    fn recall(
        &self,
        probes: &[Probe],
        k: usize,
        ef: Option<usize>,
        searcher: &mut Searcher,
    ) -> f64 {
        let (mut hits, mut all) = (0, 0);
        for Probe { slot, vector, nearest, edge } in probes {
            let found = self.search(vector, k.saturating_add(1), ef, searcher).unwrap_or(&[]);
            let near = found.iter().filter(|found| found.slot != *slot && found.distance <= *edge);
            hits += near.count().min(*nearest);
            all += nearest;
        }
        #[expect(clippy::cast_precision_loss, reason = "counts are small")]
        let recall = if all == 0 { 1.0 } else { hits as f64 / all as f64 };
        recall
    }
}
