//! Errors as JavaScript expects them: an `Error` with a `code`.

use js_sys::{Error as JsError, Reflect};
use wasm_bindgen::JsValue;

/// What the package refuses.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Core refuses it.
    #[error(transparent)]
    Core(#[from] vicino_core::Error),
    /// An argument is not of the type that the function takes.
    #[error("`{argument}` must be {expected}")]
    InvalidArgument { argument: &'static str, expected: &'static str },
}

impl From<Error> for JsValue {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Core(error) => error.code(),
            Error::InvalidArgument { .. } => "invalid_argument",
        };
        let thrown = JsError::new(&error.to_string());
        // Setting a property of an object made the line before cannot fail.
        let _ = Reflect::set(&thrown, &"code".into(), &code.into());
        thrown.into()
    }
}
