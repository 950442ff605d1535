//! The scratch of a search: the nearest candidates so far, and which slots were seen.

pub(crate) use super::admit::Admit;
use crate::memory::{Pin, SlotSet, domain};
use crate::sorted::{joined, of_ordered_bits, ordered_bits, parted};

/// A slot and its distance, in the order of candidates: nearer first, then the smaller slot.
///
/// One number: the distance above, then the slot, and lowest the mark that it was expanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Candidate(u64);

impl Candidate {
    #[inline]
    pub(crate) fn new(rank: u32, slot: u32) -> Self {
        Self((u64::from(rank) << 32) | (u64::from(slot) << 1))
    }

    /// A number in the order of distances.
    #[inline]
    pub(crate) fn rank(self) -> u32 {
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
#[derive(Debug)]
pub struct Searcher {
    pub(crate) pin: Pin,
    /// A second place in the domain, for the directory that leads to an index.
    pub(crate) outer: Pin,
    pub(crate) scratch: Scratch,
}

impl Searcher {
    /// What the last search cost.
    #[must_use]
    pub fn cost(&self) -> Cost {
        self.scratch.pool.cost
    }
}

impl Default for Searcher {
    fn default() -> Self {
        Self { pin: domain().pin(), outer: domain().pin(), scratch: Scratch::default() }
    }
}

/// What a search cost, in units that are the same on every machine.
///
/// ```
/// use vicino_core::{HnswConfig, HnswIndex, Searcher, Serial, Simd};
///
/// let mut index = HnswIndex::new(HnswConfig::balanced(), 1, Simd::detect())?;
/// index.insert(&[1.0, 2.0, 3.0], &Serial)?;
/// let mut searcher = Searcher::default();
/// index.search(&[1.0], 1, None, &mut searcher)?;
/// assert_eq!(searcher.cost().distances, 3, "a small index is scanned");
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cost {
    /// Vectors or codes that the query was compared with, rescoring included.
    pub distances: u64,
    /// Slots whose list was followed.
    pub hops: u64,
    /// The best that a walk met, compared again on what is kept of the vectors.
    pub rescored: u64,
}

impl Cost {
    /// Distances and lists in one number: following a list costs about as much as two codes.
    #[inline(always)]
    pub(crate) fn units(self) -> u64 {
        self.distances + 2 * self.hops
    }
}

/// Everything of a searcher but its place among the others.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) pool: Pool,
    /// A query as rows are, in whole floats for their alignment.
    pub(crate) row: Vec<f32>,
    pub(crate) exact: Exact,
    /// What a filter chose, and sets that it works in.
    pub(crate) chosen: SlotSet,
    pub(crate) spare: Vec<SlotSet>,
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
    /// The number that the index gave to the vector.
    pub slot: u32,
    /// Its distance by the metric.
    pub distance: f32,
}

/// A query for the exact vectors, and what comparing with them gives.
#[derive(Debug, Default)]
pub(crate) struct Exact {
    pub(crate) query: Vec<f32>,
    pub(crate) scaled: Vec<f32>,
    pub(crate) placed: Vec<f32>,
    pub(crate) slots: Vec<u32>,
    pub(crate) decoded: Vec<f32>,
    /// What may be among the nearest, as numbers in the order of results.
    near: Vec<u64>,
    /// The farthest of the `k` nearest as far as they were sorted out.
    edge: Option<u64>,
    pub(crate) results: Vec<Neighbor>,
}

impl Exact {
    /// Begins anew.
    pub(crate) fn clear(&mut self) {
        self.near.clear();
        self.edge = None;
    }

    /// Keeps a vector if it may be among the `k` nearest; of two as near, that of the smaller slot.
    pub(crate) fn offer(&mut self, k: usize, slot: u32, distance: f32) {
        let number = joined(ordered_bits(distance), slot);
        if self.edge.is_none_or(|edge| number < edge) {
            self.near.push(number);
            // Sorted out when they are twice as many: each costs the same, however large k is.
            if self.near.len() >= k.saturating_mul(2).max(64) {
                let (_, edge, _) = self.near.select_nth_unstable(k - 1);
                self.edge = Some(*edge);
                self.near.truncate(k);
            }
        }
    }

    /// How many are kept.
    pub(crate) fn len(&self) -> usize {
        self.near.len()
    }

    /// A distance that no other of the `k` nearest exceeds.
    pub(crate) fn edge(&self) -> Option<f32> {
        self.edge.map(|edge| neighbor(edge).distance)
    }

