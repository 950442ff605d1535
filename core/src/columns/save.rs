//! Columns in a snapshot: one stream of bytes, read once and from then on like any others.
//!
//! ```text
//! fields   count, then for each: key length, key, column, fields below
//! column   present, values in no array, values in an array, how many by arrays
//! values   false, true, numbers, strings, how many of each, long strings
//! numbers  count, then for each: kind, value, posting         (strings: length, text, posting)
//! posting  0 | 1 slot | 2 count slots | 3 count chunks: high, count - 1, lows or words
//! ```
//!
//! Counts are of 32 bits, or of 64 where entries are counted. What is read is what could have been
//! written, or nothing: then columns are made again of the records.

use bytemuck::AnyBitPattern;

use super::column::{Column, Values};
use super::ordered::Ordered;
use super::posting::{
    ARRAY_MAX, BITS_MIN, Bits, CHUNKS_MIN, Chunk, Chunks, FEW_MAX, Low, Posting, WORDS,
};
use super::{Columns, Fields, Node};
use crate::metadata::Number;

/// Fields below fields: more than metadata is deep.
const DEPTH_MAX: usize = 64;

impl Columns {
    /// Appends all columns.
    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        self.fields.write(to);
    }

    /// Columns of slots below `slots`, if they lie here, and nothing behind them.
    pub(crate) fn read(from: &mut &[u8], slots: u32) -> Option<Self> {
        let mut from = From { bytes: from, slots, taken: 0 };
        let fields = from.fields(0)?;
        Some(Self { fields, bytes: from.taken })
    }
}

impl Fields {
    fn write(&self, to: &mut Vec<u8>) {
        short(self.0.len(), to);
        for (key, node) in &self.0 {
            let Node { column, below } = &**node;
            text(key, to);
            column.present.write(to);
            for values in &column.values {
                values.write(to);
            }
            long(column.by_arrays, to);
            below.write(to);
        }
    }
}

impl Values {
    fn write(&self, to: &mut Vec<u8>) {
        self.bools.iter().for_each(|posting| posting.write(to));
        short(self.numbers.len(), to);
        for (number, posting) in self.numbers.iter() {
            to.extend(number.to_bytes());
            posting.write(to);
        }
        short(self.strings.len(), to);
        for (string, posting) in self.strings.iter() {
            text(string, to);
            posting.write(to);
        }
        long(self.number_count, to);
        long(self.string_count, to);
        self.long.write(to);
    }
}

impl Posting {
    fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::Empty => to.push(0),
            Self::One(slot) => {
                to.push(1);
                to.extend(slot.to_le_bytes());
            }
            Self::Few(slots) => {
                to.push(2);
                short(slots.len(), to);
                to.extend_from_slice(bytemuck::cast_slice(slots));
            }
            Self::Many(chunks) => {
                to.push(3);
                short(chunks.0.len(), to);
                for Chunk { high, low } in &chunks.0 {
                    to.extend(high.to_le_bytes());
                    let last = u16::try_from(low.len() - 1).expect("a chunk has 65,536 slots");
                    match low {
                        Low::Array(lows) => {
                            to.push(0);
                            to.extend(last.to_le_bytes());
                            to.extend_from_slice(bytemuck::cast_slice(lows));
                        }
                        Low::Bits(bits) => {
                            to.push(1);
                            to.extend(last.to_le_bytes());
                            to.extend_from_slice(bytemuck::cast_slice(&bits.words));
                        }
                    }
                }
            }
        }
    }
}

fn short(count: usize, to: &mut Vec<u8>) {
    to.extend(u32::try_from(count).expect("there are fewer than 2^32").to_le_bytes());
}

fn long(count: usize, to: &mut Vec<u8>) {
    to.extend((count as u64).to_le_bytes());
}

fn text(text: &str, to: &mut Vec<u8>) {
    short(text.len(), to);
    to.extend(text.as_bytes());
}

/// Bytes that may be columns.
struct From<'b, 'f> {
    bytes: &'f mut &'b [u8],
    slots: u32,
    /// The memory of what was read.
    taken: usize,
}

impl From<'_, '_> {
    fn fields(&mut self, depth: usize) -> Option<Fields> {
        let mut fields = Fields::default();
        for _ in 0..self.short()? {
            let key = self.text()?;
            self.taken += Fields::NODE + key.len();
            let is_behind = fields.0.last_key_value().is_none_or(|(last, _)| **last < *key);
            let present = self.posting()?;
            let values = [self.values()?, self.values()?];
            let by_arrays = self.long()?;
            let column = Column { present, values, by_arrays };
            let below = if depth < DEPTH_MAX { self.fields(depth + 1)? } else { return None };
            if !is_behind {
                return None;
            }
            fields.0.insert(key, Box::new(Node { column, below }));
        }
        Some(fields)
    }

