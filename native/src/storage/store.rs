//! A folder with any number of collections and values under keys.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use redb::{Error, ReadableTable, WriteTransaction};
use vicino_core::HnswConfig;

use super::collections::{check_name, config_of};
use super::load::{empty, fill};
use super::opened::Opened;
use super::{HnswVectorStorage, StoreConfig};
use crate::activity::{Evictions, ms};
use crate::checkpoint::{Checkpoints, FOLDER, Files, Manifest, RealFiles};
use crate::database::Database;
use crate::error::StoreError;
use crate::hosted::Hosted;
use crate::inbox::Task;
use crate::journal::{Journal, Place};
use crate::kv::RedbBackend;
use crate::lock::Lock;
use crate::meter::Latency;
use crate::pending;
use crate::room::Room;
use crate::tables::{COLLECTIONS, NUMBERS, VERSION, read_checkpoint, read_version, write_version};
use crate::threads::{apart, aside};

/// A folder that holds collections and values, durable together.
///
/// ```
/// use vicino::{HnswConfig, Store, StorageBackend, VectorEntry, VectorStorage};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let folder = tempfile::tempdir()?;
/// let store = Store::open(folder.path()).await?;
/// let small = store.collection("small", 2, HnswConfig::balanced()).await?;
/// small.insert(vec![VectorEntry::new("a", vec![1.0, 0.0])]).await?;
/// store.backend().set("last import", b"today".to_vec()).await?;
/// store.close().await?;
/// drop((store, small));
///
/// let store = Store::open(folder.path()).await?;
/// let small = store.collection("small", 2, HnswConfig::balanced()).await?;
/// assert_eq!(small.stats().await?.vector_count, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) database: Arc<Database>,
    checkpoints: Arc<Checkpoints>,
    pub(super) journal: Journal,
    pub(super) open: Arc<Opened>,
}

/// What a store did.
///
/// ```
/// use vicino::Store;
///
/// let folder = tempfile::tempdir()?;
/// let store = Store::open_blocking(folder.path())?;
/// let before = store.stats()?.commits;
/// store.backend().blocking().set("key", vec![1])?;
/// assert_eq!(store.stats()?.commits, before + 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreStats {
    /// Transactions that were made durable since the store was made.
    pub commits: u64,
    /// Those of writes, since it was opened.
    pub commit_latency: Latency,
    /// Checkpoints that wrote files, since it was opened.
    pub checkpoint_latency: Latency,
    /// Scopes of its collections that left memory, since it was opened.
    pub evictions: Evictions,
}

impl Store {
    /// Opens a folder, which is made where it is not there.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] where it is open already, and what the disk fails with.
    pub async fn open(folder: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(folder, StoreConfig::default()).await
    }

