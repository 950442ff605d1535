//! Core's epochs and lists under every interleaving that the memory model allows.
//!
//! The files are core's own, compiled over loom's atomics instead of std's. The data that they
//! guard is a loom cell, which fails the test where a write is not ordered with a read.

#![cfg(test)]
#![allow(dead_code, reason = "each test needs a part of the files")]

#[path = "../../../core/src/memory/epoch.rs"]
mod epoch;
#[path = "../../../core/src/memory/list.rs"]
mod list;

/// What core's `memory/sync.rs` takes from std.
mod sync {
    pub(super) use loom::sync::Mutex;
    pub(super) use loom::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering, fence};
    pub(super) use loom::thread::yield_now;
}

use std::sync::Arc;

use epoch::{Domain, Published};
use list::{EMPTY, links, rewrite};
use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicU32, Ordering, fence};
use loom::thread;

/// Rows by slot, written by one thread and read by those that a list leads there.
struct Rows([UnsafeCell<u32>; 4]);

// SAFETY: loom watches every access.
unsafe impl Sync for Rows {}
// SAFETY: as above.
unsafe impl Send for Rows {}

impl Rows {
    fn new() -> Self {
        Self([0, 1, 2, 3].map(UnsafeCell::new))
    }

    fn read(&self, slot: u32) -> u32 {
        // SAFETY: loom watches that nobody writes meanwhile.
        self.0[slot as usize].with(|row| unsafe { *row })
    }

    fn write(&self, slot: u32, value: u32) {
        // SAFETY: loom watches that nobody reads meanwhile.
        self.0[slot as usize].with_mut(|row| unsafe { *row = value });
    }
}

fn list_of(slots: &[u32]) -> Vec<AtomicU32> {
    (0..4).map(|i| AtomicU32::new(slots.get(i).copied().unwrap_or(EMPTY))).collect()
}

/// A slot is written, then linked: whoever follows the link reads what was written.
#[test]
fn a_link_leads_to_a_row_that_is_whole() {
    loom::model(|| {
        let shared = Arc::new((Rows::new(), list_of(&[0])));
        let writer = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                shared.0.write(1, 11);
                rewrite(&shared.1, &[0, 1]);
            }
        });
        let found: Vec<u32> = links(&shared.1).collect();
        fence(Ordering::Acquire);
        for slot in found {
            assert_eq!(shared.0.read(slot), [0, 11][slot as usize]);
        }
        writer.join().unwrap();
    });
}

/// While a list is rewritten, a reader meets every link that keeps its place, and none that was
/// in neither list.
#[test]
fn a_list_is_never_half_there() {
    loom::model(|| {
        let list = Arc::new(list_of(&[5, 6, 7]));
        let writer = thread::spawn({
            let list = Arc::clone(&list);
            move || rewrite(&list, &[5, 7])
        });
        let found: Vec<u32> = links(&list).collect();
        assert!(found.contains(&5), "{found:?}");
        assert!(found.iter().all(|link| [5, 6, 7].contains(link)), "{found:?}");
        writer.join().unwrap();
        assert_eq!(links(&list).collect::<Vec<_>>(), [5, 7]);
    });
}

/// A slot is written again only when nobody stands on it, however late its readers leave.
#[test]
fn a_slot_is_used_again_when_its_readers_have_gone() {
    loom::model(|| {
        let domain: &'static Domain = Box::leak(Box::new(Domain::new()));
        let (index, other) = (domain.index(), domain.index());
        let shared = Arc::new((Rows::new(), list_of(&[1])));
        let mut pin = domain.pin();
        let reader = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                for _ in 0..2 {
                    // Somewhere else in between: the writer may take the search for one of there.
                    drop(pin.enter(other));
                    let guard = pin.enter(index);
                    let found: Vec<u32> = links(&shared.1).collect();
                    fence(Ordering::Acquire);
                    for slot in found {
                        assert!([1, 2, 21].contains(&shared.0.read(slot)));
                    }
                    drop(guard);
                }
            }
        });
        rewrite(&shared.1, &[2]);
        domain.wait_for_readers(index);
        shared.0.write(1, 21);
        rewrite(&shared.1, &[1]);
        reader.join().unwrap();
    });
}

/// A value of which loom sees every access, its end included.
struct Value(UnsafeCell<u32>);

// SAFETY: loom watches every access.
unsafe impl Sync for Value {}
// SAFETY: as above.
unsafe impl Send for Value {}

impl Value {
    fn new(value: u32) -> Self {
        Self(UnsafeCell::new(value))
    }

    fn get(&self) -> u32 {
        // SAFETY: loom watches that nobody writes meanwhile.
        self.0.with(|value| unsafe { *value })
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: loom watches that nobody reads meanwhile.
        self.0.with_mut(|value| unsafe { *value = u32::MAX });
    }
}

/// What is replaced is freed after its last reader.
#[test]
fn a_published_value_outlives_its_readers() {
    loom::model(|| {
        let domain: &'static Domain = Box::leak(Box::new(Domain::new()));
        let (index, other) = (domain.index(), domain.index());
        let published = Arc::new(Published::new(domain, index, Value::new(1)));
        let mut pin = domain.pin();
        assert_ne!(index, other);
        let reader = thread::spawn({
            let published = Arc::clone(&published);
            move || {
                let guard = pin.enter(index);
                let value = published.read(&guard).get();
                assert!(value == 1 || value == 2);
            }
        });
        drop(published.replace(Value::new(2)));
        reader.join().unwrap();
    });
}

/// What is updated waits for nobody and is freed by a later update, or with all.
#[test]
fn an_updated_value_outlives_its_readers() {
    loom::model(|| {
        let domain: &'static Domain = Box::leak(Box::new(Domain::new()));
        let index = domain.index();
        let published = Arc::new(Published::new(domain, index, Value::new(1)));
        let mut pin = domain.pin();
        let reader = thread::spawn({
            let published = Arc::clone(&published);
            move || {
                let guard = pin.enter(index);
                let value = published.read(&guard);
                // Twice: it is not freed while it is held.
                let (value, again) = (value.get(), value.get());
                assert!((1..=3).contains(&value) && value == again);
            }
        });
        published.update(Value::new(2));
        published.update(Value::new(3));
        reader.join().unwrap();
    });
}
