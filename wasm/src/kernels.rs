//! The functions of the package that need no store.

use vicino_core::kernel::verify;
use vicino_core::{DistanceMetric, Isa, Simd};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::to_js;

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
/// Those of [`DistanceMetric::distance`], and `unknown_metric`.
#[wasm_bindgen]
pub fn distance(metric: &str, a: &[f32], b: &[f32]) -> Result<f32, JsValue> {
    let metric: DistanceMetric = metric.parse().map_err(|error| to_js(&error))?;
    metric.distance(a, b).map_err(|error| to_js(&error))
}

/// Runs every kernel of an instruction set beside its scalar twin and returns the digest of the
/// results in hexadecimal digits: the same on every machine and in every engine.
///
/// # Errors
///
/// `kernel_mismatch` where one differs, `isa_unavailable` and `unknown_isa` for the name.
#[wasm_bindgen(js_name = verifyKernels)]
pub fn verify_kernels(isa: &str) -> Result<String, JsValue> {
    let digest = isa.parse::<Isa>().and_then(Simd::new).and_then(verify);
    digest.map(|digest| format!("{digest:016x}")).map_err(|error| to_js(&error))
}
