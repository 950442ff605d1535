//! Rows of one width by slot, in chunks that double up to a few megabytes and never move.
//!
//! ```text
//! table    chunk 0 to 7       8 to 11               12 to 15          ...   chunk i
//!   |      2^l rows each      2^(l+1) rows each     2^(l+2)                 2^f rows, from here
//!   +----> [..][..]...[..]    [....]...[....]       [........]...           on all alike
//! ```
//!
//! The least chunk has a kilobyte and each doubling is four chunks, so that a small index is small
//! and at most a fifth of any is empty; a full one is a whole number of huge pages where the width
//! allows. A row of whole cache lines begins with one.
//!
//! The writer fills a row, then publishes the new length; a reader takes length and table once
//! and reads the rows below. A row is never written again while a reader can reach it, unless it
//! is made of atomics. Tables that were outgrown live as long as the arena: together they are no
//! longer than the last.
//!
//! The first rows may be another's, all in one piece ([`Bytes`]): then each of their chunks is a
//! part of it. Where the last of these ends before it is full, it is copied once more rows come.

#![expect(unsafe_code, reason = "rows that one thread writes while others read their neighbors")]

use std::alloc::dealloc;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::shape::Shape;
use super::shared::Shared;
use super::{Bytes, Memory};
use crate::error::Error;

/// The reader's half of an arena.
pub(crate) struct Rows<T> {
    arena: Arc<Arena>,
    element: PhantomData<T>,
}

/// The writer's half, of which there is one.
pub(crate) struct RowsWriter<T> {
    rows: Rows<T>,
    /// Chunks that the table has places for.
    table_len: usize,
}

/// The rows that there are at one moment.
pub(crate) struct View<'a, T> {
    table: &'a [AtomicPtr<u8>],
    len: u32,
    width: usize,
    shape: Shape,
    element: PhantomData<&'a T>,
}

/// What both halves share.
struct Arena {
    shape: Shape,
    memory: Memory,
    len: AtomicU32,
    /// Where each chunk's row of slot 0 would lie, if the chunk began with it.
    table: AtomicPtr<AtomicPtr<u8>>,
    /// How many chunks there are, and how many of them, the first, are parts of `base`.
    chunks: AtomicUsize,
    foreign: AtomicUsize,
    base: Option<Bytes>,
    /// All tables that there were, the current one last.
    tables: Mutex<Vec<Box<[AtomicPtr<u8>]>>>,
}

impl<T: Shared> RowsWriter<T> {
    /// No rows yet, each of at least `width` elements.
    pub(crate) fn new(width: usize, memory: Memory) -> Self {
        Self::with_base(width, memory, None)
    }

    /// The rows that lie in bytes, and no part of one; none where there are no bytes.
    pub(crate) fn open(width: usize, memory: Memory, base: Option<Bytes>) -> Result<Self, Error> {
        match base {
            Some(base) => Self::over(width, memory, base),
            None => Ok(Self::new(width, memory)),
        }
    }

    /// A copy of the rows that lie in bytes, and no part of one.
    pub(crate) fn copy_of(width: usize, memory: Memory, from: &Bytes) -> Result<Self, Error> {
        let mut writer = Self::new(width, memory);
        let shape = writer.rows.arena.shape;
        let rows = from.len() / shape.stride;
        writer.reserve(rows)?;
        let chunks = writer.rows.arena.chunks.load(Ordering::Relaxed);
        for (chunk, first) in writer.table().iter().enumerate().take(chunks) {
            let (start, count) = shape.extent(chunk);
            let (at, bytes) = (start * shape.stride, count.min(rows - start) * shape.stride);
            let (from, to) = (from.start().as_ptr(), first.load(Ordering::Relaxed));
            // SAFETY: so many bytes of either are rows of the chunk, and nobody reads the new ones.
            unsafe { to.wrapping_add(at).copy_from_nonoverlapping(from.wrapping_add(at), bytes) };
        }
        let rows = u32::try_from(rows).map_err(|_| Error::OutOfMemory { bytes: from.len() })?;
        writer.rows.arena.len.store(rows, Ordering::Release);
        Ok(writer)
    }

