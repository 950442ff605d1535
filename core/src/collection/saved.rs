//! A partition in a snapshot.

use super::lookup::Lookup;
use super::partition::{Catalog, PartitionWriter, Tuned};
use super::records::RecordsWriter;
use crate::config::HnswConfig;
use crate::error::Error;
use crate::index::HnswIndex;
use crate::memory::collected;
use crate::simd::Simd;
use crate::snapshot::{Open, Part, Place, Save, Tag, corrupt};

const TIMES: Tag = Tag::new(*b"TIME", "times");
const TUNED: Tag = Tag::new(*b"TUNE", "measured recalls");

impl PartitionWriter {
    /// The partition of the part of a snapshot.
    pub(super) fn open(
        place: &Place,
        config: &HnswConfig,
        dimensions: usize,
        simd: Simd,
        open: &Open,
        mut part: Part,
    ) -> Result<Self, Error> {
        let index = HnswIndex::open(config, dimensions, simd, open, &mut part)?;
        let records = RecordsWriter::open(index.slot_count(), open.memory, &mut part)?;
        let lookup = Lookup::open(&index, records.records(), &mut part)?;
        let times: Vec<[i64; 2]> = part.take_values(TIMES)?;
        let [[created_at, now]] = times[..] else {
            return Err(corrupt(TIMES.name)("are not two"));
        };
        let tuned: Vec<[f64; 3]> = part.take_values(TUNED)?;
        part.end()?;
        if index.len() as u64 != place.entries {
            return Err(corrupt("directory")("has another number of entries than a part"));
        }
        if lookup.next_expiry().unwrap_or(i64::MAX) != place.next_expiry {
            return Err(corrupt("directory")("has another expiry than a part"));
        }
        let catalog = Catalog {
            number: index.numbers().number(),
            records: records.records().clone(),
            len: index.len(),
            next_expiry: lookup.next_expiry(),
            now,
            created_at,
            record_bytes: records.bytes(),
            tombstones: index.tombstones(),
            tuned: tuned.into_iter().map(Tuned::of_numbers).collect(),
        };
        let mut partition = Self::of(place.scope.clone(), index, records, catalog, lookup);
        partition.counted = partition.bytes();
        Ok(partition)
    }

    /// What the part of a snapshot has of the partition.
    pub(super) fn save(&self) -> Result<Save, Error> {
        let (index, lookup) = (self.index.save()?, self.partition.lookup().save()?);
        let records = self.records.save(self.index.slot_count())?;
        let Catalog { created_at, now, tuned, .. } = &self.catalog;
        let (times, tuned) =
            ([[*created_at, *now]], collected(tuned.len(), tuned.iter().map(Tuned::numbers))?);
        Ok(Box::new(move |part| {
            index(part);
            records(part);
            lookup(part);
            part.values(TIMES, &times);
            part.values(TUNED, &tuned);
        }))
    }
}

impl Tuned {
    #[expect(clippy::cast_precision_loss, reason = "both are below 2^53")]
    fn numbers(&self) -> [f64; 3] {
        [self.recall, self.k as f64, self.ef as f64]
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
    fn of_numbers([recall, k, ef]: [f64; 3]) -> Self {
        Self { recall, k: k as usize, ef: ef as usize }
    }
}
