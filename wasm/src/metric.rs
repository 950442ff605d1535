//! What needs no store.

use vicino_core::Collection;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::{Of as _, Result, expected};
use crate::options::{StoreOptions, metric};
use crate::read;

/// The distance between two vectors by a metric.
#[wasm_bindgen]
pub fn distance(name: &JsValue, a: &JsValue, b: &JsValue) -> Result<f32> {
    let metric = metric(name).of("metric")?;
    let a = read::vector(a).of("a")?;
    let b = read::vector(b).of("b")?;
    Ok(metric.distance(&a, &b)?)
}

/// About how many bytes a store of so many entries takes.
#[wasm_bindgen(js_name = predictMemory)]
pub fn predict_memory(options: &JsValue) -> Result<f64> {
    let options = StoreOptions::read(options, 0.0, true).of("options")?;
    options.config.validate()?;
    let Some(entries) = options.entries else {
        return expected("a whole number").of("entries");
    };
    let (dimensions, bytes) = (options.dimensions()?, options.record_bytes);
    #[expect(clippy::cast_precision_loss, reason = "a prediction")]
    let bytes = Collection::predict_memory(&options.config, dimensions, entries, bytes) as f64;
    Ok(bytes)
}

/// The name of a scope, if it is one.
#[wasm_bindgen]
pub fn scope(name: &JsValue) -> Result<String> {
    Ok(read::scope(name).of("scope")?.to_string())
}
