//! What rows are made of: plain values, and atomics in their place.

#![expect(unsafe_code, reason = "what may be read as what is known here alone")]

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use bytemuck::Pod;

use crate::simd::Code;

/// What rows are made of, as readers see it.
///
/// # Safety
///
/// `Plain` has the same layout, and every value of it is one of the type itself. Both together
/// are `Send` and `Sync`.
pub(crate) unsafe trait Shared: Send + Sync + 'static {
    /// The same as the writer fills in.
    type Plain: Pod + Send + Sync;

    /// The value of this moment.
    fn plain(&self) -> Self::Plain;
}

macro_rules! shared {
    ($($seen:ty: $plain:ty, $read:expr);*) => {$(
        // SAFETY: a type is its own plain form, and an atomic has the layout and the values of
        // its integer.
        unsafe impl Shared for $seen {
            type Plain = $plain;

            #[inline(always)]
            fn plain(&self) -> $plain {
                $read(self)
            }
        }
    )*};
}

shared! {
    u8: u8, |value: &u8| *value;
    f32: f32, |value: &f32| *value;
    Code: Code, |value: &Code| *value;
    u16: u16, |value: &u16| *value;
    u32: u32, |value: &u32| *value;
    u64: u64, |value: &u64| *value;
    AtomicU32: u32, |value: &Self| value.load(Ordering::Relaxed);
    AtomicU64: u64, |value: &Self| value.load(Ordering::Relaxed)
}
