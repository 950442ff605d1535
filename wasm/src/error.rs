//! Errors as JavaScript expects them: a `VicinoError` with a code, and what it knows as fields.

use serde::Serialize;
use vicino_core::Error as CoreError;
use wasm_bindgen::JsValue;

use crate::host;
use crate::object::object;

/// What the package refuses.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Core refuses it.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// An argument is not what the call takes.
    #[error("`{argument}` must be {expected}")]
    InvalidArgument {
        /// Which, as a path: `entries[3].vector`.
        argument: String,
        /// What it must be.
        expected: &'static str,
    },
    /// An object has a key that means nothing.
    #[error("`{argument}` has no {option:?}; remove it, or mend its spelling")]
    UnknownOption {
        /// The object.
        argument: String,
        /// The key.
        option: String,
    },
    /// The engine stopped in the middle of an earlier call.
    #[error("an earlier call on this store was cut off; open its last snapshot again")]
    Broken,
    /// A caller's accessor or proxy threw.
    #[error("`{argument}` cannot be read: what reads it threw")]
    Unreadable {
        /// Which argument.
        argument: String,
        /// What was thrown.
        cause: JsValue,
    },
}

/// What a call gives, or why not.
pub type Result<T> = std::result::Result<T, Error>;

/// That an argument is not what it must be; [`Error::of`] says which.
pub(crate) fn expected<T>(expected: &'static str) -> Result<T> {
    Err(Error::InvalidArgument { argument: String::new(), expected })
}

impl Error {
    pub(crate) fn thrown(cause: JsValue) -> Self {
        Self::Unreadable { argument: String::new(), cause }
    }

    /// The error as that of a part: of `metadata`, or of `[3]`, in what it was before.
    pub(crate) fn of(mut self, part: impl AsRef<str>) -> Self {
        if let Self::InvalidArgument { argument, .. }
        | Self::UnknownOption { argument, .. }
        | Self::Unreadable { argument, .. } = &mut self
        {
            let dot = if argument.is_empty() || argument.starts_with('[') { "" } else { "." };
            *argument = [part.as_ref(), dot, argument].concat();
        }
        self
    }

    /// The error as that of one of several; where an argument is at fault, its path says which.
    pub(crate) fn at(self, position: u32) -> Self {
        match self {
            Self::Core(error) => {
                let (position, error) = (position as usize, Box::new(error));
                Self::Core(CoreError::InBatch { position, error })
            }
            other => other,
        }
    }

    /// The error as that of a part of several, so many of which come before it.
    pub(crate) fn after(mut self, first: u32) -> Self {
        if let Self::Core(CoreError::InBatch { position, .. }) = &mut self {
            *position += first as usize;
        }
        self
    }

    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Core(error) => error.code(),
            Self::InvalidArgument { .. } | Self::Unreadable { .. } => "invalid_argument",
            Self::UnknownOption { .. } => "unknown_option",
            Self::Broken => "broken",
        }
    }
}

/// Says which part it was that could not be read.
pub(crate) trait Of {
    fn of(self, part: impl AsRef<str>) -> Self;
}

impl<T> Of for Result<T> {
    fn of(self, part: impl AsRef<str>) -> Self {
        self.map_err(|error| error.of(part))
    }
}

/// The fields of an error of the package itself.
#[derive(Serialize)]
struct Fields<'a> {
    argument: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    option: Option<&'a str>,
}

impl From<Error> for JsValue {
    fn from(error: Error) -> Self {
        let fields = |argument, expected, option| object(&Fields { argument, expected, option });
        let mut position = None;
        let fields = match &error {
            Error::Core(CoreError::InBatch { position: at, error }) => {
                position = Some(*at);
                object(error)
            }
            Error::Core(error) => object(error),
            Error::InvalidArgument { argument, expected } => {
                fields(argument, Some(*expected), None)
            }
            Error::UnknownOption { argument, option } => fields(argument, None, Some(option)),
            Error::Unreadable { argument, .. } => fields(argument, None, None),
            Error::Broken => Self::UNDEFINED,
        };
        let (code, message) = (error.code(), error.to_string());
        let cause = match error {
            Error::Unreadable { cause, .. } => cause,
            _ => Self::UNDEFINED,
        };
        host::error(code, &message, &fields, position, &cause)
    }
}
