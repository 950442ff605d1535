//! The values of a field in their order, each with the slots that have it.
//!
//! A sorted array of sorted arrays: pairs of a value and its slots lie side by side in blocks. A
//! range over half a million values is then read as fast as memory is, where the nodes of a
//! `BTreeMap` are a walk; and a change moves a block's pairs at most, not all.
//!
//! Invariants, held by the tests below: keys ascend, within a block and from one to the next; no
//! block and no posting is empty; no block has more than [`BLOCK`] pairs.

use std::borrow::Borrow;
use std::mem::size_of;
use std::ops::Bound;

use super::posting::{Note, Posting};

/// Values in their order, with their slots.
#[derive(Debug)]
pub(super) struct Ordered<K> {
    blocks: Vec<Block<K>>,
}

type Block<K> = Vec<(K, Posting)>;

/// The most pairs of a block: 8 KB of them, half of which a change moves on average, in about the
/// time of one miss of the cache.
const BLOCK: usize = 256;

/// A block of fewer pairs is joined with a neighbor where both together are half a block at most,
/// so that what was joined is not soon cut again.
const SMALL: usize = BLOCK / 4;

impl<K> Default for Ordered<K> {
    fn default() -> Self {
        Self { blocks: Vec::new() }
    }
}

impl<K: Ord> Ordered<K> {
    /// The bytes of a value in blocks that are three quarters full.
    const PAIR: usize = size_of::<(K, Posting)>() * 4 / 3;

    /// Adds a slot to a value; `own` makes the key of one that is new.
    pub(super) fn insert<Q>(&mut self, key: &Q, note: &mut Note<'_>, own: impl FnOnce() -> K)
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let (mut block, mut at) = self.first(|other| other < key);
        if let Some((other, posting)) = self.pair(block, at)
            && (*other).borrow() == key
        {
            return note.add_to(posting);
        }
        let ascending = block == self.blocks.len();
        if ascending && block > 0 {
            block -= 1;
            at = self.blocks[block].len();
        }
        match self.blocks.get_mut(block) {
            Some(pairs) if pairs.len() < BLOCK => {}
            // Values that ascend, as times do, leave full blocks behind.
            None => self.blocks.push(Vec::new()),
            Some(_) if ascending => {
                (block, at) = (block + 1, 0);
                self.blocks.push(Vec::new());
            }
            Some(pairs) => {
                let upper = pairs.split_off(BLOCK / 2);
                self.blocks.insert(block + 1, upper);
                if at > BLOCK / 2 {
                    (block, at) = (block + 1, at - BLOCK / 2);
                }
            }
        }
        self.blocks[block].insert(at, (own(), Posting::One(note.slot)));
        *note.bytes += Self::PAIR;
    }

    /// Removes a slot from a value, and a value that no slot is left of. Was it the last?
    pub(super) fn remove<Q>(&mut self, key: &Q, note: &mut Note<'_>) -> bool
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let (block, at) = self.first(|other| other < key);
        if let Some((other, posting)) = self.pair(block, at)
            && (*other).borrow() == key
            && note.remove_from(posting)
        {
            self.blocks[block].remove(at);
            self.tidy(block);
            *note.bytes -= Self::PAIR;
            return true;
        }
        false
    }

