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
        Some(name) => named(&name.to_string_lossy()),
        None => Ok(Simd::detect()),
    }
}

fn named(name: &str) -> Result<Simd, Error> {
    Simd::new(name.parse::<Isa>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_whole_setting() {
        assert_eq!(named("scalar").map(Simd::isa), Ok(Isa::Scalar));
        assert_eq!(named("sse9").unwrap_err().code(), "unknown_isa");
        assert_eq!(named("").unwrap_err().code(), "unknown_isa");
    }
}
