//! Filters from JSON, in either of two spellings.
//!
//! ```json
//! {"year": {"$gte": 2020}, "$or": [{"tag": "a"}, {"tag": {"$exists": false}}]}
//! {"must": [{"key": "year", "range": {"gte": 2020}}], "must_not": [{"has_id": ["x"]}]}
//! ```
//!
//! Whatever is not understood is an error that says where: a filter that was read halfway would
//! show what it was written to hide.

use serde::{Deserialize, Deserializer};

use super::{EMPTY, Filter, Op, field};
use crate::error::{Error, beginning};
use crate::metadata::{Object, Value};

impl TryFrom<&Value> for Filter {
    type Error = Error;

    /// # Errors
    ///
    /// [`Error::InvalidFilter`].
    fn try_from(value: &Value) -> Result<Self, Error> {
        let filter = Place::default().filter(value)?;
        filter.validate().map(|()| filter)
    }
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::try_from(&value).map_err(serde::de::Error::custom)
    }
}

/// Where in a filter something stands, as a JSON pointer.
#[derive(Debug, Clone, Default)]
pub(super) struct Place(String);

/// The keys of the second spelling.
const CLAUSES: [&str; 3] = ["must", "should", "must_not"];

impl Place {
    /// A place inside; of a long key only the beginning is said.
    pub(super) fn at(&self, key: impl ToString) -> Self {
        const SAID: usize = 64;
        let key = key.to_string();
        let said = beginning(&key, SAID);
        let more = if said.len() < key.len() { "..." } else { "" };
        let said = said.replace('~', "~0").replace('/', "~1");
        Self(format!("{}/{said}{more}", self.0))
    }

    pub(super) fn invalid<T>(&self, reason: impl Into<String>) -> Result<T, Error> {
        Err(Error::InvalidFilter { at: self.0.clone(), reason: reason.into() })
    }

