//! Snapshots on their way out and in.

use std::cell::RefCell;

use js_sys::Uint8Array;
use vicino_core::{Bytes, Error as CoreError, Sink, Snapshot};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::{Error, Of as _, Result};
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
    arriving: RefCell<Arriving>,
}

#[derive(Debug)]
struct Arriving {
    bytes: Bytes,
    at: usize,
}

#[wasm_bindgen]
impl Incoming {
    /// Room for so many bytes.
    #[wasm_bindgen(constructor)]
    pub fn new(len: &JsValue) -> Result<Self> {
        let len = read::count(len).of("byteLength")?;
        if len > isize::MAX as usize {
            return Err(CoreError::OutOfMemory { bytes: len }.into());
        }
        let bytes = Bytes::zeroed(len)?;
        Ok(Self { arriving: RefCell::new(Arriving { bytes, at: 0 }) })
    }

    /// Takes the next bytes.
    pub fn push(&self, chunk: &JsValue) -> Result<()> {
        let chunk = read::bytes(chunk).of("stream")?;
        let mut arriving = self.arriving.try_borrow_mut().map_err(|_| Error::Broken)?;
        let Arriving { bytes, at } = &mut *arriving;
        let end = at.saturating_add(chunk.length() as usize);
        let Some(room) = bytes.fill_in().get_mut(*at..end) else {
            let (section, reason) = ("stream", "is longer than was said");
            return Err(CoreError::Corrupt { section, reason }.into());
        };
        chunk.copy_to(room);
        *at = end;
        Ok(())
    }

    /// The store of what came.
    pub fn open(self, options: &JsValue, memory_limit: f64) -> Result<Store> {
        let Arriving { bytes, at } = self.arriving.into_inner();
        if at < bytes.len() {
            let (section, reason) = ("stream", "ends before it was said to");
            return Err(CoreError::Corrupt { section, reason }.into());
        }
        Store::of_snapshot(bytes, options, memory_limit)
    }
}