    /// The same with a configuration.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub async fn open_with(
        folder: impl AsRef<Path>,
        config: StoreConfig,
    ) -> Result<Self, StoreError> {
        let folder = folder.as_ref().to_owned();
        apart(move || Self::open_with_blocking(folder, config)).await
    }

    /// The same for programs that wait.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_blocking(folder: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with_blocking(folder, StoreConfig::default())
    }

    /// The same with a configuration.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with_blocking(
        folder: impl AsRef<Path>,
        config: StoreConfig,
    ) -> Result<Self, StoreError> {
        Self::open_on(folder.as_ref(), config, Box::new(RealFiles))
    }

    pub(crate) fn open_on(
        folder: &Path,
        config: StoreConfig,
        files: Box<dyn Files>,
    ) -> Result<Self, StoreError> {
        let began = Instant::now();
        fs::create_dir_all(folder).map_err(StoreError::io(folder))?;
        let lock = Lock::take(folder)?;
        let is_new = !folder.join("store.redb").exists();
        let database = Database::open(&folder.join("store.redb"), config.cache())?;
        let database = Arc::new(database.with_lock(lock));
        if is_new {
            // Its name, and that of its folder, outlive the power before anything is said to.
            let parent = folder.parent().filter(|parent| *parent != Path::new(""));
            for folder in [folder, parent.unwrap_or(Path::new("."))] {
                files.sync_folder(folder).map_err(StoreError::io(folder))?;
            }
        }
        let found = database.read(read_version)?.unwrap_or(VERSION);
        if found > VERSION {
            let path = database.path().to_owned();
            return Err(StoreError::UnknownVersion { path, max: VERSION, found });
        }
        if database.read(pending::is_any)? {
            tracing::info!("a write that was not ended is taken back");
            database.write(pending::undo)?;
        }
        let room = Arc::new(Room::new(config.room()));
        let checkpoints = checkpoints(folder, files, &room, &database)?;
        let place = Place {
            database: Arc::clone(&database),
            checkpoints: Some(Arc::clone(&checkpoints)),
            room,
            durability: config.durability,
            maintenance: config.maintenance,
        };
        let journal = Journal::new(Some(place));
        let (path, ms) = (folder.display(), ms(began.elapsed()));
        tracing::debug!(target: "vicino::open", %path, ms, "a store is open");
        Ok(Self { database, checkpoints, journal, open: Arc::default() })
    }

    /// The collection of a name, which is made where it is not there. It keeps the configuration
    /// that it was made with.
    ///
    /// # Errors
    ///
    /// [`StoreError::Mismatch`] where it holds vectors of another length or metric,
    /// [`Error::InvalidName`](vicino_core::Error::InvalidName) where the name is empty or longer
    /// than 255 bytes, and what the disk and the configuration fail with.
    pub async fn collection(
        &self,
        name: &str,
        dimensions: usize,
        config: HnswConfig,
    ) -> Result<HnswVectorStorage, StoreError> {
        let (store, name) = (self.clone(), name.to_owned());
        apart(move || store.collection_blocking(&name, dimensions, config)).await
    }

    /// The same for programs that wait.
    ///
    /// # Errors
    ///
    /// As [`collection`](Self::collection).
    pub fn collection_blocking(
        &self,
        name: &str,
        dimensions: usize,
        config: HnswConfig,
    ) -> Result<HnswVectorStorage, StoreError> {
        check_name(name)?;
        let hosted = self.open.with(name, |open| {
            if self.journal.is_closed() {
                return Err(StoreError::Closed);
            }
            if let Some(hosted) = open {
                let reader = hosted.reader();
                same_vectors((reader.dimensions(), reader.config()), (dimensions, &config))?;
                return Ok(Arc::clone(hosted));
            }
            let hosted = Arc::new(aside(|| self.load(name, dimensions, &config))?);
            self.journal.host(&hosted);
            Ok(Arc::clone(open.insert(hosted)))
        })?;
        Ok(HnswVectorStorage::of(hosted, self.journal.clone()))
    }

    /// Values under keys, in the same file.
    #[must_use]
    pub fn backend(&self) -> RedbBackend {
        RedbBackend::of(Arc::clone(&self.database), self.journal.clone())
    }

    /// What the store did.
    ///
    /// # Errors
    ///
    /// What the disk fails with.
    pub fn stats(&self) -> Result<StoreStats, StoreError> {
        let (mut evictions, activity) = (Evictions::default(), self.journal.activity());
        let hosts = self.journal.hosts();
        hosts.iter().for_each(|hosted| evictions += hosted.activity().evictions());
        Ok(StoreStats {
            commits: self.database.commits()?,
            commit_latency: activity.commits.latency(),
            checkpoint_latency: activity.checkpoints.latency(),
            evictions,
        })
    }

    /// Writes all that has changed into a checkpoint, so that the store is open at once the next
    /// time. It is done by itself where much has changed.
    ///
    /// # Errors
    ///
    /// What the disk fails with. The store then has everything all the same.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        self.journal.run_async(Task::Checkpoint).await.map(drop)
    }

    /// The same for programs that wait.
    ///
    /// # Errors
    ///
    /// As [`checkpoint`](Self::checkpoint).
    pub fn checkpoint_blocking(&self) -> Result<(), StoreError> {
        self.journal.run(Task::Checkpoint).map(drop)
    }

    /// Has the file of the database take no more than it needs, in O(bytes); others wait meanwhile.
    /// [`close`](Self::close) does so where more than half of it is free. Was there something?
    ///
    /// # Errors
    ///
    /// What the disk fails with. Nothing is lost by it.
    pub async fn compact(&self) -> Result<bool, StoreError> {
        let store = self.clone();
        apart(move || store.compact_blocking()).await
    }

    /// The same for programs that wait.
    ///
    /// # Errors
    ///
    /// As [`compact`](Self::compact).
    pub fn compact_blocking(&self) -> Result<bool, StoreError> {
        self.database.compact()
    }

    /// Makes what was asked for before and a [checkpoint](Self::checkpoint), and refuses what comes
    /// after. The folder can be opened again when the store and its collections have been dropped.
    /// A store that is dropped without it loses nothing, and takes longer to open.
    ///
    /// # Errors
    ///
    /// As [`checkpoint`](Self::checkpoint); the store is closed then too.
    pub async fn close(&self) -> Result<(), StoreError> {
        let store = self.clone();
        apart(move || store.close_blocking()).await
    }

    /// The same for programs that wait.
    ///
    /// # Errors
    ///
    /// As [`close`](Self::close).
    pub fn close_blocking(&self) -> Result<(), StoreError> {
        self.journal.close()
    }

    fn load(
        &self,
        name: &str,
        dimensions: usize,
        config: &HnswConfig,
    ) -> Result<Hosted, StoreError> {
        let began = Instant::now();
        // What core refuses is not to be found in the database.
        empty(dimensions, config.clone())?;
        let damaged =
            |reason| StoreError::Damaged { path: self.database.path().to_owned(), reason };
        let size = u32::try_from(dimensions).map_err(|_| damaged("too many dimensions"))?;
        let json = serde_json::to_string(config).map_err(|_| damaged("no configuration"))?;
        let (number, size, json) =
            self.database.write(|to| known_or_new(to, name, (size, &json)))?;
        let known = config_of(&self.database, &json)?;
        let known_dimensions = size as usize;
        same_vectors((known_dimensions, &known), (dimensions, config))?;
        let mut collection = empty(known_dimensions, known)?;
        let replayed = fill(&mut collection, number, &self.database, &self.checkpoints)?;
        tracing::debug!(
            target: "vicino::open",
            name,
            entries = collection.stats().vector_count,
            replayed,
            ms = ms(began.elapsed()),
            "a collection is open"
        );
        Ok(Hosted::new(name, number, collection))
    }
}

