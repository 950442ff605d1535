//! What is kept of one moment, for who writes a snapshot of it while the index goes on: slots whose
//! rows stay as they are, and copies of rows that do not.

use std::sync::Arc;

use super::chunk::{Chunk, ChunkWriter};
use super::state::State;
use super::{Memory, RowsWriter, Shared, collected, row_bytes};
use crate::error::Error;

/// Slots as they were at one moment. While this lives, nothing takes those that were not free then,
/// and so their rows stay as they were.
#[derive(Debug)]
pub(crate) struct Held {
    states: Vec<State>,
    _hold: Hold,
}

/// What keeps slots from being taken, for as long as there is a second one of it.
#[derive(Debug, Default, Clone)]
pub(super) struct Hold(Arc<()>);

impl Held {
    pub(super) fn new(states: &[State], hold: &Hold) -> Result<Self, Error> {
        Ok(Self { states: collected(states.len(), states.iter().copied())?, _hold: hold.clone() })
    }

    pub(crate) fn states(&self) -> &[State] {
        &self.states
    }

    /// All slots, each if its row may be read.
    pub(crate) fn slots(&self) -> impl Iterator<Item = Option<u32>> {
        (0..).zip(&self.states).map(|(slot, state)| (*state != State::Free).then_some(slot))
    }
}

impl Hold {
    /// Is it the only one again? Whoever had another has read all that they would.
    pub(super) fn is_gone(&mut self) -> bool {
        // It acquires what the others released.
        Arc::get_mut(&mut self.0).is_some()
    }

    /// The same, to reckon with: it may be gone when somebody acts upon it, and does not come back.
    pub(super) fn seems_gone(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

impl<T: Shared> RowsWriter<T> {
    /// The rows of now, one behind the other.
    pub(crate) fn copied(&self, memory: Memory) -> Result<Arc<Chunk>, Error> {
        let view = self.view();
        let bytes = self.len() * row_bytes::<T>(self.rows().width());
        let mut writer = ChunkWriter::new(bytes.max(1), memory)?;
        let mut plain = Vec::new();
        for slot in 0..view.len() {
            plain.clear();
            plain.extend(view.row(slot).iter().map(T::plain));
            writer.append(bytemuck::cast_slice(&plain));
        }
        Ok(Arc::clone(writer.chunk()))
    }
}
