//! Which of the slots that a walk meets it is after.

use crate::memory::{Shown, State};

/// Which slots take room in a pool. The others are walked through: they keep their place among
/// the candidates for as long as they are near, beside as many that take room.
#[derive(Clone, Copy)]
pub(crate) enum Admit<'a> {
    /// All slots.
    All,
    /// Those that a search shows.
    Shown(&'a Shown<'a>),
    /// Those that are live.
    Live(&'a [State]),
}

impl Admit<'_> {
    #[inline(always)]
    pub(crate) fn admits(self, slot: u32) -> bool {
        match self {
            Self::All => true,
            Self::Shown(shown) => !shown.hides(slot),
            Self::Live(states) => states[slot as usize] == State::Live,
        }
    }
}
