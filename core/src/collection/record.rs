//! What is kept of an entry beside its vector, in one piece of memory that never changes.
//!
//! ```text
//! flags   id length   metadata length   created
//! 1 byte  2           4                 8
//! updated?  event?  expires?  id  metadata  content?  norm?
//! 8         8       8                                 8
//! ```
//!
//! Numbers are little-endian, metadata is `MessagePack`. What has a question mark is there if its
//! flag says so: of an entry that never changed, has no times and whose metric knows no norm, 15
//! bytes and its own are kept. A reader holds a record as long as it likes: changing metadata makes
//! another.

use std::sync::Arc;

use crate::entry::{METADATA_BYTES_MAX, VectorEntry, check_size};
use crate::error::Error;
use crate::metadata::Object;
use crate::query::TimeRange;
use crate::scope::Scope;

/// An entry without its vector.
#[derive(Debug, Clone)]
pub(super) struct Record(Arc<[u8]>);

/// A record that is still to be written: its norm is known once its vector has been looked at.
#[derive(Debug)]
pub(super) struct Draft(Vec<u8>);

/// What a record may have, as bits of its first byte; the times in the order in which they lie.
const UPDATED: u8 = 1;
const EVENT: u8 = 2;
const EXPIRES: u8 = 4;
const CONTENT: u8 = 8;
const NORM: u8 = 16;

/// Where the parts lie that are always there, and where the others begin.
const ID_LENGTH: usize = 1;
const METADATA_LENGTH: usize = 3;
const CREATED: usize = 7;
const TIMES: usize = 15;

impl Draft {
    /// The record of an entry that is written at `now`, and was there before if `created` says so.
    pub(super) fn new(entry: &VectorEntry, created: Option<i64>, now: i64) -> Result<Self, Error> {
        let ends = entry.ttl_ms.map(|ttl| now.saturating_add(ttl));
        let expires = match (entry.expires_at, ends) {
            (Some(at), Some(end)) => Some(at.min(end)),
            (at, end) => at.or(end),
        };
        let created = entry.created_at.or(created).unwrap_or(now);
        let updated = entry.updated_at.unwrap_or(now);
        let times = [Some(updated), entry.event_time, expires];
        Self::of(created, times, &entry.id, &entry.metadata, entry.content.as_deref())
    }

    fn of(
        created: i64,
        [updated, event, expires]: [Option<i64>; 3],
        id: &str,
        metadata: &Object,
        content: Option<&str>,
    ) -> Result<Self, Error> {
        let metadata = rmp_serde::to_vec(metadata).expect("memory can be written to");
        check_size("bytes of metadata", METADATA_BYTES_MAX, metadata.len())?;
        let updated = updated.filter(|&updated| updated != created);
        let times = [(UPDATED, updated), (EVENT, event), (EXPIRES, expires)];
        let flags =
            times.iter().filter(|(_, time)| time.is_some()).map(|(flag, _)| flag).sum::<u8>();
        let content_len = content.map_or(0, str::len);
        let mut bytes = Vec::with_capacity(
            TIMES + 8 * times.len() + id.len() + metadata.len() + content_len + 8,
        );
        bytes.push(flags | if content.is_some() { CONTENT } else { 0 });
        bytes.extend(u16::try_from(id.len()).expect("ids are short").to_le_bytes());
        bytes.extend(u32::try_from(metadata.len()).expect("a megabyte at most").to_le_bytes());
        bytes.extend(created.to_le_bytes());
        times
            .iter()
            .filter_map(|(_, time)| *time)
            .for_each(|time| bytes.extend(time.to_le_bytes()));
        bytes.extend(id.as_bytes());
        bytes.extend(metadata);
        bytes.extend(content.unwrap_or_default().as_bytes());
        Ok(Self(bytes))
    }

    /// How many bytes the record will have at most.
    pub(super) fn len(&self) -> usize {
        self.0.len() + size_of::<f64>()
    }

    /// The record, whose vector has this norm, if it is to be known.
    pub(super) fn finish(mut self, norm: Option<f64>) -> Record {
        if let Some(norm) = norm {
            self.0[0] |= NORM;
            self.0.extend(norm.to_le_bytes());
        }
        Record(self.0.into())
    }
}

impl Record {
    /// The same with other metadata.
    pub(super) fn with_metadata(&self, metadata: &Object, now: i64) -> Result<Self, Error> {
        let times = [Some(now), self.event_time(), self.expires_at()];
        Draft::of(self.created_at(), times, self.id(), metadata, self.content())
            .map(|draft| draft.finish(self.norm()))
    }

    pub(super) fn id(&self) -> &str {
        let id = &self.0[self.id_at()..self.metadata_at()];
        std::str::from_utf8(id).expect("it was written as text")
    }

    pub(super) fn metadata(&self) -> Object {
        let bytes = &self.0[self.metadata_at()..self.content_at()];
        rmp_serde::from_slice(bytes).expect("it was written as metadata")
    }

