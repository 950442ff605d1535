//! A set of slots: a bit for each, so that a walk asks in a nanosecond.

/// Slots of one word.
const WORD: u32 = u64::BITS;

/// Some of an index's slots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SlotSet {
    words: Vec<u64>,
}

impl SlotSet {
    /// Makes it the empty set, with room for slots below `slots`.
    pub(crate) fn reset(&mut self, slots: u32) {
        self.words.clear();
        self.words.resize(slots.div_ceil(WORD) as usize, 0);
    }

    /// Makes another the empty set, with as much room.
    pub(crate) fn same_room(&self, other: &mut Self) {
        other.words.clear();
        other.words.resize(self.words.len(), 0);
    }

    /// Makes room for slots below `slots`.
    pub(crate) fn grow(&mut self, slots: u32) {
        let words = self.words.len().max(slots.div_ceil(WORD) as usize);
        self.words.resize(words, 0);
    }

    /// Adds a slot that there is room for.
    #[inline]
    pub(crate) fn insert(&mut self, slot: u32) {
        self.words[(slot / WORD) as usize] |= 1 << (slot % WORD);
    }

    #[inline]
    pub(crate) fn remove(&mut self, slot: u32) {
        if let Some(word) = self.words.get_mut((slot / WORD) as usize) {
            *word &= !(1 << (slot % WORD));
        }
    }

    #[inline(always)]
    pub(crate) fn contains(&self, slot: u32) -> bool {
        self.words.get((slot / WORD) as usize).is_some_and(|word| word >> (slot % WORD) & 1 == 1)
    }

    /// Is no slot in it? O(slots / 64).
    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// The first slot in it from `slot` on.
    pub(crate) fn next(&self, slot: u32) -> Option<u32> {
        let first = (slot / WORD) as usize;
        let mut mask = u64::MAX << (slot % WORD);
        for (i, &word) in (slot / WORD..).zip(self.words.get(first..)?) {
            if word & mask != 0 {
                return Some(i * WORD + (word & mask).trailing_zeros());
            }
            mask = u64::MAX;
        }
        None
    }

    /// How many slots are in it. O(slots / 64).
    pub(crate) fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The slots in it, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        let (mut words, mut word, mut end) = (self.words.iter(), 0_u64, 0);
        std::iter::from_fn(move || {
            while word == 0 {
                word = *words.next()?;
                end += WORD;
            }
            let bit = word.trailing_zeros();
            word &= word - 1;
            Some(end - WORD + bit)
        })
    }

    /// Adds all that are in another, which has room for no more.
    pub(crate) fn unite(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word |= other);
    }

    /// Keeps those that are in another too.
    pub(crate) fn intersect(&mut self, other: &Self) {
        let others = other.words.iter().chain(std::iter::repeat(&0));
        self.words.iter_mut().zip(others).for_each(|(word, other)| *word &= other);
    }

    /// Removes those that are in another.
    pub(crate) fn subtract(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= !other);
    }

    /// The words from one on, each of 64 slots; `index` counts them from slot 0. For whoever adds
    /// many slots at once, and none past the end of the room.
    #[inline]
    pub(crate) fn words_from(&mut self, index: usize) -> &mut [u64] {
        self.words.get_mut(index..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn it_is_a_set() {
        let of = |slots: &[u32]| {
            let mut set = SlotSet::default();
            set.reset(200);
            slots.iter().for_each(|&slot| set.insert(slot));
            set
        };
        let (a, b) = ([0, 3, 63, 64, 130, 199], [3, 64, 65, 199]);
        let (left, right) = (BTreeSet::from(a), BTreeSet::from(b));
        let same = |set: &SlotSet, expected: BTreeSet<u32>| {
            assert_eq!(set.iter().collect::<BTreeSet<_>>(), expected);
            assert_eq!(set.len(), expected.len());
            assert_eq!(set.is_empty(), expected.is_empty());
            assert!((0..300).all(|slot| set.contains(slot) == expected.contains(&slot)));
        };
        let mut set = of(&a);
        same(&set, left.clone());
        set.unite(&of(&b));
        same(&set, &left | &right);
        set.subtract(&of(&b));
        same(&set, &left - &right);
        set = of(&a);
        set.intersect(&of(&b));
        same(&set, &left & &right);
        set.remove(64);
        set.remove(1000);
        set.words_from(1)[0] |= 0b10;
        assert!(set.words_from(1000).is_empty());
        same(&set, BTreeSet::from([3, 65, 199]));
        set.intersect(&SlotSet::default());
        same(&set, BTreeSet::new());
    }
}
