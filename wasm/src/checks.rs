//! Does the module give the bits that every machine gives? For tests: no package ships them.

use vicino_core::kernel::verify;
use vicino_core::{Isa, Simd};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::convert;
use crate::error::Error;

/// Runs every kernel of an instruction set beside its scalar twin and returns the digest of the
/// results in hexadecimal digits: the same on every machine and in every engine.
///
/// # Errors
///
/// `kernel_mismatch` where one differs; `isa_unavailable`, `unknown_isa` and `invalid_argument`
/// for the name.
#[wasm_bindgen(js_name = verifyKernels)]
pub fn verify_kernels(
    #[wasm_bindgen(unchecked_param_type = "string")] isa: &JsValue,
) -> Result<String, JsValue> {
    Ok(digest(isa, verify)?)
}

/// Builds small indexes with an instruction set, deletes from them, searches them, and returns the
/// digest of their graphs and answers in hexadecimal digits: the same on every machine and in every
/// engine.
///
/// # Errors
///
/// `isa_unavailable`, `unknown_isa` and `invalid_argument` for the name; `out_of_memory`.
#[wasm_bindgen(js_name = verifyIndex)]
pub fn verify_index(
    #[wasm_bindgen(unchecked_param_type = "string")] isa: &JsValue,
) -> Result<String, JsValue> {
    Ok(digest(isa, vicino_core::verify_index)?)
}

/// Opens a snapshot with an instruction set, lists it, searches it, changes it and writes it again,
/// and returns the digest of all that it tells in hexadecimal digits: the same on every machine and
/// in every engine.
///
/// # Errors
///
/// `corrupt` and `unknown_format` for the bytes; `isa_unavailable`, `unknown_isa` and
/// `invalid_argument`; `out_of_memory`.
#[wasm_bindgen(js_name = verifySnapshot)]
pub fn verify_snapshot(
    #[wasm_bindgen(unchecked_param_type = "string")] isa: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "Uint8Array")] snapshot: &JsValue,
) -> Result<String, JsValue> {
    let verify = || {
        let snapshot = convert::bytes(snapshot, "snapshot")?;
        digest(isa, |simd| vicino_core::verify_snapshot(simd, &snapshot))
    };
    Ok(verify()?)
}

/// Makes one of four small collections with an instruction set and returns its snapshot: the same
/// bytes on every machine and in every engine. Numbers begin at 1.
///
/// # Errors
///
/// `isa_unavailable`, `unknown_isa` and `invalid_argument`; `out_of_memory`.
#[wasm_bindgen(js_name = sampleSnapshot)]
pub fn sample_snapshot(
    #[wasm_bindgen(unchecked_param_type = "string")] isa: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "number")] number: &JsValue,
) -> Result<Vec<u8>, JsValue> {
    let sample = || -> Result<Vec<u8>, Error> {
        let isa: Isa = convert::string(isa, "isa")?.parse()?;
        let number = convert::count(number, 4, "number")?;
        let sample = vicino_core::sample_snapshot(Simd::new(isa)?, number - 1)?;
        Ok(sample.unwrap_or_default())
    };
    Ok(sample()?)
}

/// What a check gives on the set of this name.
fn digest(
    isa: &JsValue,
    check: impl FnOnce(Simd) -> Result<u64, vicino_core::Error>,
) -> Result<String, Error> {
    let isa: Isa = convert::string(isa, "isa")?.parse()?;
    Ok(format!("{:016x}", check(Simd::new(isa)?)?))
}
