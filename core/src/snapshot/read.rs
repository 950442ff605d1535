//! Bytes coming in: where everything lies, checked before anything is believed.

use std::ops::Range;

use twox_hash::XxHash3_64;

use super::index::Place;
use super::{CRITICAL, PartWriter, Tag, Verify};
use crate::error::Error;
use crate::memory::{ALIGN, Bytes, collected};

/// The part of a scope.
#[derive(Debug)]
pub(crate) struct Part {
    bytes: Bytes,
    arrays: Vec<Array>,
}

#[derive(Debug)]
struct Array {
    tag: [u8; 4],
    flags: u32,
    stride: usize,
    range: Range<usize>,
}

impl Part {
    /// The part at a place, in bytes that are its own.
    pub(crate) fn new(bytes: Bytes, place: &Place, verify: Verify) -> Result<Self, Error> {
        let damaged = corrupt("table");
        let all = bytes.read();
        let start = place.range.start;
        if all.len() as u64 != place.range.end - start {
            return Err(damaged("is that of a part of another length"));
        }
        let inside = |place: u64| usize::try_from(place - start).expect("within its bytes");
        let table = &all[inside(place.table)..];
        if XxHash3_64::oneshot(table) != place.checksum {
            return Err(damaged("does not have its checksum"));
        }
        let is_read = match verify {
            Verify::Structure => false,
            Verify::Full => true,
            Verify::UpTo(most) => all.len() as u64 <= most,
        };
        let mut arrays: Vec<Array> = Vec::new();
        let mut from = Fields(table);
        let mut free = start;
        while !from.0.is_empty() {
            let (tag, flags, stride) = (from.take()?, from.u32()?, from.u32()?);
            from.u32()?;
            let (count, offset, checksum) = (from.u64()?, from.u64()?, from.u64()?);
            let len = count.checked_mul(stride.into());
            let range = len.and_then(|len| within(offset, len, free..place.table));
            let range = range.filter(|range| range.start % ALIGN as u64 == 0 && stride > 0);
            let range = range.ok_or_else(|| damaged("has an array that lies elsewhere"))?;
            free = range.end;
            let range = inside(range.start)..inside(range.end);
            if is_read && XxHash3_64::oneshot(&all[range.clone()]) != checksum {
                return Err(corrupt("array")("does not have its checksum"));
            }
            if arrays.iter().any(|other| other.tag == tag) {
                return Err(damaged("has an array twice"));
            }
            arrays.push(Array { tag, flags, stride: stride as usize, range });
        }
        Ok(Self { bytes, arrays })
    }

    /// How many rows an array has.
    pub(crate) fn rows(&self, tag: Tag) -> usize {
        let array = self.arrays.iter().find(|array| array.tag == tag.bytes);
        array.map_or(0, |array| array.range.len() / array.stride)
    }

    /// Takes an array of rows of `stride` bytes out, if there is one.
    pub(crate) fn take(&mut self, tag: Tag, stride: usize) -> Result<Option<Bytes>, Error> {
        let at = self.arrays.iter().position(|array| array.tag == tag.bytes);
        let Some(at) = at else { return Ok(None) };
        let array = self.arrays.swap_remove(at);
        if array.stride != stride {
            return Err(corrupt(tag.name)("has rows of another length"));
        }
        Ok(Some(self.bytes.part(array.range)))
    }

    /// Takes out an array of `count` rows, which there has to be where there are any.
    pub(crate) fn take_rows(
        &mut self,
        tag: Tag,
        stride: usize,
        count: usize,
    ) -> Result<Option<Bytes>, Error> {
        let found = self.take(tag, stride)?;
        if Some(found.as_ref().map_or(0, Bytes::len)) != count.checked_mul(stride) {
            return Err(corrupt(tag.name)("has another number of rows than it should"));
        }
        Ok(found)
    }

    /// Takes out a copy of an array of values.
    pub(crate) fn take_values<T: bytemuck::AnyBitPattern>(
        &mut self,
        tag: Tag,
    ) -> Result<Vec<T>, Error> {
        let found = self.take(tag, size_of::<T>())?;
        let values = found.as_ref().map_or(&[][..], |bytes| bytemuck::cast_slice(bytes.read()));
        collected(values.len(), values.iter().copied())
    }

    /// Writes the same into another snapshot, from which it is read as from here.
    pub(crate) fn copy(&self, out: &mut PartWriter<'_>) {
        for Array { tag, flags, stride, range } in &self.arrays {
            let bytes = &self.bytes.read()[range.clone()];
            out.flagged(*tag, *flags, *stride, &mut |array| array.extend(bytes));
        }
    }

    /// Is nothing left that a reader has to know?
    pub(crate) fn end(self) -> Result<(), Error> {
        match self.arrays.iter().any(|array| array.flags & CRITICAL != 0) {
            true => Err(corrupt("table")("has an array that this version does not know")),
            false => Ok(()),
        }
    }
}

/// Says what is wrong with a part of a snapshot.
pub(crate) fn corrupt(section: &'static str) -> impl Fn(&'static str) -> Error {
    move |reason| Error::Corrupt { section, reason }
}

/// The range from `start` of `len` bytes, if it lies in another.
pub(super) fn within(start: u64, len: u64, outer: Range<u64>) -> Option<Range<u64>> {
    let end = start.checked_add(len)?;
    (outer.start <= start && end <= outer.end).then_some(start..end)
}

/// Fields of fixed length, one behind the other.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn some(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let (some, rest) =
            self.0.split_at_checked(len).ok_or_else(|| corrupt("file")("ends early"))?;
        self.0 = rest;
        Ok(some)
    }

    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let some = self.some(N)?;
        Ok(some.try_into().expect("as many bytes"))
    }

    pub(super) fn u8(&mut self) -> Result<u8, Error> {
        self.take::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Error> {
        self.take().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Error> {
        self.take().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Error> {
        self.take().map(u64::from_le_bytes)
    }
}