    /// The slots of a value.
    pub(super) fn get<Q>(&self, key: &Q) -> Option<&Posting>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let (block, at) = self.first(|other| other < key);
        let (other, posting) = self.blocks.get(block)?.get(at)?;
        (other.borrow() == key).then_some(posting)
    }

    /// The values between two, ascending.
    pub(super) fn range<Q>(
        &self,
        (from, to): (Bound<&Q>, Bound<&Q>),
    ) -> impl Iterator<Item = &(K, Posting)>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let (first, start) = match from {
            Bound::Included(from) => self.first(|key| key < from),
            Bound::Excluded(from) => self.first(|key| key <= from),
            Bound::Unbounded => (0, 0),
        };
        let (last, end) = match to {
            Bound::Included(to) => self.first(|key| key <= to),
            Bound::Excluded(to) => self.first(|key| key < to),
            Bound::Unbounded => (self.blocks.len(), 0),
        };
        // Where the ends are is known before, so that no value between is compared.
        self.blocks.iter().enumerate().skip(first).take_while(move |(i, _)| *i <= last).flat_map(
            move |(i, pairs)| {
                let start = if i == first { start } else { 0 };
                let end = if i == last { end } else { pairs.len() };
                pairs.get(start..end).unwrap_or_default()
            },
        )
    }

    /// All values, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(K, Posting)> {
        self.blocks.iter().flatten()
    }

    /// The place of the first pair that is not before what is looked for: its block and where in
    /// it, or the number of blocks where all are before.
    fn first<Q: ?Sized>(&self, before: impl Fn(&Q) -> bool) -> (usize, usize)
    where
        K: Borrow<Q>,
    {
        let is_before = |(key, _): &(K, Posting)| before(key.borrow());
        let block = self.blocks.partition_point(|pairs| pairs.last().is_some_and(is_before));
        (block, self.blocks.get(block).map_or(0, |pairs| pairs.partition_point(is_before)))
    }

    fn pair(&mut self, block: usize, at: usize) -> Option<&mut (K, Posting)> {
        self.blocks.get_mut(block)?.get_mut(at)
    }

    /// Drops a block that has become empty, and joins one that has become small with a neighbor.
    fn tidy(&mut self, block: usize) {
        let len = |block: usize| self.blocks.get(block).map_or(BLOCK, Vec::len);
        let fits = |other: usize| len(block) + len(other) <= BLOCK / 2;
        let upper = match len(block) {
            0 => {
                self.blocks.remove(block);
                return;
            }
            SMALL.. => return,
            _ if fits(block + 1) => block + 1,
            _ if block > 0 && fits(block - 1) => block,
            _ => return,
        };
        let pairs = self.blocks.remove(upper);
        self.blocks[upper - 1].extend(pairs);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::ops::Bound::{Excluded, Included, Unbounded};

    use super::*;
    use crate::mix::{STEP, mix};

    type Model = BTreeMap<u64, BTreeSet<u32>>;

    fn slots(posting: &Posting) -> BTreeSet<u32> {
        let mut slots = BTreeSet::new();
        posting.each(|slot| _ = slots.insert(slot));
        slots
    }

    fn add(ordered: &mut Ordered<u64>, key: u64, slot: u32, bytes: &mut usize) {
        ordered.insert(&key, &mut Note { slot, bytes }, || key);
    }

    fn remove(ordered: &mut Ordered<u64>, key: u64, slot: u32, bytes: &mut usize) {
        ordered.remove(&key, &mut Note { slot, bytes });
    }

    fn check(ordered: &Ordered<u64>, model: &Model) {
        assert!(ordered.blocks.iter().all(|pairs| (1..=BLOCK).contains(&pairs.len())));
        assert!(ordered.iter().map(|(key, _)| key).eq(model.keys()));
        assert!(ordered.iter().zip(model.values()).all(|((_, a), b)| slots(a) == *b));
    }

    fn check_ranges(ordered: &Ordered<u64>, model: &Model, (a, b): (u64, u64)) {
        let (a, b) = (a.min(b), a.max(b));
        let mut bounds = vec![(Unbounded, Unbounded), (Included(&a), Included(&b))];
        for key in [&a, &b] {
            bounds.extend([(Included(key), Unbounded), (Excluded(key), Unbounded)]);
            bounds.extend([(Unbounded, Included(key)), (Unbounded, Excluded(key))]);
        }
        for bounds in bounds {
            let keys = ordered.range(bounds).map(|(key, _)| key);
            assert!(keys.eq(model.range::<u64, _>(bounds).map(|(key, _)| key)), "{bounds:?}");
        }
        assert_eq!(ordered.range((Included(&b), Excluded(&a))).count(), 0);
        assert_eq!(ordered.get(&a).map(slots), model.get(&a).cloned());
    }

    /// Grows to dozens of blocks and shrinks to none, twice, with a few slots for each value.
    #[test]
    fn it_is_a_sorted_map() {
        let (mut ordered, mut model, mut seed) = (Ordered::default(), Model::new(), 17);
        let mut bytes = 0;
        let mut next = || {
            seed = u64::wrapping_add(seed, STEP);
            mix(seed)
        };
        for round in 0..60_000 {
            let grows = round / 15_000 % 2 == 0;
            let key = next() % 6_000;
            let slot = u32::try_from(next() % 3).unwrap();
            if grows == (next() % 10 < 9) {
                add(&mut ordered, key, slot, &mut bytes);
                model.entry(key).or_default().insert(slot);
            } else {
                remove(&mut ordered, key, slot, &mut bytes);
                if let Some(slots) = model.get_mut(&key) {
                    slots.remove(&slot);
                    if slots.is_empty() {
                        model.remove(&key);
                    }
                }
            }
            if round % 100 == 0 {
                check_ranges(&ordered, &model, (next() % 6_001, next() % 6_001));
            }
            if round % 2_500 == 0 {
                check(&ordered, &model);
            }
        }
        while let Some((&key, _)) = model.first_key_value() {
            model.remove(&key);
            (0..3).for_each(|slot| remove(&mut ordered, key, slot, &mut bytes));
        }
        assert!(ordered.blocks.is_empty() && bytes == 0);
    }

    #[test]
    fn ascending_values_fill_their_blocks_and_few_are_left_in_few_blocks() {
        let (mut ordered, mut bytes) = (Ordered::default(), 0);
        let count = 40 * BLOCK as u64;
        (0..count).for_each(|key| add(&mut ordered, key, 1, &mut bytes));
        assert_eq!(ordered.blocks.len(), 40);
        (0..count)
            .filter(|key| key % 16 != 0)
            .for_each(|key| remove(&mut ordered, key, 1, &mut bytes));
        assert!(ordered.blocks.len() <= 10, "{} blocks", ordered.blocks.len());
        check(&ordered, &(0..count).step_by(16).map(|key| (key, BTreeSet::from([1]))).collect());
    }
}
