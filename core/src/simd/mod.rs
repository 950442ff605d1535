//! Instruction sets: which there are, which this machine has, and the proof that it has it.
//!
//! Kernels are generic over the lanes of a set, so a kernel and a set are each written once and
//! never their product. The CPU is asked once, where a [`Simd`] is made; the value is the proof
//! that its set is there, and everything after it is safe. All sets give the same bits, which
//! `verify` checks against scalar and the tests beside it against plain definitions.

mod element;
mod fold;
mod lanes;
mod prefetch;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
mod neon;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod proven;
#[cfg(any(not(all(target_arch = "wasm32", target_feature = "simd128")), feature = "twins"))]
mod scalar;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::error::Error;
pub use element::{Code, DIMENSIONS_MAX, Element};
pub use fold::Kernel;
pub(crate) use fold::{AnyWithin, Batch, Pair, Raw};
pub(crate) use lanes::{Lanes, Operation};
pub(crate) use prefetch::prefetch_lines;

/// Declares the sets, from the one that every machine has to the best, each with its name, the
/// builds that know it and the type whose value proves it.
macro_rules! instruction_sets {
    ($($(#[doc = $doc:literal])* $set:ident, $name:literal, $builds:meta, $lanes:ty;)*) => {
        /// An instruction set that kernels are compiled for.
        ///
        /// It changes how fast an answer comes, never the answer: every set gives the same bits.
        ///
        /// ```
        /// use vicino_core::Isa;
        ///
        /// assert_eq!("avx2".parse(), Ok(Isa::Avx2));
        /// assert_eq!(Isa::NeonDotprod.to_string(), "neon_dotprod");
        /// assert!("mmx".parse::<Isa>().is_err());
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Isa {
            $($(#[doc = $doc])* $set,)*
        }

        impl Isa {
            /// All sets, in the order of preference: the last that a machine has is its best.
            pub const ALL: &[Self] = &[$(Self::$set),*];

            /// The name in settings and messages.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$set => $name,)*
                }
            }
        }

        #[derive(Debug, Clone, Copy)]
        enum Proof {
            $(#[cfg($builds)] $set($lanes),)*
        }

        impl Simd {
            fn prove(isa: Isa) -> Option<Self> {
                match isa {
                    $(#[cfg($builds)] Isa::$set => <$lanes>::detect().map(Proof::$set).map(Self),)*
                    _ => None,
                }
            }

            /// The set that this value proves.
            #[must_use]
            pub fn isa(self) -> Isa {
                match self.0 {
                    $(#[cfg($builds)] Proof::$set(_) => Isa::$set,)*
                }
            }

            #[inline(always)]
            pub(crate) fn run<O: Operation>(self, operation: O) -> O::Output {
                match self.0 {
                    $(#[cfg($builds)] Proof::$set(lanes) => lanes.run(operation),)*
                }
            }
        }
    };
}

instruction_sets! {
    /// No vector instructions asked for; every machine has it, but a module with simd128 only where
    /// the feature `twins` asks for it.
    Scalar, "scalar", any(
        not(all(target_arch = "wasm32", target_feature = "simd128")), feature = "twins"
    ), scalar::Scalar;
    /// x86-64 with 256-bit registers.
    Avx2, "avx2", target_arch = "x86_64", avx2::Avx2;
    /// x86-64 with 512-bit registers: F, BW and VNNI.
    Avx512, "avx512", target_arch = "x86_64", avx512::Avx512;
    /// 64-bit ARM.
    Neon, "neon", all(target_arch = "aarch64", target_feature = "neon"), neon::Neon<false>;
    /// 64-bit ARM with the dot-product extension.
    NeonDotprod, "neon_dotprod", all(target_arch = "aarch64", target_feature = "neon"),
        neon::Neon<true>;
    /// WebAssembly with 128-bit registers, where the module was built with them.
    Simd128, "simd128", all(target_arch = "wasm32", target_feature = "simd128"),
        simd128::Simd128;
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Isa {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let found = Self::ALL.iter().find(|isa| isa.name() == name);
        found.copied().ok_or_else(|| Error::UnknownIsa { name: name.to_owned() })
    }
}

/// An instruction set that this machine is known to have, and the kernels compiled for it.
///
/// ```
/// use vicino_core::{Isa, Simd, kernel::SquaredEuclidean};
///
/// let best = Simd::detect();
/// let plain = Simd::new(Isa::Scalar)?;
/// let (a, b) = ([0.5_f32; 384], [0.25_f32; 384]);
/// assert_eq!(best.pair(SquaredEuclidean, &a, &b), plain.pair(SquaredEuclidean, &a, &b));
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Simd(Proof);

impl Simd {
    /// The best set of this machine. Asks the CPU; keep the value.
    ///
    /// # Panics
    ///
    /// Never: every build has a set that all its machines have.
    #[must_use]
    pub fn detect() -> Self {
        let best = Isa::ALL.iter().rev().find_map(|&isa| Self::prove(isa));
        best.expect("every build has a set that all its machines have")
    }

    /// The given set.
    ///
    /// # Errors
    ///
    /// [`Error::IsaUnavailable`] where this machine, or this build, does not have it.
    pub fn new(isa: Isa) -> Result<Self, Error> {
        Self::prove(isa).ok_or_else(|| Error::IsaUnavailable { isa, best: Self::detect().isa() })
    }

    /// The distance between a query and a row, in O(d).
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] where the lengths differ, [`Error::TooManyDimensions`] over
    /// [`DIMENSIONS_MAX`].
    #[inline]
    pub fn pair<K: Kernel<Row>, Row: Element>(
        self,
        kernel: K,
        query: &[K::Query],
        row: &[Row],
    ) -> Result<Row::Total, Error> {
        check_lengths(query.len(), &[row])?;
        Ok(self.run(Pair { kernel, query, row }))
    }

    /// The distances between a query and each of the rows, in O(d) a row, faster than one by one:
    /// rows are compared several at a time and fetched ahead.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] where a row's length is not the query's,
    /// [`Error::OutputMismatch`] where `totals` is not as long as `rows`, and
    /// [`Error::TooManyDimensions`] over [`DIMENSIONS_MAX`]. `totals` is then left as it was.
    #[inline]
    pub fn batch<K: Kernel<Row>, Row: Element>(
        self,
        kernel: K,
        query: &[K::Query],
        rows: &[&[Row]],
        totals: &mut [Row::Total],
    ) -> Result<(), Error> {
        check_lengths(query.len(), rows)?;
        if rows.len() != totals.len() {
            return Err(Error::OutputMismatch { rows: rows.len(), found: totals.len() });
        }
        self.run(Batch { kernel, query, rows, totals, asked: 0 });
        Ok(())
    }
}

/// Are all rows as long as the query, and none too long?
#[inline]
pub(crate) fn check_lengths<Row>(query: usize, rows: &[&[Row]]) -> Result<(), Error> {
    if query > DIMENSIONS_MAX {
        return Err(Error::TooManyDimensions { max: DIMENSIONS_MAX, found: query });
    }
    match rows.iter().find(|row| row.len() != query) {
        Some(row) => Err(Error::DimensionMismatch { expected: query, found: row.len() }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
