//! What a collection and the thread that writes it did: how often, and how long it took.

use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use vicino_core::{Executor, Scope, Watcher};

use crate::Rayon;
use crate::meter::{Latency, Meter};

/// What a storage did since it was opened.
///
/// ```
/// use vicino::{HnswConfig, HnswVectorStorage, VectorEntry, VectorQuery};
///
/// let folder = tempfile::tempdir()?;
/// let storage = HnswVectorStorage::open_blocking(folder.path(), 2, HnswConfig::balanced())?;
/// storage.blocking().insert(vec![VectorEntry::new("a", vec![1.0, 0.0])])?;
/// storage.blocking().search(&VectorQuery::new(vec![1.0, 0.1], 3))?;
///
/// let report = storage.report()?;
/// println!("99 of 100 searches took up to {:?}", report.search_latency.p99);
/// assert_eq!((report.search_latency.count, report.commit_latency.count), (1, 1));
/// assert_eq!((report.opening_latency.count, report.evictions.scopes), (0, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StorageReport {
    /// Searches, also those that were explained, and each of
    /// [`search_many`](crate::VectorStorage::search_many). What they wait for a thread is not
    /// counted.
    pub search_latency: Latency,
    /// Scopes that came into memory from a checkpoint.
    pub opening_latency: Latency,
    /// Scopes that left memory.
    pub evictions: Evictions,
    /// Transactions of writes that were made durable, of all collections of the store.
    pub commit_latency: Latency,
    /// Checkpoints of the store that wrote files.
    pub checkpoint_latency: Latency,
}

/// Scopes that left memory, since it was wanted for others.
///
/// ```
/// assert_eq!(vicino::Evictions::default().scopes, 0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Evictions {
    /// How many, one as often as it left.
    pub scopes: u64,
    /// The bytes that they took.
    pub bytes: u64,
}

impl AddAssign for Evictions {
    fn add_assign(&mut self, other: Self) {
        self.scopes += other.scopes;
        self.bytes += other.bytes;
    }
}

/// What is done to one collection.
#[derive(Debug)]
pub(crate) struct Activity {
    pub(crate) searches: Meter,
    openings: Meter,
    evicted_scopes: AtomicU64,
    evicted_bytes: AtomicU64,
    /// The zero of its time.
    since: Instant,
}

/// What is done to a store.
#[derive(Debug, Default)]
pub(crate) struct StoreActivity {
    pub(crate) commits: Meter,
    pub(crate) checkpoints: Meter,
}

/// [`Rayon`], with the time that each task takes.
pub(crate) struct Metered<'m>(pub(crate) &'m Meter);

impl Activity {
    pub(crate) fn new() -> Self {
        let (searches, openings) = (Meter::default(), Meter::default());
        let (evicted_scopes, evicted_bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { searches, openings, evicted_scopes, evicted_bytes, since: Instant::now() }
    }

    pub(crate) fn report(&self, store: &StoreActivity) -> StorageReport {
        StorageReport {
            search_latency: self.searches.latency(),
            opening_latency: self.openings.latency(),
            evictions: self.evictions(),
            commit_latency: store.commits.latency(),
            checkpoint_latency: store.checkpoints.latency(),
        }
    }

    pub(crate) fn evictions(&self) -> Evictions {
        let [scopes, bytes] =
            [&self.evicted_scopes, &self.evicted_bytes].map(|it| it.load(Ordering::Relaxed));
        Evictions { scopes, bytes }
    }
}

impl Watcher for Activity {
    fn now(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn opened(&self, scope: &Scope, began: u64, bytes: usize) {
        let time = Duration::from_nanos(self.now().saturating_sub(began));
        self.openings.record(time);
        tracing::debug!(target: "vicino::scopes", %scope, bytes, ms = ms(time), "opened");
    }

    fn closed(&self, scopes: usize, bytes: usize) {
        self.evicted_scopes.fetch_add(scopes as u64, Ordering::Relaxed);
        self.evicted_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        tracing::debug!(target: "vicino::scopes", scopes, bytes, "evicted");
    }
}

impl Executor for Metered<'_> {
    fn run(&self, count: usize, task: &(dyn Fn(usize) + Sync)) {
        Rayon.run(count, &|number| {
            let began = Instant::now();
            task(number);
            self.0.record(began.elapsed());
        });
    }
}

/// The milliseconds of a time, as events tell them.
pub(crate) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
