//! The values of metadata: what JSON can say, with numbers that stay exact.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::number::{Form, Number};
use crate::error::{Error, beginning};

/// A value of metadata.
///
/// Keys are sorted byte for byte, so that equal objects print alike.
///
/// ```
/// use vicino_core::Value;
///
/// let value: Value = serde_json::from_str(r#"{"year": 2020.0, "tags": ["a", null]}"#)?;
/// assert_eq!(serde_json::to_string(&value)?, r#"{"tags":["a",null],"year":2020}"#);
/// assert_eq!(Value::from("text"), "text".to_owned().into());
/// assert_eq!(Value::from("text").as_str(), Some("text"));
/// assert_eq!(Value::from(7).as_number().and_then(|seven| seven.as_u64()), Some(7));
/// assert_eq!(Value::from(true).as_bool(), Some(true));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Value {
    /// Nothing: for a filter the same as if it were not there.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    String(String),
    /// Values, which a filter looks into one by one.
    Array(Vec<Self>),
    /// Values by name.
    Object(Object),
}

/// Values by name.
pub type Object = BTreeMap<String, Value>;

/// How deep values may be nested: deeper ones are refused before they are built, so that nothing
/// that walks through a value runs out of stack.
pub(super) const DEPTH_MAX: usize = 32;

impl Value {
    /// The boolean that it is, if it is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The number that it is, if it is one.
    #[must_use]
    pub fn as_number(&self) -> Option<Number> {
        match self {
            Self::Number(value) => Some(*value),
            _ => None,
        }
    }

    /// The text that it is, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(value) => Some(value),
            _ => None,
        }
    }

    /// What the value is, in a word.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

macro_rules! from {
    ($($of:ty: $value:ident => $made:expr),* $(,)?) => {$(
        impl From<$of> for Value {
            fn from($value: $of) -> Self {
                $made
            }
        }
    )*};
}

from! {
    bool: value => Self::Bool(value),
    Number: value => Self::Number(value),
    i32: value => Self::Number(value.into()),
    u32: value => Self::Number(value.into()),
    i64: value => Self::Number(value.into()),
    u64: value => Self::Number(value.into()),
    &str: value => Self::String(value.to_owned()),
    String: value => Self::String(value),
    Object: value => Self::Object(value),
}

impl TryFrom<f64> for Value {
    type Error = Error;

    /// # Errors
    ///
    /// [`Error::InvalidNumber`] for a NaN or an infinity.
    fn try_from(value: f64) -> Result<Self, Error> {
        Number::try_from(value).map(Self::Number)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(values: Vec<T>) -> Self {
        Self::Array(values.into_iter().map(Into::into).collect())
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.form() {
            Form::Signed(value) => serializer.serialize_i64(value),
            Form::Unsigned(value) => serializer.serialize_u64(value),
            Form::Float(value) => serializer.serialize_f64(value),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(value) => value.serialize(serializer),
            Self::String(value) => serializer.serialize_str(value),
            Self::Array(values) => serializer.collect_seq(values),
            Self::Object(object) => serializer.collect_map(object),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Read { depth: DEPTH_MAX }.deserialize(deserializer)
    }
}

/// Reads a value in which so many more may be nested.
#[derive(Clone, Copy)]
struct Read {
    depth: usize,
}

impl Read {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        let deeper = self.depth.checked_sub(1).map(|depth| Self { depth });
        deeper.ok_or_else(|| E::custom(Error::TooDeep { max: DEPTH_MAX }))
    }
}

impl<'de> DeserializeSeed<'de> for Read {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Read {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value as of JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        value.try_into().map_err(E::custom)
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        // Not as many as are announced: whoever wrote that may lie.
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(deeper)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut object = Object::new();
        while let Some(key) = items.next_key::<String>()? {
            match object.entry(key) {
                Entry::Vacant(place) => _ = place.insert(items.next_value_seed(deeper)?),
                Entry::Occupied(place) => {
                    let said = beginning(place.key(), 64);
                    return Err(de::Error::custom(format_args!("the key {said:?} is there twice")));
                }
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Value, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn json_goes_in_and_comes_out() {
        for (json, expected) in [
            ("null", "null"),
            ("[true,false,[],{}]", "[true,false,[],{}]"),
            ("[0,-0.0,1.0,1.5,-7]", "[0,0,1,1.5,-7]"),
            (
                "[9223372036854775807,18446744073709551615]",
                "[9223372036854775807,18446744073709551615]",
            ),
            ("[1e300,1e-300,0.1]", "[1e+300,1e-300,0.1]"),
            (r#"{"b":1,"a":{"":"\u0000"}}"#, r#"{"a":{"":"\u0000"},"b":1}"#),
        ] {
            let value = read(json).unwrap();
            assert_eq!(serde_json::to_string(&value).unwrap(), expected);
            assert_eq!(read(expected).unwrap(), value);
        }
    }

    #[test]
    fn what_is_nested_too_deep_is_refused_before_it_is_built() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read(&nested(DEPTH_MAX)).is_ok());
        for depth in [DEPTH_MAX + 1, 100] {
            assert!(read(&nested(depth)).unwrap_err().to_string().contains("deep"));
        }
    }

    #[test]
    fn a_key_that_is_there_twice_is_refused() {
        let error = read(r#"{"a":1,"b":[{"x":1,"x":2}]}"#).unwrap_err();
        assert!(error.to_string().contains("twice"), "{error}");
    }
}
