//! What is kept of an entry beside its vector: a piece of bytes that never changes.
//!
//! ```text
//! flags   id length   metadata length   created
//! 1 byte  2           4                 8
//! updated?  event?  expires?  norm?  content length?  id  metadata  content?
//! 8         8       8         8      4
//! ```
//!
//! Numbers are little-endian, metadata is `MessagePack`. What has a question mark is there if its
//! flag says so: of an entry that never changed, has no times and whose metric knows no norm, 15
//! bytes and its own are kept. A record says where it ends, so that they lie one behind the other.

use crate::entry::{CONTENT_BYTES_MAX, METADATA_BYTES_MAX, TIME_MAX, VectorEntry, check_size};
use crate::error::Error;
use crate::metadata::{Object, pack};
use crate::query::TimeRange;
use crate::scope::Scope;
use crate::snapshot::{Tag, corrupt};

/// An entry without its vector, and maybe what lies behind it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a>(&'a [u8]);

/// Records in a snapshot.
pub(super) const RECORDS: Tag = Tag::new(*b"RECD", "records");

/// What a record may have, as bits of its first byte, in the order in which they lie.
const UPDATED: u8 = 1;
const EVENT: u8 = 2;
const EXPIRES: u8 = 4;
const NORM: u8 = 8;
const CONTENT: u8 = 16;

/// Where the parts lie that are always there, and where the others begin.
const ID_LENGTH: usize = 1;
const METADATA_LENGTH: usize = 3;
const CREATED: usize = 7;
const OTHERS: usize = 15;

/// The most bytes of a record beside its id, its metadata and its content.
pub(super) const BESIDE_MAX: usize = OTHERS + 4 * 8 + 4;

/// The parts of a record that is to be written.
struct Parts<'a> {
    created: i64,
    updated: i64,
    event: Option<i64>,
    expires: Option<i64>,
    norm: Option<f64>,
    id: &'a str,
    metadata: &'a Object,
    content: Option<&'a str>,
}

impl Parts<'_> {
    /// Appends the record.
    fn write(&self, bytes: &mut Vec<u8>) -> Result<(), Error> {
        let updated = (self.updated != self.created).then_some(self.updated);
        let others = [
            (UPDATED, updated.map(i64::to_le_bytes)),
            (EVENT, self.event.map(i64::to_le_bytes)),
            (EXPIRES, self.expires.map(i64::to_le_bytes)),
            (NORM, self.norm.map(f64::to_le_bytes)),
        ];
        let flags: u8 = others.iter().filter(|(_, at)| at.is_some()).map(|(flag, _)| flag).sum();
        let start = bytes.len();
        bytes.push(flags | if self.content.is_some() { CONTENT } else { 0 });
        bytes.extend(u16::try_from(self.id.len()).expect("ids are short").to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(self.created.to_le_bytes());
        bytes.extend(others.iter().filter_map(|(_, at)| *at).flatten());
        if let Some(content) = self.content {
            bytes.extend(u32::try_from(content.len()).expect("16 MB at most").to_le_bytes());
        }
        bytes.extend(self.id.as_bytes());
        let before = bytes.len();
        pack::write(self.metadata, bytes);
        let len = bytes.len() - before;
        check_size("bytes of metadata", METADATA_BYTES_MAX, len)?;
        let len = u32::try_from(len).expect("a megabyte at most").to_le_bytes();
        bytes[start + METADATA_LENGTH..start + CREATED].copy_from_slice(&len);
        bytes.extend(self.content.unwrap_or_default().as_bytes());
        Ok(())
    }
}

/// Appends the record of an entry that is written at `now`, and was there before if `created` says
/// so, whose vector has this norm, if it is to be known.
pub(super) fn write(
    entry: &VectorEntry,
    created: Option<i64>,
    norm: Option<f64>,
    now: i64,
    bytes: &mut Vec<u8>,
) -> Result<(), Error> {
    // As late as a time can be, so that it can be given again.
    let ends = entry.ttl_ms.map(|ttl| now.saturating_add(ttl).min(TIME_MAX));
    let expires = match (entry.expires_at, ends) {
        (Some(at), Some(end)) => Some(at.min(end)),
        (at, end) => at.or(end),
    };
    let parts = Parts {
        created: entry.created_at.or(created).unwrap_or(now),
        updated: entry.updated_at.unwrap_or(now),
        event: entry.event_time,
        expires,
        norm,
        id: &entry.id,
        metadata: &entry.metadata,
        content: entry.content.as_deref(),
    };
    parts.write(bytes)
}

