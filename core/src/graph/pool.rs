//! The scratch of a search: the nearest candidates so far, and which slots were seen.

use crate::simd::Code;

/// A slot and its distance, in the order of candidates: nearer first, then the smaller slot.
///
/// One number: the distance above, then the slot, and lowest the mark that it was expanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Candidate(u64);

impl Candidate {
    #[inline]
    pub(crate) fn new(distance: u32, slot: u32) -> Self {
        Self((u64::from(distance) << 32) | (u64::from(slot) << 1))
    }

    #[inline]
    pub(crate) fn distance(self) -> u32 {
        (self.0 >> 32) as u32
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is the slot")]
    pub(crate) fn slot(self) -> u32 {
        self.0 as u32 >> 1
    }

    #[inline]
    fn is_expanded(self) -> bool {
        self.0 & 1 == 1
    }

    /// The same without the mark.
    pub(crate) fn plain(self) -> Self {
        Self(self.0 & !1)
    }
}

/// The scratch of searches, kept by the caller so that they share nothing and allocate nothing.
///
/// One serves any number of searches, one after the other, in any index.
///
/// ```
/// use vicino_core::{HnswConfig, HnswIndex, Searcher, Serial, Simd};
///
/// let mut searcher = Searcher::default();
/// for dimensions in [1, 2] {
///     let mut index = HnswIndex::new(HnswConfig::balanced(), dimensions, Simd::detect())?;
///     index.insert(&[1.0, 2.0], &Serial)?;
///     let query = vec![1.0; dimensions];
///     assert_eq!(index.search(&query, 9, None, &mut searcher)?.len(), index.len());
/// }
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Searcher {
    pub(crate) pool: Pool,
    pub(crate) queries: Queries,
    pub(crate) exact: Exact,
}

/// A vector that a search found.
///
/// ```
/// use vicino_core::Neighbor;
///
/// let Neighbor { slot, distance } = Neighbor { slot: 7, distance: 0.25 };
/// assert_eq!((slot, distance), (7, 0.25));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbor {
    /// The number of the vector, counted from 0 in the order of insertion.
    pub slot: u32,
    /// Its distance by the metric.
    pub distance: f32,
}

/// A query in each form that rows have.
#[derive(Debug, Default)]
pub(crate) struct Queries {
    pub(crate) floats: Vec<f32>,
    pub(crate) codes: Vec<Code>,
}

/// A query for the exact vectors, and what comparing with them gives.
#[derive(Debug, Default)]
pub(crate) struct Exact {
    pub(crate) query: Vec<f32>,
    pub(crate) placed: Vec<f32>,
    pub(crate) slots: Vec<usize>,
    pub(crate) results: Vec<Neighbor>,
}

impl Exact {
    /// Keeps a vector if it is among the `k` nearest; of two as near, the one inserted first.
    pub(crate) fn offer(&mut self, k: usize, slot: usize, distance: f32) {
        let slot = u32::try_from(slot).expect("slots are u32");
        let before = |other: &Neighbor| {
            other.distance.total_cmp(&distance).then(other.slot.cmp(&slot)).is_lt()
        };
        if self.results.len() == k {
            if self.results.last().is_none_or(before) {
                return;
            }
            self.results.pop();
        }
        let place = self.results.partition_point(before);
        self.results.insert(place, Neighbor { slot, distance });
    }
}

/// The nearest candidates in one sorted array with a mark on those that were expanded, and a mark
/// for each slot that was seen: one byte, which counts searches so that it is rarely cleared.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    candidates: Vec<Candidate>,
    capacity: usize,
    /// All candidates before this one were expanded.
    cursor: usize,
    seen: Vec<u8>,
    search: u8,
}

impl Pool {
    /// Begins a search among `slots` slots that keeps `capacity` candidates.
    pub(crate) fn start(&mut self, slots: usize, capacity: usize) {
        self.candidates.clear();
        self.candidates.reserve(capacity + 1);
        self.capacity = capacity;
        self.cursor = 0;
        if self.seen.len() < slots {
            self.seen.resize(slots, self.search);
        }
        self.search = self.search.wrapping_add(1);
        if self.search == 0 {
            self.seen.fill(0);
            self.search = 1;
        }
    }

    /// Marks a slot as seen. Was it new?
    #[inline]
    pub(crate) fn see(&mut self, slot: u32) -> bool {
        let seen = &mut self.seen[slot as usize];
        let new = *seen != self.search;
        *seen = self.search;
        new
    }

    /// Keeps a candidate if it is among the nearest. Was it kept?
    #[inline]
    pub(crate) fn offer(&mut self, candidate: Candidate) -> bool {
        if self.candidates.len() == self.capacity {
            if self.candidates.last().is_none_or(|&last| candidate >= last) {
                return false;
            }
            self.candidates.pop();
        }
        let place = self.candidates.partition_point(|&other| other < candidate);
        self.candidates.insert(place, candidate);
        self.cursor = self.cursor.min(place);
        true
    }

    /// The nearest candidate that was not expanded, from now on marked as if it were.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<u32> {
        while let Some(candidate) = self.candidates.get_mut(self.cursor) {
            self.cursor += 1;
            if !candidate.is_expanded() {
                candidate.0 |= 1;
                return Some(candidate.slot());
            }
        }
        None
    }

    /// All candidates, the nearest first.
    pub(crate) fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_are_kept_in_their_order_and_expanded_once() {
        let mut pool = Pool::default();
        pool.start(10, 3);
        for (distance, slot) in [(50, 1), (20, 2), (70, 3), (20, 0), (90, 4), (60, 5)] {
            assert!(pool.see(slot));
            pool.offer(Candidate::new(distance, slot));
        }
        assert!(!pool.see(3));
        let slots: Vec<_> = pool.candidates().iter().map(|c| c.slot()).collect();
        assert_eq!(slots, [0, 2, 1]);
        assert_eq!(pool.next(), Some(0));
        assert_eq!(pool.next(), Some(2));
        assert!(pool.offer(Candidate::new(10, 7)));
        assert_eq!((pool.next(), pool.next()), (Some(7), None));
        assert!(!pool.offer(Candidate::new(20, 9)));
    }

    #[test]
    fn marks_do_not_outlive_their_search() {
        let mut pool = Pool::default();
        for round in 0..600 {
            pool.start(4 + round / 100, 1);
            for slot in 0..u32::try_from(4 + round / 100).unwrap() {
                assert!(pool.see(slot), "slot {slot} in round {round}");
                assert!(!pool.see(slot));
            }
        }
    }
}
