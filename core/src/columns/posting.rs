//! The slots that have a value: few as numbers, many as bits.
//!
//! A set of slots is cut into chunks of 65,536, as in Roaring bitmaps (Chambi, Lemire, Kaser and
//! Godin, "Better bitmap performance with Roaring bitmaps", 2016, section 2): a chunk is a sorted
//! array of its slots' low halves, or a bit for each. Beside the paper, a set of one slot lies in
//! place, since most values of an identifier or a time have one, and one of a few in one array: a
//! range may be a union of very many of these. The crate `roaring` has the rest, but shows slots
//! one by one: here whole words go into a [`SlotSet`], which makes half a million slots a matter
//! of microseconds.
//!
//! Invariants, held by the tests below: slots and chunks ascend, none is empty, a set of one slot
//! is `One`, one of up to [`CHUNKS_MIN`] `Few`, of over [`FEW_MAX`] `Many`, and a chunk is an array
//! up to [`BITS_MIN`] slots and bits beyond [`ARRAY_MAX`].

use std::mem::size_of;

use crate::memory::SlotSet;

/// A set of slots in 24 bytes, and what it needs beyond on the heap.
#[derive(Debug, Default)]
pub(super) enum Posting {
    #[default]
    Empty,
    One(u32),
    Few(Box<[u32]>),
    Many(Box<Chunks>),
}

const _: () = assert!(size_of::<Posting>() <= 24);

/// The most slots of one array, which is copied with each change: two cache lines.
pub(super) const FEW_MAX: usize = 32;

/// As few slots in chunks go back to one array. Below the other limit, as [`BITS_MIN`] is.
pub(super) const CHUNKS_MIN: usize = 16;

impl Posting {
    /// Adds a slot, if it is not there.
    pub(super) fn insert(&mut self, slot: u32) {
        match self {
            Self::Empty => *self = Self::One(slot),
            Self::One(other) if *other == slot => {}
            Self::One(other) => *self = Self::Few([slot.min(*other), slot.max(*other)].into()),
            Self::Few(slots) => {
                let Err(at) = slots.binary_search(&slot) else { return };
                let (before, behind) = slots.split_at(at);
                let all = [before, &[slot], behind].concat();
                *self = match all.len() {
                    0..=FEW_MAX => Self::Few(all.into()),
                    _ => Self::Many(Box::new(all.into_iter().collect())),
                };
            }
            Self::Many(chunks) => chunks.insert(slot),
        }
    }

    /// Removes a slot, if it is there. True when none is left.
    pub(super) fn remove(&mut self, slot: u32) -> bool {
        match self {
            Self::One(other) if *other == slot => *self = Self::Empty,
            Self::Few(slots) => {
                let left = slots.iter().copied().filter(|&other| other != slot);
                *self = match left.clone().count() {
                    1 => Self::One(left.sum()),
                    _ => Self::Few(left.collect()),
                };
            }
            Self::Many(chunks) => {
                chunks.remove(slot);
                if chunks.are_few() {
                    let mut few = Vec::with_capacity(CHUNKS_MIN);
                    self.each(|slot| few.push(slot));
                    *self = Self::Few(few.into());
                }
            }
            Self::Empty | Self::One(_) => {}
        }
        self.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// How many slots there are. O(chunks).
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::One(_) => 1,
            Self::Few(slots) => slots.len(),
            Self::Many(chunks) => chunks.0.iter().map(|chunk| chunk.low.len()).sum(),
        }
    }

    /// Adds all slots to a set that has room for them.
    pub(super) fn unite_into(&self, set: &mut SlotSet) {
        self.apply(set, |word, bits| *word |= bits);
    }

    /// Removes all slots from a set that has room for them.
    pub(super) fn subtract_from(&self, set: &mut SlotSet) {
        self.apply(set, |word, bits| *word &= !bits);
    }

    /// Changes the words of a set by the slots that are here.
    #[inline]
    fn apply(&self, set: &mut SlotSet, change: impl Fn(&mut u64, u64) + Copy) {
        let mut one = |slot: u32| {
            let (index, bit) = (slot as usize / WORD, 1 << (slot % u64::BITS));
            change(&mut set.words_from(index)[0], bit);
        };
        match self {
            Self::Empty => {}
            Self::One(slot) => one(*slot),
            Self::Few(slots) => slots.iter().copied().for_each(one),
            Self::Many(chunks) => {
                for chunk in &chunks.0 {
                    chunk.low.apply(set.words_from(usize::from(chunk.high) * WORDS), change);
                }
            }
        }
    }

    /// Shows all slots, ascending.
    pub(super) fn each(&self, mut show: impl FnMut(u32)) {
        match self {
            Self::Empty => {}
            Self::One(slot) => show(*slot),
            Self::Few(slots) => slots.iter().for_each(|&slot| show(slot)),
            Self::Many(chunks) => {
                for Chunk { high, low } in &chunks.0 {
                    low.each(|low| show(u32::from(*high) << 16 | u32::from(low)));
                }
            }
        }
    }

    /// Its bytes on the heap. O(chunks).
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Empty | Self::One(_) => 0,
            Self::Few(slots) => size_of_val(&**slots),
            Self::Many(chunks) => {
                let lows = chunks.0.iter().map(|chunk| chunk.low.bytes()).sum::<usize>();
                size_of::<Chunks>() + chunks.0.capacity() * size_of::<Chunk>() + lows
            }
        }
    }
}

