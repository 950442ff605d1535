//! What finds the entries of a scope by id, by metadata and by time.
//!
//! A scope of a few entries has no more than the ids: filters read its records. One of more than
//! [`INDEXED_MIN`] has columns for its metadata, and others for its times, which are metadata to
//! them; both are exact at every commit (`tests/suite/collection.rs` holds them to a map).

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::order::Order;
use super::record::Record;
use super::records::Records;
use crate::columns::{Columns, Entries};
use crate::error::Error;
use crate::filter::{Filter, Op, field};
use crate::index::HnswIndex;
use crate::memory::{Bytes, SlotSet, collected};
use crate::metadata::{FieldPath, Object};
use crate::query::TimeRange;
use crate::snapshot::{Part, Save, Tag, corrupt};

/// Slots by what is known of their entries.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    ids: Order,
    /// How many entries expire when.
    expiries: BTreeMap<i64, usize>,
    indexed: OnceLock<Box<Indexed>>,
    /// What becomes `indexed` when somebody needs it: columns as a snapshot has them, for so many
    /// slots.
    saved: Option<(Bytes, u32)>,
    /// Of entries that are gone and were not found here, since a snapshot was damaged.
    lost: Vec<u32>,
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

const COLUMNS: Tag = Tag::new(*b"COLS", "columns");
const EXPIRIES: Tag = Tag::new(*b"EXPY", "expiries");

impl Lookup {
    /// What finds the `len` entries of the part of a snapshot, which has these records.
    pub(super) fn open(
        index: &HnswIndex,
        records: &Records,
        part: &mut Part,
    ) -> Result<Self, Error> {
        let slots = u32::try_from(index.slot_count()).expect("slots fit");
        let len = index.len();
        let ids = Order::open(index, part)?;
        let expiries: Vec<[i64; 2]> = part.take_values(EXPIRIES)?;
        let ascend = expiries.is_sorted_by(|[a, _], [b, _]| a < b);
        let mut left = len;
        let count = |[time, count]: [i64; 2]| {
            let count = usize::try_from(count).ok().filter(|count| *count > 0)?;
            left = left.checked_sub(count)?;
            Some((time, count))
        };
        let mut counts = BTreeMap::new();
        let counted = expiries.into_iter().map(count).try_for_each(|each| {
            let (time, count) = each?;
            counts.insert(time, count);
            Some(())
        });
        if counted.is_none() || !ascend {
            return Err(corrupt(EXPIRIES.name)("are not of as many entries"));
        }
        let mut lookup = Self {
            ids,
            expiries: counts,
            indexed: OnceLock::new(),
            saved: part.take(COLUMNS, 1)?.map(|columns| (columns, slots)),
            lost: Vec::new(),
        };
        lookup.settle(records);
        Ok(lookup)
    }

    /// What the part of a snapshot has of what finds entries.
    pub(super) fn save(&self) -> Result<Save, Error> {
        let ids = self.ids.save()?;
        let count = |count: usize| i64::try_from(count).expect("entries are fewer");
        let expiries = self.expiries.iter().map(|(time, of_them)| [*time, count(*of_them)]);
        let expiries = collected(self.expiries.len(), expiries)?;
        let (mut columns, mut saved) = (Vec::new(), None);
        match (self.indexed.get(), &self.saved) {
            (Some(indexed), _) => {
                let bytes = indexed.metadata.bytes() + indexed.times.bytes();
                columns.try_reserve(bytes).map_err(|_| Error::OutOfMemory { bytes })?;
                indexed.metadata.write(&mut columns);
                indexed.times.write(&mut columns);
            }
            (None, Some((unread, _))) => saved = Some(unread.part(0..unread.len())),
            (None, None) => {}
        }
        Ok(Box::new(move |part| {
            part.values(Order::TAG, &ids);
            part.values(EXPIRIES, &expiries);
            let columns = saved.as_ref().map_or(&*columns, Bytes::read);
            if !columns.is_empty() {
                part.values(COLUMNS, columns);
            }
        }))
    }

    /// The columns, if there are some: those of a snapshot are read now, if they were not yet, and
    /// made again of the records where they are damaged.
    fn indexed(&self, records: &Records) -> Option<&Indexed> {
        let (saved, slots) = match &self.saved {
            Some((saved, slots)) => (saved, *slots),
            None => return self.indexed.get().map(|indexed| &**indexed),
        };
        Some(self.indexed.get_or_init(|| {
            let read = Indexed::read(saved.read(), slots, self.ids.iter());
            Box::new(read.unwrap_or_else(|| self.made_of(records)))
        }))
    }

    /// Reads columns that are not, the first half of what makes it one that can be changed.
    pub(super) fn read_columns(&self, records: &Records) {
        self.indexed(records);
    }

    /// The second half.
    pub(super) fn load(&mut self) {
        self.saved = None;
        self.ids.load();
    }

    /// Can it be changed?
    pub(super) fn is_loaded(&self) -> bool {
        self.ids.is_loaded() && self.saved.is_none()
    }

