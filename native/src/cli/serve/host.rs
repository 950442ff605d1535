//! What is served: a store, those of its collections that are open, and a model for texts.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Result;
use axum::http::StatusCode;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::spawn_blocking;
use vicino::{CollectionInfo, HnswConfig, HnswVectorStorage, Scope, ScopedVectorStorage, Store};

use super::super::embed::{Embedder, Static};
use super::super::{of, texts};
use super::access::Access;
use super::failure::Failure;
use super::metrics::Metrics;

/// What all requests share.
pub(super) struct Host {
    pub(super) store: Store,
    collections: RwLock<BTreeMap<String, Served>>,
    /// Held by who makes or drops a collection.
    changing: Mutex<()>,
    model: Arc<Static>,
    pub(super) access: Access,
    /// A permit for each KB of the bodies that are in memory.
    pub(super) room: Arc<Semaphore>,
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

/// Bodies that are in memory at once take together no more KB; others wait. What they become is
/// up to sixteen times as large.
const ROOM_KB: usize = 64 << 10;

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
            room: Arc::new(Semaphore::new(ROOM_KB)),
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
        let _changing = self.changing.lock().await;
        let was_there = self.collection(&name).is_ok();
        let host = Arc::clone(self);
        apart(move || {
            let is_text = dimensions.is_none();
            let storage = match dimensions {
                Some(dimensions) => host.store.collection_blocking(&name, dimensions, config)?,
                None => texts::open(&host.store, &name, &*host.model, config)?,
            };
            if !was_there {
                let all = host.store.collections_blocking()?;
                let info = all.into_iter().find(|info| info.name == name);
                let served = info.map(|info| Served { info, storage, is_text });
                let mut collections =
                    host.collections.write().unwrap_or_else(PoisonError::into_inner);
                collections.extend(served.map(|served| (name, served)));
            }
            Ok(was_there)
        })
        .await
    }

    /// Drops a collection.
    pub(super) async fn drop(self: &Arc<Self>, name: String) -> Result<(), Failure> {
        let _changing = self.changing.lock().await;
        self.collection(&name)?;
        let host = Arc::clone(self);
        apart(move || {
            host.collections.write().unwrap_or_else(PoisonError::into_inner).remove(&name);
            host.store.drop_collection_blocking(&name)?;
            texts::forget(&host.store, &name)
        })
        .await
    }

    /// A vector for each text, in their order.
    pub(super) async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, Failure> {
        let model = Arc::clone(&self.model);
        apart(move || Ok(model.embed(&texts))).await
    }
}

impl Served {
    pub(super) fn scope(&self, scope: &Scope) -> Result<ScopedVectorStorage, Failure> {
        Ok(self.storage.scope(scope)?)
    }
}

/// Does what takes long where no other request waits for it.
async fn apart<T: Send + 'static>(
    task: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let done = spawn_blocking(task).await.map_err(|error| {
        tracing::error!(target: "vicino::serve", "{error}");
        Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "panicked", "a bug; please report it")
    })?;
    done.map_err(|error| match error.downcast::<vicino::StoreError>() {
        Ok(error) => error.into(),
        Err(error) => Failure::new(StatusCode::CONFLICT, "mismatch", error.to_string()),
    })
}