/// A slot whose values come or go, and the bytes of all columns on the heap, which are counted on
/// the way: to add them up would look at every value.
#[derive(Debug)]
pub(super) struct Note<'b> {
    pub(super) slot: u32,
    pub(super) bytes: &'b mut usize,
}

impl Note<'_> {
    /// So many bytes are gone. A damaged snapshot may say that there are fewer.
    pub(super) fn less(&mut self, bytes: usize) {
        *self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Adds the slot to a posting.
    pub(super) fn add_to(&mut self, posting: &mut Posting) {
        let before = posting.bytes();
        posting.insert(self.slot);
        *self.bytes = (*self.bytes + posting.bytes()).saturating_sub(before);
    }

    /// Removes the slot from a posting. True when none is left.
    pub(super) fn remove_from(&mut self, posting: &mut Posting) -> bool {
        let before = posting.bytes();
        let empty = posting.remove(self.slot);
        *self.bytes = (*self.bytes + posting.bytes()).saturating_sub(before);
        empty
    }
}

/// The slots of a set of many, by their high halves.
#[derive(Debug, Default)]
pub(super) struct Chunks(pub(super) Vec<Chunk>);

#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) high: u16,
    pub(super) low: Low,
}

/// The low halves of a chunk's slots.
#[derive(Debug)]
pub(super) enum Low {
    Array(Vec<u16>),
    Bits(Box<Bits>),
}

#[derive(Debug)]
pub(super) struct Bits {
    pub(super) len: usize,
    pub(super) words: [u64; WORDS],
}

/// The most slots of an array: more take less room as bits.
pub(super) const ARRAY_MAX: usize = 4096;

/// Bits of no more slots become an array. Well below the other limit, so that a chunk at the limit
/// is not rewritten with every change.
pub(super) const BITS_MIN: usize = 3072;

/// Slots of a word.
const WORD: usize = u64::BITS as usize;

/// Words of a chunk's bits.
pub(super) const WORDS: usize = (1 << 16) / WORD;

impl Chunks {
    fn insert(&mut self, slot: u32) {
        let (high, low) = halves(slot);
        match self.find(high) {
            Ok(at) => self.0[at].low.insert(low),
            Err(at) => self.0.insert(at, Chunk { high, low: Low::Array(vec![low]) }),
        }
    }

    fn remove(&mut self, slot: u32) {
        let (high, low) = halves(slot);
        if let Ok(at) = self.find(high)
            && self.0[at].low.remove(low)
        {
            self.0.remove(at);
        }
    }

