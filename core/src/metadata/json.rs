//! Values of `serde_json`, for programs that have them.

use serde_json::Value as Json;

use super::value::{DEPTH_MAX, Value};
use super::{Number, Object};

impl From<Json> for Value {
    /// The same value. One that is nested deeper than metadata may be is cut below that, and so is
    /// refused where metadata is.
    fn from(json: Json) -> Self {
        of(json, 0)
    }
}

fn of(json: Json, depth: usize) -> Value {
    match json {
        _ if depth > DEPTH_MAX => Value::Null,
        Json::Null => Value::Null,
        Json::Bool(value) => value.into(),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(signed), ..) => signed.into(),
            (None, Some(unsigned), _) => unsigned.into(),
            (None, None, float) => float
                .and_then(|float| Number::try_from(float).ok())
                .map_or(Value::Null, Value::from),
        },
        Json::String(text) => text.into(),
        Json::Array(values) => {
            Value::Array(values.into_iter().map(|value| of(value, depth + 1)).collect())
        }
        Json::Object(fields) => {
            let fields = fields.into_iter().map(|(key, value)| (key, of(value, depth + 1)));
            Value::Object(fields.collect::<Object>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_serde_json_is_the_value_that_its_text_reads_as() {
        let texts = [
            "null",
            "true",
            "[]",
            "-7",
            "9007199254740993",
            "18446744073709551615",
            "2.5",
            "2020.0",
            "-0.0",
            r#"{"b": [1, {"c": "d"}], "a": {}}"#,
        ];
        for text in texts {
            let json: Json = serde_json::from_str(text).unwrap();
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(Value::from(json), value, "{text}");
        }
    }

    #[test]
    fn one_that_is_too_deep_is_refused() {
        for (depth, refused) in [(31, false), (32, true), (100, true)] {
            let deep = (0..depth).fold(Json::Null, |inner, _| Json::Array(vec![inner]));
            let entry = crate::entry::VectorEntry::new("a", vec![1.0])
                .with_metadata([("deep".to_owned(), deep)]);
            assert_eq!(entry.validate().is_err(), refused, "{depth}");
        }
    }
}
