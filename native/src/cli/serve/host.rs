//! What is served: a store, those of its collections that are open, and a model for texts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockWriteGuard};

use anyhow::Result;
use axum::http::StatusCode;
use tokio::task::spawn_blocking;
use vicino::{CollectionInfo, HnswConfig, HnswVectorStorage, Store, StoreError};

use super::super::embed::{Embedder, Static};
use super::super::{of, texts};
use super::access::Access;
use super::failure::Failure;
use super::metrics::Metrics;
use super::room::Room;

/// What all requests share.
pub(super) struct Host {
    pub(super) store: Store,
    collections: RwLock<BTreeMap<String, Served>>,
    /// Held by who makes or drops a collection.
    changing: Mutex<()>,
    model: Arc<Static>,
    pub(super) access: Access,
    pub(super) room: Room,
    pub(super) metrics: Metrics,
}

/// What handlers of requests are given.
pub(super) type Shared = Arc<Host>;

/// A collection that is open.
#[derive(Debug, Clone)]
pub(super) struct Served {
    pub(super) info: CollectionInfo,
    pub(super) storage: HnswVectorStorage,
    /// Are texts embedded by the server's model?
    pub(super) is_text: bool,
}

impl Host {
    /// Opens the collections of a store.
    pub(super) fn new(store: Store, model: Static, access: Access) -> Result<Self> {
        let mut collections = BTreeMap::new();
        for info in store.collections_blocking()? {
            let is_text = texts::is_of(&store, &info.name, &model)?;
            let storage = of::storage(&store, info.clone())?;
            collections.insert(info.name.clone(), Served { info, storage, is_text });
        }
        Ok(Self {
            store,
            collections: RwLock::new(collections),
            changing: Mutex::new(()),
            model: Arc::new(model),
            access,
            room: Room::default(),
            metrics: Metrics::default(),
        })
    }

    pub(super) fn collections(&self) -> Vec<Served> {
        let collections = self.collections.read().unwrap_or_else(PoisonError::into_inner);
        collections.values().cloned().collect()
    }

    pub(super) fn collection(&self, name: &str) -> Result<Served, Failure> {
        let collections = self.collections.read().unwrap_or_else(PoisonError::into_inner);
        collections.get(name).cloned().ok_or_else(|| Failure::no_collection(name))
    }

    /// Makes a collection, of texts where no dimensions are named, unless it is there. Was it?
    pub(super) async fn create(
        self: &Arc<Self>,
        name: String,
        dimensions: Option<usize>,
        config: HnswConfig,
    ) -> Result<bool, Failure> {
        self.change(move |host| {
            let was_there = host.collection(&name).is_ok();
            let is_text = dimensions.is_none();
            let storage = match dimensions {
                Some(dimensions) => texts::open_vectors(&host.store, &name, dimensions, config)?,
                None => texts::open(&host.store, &name, &*host.model, config)?,
            };
            if !was_there {
                let served =
                    of::known(&host.store, &name)?.map(|info| Served { info, storage, is_text });
                host.collections_mut().extend(served.map(|served| (name, served)));
            }
            Ok(was_there)
        })
        .await
    }

    /// Drops a collection.
    pub(super) async fn drop(self: &Arc<Self>, name: String) -> Result<(), Failure> {
        self.collection(&name)?;
        self.change(move |host| {
            host.store.drop_collection_blocking(&name)?;
            host.collections_mut().remove(&name);
            texts::forget(&host.store, &name)
        })
        .await
    }

    /// Makes one change of the collections after the other, to its end also where nobody waits for
    /// it any more.
    async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        change: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let host = Arc::clone(self);
        apart(move || {
            let _changing = host.changing.lock().unwrap_or_else(PoisonError::into_inner);
            change(&host)
        })
        .await
    }

    fn collections_mut(&self) -> RwLockWriteGuard<'_, BTreeMap<String, Served>> {
        self.collections.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// A vector for each text, in their order.
    pub(super) async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, Failure> {
        let model = Arc::clone(&self.model);
        apart(move || Ok(model.embed(&texts))).await
    }
}

/// Does what takes long where no other request waits for it.
async fn apart<T: Send + 'static>(
    task: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let done = spawn_blocking(task).await.map_err(Failure::bug)?;
    done.map_err(|error| match error.downcast::<StoreError>() {
        Ok(error) => error.into(),
        Err(error) => Failure::new(StatusCode::CONFLICT, "mismatch", error.to_string()),
    })
}
