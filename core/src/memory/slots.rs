//! Which slots a search shows: the commit numbers of one index.
//!
//! Every slot carries the number of the batch that it was born in and of the one that it died in.
//! A search reads the number of the last batch once, and shows what was born by then and has not
//! died: so it sees a batch whole or not at all. The writer makes a batch visible with one store.
//!
//! A slot is live, then dead (still walked through, never shown), then free, and born again. A
//! [`Vacant`] slot is one that nobody reads: the only way to write rows that readers may have
//! known.

#![expect(unsafe_code, reason = "who frees a slot promises that nothing leads to it")]

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::held::{Held, Hold};
use super::hidden::{Hidden, HiddenWriter, hidden_bytes};
use super::shown::Shown;
use super::state::State;
use super::vacant::Vacant;
use super::{Memory, Reading, Rows, RowsWriter, arena_bytes, collected, domain};
use crate::error::Error;

/// A slot that has not died.
const NEVER: u64 = u64::MAX;

/// Where a slot's numbers lie in its row.
pub(super) const BORN: usize = 0;
pub(super) const DIED: usize = 1;

/// What readers know of slots.
#[derive(Debug)]
pub(crate) struct Slots {
    pub(crate) index: Reading,
    /// The number of the last batch that can be seen.
    committed: AtomicU64,
    live: AtomicUsize,
    /// When a slot was born, and when it died.
    numbers: Rows<AtomicU64>,
    /// For searches that walk.
    hidden: OnceLock<Arc<Hidden>>,
}

/// The writer's half.
#[derive(Debug)]
pub(crate) struct SlotsWriter {
    slots: Arc<Slots>,
    memory: Memory,
    numbers: RowsWriter<AtomicU64>,
    hidden: Option<HiddenWriter>,
    states: Vec<State>,
    /// In the order in which they will be taken.
    free: Vec<u32>,
    /// Free, but a search may still stand on them, or a snapshot be written of them.
    retired: Vec<u32>,
    dead: usize,
    hold: Hold,
}

impl Slots {
    /// The number of the last batch.
    pub(crate) fn number(&self) -> u64 {
        self.committed.load(Ordering::Acquire)
    }

    /// What is shown from now on.
    pub(crate) fn shown(&self) -> Shown<'_> {
        self.shown_at(self.number())
    }

    /// What was shown when this was the number of the last batch. Whoever asks has been reading
    /// the index since then.
    pub(crate) fn shown_at(&self, number: u64) -> Shown<'_> {
        Shown {
            number,
            live: self.live(),
            hidden: self.hidden.get().and_then(|hidden| hidden.view()),
            numbers: self.numbers.view(),
            chosen: None,
        }
    }

    /// The number of entries that can be seen.
    pub(crate) fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.numbers.bytes() + self.hidden.get().map_or(0, |hidden| hidden.bytes())
    }
}

impl SlotsWriter {
    pub(crate) fn new(memory: Memory) -> Self {
        let numbers = RowsWriter::new(2, memory);
        let slots = Slots {
            index: domain().index(),
            committed: AtomicU64::new(0),
            live: AtomicUsize::new(0),
            numbers: numbers.rows(),
            hidden: OnceLock::new(),
        };
        Self {
            slots: Arc::new(slots),
            memory,
            numbers,
            hidden: None,
            states: Vec::new(),
            free: Vec::new(),
            retired: Vec::new(),
            dead: 0,
            hold: Hold::default(),
        }
    }

