//! Checks of snapshots that anyone can run: are files the same, and answers from them, on this
//! machine as on all others?
//!
//! The samples are small collections with everything that a file can hold. `tests/golden/` keeps
//! them as each released version wrote them, and what they answer; the suite, the emulated ARM run
//! and the Node tests compare both.

use std::hash::Hasher;

use twox_hash::XxHash3_64;

use crate::collection::Collection;
use crate::config::{Exact, HnswConfig, Quantization};
use crate::entry::{EntryKey, VectorEntry};
use crate::error::Error;
use crate::filter::field;
use crate::graph::Searcher;
use crate::memory::Bytes;
use crate::metadata::{Object, Value, pack};
use crate::metric::DistanceMetric;
use crate::mix::mix;
use crate::query::VectorQuery;
use crate::scope::Scope;
use crate::simd::Simd;
use crate::snapshot::{Open, Verify};

const DIMENSIONS: usize = 10;

/// Queries that a scope is asked, each with and without a filter.
const QUERIES: u64 = 170;

/// Makes one of four small collections with `simd`, with graphs, scans, filters, deletes and
/// times in them, and writes it: the same bytes on every machine. None beyond the last.
///
/// ```
/// use vicino_core::{Isa, Simd, sample_snapshot};
///
/// let sample = sample_snapshot(Simd::detect(), 0)?;
/// assert_eq!(sample, sample_snapshot(Simd::new(Isa::Scalar)?, 0)?);
/// assert_eq!(sample_snapshot(Simd::detect(), 4)?, None);
/// # Ok::<(), vicino_core::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::OutOfMemory`].
pub fn sample_snapshot(simd: Simd, number: usize) -> Result<Option<Vec<u8>>, Error> {
    let (metric, quantization, exact) = match number {
        0 => (DistanceMetric::Cosine, Quantization::Int8, Exact::F32),
        1 => (DistanceMetric::Euclidean, Quantization::Int8, Exact::F16),
        2 => (DistanceMetric::InnerProduct, Quantization::None, Exact::F32),
        3 => (DistanceMetric::Manhattan, Quantization::Int8, Exact::None),
        _ => return Ok(None),
    };
    let config = HnswConfig::balanced()
        .with_distance_metric(metric)
        .with_quantization(quantization)
        .with_exact(exact)
        .with_max_connections(4)
        .with_ef_construction(16)
        .with_promotion_size(256)
        .with_seed(7);
    let mut collection = Collection::new(config, DIMENSIONS, simd)?;
    let (large, small) = (Scope::Tenant("a:b \u{e9}".to_owned()), Scope::User("u".to_owned()));
    for (scope, count) in [(Scope::Global, 20), (large.clone(), 330), (small.clone(), 3)] {
        collection.insert((0..count).map(|i| entry(&scope, i, 0)).collect(), 1_000)?;
    }
    collection.delete_where(&large, &field("n").eq(3), 1_001)?;
    collection.maintain(500, 1_002)?;
    collection.upsert((40..60).map(|i| entry(&large, i, 1)).collect(), 1_003)?;
    collection.patch_metadata(&EntryKey::new(large.clone(), "id-9"), one("n", 9.into()), 1_004)?;
    collection.delete_where(&small, &field("n").gte(0), 1_005)?;
    let mut bytes = Vec::new();
    collection.snapshot()?.write(&mut bytes)?;
    Ok(Some(bytes))
}

