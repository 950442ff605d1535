//! From JavaScript's values to Rust's: the one place that looks at what a caller passed.
//!
//! Everything arrives as a `JsValue` and is read before any store is touched, so that an accessor
//! of the caller's that calls the store again finds it as it was, and one that throws leaves it so.
//! Sizes are looked at before anything is copied.

use js_sys::{Array, Float32Array, JsString, Uint8Array};
use vicino_core::kernel::DIMENSIONS_MAX;
use vicino_core::{Error as CoreError, Filter, Object, Scope, Value};
use wasm_bindgen::{JsCast as _, JsValue};

use crate::error::{Error, Of as _, Result, expected};
use crate::host;

/// The most items of one call.
const ITEMS_MAX: u32 = 1 << 24;

/// The most UTF-16 units of a text: as many as an entry's text has bytes.
const TEXT_MAX: u32 = 16 << 20;

/// The most values of a filter, and of an entry's metadata, those within others included.
const FILTER_VALUES_MAX: usize = 100_000;
const METADATA_VALUES_MAX: usize = 1024;

/// The deepest that values may be nested.
const DEPTH_MAX: usize = 32;

/// The integers that every number keeps apart.
const INTEGER_MAX: f64 = 9_007_199_254_740_991.0;

/// Reads an object field by field, and refuses what it has besides.
pub(crate) fn options(
    value: &JsValue,
    read: &mut dyn FnMut(&str, &JsValue) -> Result<Known>,
) -> Result<()> {
    if value.is_undefined() {
        return Ok(());
    }
    for (name, field) in fields(value, false)? {
        // What stands for nothing is as if it were not there; but an unknown scope is no scope.
        if field.is_undefined() && !name.starts_with("scope") {
            continue;
        }
        match read(&name, &field).of(&name)? {
            Known::Yes => {}
            Known::No => {
                let option = name.chars().take(64).collect();
                return Err(Error::UnknownOption { argument: String::new(), option });
            }
        }
    }
    Ok(())
}

/// Does a field mean something?
pub(crate) enum Known {
    Yes,
    No,
}

/// The own properties of an object.
fn fields(value: &JsValue, plain: bool) -> Result<Vec<(String, JsValue)>> {
    let fields = host::fields(value, plain).map_err(Error::thrown)?;
    let Some(flat) = fields else {
        return expected(if plain { "a value that JSON has" } else { "an object" });
    };
    let mut fields = Vec::new();
    for at in (0..flat.length()).step_by(2) {
        fields.push((string(&flat.get(at))?, flat.get(at + 1)));
    }
    Ok(fields)
}

/// The items of a value, if it is an array.
pub(crate) fn items_of(value: &JsValue) -> Result<Option<Array>> {
    let items = host::items(value, ITEMS_MAX).map_err(Error::thrown)?;
    match items.dyn_into::<Array>() {
        Ok(items) => Ok(Some(items)),
        Err(other) if other.is_undefined() => Ok(None),
        Err(_) => expected("an array of fewer items"),
    }
}

/// The items of an array.
pub(crate) fn items(value: &JsValue) -> Result<Array> {
    items_of(value)?.map_or_else(|| expected("an array"), Ok)
}

/// Each of the items of an array, read; errors count them from the number of the first.
pub(crate) fn each<T>(
    items: &Array,
    first: u32,
    mut read: impl FnMut(&JsValue) -> Result<T>,
) -> Result<Vec<T>> {
    listed(items, first, |number, item| read(item).map_err(|error| error.at(number)))
}

/// The same of the items of one value: where they lie is told, but none of them is one of several.
fn listed<T>(
    items: &Array,
    first: u32,
    mut read: impl FnMut(u32, &JsValue) -> Result<T>,
) -> Result<Vec<T>> {
    let mut values = Vec::new();
    for at in 0..items.length() {
        let number = first.saturating_add(at);
        let told = |error: Error| error.of(format!("[{number}]"));
        values.push(read(number, &items.get(at)).map_err(told)?);
    }
    Ok(values)
}

/// A text.
pub(crate) fn string(value: &JsValue) -> Result<String> {
    let Some(text) = value.dyn_ref::<JsString>() else { return expected("a string") };
    if text.length() > TEXT_MAX {
        return expected("a string of 16 million characters at most");
    }
    let read = String::from(text);
    // What is not well-formed arrives with this sign in its place, and two ids could become one.
    if read.contains('\u{fffd}') && !host::is_well_formed(value) {
        return expected("a well-formed string: no half of a surrogate pair");
    }
    Ok(read)
}

pub(crate) fn boolean(value: &JsValue) -> Result<bool> {
    value.as_bool().map_or_else(|| expected("a boolean"), Ok)
}

pub(crate) fn number(value: &JsValue) -> Result<f64> {
    value.as_f64().map_or_else(|| expected("a number"), Ok)
}

/// A score or a weight.
pub(crate) fn float(value: &JsValue) -> Result<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest")]
    number(value).map(|number| number as f32)
}