    fn over(width: usize, memory: Memory, base: Bytes) -> Result<Self, Error> {
        let mut writer = Self::with_base(width, memory, Some(base));
        let arena = Arc::clone(&writer.rows.arena);
        let (base, rows) = (arena.base.as_ref().expect("it was given"), arena.base_rows());
        let rows = u32::try_from(rows).map_err(|_| Error::OutOfMemory { bytes: base.len() })?;
        let chunks = rows.checked_sub(1).map_or(0, |last| arena.shape.chunk(last) + 1);
        // The row of slot 0 lies at the start, whatever chunk asks.
        let start = base.start_of::<T::Plain>().as_ptr();
        if chunks > 0 {
            writer.set_table(chunks.next_multiple_of(4), 0, start)?;
        }
        writer.table()[..chunks].iter().for_each(|entry| entry.store(start, Ordering::Relaxed));
        arena.chunks.store(chunks, Ordering::Relaxed);
        arena.foreign.store(chunks, Ordering::Relaxed);
        arena.len.store(rows, Ordering::Release);
        Ok(writer)
    }

    fn with_base(width: usize, memory: Memory, base: Option<Bytes>) -> Self {
        let shape = Shape::of((width * size_of::<T::Plain>()).max(1));
        let arena = Arena {
            shape,
            memory,
            len: AtomicU32::new(0),
            table: AtomicPtr::new(std::ptr::null_mut()),
            chunks: AtomicUsize::new(0),
            foreign: AtomicUsize::new(0),
            base,
            tables: Mutex::default(),
        };
        Self { rows: Rows { arena: Arc::new(arena), element: PhantomData }, table_len: 0 }
    }

    /// The reader's half.
    pub(crate) fn rows(&self) -> Rows<T> {
        Rows { arena: Arc::clone(&self.rows.arena), element: PhantomData }
    }

