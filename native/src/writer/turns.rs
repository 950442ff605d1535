//! Who is next: what was asked for first, but nobody waits for two imports.

use std::collections::{BTreeSet, VecDeque};

use vicino_core::{Scope, Write};

use crate::inbox::{Request, Task};

/// How the last group was chosen.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Did something large wait for what is small?
    waited: bool,
}

/// Entries and keys of one transaction, about: more of them wait for the next.
const GROUP: usize = 1024;

/// What has more waits once for all that is small.
pub(super) const SMALL: usize = 64;

/// What has more is made alone, since it may be written in pieces.
pub(super) const LARGE: usize = 256;

/// So many requests are looked through for small ones.
const LOOKED: usize = 1024;

impl Turns {
    /// Takes what is done together next, which is small where something large is being written. No
    /// request gets before another one of its scope.
    pub(super) fn take(&mut self, queue: &mut VecDeque<Request>, is_busy: bool) -> Vec<Request> {
        let large = queue.front().is_some_and(|first| first.task.size() > SMALL);
        let may_wait = is_busy || (large && !self.waited);
        let small = if may_wait { small(queue) } else { Vec::new() };
        self.waited = !small.is_empty();
        if self.waited || is_busy {
            return small;
        }
        let mut group = Vec::new();
        let mut size = 0;
        while size < GROUP
            && let Some(next) = queue.front().map(|next| next.task.size())
            && (next <= LARGE || group.is_empty())
        {
            size += next;
            group.extend(queue.pop_front());
            if next > LARGE {
                break;
            }
        }
        group
    }
}

/// Takes the small requests out that no larger one of their scopes comes before.
fn small(queue: &mut VecDeque<Request>) -> Vec<Request> {
    let mut behind: BTreeSet<(u32, Scope)> = BTreeSet::new();
    let mut keys_are_behind = false;
    let (mut taken, mut left, mut size) = (Vec::new(), VecDeque::new(), 0);
    for _ in 0..queue.len().min(LOOKED) {
        let Some(request) = queue.pop_front() else { break };
        if size >= GROUP || request.task.is_alone() {
            // All that follows comes behind it.
            queue.push_front(request);
            break;
        }
        let places = request.task.places();
        let is_behind = match &places {
            Some(places) => places.iter().any(|place| behind.contains(place)),
            None => keys_are_behind,
        };
        if request.task.size() <= SMALL && !is_behind {
            size += request.task.size();
            taken.push(request);
        } else {
            keys_are_behind |= places.is_none();
            behind.extend(places.into_iter().flatten());
            left.push_back(request);
        }
    }
    left.append(queue);
    *queue = left;
    taken
}

impl Task {
    /// The collections and scopes that it writes, if it writes entries.
    pub(super) fn places(&self) -> Option<BTreeSet<(u32, Scope)>> {
        let Self::Entries(hosted, write) = self else { return None };
        let mut places: BTreeSet<(u32, Scope)> = BTreeSet::new();
        let mut last = None;
        for scope in write.scopes() {
            if last != Some(scope) {
                places.insert((hosted.number(), scope.clone()));
            }
            last = Some(scope);
        }
        Some(places)
    }

    /// About how much of a transaction it takes.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Entries(_, Write::Insert(entries) | Write::Upsert(entries)) => entries.len(),
            Self::Entries(_, Write::Delete(keys) | Write::Erase(keys)) => keys.len(),
            Self::Set(pairs) => pairs.len(),
            Self::Delete(keys) => keys.len(),
            _ if self.is_alone() => GROUP,
            _ => 1,
        }
    }

    /// Is it no part of a transaction of others?
    pub(super) fn is_alone(&self) -> bool {
        match self {
            Self::Maintain(..) | Self::Mend(..) | Self::Check(..) | Self::Snapshot(_) => true,
            Self::DropCollection(_) | Self::Checkpoint => true,
            Self::Entries(..) | Self::Set(_) | Self::Delete(_) | Self::Clear => false,
        }
    }
}
