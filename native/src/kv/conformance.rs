//! What every backend does, as a check that anyone can run over their own.

use std::collections::HashMap;

use super::{BackendStats, StorageBackend};
use crate::error::StoreError;

/// Runs all calls of a backend, which is emptied first, and says what it did otherwise than it
/// should; nothing where it is as it should be.
///
/// ```
/// use vicino::{MemoryBackend, check_backend};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), vicino::StoreError> {
/// let complaints = check_backend(&MemoryBackend::new()).await?;
/// assert!(complaints.is_empty(), "{complaints:?}");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// The first that the backend has.
pub async fn check_backend(backend: &dyn StorageBackend) -> Result<Vec<String>, StoreError> {
    let mut complaints = Complaints(Vec::new());
    backend.clear().await?;
    one_by_one(backend, &mut complaints).await?;
    in_batches(backend, &mut complaints).await?;
    backend.clear().await?;
    complaints.unless("clear leaves nothing", backend.stats().await? == BackendStats::default());
    Ok(complaints.0)
}

struct Complaints(Vec<String>);

impl Complaints {
    fn unless(&mut self, what: &str, holds: bool) {
        if !holds {
            self.0.push(what.to_owned());
        }
    }
}

/// Keys of every kind: with what sorts behind letters, of several bytes a letter, long, and empty.
fn keys() -> Vec<String> {
    let keys = ["", "a", "a\0", "a:1", "a:10", "a:2", "b", "\u{e9}", "\u{10ffff}", "a:\u{10ffff}"];
    keys.into_iter().map(str::to_owned).chain(["long".repeat(1000)]).collect()
}

async fn one_by_one(
    backend: &dyn StorageBackend,
    complaints: &mut Complaints,
) -> Result<(), StoreError> {
    for (key, i) in keys().iter().zip(0_u8..) {
        let (short, long) = (vec![7; i.into()], vec![i; 100_000]);
        complaints.unless("a key has no value at first", backend.get(key).await?.is_none());
        complaints.unless("a key is not there at first", !backend.exists(key).await?);
        complaints.unless("what is not there is not deleted", !backend.delete(key).await?);
        backend.set(key, long.clone()).await?;
        complaints.unless("a long value comes back", backend.get(key).await? == Some(long));
        backend.set(key, short.clone()).await?;
        complaints.unless("the last value stays", backend.get(key).await? == Some(short));
        complaints.unless("a key is there", backend.exists(key).await?);
    }
    let mut sorted = keys();
    sorted.sort_unstable();
    for prefix in ["", "a", "a:", "a:1", "a:\u{10ffff}", "\u{10ffff}", "nobody"] {
        let expected: Vec<&String> = sorted.iter().filter(|key| key.starts_with(prefix)).collect();
        let found = backend.list_keys(prefix).await?;
        let same = found.iter().eq(expected);
        complaints.unless(&format!("keys that begin with {prefix:?} are listed in order"), same);
    }
    let bytes = sorted.iter().map(String::len).sum::<usize>() + (0..sorted.len()).sum::<usize>();
    let stats = BackendStats { keys: sorted.len() as u64, bytes: bytes as u64 };
    complaints.unless("stats count keys and bytes", backend.stats().await? == stats);
    for key in &sorted {
        complaints.unless("what is there is deleted", backend.delete(key).await?);
        complaints.unless("what was deleted is gone", backend.get(key).await?.is_none());
    }
    complaints.unless("nothing is left", backend.list_keys("").await?.is_empty());
    Ok(())
}

async fn in_batches(
    backend: &dyn StorageBackend,
    complaints: &mut Complaints,
) -> Result<(), StoreError> {
    let items = keys().into_iter().map(|key| (key.clone(), key.into_bytes()));
    let items: HashMap<String, Vec<u8>> = items.collect();
    backend.set_batch(items.clone()).await?;
    let asked: Vec<String> = keys().into_iter().chain(["nobody".to_owned()]).collect();
    complaints.unless("a batch comes back", backend.get_batch(&asked).await? == items);
    let some: Vec<String> = ["a", "b", "nobody", "a"].map(str::to_owned).to_vec();
    complaints.unless("a batch deletes what is there", backend.delete_batch(&some).await? == 2);
    let left = backend.list_keys("").await?.len();
    complaints.unless("a batch leaves the others", left == items.len() - 2);
    backend.set_batch(HashMap::new()).await?;
    complaints.unless("no items change nothing", backend.list_keys("").await?.len() == left);
    complaints.unless("no keys delete nothing", backend.delete_batch(&[]).await? == 0);
    Ok(())
}
