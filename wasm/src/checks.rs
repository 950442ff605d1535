//! Checks that the module gives the bits that every machine gives. They are for its tests: the
//! package ships without them.

use js_sys::Uint8Array;
use vicino_core::kernel::verify;
use vicino_core::{Error as CoreError, Isa, Simd};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::Result;

/// The instruction set that the module was built for: `"simd128"`, or `"scalar"` without it.
#[wasm_bindgen]
#[must_use]
pub fn isa() -> String {
    Simd::detect().isa().to_string()
}

/// Runs every kernel of an instruction set beside its scalar twin and returns the digest of the
/// results in hexadecimal digits: the same on every machine and in every engine.
///
/// # Errors
///
/// `kernel_mismatch` where one differs; `isa_unavailable` and `unknown_isa` for the name.
#[wasm_bindgen(js_name = verifyKernels)]
pub fn verify_kernels(isa: &str) -> Result<String> {
    digest(isa, verify)
}

/// Builds small indexes with an instruction set, deletes from them, searches them, and returns the
/// digest of their graphs and answers in hexadecimal digits: the same on every machine and in every
/// engine.
///
/// # Errors
///
/// `isa_unavailable` and `unknown_isa` for the name; `out_of_memory`.
#[wasm_bindgen(js_name = verifyIndex)]
pub fn verify_index(isa: &str) -> Result<String> {
    digest(isa, vicino_core::verify_index)
}

/// Opens a snapshot with an instruction set, lists it, searches it, changes it and writes it again,
/// and returns the digest of all that it tells in hexadecimal digits: the same on every machine and
/// in every engine.
///
/// # Errors
///
/// `corrupt` and `unknown_format` for the bytes; `isa_unavailable` and `unknown_isa`;
/// `out_of_memory`.
#[wasm_bindgen(js_name = verifySnapshot)]
pub fn verify_snapshot(isa: &str, snapshot: &Uint8Array) -> Result<String> {
    let snapshot = snapshot.to_vec();
    digest(isa, |simd| vicino_core::verify_snapshot(simd, &snapshot))
}

/// Makes one of four small collections with an instruction set and returns its snapshot: the same
/// bytes on every machine and in every engine. Numbers begin at 0; none has the next.
///
/// # Errors
///
/// `isa_unavailable` and `unknown_isa`; `out_of_memory`.
#[wasm_bindgen(js_name = sampleSnapshot)]
pub fn sample_snapshot(isa: &str, number: usize) -> Result<Option<Vec<u8>>> {
    let isa: Isa = isa.parse()?;
    Ok(vicino_core::sample_snapshot(Simd::new(isa)?, number)?)
}

/// What a check gives on the set of this name.
fn digest(
    isa: &str,
    check: impl FnOnce(Simd) -> std::result::Result<u64, CoreError>,
) -> Result<String> {
    let isa: Isa = isa.parse()?;
    Ok(format!("{:016x}", check(Simd::new(isa)?)?))
}
