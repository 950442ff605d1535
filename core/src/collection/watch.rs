//! Who wants to know when scopes come into memory and leave it: core has no clock, and tells it to
//! who has one.

use std::fmt;
use std::sync::Arc;

use super::Collection;
use crate::scope::Scope;

/// Who is told when scopes come into memory and leave it, on the threads that have them do so.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use vicino_core::{Collection, HnswConfig, Scope, Simd, Watcher};
///
/// #[derive(Debug, Default)]
/// struct Opened(AtomicUsize);
///
/// impl Watcher for Opened {
///     fn opened(&self, _: &Scope, _: u64, _: usize) {
///         self.0.fetch_add(1, Ordering::Relaxed);
///     }
/// }
///
/// let opened = Arc::new(Opened::default());
/// let collection = Collection::new(HnswConfig::balanced(), 1, Simd::detect())?;
/// let collection = collection.with_watcher(opened.clone());
/// assert_eq!(collection.count(&Scope::Global, None)?, 0);
/// assert_eq!(opened.0.load(Ordering::Relaxed), 0, "there was none to open");
/// # Ok::<(), vicino_core::Error>(())
/// ```
pub trait Watcher: fmt::Debug + Send + Sync {
    /// A time of its own, which comes back with what began then.
    fn now(&self) -> u64 {
        0
    }

    /// A scope was read from its file, and takes so many bytes.
    fn opened(&self, scope: &Scope, began: u64, bytes: usize) {
        let _ = (scope, began, bytes);
    }

    /// So many scopes left memory, and gave so many bytes back.
    fn closed(&self, scopes: usize, bytes: usize) {
        let _ = (scopes, bytes);
    }
}

impl Collection {
    /// Sets who is told when scopes come into memory and leave it. The default is nobody.
    #[must_use]
    pub fn with_watcher(self, watcher: Arc<dyn Watcher>) -> Self {
        self.reader.shelf().watcher = Some(watcher);
        self
    }
}
