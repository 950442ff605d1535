//! Which instruction set the process runs on: the best, or the one its environment names.

use std::env;
use std::ffi::OsString;

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
    chosen(env::var_os("VICINO_ISA"))
}

fn chosen(setting: Option<OsString>) -> Result<Simd, Error> {
    match setting {
        Some(name) => Simd::new(name.to_string_lossy().parse::<Isa>()?),
        None => Ok(Simd::detect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_the_whole_name_of_a_set() {
        let chosen = |name: Option<&str>| chosen(name.map(Into::into)).map(Simd::isa);
        let best = Simd::detect().isa();
        assert_eq!(chosen(None), Ok(best));
        assert_eq!(chosen(Some("scalar")), Ok(Isa::Scalar));
        assert_eq!(chosen(Some(best.name())), Ok(best));
        for wrong in ["", "sse9", "Scalar", "scalar "] {
            assert_eq!(chosen(Some(wrong)), Err(Error::UnknownIsa { name: wrong.to_owned() }));
        }
    }
}