    fn object<'v>(&self, value: &'v Value) -> Result<&'v Object, Error> {
        match value {
            Value::Object(object) => Ok(object),
            other => self.invalid(format!("expected an object, found {}", other.kind())),
        }
    }

    fn array<'v>(&self, value: &'v Value) -> Result<&'v [Value], Error> {
        match value {
            Value::Array(values) => Ok(values),
            other => self.invalid(format!("expected an array, found {}", other.kind())),
        }
    }

    fn string<'v>(&self, value: &'v Value) -> Result<&'v str, Error> {
        match value {
            Value::String(string) => Ok(string),
            other => self.invalid(format!("expected a string, found {}", other.kind())),
        }
    }

    /// The only pair of an object.
    fn only<'v>(&self, object: &'v Object, what: &str) -> Result<(&'v str, &'v Value), Error> {
        match object.iter().next() {
            Some((key, value)) if object.len() == 1 => Ok((key, value)),
            _ => self.invalid(format!("expected one of {what}")),
        }
    }

    fn filter(&self, value: &Value) -> Result<Filter, Error> {
        let object = self.object(value)?;
        if object.iter().any(|(key, value)| is_clause(key, value)) {
            return self.clauses(object);
        }
        all(object, &|key, value| self.condition(key, value))
    }

    /// One key of the first spelling.
    fn condition(&self, key: &str, value: &Value) -> Result<Filter, Error> {
        let here = self.at(key);
        match key {
            "$and" | "$or" => {
                let values = here.array(value)?;
                if values.is_empty() {
                    return here.invalid(EMPTY);
                }
                let filters = here.each(values, Self::filter)?;
                Ok(if key == "$and" { Filter::And(filters) } else { Filter::Or(filters) })
            }
            "$not" => Ok(!here.filter(value)?),
            "$has_id" => here.has_id(value),
            _ if key.starts_with('$') => here.invalid(
                "is no operator; use $and, $or, $not, $has_id, or a path, with \\$ for its dollar",
            ),
            path => here.field(path, value),
        }
    }

    fn each(
        &self,
        values: &[Value],
        read: fn(&Self, &Value) -> Result<Filter, Error>,
    ) -> Result<Vec<Filter>, Error> {
        let values = values.iter().enumerate();
        values.map(|(i, value)| read(&self.at(i), value)).collect()
    }

    fn has_id(&self, value: &Value) -> Result<Filter, Error> {
        let values = self.array(value)?.iter().enumerate();
        let ids = values.map(|(i, id)| self.at(i).string(id).map(str::to_owned));
        match ids.collect::<Result<Vec<_>, _>>()? {
            ids if ids.is_empty() => self.invalid(EMPTY),
            ids => Ok(Filter::HasId(ids)),
        }
    }

    /// What is asked of a path: a value that it equals, or operators.
    fn field(&self, path: &str, value: &Value) -> Result<Filter, Error> {
        let Value::Object(object) = value else {
            return self.op(path, "eq", value);
        };
        if object.is_empty() {
            return self.invalid("is empty: name an operator, such as $eq");
        }
        all(object, &|key, value| {
            let here = self.at(key);
            match key.strip_prefix('$') {
                Some("not") => {
                    here.object(value)?;
                    here.field(path, value).map(|filter| !filter)
                }
                Some(name) => here.op(path, name, value),
                None => here.invalid("is no operator; for a key of an object write a path"),
            }
        })
    }

    fn op(&self, path: &str, name: &str, value: &Value) -> Result<Filter, Error> {
        match Op::named(name, value.clone()).map(|op| op.and_then(Op::checked)) {
            Some(Ok(op)) => Ok(field(path).ask(op)),
            Some(Err(reason)) => self.invalid(reason),
            None => self.invalid(format!("is no operator; use {}", Op::NAMES.join(", "))),
        }
    }

    /// An object of the second spelling.
    fn clauses(&self, object: &Object) -> Result<Filter, Error> {
        let mut all = Vec::new();
        for (key, value) in object {
            let here = self.at(key);
            let one = std::slice::from_ref(value);
            let values = if let Value::Array(values) = value { values } else { one };
            let filters = match CLAUSES.contains(&key.as_str()) {
                true => here.each(values, Self::clause)?,
                false => return here.invalid("does not go together with must, should, must_not"),
            };
            match key.as_str() {
                "should" if filters.is_empty() => {
                    return here.invalid(EMPTY);
                }
                "should" => all.push(Filter::Or(filters)),
                "must_not" => all.extend(filters.into_iter().map(|filter| !filter)),
                _ => all.extend(filters),
            }
        }
        Ok(together(all))
    }

    /// One condition of the second spelling.
    fn clause(&self, value: &Value) -> Result<Filter, Error> {
        let object = self.object(value)?;
        if let Some(path) = object.get("key") {
            let path = self.at("key").path(path)?;
            // Not collected, which sorts.
            let mut rest = Object::new();
            let others = object.iter().filter(|(key, _)| *key != "key");
            rest.extend(others.map(|(key, value)| (key.clone(), value.clone())));
            let (key, value) = self.only(&rest, "match and range beside key")?;
            return match key {
                "match" => self.at(key).matching(&path, value),
                "range" => self.at(key).range(&path, value),
                _ => self.at(key).invalid("is not supported; use match or range"),
            };
        }
        if object.keys().any(|key| CLAUSES.contains(&key.as_str())) {
            return self.clauses(object);
        }
        let (key, value) =
            self.only(object, "has_id, is_empty, is_null, or key with a question")?;
        let here = self.at(key);
        match key {
            "has_id" => here.has_id(value),
            "is_empty" | "is_null" => {
                let (name, path) = here.only(here.object(value)?, "key")?;
                match name {
                    "key" => Ok(field(&here.at(name).path(path)?).exists(false)),
                    _ => here.invalid("expected key"),
                }
            }
            _ => here.invalid("is not supported; use key, has_id, is_empty, is_null or clauses"),
        }
    }

    /// A path of the second spelling: `[]` after a key says that arrays are looked into, which they
    /// are anyway.
    fn path(&self, value: &Value) -> Result<String, Error> {
        let text = self.string(value)?;
        let mut path = String::with_capacity(text.len());
        let mut rest = text.chars();
        while let Some(character) = rest.next() {
            match character {
                '\\' => path.extend(std::iter::once('\\').chain(rest.next())),
                '[' if rest.as_str() == "]" || rest.as_str().starts_with("].") => {
                    rest.next();
                }
                '[' | ']' | '"' => {
                    return self.invalid(format!(
                        "holds {character:?}; write [] behind a key, or a backslash before it"
                    ));
                }
                other => path.push(other),
            }
        }
        Ok(path)
    }

    fn matching(&self, path: &str, value: &Value) -> Result<Filter, Error> {
        let (key, value) = self.only(self.object(value)?, "value, any, except, text, prefix")?;
        let name = match key {
            "value" => "eq",
            "any" => "in",
            "except" => "nin",
            "text" => "contains",
            "prefix" => "starts_with",
            _ => {
                return self
                    .at(key)
                    .invalid("is not supported; use value, any, except, text, prefix");
            }
        };
        self.at(key).op(path, name, value)
    }

    fn range(&self, path: &str, value: &Value) -> Result<Filter, Error> {
        let object = self.object(value)?;
        if object.is_empty() {
            return self.invalid("is empty: name gt, gte, lt or lte");
        }
        all(object, &|key, value| match key {
            "gt" | "gte" | "lt" | "lte" => self.at(key).op(path, key, value),
            _ => self.at(key).invalid("is no bound; use gt, gte, lt, lte"),
        })
    }
}

/// Is this a clause of the second spelling, and not a path of this name with its operators?
fn is_clause(key: &str, value: &Value) -> bool {
    CLAUSES.contains(&key)
        && match value {
            Value::Array(_) => true,
            Value::Object(object) => !object.keys().any(|key| key.starts_with('$')),
            _ => false,
        }
}

/// What all pairs of an object ask for together.
fn all(
    object: &Object,
    read: &dyn Fn(&str, &Value) -> Result<Filter, Error>,
) -> Result<Filter, Error> {
    let mut filters = Vec::with_capacity(object.len());
    for (key, value) in object {
        filters.push(read(key, value)?);
    }
    Ok(together(filters))
}

/// All of them; the only one by itself.
fn together(mut filters: Vec<Filter>) -> Filter {
    match filters.len() {
        1 => filters.remove(0),
        _ => Filter::And(filters),
    }
}
