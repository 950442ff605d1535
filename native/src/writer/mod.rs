//! The thread that writes: groups of what is asked for go to the disk in one transaction, and are
//! seen by searches once they are there. While nobody asks for anything it clears up.

mod apart;
mod group;
mod maintenance;
mod staged;
mod turns;

use std::sync::Arc;
use std::time::{Duration, Instant};

use redb::{Error as DatabaseError, WriteTransaction};
use vicino_core::{Scope, Searcher};

use self::apart::Apart;
use self::maintenance::PURGE;
use self::staged::Staged;
use self::turns::{SMALL, Turns};
use crate::activity::ms;
use crate::checkpoint::Running;
use crate::error::StoreError;
use crate::hosted::Hosted;
use crate::inbox::{Done, Linked, Reply, Request, Task};
use crate::journal::Shared;
use crate::storage::{Durability, scope_of};
use crate::threads::caught;
use crate::{pending, tables};

pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    /// The checkpoint that is being written.
    pub(crate) running: Option<Running>,
    /// Who wants another when it is done.
    pub(crate) waiting: Vec<Reply>,
    /// Entries that have changed since the last one began, about.
    pub(crate) changed: usize,
    /// So many were found to be too few for one.
    few: usize,
    /// At so many it is looked whether they are enough.
    pub(crate) look_at: usize,
    /// When a checkpoint may be tried again of which one failed.
    pub(crate) not_before: Option<Instant>,
    /// Writes since collections were last cleared up.
    unswept: usize,
    /// Was there more to clear up than was done?
    is_behind: bool,
    /// When somebody last asked for something.
    asked_at: Instant,
    /// When somebody last wrote a few entries.
    small_at: Option<Instant>,
    /// When it is looked for what has expired.
    purge_at: Instant,
    apart: Apart,
    /// What is written in pieces.
    staged: Option<Staged>,
    /// Is something of it pending in the database that will never be there as a whole?
    is_untidy: bool,
    turns: Turns,
    /// A bug, after which nothing is written.
    broken: Option<StoreError>,
    /// When all has to be on the disk that was written.
    sync_at: Option<Instant>,
    searcher: Searcher,
}

/// So long nobody asks for anything before it clears up.
const IDLE: Duration = Duration::from_millis(500);

