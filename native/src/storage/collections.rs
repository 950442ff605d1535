//! Which collections a store has, and how one goes.
//!
//! What is dropped goes in one transaction: its name, its entries, what the log says of it, and its
//! files from those that are current. Its number is given to no other, so whatever is left of it
//! after a crash, a file or a name in `CURRENT`, belongs to nobody and is tidied up.

use std::sync::Arc;

use vicino_core::{Error, HnswConfig};

use super::Store;
use crate::checkpoint::manifest_text;
use crate::database::Database;
use crate::error::StoreError;
use crate::inbox::Task;
use crate::journal::Place;
use crate::tables::{drop_collection, read_collections, read_number, write_checkpoint};
use crate::threads::apart;
use crate::writer::Writer;

/// A collection of a store, see [`Store::collections`].
///
/// ```
/// use vicino::{HnswConfig, Store};
///
/// let folder = tempfile::tempdir()?;
/// let store = Store::open_blocking(folder.path())?;
/// store.collection_blocking("docs", 384, HnswConfig::balanced())?;
/// let [docs] = &store.collections_blocking()?[..] else { return Err("there is one".into()) };
/// assert_eq!((&*docs.name, docs.dimensions), ("docs", 384));
/// assert_eq!(docs.config, HnswConfig::balanced());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CollectionInfo {
    /// Its name.
    pub name: String,
    /// The number of values of a vector.
    pub dimensions: usize,
    /// The configuration that it was made with.
    pub config: HnswConfig,
}

/// The most bytes of a name.
const NAME_BYTES_MAX: usize = 255;

impl Store {
    /// All collections that there are, open or not, in the order of their names.
    ///
    /// # Errors
    ///
    /// What the disk fails with.
    pub async fn collections(&self) -> Result<Vec<CollectionInfo>, StoreError> {
        let store = self.clone();
        apart(move || store.collections_blocking()).await
    }

    /// The same for programs that wait.
    ///
    /// # Errors
    ///
    /// As [`collections`](Self::collections).
    pub fn collections_blocking(&self) -> Result<Vec<CollectionInfo>, StoreError> {
        let rows = self.database.read(read_collections)?.into_iter();
        let info = |(name, dimensions, config): (String, u32, String)| {
            let config = config_of(&self.database, &config)?;
            Ok(CollectionInfo { name, dimensions: dimensions as usize, config })
        };
        rows.map(info).collect()
    }

    /// Drops a collection with all that it holds; whether there was one. It is gone for good
    /// when this returns, and storages that are still open on it refuse all calls with
    /// [`StoreError::Dropped`]. One that is made under its name later is another.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidName`], and what the disk fails with.
    ///
    /// ```
    /// use vicino::{HnswConfig, Store, VectorEntry, VectorStorage};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let folder = tempfile::tempdir()?;
    /// let store = Store::open(folder.path()).await?;
    /// let docs = store.collection("docs", 2, HnswConfig::balanced()).await?;
    /// assert!(store.drop_collection("docs").await?);
    /// let late = docs.insert(vec![VectorEntry::new("a", vec![1.0, 0.0])]).await;
    /// assert_eq!(late.unwrap_err().code(), "dropped");
    /// assert!(store.collections().await?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn drop_collection(&self, name: &str) -> Result<bool, StoreError> {
        let (store, name) = (self.clone(), name.to_owned());
        apart(move || store.drop_collection_blocking(&name)).await
    }

    /// The same for programs that wait.
    ///
    /// # Errors
    ///
    /// As [`drop_collection`](Self::drop_collection).
    pub fn drop_collection_blocking(&self, name: &str) -> Result<bool, StoreError> {
        check_name(name)?;
        self.open.with(name, |open| {
            let done = self.journal.run(Task::DropCollection(name.to_owned()))?;
            *open = None;
            Ok(done.dropped())
        })
    }
}

impl Writer {
    /// Drops the collection of a name; whether there was one.
    pub(crate) fn drop_collection(&mut self, name: &str) -> Result<bool, StoreError> {
        let shared = Arc::clone(&self.shared);
        let Some(Place { database, checkpoints: Some(checkpoints), .. }) = &shared.place else {
            return Ok(false);
        };
        let Some(number) = database.read(|from| read_number(from, name))? else {
            return Ok(false);
        };
        let current = checkpoints.current().without(number);
        let text = manifest_text(&current)?;
        database.write(|to| {
            drop_collection(to, name, number)?;
            write_checkpoint(to, &text, u64::MAX, |of| of == number)
        })?;
        checkpoints.set_current(current, std::iter::empty());
        shared.unhost(number);
        match &mut self.running {
            Some(running) => running.forget(number),
            None => checkpoints.tidy(),
        }
        Ok(true)
    }
}

/// Can a collection have this name?
pub(super) fn check_name(name: &str) -> Result<(), StoreError> {
    match name.len() {
        1..=NAME_BYTES_MAX => Ok(()),
        found => Err(Error::InvalidName { what: "collection", max: NAME_BYTES_MAX, found }.into()),
    }
}

/// The configuration of a collection, as the database has it.
pub(super) fn config_of(database: &Database, json: &str) -> Result<HnswConfig, StoreError> {
    serde_json::from_str(json).map_err(|_| {
        let reason = "the configuration of a collection is none";
        StoreError::Damaged { path: database.path().to_owned(), reason }
    })
}