    pub(super) fn content(&self) -> Option<&str> {
        let end = self.0.len() - if self.has(NORM) { size_of::<f64>() } else { 0 };
        let content = &self.0[self.content_at()..end];
        self.has(CONTENT).then(|| std::str::from_utf8(content).expect("it was written as text"))
    }

    /// The length of the vector as it was given, where it is not kept as it was given.
    pub(super) fn norm(&self) -> Option<f64> {
        self.has(NORM).then(|| f64::from_le_bytes(self.part(self.0.len() - 8)))
    }

    pub(super) fn created_at(&self) -> i64 {
        i64::from_le_bytes(self.part(CREATED))
    }

    fn updated_at(&self) -> i64 {
        self.time(UPDATED).unwrap_or(self.created_at())
    }

    pub(super) fn event_time(&self) -> Option<i64> {
        self.time(EVENT)
    }

    pub(super) fn expires_at(&self) -> Option<i64> {
        self.time(EXPIRES)
    }

    /// Has the entry expired by this time?
    pub(super) fn is_expired(&self, now: i64) -> bool {
        self.expires_at().is_some_and(|expires| expires <= now)
    }

    /// Is a time of the entry in a range?
    pub(super) fn happened_in(&self, range: Option<&TimeRange>) -> bool {
        range.is_none_or(|range| self.event_time().is_some_and(|time| range.contains(time)))
    }

    pub(super) fn created_in(&self, range: Option<&TimeRange>) -> bool {
        range.is_none_or(|range| range.contains(self.created_at()))
    }

    /// The entry, with this vector.
    pub(super) fn entry(&self, scope: &Scope, vector: Vec<f32>) -> VectorEntry {
        let mut entry = VectorEntry::new(self.id(), vector).with_scope(scope.clone());
        entry.metadata = self.metadata();
        entry.content = self.content().map(str::to_owned);
        entry.created_at = Some(self.created_at());
        entry.updated_at = Some(self.updated_at());
        entry.event_time = self.event_time();
        entry.expires_at = self.expires_at();
        entry
    }

    /// The bytes that it takes, with what counts its owners, and its place in a [`Radix`].
    ///
    /// [`Radix`]: super::radix::Radix
    pub(super) fn bytes(&self) -> usize {
        self.0.len() + 2 * size_of::<usize>() + size_of::<Self>()
    }

    /// What the record has; reading it has the rest fetched.
    pub(super) fn flags(&self) -> u8 {
        self.0[0]
    }

    fn has(&self, flag: u8) -> bool {
        self.flags() & flag != 0
    }

    fn time(&self, flag: u8) -> Option<i64> {
        // Behind those whose flags are lower.
        let before = (self.0[0] & (flag - 1)).count_ones() as usize;
        self.has(flag).then(|| i64::from_le_bytes(self.part(TIMES + 8 * before)))
    }

    fn part<const N: usize>(&self, at: usize) -> [u8; N] {
        self.0[at..at + N].try_into().expect("as many bytes")
    }

    fn id_at(&self) -> usize {
        let times = self.0[0] & (UPDATED | EVENT | EXPIRES);
        TIMES + 8 * times.count_ones() as usize
    }

    fn metadata_at(&self) -> usize {
        self.id_at() + usize::from(u16::from_le_bytes(self.part(ID_LENGTH)))
    }

    fn content_at(&self) -> usize {
        self.metadata_at() + u32::from_le_bytes(self.part(METADATA_LENGTH)) as usize
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
        let record = Draft::new(&full, None, 7).unwrap().finish(Some(2.5));
        let back = record.entry(&Scope::Global, vec![]);
        assert_eq!((&*back.id, &back.metadata), ("\0\u{e9}", &full.metadata));
        assert_eq!((back.content.as_deref(), record.norm()), (Some(""), Some(2.5)));
        assert_eq!((back.created_at, back.updated_at), (Some(7), Some(7)));
        assert_eq!((back.event_time, back.expires_at), (Some(-5), Some(27)));
        assert!(!record.is_expired(26) && record.is_expired(27));

        let record = record.with_metadata(&Object::new(), 9).unwrap();
        let back = record.entry(&Scope::Global, vec![]);
        assert_eq!((back.created_at, back.updated_at), (Some(7), Some(9)));
        assert!(back.metadata.is_empty() && record.norm() == Some(2.5));

        let record = Draft::new(&VectorEntry::new("a", vec![]), Some(3), 7).unwrap().finish(None);
        let back = record.entry(&Scope::Global, vec![]);
        assert_eq!((back.created_at, back.content, back.expires_at), (Some(3), None, None));
        assert!(!record.is_expired(i64::MAX) && record.happened_in(None));
        assert!(!record.happened_in(Some(&TimeRange::default())));
    }

    #[test]
    fn metadata_of_many_bytes_is_refused() {
        let long = [("a".to_owned(), "x".repeat(1 << 20))];
        let entry = VectorEntry::new("a", vec![]).with_metadata(long);
        assert_eq!(Draft::new(&entry, None, 0).unwrap_err().code(), "too_large");
    }
}
