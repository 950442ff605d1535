//! What one search sees: the slots that were born by the batch that it saw last and have not died,
//! of all or of a choice.

use std::sync::atomic::{AtomicU64, Ordering};

use super::hidden::hides;
use super::slots::{BORN, DIED};
use super::{SlotSet, View};

/// The slots that one search shows.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'a> {
    pub(super) number: u64,
    pub(super) live: usize,
    pub(super) numbers: View<'a, AtomicU64>,
    pub(super) hidden: Option<View<'a, AtomicU64>>,
    /// None where all that is born and has not died is shown.
    pub(super) chosen: Option<&'a SlotSet>,
}

impl<'a> Shown<'a> {
    /// Of these slots those that are in a set, `live` of them.
    pub(crate) fn among(self, chosen: &'a SlotSet, live: usize) -> Self {
        Self { chosen: Some(chosen), live, ..self }
    }

    /// Does the search show the slot?
    #[inline]
    pub(crate) fn shows(&self, slot: u32) -> bool {
        // First the death: a slot that is born again has its new birth before its death is undone.
        slot < self.len()
            && self.chosen.is_none_or(|chosen| chosen.contains(slot))
            && self.numbers.row(slot)[DIED].load(Ordering::Acquire) > self.number
            && self.numbers.row(slot)[BORN].load(Ordering::Acquire) <= self.number
    }

    /// The slots that are shown, ascending.
    pub(crate) fn slots(&self) -> impl Iterator<Item = u32> {
        let (mut all, mut chosen) = (0..self.len(), self.chosen.map(SlotSet::iter));
        let next = move || chosen.as_mut().map_or_else(|| all.next(), Iterator::next);
        std::iter::from_fn(next).filter(|&slot| self.shows(slot))
    }

    /// Some `count` of the chosen slots that are shown, spread over all.
    pub(crate) fn sample(&self, count: usize) -> impl Iterator<Item = u32> {
        let parts = u64::try_from(count).unwrap_or(u64::MAX);
        let chosen = self.chosen.into_iter();
        let slots = chosen.flat_map(move |chosen| {
            #[expect(clippy::cast_possible_truncation, reason = "below the length")]
            let start = move |part| (u64::from(self.len()) * part / parts) as u32;
            (0..parts).filter_map(move |part| chosen.next(start(part)))
        });
        slots.filter(|&slot| self.shows(slot))
    }

    /// The slots that there are, shown or not.
    pub(crate) fn len(&self) -> u32 {
        self.numbers.len()
    }

    /// About how many of a choice of slots are shown, if it is one.
    pub(crate) fn matches(&self) -> Option<usize> {
        self.chosen.map(|_| self.live)
    }

    /// Is there a slot that is not shown?
    pub(crate) fn hides_any(&self) -> bool {
        self.hidden.is_some() || self.chosen.is_some()
    }

    /// Is the slot likely not to be shown?
    #[inline(always)]
    pub(crate) fn hides(&self, slot: u32) -> bool {
        self.chosen.is_some_and(|chosen| !chosen.contains(slot))
            || self.hidden.as_ref().is_some_and(|hidden| hides(hidden, slot))
    }
}
