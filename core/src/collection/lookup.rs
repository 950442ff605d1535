//! What finds the entries of a scope by id, by metadata and by time.
//!
//! A scope of a few entries has no more than the ids: filters read its records. One of more than
//! [`INDEXED_MIN`] has columns for its metadata, and others for its times, which are metadata to
//! them; both are exact at every commit (`tests/suite/collection.rs` holds them to a map).

use std::collections::BTreeMap;

use super::record::Record;
use super::records::Records;
use crate::columns::{Columns, Entries};
use crate::filter::{Filter, Op, field};
use crate::memory::SlotSet;
use crate::metadata::{FieldPath, Object};
use crate::query::TimeRange;
use crate::sorted::{Position, Sorted};

/// Slots by what is known of their entries.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    /// In the order of their ids, which are in the records that belong to the lookup.
    ids: Sorted<u32>,
    /// How many entries expire when.
    expiries: BTreeMap<i64, usize>,
    indexed: Option<Box<Indexed>>,
}

#[derive(Debug, Default)]
struct Indexed {
    live: SlotSet,
    slots: u32,
    metadata: Columns,
    times: Columns,
}

/// Which entries are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted<'a> {
    pub(super) filter: Option<&'a Filter>,
    pub(super) events: Option<&'a TimeRange>,
    pub(super) created: Option<&'a TimeRange>,
    /// The time by which those have expired that are not wanted.
    pub(super) now: Option<i64>,
}

/// Up to so many entries a filter reads their metadata, some hundred microseconds; columns of so
/// few would be larger than what they describe.
pub(super) const INDEXED_MIN: usize = 256;

impl Lookup {
    pub(super) fn slot(&self, id: &str, records: &Records) -> Option<u32> {
        let slot = *self.ids.get(self.position(id, records))?;
        (id_of(slot, records) == id).then_some(slot)
    }

    /// The slots behind an id in the order of ids.
    pub(super) fn after(&self, id: Option<&str>, records: &Records) -> impl Iterator<Item = u32> {
        let is_before = |slot: &u32| id.is_some_and(|id| id_of(*slot, records) <= id);
        let start = self.ids.first(is_before);
        self.ids.range(start, self.ids.end()).copied()
    }

    fn position(&self, id: &str, records: &Records) -> Position {
        self.ids.first(|slot| id_of(*slot, records) < id)
    }

    /// When the next entry expires, if one does.
    pub(super) fn next_expiry(&self) -> Option<i64> {
        self.expiries.first_key_value().map(|(&time, _)| time)
    }

    pub(super) fn is_indexed(&self) -> bool {
        self.indexed.is_some()
    }

    pub(super) fn bytes(&self) -> usize {
        let columns = self.indexed.as_ref().map_or(0, |indexed| {
            indexed.metadata.bytes() + indexed.times.bytes() + indexed.slots as usize / 8
        });
        Sorted::<u32>::bytes(self.ids.len()) + columns
    }

    /// Adds an entry, whose record is there already.
    pub(super) fn learn(&mut self, slot: u32, metadata: &Object, records: &Records) {
        let record = known(slot, records);
        self.ids.insert(self.position(record.id(), records), slot);
        if let Some(time) = record.expires_at() {
            *self.expiries.entry(time).or_default() += 1;
        }
        if let Some(indexed) = &mut self.indexed {
            indexed.learn(slot, record, metadata);
        }
    }

    /// Removes an entry, whose record is there still.
    pub(super) fn forget(&mut self, slot: u32, records: &Records) {
        let record = known(slot, records);
        self.ids.remove(self.position(record.id(), records));
        if let Some(time) = record.expires_at() {
            let count = self.expiries.get_mut(&time).expect("it was learned");
            *count -= 1;
            if *count == 0 {
                self.expiries.remove(&time);
            }
        }
        if let Some(indexed) = &mut self.indexed {
            indexed.live.remove(slot);
            indexed.metadata.remove(slot, &record.metadata());
            indexed.times.remove(slot, &times(record));
        }
    }

    /// Changes the metadata of an entry, whose record is still the old one.
    pub(super) fn relearn(&mut self, slot: u32, metadata: &Object, records: &Records) {
        if let Some(indexed) = &mut self.indexed {
            indexed.metadata.remove(slot, &known(slot, records).metadata());
            indexed.metadata.add(slot, metadata);
        }
    }

