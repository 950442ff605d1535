//! Which instruction set the process runs on: the best, or the one its environment names.

use std::env;

use vicino_core::{Error, Isa, Simd};

/// The instruction set that the environment variable `VICINO_ISA` names (`scalar`, `avx2`, ...),
/// or without it the best of this machine.
///
/// It changes how fast answers come, never the answers.
///
/// # Errors
///
/// [`Error::UnknownIsa`] for a name that is none, [`Error::IsaUnavailable`] for a set that this
/// machine does not have.
pub fn simd() -> Result<Simd, Error> {
    match env::var_os("VICINO_ISA") {
        Some(name) => Simd::new(name.to_string_lossy().parse::<Isa>()?),
        None => Ok(Simd::detect()),
    }
}
