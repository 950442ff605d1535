//! Entries and their keys, as objects of JavaScript.

use js_sys::{Array, Float32Array};
use vicino_core::{EntryKey, Error as CoreError, Scope, VectorEntry};
use wasm_bindgen::JsValue;

use crate::error::{Error, Of as _, Result, expected};
use crate::read::{self, Known};
use crate::{headroom, host, now};

/// The scope of a call: the one that is named, or that of the handle, which may name no other.
pub(crate) fn within(handle: Option<&Scope>, named: Option<Scope>) -> Result<Scope> {
    match (handle, named) {
        (None, named) => Ok(named.unwrap_or_default()),
        (Some(handle), None) => Ok(handle.clone()),
        (Some(handle), Some(named)) if *handle == named => Ok(named),
        (Some(handle), Some(found)) => {
            Err(CoreError::ScopeMismatch { expected: handle.clone(), found }.into())
        }
    }
}

/// An id, of the scope of the handle or the global one, or a key of scope and id.
pub(crate) fn key(value: &JsValue, handle: Option<&Scope>) -> Result<EntryKey> {
    if value.is_string() {
        return Ok(EntryKey::new(within(handle, None)?, read::string(value)?));
    }
    let (mut id, mut scope) = (None, None);
    // A result or an entry is a key, too.
    read::options(value, &mut |name, value| {
        match name {
            "id" => id = Some(read::string(value)?),
            "scope" => scope = Some(read::scope(value)?),
            _ => {}
        }
        Ok(Known::Yes)
    })?;
    let Some(id) = id else { return expected("an id, or an object with one") };
    Ok(EntryKey::new(within(handle, scope)?, id))
}

/// Several keys, or one.
pub(crate) fn keys(value: &JsValue, handle: Option<&Scope>) -> Result<Vec<EntryKey>> {
    match read::items_of(value)? {
        Some(items) => read::each(&items, 0, |value| key(value, handle)),
        None => Ok(vec![key(value, handle)?]),
    }
}

/// Several entries, or one, of so many dimensions. One without an id is given one. Errors count
/// them from the number of the first.
pub(crate) fn entries(
    value: &JsValue,
    handle: Option<&Scope>,
    dimensions: usize,
    first: u32,
) -> Result<Vec<VectorEntry>> {
    match read::items_of(value)? {
        Some(items) => {
            room_for(items.length() as usize, dimensions)?;
            read::each(&items, first, |value| entry(value, handle))
        }
        None => Ok(vec![entry(value, handle)?]),
    }
}

fn entry(value: &JsValue, handle: Option<&Scope>) -> Result<VectorEntry> {
    let (mut entry, mut scope) = (VectorEntry::new("", Vec::new()), None);
    let (mut has_id, mut has_vector) = (false, false);
    read::options(value, &mut |name, value| {
        match name {
            "id" => {
                entry.id = read::string(value)?;
                has_id = true;
            }
            "vector" => {
                entry.vector = read::vector(value)?;
                has_vector = true;
            }
            "metadata" => entry.metadata = read::metadata(value)?,
            "content" => entry.content = Some(read::string(value)?),
            "scope" => scope = Some(read::scope(value)?),
            "createdAt" => entry.created_at = Some(read::time(value)?),
            "updatedAt" => entry.updated_at = Some(read::time(value)?),
            "eventTime" => entry.event_time = Some(read::time(value)?),
            "expiresAt" => entry.expires_at = Some(read::time(value)?),
            "ttlMs" => entry.ttl_ms = Some(read::time(value)?),
            _ => return Ok(Known::No),
        }
        Ok(Known::Yes)
    })?;
    if !has_vector {
        return expected("a Float32Array, or an array of numbers").of("vector");
    }
    if !has_id {
        entry.id = new_id()?;
    }
    entry.scope = within(handle, scope)?;
    Ok(entry)
}

/// Entries whose vectors lie one after the other.
pub(crate) fn many(
    value: &JsValue,
    handle: Option<&Scope>,
    dimensions: usize,
) -> Result<Vec<VectorEntry>> {
    let (mut ids, mut vectors, mut scope) = (None, None, None);
    let (mut metadata, mut contents) = (None, None);
    read::options(value, &mut |name, value| {
        match name {
            "ids" => ids = Some(read::items(value)?),
            "vectors" => vectors = Some(read::floats(value)?),
            "metadata" => metadata = Some(read::items(value)?),
            "contents" => contents = Some(read::items(value)?),
            "scope" => scope = Some(read::scope(value)?),
            _ => return Ok(Known::No),
        }
        Ok(Known::Yes)
    })?;
    let ids = ids.map_or_else(|| expected("an array of strings").of("ids"), Ok)?;
    let vectors = vectors.unwrap_or_default();
    let count = ids.length();
    rows(&vectors, dimensions, count)?;
    for (name, values) in [("metadata", &metadata), ("contents", &contents)] {
        if values.as_ref().is_some_and(|values| values.length() != count) {
            return expected("as long as `ids`").of(name);
        }
    }
    let scope = within(handle, scope)?;
    room_for(count as usize, dimensions)?;
    let mut entries = Vec::new();
    for at in 0..count {
        let at_of =
            |name: &'static str| move |error: Error| error.of(format!("{name}[{at}]")).at(at);
        let id = read::string(&ids.get(at)).map_err(at_of("ids"))?;
        let mut entry = VectorEntry::new(id, row(&vectors, dimensions, at));
        entry.scope = scope.clone();
        entry.metadata = optional(&metadata, at, read::metadata).map_err(at_of("metadata"))?;
        let content = optional(&contents, at, |value| read::string(value).map(Some));
        entry.content = content.map_err(at_of("contents"))?;
        entries.push(entry);
    }
    Ok(entries)
}

/// Are the numbers so many vectors?
pub(crate) fn rows(vectors: &Float32Array, dimensions: usize, count: u32) -> Result<()> {
    if vectors.length() as usize == dimensions.saturating_mul(count as usize) {
        return Ok(());
    }
    expected("as many numbers as there are vectors, times the dimensions").of("vectors")
}

/// One of vectors that lie one after the other.
pub(crate) fn row(vectors: &Float32Array, dimensions: usize, at: u32) -> Vec<f32> {
    let dimensions = u32::try_from(dimensions).unwrap_or(u32::MAX);
    vectors.subarray(at * dimensions, (at + 1) * dimensions).to_vec()
}

fn optional<T: Default>(
    values: &Option<Array>,
    at: u32,
    read: impl Fn(&JsValue) -> Result<T>,
) -> Result<T> {
    let value = values.as_ref().map_or(JsValue::UNDEFINED, |values| values.get(at));
    if value.is_undefined() { Ok(T::default()) } else { read(&value) }
}

/// Is there room to copy so many entries into, before they are known?
fn room_for(count: usize, dimensions: usize) -> Result<()> {
    let entry = size_of::<VectorEntry>() + size_of::<f32>() * dimensions;
    headroom(count.saturating_mul(entry))
}

/// A UUID of version 7: random, in the order of time.
fn new_id() -> Result<String> {
    let mut random = [0; 10];
    host::random(&mut random).map_err(Error::thrown)?;
    let millis = now().unsigned_abs();
    Ok(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().to_string())
}