    /// Makes columns once there are many entries.
    pub(super) fn settle(&mut self, records: &Records) {
        if self.indexed.is_none() && self.ids.len() > INDEXED_MIN {
            let mut indexed = Box::<Indexed>::default();
            for &slot in self.ids.iter() {
                let record = known(slot, records);
                indexed.learn(slot, record, &record.metadata());
            }
            self.indexed = Some(indexed);
        }
    }

    /// The slots of the entries that are wanted.
    pub(super) fn select(
        &self,
        wanted: &Wanted<'_>,
        records: &Records,
        spare: &mut Vec<SlotSet>,
        into: &mut SlotSet,
    ) {
        // Mostly nothing has expired, and then nobody is asked.
        let now = wanted.now.filter(|&now| self.next_expiry().is_some_and(|next| next <= now));
        let wanted = Wanted { now, ..*wanted };
        let Some(indexed) = &self.indexed else {
            let slots = self.ids.iter().max().map_or(0, |slot| slot + 1);
            into.reset(slots);
            let wanted = |slot: &u32| wanted.matches(known(*slot, records));
            self.ids.iter().copied().filter(wanted).for_each(|slot| into.insert(slot));
            return;
        };
        let entries = Known { lookup: self, live: &indexed.live, records };
        match wanted.filter {
            Some(filter) => {
                indexed.metadata.select(filter, indexed.slots, &entries, spare, into);
            }
            None => {
                into.reset(indexed.slots);
                into.unite(&indexed.live);
            }
        }
        if let Some(times) = wanted.times() {
            let mut timely = spare.pop().unwrap_or_default();
            indexed.times.select(&times, indexed.slots, &entries, spare, &mut timely);
            into.intersect(&timely);
            spare.push(timely);
        }
    }
}

impl Indexed {
    fn learn(&mut self, slot: u32, record: Record<'_>, metadata: &Object) {
        self.slots = self.slots.max(slot + 1);
        self.live.grow(self.slots);
        self.live.insert(slot);
        self.metadata.add(slot, metadata);
        self.times.add(slot, &times(record));
    }
}

impl Wanted<'_> {
    /// Is an entry wanted?
    pub(super) fn matches(&self, record: Record<'_>) -> bool {
        !self.now.is_some_and(|now| record.is_expired(now))
            && record.happened_in(self.events)
            && record.created_in(self.created)
            && self.filter.is_none_or(|filter| filter.matches(record.id(), &record.metadata()))
    }

    /// What is wanted of the times, as a filter of [`times`].
    fn times(&self) -> Option<Filter> {
        let mut filters = Vec::new();
        for (name, range) in [(EVENT, self.events), (CREATED, self.created)] {
            let Some(TimeRange { from, to }) = range else { continue };
            filters.push(field(name).exists(true));
            filters.extend(from.map(|from| field(name).gte(from)));
            filters.extend(to.map(|to| field(name).lt(to)));
        }
        filters.extend(self.now.map(|now| !field(EXPIRES).lte(now)));
        (!filters.is_empty()).then_some(Filter::And(filters))
    }
}

const EVENT: &str = "event";
const CREATED: &str = "created";
const EXPIRES: &str = "expires";

/// The times of an entry, as columns know them.
fn times(record: Record<'_>) -> Object {
    let created = Some(record.created_at());
    let times = [(EVENT, record.event_time()), (CREATED, created), (EXPIRES, record.expires_at())];
    let known = times.into_iter().filter_map(|(name, time)| Some((name, time?)));
    known.map(|(name, time)| (name.to_owned(), time.into())).collect()
}

/// The record of a slot that is known here.
fn known(slot: u32, records: &Records) -> Record<'_> {
    records.get(slot).expect("what is known has a record")
}

fn id_of(slot: u32, records: &Records) -> &str {
    known(slot, records).id()
}

/// What columns ask of entries.
struct Known<'a> {
    lookup: &'a Lookup,
    live: &'a SlotSet,
    records: &'a Records,
}

impl Entries for Known<'_> {
    fn live(&self) -> &SlotSet {
        self.live
    }

    fn slot_of(&self, id: &str) -> Option<u32> {
        self.lookup.slot(id, self.records)
    }

    fn matches(&self, slot: u32, path: &FieldPath, op: &Op) -> bool {
        self.records.get(slot).is_some_and(|record| op.matches(path, &record.metadata()))
    }
}