    pub(crate) fn view(&self) -> View<'_, T> {
        self.rows.view()
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.arena.len.load(Ordering::Relaxed) as usize
    }

    /// Makes room for `more` rows, so that as many calls of [`push`](Self::push) cannot fail.
    pub(crate) fn reserve(&mut self, more: usize) -> Result<(), Error> {
        let arena = Arc::clone(&self.rows.arena);
        let shape = arena.shape;
        while self.rows.capacity() < self.len() + more {
            let chunks = arena.chunks.load(Ordering::Relaxed);
            if arena.ends_early() {
                self.own_last()?;
                continue;
            }
            let layout = shape.layout(chunks)?;
            if chunks == self.table_len {
                let len = (2 * self.table_len).max(4);
                self.set_table(len, chunks, std::ptr::null_mut())?;
            }
            let chunk = arena.memory.allocate(layout)?;
            let (start, _) = shape.extent(chunks);
            let first = chunk.as_ptr().wrapping_sub(start * shape.stride);
            self.table()[chunks].store(first, Ordering::Relaxed);
            arena.chunks.store(chunks + 1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Copies the last chunk, which is a part of the base and ends before it is full. Who has a
    /// view still reads the base.
    fn own_last(&mut self) -> Result<(), Error> {
        let arena = Arc::clone(&self.rows.arena);
        let last = arena.chunks.load(Ordering::Relaxed) - 1;
        let (start, _) = arena.shape.extent(last);
        let layout = arena.shape.layout(last)?;
        let chunk = arena.memory.allocate(layout)?;
        let stride = arena.shape.stride;
        let base = arena.base.as_ref().expect("the chunk is a part of it");
        let from = base.start().as_ptr().wrapping_add(start * stride);
        let bytes = (arena.base_rows() - start) * stride;
        // SAFETY: so many bytes lie behind the start of the chunk in the base, the new one has room
        // for a whole chunk, and only this hand writes either.
        unsafe { chunk.as_ptr().copy_from_nonoverlapping(from, bytes) };
        let first = chunk.as_ptr().wrapping_sub(start * stride);
        let set = self.set_table(self.table_len, last, first);
        match &set {
            // SAFETY: it was allocated with this layout, and nobody has learned of it.
            Err(_) => unsafe { dealloc(chunk.as_ptr(), layout) },
            Ok(()) => self.rows.arena.foreign.store(last, Ordering::Relaxed),
        }
        set
    }

    /// Appends a row, filled up with `fill`, in room that was made for it.
    pub(crate) fn push(&mut self, row: &[T::Plain], fill: T::Plain) {
        let len = self.len();
        assert!(len < self.rows.capacity(), "room is made before a push");
        let slot = u32::try_from(len).expect("slots are u32");
        // SAFETY: no view is so long.
        unsafe { self.write(slot, row, fill) };
        // Release: whoever sees the length sees the row, and the table with its chunk.
        self.rows.arena.len.store(slot + 1, Ordering::Release);
    }

    /// Writes a row, filled up with `fill`, in the place of another.
    ///
    /// # Safety
    ///
    /// No reader reads the row of this slot, or will before it learns of this write through an
    /// atomic that is stored later.
    pub(crate) unsafe fn replace(&mut self, slot: u32, row: &[T::Plain], fill: T::Plain) {
        assert!((slot as usize) < self.len(), "a row that is replaced is there");
        // SAFETY: the caller's promise.
        unsafe { self.write(slot, row, fill) };
    }

    /// # Safety
    ///
    /// There is room for the slot, and no reader reads its row meanwhile.
    unsafe fn write(&mut self, slot: u32, row: &[T::Plain], fill: T::Plain) {
        let width = self.rows.width();
        assert!(row.len() <= width, "a row fits its place");
        let shape = self.rows.arena.shape;
        let base = self.table()[shape.chunk(slot)].load(Ordering::Relaxed);
        let first = base.wrapping_add(slot as usize * shape.stride).cast::<T::Plain>();
        // SAFETY: the chunk has `width` elements at this place, which nobody reads.
        unsafe { first.copy_from_nonoverlapping(row.as_ptr(), row.len()) };
        for i in row.len()..width {
            // SAFETY: as above.
            unsafe { first.wrapping_add(i).write(fill) };
        }
    }

    /// All of the current table, of which readers see the part that is published.
    fn table(&self) -> &[AtomicPtr<u8>] {
        let table = self.rows.arena.table.load(Ordering::Relaxed);
        if table.is_null() {
            return &[];
        }
        // SAFETY: it is a table of this length, which lives as long as the arena.
        unsafe { std::slice::from_raw_parts(table, self.table_len) }
    }

    /// Puts a table of so many places in the place of the current one, with a chunk changed.
    /// Views have the table that was there when they were made.
    fn set_table(&mut self, len: usize, chunk: usize, first: *mut u8) -> Result<(), Error> {
        let bytes = len * size_of::<AtomicPtr<u8>>();
        let failed = |_| Error::OutOfMemory { bytes };
        let mut table = Vec::new();
        table.try_reserve_exact(len).map_err(failed)?;
        let old = self.table().iter().map(|first| AtomicPtr::new(first.load(Ordering::Relaxed)));
        table.extend(old);
        table.resize_with(len, || AtomicPtr::new(std::ptr::null_mut()));
        table[chunk].store(first, Ordering::Relaxed);
        let mut tables = self.rows.arena.tables();
        tables.try_reserve_exact(1).map_err(failed)?;
        tables.push(table.into_boxed_slice());
        let table = tables.last().expect("it was pushed").as_ptr();
        self.rows.arena.table.store(table.cast_mut(), Ordering::Release);
        self.table_len = len;
        Ok(())
    }
}

impl<T: Shared> Rows<T> {
    /// The rows that there are now.
    #[inline]
    pub(crate) fn view(&self) -> View<'_, T> {
        let Arena { shape, len, table, .. } = &*self.arena;
        let len = len.load(Ordering::Acquire);
        let chunks = if len == 0 { 0 } else { shape.chunk(len - 1) + 1 };
        let table = table.load(Ordering::Acquire);
        let table = match chunks {
            0 => &[][..],
            // SAFETY: with a length come the chunks up to it, and a table that has them all; no
            // entry below is written any more, and tables live as long as the arena.
            _ => unsafe { std::slice::from_raw_parts(table, chunks) },
        };
        View { table, len, width: self.width(), shape: *shape, element: PhantomData }
    }

    /// The same rows, as bytes.
    pub(crate) fn into_bytes(self) -> Rows<u8>
    where
        T: Shared<Plain = T>,
    {
        Rows { arena: self.arena, element: PhantomData }
    }

    /// The elements of a row, what it is filled up with included.
    #[inline]
    pub(crate) fn width(&self) -> usize {
        self.arena.shape.stride / size_of::<T::Plain>()
    }

    /// The rows that there is room for.
    fn capacity(&self) -> usize {
        // The chunk that is not there yet begins where the others end.
        let Arena { shape, chunks, .. } = &*self.arena;
        match self.arena.ends_early() {
            true => self.arena.base_rows(),
            false => shape.extent(chunks.load(Ordering::Relaxed)).0,
        }
    }

    /// The bytes of all chunks, of one that is not whole in the base those that it will have.
    pub(crate) fn bytes(&self) -> usize {
        self.arena.shape.extent(self.arena.chunks.load(Ordering::Relaxed)).0
            * self.arena.shape.stride
    }
}

impl<'a, T: Shared> View<'a, T> {
    #[inline(always)]
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// The row of a slot below the length.
    #[inline(always)]
    pub(crate) fn row(&self, slot: u32) -> &'a [T] {
        assert!(slot < self.len, "a slot that is there");
        // SAFETY: the row was filled before the length was published, and a view keeps its arena.
        unsafe { std::slice::from_raw_parts(self.address(slot).cast(), self.width) }
    }

    /// Where the row of a slot begins, to ask for it ahead; nowhere for a slot that is not there.
    #[inline(always)]
    pub(crate) fn address(&self, slot: u32) -> *const u8 {
        let base = self
            .table
            .get(self.shape.chunk(slot))
            .map_or(std::ptr::null_mut(), |base| base.load(Ordering::Relaxed));
        base.wrapping_add(slot as usize * self.shape.stride)
    }
}

