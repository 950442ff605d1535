//! Metadata as `MessagePack`, which records and stores keep it as.
//!
//! Read and written without serde, which would compile each way through a value once for the
//! outermost, once for names and once for what is inside. What is read is not believed: the tests
//! below cut it off and change it.

use std::collections::btree_map::Entry;

use rmp::{Marker, encode};

use super::number::Form;
use super::value::DEPTH_MAX;
use super::{Object, Value};

/// Appends an object.
pub(crate) fn write(object: &Object, to: &mut Vec<u8>) {
    // Memory can be written to, here and below.
    _ = encode::write_map_len(to, len(object.len()));
    for (key, value) in object {
        _ = encode::write_str(to, key);
        write_value(value, to);
    }
}

fn write_value(value: &Value, to: &mut Vec<u8>) {
    match value {
        Value::Null => _ = encode::write_nil(to),
        Value::Bool(value) => _ = encode::write_bool(to, *value),
        Value::Number(number) => match number.form() {
            Form::Signed(value) => _ = encode::write_sint(to, value),
            Form::Unsigned(value) => _ = encode::write_uint(to, value),
            Form::Float(value) => _ = encode::write_f64(to, value),
        },
        Value::String(text) => _ = encode::write_str(to, text),
        Value::Array(values) => {
            _ = encode::write_array_len(to, len(values.len()));
            values.iter().for_each(|value| write_value(value, to));
        }
        Value::Object(object) => write(object, to),
    }
}

fn len(len: usize) -> u32 {
    u32::try_from(len).expect("an entry has few values")
}

