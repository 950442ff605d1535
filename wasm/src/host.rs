//! What the package's own JavaScript does for this module, see `wasm/npm/host.js`.
//!
//! Whatever looks into a caller's values is there and caught here: an accessor may throw, a proxy
//! may do anything. What makes values for the caller sets no property that a caller can intercept.

use js_sys::Array;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(raw_module = "../host.js")]
extern "C" {
    /// The own properties of an object, one after the other: name, value, name, value. `undefined`
    /// where it is none, or none that is `plain` though it has to be.
    #[wasm_bindgen(catch)]
    pub(crate) fn fields(value: &JsValue, plain: bool) -> Result<Option<Array>, JsValue>;

    /// The items of an array, in an array that is no longer the caller's. A length where there are
    /// more than `most`, `undefined` where it is no array.
    #[wasm_bindgen(catch)]
    pub(crate) fn items(value: &JsValue, most: u32) -> Result<JsValue, JsValue>;

    /// Numbers of a typed array, or of an array that holds nothing else.
    #[wasm_bindgen(catch)]
    pub(crate) fn floats(value: &JsValue) -> Result<Option<js_sys::Float32Array>, JsValue>;

    /// Bytes where they lie.
    #[wasm_bindgen(catch)]
    pub(crate) fn bytes(value: &JsValue) -> Result<Option<js_sys::Uint8Array>, JsValue>;

    /// Is the text without half a pair of surrogates?
    #[wasm_bindgen(js_name = isWellFormed)]
    pub(crate) fn is_well_formed(text: &JsValue) -> bool;

    /// Fills a slice with random bytes.
    #[wasm_bindgen(catch)]
    pub(crate) fn random(bytes: &mut [u8]) -> Result<(), JsValue>;

    /// A `VicinoError`.
    pub(crate) fn error(
        code: &str,
        message: &str,
        fields: &JsValue,
        position: Option<usize>,
        cause: &JsValue,
    ) -> JsValue;

    /// `{ scope, id }`.
    pub(crate) fn key(scope: &JsValue, id: &str) -> JsValue;

    /// A result; metadata is JSON.
    pub(crate) fn result(
        scope: &JsValue,
        id: &str,
        score: f32,
        distance: f32,
        metadata: Option<&str>,
        content: Option<&str>,
        vector: Option<&[f32]>,
    ) -> JsValue;

    /// An entry; metadata is JSON.
    pub(crate) fn entry(
        scope: &JsValue,
        id: &str,
        vector: &[f32],
        metadata: &str,
        content: Option<&str>,
        created_at: Option<f64>,
        updated_at: Option<f64>,
        event_time: Option<f64>,
        expires_at: Option<f64>,
    ) -> JsValue;

    /// The results of several queries: all ids in one text, and where each of them ends in it.
    pub(crate) fn results(
        ids: &str,
        ends: &[u32],
        scores: &[f32],
        distances: &[f32],
        counts: &[u32],
    ) -> JsValue;
}