/// A whole number that is not negative.
pub(crate) fn count(value: &JsValue) -> Result<usize> {
    match value.as_f64() {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
        Some(number) if is_integer(number) && number >= 0.0 => {
            Ok((number as u64).try_into().unwrap_or(usize::MAX))
        }
        _ => expected("a whole number, not negative"),
    }
}

/// A time, or a span of it, in milliseconds.
pub(crate) fn time(value: &JsValue) -> Result<i64> {
    match value.as_f64() {
        #[expect(clippy::cast_possible_truncation, reason = "checked")]
        Some(number) if is_integer(number) => Ok(number as i64),
        _ => expected("a whole number of milliseconds"),
    }
}

/// What decides the layers of slots.
pub(crate) fn seed(value: &JsValue) -> Result<u64> {
    count(value)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
    number(value).map(|number| number as u64)
}

fn is_integer(number: f64) -> bool {
    number.fract() == 0.0 && (-INTEGER_MAX..=INTEGER_MAX).contains(&number)
}

/// A name of one of several things, as serde knows them.
pub(crate) fn named<T: for<'de> serde::Deserialize<'de>>(
    value: &JsValue,
    choices: &'static str,
) -> Result<T> {
    let name = string(value)?;
    let name = serde::de::value::StrDeserializer::<serde::de::value::Error>::new(&name);
    T::deserialize(name).or_else(|_| expected(choices))
}

pub(crate) fn scope(value: &JsValue) -> Result<Scope> {
    Ok(string(value)?.parse()?)
}

pub(crate) fn scopes(value: &JsValue) -> Result<Vec<Scope>> {
    each(&items(value)?, 0, scope)
}

/// The scope of a handle; none for that of a whole store.
pub(crate) fn handle(value: &JsValue) -> Result<Option<Scope>> {
    if value.is_undefined() { Ok(None) } else { scope(value).map(Some) }
}

/// A vector.
pub(crate) fn vector(value: &JsValue) -> Result<Vec<f32>> {
    let floats = floats(value)?;
    match floats.length() as usize {
        0..=DIMENSIONS_MAX => Ok(floats.to_vec()),
        found => Err(CoreError::TooManyDimensions { max: DIMENSIONS_MAX, found }.into()),
    }
}

/// Numbers where they lie.
pub(crate) fn floats(value: &JsValue) -> Result<Float32Array> {
    let floats = host::floats(value).map_err(Error::thrown)?;
    floats.map_or_else(|| expected("a Float32Array, or an array of numbers"), Ok)
}

/// Bytes where they lie.
pub(crate) fn bytes(value: &JsValue) -> Result<Uint8Array> {
    let bytes = host::bytes(value).map_err(Error::thrown)?;
    bytes.map_or_else(|| expected("a Uint8Array or an ArrayBuffer"), Ok)
}

/// A filter, in one of its spellings.
pub(crate) fn filter(value: &JsValue) -> Result<Filter> {
    let value = Values { max: FILTER_VALUES_MAX, found: 0, optional: false }.read(value, 0)?;
    Ok(Filter::try_from(&value)?)
}

/// What an entry says about itself.
pub(crate) fn metadata(value: &JsValue) -> Result<Object> {
    match (Values { max: METADATA_VALUES_MAX, found: 0, optional: true }).read(value, 0)? {
        Value::Object(object) => Ok(object),
        _ => expected("an object"),
    }
}

/// Reads values.
struct Values {
    /// As many as there may be in the outermost.
    max: usize,
    found: usize,
    /// Are properties that are undefined left out? A filter without them would ask for less.
    optional: bool,
}

impl Values {
    fn read(&mut self, value: &JsValue, depth: usize) -> Result<Value> {
        if self.found > self.max {
            return Err(self.too_many(self.found));
        }
        self.found += 1;
        if depth > DEPTH_MAX {
            return Err(CoreError::TooDeep { max: DEPTH_MAX }.into());
        }
        if value.is_string() {
            return Ok(string(value)?.into());
        }
        if let Some(number) = value.as_f64() {
            return Ok(Value::try_from(number)?);
        }
        if let Some(boolean) = value.as_bool() {
            return Ok(boolean.into());
        }
        if value.is_null() {
            return Ok(Value::Null);
        }
        let most = u32::try_from(self.max).unwrap_or(u32::MAX);
        let items = host::items(value, most).map_err(Error::thrown)?;
        if let Some(items) = items.dyn_ref::<Array>() {
            return listed(items, 0, |_, item| self.read(item, depth + 1)).map(Value::Array);
        }
        if !items.is_undefined() {
            return Err(self.too_many(count(&items)?));
        }
        let mut object = Object::new();
        for (name, field) in fields(value, true)? {
            if self.optional && field.is_undefined() {
                continue;
            }
            let field = self.read(&field, depth + 1).of(&name)?;
            object.insert(name, field);
        }
        Ok(Value::Object(object))
    }

    fn too_many(&self, found: usize) -> Error {
        CoreError::TooLarge { what: "values of metadata", max: self.max, found }.into()
    }
}
