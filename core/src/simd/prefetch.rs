//! Asking for memory ahead of its use: every processor of these architectures can, and none needs
//! to be asked for it. WebAssembly cannot; there a load whose value nobody waits for does nearly as
//! well, on word vectors a sixth more searches a second.
#![cfg_attr(
    all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)),
    expect(unsafe_code, reason = "prefetch, which older compilers call unsafe")
)]

use std::hint::black_box;

/// Bytes in a cache line, and in a block.
pub(super) const LINE: usize = 64;

/// Asks for the first `lines` cache lines of a slice; `load` is how one of its items is loaded.
#[inline(always)]
pub(crate) fn prefetch_lines<T>(items: &[T], lines: usize, load: impl Fn(&T) -> u32) {
    for line in 0..lines {
        if cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) {
            prefetch_line(items, line);
        } else if let Some(item) = items.get(line * LINE / size_of::<T>()) {
            black_box(load(item));
        }
    }
}

/// Asks for one line of a slice, counted from its start, where there is an instruction for it.
#[inline(always)]
pub(super) fn prefetch_line<T>(row: &[T], line: usize) {
    prefetch(row.as_ptr().cast::<u8>().wrapping_add(line * LINE));
}

/// Asks for the cache line at `address`, which may be anything.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
#[expect(clippy::allow_attributes, reason = "the oldest supported compiler needs the block")]
#[allow(unused_unsafe, reason = "newer compilers know that prefetch is safe")]
fn prefetch(address: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a prefetch of any address does nothing that a program can observe.
    unsafe {
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
}

/// Asks for the cache line at `address`, which may be anything.
#[cfg(all(target_arch = "aarch64", not(miri)))]
#[inline(always)]
fn prefetch(address: *const u8) {
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
fn prefetch(_address: *const u8) {}
