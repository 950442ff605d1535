//! What becomes of a slot.

/// What the writer knows of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Live,
    /// Deleted; others may lead to it.
    Dead,
    /// Deleted, and its neighbors are being led around it.
    Leaving,
    Free,
}

impl State {
    /// All states by their numbers in a snapshot.
    const ALL: [Self; 4] = [Self::Live, Self::Dead, Self::Leaving, Self::Free];

    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Live => 0,
            Self::Dead => 1,
            Self::Leaving => 2,
            Self::Free => 3,
        }
    }

    pub(crate) fn of_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}
