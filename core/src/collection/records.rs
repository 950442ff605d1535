//! The records of a partition by slot: bytes in chunks, one record behind the other, and a tree
//! that says where each begins, whose old versions stay as they were.
//!
//! A record is never changed in place: other metadata makes another record at the end, and what
//! was there before is dead. A chunk that is dead by more than half gives what lives in it to the
//! end, and goes; who reads an older version of the records still has it.
//!
//! Under all of that may lie the records of a snapshot, read where they are: slots that were never
//! written since have theirs there.

use std::cell::RefCell;
use std::num::NonZeroU32;
use std::sync::Arc;

use super::radix::Radix;
use super::record::{RECORDS, Record, all};
use crate::error::Error;
use crate::memory::{Bytes, Chunk, ChunkWriter, Memory, collected};
use crate::snapshot::{Part, Save, Tag, corrupt};

/// The records at one moment; a clone is made in no time.
#[derive(Debug, Clone, Default)]
pub(super) struct Records {
    base: Option<Arc<Base>>,
    places: Radix<Place>,
    /// None where one was given up.
    chunks: Arc<[Option<Arc<Chunk>>]>,
}

/// The records of a snapshot, and where each begins.
#[derive(Debug)]
struct Base {
    bytes: Bytes,
    starts: Bytes,
}

/// Where a record begins. Chunks are counted from one, so that a slot without a record takes no
/// more than one with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    chunk: NonZeroU32,
    offset: u32,
}

/// The one hand that writes records.
#[derive(Debug)]
pub(super) struct RecordsWriter {
    records: Records,
    /// What is appended to, and its number.
    tail: Option<(usize, ChunkWriter)>,
    /// What comes after it.
    spare: Vec<ChunkWriter>,
    /// How much of each chunk is dead.
    dead: Vec<usize>,
    /// Chunks that are to be cleared.
    due: Vec<usize>,
    /// The bytes of all chunks.
    capacity: usize,
    /// Slots from here on never had a record.
    slots: u32,
    memory: Memory,
}

const STARTS: Tag = Tag::new(*b"RECS", "starts of records");

/// The least and the most bytes that a chunk is made with; for a larger record it has as many as
/// that.
const CHUNK_MIN: usize = 512;
const CHUNK_MAX: usize = 2 << 20;

/// The bytes of a slot in the tree.
const PLACE: usize = size_of::<Option<Place>>() + 1;

impl Records {
    /// The record of a slot.
    pub(super) fn get(&self, slot: u32) -> Option<Record<'_>> {
        let Some(place) = self.places.get(slot) else {
            return self.base.as_ref()?.get(slot);
        };
        if *place == Place::GONE {
            return None;
        }
        let chunk = self.chunks[place.number()].as_ref().expect("a record's chunk is there");
        Some(Record::at(&chunk.bytes()[place.offset as usize..]))
    }
}

impl Base {
    fn starts(&self) -> &[u64] {
        bytemuck::cast_slice(self.starts.read())
    }

    /// Do all records lie within the bytes, each behind the one before it?
    fn is_sound(&self) -> bool {
        let starts = self.starts();
        starts.is_sorted() && starts.last() == Some(&(self.bytes.len() as u64))
    }

    fn get(&self, slot: u32) -> Option<Record<'_>> {
        let at = slot as usize;
        let [start, end] = *self.starts().get(at..at.checked_add(2)?)? else { return None };
        let range = usize::try_from(start).ok()?..usize::try_from(end).ok()?;
        Record::found_at(self.bytes.read().get(range)?)
    }
}

impl Place {
    /// Of a slot whose record in the base is no longer its own.
    const GONE: Self = Self { chunk: NonZeroU32::MAX, offset: 0 };

    fn new(number: usize, offset: usize) -> Self {
        let chunk = u32::try_from(number + 1).ok().and_then(NonZeroU32::new);
        let offset = u32::try_from(offset).expect("a chunk has some megabytes");
        Self { chunk: chunk.expect("there are fewer chunks than slots"), offset }
    }

    fn number(self) -> usize {
        self.chunk.get() as usize - 1
    }
}

impl RecordsWriter {
    pub(super) fn new(memory: Memory) -> Self {
        Self {
            records: Records::default(),
            tail: None,
            spare: Vec::new(),
            dead: Vec::new(),
            due: Vec::new(),
            capacity: 0,
            slots: 0,
            memory,
        }
    }

    /// The records of the part of a snapshot, in so many slots.
    pub(super) fn open(slots: usize, memory: Memory, part: &mut Part) -> Result<Self, Error> {
        let mut writer = Self::new(memory);
        let starts = part.take_rows(STARTS, size_of::<u64>(), slots + 1)?;
        if let (Some(starts), Some(bytes)) = (starts, part.take(RECORDS, 1)?) {
            writer.capacity = starts.len() + bytes.len();
            let base = Base { bytes, starts };
            if !base.is_sound() {
                return Err(corrupt(STARTS.name)("do not ascend to the end of the records"));
            }
            writer.records.base = Some(Arc::new(base));
        }
        Ok(writer)
    }

