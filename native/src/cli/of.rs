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
    pub(super) fn new(store: &Path, collection: &str) -> Self {
        Self { store: store.to_owned(), collection: collection.to_owned() }
    }

    /// The store, which must be there.
    pub(super) fn store(&self) -> Result<Store> {
        let is_there = self.store.join("store.redb").exists();
        ensure!(is_there, "there is no store in {}", self.store.display());
        Ok(Store::open_blocking(&self.store)?)
    }

    /// The collection as it was made, if it was.
    pub(super) fn known(&self, store: &Store) -> Result<Option<CollectionInfo>> {
        let all = store.collections_blocking()?;
        Ok(all.into_iter().find(|known| known.name == self.collection))
    }

    /// The collection, which must be there.
    pub(super) fn storage(&self, store: &Store) -> Result<HnswVectorStorage> {
        let Some(CollectionInfo { name, dimensions, config, .. }) = self.known(store)? else {
            let all = store.collections_blocking()?;
            let names: Vec<&str> = all.iter().map(|known| &*known.name).collect();
            bail!("there is no collection {:?}, but {names:?}", self.collection);
        };
        Ok(store.collection_blocking(&name, dimensions, config)?)
    }
}