    fn find(&self, high: u16) -> Result<usize, usize> {
        // Where no chunk is missing below, a chunk's place is its number.
        match self.0.get(usize::from(high)) {
            Some(chunk) if chunk.high == high => Ok(high.into()),
            _ => self.0.binary_search_by_key(&high, |chunk| chunk.high),
        }
    }

    /// Are there so few slots that they belong into one array?
    fn are_few(&self) -> bool {
        let mut count = 0;
        self.0.len() <= CHUNKS_MIN
            && self.0.iter().all(|chunk| {
                count += chunk.low.len();
                count <= CHUNKS_MIN
            })
    }
}

impl FromIterator<u32> for Chunks {
    fn from_iter<I: IntoIterator<Item = u32>>(slots: I) -> Self {
        let mut chunks = Self::default();
        slots.into_iter().for_each(|slot| chunks.insert(slot));
        chunks
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the halves are what is left")]
fn halves(slot: u32) -> (u16, u16) {
    ((slot >> 16) as u16, slot as u16)
}

impl Low {
    fn insert(&mut self, low: u16) {
        match self {
            Self::Array(lows) => {
                // Slots are mostly given out in ascending order.
                let at = match lows.last() {
                    Some(&last) if last < low => lows.len(),
                    _ => match lows.binary_search(&low) {
                        Ok(_) => return,
                        Err(at) => at,
                    },
                };
                lows.insert(at, low);
                if lows.len() > ARRAY_MAX {
                    *self = Self::Bits(Bits::of(lows));
                }
            }
            Self::Bits(bits) => {
                let (word, bit) = place(low);
                bits.len += usize::from(bits.words[word] & bit == 0);
                bits.words[word] |= bit;
            }
        }
    }

    /// True when none is left.
    fn remove(&mut self, low: u16) -> bool {
        match self {
            Self::Array(lows) => {
                if let Ok(at) = lows.binary_search(&low) {
                    lows.remove(at);
                }
                lows.is_empty()
            }
            Self::Bits(bits) => {
                let (word, bit) = place(low);
                bits.len -= usize::from(bits.words[word] & bit != 0);
                bits.words[word] &= !bit;
                if bits.len <= BITS_MIN {
                    *self = Self::Array(bits.lows().collect());
                }
                false
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Array(lows) => lows.len(),
            Self::Bits(bits) => bits.len,
        }
    }

    /// Changes the words that begin with the chunk's first.
    #[inline]
    fn apply(&self, words: &mut [u64], change: impl Fn(&mut u64, u64)) {
        match (self, words.first_chunk_mut::<WORDS>()) {
            (Self::Bits(bits), _) => {
                words.iter_mut().zip(&bits.words).for_each(|(word, bits)| change(word, *bits));
            }
            // A whole chunk of words has every place there is: no place is checked.
            (Self::Array(lows), Some(words)) => change_all(words, lows, change),
            (Self::Array(lows), None) => change_all(words, lows, change),
        }
    }

    fn each(&self, mut show: impl FnMut(u16)) {
        match self {
            Self::Array(lows) => lows.iter().for_each(|&low| show(low)),
            Self::Bits(bits) => bits.lows().for_each(show),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Array(lows) => lows.capacity() * size_of::<u16>(),
            Self::Bits(_) => size_of::<Bits>(),
        }
    }
}

impl Bits {
    fn of(lows: &[u16]) -> Box<Self> {
        let mut bits = Box::new(Self { len: lows.len(), words: [0; WORDS] });
        change_all(&mut bits.words, lows, |word, bit| *word |= bit);
        bits
    }

    pub(super) fn lows(&self) -> impl Iterator<Item = u16> {
        (0..=u16::MAX).filter(|&low| {
            let (word, bit) = place(low);
            self.words[word] & bit != 0
        })
    }
}

#[inline(always)]
fn change_all(words: &mut [u64], lows: &[u16], change: impl Fn(&mut u64, u64)) {
    for &low in lows {
        let (word, bit) = place(low);
        change(&mut words[word], bit);
    }
}

/// The word of a low half and its bit there.
#[inline]
fn place(low: u16) -> (usize, u64) {
    (usize::from(low) / WORD, 1 << (u32::from(low) % u64::BITS))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::mix::{STEP, mix};

    /// Is the posting the model's set, in the form that it should have?
    fn check(posting: &Posting, model: &BTreeSet<u32>) {
        let mut set = SlotSet::default();
        set.reset(model.last().map_or(0, |last| last + 1));
        posting.unite_into(&mut set);
        assert!(set.iter().eq(model.iter().copied()));
        assert_eq!((posting.len(), posting.is_empty()), (model.len(), model.is_empty()));
        let mut rest = SlotSet::default();
        rest.reset(model.last().map_or(0, |last| last + 1) + 64);
        rest.insert(model.last().map_or(0, |last| last + 1));
        rest.unite(&set);
        posting.subtract_from(&mut rest);
        assert_eq!(rest.len(), 1, "nothing but what is not here");
        assert_eq!(matches!(posting, Posting::One(_)), model.len() == 1);
        if let Posting::Few(slots) = posting {
            assert!((2..=FEW_MAX).contains(&slots.len()));
        }
        let Posting::Many(chunks) = posting else { return };
        assert!(model.len() > CHUNKS_MIN);
        assert!(chunks.0.is_sorted_by(|a, b| a.high < b.high));
        for chunk in &chunks.0 {
            let first = u32::from(chunk.high) << 16;
            let len = model.range(first..=first | 0xffff).count();
            match &chunk.low {
                Low::Array(lows) => assert!((1..=ARRAY_MAX).contains(&lows.len())),
                Low::Bits(bits) => assert!(bits.len == len && len > BITS_MIN),
            }
        }
    }

    /// Slots 0, 3, 6, ... fill more than a chunk on the way up, and every chunk goes back to an
    /// array, to one slot and to nothing on the way down, in another order.
    #[test]
    fn it_grows_and_shrinks_across_every_form() {
        let (mut posting, mut model) = (Posting::default(), BTreeSet::new());
        let slots: Vec<u32> = (0..30_000).map(|i| i * 3).collect();
        for (i, &slot) in slots.iter().enumerate() {
            posting.insert(slot);
            model.insert(slot);
            if i < 40 || i % 997 == 0 || (4094..4100).contains(&i) {
                check(&posting, &model);
            }
        }
        for i in 0..slots.len() {
            // 7,919 is a prime that does not divide 30,000, so every slot comes once.
            let slot = slots[i * 7919 % slots.len()];
            model.remove(&slot);
            assert_eq!(posting.remove(slot), model.is_empty());
            if i % 997 == 0 || model.len() < 4 {
                check(&posting, &model);
            }
        }
        assert_eq!(posting.bytes(), 0);
    }

    #[test]
    fn what_is_there_stays_once_and_what_is_not_is_not_missed() {
        let (mut posting, mut model) = (Posting::default(), BTreeSet::new());
        assert!(posting.remove(5));
        for slot in [65_535, 65_536, 65_536, 0, 131_071, 131_072, 65_535, 63, 64] {
            posting.insert(slot);
            model.insert(slot);
            check(&posting, &model);
            assert!(!posting.remove(7));
        }
    }

    /// Around the two limits in turn, with many slots that are there already, or not.
    #[test]
    fn random_changes_near_the_limits_keep_it_a_set() {
        let (mut posting, mut model, mut seed) = (Posting::default(), BTreeSet::new(), 3);
        for round in 0..40_000 {
            seed = u64::wrapping_add(seed, STEP);
            let slot = u32::try_from(mix(seed) % 9_000).unwrap() + 61_000;
            let grows = round / 10_000 % 2 == 0;
            if mix(seed ^ 1) % 10 < if grows { 8 } else { 2 } {
                posting.insert(slot);
                model.insert(slot);
            } else {
                model.remove(&slot);
                assert_eq!(posting.remove(slot), model.is_empty());
            }
            if round % 500 == 0 {
                check(&posting, &model);
            }
        }
    }
}
