//! Columns: the metadata of a partition by field, so that a filter is answered without a look at
//! the entries.
//!
//! Every boolean, number and string of an entry's metadata is noted under its path, with the
//! entry's slot. Paths are a tree of keys, because `exists` asks about what is below a path too: a
//! slot is present at every path that leads to something of its. Of the arrays on the way only what
//! a [`Route`] tells is kept. Strings are noted up to a length; beyond it, [`Entries`] is asked.
//!
//! [`Filter::matches`] is the meaning: `tests.rs` holds [`Columns::select`] to it, with metadata
//! and filters of every shape, and checks that what is removed leaves nothing behind.

mod column;
mod ordered;
mod posting;
mod save;

use std::collections::BTreeMap;
use std::mem::size_of;

use crate::filter::{Filter, Op};
use crate::memory::SlotSet;
use crate::metadata::{FieldPath, Object, Value};
use column::{Column, Route, denies};
use posting::Note;

/// The metadata of a partition's entries, by field.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    fields: Fields,
    bytes: usize,
}

/// What columns do not know of the entries that were added.
pub(crate) trait Entries {
    /// The slots that were added and not removed.
    fn live(&self) -> &SlotSet;

    /// The slot of the entry with this id.
    fn slot_of(&self, id: &str) -> Option<u32>;

    /// Does what is at a path of a live slot's metadata match?
    fn matches(&self, slot: u32, path: &FieldPath, op: &Op) -> bool;
}

impl Columns {
    /// Adds an entry's metadata under a slot that has none.
    pub(crate) fn add(&mut self, slot: u32, metadata: &Object) {
        let note = &mut Note { slot, bytes: &mut self.bytes };
        self.fields.add(note, metadata, Route::Straight);
    }

    /// Removes what [`add`](Self::add) with the same arguments added.
    pub(crate) fn remove(&mut self, slot: u32, metadata: &Object) {
        let note = &mut Note { slot, bytes: &mut self.bytes };
        self.fields.remove(note, metadata, Route::Straight);
        self.fields.leave(note, metadata);
    }

    /// Makes `into` the live slots whose entries match a valid filter. All live slots are below
    /// `slots`. Sets to work in are taken from `spare` and go back there.
    pub(crate) fn select(
        &self,
        filter: &Filter,
        slots: u32,
        entries: &dyn Entries,
        spare: &mut Vec<SlotSet>,
        into: &mut SlotSet,
    ) {
        into.reset(slots);
        into.unite(entries.live());
        Selection { fields: &self.fields, slots, entries, spare }.narrow(filter, into);
    }

    /// About its bytes on the heap, as they were counted with each change.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// The columns below a path, by key.
#[derive(Debug, Default)]
struct Fields(BTreeMap<Box<str>, Box<Node>>);

/// What is at a path, and below it.
#[derive(Debug, Default)]
struct Node {
    column: Column,
    below: Fields,
}

impl Fields {
    /// The bytes of a column beside its values. A map's nodes are half full at least.
    const NODE: usize = 2 * size_of::<(Box<str>, Box<Node>)>() + size_of::<Node>();

    /// Adds what a slot has below the path. Was there anything but null?
    fn add(&mut self, note: &mut Note<'_>, object: &Object, route: Route) -> bool {
        let mut anything = false;
        for (key, value) in object {
            anything |= match self.0.get_mut(key.as_str()) {
                Some(node) => node.enter(note, value, route),
                None => {
                    let mut node = Box::<Node>::default();
                    let entered = node.enter(note, value, route);
                    if entered {
                        self.0.insert(key.as_str().into(), node);
                        *note.bytes += Self::NODE + key.len();
                    }
                    entered
                }
            };
        }
        anything
    }

    fn remove(&mut self, note: &mut Note<'_>, object: &Object, route: Route) {
        for (key, value) in object {
            if let Some(node) = self.0.get_mut(key.as_str()) {
                node.remove(note, value, route);
            }
        }
    }

    /// Takes back that a slot has something, once its values are gone: arrays may lead to one path
    /// several times. Columns where nobody is are dropped.
    fn leave(&mut self, note: &mut Note<'_>, object: &Object) {
        for (key, value) in object {
            let Some(node) = self.0.get_mut(key.as_str()) else { continue };
            node.leave_below(note, value);
            if node.column.leave(note) {
                // Below are only those of this slot, and they have no values any more.
                note.less(Self::NODE + key.len() + node.below.node_bytes());
                self.0.remove(key.as_str());
            }
        }
    }

    /// The bytes of all columns, without those of values.
    fn node_bytes(&self) -> usize {
        self.0.iter().map(|(key, node)| Self::NODE + key.len() + node.below.node_bytes()).sum()
    }

    /// The column of a path, if anybody has something there.
    fn column(&self, path: &FieldPath) -> Option<&Column> {
        let (last, keys) = path.keys().split_last()?;
        let fields = keys
            .iter()
            .try_fold(self, |fields, key| fields.0.get(key.as_str()).map(|node| &node.below))?;
        fields.0.get(last.as_str()).map(|node| &node.column)
    }
}

impl Node {
    /// Adds what a slot has here, and that it has something. Has it?
    fn enter(&mut self, note: &mut Note<'_>, value: &Value, route: Route) -> bool {
        let anything = self.add(note, value, route);
        if anything {
            self.column.enter(note);
        }
        anything
    }

