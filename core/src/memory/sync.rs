//! What `epoch.rs` needs of threads: std's here, loom's where `tests/loom` includes that file.

pub(super) use std::sync::Mutex;
pub(super) use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering, fence};
pub(super) use std::thread::yield_now;
