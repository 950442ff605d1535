//! Vectors of several models, each in a storage of its own.

use std::sync::{Arc, PoisonError, RwLock};

use vicino_core::{EmbeddingModel, HnswConfig, Routes};

use crate::error::StoreError;
use crate::storage::{HnswVectorStorage, Store};

/// Sends the vectors of each embedding model to a storage of their dimension: in memory, or in a
/// [`Store`].
///
/// ```
/// use vicino::{DimensionRouter, EmbeddingModel, VectorEntry};
///
/// let router = DimensionRouter::new();
/// router.register_model(EmbeddingModel::OPENAI_ADA_002, 1536)?;
/// router.register_model(EmbeddingModel::OPENAI_3_LARGE, 256)?;
///
/// let vector = vec![0.5; 256];
/// let storage = router.auto_detect_storage(&vector)?;
/// storage.blocking().insert(vec![VectorEntry::new("a", vector)])?;
/// let large = router.get_storage(&EmbeddingModel::OPENAI_3_LARGE)?;
/// assert_eq!(large.blocking().stats()?.vector_count, 1);
/// # Ok::<(), vicino::StoreError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct DimensionRouter {
    routes: Arc<RwLock<Routes<HnswVectorStorage>>>,
    store: Option<Store>,
    config: Option<HnswConfig>,
}

impl DimensionRouter {
    /// Storages in memory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Storages that are collections of a store, each named after its model.
    #[must_use]
    pub fn with_store(store: Store) -> Self {
        Self { store: Some(store), ..Self::default() }
    }

    /// Sets the configuration of storages that are yet to come. The default is
    /// [`HnswConfig::production`]; each compares vectors as their model wants it.
    #[must_use]
    pub fn with_config(mut self, config: HnswConfig) -> Self {
        self.config = Some(config);
        self
    }

    /// Makes or opens the storage of a model, whose vectors have so many dimensions.
    ///
    /// # Errors
    ///
    /// Those of [`Routes::register`], and of opening the collection.
    pub fn register_model(
        &self,
        model: EmbeddingModel,
        dimensions: usize,
    ) -> Result<(), StoreError> {
        let config = self.config.clone().unwrap_or_else(HnswConfig::production);
        let config = match model.info() {
            Some(info) => config.with_distance_metric(info.metric),
            None => config,
        };
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        // Before anything is made for a model that is refused.
        Routes::default().register(model.clone(), dimensions, ())?;
        if let Ok(storage) = routes.get(&model) {
            let storage = storage.clone();
            return Ok(routes.register(model, dimensions, storage)?);
        }
        let storage = match &self.store {
            Some(store) => store.collection_blocking(model.name(), dimensions, config)?,
            None => HnswVectorStorage::try_new(dimensions, config)?,
        };
        Ok(routes.register(model, dimensions, storage)?)
    }

    /// The storage of a model that was registered.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownModel`](vicino_core::Error::UnknownModel).
    pub fn get_storage(&self, model: &EmbeddingModel) -> Result<HnswVectorStorage, StoreError> {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        Ok(routes.get(model)?.clone())
    }

    /// The storage that a vector belongs to by its length alone.
    ///
    /// # Errors
    ///
    /// [`Error::NoModel`](vicino_core::Error::NoModel) and
    /// [`Error::AmbiguousModel`](vicino_core::Error::AmbiguousModel).
    pub fn auto_detect_storage(&self, vector: &[f32]) -> Result<HnswVectorStorage, StoreError> {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        Ok(routes.detect(vector)?.clone())
    }
}