    /// What the part of a snapshot has of the records of so many slots.
    pub(super) fn save(&self, slots: usize) -> Result<Save, Error> {
        let records = self.records.clone();
        let starts = RefCell::new(collected(slots + 1, [])?);
        Ok(Box::new(move |part| {
            let mut starts = starts.borrow_mut();
            starts.clear();
            part.array(RECORDS, 1, &mut |array| {
                for slot in 0..u32::try_from(slots).expect("slots fit") {
                    starts.push(array.len());
                    array.extend(records.get(slot).map(Record::bytes).unwrap_or_default());
                }
                starts.push(array.len());
            });
            part.values(STARTS, &starts);
        }))
    }

    /// The records of now.
    pub(super) fn records(&self) -> &Records {
        &self.records
    }

    /// The bytes of chunks and tree.
    pub(super) fn bytes(&self) -> usize {
        self.capacity + self.slots as usize * PLACE
    }

    /// The bytes of so many records of one length that come one after the other.
    pub(super) fn bytes_of(entries: usize, len: usize) -> usize {
        let (mut left, mut capacity) = (entries, 0_usize);
        while left > 0 {
            let chunk = chunk_bytes(capacity, len);
            left = left.saturating_sub(chunk / len.max(1));
            capacity = capacity.saturating_add(chunk);
        }
        capacity.saturating_add(entries.saturating_mul(PLACE))
    }

    /// The most bytes that a batch of records adds.
    pub(super) fn growth_bytes<'r>(
        &self,
        batch: impl Iterator<Item = Record<'r>> + Clone,
    ) -> usize {
        self.missing(batch.clone()).into_iter().sum::<usize>() + batch.count() * PLACE
    }

    /// Makes room for a batch of records.
    pub(super) fn reserve<'r>(
        &mut self,
        batch: impl Iterator<Item = Record<'r>>,
    ) -> Result<(), Error> {
        for bytes in self.missing(batch) {
            self.spare.push(ChunkWriter::new(bytes, self.memory)?);
            self.capacity += bytes;
        }
        Ok(())
    }

    /// The bytes of the chunks that are missing for a batch.
    fn missing<'r>(&self, batch: impl Iterator<Item = Record<'r>>) -> Vec<usize> {
        let mut chunks = Vec::new();
        let mut capacity = self.capacity;
        let mut spare = self.spare.iter().map(ChunkWriter::room);
        let mut room = self.tail.as_ref().map_or(0, |(_, tail)| tail.room());
        for record in batch {
            let len = record.bytes().len();
            while room < len {
                room = spare.next().unwrap_or_else(|| {
                    let bytes = chunk_bytes(capacity, len);
                    chunks.push(bytes);
                    capacity += bytes;
                    bytes
                });
            }
            room -= len;
        }
        chunks
    }

    /// Gives a slot a record that there is room for, maybe in the place of another.
    pub(super) fn put(&mut self, slot: u32, record: Record<'_>) {
        let bytes = record.bytes();
        let place = loop {
            if let Some((number, tail)) = &mut self.tail
                && tail.room() >= bytes.len()
            {
                let offset = tail.chunk().len();
                tail.append(bytes);
                break Place::new(*number, offset);
            }
            self.next_chunk();
        };
        self.slots = self.slots.max(slot + 1);
        self.set(slot, Some(place));
    }

    /// Takes the record of a slot away.
    pub(super) fn remove(&mut self, slot: u32) {
        self.set(slot, None);
    }

    fn set(&mut self, slot: u32, place: Option<Place>) {
        let before = self.records.get(slot).map_or(0, |record| record.bytes().len());
        let in_base = self.records.base.as_ref().is_some_and(|base| base.get(slot).is_some());
        let place = place.or_else(|| in_base.then_some(Place::GONE));
        let old = self.records.places.set(slot, place);
        if let Some(place) = old.filter(|place| *place != Place::GONE) {
            let number = place.number();
            self.dead[number] += before;
            self.look_at(number);
        }
    }

    /// Goes on with the next chunk.
    fn next_chunk(&mut self) {
        assert!(!self.spare.is_empty(), "room is made before");
        let next = self.spare.remove(0);
        if self.spare.is_empty() {
            // Many partitions have one chunk and will have no other.
            self.spare = Vec::new();
        }
        let chunk = Some(Arc::clone(next.chunk()));
        let chunks = &mut self.records.chunks;
        let number = match chunks.iter().position(Option::is_none) {
            Some(free) => {
                Arc::make_mut(chunks)[free] = chunk;
                free
            }
            None => {
                *chunks = chunks.iter().cloned().chain([chunk]).collect();
                self.dead.reserve_exact(1);
                self.dead.push(0);
                chunks.len() - 1
            }
        };
        if let Some((full, _)) = self.tail.replace((number, next)) {
            self.look_at(full);
        }
    }

    /// Notes a chunk that may have to be cleared.
    fn look_at(&mut self, number: usize) {
        if self.is_due(number) && !self.due.contains(&number) {
            self.due.push(number);
        }
    }

    /// Is a chunk dead by more than half? What is appended to is cleared when all of it is.
    fn is_due(&self, number: usize) -> bool {
        let len = self.records.chunks[number].as_ref().map_or(0, |chunk| chunk.len());
        let is_tail = self.tail.as_ref().is_some_and(|(tail, _)| *tail == number);
        self.dead[number] > if is_tail { len.saturating_sub(1) } else { len / 2 }
    }

    /// Clears chunks that are mostly dead. Are there other records then to be read?
    pub(super) fn tidy(&mut self) -> bool {
        let mut cleared = false;
        for number in std::mem::take(&mut self.due) {
            if self.is_due(number) {
                match self.clear(number) {
                    true => cleared = true,
                    false => self.due.push(number),
                }
            }
        }
        cleared
    }

    /// Moves what lives in a chunk and drops it, where that takes no more memory than it gives.
    fn clear(&mut self, number: usize) -> bool {
        let Some(chunk) = self.records.chunks[number].clone() else { return false };
        let mut live = Vec::new();
        let mut slots = Vec::new();
        if self.dead[number] < chunk.len() {
            let is_here = |place: &Place| place.number() == number;
            for slot in 0..self.slots {
                if self.records.places.get(slot).is_some_and(is_here) {
                    slots.push(slot);
                    live.extend(self.records.get(slot).into_iter().flat_map(Record::bytes));
                }
            }
            let more = self.missing(all(&live)).into_iter().sum::<usize>();
            if more > chunk.capacity() || self.reserve(all(&live)).is_err() {
                return false;
            }
        }
        slots.into_iter().zip(all(&live)).for_each(|(slot, record)| self.put(slot, record));
        self.tail.take_if(|(tail, _)| *tail == number);
        Arc::make_mut(&mut self.records.chunks)[number] = None;
        self.dead[number] = 0;
        self.capacity -= chunk.capacity();
        true
    }
}

