//! Vicino for JavaScript: values in, values out, and core in between.
//!
//! `read` looks at what JavaScript passes, `write` makes what it is given; `options`, `entries` and
//! `queries` know which objects there are. `store`, `snapshots` and `router` are the classes under
//! those of the package, which `wasm/npm/vicino.js` has: a caller never holds one of these.

#![expect(
    clippy::missing_errors_doc,
    reason = "all are those of reading, and of the same call of core"
)]

#[cfg(feature = "checks")]
mod checks;
mod entries;
mod error;
mod host;
mod metric;
mod object;
mod options;
mod queries;
mod read;
mod router;
mod snapshots;
mod stats;
mod store;
mod write;

use vicino_core::Error as CoreError;

#[cfg(feature = "checks")]
pub use checks::{isa, sample_snapshot, verify_index, verify_kernels, verify_snapshot};
pub use error::{Error, Result};
pub use metric::{distance, predict_memory, scope};
pub use router::{Router, models, truncate};
pub use snapshots::{Incoming, Outgoing};
pub use store::Store;

/// Can so many bytes be had? Memory of WebAssembly can be refused at any time, and what cannot ask
/// for it politely would end the module. What is had once is had for good, so asking takes nothing.
fn headroom(bytes: usize) -> Result<()> {
    let mut room = Vec::<u8>::new();
    let had = room.try_reserve_exact(bytes).is_ok();
    std::hint::black_box(&mut room);
    if had { Ok(()) } else { Err(CoreError::OutOfMemory { bytes }.into()) }
}

/// The time, in milliseconds since 1970.
fn now() -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a time of this age")]
    let now = js_sys::Date::now() as i64;
    now
}
