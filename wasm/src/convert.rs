//! From JavaScript values to Rust's: the one place that looks at what a caller passed.
//!
//! The glue would read a string or an array out of whatever it is given; here everything arrives
//! as a `JsValue` and is checked before a byte of it is copied.

use js_sys::Float32Array;
#[cfg(feature = "checks")]
use js_sys::Uint8Array;
use wasm_bindgen::{JsCast as _, JsValue};

use crate::error::Error;

/// A string.
pub(crate) fn string(value: &JsValue, argument: &'static str) -> Result<String, Error> {
    value.as_string().ok_or(Error::InvalidArgument { argument, expected: "a string" })
}

/// The values of a `Float32Array`.
pub(crate) fn floats(value: &JsValue, argument: &'static str) -> Result<Vec<f32>, Error> {
    let array = value.dyn_ref::<Float32Array>();
    array
        .map(Float32Array::to_vec)
        .ok_or(Error::InvalidArgument { argument, expected: "a Float32Array" })
}

/// The bytes of a `Uint8Array`.
#[cfg(feature = "checks")]
pub(crate) fn bytes(value: &JsValue, argument: &'static str) -> Result<Vec<u8>, Error> {
    let array = value.dyn_ref::<Uint8Array>();
    array
        .map(Uint8Array::to_vec)
        .ok_or(Error::InvalidArgument { argument, expected: "a Uint8Array" })
}

/// A whole number from 1 to `max`.
pub(crate) fn count(value: &JsValue, max: usize, argument: &'static str) -> Result<usize, Error> {
    let expected = "a whole number of 1 or more, and not too large";
    let number = value.as_f64().filter(|number| number.fract() == 0.0);
    match number.filter(|number| (1.0..=max as f64).contains(number)) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
        Some(number) => Ok(number as usize),
        None => Err(Error::InvalidArgument { argument, expected }),
    }
}