    /// Columns of all records.
    fn made_of(&self, records: &Records) -> Indexed {
        let mut indexed = Indexed::default();
        let known = self.ids.iter().filter_map(|slot| Some((slot, records.get(slot)?)));
        for (slot, record) in known {
            indexed.learn(slot, record, &record.known_metadata());
        }
        indexed
    }

    pub(super) fn slot(&self, id: &str, records: &Records) -> Option<u32> {
        self.ids.slot(id, records)
    }

    /// The slots behind an id in the order of ids.
    pub(super) fn after(&self, id: Option<&str>, records: &Records) -> impl Iterator<Item = u32> {
        self.ids.after(id, records)
    }

    /// When the next entry expires, if one does.
    pub(super) fn next_expiry(&self) -> Option<i64> {
        self.expiries.first_key_value().map(|(&time, _)| time)
    }

    pub(super) fn is_indexed(&self) -> bool {
        self.indexed.get().is_some() || self.saved.is_some()
    }

    pub(super) fn bytes(&self) -> usize {
        let columns = match (self.indexed.get(), &self.saved) {
            (Some(indexed), _) => {
                indexed.metadata.bytes() + indexed.times.bytes() + indexed.slots as usize / 8
            }
            (None, Some((saved, _))) => saved.len(),
            (None, None) => 0,
        };
        self.ids.bytes() + columns
    }

    /// Adds an entry, whose record is there already.
    pub(super) fn learn(&mut self, slot: u32, metadata: &Object, records: &Records) {
        let Some(record) = records.get(slot) else { return };
        self.ids.insert(record.id(), slot, records);
        if let Some(time) = record.expires_at() {
            *self.expiries.entry(time).or_default() += 1;
        }
        if let Some(indexed) = self.indexed.get_mut() {
            indexed.learn(slot, record, metadata);
        }
    }

    /// Removes an entry, whose record is there still.
    pub(super) fn forget(&mut self, slot: u32, records: &Records) {
        let record = records.get(slot);
        let Some(record) = record.filter(|it| self.ids.remove(it.id(), slot, records)) else {
            self.lost.push(slot);
            return;
        };
        if let Some(time) = record.expires_at()
            && let Some(count) = self.expiries.get_mut(&time)
        {
            *count -= 1;
            if *count == 0 {
                self.expiries.remove(&time);
            }
        }
        if let Some(indexed) = self.indexed.get_mut() {
            indexed.live.remove(slot);
            indexed.metadata.remove(slot, &record.known_metadata());
            indexed.times.remove(slot, &times(record));
        }
    }

    /// Changes the metadata of an entry, whose record is still the old one.
    pub(super) fn relearn(&mut self, slot: u32, metadata: &Object, records: &Records) {
        if let (Some(indexed), Some(old)) = (self.indexed.get_mut(), records.get(slot)) {
            indexed.metadata.remove(slot, &old.known_metadata());
            indexed.metadata.add(slot, metadata);
        }
    }

    /// Makes columns once there are many entries, and all again where something was lost.
    pub(super) fn settle(&mut self, records: &Records) {
        if !self.lost.is_empty() {
            self.mend(records);
        }
        if !self.is_indexed() && self.ids.len() > INDEXED_MIN {
            self.make_columns(records);
        }
    }

    /// Makes all again without what was lost.
    fn mend(&mut self, records: &Records) {
        let slots = self.lost.iter().copied().chain(self.ids.iter()).max();
        let mut gone = SlotSet::default();
        gone.reset(slots.map_or(0, |most| most + 1));
        self.lost.drain(..).for_each(|slot| gone.insert(slot));
        self.ids.sort_without(&gone, records);
        self.expiries.clear();
        let ends = self.ids.iter().filter_map(|slot| records.get(slot)?.expires_at());
        ends.for_each(|time| *self.expiries.entry(time).or_default() += 1);
        if self.indexed.get().is_some() {
            self.make_columns(records);
        }
    }

    fn make_columns(&mut self, records: &Records) {
        self.indexed = OnceLock::from(Box::new(self.made_of(records)));
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
        let Some(indexed) = self.indexed(records) else {
            let slots = self.ids.iter().max().map_or(0, |slot| slot + 1);
            into.reset(slots);
            let wanted =
                |slot: &u32| records.get(*slot).is_some_and(|record| wanted.matches(record));
            self.ids.iter().filter(wanted).for_each(|slot| into.insert(slot));
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
    /// The columns of these slots as a snapshot has them.
    fn read(mut saved: &[u8], slots: u32, of: impl Iterator<Item = u32>) -> Option<Self> {
        let metadata = Columns::read(&mut saved, slots)?;
        let times = Columns::read(&mut saved, slots)?;
        let mut live = SlotSet::default();
        live.reset(slots);
        of.filter(|slot| *slot < slots).for_each(|slot| live.insert(slot));
        saved.is_empty().then_some(Self { live, slots, metadata, times })
    }

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
            && self
                .filter
                .is_none_or(|filter| filter.matches(record.id(), &record.known_metadata()))
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
    let mut times = Object::new();
    times.extend(known.map(|(name, time)| (name.to_owned(), time.into())));
    times
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
        self.records.get(slot).is_some_and(|record| op.matches(path, &record.known_metadata()))
    }
}
