//! A collection in a program: the one hand that writes it, kept by the thread that writes, and the
//! hands of those who read.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use vicino_core::{Collection, CollectionReader, Watcher};

use crate::activity::Activity;

use crate::error::StoreError;

/// A collection and what the database knows it by.
#[derive(Debug)]
pub(crate) struct Hosted {
    name: String,
    number: u32,
    reader: CollectionReader,
    activity: Arc<Activity>,
    was_dropped: AtomicBool,
    /// Held by the thread that writes, and for moments by who takes a snapshot. Not by a task of a
    /// pool: a thread of it that waits for others would take another such task up.
    collection: Mutex<Collection>,
}

impl Hosted {
    pub(crate) fn new(name: &str, number: u32, collection: Collection) -> Self {
        let (name, activity) = (name.to_owned(), Arc::new(Activity::new()));
        let collection = collection.with_watcher(Arc::clone(&activity) as Arc<dyn Watcher>);
        let (reader, collection) = (collection.reader(), Mutex::new(collection));
        let was_dropped = AtomicBool::new(false);
        Self { name, number, reader, activity, was_dropped, collection }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Has those who still have it learn that the store has it no more.
    pub(crate) fn set_dropped(&self) {
        self.was_dropped.store(true, Ordering::Relaxed);
    }

    /// Refuses a collection that was dropped. The thread that writes, which drops them, knows at
    /// once; others soon.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        match self.was_dropped.load(Ordering::Relaxed) {
            true => Err(StoreError::Dropped { name: self.name.clone() }),
            false => Ok(()),
        }
    }

    /// A hand that reads at this time.
    pub(crate) fn reader(&self) -> CollectionReader {
        self.reader.at(now_ms())
    }

    /// What is done to it.
    pub(crate) fn activity(&self) -> &Activity {
        &self.activity
    }

    pub(crate) fn collection(&self) -> MutexGuard<'_, Collection> {
        self.collection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
