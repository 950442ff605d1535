//! Entries: what is stored, under which key, and how large each of its parts may be.
//!
//! The limits are checked before anything is written. They are far beyond what people store and
//! low enough that no single entry can hurt its neighbors.

use std::fmt;
use std::sync::Arc;

use crate::error::Error;
use crate::metadata::{Object, Value};
use crate::scope::Scope;

/// A vector with an id, and what is known about it.
///
/// Times are milliseconds since 1970, UTC, as `Date.now()` gives them.
///
/// ```
/// use vicino_core::{Scope, Value, VectorEntry};
///
/// let entry = VectorEntry::new("doc-1", vec![0.1, 0.2])
///     .with_scope(Scope::Tenant("acme".to_owned()))
///     .with_metadata([("type".to_owned(), "guide")])
///     .with_content("How to begin");
/// assert_eq!(entry.metadata["type"], Value::from("guide"));
/// assert!(entry.validate().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct VectorEntry {
    /// The name of the entry, unique in its scope: 1 to 512 bytes, any text.
    pub id: String,
    /// Its vector, of the collection's dimensions.
    pub vector: Vec<f32>,
    /// What filters ask about: up to a megabyte, 1,024 values, 32 levels.
    pub metadata: Object,
    /// The text that the vector stands for, kept and returned but never searched in: up to 16 MB.
    pub content: Option<String>,
    /// Whom it belongs to.
    pub scope: Scope,
    /// When the entry came. None when it is written stands for the time of the write.
    pub created_at: Option<i64>,
    /// When its vector or its metadata last changed. None stands for the time of the write.
    pub updated_at: Option<i64>,
    /// When what it is about happened.
    pub event_time: Option<i64>,
    /// From when on it does not exist any more.
    pub expires_at: Option<i64>,
    /// How long it exists, in milliseconds from the time of the write; with `expires_at` whichever
    /// ends first.
    pub ttl_ms: Option<i64>,
}

/// The most bytes of an id.
const ID_BYTES_MAX: usize = 512;

/// The most bytes of an entry's metadata, as they are kept.
pub(crate) const METADATA_BYTES_MAX: usize = 1 << 20;

/// The most values of an entry's metadata, those within others included.
const VALUES_MAX: usize = 1024;

/// The deepest that metadata may be nested: what a [`Value`] that was read can be.
const DEPTH_MAX: usize = 32;

/// The most bytes of an entry's text.
pub(crate) const CONTENT_BYTES_MAX: usize = 16 << 20;

/// The largest time: as far as JavaScript counts exactly.
pub(crate) const TIME_MAX: i64 = 1 << 53;

impl VectorEntry {
    /// An entry of the global scope without metadata.
    #[must_use]
    pub fn new(id: impl Into<String>, vector: Vec<f32>) -> Self {
        Self {
            id: id.into(),
            vector,
            metadata: Object::new(),
            content: None,
            scope: Scope::Global,
            created_at: None,
            updated_at: None,
            event_time: None,
            expires_at: None,
            ttl_ms: None,
        }
    }

    /// Sets whom it belongs to.
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Sets the metadata.
    #[must_use]
    pub fn with_metadata<V: Into<Value>>(
        mut self,
        metadata: impl IntoIterator<Item = (String, V)>,
    ) -> Self {
        // Not collected, which sorts.
        self.metadata = Object::new();
        self.metadata.extend(metadata.into_iter().map(|(key, value)| (key, value.into())));
        self
    }

    /// Sets the text that the vector stands for.
    #[must_use]
    pub fn with_content(mut self, content: impl Into<String>) -> Self {
        self.content = Some(content.into());
        self
    }

    /// Sets when what it is about happened.
    #[must_use]
    pub fn with_event_time(mut self, event_time: i64) -> Self {
        self.event_time = Some(event_time);
        self
    }

    /// Sets from when on it does not exist.
    #[must_use]
    pub fn with_expires_at(mut self, expires_at: i64) -> Self {
        self.expires_at = Some(expires_at);
        self
    }

