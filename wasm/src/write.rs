//! From Rust's values to JavaScript's.

use js_sys::Array;
use vicino_core::{EntryKey, Object, Scope, Value, VectorEntry, VectorResult};
use wasm_bindgen::JsValue;

use crate::error::Result;
use crate::{headroom, host};

/// A whole number.
pub(crate) fn count(count: usize) -> JsValue {
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    JsValue::from(count as f64)
}

/// The last scope as a text, for what comes in runs of one scope.
#[derive(Default)]
pub(crate) struct Scopes(Option<(Scope, JsValue)>);

impl Scopes {
    fn text(&mut self, scope: &Scope) -> &JsValue {
        if self.0.as_ref().is_none_or(|(known, _)| known != scope) {
            self.0 = None;
        }
        let text = || (scope.clone(), JsValue::from(scope.to_string()));
        &self.0.get_or_insert_with(text).1
    }
}

pub(crate) fn keys(keys: &[EntryKey]) -> Array {
    let mut scopes = Scopes::default();
    keys.iter().map(|key| host::key(scopes.text(key.scope()), key.id())).collect()
}

pub(crate) fn results(results: &[VectorResult]) -> Array {
    let mut scopes = Scopes::default();
    let result = |result: &VectorResult| {
        let VectorResult { key, score, distance, metadata, content, vector, .. } = result;
        let metadata = metadata.as_ref().map(json);
        host::result(
            scopes.text(key.scope()),
            key.id(),
            *score,
            *distance,
            metadata.as_deref(),
            content.as_deref(),
            vector.as_deref(),
        )
    };
    results.iter().map(result).collect()
}

/// Results of several queries, `k` places each.
pub(crate) struct Many {
    k: usize,
    ids: String,
    ends: Vec<u32>,
    end: usize,
    scores: Vec<f32>,
    distances: Vec<f32>,
    counts: Vec<u32>,
}

impl Many {
    pub(crate) fn new(k: usize, queries: usize) -> Result<Self> {
        let places = k.saturating_mul(queries);
        // Its arrays, and ids of 32 bytes.
        headroom(places.saturating_mul(3 * 4 + 32))?;
        Ok(Self {
            k,
            ids: String::new(),
            ends: Vec::with_capacity(places),
            end: 0,
            scores: Vec::with_capacity(places),
            distances: Vec::with_capacity(places),
            counts: Vec::with_capacity(queries),
        })
    }

    pub(crate) fn push(&mut self, results: &[VectorResult]) {
        for result in results {
            self.ids.push_str(result.key.id());
            // As JavaScript counts.
            self.end += result.key.id().encode_utf16().count();
            self.ends.push(place(self.end));
            self.scores.push(result.score);
            self.distances.push(result.distance);
        }
        self.counts.push(place(results.len()));
        let places = self.counts.len() * self.k;
        self.ends.resize(places, place(self.end));
        self.scores.resize(places, f32::NAN);
        self.distances.resize(places, f32::NAN);
    }

    pub(crate) fn into_js(self) -> JsValue {
        let Self { ids, ends, scores, distances, counts, .. } = self;
        host::results(&ids, &ends, &scores, &distances, &counts)
    }
}

fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

pub(crate) fn entry(entry: &VectorEntry, scopes: &mut Scopes) -> JsValue {
    #[expect(clippy::cast_precision_loss, reason = "times are within 2^53")]
    let time = |time: Option<i64>| time.map(|time| time as f64);
    host::entry(
        scopes.text(&entry.scope),
        &entry.id,
        &entry.vector,
        &json(&entry.metadata),
        entry.content.as_deref(),
        time(entry.created_at),
        time(entry.updated_at),
        time(entry.event_time),
        time(entry.expires_at),
    )
}

/// Metadata as JSON, which engines read faster than objects are made of here.
fn json(object: &Object) -> String {
    let mut text = String::new();
    write_object(object, &mut text);
    text
}

fn write_object(object: &Object, text: &mut String) {
    text.push('{');
    for (at, (key, value)) in object.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        write_string(key, text);
        text.push(':');
        write_value(value, text);
    }
    text.push('}');
}

fn write_value(value: &Value, text: &mut String) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => {
            let digits = number.to_string();
            // An integer that JavaScript would round comes as its digits.
            let large = |integer: i64| integer.unsigned_abs() > 1 << 53;
            let rounded = number.as_i64().map_or(number.as_u64().is_some(), large);
            let quote = if rounded { "\"" } else { "" };
            text.extend([quote, &digits, quote]);
        }
        Value::String(value) => write_string(value, text),
        Value::Array(values) => {
            text.push('[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write_value(value, text);
            }
            text.push(']');
        }
        Value::Object(object) => write_object(object, text),
    }
}

fn write_string(string: &str, text: &mut String) {
    const HEX: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    text.push('"');
    for sign in string.chars() {
        match sign {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\0'..='\x1f' => {
                let code = sign as usize;
                text.push_str("\\u00");
                text.extend([HEX[code >> 4], HEX[code & 15]]);
            }
            _ => text.push(sign),
        }
    }
    text.push('"');
}