impl VectorEntry {
    /// The entry that [`Change::Put`](super::Change::Put) tells of, in this scope and with this
    /// vector. An upsert of it puts the same entry there, times included.
    ///
    /// ```
    /// use vicino_core::{Change, Collection, HnswConfig, Scope, Simd, VectorEntry, Write};
    ///
    /// let mut collection = Collection::new(HnswConfig::balanced(), 1, Simd::detect())?;
    /// let mut batch = collection.batch(0)?;
    /// batch.add(Write::Insert(vec![VectorEntry::new("a", vec![1.0])]))?;
    /// let prepared = batch.prepare()?;
    /// let change = prepared.changes().next();
    /// let Some(Change::Put { scope, record, vector, .. }) = change else { unreachable!() };
    /// let entry = VectorEntry::of_record(scope, record, vector.unwrap().to_vec())?;
    /// prepared.commit();
    /// assert_eq!(collection.get(&"a".into())?, Some(entry));
    /// # Ok::<(), vicino_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] where the bytes are no record.
    pub fn of_record(scope: &Scope, record: &[u8], vector: Vec<f32>) -> Result<Self, Error> {
        let found = Record::found_at(record).filter(|found| found.bytes().len() == record.len());
        found.ok_or_else(|| corrupt(RECORDS.name)("hold none here"))?.entry(scope, vector)
    }
}

/// Records that lie one behind the other.
pub(super) fn all(mut bytes: &[u8]) -> impl Iterator<Item = Record<'_>> + Clone {
    std::iter::from_fn(move || {
        let record = (!bytes.is_empty()).then_some(Record(bytes))?;
        bytes = &bytes[record.bytes().len()..];
        Some(record)
    })
}

impl<'a> Record<'a> {
    /// The record that begins here, if one does: what was not written here is not believed.
    pub(super) fn found_at(bytes: &'a [u8]) -> Option<Self> {
        let record = Self(bytes);
        // Step by step, since a length is only there if what comes before it is.
        if bytes.len() < OTHERS || bytes.len() < record.id_at() {
            return None;
        }
        let id = record.metadata_at() - record.id_at();
        let metadata = u32::from_le_bytes(record.part(METADATA_LENGTH)) as usize;
        let small = metadata <= METADATA_BYTES_MAX && record.content_len() <= CONTENT_BYTES_MAX;
        let len = small.then(|| record.content_at() + record.content_len())?;
        let id = bytes.get(record.id_at()..record.id_at() + id).filter(|_| len <= bytes.len())?;
        std::str::from_utf8(id).ok().map(|_| record)
    }

    /// The record that was written here.
    pub(super) fn at(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The bytes from where it begins, others' behind it included: nothing of it is read.
    pub(super) fn and_behind(self) -> &'a [u8] {
        self.0
    }

