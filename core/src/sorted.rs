//! A sorted array in blocks, each a sorted array too.
//!
//! Values lie side by side, so that half a million of them are read as fast as memory is, where
//! the nodes of a `BTreeMap` are a walk; and a change moves a block's values at most, not all. The
//! order is the caller's, who may need more than two values to know it.
//!
//! Invariants, held by the tests below: no block is empty, and none is longer than
//! [`Sorted::BLOCK`].

use std::ops::Range;
use std::slice;

/// The bits of a float as a number in the order of [`f32::total_cmp`], so that floats are sorted as
/// integers are: each type that is sorted is some kilobytes of code.
#[inline]
pub(crate) fn ordered_bits(value: f32) -> u32 {
    let bits = value.to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

/// The float of such a number.
#[inline]
pub(crate) fn of_ordered_bits(bits: u32) -> f32 {
    f32::from_bits(if bits >> 31 == 1 { bits & !(1 << 31) } else { !bits })
}

/// Values in an order that the caller keeps.
#[derive(Debug)]
pub(crate) struct Sorted<T> {
    blocks: Vec<Vec<T>>,
    len: usize,
}

/// Values of some blocks, or of one array, in their order.
#[derive(Debug)]
pub(crate) struct Values<'a, T> {
    values: slice::Iter<'a, T>,
    between: slice::Iter<'a, Vec<T>>,
    last: &'a [T],
}

/// Where a value is, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    block: usize,
    at: usize,
}

impl<T> Sorted<T> {
    /// The most values of a block: 8 KB of them, half of which a change moves on average, in about
    /// the time of one miss of the cache.
    pub(crate) const BLOCK: usize = 8192 / size_of::<T>();

    /// A block of fewer values is joined with a neighbor where both together are half a block at
    /// most, so that what was joined is not soon cut again.
    const SMALL: usize = Self::BLOCK / 4;

    /// Before all values.
    pub(crate) const START: Position = Position { block: 0, at: 0 };

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Values that are in their order, in blocks with room for more.
    pub(crate) fn of(values: Vec<T>) -> Self {
        let len = values.len();
        let mut values = values.into_iter().peekable();
        let mut blocks = Vec::with_capacity(len.div_ceil(Self::BLOCK * 3 / 4));
        while values.peek().is_some() {
            blocks.push(values.by_ref().take(Self::BLOCK * 3 / 4).collect());
        }
        Self { blocks, len }
    }

    /// The bytes of so many values in blocks that are three quarters full.
    pub(crate) const fn bytes(len: usize) -> usize {
        len * size_of::<T>() * 4 / 3
    }

    /// The position of the first value that is not before what is looked for, given that all
    /// before it are.
    pub(crate) fn first(&self, is_before: impl Fn(&T) -> bool) -> Position {
        let block = self.blocks.partition_point(|block| block.last().is_some_and(&is_before));
        let at = self.blocks.get(block).map_or(0, |block| block.partition_point(&is_before));
        Position { block, at }
    }

    /// How many values are before a position. O(blocks).
    pub(crate) fn rank(&self, Position { block, at }: Position) -> usize {
        self.blocks[..block].iter().map(Vec::len).sum::<usize>() + at
    }

    /// Behind all values.
    pub(crate) fn end(&self) -> Position {
        Position { block: self.blocks.len(), at: 0 }
    }

    pub(crate) fn get(&self, position: Position) -> Option<&T> {
        self.blocks.get(position.block)?.get(position.at)
    }

    pub(crate) fn get_mut(&mut self, position: Position) -> Option<&mut T> {
        self.blocks.get_mut(position.block)?.get_mut(position.at)
    }

    /// Puts a value before the one at a position that [`first`](Self::first) found.
    pub(crate) fn insert(&mut self, Position { mut block, mut at }: Position, value: T) {
        let ascending = block == self.blocks.len();
        if ascending && block > 0 {
            block -= 1;
            at = self.blocks[block].len();
        }
        match self.blocks.get_mut(block) {
            Some(values) if values.len() < Self::BLOCK => {}
            None => {
                // Many are small.
                self.blocks.reserve_exact(1);
                self.blocks.push(Vec::new());
            }
            // Values that ascend, as times do, leave full blocks behind.
            Some(_) if ascending => {
                (block, at) = (block + 1, 0);
                self.blocks.push(Vec::new());
            }
            Some(values) => {
                let upper = values.split_off(Self::BLOCK / 2);
                self.blocks.insert(block + 1, upper);
                if at > Self::BLOCK / 2 {
                    (block, at) = (block + 1, at - Self::BLOCK / 2);
                }
            }
        }
        self.blocks[block].insert(at, value);
        self.len += 1;
    }

    /// Removes the value at a position where one is.
    pub(crate) fn remove(&mut self, Position { block, at }: Position) -> T {
        let value = self.blocks[block].remove(at);
        self.len -= 1;
        self.tidy(block);
        value
    }

