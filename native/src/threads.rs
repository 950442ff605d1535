//! Work on rayon's threads.

use std::any::Any;
use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Condvar, LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use vicino_core::Executor;

use crate::error::StoreError;

/// Runs tasks on the threads of the rayon pool that it is used in: the global one, or that of
/// `ThreadPool::install`.
///
/// ```
/// use vicino::{DistanceMetric, HnswConfig, HnswIndex, Rayon, Searcher};
///
/// let config = HnswConfig::balanced().with_distance_metric(DistanceMetric::Manhattan);
/// let mut index = HnswIndex::new(config, 1, vicino::simd()?)?;
/// index.insert(&[4.0, 1.0, 3.0], &Rayon)?;
/// let mut searcher = Searcher::default();
/// assert_eq!(index.search(&[2.9], 1, None, &mut searcher)?[0].slot, 2);
/// # Ok::<(), vicino::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Rayon;

impl Executor for Rayon {
    fn run(&self, count: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..count).into_par_iter().for_each(task);
    }
}

/// Does something long for an asynchronous program, whatever its runtime, on a thread of rayon's.
/// It holds no lock while others of these threads work for it: its thread takes up other work
/// meanwhile, which may want the same.
pub(crate) async fn offload<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    elsewhere(work, |job| {
        rayon::spawn(job);
        Ok(())
    })
    .await
}

/// Does something that waits for the disk or for another thread, on a thread for that: rayon's
/// would wait with it, or take other work up meanwhile that waits for the same.
pub(crate) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    elsewhere(work, |job| on_disk(job).map_err(StoreError::io("a thread".as_ref()))).await
}

/// Has something done that waits for the disk, by a thread that nobody waits for.
pub(crate) fn on_disk(job: Job) -> io::Result<()> {
    WAITING.spawn(job)
}

/// Threads that may wait.
struct Waiting {
    state: Mutex<State>,
    came: Condvar,
}

struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

static WAITING: Waiting = Waiting {
    state: Mutex::new(State { jobs: VecDeque::new(), threads: 0, idle: 0 }),
    came: Condvar::new(),
};

/// Enough for any disk; more jobs wait for them.
const THREADS_MAX: usize = 16;

/// So long a thread waits for a job before it ends.
const IDLE: Duration = Duration::from_secs(5);

impl Waiting {
    fn spawn(&'static self, job: Job) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.idle <= state.jobs.len() && state.threads < THREADS_MAX {
            let builder = thread::Builder::new().name("vicino disk".to_owned());
            match builder.spawn(|| self.work()) {
                Ok(_) => state.threads += 1,
                Err(error) if state.threads == 0 => return Err(error),
                // Others will get to it.
                Err(_) => {}
            }
        }
        state.jobs.push_back(job);
        drop(state);
        self.came.notify_one();
        Ok(())
    }

    fn work(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let Some(job) = state.jobs.pop_front() else {
                state.idle += 1;
                let waited = self.came.wait_timeout(state, IDLE);
                let timeout;
                (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
                if timeout.timed_out() && state.jobs.is_empty() {
                    state.threads -= 1;
                    return;
                }
                continue;
            };
            drop(state);
            job();
            state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Does something long that others of rayon's threads may come to wait for. A thread of rayon's
/// that waits for the work of others takes up a task meanwhile, perhaps one that waits for itself;
/// so a thread of its own does it there.
pub(crate) fn aside<T: Send>(
    work: impl FnOnce() -> Result<T, StoreError> + Send,
) -> Result<T, StoreError> {
    if rayon::current_thread_index().is_none() {
        return work();
    }
    thread::scope(|threads| {
        let builder = thread::Builder::new().name("vicino disk".to_owned());
        let started = builder.spawn_scoped(threads, || caught(work));
        let thread = started.map_err(StoreError::io("a thread".as_ref()))?;
        thread.join().unwrap_or_else(|payload| Err(panicked(&*payload)))
    })
}

/// What a thread does.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// Has work done by the thread that `start` gives the job to, and waits for what comes of it. A
/// panic in it is an error of who asked for it; on rayon's threads it would end the program.
async fn elsewhere<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    start: impl FnOnce(Job) -> Result<(), StoreError>,
) -> Result<T, StoreError> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    start(Box::new(move || {
        // Who does not wait any more wants no answer.
        drop(sender.send(caught(work)));
    }))?;
    receiver.await.unwrap_or(Err(StoreError::Closed))
}

/// Does something of which a panic is an error.
pub(crate) fn caught<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    // The locks of a store are taken also after a panic, so its other callers go on.
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    done.unwrap_or_else(|payload| Err(panicked(&*payload)))
}

fn panicked(payload: &(dyn Any + Send)) -> StoreError {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    StoreError::Panicked { message: text.unwrap_or("no message").to_owned() }
}

/// Who builds the graphs of stores: a pool of its own, since all threads of rayon's own may be
/// waiting for what is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Builders;

/// How many threads, and how they are called.
fn pool(threads: usize) -> Option<ThreadPool> {
    let name = |thread| format!("vicino builder {thread}");
    let start = |_| yield_to_others();
    let builder = ThreadPoolBuilder::new().num_threads(threads);
    builder.thread_name(name).start_handler(start).build().ok()
}

/// One for each core.
static POOL: LazyLock<Option<ThreadPool>> = LazyLock::new(|| pool(0));

/// One fewer, for while others write: the thread that waits for the disk for them has a core at
/// once when it goes on.
static FEWER: LazyLock<Option<ThreadPool>> = LazyLock::new(|| {
    pool(thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).max(1)))
});

thread_local! {
    /// Is this thread of either pool?
    static IS_BUILDER: Cell<bool> = const { Cell::new(false) };
}

/// How much the threads that link yield to others: where all cores are busy they have a tenth of
/// what another thread has. Searches and small writes last for less than the time that the system
/// gives a thread, and would wait for as long.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Has this thread be behind others where all cores are busy.
fn yield_to_others() {
    IS_BUILDER.set(true);
    // Elsewhere it would be the whole program.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::debug!(%error, "the threads that link do not yield");
    }
}

impl Builders {
    /// Has one of them do something, of which a panic would end the program, with the help of all
    /// or of `fewer`; where there are none it is done here.
    pub(crate) fn spawn(fewer: bool, work: impl FnOnce() + Send + 'static) {
        match if fewer { &*FEWER } else { &*POOL } {
            Some(pool) => pool.spawn(work),
            None => work(),
        }
    }
}

impl Executor for Builders {
    fn run(&self, count: usize, task: &(dyn Fn(usize) + Sync)) {
        if count > 1 && IS_BUILDER.get() {
            return Rayon.run(count, task);
        }
        match &*POOL {
            Some(pool) if count > 1 => pool.install(|| Rayon.run(count, task)),
            _ => (0..count).for_each(task),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bug that one caller comes upon: the others, and the threads, go on.
    #[tokio::test]
    async fn a_panic_is_an_error_of_who_asked() {
        let bug = || -> Result<(), StoreError> { panic!("a bug of {}", 7) };
        for error in [offload(bug).await.unwrap_err(), apart(bug).await.unwrap_err()] {
            assert_eq!(error.code(), "panicked");
            assert!(error.to_string().contains("a bug of 7"), "{error}");
        }
        assert_eq!(offload(|| Ok(1)).await.unwrap() + apart(|| Ok(2)).await.unwrap(), 3);
    }
}