    /// Its own bytes.
    pub(super) fn bytes(self) -> &'a [u8] {
        &self.0[..self.content_at() + self.content_len()]
    }

    /// Appends the same with other metadata.
    pub(super) fn write_with(
        self,
        metadata: &Object,
        now: i64,
        bytes: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let parts = Parts {
            created: self.created_at(),
            updated: now,
            event: self.event_time(),
            expires: self.expires_at(),
            norm: self.norm(),
            id: self.id(),
            metadata,
            content: self.content()?,
        };
        parts.write(bytes)
    }

    pub(super) fn id(self) -> &'a str {
        let id = &self.0[self.id_at()..self.metadata_at()];
        std::str::from_utf8(id).expect("it was written as text")
    }

    /// The metadata, or an error where the record comes from a damaged snapshot.
    pub(super) fn metadata(self) -> Result<Object, Error> {
        let bytes = &self.0[self.metadata_at()..self.content_at()];
        pack::read(bytes).ok_or_else(|| corrupt(RECORDS.name)("hold no metadata"))
    }

    /// What a filter knows of an entry: nothing where its record is damaged.
    pub(super) fn known_metadata(self) -> Object {
        self.metadata().unwrap_or_default()
    }

    pub(super) fn content(self) -> Result<Option<&'a str>, Error> {
        let start = self.content_at();
        let content = &self.0[start..start + self.content_len()];
        let text = self.has(CONTENT).then(|| std::str::from_utf8(content));
        text.transpose().map_err(|_| corrupt(RECORDS.name)("hold no text"))
    }

    /// The length of the vector as it was given, where it is not kept as it was given.
    pub(super) fn norm(self) -> Option<f64> {
        self.other(NORM).map(f64::from_le_bytes)
    }

    pub(super) fn created_at(self) -> i64 {
        i64::from_le_bytes(self.part(CREATED))
    }

    fn updated_at(self) -> i64 {
        self.other(UPDATED).map_or(self.created_at(), i64::from_le_bytes)
    }

    pub(super) fn event_time(self) -> Option<i64> {
        self.other(EVENT).map(i64::from_le_bytes)
    }

    pub(super) fn expires_at(self) -> Option<i64> {
        self.other(EXPIRES).map(i64::from_le_bytes)
    }

    /// Has the entry expired by this time?
    pub(super) fn is_expired(self, now: i64) -> bool {
        self.expires_at().is_some_and(|expires| expires <= now)
    }

    /// Is a time of the entry in a range?
    pub(super) fn happened_in(self, range: Option<&TimeRange>) -> bool {
        range.is_none_or(|range| self.event_time().is_some_and(|time| range.contains(time)))
    }

    pub(super) fn created_in(self, range: Option<&TimeRange>) -> bool {
        range.is_none_or(|range| range.contains(self.created_at()))
    }

    /// The entry, with this vector.
    pub(super) fn entry(self, scope: &Scope, vector: Vec<f32>) -> Result<VectorEntry, Error> {
        let mut entry = VectorEntry::new(self.id(), vector).with_scope(scope.clone());
        entry.metadata = self.metadata()?;
        entry.content = self.content()?.map(str::to_owned);
        entry.created_at = Some(self.created_at());
        entry.updated_at = Some(self.updated_at());
        entry.event_time = self.event_time();
        entry.expires_at = self.expires_at();
        Ok(entry)
    }

    /// What the record has; reading it has the rest fetched.
    pub(super) fn flags(self) -> u8 {
        self.0[0]
    }

    fn has(self, flag: u8) -> bool {
        self.flags() & flag != 0
    }

    /// One of the parts of eight bytes that are not always there.
    fn other(self, flag: u8) -> Option<[u8; 8]> {
        // Behind those whose flags are lower.
        let before = (self.flags() & (flag - 1)).count_ones() as usize;
        self.has(flag).then(|| self.part(OTHERS + 8 * before))
    }

    fn part<const N: usize>(self, at: usize) -> [u8; N] {
        self.0[at..at + N].try_into().expect("as many bytes")
    }

    fn others_end(self) -> usize {
        let others = self.flags() & (UPDATED | EVENT | EXPIRES | NORM);
        OTHERS + 8 * others.count_ones() as usize
    }

    fn id_at(self) -> usize {
        self.others_end() + if self.has(CONTENT) { 4 } else { 0 }
    }

    fn metadata_at(self) -> usize {
        self.id_at() + usize::from(u16::from_le_bytes(self.part(ID_LENGTH)))
    }

    fn content_at(self) -> usize {
        self.metadata_at() + u32::from_le_bytes(self.part(METADATA_LENGTH)) as usize
    }

    fn content_len(self) -> usize {
        match self.has(CONTENT) {
            true => u32::from_le_bytes(self.part(self.others_end())) as usize,
            false => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_the_entry_without_its_vector() {
        let full = VectorEntry::new("\0\u{e9}", vec![])
            .with_metadata([("a".to_owned(), "b")])
            .with_content("")
            .with_event_time(-5)
            .with_expires_at(100)
            .with_ttl_ms(20);
        let mut bytes = vec![9];
        write(&full, None, Some(2.5), 7, &mut bytes).unwrap();
        let end = bytes.len();
        bytes.extend([7, 7]);
        let record = Record::at(&bytes[1..]);
        assert_eq!(record.bytes(), &bytes[1..end], "not what lies around it");
        let back = record.entry(&Scope::Global, vec![]).unwrap();
        assert_eq!((&*back.id, &back.metadata), ("\0\u{e9}", &full.metadata));
        assert_eq!((back.content.as_deref(), record.norm()), (Some(""), Some(2.5)));
        assert_eq!((back.created_at, back.updated_at), (Some(7), Some(7)));
        assert_eq!((back.event_time, back.expires_at), (Some(-5), Some(27)));
        assert!(!record.is_expired(26) && record.is_expired(27));

        let mut bytes = Vec::new();
        record.write_with(&Object::new(), 9, &mut bytes).unwrap();
        let record = Record::at(&bytes);
        assert_eq!(record.bytes(), bytes);
        let back = record.entry(&Scope::Global, vec![]).unwrap();
        assert_eq!((back.created_at, back.updated_at), (Some(7), Some(9)));
        assert!(back.metadata.is_empty() && record.norm() == Some(2.5));

        let mut bytes = Vec::new();
        write(&VectorEntry::new("a", vec![]), Some(3), None, 7, &mut bytes).unwrap();
        let record = Record::at(&bytes);
        assert_eq!(record.bytes(), bytes);
        let back = record.entry(&Scope::Global, vec![]).unwrap();
        assert_eq!((back.created_at, back.content, back.expires_at), (Some(3), None, None));
        assert!(!record.is_expired(i64::MAX) && record.happened_in(None));
        assert!(!record.happened_in(Some(&TimeRange::default())));
    }

    #[test]
    fn metadata_of_many_bytes_is_refused() {
        let long = [("a".to_owned(), "x".repeat(1 << 20))];
        let entry = VectorEntry::new("a", vec![]).with_metadata(long);
        let error = write(&entry, None, None, 0, &mut Vec::new()).unwrap_err();
        assert_eq!(error.code(), "too_large");
    }
}