    /// The `k` nearest, sorted.
    pub(crate) fn settle(&mut self, k: usize) {
        self.near.sort_unstable();
        self.results.clear();
        self.results.extend(self.near.iter().take(k).map(|&number| neighbor(number)));
    }
}

/// The neighbor of a number in the order of results: by distance, then by slot.
fn neighbor(number: u64) -> Neighbor {
    let (bits, slot) = parted(number);
    Neighbor { slot, distance: of_ordered_bits(bits) }
}

/// How many times its capacity a pool holds at most, with those that take no room: a crowd of
/// deleted slots larger than that is better left to a scan than passed through.
const PASSED_THROUGH: usize = 8;

/// The most candidates that are offered at once: the longest list, twice the most connections.
pub(crate) const LINKS_MAX: usize = 256;

/// The nearest candidates in one sorted array with a mark on those that were expanded, and a mark
/// for each slot that was seen: one byte, which counts searches so that it is rarely cleared.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    candidates: Vec<Candidate>,
    /// How many that take room are kept, and how many there are.
    capacity: usize,
    admitted: usize,
    /// All candidates before this one were expanded.
    cursor: usize,
    /// What a search may cost.
    most: u64,
    /// Where those that come go, while they are merged.
    places: Vec<usize>,
    seen: Vec<u8>,
    search: u8,
    pub(crate) cost: Cost,
}

impl Pool {
    pub(crate) fn bytes(&self) -> usize {
        self.seen.capacity() + self.candidates.capacity() * size_of::<Candidate>()
    }

    /// Begins a search among `slots` slots that keeps `capacity` candidates.
    pub(crate) fn start(&mut self, slots: u32, capacity: usize) {
        let slots = slots as usize;
        self.candidates.clear();
        self.candidates.reserve(capacity.min(slots) + 1);
        self.capacity = capacity;
        self.admitted = 0;
        self.cursor = 0;
        self.most = u64::MAX;
        if self.seen.len() < slots {
            // Doubled, so that a growing index does not move it each time.
            let len = slots.max(2 * self.seen.len()).min(slots + (1 << 20));
            self.seen.resize(len, self.search);
        }
        self.search = self.search.wrapping_add(1);
        if self.search == 0 {
            self.seen.fill(0);
            self.search = 1;
        }
    }

    /// Ends the search that has just begun when it has cost so much.
    #[inline(always)]
    pub(crate) fn limit(&mut self, most: u64) {
        self.most = self.cost.units().saturating_add(most);
    }

    /// Are there as many candidates as it keeps, and did the search not end before they were
    /// all expanded?
    pub(crate) fn is_full(&self) -> bool {
        self.admitted >= self.capacity && self.cost.units() < self.most
    }

    /// The marks of the first `slots`, and the one that says that a slot was seen.
    #[inline(always)]
    pub(crate) fn marks(&mut self, slots: u32) -> (&mut [u8], u8) {
        (&mut self.seen[..slots as usize], self.search)
    }

    /// Marks a slot as seen. Was it new?
    #[inline(always)]
    pub(crate) fn see(&mut self, slot: u32) -> bool {
        let seen = &mut self.seen[slot as usize];
        let new = *seen != self.search;
        *seen = self.search;
        new
    }

    /// Those candidates that are near enough to be kept, sorted. The slice is scratch afterwards.
    #[inline(always)]
    pub(crate) fn nearest<'c>(&self, candidates: &'c mut [Candidate]) -> &'c [Candidate] {
        // Without a branch for each: which of them are near enough is anybody's guess.
        let edge = match self.candidates.last() {
            Some(&last) if self.admitted >= self.capacity => last,
            _ => Candidate(u64::MAX),
        };
        let mut count = 0;
        for i in 0..candidates.len() {
            let candidate = candidates[i];
            candidates[count] = candidate;
            count += usize::from(candidate < edge);
        }
        let near = &mut candidates[..count];
        sort_few(near);
        near
    }

    /// Keeps candidates, which are sorted, and lets the farthest go.
    ///
    /// All that a hop found are merged at once, so that whoever moves up moves once.
    #[inline(always)]
    pub(crate) fn merge(&mut self, near: &[Candidate], admit: Admit<'_>) {
        let mut end = self.candidates.len();
        // All places first: searches that do not wait for one another.
        self.places.clear();
        self.places.reserve(near.len());
        for &candidate in near {
            self.places.push(self.candidates.partition_point(|&other| other < candidate));
        }
        self.candidates.resize(end + near.len(), Candidate(u64::MAX));
        for (i, (&candidate, &place)) in near.iter().zip(&self.places).enumerate().rev() {
            self.candidates.copy_within(place..end, place + i + 1);
            self.candidates[place + i] = candidate;
            end = place;
        }
        if !near.is_empty() {
            self.cursor = self.cursor.min(end);
        }
        for candidate in near {
            self.admitted += usize::from(admit.admits(candidate.slot()));
        }
        // What is admitted may change while a search goes on; one more or less kept is no matter.
        let most = self.capacity.saturating_mul(PASSED_THROUGH);
        while self.admitted > self.capacity || self.candidates.len() > most {
            let Some(last) = self.candidates.pop() else { break };
            self.admitted = self.admitted.saturating_sub(admit.admits(last.slot()).into());
        }
    }

    /// Keeps those candidates that are among the nearest.
    #[inline(always)]
    pub(crate) fn offer_all(&mut self, candidates: &mut [Candidate], admit: Admit<'_>) {
        self.merge(self.nearest(candidates), admit);
    }

    /// Keeps a candidate if it is among the nearest.
    #[inline(always)]
    pub(crate) fn offer(&mut self, candidate: Candidate, admit: Admit<'_>) {
        self.offer_all(&mut [candidate], admit);
    }

    /// The nearest candidate that was not expanded, from now on marked as if it were.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Option<u32> {
        if self.cost.units() >= self.most {
            return None;
        }
        while let Some(candidate) = self.candidates.get_mut(self.cursor) {
            self.cursor += 1;
            if !candidate.is_expanded() {
                candidate.0 |= 1;
                return Some(candidate.slot());
            }
        }
        None
    }

    /// The one that [`next`](Self::next) would give now, if it is near at hand.
    #[inline(always)]
    pub(crate) fn peek(&self) -> Option<u32> {
        let candidate = self.candidates.get(self.cursor)?;
        (!candidate.is_expanded()).then(|| candidate.slot())
    }

    /// All candidates, the nearest first.
    pub(crate) fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }
}

