//! Snapshots on their way out and in.

use std::cell::{Cell, RefCell};

use js_sys::Uint8Array;
use vicino_core::{Bytes, Error as CoreError, Open, Sink, Snapshot};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::{Error, Of as _, Result};
use crate::options::LimitOptions;
use crate::store::Store;
use crate::{options, read};

/// A snapshot that can be taken out piece by piece: the store may change meanwhile.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Outgoing {
    snapshot: Snapshot,
}

#[wasm_bindgen]
impl Outgoing {
    /// Of all scopes of a store, or of those that are named.
    #[wasm_bindgen(constructor)]
    pub fn new(store: &Store, handle: &JsValue, options: &JsValue) -> Result<Self> {
        let scopes = options::snapshot_scopes(options, handle)?;
        let snapshot = store.snapshot(scopes.as_deref())?;
        Ok(Self { snapshot })
    }

    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> f64 {
        let mut count = Count(0);
        let Ok(()) = self.snapshot.copy(&mut count);
        #[expect(clippy::cast_precision_loss, reason = "no memory holds 2^53 bytes")]
        let len = count.0 as f64;
        len
    }

    /// Fills an array with the bytes from `at` on. All before are worked out again, so a few large
    /// pieces take less than many.
    pub fn read(&self, at: f64, piece: &Uint8Array) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place")]
        let mut window = Window { before: at as u64, piece, filled: 0 };
        // It ends where the piece is full.
        let _ = self.snapshot.copy(&mut window);
    }
}

/// Counts bytes.
struct Count(u64);

impl Sink for Count {
    type Error = std::convert::Infallible;

    fn write(&mut self, bytes: &[u8]) -> std::result::Result<(), Self::Error> {
        self.0 += bytes.len() as u64;
        Ok(())
    }
}

/// Takes the bytes of a piece.
struct Window<'a> {
    /// How many come before it.
    before: u64,
    piece: &'a Uint8Array,
    filled: u32,
}

impl Sink for Window<'_> {
    type Error = ();

    fn write(&mut self, bytes: &[u8]) -> std::result::Result<(), ()> {
        let passed = self.before.min(bytes.len() as u64);
        self.before -= passed;
        let bytes = usize::try_from(passed).map_or(&[][..], |passed| &bytes[passed..]);
        let room = self.piece.length() - self.filled;
        let taken = u32::try_from(bytes.len()).unwrap_or(u32::MAX).min(room);
        self.piece.subarray(self.filled, self.filled + taken).copy_from(&bytes[..taken as usize]);
        self.filled += taken;
        if self.filled == self.piece.length() { Err(()) } else { Ok(()) }
    }
}

/// A snapshot that comes in pieces, of a length that is known before.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Incoming {
    bytes: RefCell<Bytes>,
    at: Cell<usize>,
    open: Open,
    limits: LimitOptions,
}

#[wasm_bindgen]
impl Incoming {
    /// Room for so many bytes, to open a store of.
    #[wasm_bindgen(constructor)]
    pub fn new(len: &JsValue, options: &JsValue, memory_limit: f64) -> Result<Self> {
        let len = read::count(len).of("options.byteLength")?;
        let (open, limits) = options::open_options(options, memory_limit)?;
        let bytes = RefCell::new(room(len, &limits)?);
        Ok(Self { bytes, at: Cell::new(0), open, limits })
    }

    /// Takes the next bytes.
    pub fn push(&self, chunk: &JsValue) -> Result<()> {
        let chunk = read::bytes(chunk).of("stream")?;
        let mut bytes = self.bytes.try_borrow_mut().map_err(|_| Error::Broken)?;
        let (at, end) = (self.at.get(), self.at.get().saturating_add(chunk.length() as usize));
        let Some(room) = bytes.fill_in().get_mut(at..end) else {
            return damaged("is longer than was said");
        };
        chunk.copy_to(room);
        self.at.set(end);
        Ok(())
    }

    /// The store of what came, once.
    pub fn open(&self) -> Result<Store> {
        let bytes = self.bytes.replace(Bytes::zeroed(0)?);
        if self.at.get() < bytes.len() {
            return damaged("ends before it was said to");
        }
        Store::of_snapshot(bytes, &self.open, &self.limits)
    }
}

/// Room for a snapshot of so many bytes, which the store then lies in.
pub(crate) fn room(needed: usize, limits: &LimitOptions) -> Result<Bytes> {
    match limits.memory {
        max if needed > max => Err(CoreError::MemoryLimit { max, needed }.into()),
        _ => Ok(Bytes::zeroed(needed)?),
    }
}

fn damaged<T>(reason: &'static str) -> Result<T> {
    Err(CoreError::Corrupt { section: "stream", reason }.into())
}
