//! Bytes coming in: where everything lies, checked before anything is believed.

use std::ops::Range;

use twox_hash::XxHash3_64;

use super::{CRITICAL, END, ENTRY, FOOTER, HEADER, MAGIC, MAJOR, Tag, Verify};
use crate::config::{Exact, HnswConfig, Quantization};
use crate::error::Error;
use crate::memory::{ALIGN, Bytes};
use crate::metric::DistanceMetric;
use crate::scope::Scope;

/// A snapshot whose structure has been checked.
#[derive(Debug)]
pub(crate) struct SnapshotFile {
    bytes: Bytes,
    pub(crate) config: HnswConfig,
    pub(crate) dimensions: usize,
    pub(crate) parts: Vec<Place>,
}

/// Where the part of a scope lies.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) scope: Scope,
    pub(crate) entries: u64,
    part: Range<usize>,
    /// Where its table begins, at its end.
    table: usize,
    arrays: usize,
    checksum: u64,
}

/// The part of a scope.
#[derive(Debug)]
pub(crate) struct Part {
    bytes: Bytes,
    arrays: Vec<Array>,
}

#[derive(Debug)]
struct Array {
    tag: [u8; 4],
    critical: bool,
    stride: usize,
    range: Range<usize>,
}

impl SnapshotFile {
    pub(crate) fn open(bytes: Bytes) -> Result<Self, Error> {
        let all = bytes.read();
        let header = corrupt("header");
        let (config, dimensions) = read_header(all)?;
        let footer = corrupt("footer");
        let end = all.len().checked_sub(FOOTER).filter(|end| *end >= HEADER);
        let end = end.ok_or_else(|| header("is not followed by anything"))?;
        let mut from = Fields(&all[end..]);
        let (start, len, parts) = (from.u64()?, from.u64()?, from.u64()?);
        let (checksum, file) = (from.u64()?, from.u64()?);
        let own = &all[end..all.len() - 16];
        let mut from = Fields(&all[all.len() - 16..]);
        if XxHash3_64::oneshot(own) != from.u64()? || from.0 != END {
            return Err(footer("is not one: the end is missing, or bytes of it have changed"));
        }
        if file != all.len() as u64 {
            return Err(footer("was written for a file of another length"));
        }
        let range = within(start, len, HEADER..end);
        let range = range.filter(|range| range.end == end);
        let range = range.ok_or_else(|| footer("leads out of the file"))?;
        let directory = &all[range.clone()];
        if XxHash3_64::oneshot(directory) != checksum {
            return Err(corrupt("directory")("does not have its checksum"));
        }
        let parts = read_directory(directory, parts, HEADER..range.start)?;
        Ok(Self { config, dimensions, parts, bytes })
    }

    /// The part at a place of this snapshot.
    pub(crate) fn part(&self, place: &Place, verify: Verify) -> Result<Part, Error> {
        let start = place.part.start;
        let part = self.bytes.part(place.part.clone());
        let table = part.read()[place.table - start..][..ENTRY * place.arrays].to_vec();
        let damaged = corrupt("table");
        if XxHash3_64::oneshot(&table) != place.checksum {
            return Err(damaged("does not have its checksum"));
        }
        let mut arrays: Vec<Array> = Vec::with_capacity(place.arrays);
        let mut from = Fields(&table);
        let mut free = start;
        for _ in 0..place.arrays {
            let (tag, flags, stride) = (from.take()?, from.u32()?, from.u32()? as usize);
            from.u32()?;
            let (count, offset, checksum) = (from.u64()?, from.u64()?, from.u64()?);
            let len = count.checked_mul(stride as u64);
            let range = len.and_then(|len| within(offset, len, free..place.table));
            let range = range.filter(|range| range.start % ALIGN == 0 && stride > 0);
            let range = range.ok_or_else(|| damaged("has an array that lies elsewhere"))?;
            free = range.end;
            let range = range.start - start..range.end - start;
            let bytes = &part.read()[range.clone()];
            if verify == Verify::Full && XxHash3_64::oneshot(bytes) != checksum {
                return Err(corrupt("array")("does not have its checksum"));
            }
            if arrays.iter().any(|other| other.tag == tag) {
                return Err(damaged("has an array twice"));
            }
            let critical = flags & CRITICAL != 0;
            arrays.push(Array { tag, critical, stride, range });
        }
        Ok(Part { bytes: part, arrays })
    }
}

impl Part {
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
        if found.as_ref().map_or(0, Bytes::len) != count * stride {
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
        let mut copy = Vec::new();
        let bytes = size_of_val(values);
        copy.try_reserve_exact(values.len()).map_err(|_| Error::OutOfMemory { bytes })?;
        copy.extend_from_slice(values);
        Ok(copy)
    }

