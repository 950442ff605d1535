//! What entries have at one path: each value with its slots.
//!
//! Values that are in an array lie apart from those that are not, because `contains` asks each
//! something else. A string beyond [`INDEXED_MAX`] bytes is no value here: its slot is noted, and
//! asked for where the string could change an answer.
//!
//! A slot with a value is among those that are `present`, so a column where nobody is has nothing.
//! The test of the whole index (`tests.rs`) holds every operator to its meaning.

use std::borrow::Borrow;
use std::ops::Bound;

use super::ordered::{Ends, Ordered};
use super::posting::{Note, Posting};
use crate::filter::Op;
use crate::memory::SlotSet;
use crate::metadata::{Number, Value};

/// The values at one path.
#[derive(Debug, Default)]
pub(super) struct Column {
    /// The slots with anything but null at the path or below it.
    pub(super) present: Posting,
    /// The values in no array, and those in one.
    pub(super) values: [Values; 2],
    /// How many values an array led to. While there are none, a slot has one value at most: `a.b`
    /// then is one member of one object.
    pub(super) by_arrays: usize,
}

/// How the path led to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Route {
    /// From object to object.
    Straight,
    /// Through an array to an object that it is in.
    Through,
    /// To an array that it is in.
    InArray,
}

#[derive(Debug, Default)]
pub(super) struct Values {
    /// The slots with `false`, and those with `true`.
    pub(super) bools: [Posting; 2],
    pub(super) numbers: Ordered<Number>,
    pub(super) strings: Ordered<Box<str>>,
    /// How many of either were added and not removed.
    pub(super) number_count: usize,
    pub(super) string_count: usize,
    /// The slots with a string that is too long to be among them.
    pub(super) long: Posting,
}

/// The most bytes of a string that is indexed: a title, a name or an address has fewer, and a text
/// that has more is a value of its own in nearly every entry, there already with the entry.
const INDEXED_MAX: usize = 256;

impl Column {
    /// Notes that a slot has something at the path or below it.
    pub(super) fn enter(&mut self, note: &mut Note<'_>) {
        note.add_to(&mut self.present);
    }

    /// Takes a slot's note back. True when none is left, and so no value.
    pub(super) fn leave(&mut self, note: &mut Note<'_>) -> bool {
        note.remove_from(&mut self.present)
    }

    /// Adds a boolean, number or string of a slot that enters.
    pub(super) fn add(&mut self, note: &mut Note<'_>, value: &Value, route: Route) {
        self.by_arrays = self.by_arrays.saturating_add(usize::from(route > Route::Straight));
        let values = &mut self.values[usize::from(route == Route::InArray)];
        match value {
            Value::Bool(value) => note.add_to(&mut values.bools[usize::from(*value)]),
            Value::Number(value) => {
                values.number_count = values.number_count.saturating_add(1);
                values.numbers.insert(value, note, || *value);
            }
            value if is_long(value) => note.add_to(&mut values.long),
            Value::String(value) => {
                values.string_count = values.string_count.saturating_add(1);
                let mut new = 0;
                values.strings.insert(value.as_str(), note, || {
                    new = value.len();
                    value.as_str().into()
                });
                *note.bytes += new;
            }
            Value::Null | Value::Array(_) | Value::Object(_) => {}
        }
    }

    /// Removes what `add` with the same arguments added.
    pub(super) fn remove(&mut self, note: &mut Note<'_>, value: &Value, route: Route) {
        self.by_arrays = self.by_arrays.saturating_sub(usize::from(route > Route::Straight));
        let values = &mut self.values[usize::from(route == Route::InArray)];
        match value {
            Value::Bool(value) => _ = note.remove_from(&mut values.bools[usize::from(*value)]),
            Value::Number(value) => {
                values.number_count = values.number_count.saturating_sub(1);
                values.numbers.remove(value, note);
            }
            value if is_long(value) => _ = note.remove_from(&mut values.long),
            Value::String(value) => {
                values.string_count = values.string_count.saturating_sub(1);
                if values.strings.remove(value.as_str(), note) {
                    note.less(value.len());
                }
            }
            Value::Null | Value::Array(_) | Value::Object(_) => {}
        }
    }

    /// Adds the slots that have what `op` asks for, or asks not to be there ([`denies`]). Where the
    /// column does not know, because a string is too long for it, `has` does. What is in `spare`
    /// is lost.
    pub(super) fn unite(
        &self,
        op: &Op,
        into: &mut SlotSet,
        spare: &mut SlotSet,
        has: impl Fn(u32) -> bool,
    ) {
        if let Op::Exists(_) = op {
            return self.present.unite_into(into);
        }
        for (in_array, values) in [false, true].into_iter().zip(&self.values) {
            match bound(op) {
                Some(Value::Number(than)) => {
                    self.unite_range(
                        &values.numbers,
                        values.number_count,
                        side(op, than),
                        into,
                        spare,
                    );
                }
                Some(Value::String(than)) => {
                    let ends = side(op, than.as_str());
                    self.unite_range(&values.strings, values.string_count, ends, into, spare);
                }
                _ => values.unite(op, in_array, into),
            }
        }
        for (in_array, values) in [false, true].into_iter().zip(&self.values) {
            if long_counts(op, in_array) {
                values.long.each(|slot| {
                    if !into.contains(slot) && has(slot) {
                        into.insert(slot);
                    }
                });
            }
        }
    }

