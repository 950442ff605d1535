//! Scopes whose entries are being linked on other threads, and who waits for that: what takes long
//! in one scope keeps nobody else from writing.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use vicino_core::{Scope, ScopeCommit, Written};

use super::Writer;
use crate::hosted::Hosted;
use crate::inbox::{Done, Linked, Queue, Reply, Request};
use crate::threads::{Builders, caught};

/// A scope of a collection, by its number.
type Place = (u32, Scope);

#[derive(Default)]
pub(super) struct Apart {
    /// The scopes that are being linked.
    away: BTreeSet<Place>,
    /// The scopes of requests that wait for these, which others of these scopes wait behind.
    held: BTreeSet<Place>,
    waiting: VecDeque<Request>,
    /// What is durable, and is to be seen.
    unseen: Vec<Unseen>,
}

struct Unseen {
    written: Written,
    reply: Reply,
    left: BTreeSet<Place>,
}

/// So many scopes at a time: more would only wait for each other.
pub(super) const APART_MAX: usize = 4;

/// Who has written so lately is likely to write again.
const LATELY: Duration = Duration::from_millis(100);

impl Apart {
    pub(super) fn is_empty(&self) -> bool {
        self.away.is_empty()
    }

    /// How many more scopes may be linked.
    pub(super) fn room(&self) -> usize {
        APART_MAX.saturating_sub(self.away.len())
    }

    /// Keeps a request that has to wait; gives back others.
    pub(super) fn keep(&mut self, request: Request) -> Option<Request> {
        if self.away.is_empty() {
            return Some(request);
        }
        let places = request.task.places().unwrap_or_default();
        let is_held = |place| self.away.contains(place) || self.held.contains(place);
        if !places.iter().any(is_held) {
            return Some(request);
        }
        self.held.extend(places);
        self.waiting.push_back(request);
        None
    }

    /// Has requests of a scope wait.
    pub(super) fn take_away(&mut self, hosted: &Hosted, scope: &Scope) {
        self.away.insert((hosted.number(), scope.clone()));
    }

    /// Puts the requests that waited first in a queue, in which scopes are free again.
    pub(super) fn free<'s>(
        &mut self,
        queue: &mut Queue,
        scopes: impl Iterator<Item = (&'s Arc<Hosted>, &'s Scope)>,
    ) {
        for (hosted, scope) in scopes {
            self.away.remove(&(hosted.number(), scope.clone()));
        }
        self.held.clear();
        while let Some(request) = self.waiting.pop_back() {
            queue.requests.push_front(request);
        }
    }

    /// Answers once everything that was written is seen, and at once where it is.
    pub(super) fn answer(&mut self, written: Written, reply: Reply, places: BTreeSet<Place>) {
        let left: BTreeSet<Place> = places.intersection(&self.away).cloned().collect();
        match left.is_empty() {
            true => reply(Ok(Done::Written(written))),
            false => self.unseen.push(Unseen { written, reply, left }),
        }
    }

    fn seen(&mut self, place: &Place) {
        let all = std::mem::take(&mut self.unseen);
        for mut unseen in all {
            unseen.left.remove(place);
            match unseen.left.is_empty() {
                true => (unseen.reply)(Ok(Done::Written(unseen.written))),
                false => self.unseen.push(unseen),
            }
        }
    }
}

impl Writer {
    /// Has something large done to a scope by other threads, of which one is left to who writes a
    /// little meanwhile.
    pub(super) fn link_large(&mut self, hosted: &Arc<Hosted>, commit: ScopeCommit) {
        let others_write = self.small_at.is_some_and(|at| at.elapsed() < LATELY);
        self.link(hosted, commit, others_write);
    }

    /// Has a scope linked by other threads.
    pub(super) fn link(&mut self, hosted: &Arc<Hosted>, mut commit: ScopeCommit, fewer: bool) {
        let scope = commit.scope().clone();
        self.apart.take_away(hosted, &scope);
        let (inbox, hosted) = (Arc::clone(&self.shared.inbox), Arc::clone(hosted));
        Builders::spawn(fewer, move || {
            let commit = caught(|| {
                commit.run();
                Ok(commit)
            });
            inbox.add_linked(Linked { hosted, scope, commit });
        });
    }

    /// Has scopes in their collections again, and tells who waited for that.
    pub(super) fn take_back(&mut self, linked: Vec<Linked>) {
        for Linked { hosted, scope, commit } in linked {
            match commit {
                Ok(commit) => hosted.collection().put_back(commit),
                // Nobody knows what is there. What the database has is seen by the next program.
                Err(error) => {
                    tracing::error!(%scope, %error, "a scope is not written any more");
                    self.broken = Some(error);
                }
            }
            self.apart.seen(&(hosted.number(), scope));
        }
    }

    /// Has what is written in pieces be there, and waits until no scope is being linked.
    pub(crate) fn await_linked(&mut self) {
        while self.staged.is_some() {
            self.write_piece();
        }
        while !self.apart.is_empty() {
            let linked = self.shared.inbox.wait_for_linked();
            self.apart.free(&mut self.shared.inbox.queue(), linked.iter().map(Linked::place));
            self.take_back(linked);
        }
    }
}
