//! Which of the slots that a walk meets it is after.

use crate::memory::{Shown, State};

/// Which slots take room in a pool. The others are walked through: they keep their place among
/// the candidates for as long as they are near, beside as many that take room.
pub(crate) trait Admit: Copy {
    fn admits(self, slot: u32) -> bool;
}

/// All slots.
#[derive(Debug, Clone, Copy)]
pub(crate) struct All;

impl Admit for All {
    #[inline(always)]
    fn admits(self, _: u32) -> bool {
        true
    }
}

impl Admit for &Shown<'_> {
    #[inline(always)]
    fn admits(self, slot: u32) -> bool {
        !self.hides(slot)
    }
}

impl Admit for &[State] {
    #[inline(always)]
    fn admits(self, slot: u32) -> bool {
        self[slot as usize] == State::Live
    }
}
