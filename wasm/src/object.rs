//! What serde can tell of, as JavaScript's objects: statistics, settings, fields of errors.
//!
//! Not by `serde_wasm_bindgen`: it keeps a table of names and has words for what it refuses, which
//! nobody reads here.

use std::fmt;

use js_sys::{Array, Object, Reflect};
use serde::Serialize;
use serde::ser::{Impossible, SerializeSeq, SerializeStruct, Serializer};
use wasm_bindgen::JsValue;

/// The value, whose names are the package's; `undefined` where it has a whole number that
/// JavaScript rounds.
pub(crate) fn object(value: &impl Serialize) -> JsValue {
    value.serialize(Writer).unwrap_or_default()
}

type Result<T> = std::result::Result<T, Refused>;

/// That a value cannot be told.
#[derive(Debug, thiserror::Error)]
#[error("JavaScript has no such value")]
struct Refused;

impl serde::ser::Error for Refused {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

struct Writer;

/// Methods whose values wasm-bindgen knows, and those of values that nothing here has.
macro_rules! methods {
    (
        known { $($known:ident($of:ty))* }
        refused { $($refused:ident($($argument:ty),*) -> $made:ty)* }
    ) => {
        $(fn $known(self, value: $of) -> Result<JsValue> {
            Ok(value.into())
        })*
        $(fn $refused(self, $(_: $argument),*) -> Result<$made> {
            Err(Refused)
        })*
    };
}

impl Serializer for Writer {
    type Ok = JsValue;
    type Error = Refused;
    type SerializeSeq = List;
    type SerializeTuple = Impossible<JsValue, Refused>;
    type SerializeTupleStruct = Impossible<JsValue, Refused>;
    type SerializeTupleVariant = Impossible<JsValue, Refused>;
    type SerializeMap = Impossible<JsValue, Refused>;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Impossible<JsValue, Refused>;

    methods! {
        known {
            serialize_bool(bool)
            serialize_i8(i8) serialize_i16(i16) serialize_i32(i32)
            serialize_u8(u8) serialize_u16(u16) serialize_u32(u32)
            serialize_f32(f32) serialize_f64(f64)
            serialize_str(&str)
        }
        refused {
            serialize_char(char) -> JsValue
            serialize_bytes(&[u8]) -> JsValue
            serialize_unit_struct(&'static str) -> JsValue
            serialize_tuple(usize) -> Self::SerializeTuple
            serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct
            serialize_tuple_variant(&'static str, u32, &'static str, usize)
                -> Self::SerializeTupleVariant
            serialize_map(Option<usize>) -> Self::SerializeMap
            serialize_struct_variant(&'static str, u32, &'static str, usize)
                -> Self::SerializeStructVariant
        }
    }

    fn serialize_i64(self, value: i64) -> Result<JsValue> {
        const MOST: i64 = (1 << 53) - 1;
        match (-MOST..=MOST).contains(&value) {
            true => Ok(JsValue::from(value as f64)),
            false => Err(Refused),
        }
    }

    fn serialize_u64(self, value: u64) -> Result<JsValue> {
        self.serialize_i64(i64::try_from(value).unwrap_or(i64::MAX))
    }

    fn serialize_none(self) -> Result<JsValue> {
        self.serialize_unit()
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<JsValue> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<JsValue> {
        Ok(JsValue::UNDEFINED)
    }

    fn serialize_unit_variant(self, _: &str, _: u32, name: &'static str) -> Result<JsValue> {
        self.serialize_str(name)
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<JsValue> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<JsValue> {
        Err(Refused)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List> {
        Ok(List(Array::new()))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields> {
        Ok(Fields(Object::new()))
    }
}

struct List(Array);

impl SerializeSeq for List {
    type Ok = JsValue;
    type Error = Refused;

    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<()> {
        self.0.push(&value.serialize(Writer)?);
        Ok(())
    }

    fn end(self) -> Result<JsValue> {
        Ok(self.0.into())
    }
}

struct Fields(Object);

impl SerializeStruct for Fields {
    type Ok = JsValue;
    type Error = Refused;

    fn serialize_field<T: ?Sized + Serialize>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<()> {
        self.set(name, &value.serialize(Writer)?);
        Ok(())
    }

    fn end(self) -> Result<JsValue> {
        Ok(self.0.into())
    }
}

impl Fields {
    fn set(&self, name: &str, value: &JsValue) {
        // An object of its own takes any.
        _ = Reflect::set(&self.0, &name.into(), value);
    }
}
