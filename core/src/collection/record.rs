//! What is kept of an entry beside its vector, in one piece of memory that never changes.
//!
//! ```text
//! created | updated | event | expires | norm | id length | metadata length | id | metadata | content
//! 8 bytes   8         8       8         8      4           4
//! ```
//!
//! Numbers are little-endian, metadata is `MessagePack`. A time that is not set is the least
//! number, a text that is not there is told from an empty one by a byte before it. A reader holds
//! a record as long as it likes: changing metadata makes another.

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

/// Where the parts begin.
const CREATED: usize = 0;
const UPDATED: usize = 8;
const EVENT: usize = 16;
const EXPIRES: usize = 24;
const NORM: usize = 32;
const LENGTHS: usize = 40;
const ID: usize = 48;

/// No time, which none that is valid equals.
const NEVER: i64 = i64::MIN;

impl Draft {
    /// The record of an entry that is written at `now`, and was created before if `created` says so.
    pub(super) fn new(entry: &VectorEntry, created: Option<i64>, now: i64) -> Result<Self, Error> {
        let ends = entry.ttl_ms.map(|ttl| now.saturating_add(ttl));
        let expires = match (entry.expires_at, ends) {
            (Some(at), Some(end)) => Some(at.min(end)),
            (at, end) => at.or(end),
        };
        let times = [
            entry.created_at.or(created).unwrap_or(now),
            entry.updated_at.unwrap_or(now),
            entry.event_time.unwrap_or(NEVER),
            expires.unwrap_or(NEVER),
        ];
        Self::of(times, &entry.id, &entry.metadata, entry.content.as_deref())
    }

    fn of(
        times: [i64; 4],
        id: &str,
        metadata: &Object,
        content: Option<&str>,
    ) -> Result<Self, Error> {
        let metadata = rmp_serde::to_vec(metadata).expect("memory can be written to");
        check_size("bytes of metadata", METADATA_BYTES_MAX, metadata.len())?;
        let length = |length: usize| u32::try_from(length).expect("checked").to_le_bytes();
        let mut bytes = Vec::with_capacity(
            ID + id.len() + metadata.len() + content.map_or(0, |content| 1 + content.len()),
        );
        times.iter().for_each(|time| bytes.extend(time.to_le_bytes()));
        bytes.extend([0; LENGTHS - NORM]);
        bytes.extend(length(id.len()));
        bytes.extend(length(metadata.len()));
        bytes.extend(id.as_bytes());
        bytes.extend(metadata);
        if let Some(content) = content {
            bytes.push(1);
            bytes.extend(content.as_bytes());
        }
        Ok(Self(bytes))
    }

    /// How many bytes the record will have.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The record, whose vector has this norm.
    pub(super) fn finish(mut self, norm: f64) -> Record {
        self.0[NORM..LENGTHS].copy_from_slice(&norm.to_le_bytes());
        Record(self.0.into())
    }
}

impl Record {
    /// The same with other metadata.
    pub(super) fn with_metadata(&self, metadata: &Object, now: i64) -> Result<Self, Error> {
        let times = [self.created_at(), now, self.time(EVENT), self.time(EXPIRES)];
        Draft::of(times, self.id(), metadata, self.content()).map(|draft| draft.finish(self.norm()))
    }

    pub(super) fn id(&self) -> &str {
        std::str::from_utf8(&self.0[ID..self.metadata_at()]).expect("it was written as text")
    }

    pub(super) fn metadata(&self) -> Object {
        let bytes = &self.0[self.metadata_at()..self.content_at()];
        rmp_serde::from_slice(bytes).expect("it was written as metadata")
    }

    pub(super) fn content(&self) -> Option<&str> {
        let content = self.0[self.content_at()..].split_first().map(|(_, content)| content);
        content.map(|content| std::str::from_utf8(content).expect("it was written as text"))
    }

    /// The length of the vector as it was given.
    pub(super) fn norm(&self) -> f64 {
        f64::from_le_bytes(self.part(NORM))
    }

    pub(super) fn created_at(&self) -> i64 {
        self.time(CREATED)
    }

    pub(super) fn event_time(&self) -> Option<i64> {
        Some(self.time(EVENT)).filter(|&time| time != NEVER)
    }

    pub(super) fn expires_at(&self) -> Option<i64> {
        Some(self.time(EXPIRES)).filter(|&time| time != NEVER)
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
        entry.updated_at = Some(self.time(UPDATED));
        entry.event_time = self.event_time();
        entry.expires_at = self.expires_at();
        entry
    }

    /// The bytes that it takes, with what counts its owners.
    pub(super) fn bytes(&self) -> usize {
        self.0.len() + 2 * size_of::<usize>()
    }

    fn time(&self, at: usize) -> i64 {
        i64::from_le_bytes(self.part(at))
    }

    fn part(&self, at: usize) -> [u8; 8] {
        self.0[at..at + 8].try_into().expect("eight bytes")
    }

    fn length(&self, at: usize) -> usize {
        u32::from_le_bytes(self.0[at..at + 4].try_into().expect("four bytes")) as usize
    }

    fn metadata_at(&self) -> usize {
        ID + self.length(LENGTHS)
    }

    fn content_at(&self) -> usize {
        self.metadata_at() + self.length(LENGTHS + 4)
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
        let record = Draft::new(&full, None, 7).unwrap().finish(2.5);
        let back = record.entry(&Scope::Global, vec![]);
        assert_eq!((&*back.id, &back.metadata), ("\0\u{e9}", &full.metadata));
        assert_eq!((back.content.as_deref(), record.norm()), (Some(""), 2.5));
        assert_eq!((back.created_at, back.updated_at), (Some(7), Some(7)));
        assert_eq!((back.event_time, back.expires_at), (Some(-5), Some(27)));
        assert!(!record.is_expired(26) && record.is_expired(27));

        let record = record.with_metadata(&Object::new(), 9).unwrap();
        let back = record.entry(&Scope::Global, vec![]);
        assert_eq!((back.created_at, back.updated_at), (Some(7), Some(9)));
        assert!(back.metadata.is_empty() && record.norm() == 2.5);

        let record = Draft::new(&VectorEntry::new("a", vec![]), Some(3), 7).unwrap().finish(0.0);
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
