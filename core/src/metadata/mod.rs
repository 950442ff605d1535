//! Metadata: what an entry says about itself, and where in it a value is.

mod field_path;
#[cfg(feature = "json")]
mod json;
mod number;
pub(crate) mod pack;
mod value;

pub use field_path::FieldPath;
pub use number::Number;
pub use value::{Object, Value};
