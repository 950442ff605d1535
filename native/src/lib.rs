//! Vicino: an embeddable, multi-tenant vector store for retrieval-augmented generation.
//!
//! This crate is the engine (`vicino-core`, re-exported whole) with what a native program adds to
//! it: collections in memory or in a folder ([`HnswVectorStorage`], [`Store`]) for asynchronous
//! programs and for those that wait, values under keys ([`StorageBackend`]), threads ([`Rayon`]),
//! huge pages ([`huge_pages`]), snapshots in files ([`write_file`], [`map_file`]) and the choice of
//! the instruction set:
//!
//! ```
//! use vicino::{DistanceMetric, kernel::Dot};
//!
//! let simd = vicino::simd()?; // the best of this machine, or what `VICINO_ISA` names
//! assert_eq!(simd.pair(Dot, &[1.0_f32, 2.0], &[3.0, 4.0])?, 11.0);
//! assert_eq!(DistanceMetric::Manhattan.distance(&[1.0, 2.0], &[3.0, 4.0])?, 4.0);
//! # Ok::<(), vicino::Error>(())
//! ```
//!
//! # What can be watched
//!
//! [`HnswVectorStorage::report`] and [`Store::stats`] tell how often what was done, and how long it
//! took. Through [`tracing`](https://docs.rs/tracing) it is told as it comes:
//!
//! | target | level | what | fields |
//! |---|---|---|---|
//! | `vicino::search` | trace | the span `search`, until the answer | `k`, `scopes`, `filtered` |
//! | `vicino::search` | trace | the span `search_many`, until all answers | `queries` |
//! | `vicino::commit` | debug | a group of writes is durable | `entries`, `keys` of values, `ms` |
//! | `vicino::checkpoint` | debug | a checkpoint has begun | `files` that it writes |
//! | `vicino::checkpoint` | debug | it has ended | `files`, their `bytes`, `ms` |
//! | `vicino::scopes` | debug | one came from a checkpoint into memory | `scope`, `bytes`, `ms` |
//! | `vicino::scopes` | debug | some left memory | how many `scopes`, their `bytes` |
//! | `vicino::open` | debug | a store is open | `path`, `ms` |
//! | `vicino::open` | debug | a collection is open | `name`, `entries`, `replayed`, `ms` |
//!
//! What is `replayed` are entries that the checkpoints lack, read from the database.
//! Warnings tell what was damaged and is made again, and what failed and will be tried again. A
//! search that nobody listens to pays for reading the clock twice.
//!
//! The feature `cli` builds the command `vicino`; a program that uses the crate misses nothing
//! without it.

mod activity;
mod checkpoint;
mod database;
mod disk;
mod error;
mod files;
mod hosted;
mod inbox;
mod isa;
mod journal;
mod kv;
mod lock;
mod meter;
mod mmap;
mod pending;
mod room;
mod router;
mod storage;
mod tables;
mod threads;
mod writer;

pub use activity::{Evictions, StorageReport};
pub use error::StoreError;
pub use files::{WriteSink, read_file, write_file};
pub use isa::simd;
pub use kv::{
    BackendStats, BlockingRedbBackend, MemoryBackend, RedbBackend, StorageBackend, check_backend,
};
pub use meter::Latency;
pub use mmap::{huge_pages, map_file};
pub use router::DimensionRouter;
pub use storage::{
    BlockingScopedVectorStorage, BlockingVectorStorage, CollectionInfo, Durability,
    HnswVectorStorage, ScopedVectorStorage, Store, StoreConfig, StoreReader, StoreStats,
    VectorStorage,
};
pub use threads::Rayon;
pub use vicino_core::*;

/// [`Scope`], as it is called elsewhere.
pub type StateScope = Scope;
/// [`HnswConfig`], as it is called elsewhere.
pub type HNSWConfig = HnswConfig;
/// [`HnswVectorStorage`], as it is called elsewhere.
pub type HNSWVectorStorage = HnswVectorStorage;
/// The backend in a file, for programs that had theirs in sled.
#[deprecated = "it is `RedbBackend`"]
pub type SledBackend = RedbBackend;
