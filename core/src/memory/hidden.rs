//! The slots that searches of now do not show, a bit for each: a hint that fits the cache, where
//! commit numbers do not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::arena::{Rows, RowsWriter, View};
use super::{Memory, arena_bytes};
use crate::error::Error;

/// Slots of one word.
const WORD: u32 = u64::BITS;

/// What readers know of hidden slots.
#[derive(Debug)]
pub(super) struct Hidden {
    count: AtomicUsize,
    words: Rows<AtomicU64>,
}

/// The one hand that hides slots.
#[derive(Debug)]
pub(super) struct HiddenWriter {
    hidden: Arc<Hidden>,
    words: RowsWriter<AtomicU64>,
}

impl Hidden {
    /// The hints of now, if any slot is hidden.
    pub(super) fn view(&self) -> Option<View<'_, AtomicU64>> {
        (self.count.load(Ordering::Acquire) > 0).then(|| self.words.view())
    }

    pub(super) fn bytes(&self) -> usize {
        self.words.bytes()
    }
}

/// Is a slot likely to be hidden?
#[inline(always)]
pub(super) fn hides(view: &View<'_, AtomicU64>, slot: u32) -> bool {
    let word = slot / WORD;
    word < view.len() && view.row(word)[0].load(Ordering::Relaxed) >> (slot % WORD) & 1 == 1
}

/// The bytes of hints for so many slots.
pub(super) fn hidden_bytes(slots: usize) -> usize {
    arena_bytes::<AtomicU64>(1, words(slots))
}

/// The words that so many slots need at most, wherever the first of them is in its word.
fn words(slots: usize) -> usize {
    slots.div_ceil(WORD as usize) + 1
}

impl HiddenWriter {
    /// Hints for slots of which these are hidden, one after the other.
    pub(super) fn new(
        slots: impl ExactSizeIterator<Item = bool>,
        memory: Memory,
    ) -> Result<Self, Error> {
        let mut words = RowsWriter::new(1, memory);
        words.reserve(slots.len().div_ceil(WORD as usize))?;
        let hidden = Hidden { count: AtomicUsize::new(0), words: words.rows() };
        let mut writer = Self { hidden: Arc::new(hidden), words };
        for (slot, is_hidden) in (0..).zip(slots) {
            writer.add(slot);
            if is_hidden {
                writer.hide(slot);
            }
        }
        Ok(writer)
    }

    /// The reader's half.
    pub(super) fn hidden(&self) -> &Arc<Hidden> {
        &self.hidden
    }

    /// Makes room for more slots.
    pub(super) fn reserve(&mut self, slots: usize) -> Result<(), Error> {
        self.words.reserve(words(slots))
    }

    /// Adds the slot behind the last, which is not hidden.
    pub(super) fn add(&mut self, slot: u32) {
        if slot.is_multiple_of(WORD) {
            self.words.push(&[0], 0);
        }
    }

    pub(super) fn hide(&self, slot: u32) {
        let view = self.words.view();
        let word = &view.row(slot / WORD)[0];
        let bits = word.load(Ordering::Relaxed);
        let more = usize::from(bits >> (slot % WORD) & 1 == 0);
        let count = &self.hidden.count;
        count.store(count.load(Ordering::Relaxed) + more, Ordering::Release);
        word.store(bits | 1 << (slot % WORD), Ordering::Release);
    }

    /// Shows a slot that was hidden.
    pub(super) fn reveal(&self, slot: u32) {
        let view = self.words.view();
        let word = &view.row(slot / WORD)[0];
        word.store(word.load(Ordering::Relaxed) & !(1 << (slot % WORD)), Ordering::Release);
        let count = &self.hidden.count;
        count.store(count.load(Ordering::Relaxed) - 1, Ordering::Release);
    }
}