    /// The values from one position to before another.
    pub(crate) fn range(&self, from: Position, to: Position) -> Values<'_, T> {
        let values = |block: usize, range: Range<usize>| {
            let values = self.blocks.get(block).map_or(&[][..], |values| values);
            values.get(range.start..range.end.min(values.len())).unwrap_or_default()
        };
        let (first, last) = match from.block < to.block {
            true => (values(from.block, from.at..usize::MAX), values(to.block, 0..to.at)),
            false if from.block == to.block => (values(from.block, from.at..to.at), &[][..]),
            false => Default::default(),
        };
        let between = self.blocks.get(from.block + 1..to.block).unwrap_or_default();
        Values { values: first.iter(), between: between.iter(), last }
    }

    /// All values.
    pub(crate) fn iter(&self) -> Values<'_, T> {
        self.range(Self::START, self.end())
    }

    /// Drops a block that has become empty, and joins one that has become small with a neighbor.
    fn tidy(&mut self, block: usize) {
        let len = |block: usize| self.blocks.get(block).map_or(Self::BLOCK, Vec::len);
        let fits = |other: usize| len(block) + len(other) <= Self::BLOCK / 2;
        let upper = match len(block) {
            0 => {
                self.blocks.remove(block);
                return;
            }
            len if len >= Self::SMALL => return,
            _ if fits(block + 1) => block + 1,
            _ if block > 0 && fits(block - 1) => block,
            _ => return,
        };
        let values = self.blocks.remove(upper);
        self.blocks[upper - 1].extend(values);
    }
}

impl<'a, T> Values<'a, T> {
    /// Those of an array.
    pub(crate) fn of(values: &'a [T]) -> Self {
        Self { values: values.iter(), between: [].iter(), last: &[] }
    }
}

impl<'a, T> Iterator for Values<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        while self.values.as_slice().is_empty() {
            self.values = match self.between.next() {
                Some(block) => block.iter(),
                None if self.last.is_empty() => return None,
                None => std::mem::take(&mut self.last).iter(),
            };
        }
        self.values.next()
    }
}

impl<T> Default for Sorted<T> {
    fn default() -> Self {
        Self { blocks: Vec::new(), len: 0 }
    }
}

/// Two numbers as one in their order: each type that is sorted is some kilobytes of code.
pub(crate) fn joined(first: u32, second: u32) -> u64 {
    u64::from(first) << 32 | u64::from(second)
}

/// What was [joined].
#[expect(clippy::cast_possible_truncation, reason = "each half is one of them")]
pub(crate) fn parted(number: u64) -> (u32, u32) {
    ((number >> 32) as u32, number as u32)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::mix::{STEP, mix};

    const BLOCK: usize = Sorted::<u64>::BLOCK;

    fn check(sorted: &Sorted<u64>, model: &BTreeSet<u64>) {
        assert!(sorted.blocks.iter().all(|block| (1..=BLOCK).contains(&block.len())));
        assert!(sorted.iter().eq(model));
        assert_eq!(sorted.len(), model.len());
    }

    /// Grows to dozens of blocks and shrinks to none, twice.
    #[test]
    fn it_is_a_sorted_set() {
        let (mut sorted, mut model, mut seed) = (Sorted::default(), BTreeSet::new(), 17);
        let rounds = if cfg!(miri) { 400 } else { 200_000 };
        let mut next = || {
            seed = u64::wrapping_add(seed, STEP);
            mix(seed)
        };
        for round in 0..rounds {
            let grows = round / (rounds / 4) % 2 == 0;
            let value = next() % 30_000;
            let position = sorted.first(|other| *other < value);
            let is_there = sorted.get(position) == Some(&value);
            assert_eq!(is_there, model.contains(&value));
            if grows == (next() % 10 < 9) && !is_there {
                sorted.insert(position, value);
                model.insert(value);
            } else if is_there {
                assert_eq!(sorted.remove(position), value);
                model.remove(&value);
            }
            if round % (rounds / 40) == 0 {
                check(&sorted, &model);
                let (a, b) = (next() % 30_000, next() % 30_000);
                let (from, to) = (sorted.first(|v| *v < a), sorted.first(|v| *v < a.max(b)));
                assert!(sorted.range(from, to).eq(model.range(a..a.max(b))));
                assert_eq!(sorted.rank(to), model.range(..a.max(b)).count());
                let end = sorted.end();
                assert!(
                    sorted.range(Sorted::<u64>::START, end).eq(&model) && sorted.get(end).is_none()
                );
            }
        }
        while sorted.len() > 0 {
            sorted.remove(Sorted::<u64>::START);
        }
        assert!(sorted.blocks.is_empty());
    }

    #[test]
    fn ascending_values_fill_their_blocks_and_few_are_left_in_few_blocks() {
        let mut sorted = Sorted::default();
        let count = 40 * BLOCK as u64;
        (0..count).for_each(|value| sorted.insert(sorted.end(), value));
        assert_eq!(sorted.blocks.len(), 40);
        for value in (0..count).filter(|value| value % 16 != 0) {
            let position = sorted.first(|other| *other < value);
            assert_eq!(sorted.remove(position), value);
        }
        assert!(sorted.blocks.len() <= 10, "{} blocks", sorted.blocks.len());
        check(&sorted, &(0..count).step_by(16).collect());
    }
}
