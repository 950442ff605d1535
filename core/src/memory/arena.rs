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

#![expect(unsafe_code, reason = "rows that one thread writes while others read their neighbors")]

use std::alloc::{Layout, dealloc};
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytemuck::Pod;

use super::Memory;
use super::chunk::{LINE, PAGE_HUGE, layout};
use crate::error::Error;
use crate::simd::Code;

/// What rows are made of, as readers see it.
///
/// # Safety
///
/// `Plain` has the same layout, and every value of it is one of the type itself. Both together
/// are `Send` and `Sync`.
pub(crate) unsafe trait Shared: Send + Sync + 'static {
    /// The same as the writer fills in.
    type Plain: Pod + Send + Sync;
}

macro_rules! shared {
    ($($seen:ty: $plain:ty),*) => {$(
        // SAFETY: a type is its own plain form, and an atomic has the layout and the values of
        // its integer.
        unsafe impl Shared for $seen {
            type Plain = $plain;
        }
    )*};
}

shared!(f32: f32, Code: Code, u16: u16, u32: u32, u64: u64, AtomicU32: u32, AtomicU64: u64);

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

/// Where the row of a slot lies.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// From the start of one row to that of the next, in bytes.
    stride: usize,
    /// The least chunks have two to the power of this many rows, full ones of `full_bits`.
    least_bits: u32,
    full_bits: u32,
}

/// What both halves share.
struct Arena {
    shape: Shape,
    memory: Memory,
    len: AtomicU32,
    /// Where each chunk's row of slot 0 would lie, if the chunk began with it.
    table: AtomicPtr<AtomicPtr<u8>>,
    /// How many chunks there are.
    chunks: AtomicUsize,
    /// All tables that there were, the current one last.
    tables: Mutex<Vec<Box<[AtomicPtr<u8>]>>>,
}

/// As many elements as fill whole cache lines, so that a kernel meets no tail.
pub(crate) fn whole_lines<T>(elements: usize) -> usize {
    elements.next_multiple_of(LINE / size_of::<T>())
}

/// The bytes of the chunks that so many rows of at least `width` elements take.
pub(crate) fn arena_bytes<T: Shared>(width: usize, rows: usize) -> usize {
    let shape = Shape::of((width * size_of::<T::Plain>()).max(1));
    if rows == 0 {
        return 0;
    }
    let last = u32::try_from(rows - 1).unwrap_or(u32::MAX);
    let (start, count) = shape.extent(shape.chunk(last));
    start.saturating_add(count).saturating_mul(shape.stride)
}

impl Shape {
    fn of(row_bytes: usize) -> Self {
        // Up to half a line as a part of one, up to a line whole, above as the caller has it.
        let stride = match row_bytes {
            0..=LINE => row_bytes.next_power_of_two(),
            _ => row_bytes.next_multiple_of(16),
        };
        let least_bits = (1024 / stride).clamp(1, 16).ilog2();
        // Whole huge pages, if that takes no more than four of them.
        let whole = PAGE_HUGE.trailing_zeros() - stride.trailing_zeros();
        let most = (4 * PAGE_HUGE / stride).max(2).ilog2();
        Self { stride, least_bits, full_bits: whole.min(most).max(least_bits) }
    }

    /// The chunk that a slot is in.
    #[inline(always)]
    fn chunk(self, slot: u32) -> usize {
        let Self { least_bits, full_bits, .. } = self;
        // Most slots of a large arena are in full chunks.
        let bits = match slot >> full_bits {
            0..4 => ((slot | 4).ilog2() - 2).max(least_bits),
            _ => full_bits,
        };
        (4 * (bits - least_bits) + (slot >> bits)) as usize
    }

    /// The first slot of a chunk, and the number of its rows.
    fn extent(self, chunk: usize) -> (usize, usize) {
        let doublings = (chunk / 4).saturating_sub(1);
        let more = doublings.min((self.full_bits - self.least_bits) as usize);
        let bits = self.least_bits as usize + more;
        ((chunk - 4 * more) << bits, 1 << bits)
    }

    /// How a chunk lies in memory.
    fn layout(self, chunk: usize) -> Result<Layout, Error> {
        let (_, rows) = self.extent(chunk);
        layout(rows * self.stride)
    }
}

