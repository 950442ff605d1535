//! What many callers want written, in the order in which they asked for it: a queue, and a thread
//! that takes from it.
//!
//! While a transaction is made durable others wait, and go together into the next. So a commit
//! costs the disk once for all that came meanwhile, and nobody waits for more than two.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use crate::activity::StoreActivity;
use crate::checkpoint::Checkpoints;
use crate::database::Database;
use crate::error::StoreError;
use crate::hosted::Hosted;
use crate::inbox::{Done, Inbox, Outcome, Reply, Request, Task};
use crate::room::Room;
use crate::storage::Durability;
use crate::writer::Writer;

/// The hand that writes, of which the clones are one.
#[derive(Clone)]
pub(crate) struct Journal(Arc<Owner>);

/// Ends the thread with the last clone.
struct Owner {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Where things are written that outlive the program.
pub(crate) struct Place {
    pub(crate) database: Arc<Database>,
    /// None where there are no collections.
    pub(crate) checkpoints: Option<Arc<Checkpoints>>,
    pub(crate) room: Arc<Room>,
    pub(crate) durability: Durability,
    pub(crate) maintenance: bool,
}

impl Place {
    /// That of values alone.
    pub(crate) fn of(database: Arc<Database>) -> Self {
        let (room, durability) = (Arc::new(Room::new(None)), Durability::EveryCommit);
        Self { database, checkpoints: None, room, durability, maintenance: false }
    }
}

pub(crate) struct Shared {
    /// None where all is in memory only.
    pub(crate) place: Option<Place>,
    pub(crate) activity: StoreActivity,
    /// The collections that are in memory.
    hosts: Mutex<Vec<Arc<Hosted>>>,
    pub(crate) inbox: Arc<Inbox>,
}

/// What an entry takes beside its vector, about.
const ENTRY_BYTES: usize = 256;

/// Refuses what comes after a thread that has ended, if by a bug.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        let mut queue = self.0.inbox.queue();
        queue.closed = true;
        // Who waits for an answer learns that there is none.
        let requests = std::mem::take(&mut queue.requests);
        drop(queue);
        drop(requests);
    }
}

impl Journal {
    /// Begins to write, to a place if there is one.
    pub(crate) fn new(place: Option<Place>) -> Self {
        let shared = Arc::new(Shared {
            place,
            activity: StoreActivity::default(),
            hosts: Mutex::default(),
            inbox: Arc::default(),
        });
        Self(Arc::new(Owner { shared, thread: Mutex::default() }))
    }

    /// Has a collection be part of checkpoints.
    pub(crate) fn host(&self, hosted: &Arc<Hosted>) {
        let mut hosts = self.0.shared.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.push(Arc::clone(hosted));
        if let Some(place) = &self.0.shared.place {
            place.room.add(hosted);
        }
    }

    /// Does a task and waits for it, on a thread that may wait.
    pub(crate) fn run(&self, task: Task) -> Outcome {
        let (sender, receiver) = mpsc::sync_channel(1);
        // Who does not wait any more wants no answer.
        self.send(task, Box::new(move |outcome| drop(sender.send(outcome))));
        receiver.recv().unwrap_or(Err(StoreError::Closed))
    }

    /// The same for tasks of an asynchronous program.
    pub(crate) async fn run_async(&self, task: Task) -> Outcome {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.send(task, Box::new(move |outcome| drop(sender.send(outcome))));
        receiver.await.unwrap_or(Err(StoreError::Closed))
    }

    /// The collections that are in memory.
    pub(crate) fn hosts(&self) -> Vec<Arc<Hosted>> {
        self.0.shared.hosts()
    }

    /// What is done to the store.
    pub(crate) fn activity(&self) -> &StoreActivity {
        &self.0.shared.activity
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.shared.inbox.queue().closed
    }

    /// Makes what was asked for before and a checkpoint of it, and then no more, and has the file
    /// of the database take less where most of it is free. Who closes again waits until that is
    /// done.
    pub(crate) fn close(&self) -> Result<(), StoreError> {
        let done = match self.is_closed() {
            true => Ok(Done::Nothing),
            false => self.run(Task::Checkpoint),
        };
        self.0.close();
        if done.is_ok() {
            self.compact();
        }
        match done {
            // Somebody else was quicker.
            Ok(_) | Err(StoreError::Closed) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn compact(&self) {
        let Some(place) = &self.0.shared.place else { return };
        if !place.maintenance {
            return;
        }
        let bytes = |hosted: &Arc<Hosted>| {
            let reader = hosted.reader();
            let entry = size_of::<f32>() * reader.dimensions() + ENTRY_BYTES;
            (reader.stats().vector_count * entry) as u64
        };
        let live = self.hosts().iter().map(bytes).sum();
        match place.database.compact_if_loose(live) {
            Ok(true) => tracing::debug!("the database was compacted"),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the database is not compacted"),
        }
    }

    fn send(&self, task: Task, reply: Reply) {
        let Owner { shared, thread } = &*self.0;
        let mut queue = shared.inbox.queue();
        if queue.closed {
            drop(queue);
            return reply(Err(StoreError::Closed));
        }
        queue.requests.push_back(Request { task, reply });
        drop(queue);
        shared.inbox.wake();
        // Many are opened, and few of them written to.
        let mut thread = thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            let shared = Arc::clone(shared);
            let builder = std::thread::Builder::new().name("vicino writer".to_owned());
            let write = move || {
                let end = End(shared);
                Writer::new(Arc::clone(&end.0)).run();
            };
            match builder.spawn(write) {
                Ok(started) => *thread = Some(started),
                Err(error) => {
                    drop(thread);
                    self.0.refuse_all(&error);
                }
            }
        }
    }
}

impl Owner {
    fn close(&self) {
        self.shared.inbox.queue().closed = true;
        self.shared.inbox.wake();
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        // Where the last clone is dropped by a reply, the thread ends by itself.
        let is_other = |it: &mut JoinHandle<()>| it.thread().id() != std::thread::current().id();
        if let Some(thread) = thread.take_if(is_other) {
            // It has told its callers what went wrong.
            _ = thread.join();
        }
    }

    /// No thread can be had.
    fn refuse_all(&self, error: &std::io::Error) {
        let requests = std::mem::take(&mut self.shared.inbox.queue().requests);
        for request in requests {
            let error = std::io::Error::new(error.kind(), error.to_string());
            (request.reply)(Err(StoreError::io("a thread that writes".as_ref())(error)));
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// Lets go of a collection that was dropped.
    pub(crate) fn unhost(&self, number: u32) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = hosts.iter().position(|hosted| hosted.number() == number) {
            hosts.remove(at).set_dropped();
        }
    }

    pub(crate) fn hosts(&self) -> Vec<Arc<Hosted>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").finish_non_exhaustive()
    }
}
