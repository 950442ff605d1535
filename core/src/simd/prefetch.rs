//! Asking for memory ahead of its use: every processor of these architectures can, and none needs
//! to be asked for it.
#![cfg_attr(
    all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)),
    expect(unsafe_code, reason = "prefetch, which older compilers call unsafe")
)]

/// Asks for the cache line at `address`, which may be anything.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
#[expect(clippy::allow_attributes, reason = "the oldest supported compiler needs the block")]
#[allow(unused_unsafe, reason = "newer compilers know that prefetch is safe")]
pub(super) fn prefetch(address: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a prefetch of any address does nothing that a program can observe.
    unsafe {
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
}

/// Asks for the cache line at `address`, which may be anything.
#[cfg(all(target_arch = "aarch64", not(miri)))]
#[inline(always)]
pub(super) fn prefetch(address: *const u8) {
    // SAFETY: a prefetch of any address does nothing that a program can observe.
    unsafe {
        std::arch::asm!(
            "prfm pldl1keep, [{address}]",
            address = in(reg) address,
            options(nostack, preserves_flags, readonly),
        );
    }
}

/// Does nothing: neither engines of WebAssembly nor interpreters ask ahead.
#[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
#[inline(always)]
pub(super) fn prefetch(_address: *const u8) {}
