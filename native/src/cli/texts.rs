//! Collections of texts: the store notes which model made the vectors of a collection, so that no
//! other is asked about them.

use anyhow::{Result, ensure};
use vicino::{HnswConfig, HnswVectorStorage, Store};

use super::embed::Embedder;
use super::of;

/// The collection of a name, made for texts that a model embeds where it is not there.
pub(super) fn open(
    store: &Store,
    name: &str,
    model: &dyn Embedder,
    config: HnswConfig,
) -> Result<HnswVectorStorage> {
    let is_there = of::known(store, name)?.is_some();
    if is_there {
        let is_same = is_of(store, name, model)?;
        ensure!(is_same, "the vectors of {name:?} were not made by {}", model.name());
    } else {
        // First, since a collection without it would be of no model.
        store.backend().blocking().set(&key(name), model.name().as_bytes().to_vec())?;
    }
    let opened = store.collection_blocking(name, model.dimensions(), config);
    if opened.is_err() && !is_there {
        forget(store, name)?;
    }
    Ok(opened?)
}

/// The collection of a name, made for vectors of whatever makes them where it is not there.
pub(super) fn open_vectors(
    store: &Store,
    name: &str,
    dimensions: usize,
    config: HnswConfig,
) -> Result<HnswVectorStorage> {
    if of::known(store, name)?.is_none() {
        // What was to be made and never was may have left a note.
        forget(store, name)?;
    }
    Ok(store.collection_blocking(name, dimensions, config)?)
}

/// Were the vectors of a collection made by a model?
pub(super) fn is_of(store: &Store, name: &str, model: &dyn Embedder) -> Result<bool> {
    let noted = store.backend().blocking().get(&key(name))?;
    Ok(noted.is_some_and(|noted| noted == model.name().as_bytes()))
}

/// Forgets the model of a collection that is gone.
pub(super) fn forget(store: &Store, name: &str) -> Result<()> {
    store.backend().blocking().delete(&key(name))?;
    Ok(())
}

fn key(name: &str) -> String {
    format!("model {name}")
}
