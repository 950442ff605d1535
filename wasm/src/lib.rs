//! Vicino for JavaScript: values in, values out, and core in between.
//!
//! One file a class. What JavaScript passes is checked before core sees it, and an error of core
//! arrives as an `Error` whose `code` is the word that Rust programs see.

#[cfg(feature = "checks")]
mod checks;
mod convert;
mod error;
mod kernels;
mod rows;

#[cfg(feature = "checks")]
pub use checks::{sample_snapshot, verify_index, verify_kernels, verify_snapshot};
pub use kernels::{distance, isa};
pub use rows::Rows;
