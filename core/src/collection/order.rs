//! The slots of a partition in the order of their ids, which are in its records. The order of a
//! snapshot is searched where it lies, until the first change.

use super::record::Record;
use super::records::Records;
use crate::error::Error;
use crate::index::HnswIndex;
use crate::memory::{Bytes, SlotSet, collected};
use crate::snapshot::{Part, Tag, corrupt};
use crate::sorted::{Sorted, Values};

/// Slots by their ids.
#[derive(Debug)]
pub(super) enum Order {
    Own(Sorted<u32>),
    /// Each live slot once, in an order that is believed.
    Saved(Bytes),
}

impl Order {
    pub(super) const TAG: Tag = Tag::new(*b"IDOR", "order of ids");

    /// The order of the entries of the part of a snapshot.
    pub(super) fn open(index: &HnswIndex, part: &mut Part) -> Result<Self, Error> {
        let saved = part.take_rows(Self::TAG, size_of::<u32>(), index.len())?;
        let Some(saved) = saved else { return Ok(Self::default()) };
        let mut seen = SlotSet::default();
        seen.reset(u32::try_from(index.slot_count()).expect("slots fit"));
        for &slot in slots(&saved) {
            if !index.is_live(slot) || seen.contains(slot) {
                return Err(corrupt(Self::TAG.name)(
                    "names a slot twice, or one that holds nothing",
                ));
            }
            seen.insert(slot);
        }
        Ok(Self::Saved(saved))
    }

    /// All slots, for a snapshot.
    pub(super) fn save(&self) -> Result<Vec<u32>, Error> {
        collected(self.len(), self.iter())
    }

    /// Makes it one that can be changed.
    pub(super) fn load(&mut self) {
        if let Self::Saved(saved) = self {
            *self = Self::Own(Sorted::of(slots(saved).to_vec()));
        }
    }

    pub(super) fn is_loaded(&self) -> bool {
        matches!(self, Self::Own(_))
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Own(own) => own.len(),
            Self::Saved(saved) => slots(saved).len(),
        }
    }

    /// The bytes of an order that was loaded.
    pub(super) fn bytes(&self) -> usize {
        Sorted::<u32>::bytes(self.len())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        self.from(|_| false)
    }

    /// The slot of an id.
    pub(super) fn slot(&self, id: &str, records: &Records) -> Option<u32> {
        let slot = self.from(|slot| id_of(*slot, records) < Some(id)).next()?;
        (id_of(slot, records) == Some(id)).then_some(slot)
    }

    /// The slots behind an id.
    pub(super) fn after(&self, id: Option<&str>, records: &Records) -> impl Iterator<Item = u32> {
        let is_before = move |slot: &u32| id.is_some() && id_of(*slot, records) <= id;
        // Where the order is damaged, pages go forward all the same.
        self.from(is_before).filter(move |slot| !is_before(slot))
    }

    /// Adds the slot of an id.
    pub(super) fn insert(&mut self, id: &str, slot: u32, records: &Records) {
        let own = self.own();
        own.insert(own.first(|other| id_of(*other, records) < Some(id)), slot);
    }

    /// Removes the slot of an id, whose record is there still, if the order leads there: one of a
    /// damaged snapshot may not.
    pub(super) fn remove(&mut self, id: &str, slot: u32, records: &Records) -> bool {
        let own = self.own();
        let position = own.first(|other| id_of(*other, records) < Some(id));
        let found = own.get(position) == Some(&slot);
        if found {
            own.remove(position);
        }
        found
    }

    /// Puts all slots in order again, but for some.
    pub(super) fn sort_without(&mut self, gone: &SlotSet, records: &Records) {
        let mut sorted = Sorted::of(Vec::new());
        for slot in self.iter().filter(|slot| !gone.contains(*slot)) {
            let id = id_of(slot, records);
            sorted.insert(sorted.first(|other| id_of(*other, records) <= id), slot);
        }
        *self = Self::Own(sorted);
    }

    fn own(&mut self) -> &mut Sorted<u32> {
        match self {
            Self::Own(own) => own,
            Self::Saved(_) => unreachable!("it is loaded before the first change"),
        }
    }

    /// The slots from the first on that is not before what is looked for.
    fn from(&self, is_before: impl Fn(&u32) -> bool) -> impl Iterator<Item = u32> {
        let slots = match self {
            Self::Own(own) => own.range(own.first(is_before), own.end()),
            Self::Saved(saved) => {
                let slots = slots(saved);
                Values::of(&slots[slots.partition_point(is_before)..])
            }
        };
        slots.copied()
    }
}

impl Default for Order {
    fn default() -> Self {
        Self::Own(Sorted::default())
    }
}

fn slots(saved: &Bytes) -> &[u32] {
    bytemuck::cast_slice(saved.read())
}

/// The id of a slot that is known here: none where its record is damaged.
fn id_of(slot: u32, records: &Records) -> Option<&str> {
    records.get(slot).map(Record::id)
}