/// The checkpoints of a store, as far as they can be known.
fn checkpoints(
    folder: &Path,
    files: Box<dyn Files>,
    room: &Arc<Room>,
    database: &Database,
) -> Result<Arc<Checkpoints>, StoreError> {
    let text = database.read(read_checkpoint)?;
    let manifest = text.map_or(Ok(Manifest::default()), |text| serde_json::from_slice(&text));
    if let Err(error) = &manifest {
        tracing::warn!(%error, "checkpoints are unknown; all is made again of the database");
    }
    let folder = folder.join(FOLDER);
    Ok(Arc::new(Checkpoints::open(folder, files, Arc::clone(room), manifest.unwrap_or_default())?))
}

/// The collection of a name, as it is or as it is to be.
fn known_or_new(
    to: &WriteTransaction,
    name: &str,
    (dimensions, config): (u32, &str),
) -> Result<(u32, u32, String), Error> {
    write_version(to)?;
    let mut collections = to.open_table(COLLECTIONS)?;
    if let Some(known) = collections.get(name)? {
        let (number, dimensions, config) = known.value();
        return Ok((number, dimensions, config.to_owned()));
    }
    // One that was dropped had a number too: what is left of it anywhere is nobody's.
    let mut numbers = to.open_table(NUMBERS)?;
    let mut number = numbers.get(())?.map_or(0, |next| next.value());
    for collection in collections.iter()? {
        number = number.max(collection?.1.value().0.saturating_add(1));
    }
    let none = || Error::Corrupted("a collection has the last number".to_owned());
    numbers.insert((), number.checked_add(1).ok_or_else(none)?)?;
    collections.insert(name, (number, dimensions, config))?;
    Ok((number, dimensions, config.to_owned()))
}

/// Are vectors that come those that are known?
pub(super) fn same_vectors(
    known: (usize, &HnswConfig),
    asked: (usize, &HnswConfig),
) -> Result<(), StoreError> {
    let said = |(dimensions, config): (usize, &HnswConfig)| {
        format!("vectors of {dimensions} dimensions under {}", config.distance_metric)
    };
    let [expected, found] = [said(known), said(asked)];
    match expected == found {
        true => Ok(()),
        false => Err(StoreError::Mismatch { expected, found }),
    }
}