impl<T: Shared> RowsWriter<T> {
    /// No rows yet, each of at least `width` elements.
    pub(crate) fn new(width: usize, memory: Memory) -> Self {
        let size = size_of::<T::Plain>();
        let shape = Shape::of((width * size).max(1));
        let arena = Arena {
            shape,
            memory,
            len: AtomicU32::new(0),
            table: AtomicPtr::new(std::ptr::null_mut()),
            chunks: AtomicUsize::new(0),
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
            let layout = shape.layout(chunks)?;
            if chunks == self.table_len {
                let bytes = layout.size();
                self.grow_table().map_err(|()| Error::OutOfMemory { bytes })?;
            }
            let chunk = arena.memory.allocate(layout)?;
            let (start, _) = shape.extent(chunks);
            let base = chunk.as_ptr().wrapping_sub(start * shape.stride);
            self.table()[chunks].store(base, Ordering::Relaxed);
            arena.chunks.store(chunks + 1, Ordering::Relaxed);
        }
        Ok(())
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
        let fill = std::iter::repeat_n(&fill, width - row.len());
        for (i, &element) in row.iter().chain(fill).enumerate() {
            // SAFETY: the chunk has `width` elements at this place, which nobody reads.
            unsafe { first.wrapping_add(i).write(element) };
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

    /// Puts a table of twice the length in the place of the current one.
    fn grow_table(&mut self) -> Result<(), ()> {
        let len = (2 * self.table_len).max(4);
        let mut table = Vec::new();
        table.try_reserve_exact(len).map_err(drop)?;
        let old = self.table().iter().map(|base| AtomicPtr::new(base.load(Ordering::Relaxed)));
        table.extend(old);
        table.resize_with(len, || AtomicPtr::new(std::ptr::null_mut()));
        let mut tables = self.rows.arena.tables();
        tables.try_reserve_exact(1).map_err(drop)?;
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

    /// The elements of a row, what it is filled up with included.
    #[inline]
    pub(crate) fn width(&self) -> usize {
        self.arena.shape.stride / size_of::<T::Plain>()
    }

    /// The rows that there is room for.
    fn capacity(&self) -> usize {
        // The chunk that is not there yet begins where the others end.
        let Arena { shape, chunks, .. } = &*self.arena;
        shape.extent(chunks.load(Ordering::Relaxed)).0
    }

    /// The bytes of all chunks.
    pub(crate) fn bytes(&self) -> usize {
        self.capacity() * self.arena.shape.stride
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
    fn tables(&self) -> MutexGuard<'_, Vec<Box<[AtomicPtr<u8>]>>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        let tables = self.tables();
        let chunks = tables.last().into_iter().flat_map(|table| table.iter().enumerate());
        for (chunk, base) in chunks.take(self.chunks.load(Ordering::Relaxed)) {
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
mod tests {
    use super::*;

    #[test]
    fn every_slot_has_its_place_in_one_chunk() {
        for row_bytes in [4, 8, 16, 33, 64, 100, 128, 400, 1536, 6144, 6160, 262_144] {
            let shape = Shape::of(row_bytes);
            let mut next = 0;
            for chunk in 0..100 {
                let (start, rows) = shape.extent(chunk);
                assert_eq!(start, next, "{shape:?}");
                next = start + rows;
                for slot in [start, start + rows / 2, next - 1] {
                    assert_eq!(shape.chunk(u32::try_from(slot).unwrap()), chunk, "{shape:?}");
                }
            }
        }
    }

    #[test]
    fn rows_stay_where_they_are_while_others_come() {
        let mut writer = RowsWriter::<u32>::new(32, Memory::default());
        assert_eq!(writer.view().len(), 0);
        let rows = writer.rows();
        let count = if cfg!(miri) { 300 } else { 100_000 };
        let mut first = std::ptr::null();
        for i in 0..count {
            writer.reserve(1).unwrap();
            writer.push(&[i; 20], u32::MAX);
            let view = rows.view();
            assert_eq!(view.len(), i + 1);
            assert_eq!(
                (&view.row(i)[..20], &view.row(i)[20..]),
                (&[i; 20][..], &[u32::MAX; 12][..])
            );
            if i == 0 {
                first = view.row(0).as_ptr();
            }
            assert!(view.address(i).addr().is_multiple_of(64));
        }
        assert_eq!(rows.view().row(0).as_ptr(), first);
        assert!((0..count).all(|i| rows.view().row(i)[0] == i));
    }

    #[test]
    fn atomics_change_while_they_are_seen() {
        let mut writer = RowsWriter::<AtomicU64>::new(2, Memory::default());
        writer.reserve(3).unwrap();
        writer.push(&[1, 2], 0);
        let rows = writer.rows();
        let view = rows.view();
        view.row(0)[1].store(7, Ordering::Release);
        assert_eq!(rows.view().row(0)[1].load(Ordering::Acquire), 7);
        writer.push(&[3], 9);
        assert_eq!(rows.view().row(1)[1].load(Ordering::Relaxed), 9);
        assert_eq!(view.len(), 1, "a view is of one moment");
    }

    #[test]
    fn readers_see_whole_rows_while_a_writer_appends() {
        let mut writer = RowsWriter::<u64>::new(16, Memory::default());
        let count = if cfg!(miri) { 200 } else { 50_000 };
        let rows = [writer.rows(), writer.rows()];
        #[expect(clippy::disallowed_methods, reason = "a test may start threads")]
        std::thread::scope(|scope| {
            for rows in rows {
                scope.spawn(move || {
                    while u64::from(rows.view().len()) < count {
                        let view = rows.view();
                        let Some(last) = view.len().checked_sub(1) else { continue };
                        for slot in [0, last / 2, last] {
                            assert_eq!(view.row(slot), [u64::from(slot); 16]);
                        }
                    }
                });
            }
            for i in 0..count {
                writer.reserve(1).unwrap();
                writer.push(&[i; 16], i);
            }
        });
    }
}
