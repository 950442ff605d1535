//! Bytes going out, one after the other, with their checksums.

use std::hash::Hasher;

use bytemuck::Pod;
use twox_hash::XxHash3_64;

use super::{CRITICAL, END, ENTRY, FOOTER, HEADER, MAGIC, MAJOR, MINOR, Sink, Tag};
use crate::config::HnswConfig;
use crate::memory::{ALIGN, Held, Rows, Shared, row_bytes};
use crate::scope::Scope;

/// A snapshot on its way out. The first error of the sink ends it.
pub(crate) struct SnapshotWriter<'s, S: Sink> {
    sink: &'s mut S,
    failed: Option<S::Error>,
    at: u64,
    directory: Vec<u8>,
    parts: u64,
}

/// What is to be written into a part, as it was when this was made: whatever becomes of what it was
/// made of meanwhile. It can be written several times.
pub(crate) type Save = Box<dyn Fn(&mut PartWriter<'_>) + Send>;

/// The part of a scope.
pub(crate) struct PartWriter<'w> {
    out: &'w mut dyn FnMut(&[u8]),
    at: u64,
    table: Vec<u8>,
}

/// An array.
pub(crate) struct ArrayWriter<'p> {
    out: &'p mut dyn FnMut(&[u8]),
    checksum: XxHash3_64,
    buffer: Vec<u8>,
    written: u64,
}

/// So many bytes go out together.
const BUFFER: usize = 1 << 16;

impl<'s, S: Sink> SnapshotWriter<'s, S> {
    pub(crate) fn new(sink: &'s mut S, config: &HnswConfig, dimensions: usize) -> Self {
        let mut header = Vec::with_capacity(HEADER);
        header.extend(MAGIC);
        header.extend(MAJOR.to_le_bytes());
        header.extend(MINOR.to_le_bytes());
        super::header::write_config(config, dimensions, &mut header);
        header.resize(HEADER - 8, 0);
        header.extend(XxHash3_64::oneshot(&header).to_le_bytes());
        let mut writer = Self { sink, failed: None, at: 0, directory: Vec::new(), parts: 0 };
        writer.write(&header);
        writer
    }

    /// Has the sink taken all so far? What follows is not written.
    pub(crate) fn goes_on(&self) -> bool {
        self.failed.is_none()
    }

    /// Writes the part of a scope, which has so many entries, of which the first expires then,
    /// behind those of the scopes before it.
    pub(crate) fn part(&mut self, scope: &Scope, (entries, next_expiry): (u64, i64), fill: &Save) {
        let start = self.at;
        let mut part = PartWriter { out: &mut |bytes| self.write(bytes), at: start, table: vec![] };
        fill(&mut part);
        part.align();
        let PartWriter { at: table_at, table, .. } = part;
        self.write(&table);
        self.write(&[0; ALIGN][..padding(self.at)]);
        let text = scope.to_string();
        let len = u16::try_from(text.len()).expect("names of scopes are short");
        let arrays = u32::try_from(table.len() / ENTRY).expect("arrays are few");
        let directory = &mut self.directory;
        directory.extend(start.to_le_bytes());
        directory.extend(table_at.to_le_bytes());
        directory.extend(XxHash3_64::oneshot(&table).to_le_bytes());
        directory.extend(entries.to_le_bytes());
        directory.extend(next_expiry.to_le_bytes());
        directory.extend(arrays.to_le_bytes());
        directory.extend(len.to_le_bytes());
        directory.extend(text.as_bytes());
        self.parts += 1;
    }

