//! Which model's vectors go to which store.

use std::cell::RefCell;

use js_sys::Array;
use vicino_core::{EmbeddingModel, Routes};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::{Of as _, Result};
use crate::object::object;
use crate::{read, stats, write};

/// The routes of a `DimensionRouter`, whose stores are JavaScript's.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Router {
    routes: RefCell<Routes<JsValue>>,
}

#[wasm_bindgen]
impl Router {
    /// One without models.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Could the model be registered? What its vectors are to be compared by, if that is known.
    pub fn check(&self, model: &JsValue, dimensions: &JsValue) -> Result<Option<String>> {
        let (model, dimensions) = (model_of(model)?, dimensions_of(dimensions)?);
        let mut routes = self.routes.borrow().clone();
        routes.register(model.clone(), dimensions, JsValue::UNDEFINED)?;
        Ok(model.info().map(|info| info.metric.to_string()))
    }

    /// Sends the vectors of a model to a store.
    pub fn register(&self, model: &JsValue, dimensions: &JsValue, store: JsValue) -> Result<()> {
        let (model, dimensions) = (model_of(model)?, dimensions_of(dimensions)?);
        Ok(self.routes.borrow_mut().register(model, dimensions, store)?)
    }

    /// The store of a model.
    pub fn get(&self, model: &JsValue) -> Result<JsValue> {
        let model = model_of(model)?;
        Ok(self.routes.borrow().get(&model)?.clone())
    }

    /// The store of a vector, by its length.
    pub fn detect(&self, vector: &JsValue) -> Result<JsValue> {
        let vector = read::vector(vector).of("vector")?;
        Ok(self.routes.borrow().detect(&vector)?.clone())
    }

    /// The models that are registered: name, dimensions, name, dimensions.
    #[must_use]
    pub fn models(&self) -> Array {
        let routes = self.routes.borrow();
        let each = |(model, dimensions, _): (&EmbeddingModel, usize, &JsValue)| {
            [JsValue::from(model.name()), write::count(dimensions)]
        };
        routes.iter().flat_map(each).collect()
    }
}

/// The embedding models that are known.
#[wasm_bindgen]
#[must_use]
pub fn models() -> JsValue {
    object(&stats::models())
}

/// A vector of a model cut to its first values.
#[wasm_bindgen]
pub fn truncate(model: &JsValue, vector: &JsValue, dimensions: &JsValue) -> Result<Vec<f32>> {
    let (model, dimensions) = (model_of(model)?, dimensions_of(dimensions)?);
    let vector = read::vector(vector).of("vector")?;
    Ok(model.truncate(&vector, dimensions)?)
}

fn model_of(value: &JsValue) -> Result<EmbeddingModel> {
    read::string(value).map(EmbeddingModel::new).of("model")
}

fn dimensions_of(value: &JsValue) -> Result<usize> {
    read::count(value).of("dimensions")
}