impl<T> Clone for View<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for View<'_, T> {}

impl Arena {
    /// The rows of the base.
    fn base_rows(&self) -> usize {
        self.base.as_ref().map_or(0, Bytes::len) / self.shape.stride
    }

    /// Is the last chunk a part of the base, and not full?
    fn ends_early(&self) -> bool {
        let (chunks, rows) = (self.chunks.load(Ordering::Relaxed), self.base_rows());
        let is_foreign = chunks > 0 && chunks == self.foreign.load(Ordering::Relaxed);
        is_foreign && rows < self.shape.extent(chunks).0
    }

    fn tables(&self) -> MutexGuard<'_, Vec<Box<[AtomicPtr<u8>]>>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        let tables = self.tables();
        let chunks = tables.last().into_iter().flat_map(|table| table.iter().enumerate());
        let own = self.foreign.load(Ordering::Relaxed)..self.chunks.load(Ordering::Relaxed);
        for (chunk, base) in chunks.filter(|(chunk, _)| own.contains(chunk)) {
            let (start, _) = self.shape.extent(chunk);
            let base = base.load(Ordering::Relaxed);
            if let Ok(layout) = self.shape.layout(chunk) {
                // SAFETY: it was allocated with this layout, and no view is left.
                unsafe { dealloc(base.wrapping_add(start * self.shape.stride), layout) };
            }
        }
    }
}

impl<T> fmt::Debug for Rows<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.arena.len.load(Ordering::Relaxed);
        f.debug_struct("Rows").field("stride", &self.arena.shape.stride).field("len", &len).finish()
    }
}

impl<T> fmt::Debug for RowsWriter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rows.fmt(f)
    }
}

#[cfg(test)]
#[path = "arena_tests.rs"]
mod tests;