/// Sorts a few candidates. Up to a dozen are exchanged without a branch.
#[inline(always)]
fn sort_few(candidates: &mut [Candidate]) {
    if candidates.len() > 12 {
        return candidates.sort_unstable();
    }
    for i in 1..candidates.len() {
        for j in (0..i).rev() {
            let (a, b) = (candidates[j], candidates[j + 1]);
            candidates[j] = a.min(b);
            candidates[j + 1] = a.max(b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::State;

    #[test]
    fn the_nearest_are_kept_in_their_order_and_expanded_once() {
        let mut pool = Pool::default();
        pool.start(10, 3);
        for (distance, slot) in [(50, 1), (20, 2), (70, 3), (20, 0), (90, 4), (60, 5)] {
            assert!(pool.see(slot));
            pool.offer(Candidate::new(distance, slot), Admit::All);
        }
        assert!(!pool.see(3));
        let slots: Vec<_> = pool.candidates().iter().map(|c| c.slot()).collect();
        assert_eq!(slots, [0, 2, 1]);
        assert_eq!(pool.next(), Some(0));
        assert_eq!(pool.peek(), Some(2));
        assert_eq!(pool.next(), Some(2));
        pool.offer(Candidate::new(10, 7), Admit::All);
        assert_eq!((pool.next(), pool.peek(), pool.next()), (Some(7), None, None));
        pool.offer(Candidate::new(20, 9), Admit::All);
        assert_eq!(pool.next(), None, "not among the nearest");
    }

    #[test]
    fn who_is_not_admitted_takes_no_room() {
        let states = [State::Dead, State::Live, State::Dead, State::Live, State::Live];
        let admit = Admit::Live(&states);
        let mut pool = Pool::default();
        pool.start(5, 2);
        for (distance, slot) in [(50, 1), (40, 0), (60, 2), (70, 3)] {
            pool.offer(Candidate::new(distance, slot), admit);
        }
        let slots = |pool: &Pool| pool.candidates().iter().map(|c| c.slot()).collect::<Vec<_>>();
        assert_eq!(slots(&pool), [0, 1, 2, 3]);
        pool.offer(Candidate::new(10, 4), admit);
        assert_eq!(slots(&pool), [4, 0, 1, 2], "the second live one is the last that counts");
        pool.offer(Candidate::new(80, 3), admit);
        assert_eq!(slots(&pool).len(), 4);
    }

    #[test]
    fn offering_many_is_offering_each() {
        let ranks: Vec<u32> = (0..400_u32).map(|i| i.wrapping_mul(2_654_435_761) % 97).collect();
        let (mut together, mut apart) = (Pool::default(), Pool::default());
        together.start(400, 30);
        apart.start(400, 30);
        for (hop, ranks) in (0..).zip(ranks.chunks(16)) {
            let slots = (hop * 16..).take(ranks.len());
            let mut found: Vec<_> =
                slots.zip(ranks).map(|(slot, &rank)| Candidate::new(rank, slot)).collect();
            found.iter().for_each(|&candidate| apart.offer(candidate, Admit::All));
            together.offer_all(&mut found, Admit::All);
            assert_eq!(together.next(), apart.next());
            assert_eq!(together.candidates(), apart.candidates());
        }
    }

    #[test]
    fn marks_do_not_outlive_their_search() {
        let mut pool = Pool::default();
        for round in 0..600 {
            pool.start(4 + round / 100, 1);
            for slot in 0..4 + round / 100 {
                assert!(pool.see(slot), "slot {slot} in round {round}");
                assert!(!pool.see(slot));
            }
        }
    }
}
