//! Filters as JSON, in the first spelling: one text for one filter, which is read back as the same.

use serde::{Serialize, Serializer};

use super::Filter;
use crate::metadata::{Object, Value};

impl From<&Filter> for Value {
    fn from(filter: &Filter) -> Self {
        let list = |filters: &[Filter]| Self::Array(filters.iter().map(Self::from).collect());
        let pair = match filter {
            Filter::And(filters) if filters.is_empty() => return Object::new().into(),
            Filter::And(filters) => ("$and".to_owned(), list(filters)),
            Filter::Or(filters) => ("$or".to_owned(), list(filters)),
            Filter::Not(filter) => ("$not".to_owned(), (&**filter).into()),
            Filter::HasId(ids) => ("$has_id".to_owned(), ids.clone().into()),
            Filter::Field(path, op) => {
                let text = path.to_string();
                let text = if text.starts_with('$') { format!("\\{text}") } else { text };
                (text, one(format!("${}", op.name()), op.value()).into())
            }
        };
        one(pair.0, pair.1).into()
    }
}

/// Not `Object::from`, which sorts.
fn one(name: String, value: Value) -> Object {
    let mut object = Object::new();
    object.insert(name, value);
    object
}

impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Value::from(self).serialize(serializer)
    }
}