    /// Adds the slots that two operators ask for, if these are the two ends of one range. False,
    /// and nothing is added, if they are not, or if a slot may have two values and each meet one.
    pub(super) fn unite_between(
        &self,
        one: &Op,
        other: &Op,
        into: &mut SlotSet,
        spare: &mut SlotSet,
    ) -> bool {
        let [values, _] = &self.values;
        match (bound(one), bound(other)) {
            _ if self.by_arrays > 0 => return false,
            (Some(Value::Number(a)), Some(Value::Number(b))) => {
                let Some(ends) = both(side(one, a), side(other, b)) else { return false };
                self.unite_range(&values.numbers, values.number_count, ends, into, spare);
            }
            (Some(Value::String(a)), Some(Value::String(b))) if values.long.is_empty() => {
                let ends = both(side(one, a.as_str()), side(other, b.as_str()));
                let Some(ends) = ends else { return false };
                self.unite_range(&values.strings, values.string_count, ends, into, spare);
            }
            _ => return false,
        }
        true
    }

    /// Adds the slots with a value in a range, of values that were added so often. Where each slot
    /// has just one value, and that among these, most of them are all but the few others.
    fn unite_range<K, Q>(
        &self,
        values: &Ordered<K>,
        count: usize,
        ends: Ends<&Q>,
        into: &mut SlotSet,
        spare: &mut SlotSet,
    ) where
        K: Ord + Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let alone = self.by_arrays == 0 && count == self.present.len();
        match values.fewer_outside(ends).filter(|_| alone) {
            Some(others) => {
                into.same_room(spare);
                self.present.unite_into(spare);
                others.for_each(|(_, posting)| posting.subtract_from(spare));
                into.unite(spare);
            }
            None => unite_all(values.range(ends), into),
        }
    }
}

/// Does the operator ask that something is not there?
pub(super) fn denies(op: &Op) -> bool {
    matches!(op, Op::Ne(_) | Op::Nin(_) | Op::Exists(false))
}

impl Values {
    fn unite(&self, op: &Op, in_array: bool, into: &mut SlotSet) {
        match op {
            Op::Eq(value) | Op::Ne(value) => self.unite_equal(value, into),
            Op::In(values) | Op::Nin(values) => {
                values.iter().for_each(|value| self.unite_equal(value, into));
            }
            Op::Contains(value) if in_array => self.unite_equal(value, into),
            Op::Contains(Value::String(part)) => {
                unite_all(self.strings.iter().filter(|(text, _)| text.contains(part)), into);
            }
            Op::StartsWith(start) => {
                let from = (Bound::Included(start.as_str()), Bound::Unbounded);
                let those = self.strings.range(from);
                unite_all(those.take_while(|(text, _)| text.starts_with(start)), into);
            }
            // The column knows those that are ranges.
            Op::Gt(_) | Op::Gte(_) | Op::Lt(_) | Op::Lte(_) | Op::Contains(_) | Op::Exists(_) => {}
        }
    }

    fn unite_equal(&self, value: &Value, into: &mut SlotSet) {
        let posting = match value {
            Value::Bool(value) => Some(&self.bools[usize::from(*value)]),
            Value::Number(value) => self.numbers.get(value),
            Value::String(value) => self.strings.get(value.as_str()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
        if let Some(posting) = posting {
            posting.unite_into(into);
        }
    }
}

fn unite_all<'a, K: 'a>(pairs: impl Iterator<Item = &'a (K, Posting)>, into: &mut SlotSet) {
    pairs.for_each(|(_, posting)| posting.unite_into(into));
}

/// What is on that side of a value that the operator asks for.
fn side<'a, T: ?Sized>(op: &Op, than: &'a T) -> Ends<&'a T> {
    match op {
        Op::Gt(_) => (Bound::Excluded(than), Bound::Unbounded),
        Op::Gte(_) => (Bound::Included(than), Bound::Unbounded),
        Op::Lt(_) => (Bound::Unbounded, Bound::Excluded(than)),
        _ => (Bound::Unbounded, Bound::Included(than)),
    }
}

/// What an operator compares with.
fn bound(op: &Op) -> Option<&Value> {
    match op {
        Op::Gt(than) | Op::Gte(than) | Op::Lt(than) | Op::Lte(than) => Some(than),
        _ => None,
    }
}

/// The range that is on one side of one value and on the other side of another.
fn both<T>(one: Ends<T>, other: Ends<T>) -> Option<Ends<T>> {
    match (one, other) {
        ((from, Bound::Unbounded), (Bound::Unbounded, to))
        | ((Bound::Unbounded, to), (from, Bound::Unbounded)) => Some((from, to)),
        _ => None,
    }
}

/// Could a string that is too long to be indexed change the answer?
fn long_counts(op: &Op, in_array: bool) -> bool {
    match op {
        Op::Eq(value) | Op::Ne(value) => is_long(value),
        Op::In(values) | Op::Nin(values) => values.iter().any(is_long),
        Op::Contains(value) if in_array => is_long(value),
        Op::Gt(value) | Op::Gte(value) | Op::Lt(value) | Op::Lte(value) | Op::Contains(value) => {
            matches!(value, Value::String(_))
        }
        Op::StartsWith(_) => true,
        Op::Exists(_) => false,
    }
}

fn is_long(value: &Value) -> bool {
    matches!(value, Value::String(text) if text.len() > INDEXED_MAX)
}
