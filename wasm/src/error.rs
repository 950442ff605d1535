//! Errors as JavaScript expects them: an `Error` with a `code`.

use js_sys::{Error as JsError, Reflect};
use wasm_bindgen::JsValue;

/// The error as a JavaScript `Error` with its message and its `code`.
pub(crate) fn to_js(error: &vicino_core::Error) -> JsValue {
    let thrown = JsError::new(&error.to_string());
    // Setting a property of an object made the line before cannot fail.
    let _ = Reflect::set(&thrown, &"code".into(), &error.code().into());
    thrown.into()
}
