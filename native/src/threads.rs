//! Work on rayon's threads.

use std::sync::LazyLock;

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
    let (sender, receiver) = tokio::sync::oneshot::channel();
    // Who does not wait any more wants no answer.
    rayon::spawn(move || drop(sender.send(work())));
    receiver.await.unwrap_or(Err(StoreError::Closed))
}

/// Does something that waits for the disk or for another thread, on a thread of its own: rayon's
/// would wait with it.
pub(crate) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let builder = std::thread::Builder::new().name("vicino disk".to_owned());
    let started = builder.spawn(move || drop(sender.send(work())));
    started.map_err(StoreError::io("a thread".as_ref()))?;
    receiver.await.unwrap_or(Err(StoreError::Closed))
}

/// Who builds the graphs of stores: a pool of its own, since all threads of rayon's own may be
/// waiting for what is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Builders;

impl Executor for Builders {
    fn run(&self, count: usize, task: &(dyn Fn(usize) + Sync)) {
        static POOL: LazyLock<Option<ThreadPool>> = LazyLock::new(|| {
            let name = |thread| format!("vicino builder {thread}");
            ThreadPoolBuilder::new().thread_name(name).build().ok()
        });
        match &*POOL {
            Some(pool) if count > 1 => {
                pool.install(|| (0..count).into_par_iter().for_each(task));
            }
            _ => (0..count).for_each(task),
        }
    }
}
