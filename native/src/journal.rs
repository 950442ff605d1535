//! One thread that writes: what many callers want written goes to the disk in one transaction, and
//! is seen by searches once it is there.
//!
//! While a transaction is made durable others wait, and go together into the next. So a commit
//! costs the disk once for all that came meanwhile, and nobody waits for more than two.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;

use redb::{Error as DatabaseError, WriteTransaction};
use vicino_core::{Maintenance, PreparedBatch, Write, WriteBatch, Written};

use crate::database::Database;
use crate::error::StoreError;
use crate::hosted::{Hosted, now_ms};
use crate::tables;

/// The hand that writes, of which the clones are one.
#[derive(Clone)]
pub(crate) struct Journal(Arc<Owner>);

/// Ends the thread with the last clone.
struct Owner {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    /// None where all is in memory only.
    database: Option<Arc<Database>>,
    queue: Mutex<Queue>,
    came: Condvar,
}

#[derive(Default)]
struct Queue {
    requests: VecDeque<Request>,
    closed: bool,
}

/// Refuses what comes after a thread that has ended, if by a bug.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.closed = true;
        // Who waits for an answer learns that there is none.
        let requests = std::mem::take(&mut queue.requests);
        drop(queue);
        drop(requests);
    }
}

struct Request {
    task: Task,
    reply: Reply,
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
}

/// What a task did.
pub(crate) type Outcome = Result<Done, StoreError>;

/// What a task did.
#[derive(Debug)]
pub(crate) enum Done {
    Written(Written),
    Keys(usize),
    Maintained(Maintenance),
}

impl Done {
    pub(crate) fn written(self) -> Written {
        match self {
            Self::Written(written) => written,
            _ => unreachable!("entries are written"),
        }
    }

    pub(crate) fn maintained(self) -> Maintenance {
        match self {
            Self::Maintained(done) => done,
            _ => unreachable!("a collection is maintained"),
        }
    }
}

type Reply = Box<dyn FnOnce(Outcome) + Send>;

/// Entries and keys of one transaction, about: more of them wait for the next.
const GROUP: usize = 1024;

impl Journal {
    /// Begins to write, to a database if there is one.
    pub(crate) fn new(database: Option<Arc<Database>>) -> Self {
        let (queue, came) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { database, queue, came });
        Self(Arc::new(Owner { shared, thread: Mutex::default() }))
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

    pub(crate) fn is_closed(&self) -> bool {
        self.0.shared.queue().closed
    }

    /// Makes what was asked for before, and then no more.
    pub(crate) fn close(&self) {
        self.0.close();
    }