    /// Slots in these states, where the free ones will be taken in this order; none if those are
    /// not the free ones. Searches walk, or only scan.
    pub(crate) fn open(
        states: Vec<State>,
        free: &[u32],
        walks: bool,
        memory: Memory,
    ) -> Result<Option<Self>, Error> {
        let mut writer = Self::new(memory);
        let mut is_free: Vec<bool> = states.iter().map(|state| *state == State::Free).collect();
        let once = |slot: &u32| is_free.get_mut(*slot as usize).is_some_and(std::mem::take);
        if !free.iter().all(once) || is_free.contains(&true) {
            return Ok(None);
        }
        writer.numbers.reserve(states.len())?;
        let (mut live, mut left) = (0, 0);
        for state in &states {
            let is_live = *state == State::Live;
            writer.numbers.push(&[0, if is_live { NEVER } else { 0 }], NEVER);
            live += usize::from(is_live);
            left += usize::from(matches!(state, State::Dead | State::Leaving));
        }
        writer.slots.live.store(live, Ordering::Relaxed);
        writer.dead = left;
        // A damaged graph may lead searches there: who takes one waits for them first.
        writer.retired = free.to_vec();
        writer.states = states;
        writer.reserve(0, 0, walks)?;
        Ok(Some(writer))
    }

    /// The free slots in the order in which they will be taken.
    pub(crate) fn free(&self) -> Result<Vec<u32>, Error> {
        let len = self.free.len() + self.retired.len();
        collected(len, self.free.iter().rev().chain(&self.retired).copied())
    }

    /// The reader's half.
    pub(crate) fn slots(&self) -> Arc<Slots> {
        Arc::clone(&self.slots)
    }

    /// How many slots there are, in any state.
    pub(crate) fn len(&self) -> usize {
        self.states.len()
    }

    /// How many slots hold an entry.
    pub(crate) fn live(&self) -> usize {
        self.slots.live()
    }

    /// How many slots are dead and not yet free.
    pub(crate) fn dead(&self) -> usize {
        self.dead
    }

    pub(crate) fn states(&self) -> &[State] {
        &self.states
    }

    pub(crate) fn is_live(&self, slot: u32) -> bool {
        self.states.get(slot as usize) == Some(&State::Live)
    }

    /// The slots of now, whose rows stay as they are while it lives.
    pub(crate) fn held(&self) -> Result<Held, Error> {
        Held::new(&self.states, &self.hold)
    }

    /// How many slots more there will be once as many births have taken the free ones.
    pub(crate) fn growth(&self, births: usize) -> usize {
        births.saturating_sub(self.free.len())
    }

    /// The same once those are [reclaimed](Self::reclaim) that nobody seems to hold.
    pub(crate) fn expected_growth(&self, births: usize) -> usize {
        let retired = if self.hold.seems_gone() { self.retired.len() } else { 0 };
        self.growth(births).saturating_sub(retired)
    }

    /// Makes retired slots free, where so many births ask for them and no snapshot holds them.
    pub(crate) fn reclaim(&mut self, births: usize) -> Result<(), Error> {
        if births > self.free.len() && !self.retired.is_empty() && self.hold.is_gone() {
            let bytes = 4 * self.retired.len();
            let room = self.free.try_reserve(self.retired.len());
            room.map_err(|_| Error::OutOfMemory { bytes })?;
            domain().wait_for_readers(self.slots.index);
            // They are taken from the end, those that were free before first.
            self.free.splice(0..0, self.retired.drain(..).rev());
        }
        Ok(())
    }

    /// Makes room for births and deaths, so that they cannot fail. Searches that walk want to
    /// know what is hidden.
    pub(crate) fn reserve(
        &mut self,
        births: usize,
        deaths: usize,
        walks: bool,
    ) -> Result<(), Error> {
        let growth = self.growth(births);
        let bytes = growth * size_of::<State>();
        self.states.try_reserve(growth).map_err(|_| Error::OutOfMemory { bytes })?;
        let left = self.dead + deaths;
        let retired = self.retired.try_reserve(left);
        retired.map_err(|_| Error::OutOfMemory { bytes: 4 * left })?;
        self.numbers.reserve(growth)?;
        if walks && self.hidden.is_none() {
            let hidden = |state: &State| matches!(state, State::Dead | State::Leaving);
            let hidden = HiddenWriter::new(self.states.iter().map(hidden), self.memory)?;
            self.slots.hidden.get_or_init(|| Arc::clone(hidden.hidden()));
            self.hidden = Some(hidden);
        }
        self.hidden.as_mut().map_or(Ok(()), |hidden| hidden.reserve(growth))
    }