    /// Writes what leads to all parts.
    pub(crate) fn end(mut self) -> Result<(), S::Error> {
        let start = self.at;
        let directory = std::mem::take(&mut self.directory);
        self.write(&directory);
        let mut footer = Vec::with_capacity(FOOTER);
        footer.extend(start.to_le_bytes());
        footer.extend((directory.len() as u64).to_le_bytes());
        footer.extend(self.parts.to_le_bytes());
        footer.extend(XxHash3_64::oneshot(&directory).to_le_bytes());
        footer.extend((self.at + FOOTER as u64).to_le_bytes());
        footer.resize(FOOTER - 16, 0);
        footer.extend(XxHash3_64::oneshot(&footer).to_le_bytes());
        footer.extend(END);
        self.write(&footer);
        self.failed.map_or(Ok(()), Err)
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.failed = self.sink.write(bytes).err();
        }
        self.at += bytes.len() as u64;
    }
}

impl PartWriter<'_> {
    /// Writes an array of rows of `stride` bytes, which a reader has to know.
    pub(crate) fn array(
        &mut self,
        tag: Tag,
        stride: usize,
        fill: &mut dyn FnMut(&mut ArrayWriter<'_>),
    ) {
        self.flagged(tag.bytes, CRITICAL, stride, fill);
    }

    /// The same with flags of the caller's.
    pub(super) fn flagged(
        &mut self,
        tag: [u8; 4],
        flags: u32,
        stride: usize,
        fill: &mut dyn FnMut(&mut ArrayWriter<'_>),
    ) {
        self.align();
        let mut array = ArrayWriter {
            out: &mut self.out,
            checksum: XxHash3_64::new(),
            buffer: Vec::with_capacity(BUFFER),
            written: 0,
        };
        fill(&mut array);
        array.flush();
        let (checksum, len) = (array.checksum.finish(), array.written);
        let stride = u32::try_from(stride).expect("rows have less than 4 GB");
        self.table.extend(tag);
        self.table.extend(flags.to_le_bytes());
        self.table.extend(stride.to_le_bytes());
        self.table.extend([0; 4]);
        self.table.extend((len / u64::from(stride)).to_le_bytes());
        self.table.extend(self.at.to_le_bytes());
        self.table.extend(checksum.to_le_bytes());
        self.at += len;
    }

    /// Writes the rows of slots that are held, and zeros in the places of those that are free.
    pub(crate) fn rows<T: Shared + Pod>(&mut self, tag: Tag, rows: &Rows<T>, held: &Held) {
        let view = rows.view();
        let free = vec![0; row_bytes::<T>(rows.width())];
        self.array(tag, free.len(), &mut |array| {
            for slot in held.slots() {
                array.extend(slot.map_or(&free, |slot| bytemuck::cast_slice(view.row(slot))));
            }
        });
    }

    /// Writes rows that lie one behind the other.
    pub(crate) fn copy(&mut self, tag: Tag, stride: usize, rows: &[u8]) {
        self.array(tag, stride, &mut |array| array.extend(rows));
    }

    /// Writes values of one length, as they are on a little-endian machine.
    pub(crate) fn values<T: bytemuck::NoUninit>(&mut self, tag: Tag, values: &[T]) {
        self.copy(tag, size_of::<T>(), bytemuck::cast_slice(values));
    }

    fn align(&mut self) {
        let zeros = padding(self.at);
        if zeros > 0 {
            (self.out)(&[0; ALIGN][..zeros]);
        }
        self.at += zeros as u64;
    }
}

impl ArrayWriter<'_> {
    /// The bytes so far.
    pub(crate) fn len(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush();
        }
        match bytes.len() {
            BUFFER.. => self.pass(bytes),
            _ => self.buffer.extend_from_slice(bytes),
        }
    }

    fn flush(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        self.pass(&buffer);
        buffer.clear();
        self.buffer = buffer;
    }

    /// Has bytes go out, behind all that came before them.
    fn pass(&mut self, bytes: &[u8]) {
        self.checksum.write(bytes);
        (self.out)(bytes);
        self.written += bytes.len() as u64;
    }
}

/// How many bytes are missing to where an array may begin.
fn padding(at: u64) -> usize {
    let rest = at % ALIGN as u64;
    usize::try_from(rest).map_or(0, |rest| (ALIGN - rest) % ALIGN)
}
