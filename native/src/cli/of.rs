//! Which store a subcommand is about, and which collection of it.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use clap::Args;
use vicino::{CollectionInfo, DistanceMetric, Error, HnswVectorStorage, Store};

/// A metric by its name, written with hyphens or with underscores.
pub(super) fn metric(name: &str) -> Result<DistanceMetric, Error> {
    name.replace('-', "_").parse()
}

/// A collection of a store.
#[derive(Debug, Args)]
pub(super) struct Of {
    /// The folder of the store
    pub(super) store: PathBuf,
    /// The collection
    #[arg(long, default_value = "default", value_name = "NAME")]
    pub(super) collection: String,
}

impl Of {
    /// The store, which must be there.
    pub(super) fn store(&self) -> Result<Store> {
        store(&self.store)
    }

    /// The collection, if it is there.
    pub(super) fn known(&self, store: &Store) -> Result<Option<HnswVectorStorage>> {
        known(store, &self.collection)?.map(|known| storage(store, known)).transpose()
    }

    /// The collection, which must be there.
    pub(super) fn storage(&self, store: &Store) -> Result<HnswVectorStorage> {
        let Some(storage) = self.known(store)? else {
            let all = store.collections_blocking()?;
            let names: Vec<&str> = all.iter().map(|known| &*known.name).collect();
            bail!("there is no collection {:?}, but {names:?}", self.collection);
        };
        Ok(storage)
    }
}

/// The store in a folder, which must be there.
pub(super) fn store(folder: &Path) -> Result<Store> {
    let is_there = folder.join("store.redb").exists();
    ensure!(is_there, "there is no store in {}", folder.display());
    Ok(Store::open_blocking(folder)?)
}

/// What a collection is, if it is there.
pub(super) fn known(store: &Store, name: &str) -> Result<Option<CollectionInfo>> {
    Ok(store.collections_blocking()?.into_iter().find(|known| known.name == name))
}

/// A collection as it was made.
pub(super) fn storage(store: &Store, known: CollectionInfo) -> Result<HnswVectorStorage> {
    let CollectionInfo { name, dimensions, config, .. } = known;
    Ok(store.collection_blocking(&name, dimensions, config)?)
}
