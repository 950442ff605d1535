//! Where the row of a slot lies: which chunk, and where in it.

use std::alloc::Layout;

use super::chunk::{LINE, PAGE_HUGE, layout};
use super::shared::Shared;
use crate::error::Error;

/// Where the row of a slot lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// From the start of one row to that of the next, in bytes.
    pub(super) stride: usize,
    /// The least chunks have two to the power of this many rows, full ones of `full_bits`.
    least_bits: u32,
    full_bits: u32,
}

/// As many elements as fill whole cache lines, so that a kernel meets no tail.
pub(crate) fn whole_lines<T>(elements: usize) -> usize {
    elements.next_multiple_of(LINE / size_of::<T>())
}

/// The bytes from the start of one row of at least `width` elements to that of the next.
pub(crate) fn row_bytes<T: Shared>(width: usize) -> usize {
    Shape::of((width * size_of::<T::Plain>()).max(1)).stride
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
    pub(super) fn of(row_bytes: usize) -> Self {
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
    pub(super) fn chunk(self, slot: u32) -> usize {
        let Self { least_bits, full_bits, .. } = self;
        // Most slots of a large arena are in full chunks.
        let bits = match slot >> full_bits {
            0..4 => ((slot | 4).ilog2() - 2).max(least_bits),
            _ => full_bits,
        };
        (4 * (bits - least_bits) + (slot >> bits)) as usize
    }

    /// The first slot of a chunk, and the number of its rows.
    pub(super) fn extent(self, chunk: usize) -> (usize, usize) {
        let doublings = (chunk / 4).saturating_sub(1);
        let more = doublings.min((self.full_bits - self.least_bits) as usize);
        let bits = self.least_bits as usize + more;
        ((chunk - 4 * more) << bits, 1 << bits)
    }

    /// How a chunk lies in memory.
    pub(super) fn layout(self, chunk: usize) -> Result<Layout, Error> {
        let (_, rows) = self.extent(chunk);
        layout(rows * self.stride)
    }
}
