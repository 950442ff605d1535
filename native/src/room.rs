//! The memory that the collections of a store may take together.
//!
//! What has changed since a checkpoint stays; all else leaves when there is no room for what comes,
//! that which was not used for long first.

use std::cmp::Reverse;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use vicino_core::CollectionReader;

use crate::hosted::Hosted;
use crate::mmap::give_back;

#[derive(Debug)]
pub(crate) struct Room {
    limit: Option<usize>,
    hosts: Mutex<Vec<Weak<Hosted>>>,
}

/// How full it is with what has changed, of which nothing can leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Full {
    No,
    /// By more than half.
    Half,
    /// By more than three quarters.
    Almost,
}

impl Room {
    pub(crate) fn new(limit: Option<usize>) -> Self {
        Self { limit, hosts: Mutex::default() }
    }

    pub(crate) fn add(&self, hosted: &Arc<Hosted>) {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(hosted));
    }

    /// Has so many bytes free, as far as that is possible.
    pub(crate) fn make(&self, bytes: usize) {
        let Some(limit) = self.limit else { return };
        let mut readers = self.readers();
        let changed: usize = readers.iter().map(CollectionReader::changed_bytes).sum();
        let resting: usize = readers.iter().map(CollectionReader::resting_bytes).sum();
        let excess = changed.saturating_add(resting).saturating_add(bytes).saturating_sub(limit);
        if excess == 0 {
            return;
        }
        // Some more, so that not each that comes has to wait.
        let mut wanted = excess + limit / 32;
        readers.sort_by_key(|reader| Reverse(reader.resting_bytes()));
        for reader in readers {
            if wanted == 0 {
                break;
            }
            wanted = wanted.saturating_sub(reader.close_unused(wanted));
        }
        give_back();
    }

    /// What may come into memory for a moment beside all else.
    pub(crate) fn part(&self) -> u64 {
        self.limit.map_or(u64::MAX, |limit| limit as u64 / 16)
    }

    /// How much of it what has changed takes.
    pub(crate) fn full(&self) -> Full {
        let Some(limit) = self.limit else { return Full::No };
        let changed: usize = self.readers().iter().map(CollectionReader::changed_bytes).sum();
        match changed {
            much if much > limit / 4 * 3 => Full::Almost,
            some if some > limit / 2 => Full::Half,
            _ => Full::No,
        }
    }

    /// The most that one of the collections may take by what has changed.
    pub(crate) fn limit_of(&self, hosted: &Hosted) -> Option<usize> {
        let all: usize = self.readers().iter().map(CollectionReader::changed_bytes).sum();
        let others = all.saturating_sub(hosted.reader().changed_bytes());
        self.limit.map(|limit| limit.saturating_sub(others))
    }

    fn readers(&self) -> Vec<CollectionReader> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.retain(|host| host.strong_count() > 0);
        hosts.iter().filter_map(Weak::upgrade).map(|host| host.reader()).collect()
    }
}
