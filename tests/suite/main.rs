//! The suite: behaviour through the public API, one file a subject.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and prints what it skipped"
)]

mod batches;
mod checkpoints;
mod closed;
mod collection;
mod collections;
mod conformance;
mod crash;
mod damage;
mod deletes;
#[cfg(unix)]
mod disks;
mod filter;
mod imports;
mod index;
mod kernels;
mod memory;
mod model;
mod process;
mod query;
mod read_only;
mod readers;
mod scoped;
mod scopes;
mod snapshot;
mod storage;
mod tidy;
mod watch;
