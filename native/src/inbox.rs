//! What the thread that writes is asked for, and what other threads have done for it.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use vicino_core::{GraphReport, Maintenance, Scope, ScopeCommit, Snapshot, Write, Written};

use crate::checkpoint;
use crate::error::StoreError;
use crate::hosted::Hosted;

/// Where it looks. Who has it does not keep a folder from being given back.
#[derive(Default)]
pub(crate) struct Inbox {
    queue: Mutex<Queue>,
    came: Condvar,
}

#[derive(Default)]
pub(crate) struct Queue {
    pub(crate) requests: VecDeque<Request>,
    /// Those of a checkpoint that have been written.
    pub(crate) files: Option<NewFiles>,
    /// Scopes that have been linked.
    pub(crate) linked: Vec<Linked>,
    pub(crate) closed: bool,
}

pub(crate) type NewFiles = Result<Vec<checkpoint::Written>, StoreError>;

/// A scope that was linked on another thread, if that did not panic.
pub(crate) struct Linked {
    pub(crate) hosted: Arc<Hosted>,
    pub(crate) scope: Scope,
    pub(crate) commit: Result<ScopeCommit, StoreError>,
}

impl Linked {
    pub(crate) fn place(&self) -> (&Arc<Hosted>, &Scope) {
        (&self.hosted, &self.scope)
    }
}

pub(crate) struct Request {
    pub(crate) task: Task,
    pub(crate) reply: Reply,
}

/// What somebody wants written.
pub(crate) enum Task {
    /// Into a collection.
    Entries(Arc<Hosted>, Write),
    /// Values of keys.
    Set(Vec<(String, Vec<u8>)>),
    /// No values of keys.
    Delete(Vec<String>),
    /// No values of any key.
    Clear,
    /// What deletes and time leave behind in a collection, for about so many distances.
    Maintain(Arc<Hosted>, u64),
    /// The graph of a scope, and the checkpoint that has it.
    Check(Arc<Hosted>, Scope),
    /// Scopes whose checkpoint is damaged are made again of the database.
    Mend(Arc<Hosted>, Vec<Scope>),
    /// All of a collection, of this moment.
    Snapshot(Arc<Hosted>),
    /// A collection goes, with all that it holds.
    DropCollection(String),
    /// All that has changed into a checkpoint.
    Checkpoint,
}

/// What a task did.
pub(crate) type Outcome = Result<Done, StoreError>;

/// What a task did.
#[derive(Debug)]
pub(crate) enum Done {
    Written(Written),
    Keys(usize),
    Maintained(Maintenance),
    Checked(GraphReport),
    Snapshot(Snapshot),
    /// Was there such a collection?
    Dropped(bool),
    Nothing,
}

impl Done {
    pub(crate) fn written(self) -> Written {
        match self {
            Self::Written(written) => written,
            _ => unreachable!("entries are written"),
        }
    }

    pub(crate) fn snapshot(self) -> Snapshot {
        match self {
            Self::Snapshot(snapshot) => snapshot,
            _ => unreachable!("a snapshot is taken"),
        }
    }

    pub(crate) fn maintained(self) -> Maintenance {
        match self {
            Self::Maintained(done) => done,
            _ => unreachable!("a collection is maintained"),
        }
    }

    pub(crate) fn checked(self) -> GraphReport {
        match self {
            Self::Checked(report) => report,
            _ => unreachable!("a scope is checked"),
        }
    }

    pub(crate) fn dropped(self) -> bool {
        match self {
            Self::Dropped(was_there) => was_there,
            _ => unreachable!("a collection is dropped"),
        }
    }
}

pub(crate) type Reply = Box<dyn FnOnce(Outcome) + Send>;

impl Inbox {
    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is something in the queue, or it is closed; or for so long.
    pub(crate) fn wait(&self, most: Option<Duration>) -> MutexGuard<'_, Queue> {
        let is_idle = |queue: &mut Queue| {
            let has_news = queue.files.is_some() || !queue.linked.is_empty();
            queue.requests.is_empty() && !has_news && !queue.closed
        };
        let queue = self.queue();
        match most {
            None => self.came.wait_while(queue, is_idle).unwrap_or_else(PoisonError::into_inner),
            Some(most) => {
                let waited = self.came.wait_timeout_while(queue, most, is_idle);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    /// Waits for the files of a checkpoint that is being written.
    pub(crate) fn wait_for_files(&self) -> Option<NewFiles> {
        let is_writing = |queue: &mut Queue| queue.files.is_none();
        let queue = self.came.wait_while(self.queue(), is_writing);
        queue.unwrap_or_else(PoisonError::into_inner).files.take()
    }

    /// Waits for scopes that are being linked.
    pub(crate) fn wait_for_linked(&self) -> Vec<Linked> {
        let is_linking = |queue: &mut Queue| queue.linked.is_empty();
        let queue = self.came.wait_while(self.queue(), is_linking);
        std::mem::take(&mut queue.unwrap_or_else(PoisonError::into_inner).linked)
    }

    /// Says that a scope has been linked.
    pub(crate) fn add_linked(&self, linked: Linked) {
        self.queue().linked.push(linked);
        self.came.notify_one();
    }

    /// Says that these files have been written.
    pub(crate) fn add_files(&self, files: NewFiles) {
        self.queue().files = Some(files);
        self.came.notify_one();
    }

    /// Has who waits look again.
    pub(crate) fn wake(&self) {
        self.came.notify_one();
    }
}