/// So long nobody asks for anything before it goes on with that.
const PAUSE: Duration = Duration::from_millis(20);

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let place = shared.place.as_ref();
        let log = place.and_then(|place| place.database.read(tables::log_end).ok());
        // Something is better than nothing where it is not known.
        let changed = log.map_or(0, |(rows, _)| usize::try_from(rows).unwrap_or(usize::MAX));
        let (running, waiting, not_before) = (None, Vec::new(), None);
        Self {
            shared,
            running,
            waiting,
            changed,
            few: 0,
            look_at: 0,
            not_before,
            unswept: 0,
            is_behind: false,
            asked_at: Instant::now(),
            small_at: None,
            purge_at: Instant::now() + PURGE,
            apart: Apart::default(),
            staged: None,
            is_untidy: false,
            turns: Turns::default(),
            broken: None,
            sync_at: None,
            searcher: Searcher::default(),
        }
    }

    /// Does what comes until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        while let (Some(group), None) = (self.next_group(), &self.broken) {
            if !group.is_empty() {
                self.asked_at = Instant::now();
                let is_small = group.iter().all(|request| request.task.size() <= SMALL);
                self.small_at = is_small.then_some(self.asked_at).or(self.small_at);
            }
            // Between two pieces, and before the first, others write.
            let staged = self.staged.is_some();
            self.serve(group);
            if staged {
                self.write_piece();
            }
            self.sync(false);
            self.look_after();
        }
        self.sync(true);
    }

    /// What is done together next; nothing where nobody asks for anything, none at the end.
    fn next_group(&mut self) -> Option<Vec<Request>> {
        let is_restless = self.unswept > 0 || self.changed != self.few || self.not_before.is_some();
        let sync = self.sync_at.map(|at| at.saturating_duration_since(Instant::now()));
        // What expires does so while nobody writes.
        let is_store = self.shared.place.as_ref().is_some_and(|it| it.checkpoints.is_some());
        let purge = is_store.then(|| self.purge_at.saturating_duration_since(Instant::now()));
        let idle = match self.is_behind && self.apart.is_empty() {
            true => Some(PAUSE),
            false => is_restless.then(|| IDLE.checked_sub(self.asked_at.elapsed()).unwrap_or(IDLE)),
        };
        let piece = self.staged.is_some().then_some(Duration::ZERO);
        let most = idle.into_iter().chain(sync).chain(purge).chain(piece).min();
        let mut queue = self.shared.inbox.wait(most);
        if let Some(files) = queue.files.take() {
            drop(queue);
            self.end_checkpoint(files);
            queue = self.shared.inbox.queue();
        }
        if !queue.linked.is_empty() {
            let linked = std::mem::take(&mut queue.linked);
            self.apart.free(&mut queue, linked.iter().map(Linked::place));
            drop(queue);
            self.take_back(linked);
            queue = self.shared.inbox.queue();
        }
        if queue.requests.is_empty() && queue.closed {
            drop(queue);
            match (&self.running, self.apart.is_empty()) {
                (None, true) => return None,
                (Some(_), true) => self.await_checkpoint(),
                (_, false) => self.await_linked(),
            }
            queue = self.shared.inbox.queue();
        }
        Some(self.turns.take(&mut queue.requests, self.staged.is_some()))
    }

    fn serve(&mut self, mut group: Vec<Request>) {
        let last = group.pop_if(|last| last.task.is_alone());
        let later = self.write(group);
        if let Some(Request { task, reply }) = last {
            match task {
                Task::Maintain(hosted, budget) => {
                    reply(self.maintain(&hosted, budget).map(Done::Maintained));
                }
                Task::Mend(hosted, scopes) => {
                    let mut scopes = scopes.iter();
                    let mended = scopes.try_for_each(|scope| self.mend(&hosted, scope));
                    reply(mended.map(|()| Done::Nothing));
                }
                Task::Check(hosted, scope) => {
                    self.await_linked();
                    let report = hosted.collection().check_scope(&scope);
                    reply(report.map(Done::Checked).map_err(StoreError::from));
                }
                Task::Snapshot(hosted) => {
                    self.await_linked();
                    let snapshot = hosted.collection().snapshot();
                    reply(snapshot.map(Done::Snapshot).map_err(StoreError::from));
                }
                Task::DropCollection(name) => {
                    self.await_linked();
                    reply(self.drop_collection(&name).map(Done::Dropped));
                }
                Task::Checkpoint => self.begin_checkpoint(vec![reply]),
                _ => unreachable!("others are not alone"),
            }
        }
        let mut queue = self.shared.inbox.queue();
        later.into_iter().rev().for_each(|request| queue.requests.push_front(request));
    }

    /// Makes a scope again of the database if it cannot be opened, or its file is damaged.
    pub(crate) fn mend(&mut self, hosted: &Hosted, scope: &Scope) -> Result<(), StoreError> {
        hosted.check()?;
        let shared = Arc::clone(&self.shared);
        let Some(place) = &shared.place else { return Ok(()) };
        let reader = hosted.reader();
        let is_closed = reader.is_closed(scope, &mut self.searcher);
        let opened = if is_closed { reader.count(scope, None).map(drop) } else { Ok(()) };
        // Many may have come upon it, and others of its call are well.
        let Err(error) = opened.and_then(|()| hosted.collection().verify_scope(scope)) else {
            return Ok(());
        };
        tracing::warn!(%scope, %error, "a checkpoint is damaged; it is made again");
        if self.is_untidy {
            self.commit((0, 0), |_| Ok(()))?;
        }
        let (database, number) = (&place.database, hosted.number());
        let mut made = caught(|| scope_of(database, number, &reader, scope))?;
        self.changed += made.stats().vector_count;
        Ok(hosted.collection().replace_scope(scope, &mut made)?)
    }

    /// Makes a transaction, where there is something to make it in.
    fn commit<T>(
        &mut self,
        (entries, keys): (usize, usize),
        write: impl FnOnce(&WriteTransaction) -> Result<T, DatabaseError>,
    ) -> Result<Option<T>, StoreError> {
        let Some(place) = &self.shared.place else { return Ok(None) };
        let began = Instant::now();
        let is_untidy = self.is_untidy;
        let write = |to: &WriteTransaction| {
            if is_untidy {
                pending::undo(to)?;
            }
            write(to)
        };
        let done = match place.durability {
            Durability::EveryCommit => place.database.write(write)?,
            Durability::Every(interval) => {
                self.sync_at.get_or_insert_with(|| Instant::now() + interval);
                place.database.write_soon(write)?
            }
        };
        self.is_untidy = false;
        let time = began.elapsed();
        self.shared.activity.commits.record(time);
        tracing::debug!(target: "vicino::commit", entries, keys, ms = ms(time), "committed");
        Ok(Some(done))
    }

    /// Has all on the disk that was written, if its time has come.
    fn sync(&mut self, is_last: bool) {
        let is_due = self.sync_at.is_some_and(|at| is_last || at <= Instant::now());
        if let (Some(place), true) = (&self.shared.place, is_due) {
            self.sync_at = None;
            if let Err(error) = place.database.write(|_| Ok(())) {
                tracing::error!(%error, "what was written last is not on the disk");
            }
        }
    }
}
