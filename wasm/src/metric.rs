//! What needs no store.

use vicino_core::Collection;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::{Result, expected};
use crate::options::{StoreOptions, metric};
use crate::read;

/// The distance between two vectors by a metric.
///
/// # Errors
///
/// Those of [`vicino_core::DistanceMetric::distance`] and of reading.
#[wasm_bindgen]
pub fn distance(name: &JsValue, a: &JsValue, b: &JsValue) -> Result<f32> {
    let metric = metric(name).map_err(|error| error.of("metric"))?;
    let a = read::vector(a).map_err(|error| error.of("a"))?;
    let b = read::vector(b).map_err(|error| error.of("b"))?;
    Ok(metric.distance(&a, &b)?)
}

/// About how many bytes a store of so many entries takes.
///
/// # Errors
///
/// Those of [`vicino_core::HnswConfig::validate`] and of reading.
#[wasm_bindgen(js_name = predictMemory)]
pub fn predict_memory(options: &JsValue) -> Result<f64> {
    let options = StoreOptions::read(options, true)?;
    options.config.validate()?;
    let Some(entries) = options.entries else {
        return expected("a whole number").map_err(|error| error.of("entries"));
    };
    let (dimensions, bytes) = (options.dimensions()?, options.record_bytes);
    #[expect(clippy::cast_precision_loss, reason = "a prediction")]
    let bytes =
        Collection::predict_memory(&options.config, dimensions, entries, bytes) as f64;
    Ok(bytes)
}

/// The name of a scope, if it is one.
///
/// # Errors
///
/// `unknown_scope_kind` and `invalid_name`.
#[wasm_bindgen]
pub fn scope(name: &JsValue) -> Result<String> {
    Ok(read::scope(name).map_err(|error| error.of("scope"))?.to_string())
}
