//! Rows of one width in chunks that never move.
//!
//! A row is padded with zeros to whole cache lines, which no kernel counts, so that a kernel meets
//! no tail and each line of a row can be asked for ahead.

use std::fmt;
use std::marker::PhantomData;

use bytemuck::{Pod, Zeroable};

use crate::error::Error;

/// Rows of `T`, by slot.
pub(crate) struct Rows<T> {
    /// Cache lines a row.
    lines: usize,
    len: usize,
    chunks: Vec<Box<[Line]>>,
    element: PhantomData<T>,
}

/// A cache line: what chunks are made of, so that rows begin with one.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// Rows a chunk: a power of two, so that a slot's place is a shift and a mask.
const CHUNK_ROWS: usize = 1 << CHUNK_BITS;
const CHUNK_BITS: u32 = 10;

impl<T: Pod> Rows<T> {
    pub(crate) fn new(dimensions: usize) -> Self {
        let lines = (dimensions * size_of::<T>()).div_ceil(size_of::<Line>()).max(1);
        Self { lines, len: 0, chunks: Vec::new(), element: PhantomData }
    }

    /// Makes room for `more` rows, so that as many calls of [`push`](Self::push) cannot fail.
    pub(crate) fn reserve(&mut self, more: usize) -> Result<(), Error> {
        let chunks = (self.len + more).div_ceil(CHUNK_ROWS);
        let lines = self.lines * CHUNK_ROWS;
        while self.chunks.len() < chunks {
            let mut chunk = Vec::new();
            let failed = |_| Error::OutOfMemory { bytes: lines * size_of::<Line>() };
            chunk.try_reserve_exact(lines).map_err(failed)?;
            chunk.resize(lines, Line::zeroed());
            self.chunks.push(chunk.into_boxed_slice());
        }
        Ok(())
    }

    /// Appends a row, filled up with zeros, in room that was made for it.
    pub(crate) fn push(&mut self, row: &[T]) {
        assert!(self.len < self.chunks.len() * CHUNK_ROWS, "room is made before a push");
        self.len += 1;
        self.row_mut(self.len - 1)[..row.len()].copy_from_slice(row);
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The elements of a row, padding included.
    pub(crate) fn width(&self) -> usize {
        self.lines * size_of::<Line>() / size_of::<T>()
    }

    /// The bytes of all chunks.
    pub(crate) fn bytes(&self) -> usize {
        self.chunks.len() * CHUNK_ROWS * self.lines * size_of::<Line>()
    }

    #[inline]
    pub(crate) fn row(&self, slot: usize) -> &[T] {
        let start = (slot % CHUNK_ROWS) * self.lines;
        bytemuck::must_cast_slice(&self.chunks[slot >> CHUNK_BITS][start..][..self.lines])
    }

    pub(crate) fn row_mut(&mut self, slot: usize) -> &mut [T] {
        let start = (slot % CHUNK_ROWS) * self.lines;
        let chunk = &mut self.chunks[slot >> CHUNK_BITS];
        bytemuck::must_cast_slice_mut(&mut chunk[start..][..self.lines])
    }
}

impl<T> fmt::Debug for Rows<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("lines", &self.lines).field("len", &self.len).finish()
    }
}
