//! Who may still be reading: epochs, as in "Practical lock-freedom" (Fraser, 2004, section 5.2.3),
//! with a writer that waits instead of a list of what is to be freed later.
//!
//! A search enters with a pin, which holds the epoch that it saw, and leaves when it is done.
//! A writer makes something unreachable, moves the epoch on and waits until every pin is free or
//! holds the new one: whoever could have seen the old thing is gone. Searches are short, so the
//! wait is; and since it always ends the same way, what a writer does next depends on no timing.
//!
//! The fences are those of Dekker: either the writer sees the pin, or the search sees what the
//! writer did before it looked.

#![expect(unsafe_code, reason = "a published value is reached through a pointer")]

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, PoisonError};

use super::sync::{AtomicPtr, AtomicU64, Mutex, Ordering, fence, yield_now};

/// Searches and writers that know of one another.
pub(crate) struct Domain {
    epoch: AtomicU64,
    indexes: AtomicU64,
    pins: Mutex<Vec<Arc<Place>>>,
}

/// What a search reads and the epoch that it entered in, or [`FREE`]. It has a cache line of its
/// own, with the one that is fetched beside it, since its search writes it and writers only look.
#[repr(align(128))]
struct Place {
    index: AtomicU64,
    epoch: AtomicU64,
}

/// The number of an index: a writer waits for the searches of its own index only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading(u64);

const FREE: u64 = 0;

impl Domain {
    pub(crate) fn new() -> Self {
        let (epoch, indexes) = (AtomicU64::new(FREE + 1), AtomicU64::new(0));
        Self { epoch, indexes, pins: Mutex::new(Vec::new()) }
    }

    /// The number of a new index.
    pub(crate) fn index(&self) -> Reading {
        Reading(self.indexes.fetch_add(1, Ordering::Relaxed))
    }

    /// A new pin. The only lock that a search ever meets, once in the life of its scratch.
    pub(crate) fn pin(&'static self) -> Pin {
        let place = Arc::new(Place { index: AtomicU64::new(0), epoch: AtomicU64::new(FREE) });
        let mut pins = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        pins.retain(|pin| Arc::strong_count(pin) > 1);
        pins.push(Arc::clone(&place));
        Pin { domain: self, place }
    }

    /// Waits for all searches of an index that entered before: what was made unreachable in it
    /// before this call is after it seen by nobody.
    pub(crate) fn wait_for_readers(&self, index: Reading) {
        let now = self.advance();
        let pins = self.pins.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for place in pins {
            while !place.has_left(index, now) {
                yield_now();
            }
        }
    }

    /// Begins another epoch: searches that enter from now on see what was done before.
    fn advance(&self) -> u64 {
        fence(Ordering::SeqCst);
        self.epoch.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Have all searches of an index that entered before an epoch ended?
    fn is_past(&self, index: Reading, epoch: u64) -> bool {
        let pins = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        pins.iter().all(|place| place.has_left(index, epoch))
    }
}

impl Place {
    /// Does no search of the index that entered before the epoch go on here?
    fn has_left(&self, index: Reading, epoch: u64) -> bool {
        // Acquire: what the search read, it read before the writer goes on.
        let entered = self.epoch.load(Ordering::Acquire);
        // One that reads another index now has left this one.
        let elsewhere = self.index.load(Ordering::Acquire) != index.0;
        entered == FREE || entered >= epoch || elsewhere
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Domain").finish_non_exhaustive()
    }
}

/// One search's place in the domain.
pub(crate) struct Pin {
    domain: &'static Domain,
    place: Arc<Place>,
}

impl Pin {
    /// Holds everything of an index that can be reached now, until the guard is dropped.
    pub(crate) fn enter(&mut self, index: Reading) -> Guard<'_> {
        self.place.index.store(index.0, Ordering::Release);
        // Acquire: whoever sees an epoch sees what was made unreachable before it.
        let now = self.domain.epoch.load(Ordering::Acquire);
        // Release: a writer that sees this entry sees that the pin's search before it has ended.
        self.place.epoch.store(now, Ordering::Release);
        fence(Ordering::SeqCst);
        Guard { index, place: &self.place }
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pin").finish_non_exhaustive()
    }
}

/// A search that is going on.
pub(crate) struct Guard<'p> {
    index: Reading,
    place: &'p Place,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.place.epoch.store(FREE, Ordering::Release);
    }
}

/// A value that searches read while a writer replaces it.
pub(crate) struct Published<T> {
    domain: &'static Domain,
    index: Reading,
    value: AtomicPtr<T>,
    /// Older values that a search may still read, and the epochs that they left in.
    retired: Mutex<Vec<(u64, AtomicPtr<T>)>>,
    owned: PhantomData<Box<T>>,
}

// A value may be read and freed by any thread, whoever made it.
impl<T: Send + Sync> Published<T> {
    pub(crate) fn new(domain: &'static Domain, index: Reading, value: T) -> Self {
        let value = AtomicPtr::new(Box::into_raw(Box::new(value)));
        Self { domain, index, value, retired: Mutex::new(Vec::new()), owned: PhantomData }
    }

    /// The value of this moment, for as long as the search goes on.
    pub(crate) fn read<'g>(&'g self, guard: &'g Guard<'_>) -> &'g T {
        assert!(self.index == guard.index, "a guard holds what is in its index");
        let value = self.value.load(Ordering::Acquire);
        // SAFETY: it came from a box, and `replace` frees it only after this guard has gone.
        unsafe { &*value }
    }

    /// Puts another in its place and gives the old one back when no search reads it any more.
    pub(crate) fn replace(&self, value: T) -> Box<T> {
        let old = self.value.swap(Box::into_raw(Box::new(value)), Ordering::AcqRel);
        self.domain.wait_for_readers(self.index);
        // SAFETY: it came from a box, the swap gave it to this call alone, and whoever read it
        // before the swap has left.
        unsafe { Box::from_raw(old) }
    }

    /// Puts another in its place and waits for nobody: the old one is freed by a later call, when
    /// no search reads it any more.
    pub(crate) fn update(&self, value: T) {
        let old = self.value.swap(Box::into_raw(Box::new(value)), Ordering::AcqRel);
        let now = self.domain.advance();
        self.tidy();
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        if self.domain.is_past(self.index, now) {
            // SAFETY: as above, of the swap of this call.
            drop(unsafe { Box::from_raw(old) });
        } else {
            retired.push((now, AtomicPtr::new(old)));
        }
    }

    /// Frees the older values that no search reads any more.
    pub(crate) fn tidy(&self) {
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        let past = retired.iter().take_while(|(epoch, _)| self.domain.is_past(self.index, *epoch));
        let past = past.count();
        for (_, old) in retired.drain(..past) {
            // SAFETY: it came from a box, the swap of its call gave it to the list alone, and
            // whoever read it before that swap has left.
            drop(unsafe { Box::from_raw(old.load(Ordering::Relaxed)) });
        }
    }
}

impl<T> Drop for Published<T> {
    fn drop(&mut self) {
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, old) in retired.drain(..) {
            // SAFETY: it came from a box, only the list has it, and nobody reads any more.
            drop(unsafe { Box::from_raw(old.load(Ordering::Relaxed)) });
        }
        // SAFETY: it came from a box, and nobody reads what is being dropped.
        drop(unsafe { Box::from_raw(self.value.load(Ordering::Relaxed)) });
    }
}

impl<T: fmt::Debug> fmt::Debug for Published<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Published").finish_non_exhaustive()
    }
}
