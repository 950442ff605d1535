//! The walk: greedily down the layers, then a beam through the ground.

use super::pool::Pool;
use super::{Candidate, EMPTY, Graph, Measure, Stored};

/// The longest list: twice the most connections.
const LINKS_MAX: usize = 256;

impl<K: Measure<R>, R: Stored> Graph<K, R> {
    /// Fills the pool with the nearest `ef` slots that a beam from the entry meets.
    pub(super) fn walk(&self, query: &[R], ef: usize, pool: &mut Pool) {
        pool.start(self.rows.len(), ef);
        let Some(entry) = self.entry else { return };
        let nearest = self.descend(query, self.measure(query, entry), 0);
        pool.see(nearest.slot());
        pool.offer(nearest);
        self.beam(query, 0, pool);
    }

    /// Goes on to a nearer link until there is none, in each layer above `layer`.
    pub(super) fn descend(&self, query: &[R], entry: Candidate, layer: usize) -> Candidate {
        let mut best = entry;
        for above in (layer + 1..=self.layers_above(entry.slot())).rev() {
            loop {
                let links = self.links(best.slot(), above);
                match links.map(|link| self.measure(query, link)).min() {
                    Some(nearest) if nearest < best => best = nearest,
                    _ => break,
                }
            }
        }
        best
    }

    /// Expands the nearest candidate until all are: its unseen links are marked and gathered
    /// first, then compared all at once.
    pub(super) fn beam(&self, query: &[R], layer: usize, pool: &mut Pool) {
        let mut slots = [EMPTY; LINKS_MAX];
        let mut rows: [&[R]; LINKS_MAX] = [&[]; LINKS_MAX];
        let mut totals = [R::Total::default(); LINKS_MAX];
        while let Some(slot) = pool.next() {
            let mut count = 0;
            for link in self.links(slot, layer) {
                slots[count] = link;
                rows[count] = self.rows.row(link as usize);
                count += usize::from(pool.see(link));
            }
            let done = self.simd.batch(self.kernel, query, &rows[..count], &mut totals[..count]);
            done.expect("rows and queries have one width");
            for (&slot, &total) in slots[..count].iter().zip(&totals) {
                pool.offer(Candidate::new(R::distance(total), slot));
            }
        }
    }
}