    fn send(&self, task: Task, reply: Reply) {
        let Owner { shared, thread } = &*self.0;
        let mut queue = shared.queue();
        if queue.closed {
            drop(queue);
            return reply(Err(StoreError::Closed));
        }
        queue.requests.push_back(Request { task, reply });
        drop(queue);
        shared.came.notify_one();
        // Many are opened, and few of them written to.
        let mut thread = thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            let shared = Arc::clone(shared);
            let builder = std::thread::Builder::new().name("vicino writer".to_owned());
            let write = move || {
                let end = End(shared);
                while end.0.write_group() {}
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
        self.shared.queue().closed = true;
        self.shared.came.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Where the last clone is dropped by a reply, the thread ends by itself.
        if let Some(thread) = thread.filter(|it| it.thread().id() != std::thread::current().id()) {
            // It has told its callers what went wrong.
            _ = thread.join();
        }
    }

    /// No thread can be had.
    fn refuse_all(&self, error: &std::io::Error) {
        let requests = std::mem::take(&mut self.shared.queue().requests);
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
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for requests and makes some; is it to go on?
    fn write_group(&self) -> bool {
        let mut queue = self.queue();
        while queue.requests.is_empty() {
            if queue.closed {
                return false;
            }
            queue = self.came.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        let mut group = Vec::new();
        let mut size = 0;
        while size < GROUP
            && let Some(request) = queue.requests.pop_front()
        {
            size += request.task.size();
            group.push(request);
        }
        drop(queue);
        let last = group.pop_if(|last| matches!(last.task, Task::Maintain(..)));
        let later = self.write(group);
        if let Some(Request { task: Task::Maintain(hosted, budget), reply }) = last {
            reply(self.maintain(&hosted, budget).map(Done::Maintained));
        }
        let mut queue = self.queue();
        later.into_iter().rev().for_each(|request| queue.requests.push_front(request));
        true
    }

    /// Clears a collection up.
    fn maintain(&self, hosted: &Hosted, budget: u64) -> Result<Maintenance, StoreError> {
        let mut collection = hosted.collection();
        let now = now_ms();
        let mut purged = 0;
        let expired = collection.expired_scopes(now);
        if !expired.is_empty() {
            let mut batch = collection.batch(now)?;
            for scope in expired {
                purged += batch.add(Write::Purge(scope))?.count;
            }
            let prepared = vec![(hosted.number(), batch.prepare()?)];
            if let Some(database) = &self.database {
                database.write(|to| write_all(to, &prepared, &[]))?;
            }
            prepared.into_iter().for_each(|(_, prepared)| prepared.commit());
        }
        let mut done = collection.maintain(budget, now)?;
        done.purged += purged;
        Ok(done)
    }

    /// Makes a group of requests; those that have to come after others of it are given back.
    fn write(&self, group: Vec<Request>) -> Vec<Request> {
        let mut hosts: Vec<Arc<Hosted>> = Vec::new();
        for request in &group {
            if let Task::Entries(hosted, _) = &request.task
                && !hosts.iter().any(|host| Arc::ptr_eq(host, hosted))
            {
                hosts.push(Arc::clone(hosted));
            }
        }
        let mut collections: Vec<_> = hosts.iter().map(|host| host.collection()).collect();
        let now = now_ms();
        let mut batches = Vec::new();
        for (host, collection) in hosts.iter().zip(&mut collections) {
            batches.push((host, collection.batch(now)));
        }
        let (mut later, mut keys, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
        for Request { task, reply } in group {
            let (hosted, write) = match task {
                Task::Entries(hosted, write) => (hosted, write),
                task => {
                    keys.push((task, reply));
                    continue;
                }
            };
            let batch = batches.iter_mut().find(|(host, _)| Arc::ptr_eq(host, &hosted));
            let (_, batch) = batch.expect("there is one for each");
            match batch {
                Err(error) => reply(Err(error.clone().into())),
                Ok(batch) if batch.conflicts_with(&write) => {
                    later.push(Request { task: Task::Entries(hosted, write), reply });
                }
                Ok(batch) => match batch.add(write) {
                    Ok(written) => waiting.push((written, reply)),
                    Err(error) => reply(Err(error.into())),
                },
            }
        }
        let made = self.make(batches, &keys);
        // Nobody waits for what holds the collections.
        drop(collections);
        match made {
            Ok(counts) => {
                waiting.into_iter().for_each(|(done, reply)| reply(Ok(Done::Written(done))));
                let keys = keys.into_iter().zip(counts);
                keys.for_each(|((_, reply), count)| reply(Ok(Done::Keys(count))));
            }
            Err(error) => {
                waiting.into_iter().for_each(|(_, reply)| reply(Err(error.clone())));
                keys.into_iter().for_each(|(_, reply)| reply(Err(error.clone())));
            }
        }
        later
    }

    /// Has everything durable, then seen.
    fn make(
        &self,
        batches: Vec<(&Arc<Hosted>, Result<WriteBatch<'_>, vicino_core::Error>)>,
        keys: &[(Task, Reply)],
    ) -> Result<Vec<usize>, StoreError> {
        let mut prepared = Vec::new();
        for (host, batch) in batches {
            if let Ok(batch) = batch {
                prepared.push((host.number(), batch.prepare()?));
            }
        }
        let is_empty = |(_, batch): &(u32, PreparedBatch<'_>)| batch.changes().next().is_none();
        let counts = match &self.database {
            // What was refused takes no transaction.
            Some(_) if keys.is_empty() && prepared.iter().all(is_empty) => Vec::new(),
            Some(database) => database.write(|to| write_all(to, &prepared, keys))?,
            None => Vec::new(),
        };
        prepared.into_iter().for_each(|(_, prepared)| prepared.commit());
        Ok(counts)
    }
}

fn write_all(
    to: &WriteTransaction,
    prepared: &[(u32, PreparedBatch<'_>)],
    keys: &[(Task, Reply)],
) -> Result<Vec<usize>, DatabaseError> {
    for (number, batch) in prepared {
        tables::write_entries(to, *number, batch.changes())?;
    }
    let count = |(task, _): &(Task, Reply)| match task {
        Task::Entries(..) | Task::Maintain(..) => Ok(0),
        Task::Set(pairs) => tables::set_values(to, pairs),
        Task::Delete(keys) => tables::delete_values(to, keys),
        Task::Clear => tables::clear_values(to),
    };
    keys.iter().map(count).collect()
}

impl Task {
    /// About how much of a transaction it takes.
    fn size(&self) -> usize {
        match self {
            Self::Entries(_, Write::Insert(entries) | Write::Upsert(entries)) => entries.len(),
            Self::Entries(_, Write::Delete(keys)) => keys.len(),
            Self::Set(pairs) => pairs.len(),
            Self::Delete(keys) => keys.len(),
            // Alone.
            Self::Maintain(..) => GROUP,
            Self::Entries(..) | Self::Clear => 1,
        }
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").finish_non_exhaustive()
    }
}
