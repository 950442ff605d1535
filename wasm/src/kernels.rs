//! The functions of the package that need no store.

use vicino_core::{DistanceMetric, Simd};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::convert;
use crate::error::Error;

/// The instruction set that the module was built for: `"simd128"`, or `"scalar"` without it.
#[wasm_bindgen]
#[must_use]
pub fn isa() -> String {
    Simd::detect().isa().to_string()
}

/// The distance between two vectors by the metric of this name.
///
/// # Errors
///
/// Those of [`DistanceMetric::distance`], `unknown_metric` and `invalid_argument`.
#[wasm_bindgen]
pub fn distance(
    #[wasm_bindgen(unchecked_param_type = "string")] metric: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "Float32Array")] a: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "Float32Array")] b: &JsValue,
) -> Result<f32, JsValue> {
    let distance = || -> Result<f32, Error> {
        let metric: DistanceMetric = convert::string(metric, "metric")?.parse()?;
        Ok(metric.distance(&convert::floats(a, "a")?, &convert::floats(b, "b")?)?)
    };
    Ok(distance()?)
}