    /// A slot for an entry of the batch that is not committed yet: the one that has been free for
    /// longest, or a new one at the end.
    pub(crate) fn take(&mut self) -> Vacant {
        if let Some(slot) = self.free.pop() {
            self.states[slot as usize] = State::Live;
            self.hide(slot);
            return Vacant { slot };
        }
        let slot = u32::try_from(self.states.len()).expect("slots fit");
        self.states.push(State::Live);
        if let Some(hidden) = &mut self.hidden {
            hidden.add(slot);
        }
        self.hide(slot);
        self.numbers.push(&[self.next(), NEVER], NEVER);
        Vacant { slot }
    }

    /// Marks a live slot as dead from the batch that is not committed yet.
    pub(crate) fn kill(&mut self, slot: u32) {
        self.states[slot as usize] = State::Dead;
        self.dead += 1;
        self.numbers.view().row(slot)[DIED].store(self.next(), Ordering::Release);
    }

    /// Makes the batch visible: the slots that it took, and the death of those that it killed.
    pub(crate) fn commit(&mut self, born: &[u32], died: &[u32]) {
        let number = self.next();
        let Slots { committed, live, .. } = &*self.slots;
        let numbers = self.numbers.view();
        for &slot in born {
            // The birth before the death is undone, see `Shown::shows`.
            numbers.row(slot)[BORN].store(number, Ordering::Release);
            numbers.row(slot)[DIED].store(NEVER, Ordering::Release);
        }
        for &slot in died {
            self.hide(slot);
        }
        live.store(live.load(Ordering::Relaxed) + born.len() - died.len(), Ordering::Relaxed);
        committed.store(number, Ordering::Release);
        for &slot in born {
            self.reveal(slot);
        }
    }

    /// All dead slots begin to leave, in the order of their numbers.
    pub(crate) fn begin_leaving(&mut self) {
        for state in self.states.iter_mut().filter(|state| **state == State::Dead) {
            *state = State::Leaving;
        }
    }

    /// Frees the slots that were leaving. They are taken again after the searches that may stand
    /// on them have gone.
    ///
    /// # Safety
    ///
    /// A search that begins from now on reads nothing of these slots but their numbers: no list
    /// and no entry leads to them.
    pub(crate) unsafe fn free_leaving(&mut self) -> usize {
        let before = self.retired.len();
        for slot in 0..u32::try_from(self.states.len()).expect("slots fit") {
            if self.states[slot as usize] == State::Leaving {
                self.states[slot as usize] = State::Free;
                self.retired.push(slot);
                self.reveal(slot);
            }
        }
        let freed = self.retired.len() - before;
        self.dead -= freed;
        freed
    }

    /// The bytes of what only the writer needs.
    pub(crate) fn own_bytes(&self) -> usize {
        self.states.capacity() + (self.free.capacity() + self.retired.capacity()) * size_of::<u32>()
    }

    fn next(&self) -> u64 {
        self.slots.committed.load(Ordering::Relaxed) + 1
    }

    fn hide(&self, slot: u32) {
        if let Some(hidden) = &self.hidden {
            hidden.hide(slot);
        }
    }

    fn reveal(&self, slot: u32) {
        if let Some(hidden) = &self.hidden {
            hidden.reveal(slot);
        }
    }
}

/// The bytes that this many slots take, none of them free, where searches walk or only scan.
pub(crate) fn slots_bytes(slots: usize, walks: bool) -> usize {
    let hidden = if walks { hidden_bytes(slots) } else { 0 };
    // The states' vector doubles.
    let states = slots.next_power_of_two().max(8) * size_of::<State>();
    arena_bytes::<AtomicU64>(2, slots) + hidden + states
}