    /// Is nothing left that a reader has to know?
    pub(crate) fn end(self) -> Result<(), Error> {
        match self.arrays.iter().any(|array| array.critical) {
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
fn within(start: u64, len: u64, outer: Range<usize>) -> Option<Range<usize>> {
    let start = usize::try_from(start).ok()?;
    let end = start.checked_add(usize::try_from(len).ok()?)?;
    (outer.start <= start && end <= outer.end).then_some(start..end)
}

fn read_header(all: &[u8]) -> Result<(HnswConfig, usize), Error> {
    let damaged = corrupt("header");
    let header = all.get(..HEADER).filter(|header| header.starts_with(&MAGIC));
    let header = header.ok_or_else(|| damaged("is not that of a snapshot"))?;
    let mut from = Fields(&header[MAGIC.len()..]);
    let major = from.u16()?;
    if major != MAJOR {
        return Err(Error::UnknownFormat { max: MAJOR, found: major });
    }
    let (own, checksum) = header.split_at(HEADER - 8);
    if XxHash3_64::oneshot(own) != Fields(checksum).u64()? {
        return Err(damaged("does not have its checksum"));
    }
    from.u16()?;
    read_config(&mut from)
}

fn read_directory(directory: &[u8], parts: u64, outer: Range<usize>) -> Result<Vec<Place>, Error> {
    let damaged = corrupt("directory");
    let mut from = Fields(directory);
    let mut places: Vec<Place> = Vec::new();
    let mut free = outer.start;
    while !from.0.is_empty() {
        let (start, table, checksum) = (from.u64()?, from.u64()?, from.u64()?);
        let (entries, arrays, len) = (from.u64()?, from.u32()? as usize, from.u16()?);
        let text = std::str::from_utf8(from.some(len.into())?).ok();
        let scope = text.and_then(|text| text.parse().ok());
        let scope: Scope = scope.ok_or_else(|| damaged("names no scope"))?;
        let len = (ENTRY as u64).checked_mul(arrays as u64);
        let table = len.and_then(|len| within(table, len, free..outer.end));
        let table = table.ok_or_else(|| damaged("leads out of the file"))?;
        let part = within(start, 0, free..table.start + 1).map(|start| start.start..table.end);
        let part = part.filter(|part| part.start % ALIGN == 0);
        let part = part.ok_or_else(|| damaged("has parts that overlap"))?;
        if places.last().is_some_and(|last| last.scope >= scope) {
            return Err(damaged("is not in the order of scopes"));
        }
        free = part.end;
        places.push(Place { scope, entries, part, table: table.start, arrays, checksum });
    }
    match places.len() as u64 == parts {
        true => Ok(places),
        false => Err(damaged("has another number of parts than the footer says")),
    }
}

/// Fields of fixed length, one behind the other.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn some(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let (some, rest) =
            self.0.split_at_checked(len).ok_or_else(|| corrupt("file")("ends early"))?;
        self.0 = rest;
        Ok(some)
    }

    pub(crate) fn take<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let some = self.some(N)?;
        Ok(some.try_into().expect("as many bytes"))
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Error> {
        self.take::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Error> {
        self.take().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Error> {
        self.take().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Error> {
        self.take().map(u64::from_le_bytes)
    }
}

/// Appends a configuration, whose fields [`read_config`] reads.
pub(super) fn write_config(config: &HnswConfig, dimensions: usize, to: &mut Vec<u8>) {
    let short = |number: usize| u32::try_from(number).expect("within its limits").to_le_bytes();
    let metric = DistanceMetric::ALL.iter().position(|metric| *metric == config.distance_metric);
    let quantization = match config.quantization {
        Quantization::Int8 => 0,
        Quantization::None => 1,
    };
    let exact = match config.exact {
        Exact::F32 => 0,
        Exact::F16 => 1,
        Exact::None => 2,
    };
    to.extend(short(dimensions));
    to.extend(short(metric.expect("it is one of all")));
    to.extend([quantization, exact, 0, 0]);
    to.extend(short(config.max_connections));
    to.extend(short(config.ef_construction));
    to.extend(short(config.ef_search));
    to.extend(short(config.nb_layers));
    to.extend(short(config.promotion_size.unwrap_or(0)));
    to.extend([0; 4]);
    to.extend(config.seed.to_le_bytes());
}

fn read_config(from: &mut Fields<'_>) -> Result<(HnswConfig, usize), Error> {
    let unknown = || corrupt("header")("has a setting that this version does not know");
    let mut long = || from.u32().map(|number| number as usize);
    let (dimensions, metric) = (long()?, long()?);
    let distance_metric = *DistanceMetric::ALL.get(metric).ok_or_else(unknown)?;
    let quantization = match from.u8()? {
        0 => Quantization::Int8,
        1 => Quantization::None,
        _ => return Err(unknown()),
    };
    let exact = match from.u8()? {
        0 => Exact::F32,
        1 => Exact::F16,
        2 => Exact::None,
        _ => return Err(unknown()),
    };
    from.u16()?;
    let mut long = || from.u32().map(|number| number as usize);
    let (max_connections, ef_construction, ef_search) = (long()?, long()?, long()?);
    let (nb_layers, promotion) = (long()?, long()?);
    from.u32()?;
    let promotion_size = (promotion > 0).then_some(promotion);
    let config = HnswConfig {
        distance_metric,
        max_connections,
        ef_construction,
        ef_search,
        nb_layers,
        seed: from.u64()?,
        quantization,
        exact,
        promotion_size,
    };
    Ok((config, dimensions))
}
