//! What a row is made of, and how a row is cut into blocks of one cache line.

use std::fmt;

use super::lanes::Lanes;
use crate::error::Error;

/// The most elements a row may have: the sum of so many products of bytes is exact in 32 bits.
pub const DIMENSIONS_MAX: usize = 1 << 16;

/// The type of a row's elements: `f32`, [`Code`], `i8` or `u64`. The trait is sealed.
pub trait Element: Blocks {
    /// What a kernel's sums add up to: `f32` on `f32`, `i32` on everything that is counted.
    type Total: Copy + Default + PartialOrd + fmt::Debug;
}

/// A 7-bit code, 0 to 127: one dimension of a quantized vector.
///
/// Seven bits, so that one kernel is exact on every instruction set: products with signed bytes
/// never saturate the 16-bit sums that most of them go through. A larger byte that got in by a
/// cast (the type is plain old data) does no harm but to the numbers: they differ between sets.
///
/// ```
/// use vicino_core::kernel::Code;
///
/// let codes = Code::slice(&[0, 64, 127])?;
/// assert_eq!(codes[2].get(), 127);
/// assert_eq!(Code::slice(&[1, 200]).unwrap_err().code(), "code_out_of_range");
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, bytemuck::Pod, bytemuck::Zeroable,
)]
#[repr(transparent)]
pub struct Code(u8);

impl Code {
    /// The largest code.
    pub const MAX: Self = Self(127);

    /// The code of this number, up to 127.
    #[must_use]
    pub fn new(number: u8) -> Option<Self> {
        (number <= Self::MAX.0).then_some(Self(number))
    }

    /// The bytes as codes, in place.
    ///
    /// # Errors
    ///
    /// [`Error::CodeOutOfRange`] for the first byte over 127.
    pub fn slice(bytes: &[u8]) -> Result<&[Self], Error> {
        match bytes.iter().position(|&byte| byte > Self::MAX.0) {
            Some(position) => Err(Error::CodeOutOfRange { position, found: bytes[position] }),
            None => Ok(bytemuck::must_cast_slice(bytes)),
        }
    }

    /// The code as a number.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }
}

/// The private half of [`Element`]: blocks, and the sums that fold them.
#[expect(unnameable_types, reason = "sealed: core alone says what a row is made of")]
pub trait Blocks: Copy + 'static {
    /// The elements of one block, 64 bytes.
    type Array: 'static;
    /// A block in registers.
    type Block<L: Lanes>: Copy;
    /// What blocks are folded into.
    type Sums<L: Lanes>: Copy;

    fn split(row: &[Self]) -> (&[Self::Array], &[Self]);
    fn load<L: Lanes>(lanes: L, array: &Self::Array) -> Self::Block<L>;
    fn load_tail<L: Lanes>(lanes: L, tail: &[Self]) -> Self::Block<L>;
    fn no_sums<L: Lanes>(lanes: L) -> Self::Sums<L>;
    fn total<L: Lanes>(lanes: L, sums: Self::Sums<L>) -> Self::Total
    where
        Self: Element;
}

impl Element for f32 {
    type Total = Self;
}

impl Blocks for f32 {
    type Array = [Self; 16];
    type Block<L: Lanes> = L::Floats;
    type Sums<L: Lanes> = L::Floats;

    #[inline(always)]
    fn split(row: &[Self]) -> (&[Self::Array], &[Self]) {
        row.as_chunks()
    }

    #[inline(always)]
    fn load<L: Lanes>(lanes: L, array: &Self::Array) -> L::Floats {
        lanes.load_floats(array)
    }

    #[inline(always)]
    fn load_tail<L: Lanes>(lanes: L, tail: &[Self]) -> L::Floats {
        lanes.load_floats_tail(tail)
    }

    #[inline(always)]
    fn no_sums<L: Lanes>(lanes: L) -> L::Floats {
        lanes.load_floats(&[0.0; 16])
    }

    #[inline(always)]
    fn total<L: Lanes>(lanes: L, sums: L::Floats) -> Self {
        lanes.sum_floats(sums)
    }
}

/// Elements whose kernels count: sixty-four bytes a block, integer sums.
macro_rules! counted {
    ($($element:ty),*) => {$(
        impl Element for $element {
            type Total = i32;
        }

        impl Blocks for $element {
            type Array = [Self; 64 / size_of::<$element>()];
            type Block<L: Lanes> = L::Bytes;
            type Sums<L: Lanes> = L::Counts;

            #[inline(always)]
            fn split(row: &[Self]) -> (&[Self::Array], &[Self]) {
                row.as_chunks()
            }

            #[inline(always)]
            fn load<L: Lanes>(lanes: L, array: &Self::Array) -> L::Bytes {
                lanes.load_bytes(bytemuck::must_cast_ref(array))
            }

            #[inline(always)]
            fn load_tail<L: Lanes>(lanes: L, tail: &[Self]) -> L::Bytes {
                lanes.load_bytes_tail(bytemuck::must_cast_slice(tail))
            }

            #[inline(always)]
            fn no_sums<L: Lanes>(lanes: L) -> L::Counts {
                lanes.no_counts()
            }

            #[inline(always)]
            fn total<L: Lanes>(lanes: L, sums: L::Counts) -> i32 {
                lanes.sum_counts(sums)
            }
        }
    )*};
}

counted!(Code, i8, u64);