    fn add(&mut self, note: &mut Note<'_>, value: &Value, route: Route) -> bool {
        match value {
            Value::Null => false,
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                self.column.add(note, value, route);
                true
            }
            Value::Array(values) => {
                let mut anything = false;
                for value in values {
                    anything |= self.add(note, value, Route::InArray);
                }
                anything
            }
            Value::Object(object) => self.below.add(note, object, route.min(Route::Through)),
        }
    }

    fn remove(&mut self, note: &mut Note<'_>, value: &Value, route: Route) {
        match value {
            Value::Null => {}
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                self.column.remove(note, value, route);
            }
            Value::Array(values) => {
                values.iter().for_each(|value| self.remove(note, value, Route::InArray));
            }
            Value::Object(object) => self.below.remove(note, object, route.min(Route::Through)),
        }
    }

    fn leave_below(&mut self, note: &mut Note<'_>, value: &Value) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.leave_below(note, value)),
            Value::Object(object) => self.below.leave(note, object),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// A filter on its way through the columns.
struct Selection<'a> {
    fields: &'a Fields,
    slots: u32,
    entries: &'a dyn Entries,
    /// Sets to work out a condition in, used again and again: there are as many as the filter is
    /// deep, however many conditions it has.
    spare: &'a mut Vec<SlotSet>,
}

impl Selection<'_> {
    /// Keeps those of a set that match.
    fn narrow(&mut self, filter: &Filter, set: &mut SlotSet) {
        if set.is_empty() {
            return;
        }
        if let Filter::And(filters) = filter {
            return self.narrow_all(filters, set);
        }
        let mut found = self.spare();
        let without = match filter {
            Filter::Not(_) => true,
            Filter::Field(_, op) => denies(op),
            Filter::And(_) | Filter::Or(_) | Filter::HasId(_) => false,
        };
        match filter {
            Filter::Not(filter) => self.unite(filter, set, &mut found),
            Filter::Field(path, op) => self.ask(path, op, set, &mut found),
            other => self.unite(other, set, &mut found),
        }
        match without {
            true => set.subtract(&found),
            false => set.intersect(&found),
        }
        self.spare.push(found);
    }

    fn narrow_all(&mut self, mut filters: &[Filter], set: &mut SlotSet) {
        while let [filter, rest @ ..] = filters {
            filters = match rest {
                [next, rest @ ..] if self.narrow_between(filter, next, set) => rest,
                _ => {
                    self.narrow(filter, set);
                    rest
                }
            };
        }
    }

    /// Keeps those that match both conditions, if they are the ends of one range: apart, each would
    /// read all that is on its side, and a range in the middle of a field would be all of it.
    fn narrow_between(&mut self, one: &Filter, other: &Filter, set: &mut SlotSet) -> bool {
        let (Filter::Field(path, one), Filter::Field(same, other)) = (one, other) else {
            return false;
        };
        let column = if path == same { self.fields.column(path) } else { None };
        column.is_some_and(|column| {
            let (mut found, mut spare) = (self.spare(), self.spare.pop().unwrap_or_default());
            let is_range = column.unite_between(one, other, &mut found, &mut spare);
            self.spare.push(spare);
            if is_range {
                set.intersect(&found);
            }
            self.spare.push(found);
            is_range
        })
    }

    /// Adds those of `within` that match. Others that match may come along: whoever asked keeps or
    /// drops slots of `within` only.
    fn unite(&mut self, filter: &Filter, within: &SlotSet, into: &mut SlotSet) {
        match filter {
            Filter::Or(filters) => {
                filters.iter().for_each(|filter| self.unite(filter, within, into));
            }
            Filter::HasId(ids) => ids
                .iter()
                .filter_map(|id| self.entries.slot_of(id))
                .for_each(|slot| into.insert(slot)),
            Filter::Field(path, op) if !denies(op) => self.ask(path, op, within, into),
            Filter::And(_) | Filter::Not(_) | Filter::Field(..) => {
                let mut set = self.spare();
                set.unite(within);
                self.narrow(filter, &mut set);
                into.unite(&set);
                self.spare.push(set);
            }
        }
    }

    /// Adds those of `within` that have what an operator asks for, or asks not to be there.
    fn ask(&mut self, path: &FieldPath, op: &Op, within: &SlotSet, into: &mut SlotSet) {
        if let Some(column) = self.fields.column(path) {
            let mut spare = self.spare.pop().unwrap_or_default();
            column.unite(op, into, &mut spare, |slot| {
                within.contains(slot) && self.entries.matches(slot, path, op) != denies(op)
            });
            self.spare.push(spare);
        }
    }

    fn spare(&mut self) -> SlotSet {
        let mut set = self.spare.pop().unwrap_or_default();
        set.reset(self.slots);
        set
    }
}

#[cfg(test)]
mod tests;