    fn values(&mut self) -> Option<Values> {
        let bools = [self.posting()?, self.posting()?];
        let number = |from: &mut Self| Number::of_bytes(from.array()?);
        let numbers = self.ordered(number)?;
        let strings = self.ordered(|from| {
            let text = from.text()?;
            from.taken += text.len();
            Some(text)
        })?;
        let (number_count, string_count) = (self.long()?, self.long()?);
        let long = self.posting()?;
        Some(Values { bools, numbers, strings, number_count, string_count, long })
    }

    fn ordered<K: Ord>(&mut self, key: impl Fn(&mut Self) -> Option<K>) -> Option<Ordered<K>> {
        let count = self.short()?;
        // Not as many as are said to come: they may not.
        let mut pairs = Vec::new();
        for _ in 0..count {
            let key = key(self)?;
            let posting = self.posting()?;
            if posting.is_empty() || pairs.last().is_some_and(|(last, _)| *last >= key) {
                return None;
            }
            self.taken += Ordered::<K>::PAIR;
            pairs.push((key, posting));
        }
        Some(Ordered::of(pairs))
    }

    fn posting(&mut self) -> Option<Posting> {
        let posting = self.any_posting()?;
        self.taken += posting.bytes();
        Some(posting)
    }

    fn any_posting(&mut self) -> Option<Posting> {
        let below =
            |slots: &[u32], end| slots.is_sorted_by(|a, b| a < b) && slots.last() < Some(end);
        Some(match self.byte()? {
            0 => Posting::Empty,
            1 => {
                Posting::One(self.values_of(1)?.first().copied().filter(|slot| *slot < self.slots)?)
            }
            2 => {
                let count = self.short()?;
                let slots: Vec<u32> = self.values_of(count)?;
                let is_few = (2..=FEW_MAX).contains(&count) && below(&slots, &self.slots);
                is_few.then(|| Posting::Few(slots.into()))?
            }
            3 => {
                let mut chunks = Vec::new();
                let mut all = 0;
                for _ in 0..self.short()? {
                    let chunk = self.chunk()?;
                    let is_behind = chunks.last().is_none_or(|last: &Chunk| last.high < chunk.high);
                    all += chunk.low.len();
                    is_behind.then(|| chunks.push(chunk))?;
                }
                (all > CHUNKS_MIN).then(|| Posting::Many(Box::new(Chunks(chunks))))?
            }
            _ => return None,
        })
    }

    fn chunk(&mut self) -> Option<Chunk> {
        let high = u16::from_le_bytes(self.array()?);
        let kind = self.byte()?;
        let len = usize::from(u16::from_le_bytes(self.array()?)) + 1;
        let (low, last) = match kind {
            0 => {
                let lows: Vec<u16> = self.values_of(len)?;
                let is_array = len <= ARRAY_MAX && lows.is_sorted_by(|a, b| a < b);
                let last = lows.last().copied().filter(|_| is_array)?;
                (Low::Array(lows), last)
            }
            1 => {
                let words: Vec<u64> = self.values_of(WORDS)?;
                let words: Box<[u64; WORDS]> = words.into_boxed_slice().try_into().ok()?;
                let count: u32 = words.iter().map(|word| word.count_ones()).sum();
                let bits = Box::new(Bits { len, words: *words });
                let last = bits.lows().last()?;
                (count as usize == len && len > BITS_MIN).then_some((Low::Bits(bits), last))?
            }
            _ => return None,
        };
        let last = u32::from(high) << 16 | u32::from(last);
        (last < self.slots).then_some(Chunk { high, low })
    }

    fn text(&mut self) -> Option<Box<str>> {
        let len = self.short()?;
        let (text, rest) = self.bytes.split_at_checked(len)?;
        *self.bytes = rest;
        std::str::from_utf8(text).ok().map(Box::from)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn short(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.array()?)).ok()
    }

    fn long(&mut self) -> Option<usize> {
        usize::try_from(u64::from_le_bytes(self.array()?)).ok()
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.bytes.split_first_chunk()?;
        *self.bytes = rest;
        Some(*array)
    }

    /// So many values, if they are there.
    fn values_of<T: AnyBitPattern>(&mut self, count: usize) -> Option<Vec<T>> {
        let len = count.checked_mul(size_of::<T>())?;
        let (bytes, rest) = self.bytes.split_at_checked(len)?;
        *self.bytes = rest;
        Some(bytes.chunks_exact(size_of::<T>()).map(bytemuck::pod_read_unaligned).collect())
    }
}
