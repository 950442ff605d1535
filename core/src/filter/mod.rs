//! Filters: which entries of a scope a search, a count or a delete is about.
//!
//! One tree, read from two spellings of JSON (`parse`), printed back in one (`print`), made in Rust
//! by [`field`]. [`Filter::matches`] is the meaning: what answers a filter faster is held to it.

mod op;
mod parse;
mod print;

use std::ops::Not;

use crate::error::Error;
use crate::metadata::{FieldPath, Object, Value};
pub use op::Op;
use parse::Place;

/// A question about an entry's metadata and id.
///
#[doc = include_str!("../../docs/filters.md")]
///
/// ```
/// use vicino_core::{Filter, Object, field};
///
/// let filter = field("year").gte(2020) & !field("tags").contains("draft");
/// let same: Filter = serde_json::from_str(
///     r#"{"$and": [{"year": {"$gte": 2020}}, {"$not": {"tags": {"$contains": "draft"}}}]}"#,
/// )?;
/// assert_eq!(filter, same);
///
/// let metadata: Object = serde_json::from_str(r#"{"year": 2021, "tags": ["rust"]}"#)?;
/// assert!(filter.matches("any id", &metadata));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Filter {
    /// Do all of these match? With none all entries do.
    And(Vec<Self>),
    /// Does one of these match? There is at least one.
    Or(Vec<Self>),
    /// Does this not match?
    Not(Box<Self>),
    /// What is asked of the values at a path.
    Field(FieldPath, Op),
    /// Is the entry's id one of these? There is at least one.
    HasId(Vec<String>),
}

/// How deep filters may be nested: what JSON can say within the depth of a value.
const DEPTH_MAX: usize = 14;

/// The most conditions and values of a filter: enough for a list of ids, and bounded.
const PARTS_MAX: usize = 65_536;

/// Begins a filter on the values at a path: keys with dots between, `\.` for a dot in a key.
pub fn field(path: &str) -> Field {
    Field(FieldPath::new(path))
}

/// A path that a filter is about to ask something of, see [`field`].
///
/// ```
/// use vicino_core::field;
///
/// let filter = field("author.name").starts_with("A") | field("rating").gt(4);
/// assert!(filter.validate().is_ok());
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Field(FieldPath);

impl Field {
    fn ask(self, op: Op) -> Filter {
        Filter::Field(self.0, op)
    }
}

macro_rules! ask {
    ($($(#[$doc:meta])* $name:ident($value:ident: $of:ty) => $op:expr),* $(,)?) => {
        impl Field {$(
            $(#[$doc])*
            #[must_use]
            pub fn $name(self, $value: $of) -> Filter {
                self.ask($op)
            }
        )*}
    };
}

ask! {
    /// One value equals this one.
    eq(value: impl Into<Value>) => Op::Eq(value.into()),
    /// No value equals this one.
    ne(value: impl Into<Value>) => Op::Ne(value.into()),
    /// One value is greater than this number or string.
    gt(value: impl Into<Value>) => Op::Gt(value.into()),
    /// One value is greater or equal.
    gte(value: impl Into<Value>) => Op::Gte(value.into()),
    /// One value is less.
    lt(value: impl Into<Value>) => Op::Lt(value.into()),
    /// One value is less or equal.
    lte(value: impl Into<Value>) => Op::Lte(value.into()),
    /// One value equals one of these.
    is_in(values: impl IntoIterator<Item = impl Into<Value>>) => Op::In(all(values)),
    /// No value equals any of these.
    nin(values: impl IntoIterator<Item = impl Into<Value>>) => Op::Nin(all(values)),
    /// There is a value other than null, or with `false` there is none.
    exists(exists: bool) => Op::Exists(exists),
    /// The value is in an array, or a part of a string that is in none.
    contains(value: impl Into<Value>) => Op::Contains(value.into()),
    /// One string begins with this one.
    starts_with(start: impl Into<String>) => Op::StartsWith(start.into()),
}

fn all(values: impl IntoIterator<Item = impl Into<Value>>) -> Vec<Value> {
    values.into_iter().map(Into::into).collect()
}

impl Filter {
    /// The filter that all entries match.
    #[must_use]
    pub fn all() -> Self {
        Self::And(Vec::new())
    }

    /// Does an entry with this id and metadata match? O(parts of the filter x values at its paths).
    ///
    /// This is the definition: a filter that is not [valid](Self::validate) has an answer too, but
    /// whatever takes one refuses it.
    #[must_use]
    pub fn matches(&self, id: &str, metadata: &Object) -> bool {
        match self {
            Self::And(filters) => filters.iter().all(|filter| filter.matches(id, metadata)),
            Self::Or(filters) => filters.iter().any(|filter| filter.matches(id, metadata)),
            Self::Not(filter) => !filter.matches(id, metadata),
            Self::Field(path, op) => op.matches(path, metadata),
            Self::HasId(ids) => ids.iter().any(|wanted| wanted == id),
        }
    }

    /// Can the filter be answered? One that was read from JSON can.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidFilter`], which says where, for an operator with a value that it does not
    /// take, a list of nothing, more than 14 levels, or more than 65,536 conditions and values.
    pub fn validate(&self) -> Result<(), Error> {
        self.check(&Place::default(), 1, &mut 0)
    }

    fn check(&self, here: &Place, depth: usize, parts: &mut usize) -> Result<(), Error> {
        *parts += match self {
            Self::Field(_, Op::In(values) | Op::Nin(values)) => values.len(),
            Self::HasId(ids) => ids.len(),
            _ => 1,
        };
        if depth > DEPTH_MAX {
            return here.invalid(format!("is nested deeper than {DEPTH_MAX} levels"));
        }
        if *parts > PARTS_MAX {
            return here.invalid(format!("has over {PARTS_MAX} conditions and values"));
        }
        match self {
            Self::And(filters) => Self::check_each(filters, &here.at("$and"), depth, parts),
            Self::Or(filters) if filters.is_empty() => here.at("$or").invalid(EMPTY),
            Self::Or(filters) => Self::check_each(filters, &here.at("$or"), depth, parts),
            Self::Not(filter) => filter.check(&here.at("$not"), depth + 1, parts),
            Self::Field(path, op) => match op.check() {
                Err(reason) => here.at(path).at(format_args!("${}", op.name())).invalid(reason),
                Ok(()) => Ok(()),
            },
            Self::HasId(ids) if ids.is_empty() => here.at("$has_id").invalid(EMPTY),
            Self::HasId(_) => Ok(()),
        }
    }

    fn check_each(
        filters: &[Self],
        here: &Place,
        depth: usize,
        parts: &mut usize,
    ) -> Result<(), Error> {
        let mut filters = filters.iter().enumerate();
        filters.try_for_each(|(i, filter)| filter.check(&here.at(i), depth + 1, parts))
    }
}

const EMPTY: &str = "is empty: name at least one";

/// Both.
impl std::ops::BitAnd for Filter {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self::And(vec![self, other])
    }
}

/// One or the other, or both.
impl std::ops::BitOr for Filter {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self::Or(vec![self, other])
    }
}

/// The opposite.
impl Not for Filter {
    type Output = Self;

    fn not(self) -> Self {
        Self::Not(Box::new(self))
    }
}

#[cfg(test)]
mod tests;