/// The object that begins here, if one does.
pub(crate) fn read(mut from: &[u8]) -> Option<Object> {
    // What is in it may be nested as deep as values may be.
    match read_value(&mut from, DEPTH_MAX + 1)? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

/// A value in which so many more may be nested.
fn read_value(from: &mut &[u8], depth: usize) -> Option<Value> {
    use Marker::{Array16, Array32, FixArray, FixMap, FixStr, Map16, Map32, Str8, Str16, Str32};
    let marker = Marker::from_u8(*from.split_off_first()?);
    let len = match marker {
        FixStr(len) | FixArray(len) | FixMap(len) => len.into(),
        Str8 => number(from, 1)?,
        Str16 | Array16 | Map16 => number(from, 2)?,
        Str32 | Array32 | Map32 => number(from, 4)?,
        _ => 0,
    };
    Some(match marker {
        Marker::Null => Value::Null,
        Marker::True => true.into(),
        Marker::False => false.into(),
        Marker::FixPos(value) => u64::from(value).into(),
        Marker::FixNeg(value) => i64::from(value).into(),
        Marker::U8 => number(from, 1)?.into(),
        Marker::U16 => number(from, 2)?.into(),
        Marker::U32 => number(from, 4)?.into(),
        Marker::U64 => number(from, 8)?.into(),
        Marker::I8 => signed(from, 1)?.into(),
        Marker::I16 => signed(from, 2)?.into(),
        Marker::I32 => signed(from, 4)?.into(),
        Marker::I64 => signed(from, 8)?.into(),
        Marker::F32 => {
            let bits = u32::try_from(number(from, 4)?).ok()?;
            f64::from(f32::from_bits(bits)).try_into().ok()?
        }
        Marker::F64 => f64::from_bits(number(from, 8)?).try_into().ok()?,
        FixStr(_) | Str8 | Str16 | Str32 => {
            let text = from.split_off(..usize::try_from(len).ok()?)?;
            std::str::from_utf8(text).ok()?.into()
        }
        FixArray(_) | Array16 | Array32 => {
            let depth = depth.checked_sub(1)?;
            // Not as many as are announced: whoever wrote that may lie.
            let mut values = Vec::new();
            for _ in 0..len {
                values.push(read_value(from, depth)?);
            }
            Value::Array(values)
        }
        FixMap(_) | Map16 | Map32 => {
            let depth = depth.checked_sub(1)?;
            let mut object = Object::new();
            for _ in 0..len {
                let Value::String(key) = read_value(from, 0)? else { return None };
                let Entry::Vacant(place) = object.entry(key) else { return None };
                place.insert(read_value(from, depth)?);
            }
            Value::Object(object)
        }
        _ => return None,
    })
}

/// A number of so many bytes, the most significant first.
fn number(from: &mut &[u8], bytes: usize) -> Option<u64> {
    let number = from.split_off(..bytes)?;
    Some(number.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// The same of one that may be negative.
fn signed(from: &mut &[u8], bytes: usize) -> Option<i64> {
    let above = 64 - 8 * bytes;
    Some((number(from, bytes)? << above).cast_signed() >> above)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::mix;

    fn packed(json: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&serde_json::from_str(json).unwrap(), &mut bytes);
        bytes
    }

    #[test]
    fn what_is_written_is_read_and_is_what_serde_writes() {
        let many = format!(r#"{{"a": [{}1], "b": "{}"}}"#, "[], ".repeat(70_000), "x".repeat(300));
        for json in [
            "{}",
            r#"{"a": null, "b": [true, false, {"": {}}], "c": "\u00e9"}"#,
            r#"{"a": [0, 127, 128, 255, 256, 65535, 65536, 4294967295, 4294967296]}"#,
            r#"{"a": [-1, -32, -33, -128, -129, -32768, -32769, -2147483648, -2147483649]}"#,
            r#"{"a": [9223372036854775807, 18446744073709551615, -9223372036854775808, 0.5]}"#,
            &many,
        ] {
            let object: Object = serde_json::from_str(json).unwrap();
            let bytes = packed(json);
            assert_eq!(bytes, rmp_serde::to_vec(&object).unwrap(), "{json}");
            assert_eq!(read(&bytes), Some(object), "{json}");
        }
    }

    #[test]
    fn forms_of_others_are_read() {
        let half = Object::from([("a".to_owned(), Value::try_from(0.5).unwrap())]);
        assert_eq!(read(b"\x81\xa1a\xca\x3f\0\0\0"), Some(half));
        let one = Object::from([("a".to_owned(), 1.into())]);
        assert_eq!(read(b"\xdf\0\0\0\x01\xdb\0\0\0\x01a\xd1\0\x01"), Some(one));
    }

    #[test]
    fn what_is_damaged_is_read_as_serde_reads_it() {
        let bytes = packed(r#"{"a": [1, -2, 0.5, 70000, null], "bc": {"d": "text", "e": true}}"#);
        let check = |bytes: &[u8]| {
            // Keys of bytes are none here, and none is there twice.
            let serde = rmp_serde::from_slice::<Object>(bytes).ok();
            assert!(read(bytes) == serde || read(bytes).is_none(), "{bytes:x?}");
        };
        (0..bytes.len()).for_each(|end| assert_eq!(read(&bytes[..end]), None));
        for round in 0..20_000 {
            let (mut bytes, random) = (bytes.clone(), mix(round));
            let at = usize::try_from(random >> 8).unwrap() % bytes.len();
            bytes[at] = random.to_le_bytes()[0];
            check(&bytes);
        }
        for twice in [&b"\x82\xa1a\x01\xa1a\x01"[..], b"\x81\x01\x01", b"\x90", b"\x81\xa1\xff\x01"]
        {
            assert_eq!(read(twice), None);
        }
    }

    #[test]
    fn what_is_nested_too_deep_is_not_built() {
        for (depth, is_read) in [(DEPTH_MAX, true), (DEPTH_MAX + 1, false), (100_000, false)] {
            let bytes = [&b"\x81\xa1a"[..], &vec![0x91; depth - 1], b"\x90"].concat();
            assert_eq!(read(&bytes).is_some(), is_read, "{depth}");
        }
    }
}
