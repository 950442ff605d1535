//! Slots that nobody reads: the only way to write rows that readers may have known.

#![expect(unsafe_code, reason = "a vacant slot is what proves that nobody reads its row")]

use super::{RowsWriter, Shared};

/// A slot that nobody reads before the batch that took it leads somebody there.
#[derive(Debug)]
pub(crate) struct Vacant {
    pub(super) slot: u32,
}

impl Vacant {
    pub(crate) fn slot(&self) -> u32 {
        self.slot
    }
}

impl<T: Shared> RowsWriter<T> {
    /// Writes the row of a slot, filled up with `fill`; of one past the end in room that was made
    /// for it.
    pub(crate) fn put(&mut self, vacant: &Vacant, row: &[T::Plain], fill: T::Plain) {
        if vacant.slot as usize == self.len() {
            self.push(row, fill);
        } else {
            // SAFETY: `reclaim` has waited for those who could have read it since it was freed, no
            // snapshot reads a slot that may be taken, and until the batch links and commits it,
            // nothing leads there.
            unsafe { self.replace(vacant.slot, row, fill) };
        }
    }
}
