//! The engine of Vicino: everything that decides an answer, and nothing that touches the outside.
//!
//! [`HnswIndex`] finds the nearest vectors; [`DistanceMetric`] says what near means.
//!
//! Core opens no file, starts no thread and reads no clock; time, randomness and parallelism are
//! arguments. Programs depend on `vicino`, which adds disk and threads, or use the npm package;
//! both re-export what is here.
//!
//! ```
//! use vicino_core::DistanceMetric;
//!
//! let metric = DistanceMetric::Euclidean;
//! let distance = metric.distance(&[0.0, 3.0], &[4.0, 0.0])?;
//! assert_eq!(distance, 5.0);
//! assert_eq!(metric.score(distance), 1.0 / 6.0);
//! # Ok::<(), vicino_core::Error>(())
//! ```

mod collection;
mod columns;
mod config;
mod entry;
mod error;
mod explain;
mod filter;
mod graph;
mod index;
mod memory;
mod metadata;
mod metric;
mod mix;
mod query;
mod router;
mod scope;
mod simd;
mod snapshot;
mod sorted;
mod verify;
mod verify_snapshot;

pub use collection::{
    Change, Collection, CollectionReader, IdOrKey, MemoryStats, Page, PreparedBatch, RecallProbe,
    ScopeCommit, ScopeLimits, ScopeReader, ScopeStats, ScopeWriter, Snapshot, Stamps, StorageStats,
    Watcher, Write, WriteBatch, Written,
};
pub use config::{Exact, HnswConfig, Quantization};
pub use entry::{EntryKey, VectorEntry};
pub use error::Error;
pub use explain::{Explain, ScopeExplain, Short};
pub use filter::{Field, Filter, Op, field};
pub use graph::{Cost, Executor, GraphReport, Neighbor, Searcher, Serial};
pub use index::{HnswIndex, HnswReader, Maintenance, Plan, Way};
pub use memory::{Bytes, Memory};
pub use metadata::{FieldPath, Number, Object, Value};
pub use metric::DistanceMetric;
pub use query::{Mmr, Target, TimeRange, VectorQuery, VectorResult};
pub use router::{EmbeddingModel, ModelInfo, Routes, Sizes};
pub use scope::Scope;
pub use simd::{Isa, Simd};
pub use snapshot::{Open, Sink, SnapshotFile, SnapshotIndex, Source, Verify};
pub use verify::verify_index;
pub use verify_snapshot::{sample_snapshot, verify_snapshot};

/// The distance functions under the metrics, for programs that keep vectors of their own.
///
/// A kernel is a unit value ([`Dot`](kernel::Dot), [`SquaredEuclidean`](kernel::SquaredEuclidean),
/// [`Manhattan`](kernel::Manhattan), [`Hamming`](kernel::Hamming)), written once over the lanes of
/// an instruction set; [`Simd`] runs it. Every instruction set gives the same bits.
///
/// ```
/// use vicino_core::{Simd, kernel::{Dot, Hamming}};
///
/// let simd = Simd::detect();
/// assert_eq!(simd.pair(Dot, &[1.0_f32, 2.0], &[3.0, 4.0])?, 11.0);
/// assert_eq!(simd.pair(Hamming, &[0b1010_u64], &[0b0011])?, 2);
///
/// let rows: [&[f32]; 2] = [&[1.0, 0.0], &[0.0, 1.0]];
/// let mut products = [0.0; 2];
/// simd.batch(Dot, &[5.0, 7.0], &rows, &mut products)?;
/// assert_eq!(products, [5.0, 7.0]);
/// # Ok::<(), vicino_core::Error>(())
/// ```
pub mod kernel {
    pub use crate::metric::{Dot, Hamming, Manhattan, SquaredEuclidean};
    pub use crate::simd::{Code, DIMENSIONS_MAX, Element, Kernel};
    pub use crate::verify::verify;
}
