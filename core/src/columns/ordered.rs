//! The values of a field in their order, each with the slots that have it.
//!
//! Invariants, held by the tests below: keys ascend, and no posting is empty.

use std::borrow::Borrow;
use std::ops::Bound;

use super::posting::{Note, Posting};
use crate::sorted::{Position, Sorted};

/// Values in their order, with their slots.
#[derive(Debug)]
pub(super) struct Ordered<K>(Sorted<(K, Posting)>);

/// Between which values.
pub(super) type Ends<T> = (Bound<T>, Bound<T>);

impl<K> Default for Ordered<K> {
    fn default() -> Self {
        Self(Sorted::default())
    }
}

impl<K: Ord> Ordered<K> {
    /// The bytes of a value.
    pub(super) const PAIR: usize = Sorted::<(K, Posting)>::bytes(1);

    /// Adds a slot to a value; `own` makes the key of one that is new.
    pub(super) fn insert<Q>(&mut self, key: &Q, note: &mut Note<'_>, own: impl FnOnce() -> K)
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let at = self.first(|other| other < key);
        match self.0.get_mut(at) {
            Some((other, posting)) if (*other).borrow() == key => note.add_to(posting),
            _ => {
                self.0.insert(at, (own(), Posting::One(note.slot)));
                *note.bytes += Self::PAIR;
            }
        }
    }

    /// Removes a slot from a value, and a value that no slot is left of. Was it the last?
    pub(super) fn remove<Q>(&mut self, key: &Q, note: &mut Note<'_>) -> bool
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let at = self.first(|other| other < key);
        if let Some((other, posting)) = self.0.get_mut(at)
            && (*other).borrow() == key
            && note.remove_from(posting)
        {
            self.0.remove(at);
            note.less(Self::PAIR);
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
        let (other, posting) = self.0.get(self.first(|other| other < key))?;
        (other.borrow() == key).then_some(posting)
    }

    /// The values between two, ascending.
    pub(super) fn range<Q>(&self, ends: Ends<&Q>) -> impl Iterator<Item = &(K, Posting)>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let (from, to) = self.positions(ends);
        // Where the ends are is known before, so that no value between is compared.
        self.0.range(from, to)
    }

    /// The values that are not between two, if these are fewer.
    pub(super) fn fewer_outside<Q>(
        &self,
        ends: Ends<&Q>,
    ) -> Option<impl Iterator<Item = &(K, Posting)>>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let (from, to) = self.positions(ends);
        let inside = self.0.rank(to).saturating_sub(self.0.rank(from));
        let outside = || self.0.range(Sorted::<(K, Posting)>::START, from);
        (inside > self.0.len() / 2).then(|| outside().chain(self.0.range(to, self.0.end())))
    }

    fn positions<Q>(&self, (from, to): Ends<&Q>) -> (Position, Position)
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let from = match from {
            Bound::Included(from) => self.first(|key| key < from),
            Bound::Excluded(from) => self.first(|key| key <= from),
            Bound::Unbounded => Sorted::<(K, Posting)>::START,
        };
        let to = match to {
            Bound::Included(to) => self.first(|key| key <= to),
            Bound::Excluded(to) => self.first(|key| key < to),
            Bound::Unbounded => self.0.end(),
        };
        (from, to)
    }

    /// Values that ascend.
    pub(super) fn of(pairs: Vec<(K, Posting)>) -> Self {
        Self(Sorted::of(pairs))
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// All values, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(K, Posting)> {
        self.0.iter()
    }

    /// The position of the first value that is not before what is looked for.
    fn first<Q: ?Sized>(&self, is_before: impl Fn(&Q) -> bool) -> Position
    where
        K: Borrow<Q>,
    {
        self.0.first(|(key, _)| is_before(key.borrow()))
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
            let inside: BTreeSet<_> = model.range::<u64, _>(bounds).map(|(key, _)| key).collect();
            assert!(keys.eq(inside.iter().copied()), "{bounds:?}");
            let outside = ordered.fewer_outside(bounds).map(|pairs| pairs.map(|(key, _)| key));
            assert_eq!(outside.is_some(), inside.len() > model.len() / 2);
            let is_outside = |key: &&u64| !inside.contains(key);
            assert!(outside.is_none_or(|keys| keys.eq(model.keys().filter(is_outside))));
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
        assert!(ordered.0.len() == 0 && bytes == 0);
    }
}
