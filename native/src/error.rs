//! What can go wrong where a disk is.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a store or a backend did not do what it was asked. It goes on as it was before, also after
/// the disk was full.
///
/// ```
/// use vicino::{HnswConfig, HnswVectorStorage, StoreError, VectorEntry};
///
/// let storage = HnswVectorStorage::new(2, HnswConfig::balanced());
/// let error = storage.blocking().insert(vec![VectorEntry::new("a", vec![1.0])]).unwrap_err();
/// assert_eq!(error.code(), "dimension_mismatch");
/// assert!(matches!(error, StoreError::Core(_)));
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// What core refuses.
    #[error(transparent)]
    Core(#[from] vicino_core::Error),
    /// The file system.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it says.
        source: Arc<io::Error>,
    },
    /// The database. What was to be written is not there.
    #[error("the database {}: {source}", path.display())]
    Database {
        /// Its file.
        path: PathBuf,
        /// What it says.
        source: Arc<redb::Error>,
    },
    /// The disk failed, and it cannot be read whether the last write was made. No more is written
    /// until the store is opened again, and then is what the disk says.
    #[error(
        "it is not known whether the last write to {} was made; open the store again",
        path.display()
    )]
    InDoubt {
        /// The file of the database.
        path: PathBuf,
    },
    /// Another process has the store, or this one has it twice.
    #[error("{} is open in {}; close it there first", path.display(), said(*holder))]
    Locked {
        /// Its folder or file.
        path: PathBuf,
        /// The number of the process, if it is known.
        holder: Option<u32>,
    },
    /// What is stored is not what it is opened as.
    #[error("the store was made for {expected}, not for {found}; open it as it was made")]
    Mismatch {
        /// What it was made for.
        expected: String,
        /// What was asked for.
        found: String,
    },
    /// The database holds something that this version did not write.
    #[error("the database {} is damaged: {reason}", path.display())]
    Damaged {
        /// Its file.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
    /// There is nothing in a folder that a [`StoreReader`](crate::StoreReader) could read.
    #[error(
        "{} is no store that has a checkpoint; open it with `Store`, which makes one",
        path.display()
    )]
    NoCheckpoint {
        /// The folder.
        path: PathBuf,
    },
    /// A checkpoint cannot be read. The database has everything that it has.
    #[error(
        "the checkpoint {} is damaged: {reason}; open the store with `Store`, which makes it again",
        path.display()
    )]
    DamagedCheckpoint {
        /// The file that is damaged.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The store was written by a later version.
    #[error(
        "{} has version {found} of stores, and this program knows up to {max}; update it",
        path.display()
    )]
    UnknownVersion {
        /// The file of the database.
        path: PathBuf,
        /// The latest version that is known.
        max: u32,
        /// The version of the store.
        found: u32,
    },
    /// A bug of Vicino's, which the store outlives.
    #[error("what was asked for ended in a panic: {message}; please report it")]
    Panicked {
        /// What the panic said.
        message: String,
    },
    /// The collection was dropped.
    #[error("the collection {name} was dropped; what is opened under its name is another")]
    Dropped {
        /// Its name.
        name: String,
    },
    /// It was closed.
    #[error("the store was closed; open it again")]
    Closed,
}

impl StoreError {
    /// A stable word for the kind of error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Core(error) => error.code(),
            Self::Io { .. } => "io",
            Self::Database { .. } => "database",
            Self::InDoubt { .. } => "in_doubt",
            Self::Locked { .. } => "locked",
            Self::Mismatch { .. } => "mismatch",
            Self::Damaged { .. } => "damaged",
            Self::NoCheckpoint { .. } => "no_checkpoint",
            Self::DamagedCheckpoint { .. } => "damaged_checkpoint",
            Self::UnknownVersion { .. } => "unknown_version",
            Self::Panicked { .. } => "panicked",
            Self::Dropped { .. } => "dropped",
            Self::Closed => "closed",
        }
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source: Arc::new(source) }
    }
}

/// Is a word that of an error of a checkpoint that cannot be read?
pub(crate) fn is_damage(code: &str) -> bool {
    ["corrupt", "unreadable"].contains(&code)
}

fn said(holder: Option<u32>) -> String {
    match holder {
        Some(holder) if holder == std::process::id() => "this process".to_owned(),
        Some(holder) => format!("process {holder}"),
        None => "another process".to_owned(),
    }
}
