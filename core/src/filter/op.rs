//! What a filter asks of the values at a path. A new operator is a variant here and its arms.

use std::cmp::Ordering;

use crate::metadata::{FieldPath, Object, Value};

/// A question about the values at a path. Values of different kinds are neither equal nor in an
/// order; numbers compare as numbers, exactly, strings byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Op {
    /// Does one value equal this one?
    Eq(Value),
    /// Does none equal this one? Also where there is no value.
    Ne(Value),
    /// Is one value greater than this number or string?
    Gt(Value),
    /// Is one value greater or equal?
    Gte(Value),
    /// Is one value less?
    Lt(Value),
    /// Is one value less or equal?
    Lte(Value),
    /// Does one value equal one of these?
    In(Vec<Value>),
    /// Does none equal any of these? Also where there is no value.
    Nin(Vec<Value>),
    /// Is there, or with `false` is there not, a value other than null at the path or below it?
    Exists(bool),
    /// Is this value in an array, or this string a part of a string that is in none?
    Contains(Value),
    /// Does one string begin with this one?
    StartsWith(String),
}

impl Op {
    /// The names of all, as JSON has them.
    pub(crate) const NAMES: [&str; 11] = [
        "$eq",
        "$ne",
        "$gt",
        "$gte",
        "$lt",
        "$lte",
        "$in",
        "$nin",
        "$exists",
        "$contains",
        "$starts_with",
    ];

    /// The name in JSON, without the dollar.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Eq(_) => "eq",
            Self::Ne(_) => "ne",
            Self::Gt(_) => "gt",
            Self::Gte(_) => "gte",
            Self::Lt(_) => "lt",
            Self::Lte(_) => "lte",
            Self::In(_) => "in",
            Self::Nin(_) => "nin",
            Self::Exists(_) => "exists",
            Self::Contains(_) => "contains",
            Self::StartsWith(_) => "starts_with",
        }
    }

    /// The operator of this name, asking about `value`. None where there is none.
    pub(crate) fn named(name: &str, value: Value) -> Option<Result<Self, String>> {
        let expected =
            |what: &str, found: &Value| Err(format!("takes {what}, found {}", found.kind()));
        Some(match (name, value) {
            ("eq", value) => Ok(Self::Eq(value)),
            ("ne", value) => Ok(Self::Ne(value)),
            ("gt", value) => Ok(Self::Gt(value)),
            ("gte", value) => Ok(Self::Gte(value)),
            ("lt", value) => Ok(Self::Lt(value)),
            ("lte", value) => Ok(Self::Lte(value)),
            ("in", Value::Array(values)) => Ok(Self::In(values)),
            ("nin", Value::Array(values)) => Ok(Self::Nin(values)),
            ("in" | "nin", value) => expected("an array", &value),
            ("exists", Value::Bool(exists)) => Ok(Self::Exists(exists)),
            ("exists", value) => expected("true or false", &value),
            ("contains", value) => Ok(Self::Contains(value)),
            ("starts_with", Value::String(start)) => Ok(Self::StartsWith(start)),
            ("starts_with", value) => expected("a string", &value),
            _ => return None,
        })
    }

    /// What the operator asks about, as JSON has it.
    pub(crate) fn value(&self) -> Value {
        match self {
            Self::Eq(value) | Self::Ne(value) | Self::Contains(value) => value.clone(),
            Self::Gt(value) | Self::Gte(value) | Self::Lt(value) | Self::Lte(value) => {
                value.clone()
            }
            Self::In(values) | Self::Nin(values) => Value::Array(values.clone()),
            Self::Exists(exists) => (*exists).into(),
            Self::StartsWith(start) => start.as_str().into(),
        }
    }

    /// The operator, if nothing is wrong with it.
    pub(crate) fn checked(self) -> Result<Self, String> {
        self.check().map(|()| self)
    }

    /// What is wrong with the operator, if anything.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self {
            Self::Eq(value) | Self::Ne(value) | Self::Contains(value) => equatable(value),
            Self::In(values) | Self::Nin(values) if values.is_empty() => {
                Err("is empty: name at least one value".to_owned())
            }
            Self::In(values) | Self::Nin(values) => values.iter().try_for_each(equatable),
            Self::Gt(value) | Self::Gte(value) | Self::Lt(value) | Self::Lte(value) => {
                match value {
                    Value::Number(_) | Value::String(_) => Ok(()),
                    other => Err(format!("takes a number or a string, found {}", other.kind())),
                }
            }
            Self::Exists(_) | Self::StartsWith(_) => Ok(()),
        }
    }

    /// The answer for the values at a path of an entry's metadata.
    pub(crate) fn matches(&self, path: &FieldPath, metadata: &Object) -> bool {
        let any = |is: &dyn Fn(&Value) -> bool| path.any(metadata, |value, _| is(value));
        let ordered = |than: &Value, is: fn(Ordering) -> bool| {
            any(&|value| compare(value, than).is_some_and(is))
        };
        match self {
            Self::Eq(wanted) => any(&|value| value == wanted),
            Self::Ne(wanted) => !any(&|value| value == wanted),
            Self::Gt(than) => ordered(than, Ordering::is_gt),
            Self::Gte(than) => ordered(than, Ordering::is_ge),
            Self::Lt(than) => ordered(than, Ordering::is_lt),
            Self::Lte(than) => ordered(than, Ordering::is_le),
            Self::In(wanted) => any(&|value| wanted.contains(value)),
            Self::Nin(wanted) => !any(&|value| wanted.contains(value)),
            Self::Exists(exists) => any(&is_something) == *exists,
            Self::Contains(wanted) => path.any(metadata, |value, in_array| match (value, wanted) {
                _ if in_array => value == wanted,
                (Value::String(value), Value::String(wanted)) => value.contains(wanted.as_str()),
                _ => false,
            }),
            Self::StartsWith(start) => any(&|value| match value {
                Value::String(value) => value.starts_with(start.as_str()),
                _ => false,
            }),
        }
    }
}

/// The order of two numbers or two strings.
fn compare(value: &Value, than: &Value) -> Option<Ordering> {
    match (value, than) {
        (Value::Number(value), Value::Number(than)) => Some(value.cmp(than)),
        (Value::String(value), Value::String(than)) => Some(value.cmp(than)),
        _ => None,
    }
}

/// Is there anything but null?
fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        Value::Array(values) => values.iter().any(is_something),
        Value::Object(object) => object.values().any(is_something),
    }
}

/// What is wrong with a value that others are to equal.
fn equatable(value: &Value) -> Result<(), String> {
    match value {
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        Value::Null => Err("takes no null: ask `exists`".to_owned()),
        Value::Array(_) => Err("takes one value, found an array: ask `in`".to_owned()),
        Value::Object(_) => Err("takes one value, found an object: ask for `a.b`".to_owned()),
    }
}