/// Opens a snapshot with `simd`, lists it, searches it, changes it and writes it again, and returns
/// the digest of all that it tells: the same number on every machine.
///
/// ```
/// use vicino_core::{Isa, Simd, sample_snapshot, verify_snapshot};
///
/// let sample = sample_snapshot(Simd::detect(), 1)?.unwrap_or_default();
/// let scalar = Simd::new(Isa::Scalar)?;
/// assert_eq!(verify_snapshot(Simd::detect(), &sample)?, verify_snapshot(scalar, &sample)?);
/// # Ok::<(), vicino_core::Error>(())
/// ```
///
/// # Errors
///
/// Those of [`Collection::open`], of searches in it and of changes.
pub fn verify_snapshot(simd: Simd, snapshot: &[u8]) -> Result<u64, Error> {
    let open = Open::default().with_verify(Verify::Full);
    let mut collection = Collection::open(Bytes::copy_of(snapshot)?, simd, &open)?;
    let mut digest = Digest(XxHash3_64::new());
    let mut searcher = Searcher::default();
    for scope in collection.scopes() {
        digest.text(&scope.to_string());
        let mut after = None;
        loop {
            let page = collection.list(&scope, None, after.as_deref(), 100)?;
            page.entries.iter().for_each(|entry| digest.entry(entry));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        for number in 0..QUERIES {
            let vector = vector(collection.dimensions(), number, 9);
            let query = VectorQuery::new(vector, 10).with_scope(scope.clone()).with_ef(20);
            let filtered = query.clone().with_filter(field("n").gte((number % 9).cast_signed()));
            for query in [query, filtered] {
                let (results, explain) = collection.explain(&query, &mut searcher)?;
                explain.scopes.iter().for_each(|scope| digest.number(scope.matches as u64));
                for result in results {
                    digest.text(result.key.id());
                    digest.number(result.distance.to_bits().into());
                    digest.number(result.score.to_bits().into());
                }
            }
        }
        let now = 2_000;
        digest.number(collection.delete_where(&scope, &field("n").eq(1), now)? as u64);
        if collection.dimensions() == DIMENSIONS {
            collection.upsert((0..30).map(|i| entry(&scope, i, 2)).collect(), now)?;
        }
        digest.number(collection.maintain(u64::MAX, now)?.freed as u64);
    }
    let mut bytes = Vec::new();
    collection.snapshot()?.write(&mut bytes)?;
    digest.number(XxHash3_64::oneshot(&bytes));
    Ok(digest.0.finish())
}

/// An entry of a sample, the same for the same numbers.
fn entry(scope: &Scope, number: u64, life: u64) -> VectorEntry {
    let (signed, odd) = (number.cast_signed(), number % 2 == 1);
    let mut entry = VectorEntry::new(format!("id-{number}"), vector(DIMENSIONS, number, life))
        .with_scope(scope.clone())
        .with_metadata(one("n", (signed % 7).into()));
    let metadata = &mut entry.metadata;
    metadata.insert("half".to_owned(), Value::try_from(signed as f64 / 2.0).unwrap_or_default());
    metadata.insert("tags".to_owned(), vec!["x", if odd { "\u{e9}" } else { "y" }].into());
    metadata.insert("nested".to_owned(), one("deep", odd.into()).into());
    if number.is_multiple_of(5) {
        metadata.insert("long".to_owned(), "long ".repeat(60).into());
        metadata.insert("large".to_owned(), (u64::MAX - number).into());
        entry = entry.with_content(format!("text {number}")).with_event_time(-signed);
    }
    if number.is_multiple_of(11) {
        entry = entry.with_expires_at(1_500 + signed);
    }
    entry
}

fn one(key: &str, value: Value) -> Object {
    Object::from([(key.to_owned(), value)])
}

fn vector(dimensions: usize, number: u64, life: u64) -> Vec<f32> {
    let seed = mix(number << 8 | life);
    // What an f32 holds exactly.
    let value = |i: usize| (mix(seed ^ i as u64) >> 40) as f32 / (1 << 23) as f32 - 1.0;
    (0..dimensions).map(value).collect()
}

struct Digest(XxHash3_64);

impl Digest {
    fn number(&mut self, number: u64) {
        self.0.write(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.write(text.as_bytes());
    }

    fn entry(&mut self, entry: &VectorEntry) {
        self.text(&entry.id);
        entry.vector.iter().for_each(|value| self.number(value.to_bits().into()));
        let mut metadata = Vec::new();
        pack::write(&entry.metadata, &mut metadata);
        self.0.write(&metadata);
        self.text(entry.content.as_deref().unwrap_or_default());
        for time in [entry.created_at, entry.updated_at, entry.event_time, entry.expires_at] {
            self.number(time.map_or(u64::MAX, i64::cast_unsigned));
        }
    }
}