/// The bytes of the next chunk, for a record of this length: a quarter more than there are.
fn chunk_bytes(capacity: usize, len: usize) -> usize {
    (capacity / 4).clamp(CHUNK_MIN, CHUNK_MAX).max(len)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::record::write;
    use super::*;
    use crate::entry::VectorEntry;
    use crate::mix::mix;

    fn record(id: &str, content: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let entry = VectorEntry::new(id, vec![]).with_content("x".repeat(content));
        write(&entry, None, None, 0, &mut bytes).unwrap();
        bytes
    }

    /// Puts, replaces and removes with sizes from some bytes to more than a chunk; every version
    /// stays as it was, and what is dead is given back.
    #[test]
    fn it_is_a_map_whose_versions_stay_and_whose_dead_go() {
        let mut writer = RecordsWriter::new(Memory::default());
        let mut model: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
        let mut versions = Vec::new();
        let steps = if cfg!(miri) { 300 } else { 20_000_u64 };
        for step in 0..steps {
            let random = mix(step);
            let slot = u32::try_from(random % 97).unwrap();
            if random >> 20 & 7 == 0 {
                model.remove(&slot);
                writer.remove(slot);
            } else {
                let len = [0, 10, 100, 400, 700][(random >> 30) as usize % 5];
                let bytes = record(&format!("{step}"), len);
                let (before, growth) = (writer.capacity, writer.growth_bytes(all(&bytes)));
                writer.reserve(all(&bytes)).unwrap();
                writer.put(slot, Record::at(&bytes));
                assert!(writer.capacity <= before + growth);
                model.insert(slot, bytes);
            }
            // After some steps, so that several chunks are due, the tail maybe among them.
            if step % 7 == 0 {
                let before = writer.bytes();
                writer.tidy();
                assert!(writer.bytes() <= before, "clearing takes no memory");
            }
            if step % (steps / 10) == 0 {
                versions.push((writer.records().clone(), model.clone()));
            }
        }
        let live: usize = model.values().map(Vec::len).sum();
        let held = writer.bytes();
        assert!(held < 4 * live, "{held} bytes for {live}");
        versions.push((writer.records().clone(), model.clone()));
        for (records, model) in &versions {
            for slot in 0..100 {
                let found = records.get(slot).map(|record| record.bytes().to_vec());
                assert_eq!(found.as_ref(), model.get(&slot));
            }
        }
        for slot in 0..97 {
            writer.remove(slot);
        }
        writer.tidy();
        assert_eq!(writer.capacity - writer.spare.iter().map(ChunkWriter::room).sum::<usize>(), 0);
    }

    #[test]
    fn what_a_batch_takes_is_known_before() {
        let sizes = [(1, 0), (10, 30), (1000, 200), (300, 5000)];
        for (count, len) in sizes.into_iter().take(if cfg!(miri) { 2 } else { 4 }) {
            let mut writer = RecordsWriter::new(Memory::default());
            let bytes: Vec<u8> = (0..count).flat_map(|_| record("id", len)).collect();
            let growth = writer.growth_bytes(all(&bytes));
            writer.reserve(all(&bytes)).unwrap();
            for (slot, record) in (0..).zip(all(&bytes)) {
                writer.put(slot, record);
            }
            assert_eq!(writer.bytes(), growth);
            assert_eq!(RecordsWriter::bytes_of(count, record("id", len).len()), growth);
        }
    }
}