    /// Sets how many milliseconds it exists.
    #[must_use]
    pub fn with_ttl_ms(mut self, ttl_ms: i64) -> Self {
        self.ttl_ms = Some(ttl_ms);
        self
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> EntryKey {
        EntryKey::new(self.scope.clone(), self.id.clone())
    }

    /// Can the entry be stored, as far as it can be told without a collection?
    ///
    /// # Errors
    ///
    /// [`Error::InvalidName`] for its id or its scope, [`Error::TooLarge`], [`Error::TooDeep`] and
    /// [`Error::InvalidTime`].
    pub fn validate(&self) -> Result<(), Error> {
        check_id(&self.id)?;
        self.scope.validate()?;
        check_metadata(&self.metadata)?;
        check_size(
            "bytes of content",
            CONTENT_BYTES_MAX,
            self.content.as_ref().map_or(0, String::len),
        )?;
        let times = [self.created_at, self.updated_at, self.event_time, self.expires_at];
        times.into_iter().flatten().try_for_each(check_time)?;
        match self.ttl_ms {
            Some(ttl) if !(0..=TIME_MAX).contains(&ttl) => Err(Error::InvalidTime { found: ttl }),
            _ => Ok(()),
        }
    }
}

/// Is the time one that every language can count to?
pub(crate) fn check_time(time: i64) -> Result<(), Error> {
    match (-TIME_MAX..=TIME_MAX).contains(&time) {
        true => Ok(()),
        false => Err(Error::InvalidTime { found: time }),
    }
}

pub(crate) fn check_id(id: &str) -> Result<(), Error> {
    match id.len() {
        1..=ID_BYTES_MAX => Ok(()),
        found => Err(Error::InvalidName { what: "entry", max: ID_BYTES_MAX, found }),
    }
}

/// Has metadata no more values and levels than it may? Its bytes are counted once it is written.
pub(crate) fn check_metadata(metadata: &Object) -> Result<(), Error> {
    let mut values = 0;
    metadata.values().try_for_each(|value| check_value(value, 1, &mut values))
}

fn check_value(value: &Value, depth: usize, values: &mut usize) -> Result<(), Error> {
    *values += 1;
    check_size("values of metadata", VALUES_MAX, *values)?;
    if depth > DEPTH_MAX {
        return Err(Error::TooDeep { max: DEPTH_MAX });
    }
    match value {
        Value::Array(inner) => {
            inner.iter().try_for_each(|value| check_value(value, depth + 1, values))
        }
        Value::Object(inner) => {
            inner.values().try_for_each(|value| check_value(value, depth + 1, values))
        }
        _ => Ok(()),
    }
}

pub(crate) fn check_size(what: &'static str, max: usize, found: usize) -> Result<(), Error> {
    if found > max { Err(Error::TooLarge { what, max, found }) } else { Ok(()) }
}

/// The key of an entry: its scope and its id, together, so that it never names another scope's
/// entry of the same id.
///
/// ```
/// use vicino_core::{EntryKey, Scope};
///
/// let key = EntryKey::new(Scope::User("ada".to_owned()), "doc-1");
/// assert_eq!(key.to_string(), "user:ada doc-1");
/// assert_eq!(EntryKey::from("doc-1").scope(), &Scope::Global);
/// assert!(key == *"doc-1", "its id");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryKey {
    /// Shared by the keys that come from one search.
    scope: Arc<Scope>,
    id: String,
}

impl EntryKey {
    /// The key of an id in a scope.
    #[must_use]
    pub fn new(scope: Scope, id: impl Into<String>) -> Self {
        Self::shared(Arc::new(scope), id.into())
    }

    pub(crate) fn shared(scope: Arc<Scope>, id: String) -> Self {
        Self { scope, id }
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The scope.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }
}

/// An id of the global scope.
impl From<&str> for EntryKey {
    fn from(id: &str) -> Self {
        Self::new(Scope::Global, id)
    }
}

/// Has the entry this id?
impl PartialEq<str> for EntryKey {
    fn eq(&self, id: &str) -> bool {
        self.id == id
    }
}

impl fmt::Display for EntryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.scope, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_is_refused_with_its_limit() {
        let entry = || VectorEntry::new("a", vec![1.0]);
        let deep = (0..40).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
        let keys = (0..10_000).map(|i| (i.to_string(), i));
        let cases = [
            (VectorEntry::new("", vec![]), "invalid_name"),
            (VectorEntry::new("x".repeat(1 << 20), vec![]), "invalid_name"),
            (entry().with_scope(Scope::Agent(String::new())), "invalid_name"),
            (entry().with_metadata(keys), "too_large"),
            (entry().with_metadata([("a".to_owned(), vec![Value::Null; 1024])]), "too_large"),
            (entry().with_metadata([("a".to_owned(), deep)]), "too_deep"),
            (entry().with_content("x".repeat((16 << 20) + 1)), "too_large"),
            (entry().with_event_time(i64::MIN), "invalid_time"),
            (entry().with_expires_at((1 << 53) + 1), "invalid_time"),
            (entry().with_ttl_ms(-1), "invalid_time"),
        ];
        for (entry, code) in cases {
            assert_eq!(entry.validate().unwrap_err().code(), code);
        }
        for id in ["\0", "a.b", "$", "\u{1f600}", &"x".repeat(512)] {
            let entry = VectorEntry::new(id, vec![]).with_metadata([("$a.b".to_owned(), id)]);
            assert_eq!(entry.validate(), Ok(()));
        }
    }
}
