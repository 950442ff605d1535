//! What an instruction set must offer: one cache line of floats, one of bytes, and their sums.
//!
//! A block is 64 bytes everywhere: sixteen `f32`, sixty-four codes or eight words. A set with
//! narrower registers holds a block in several, so that the order of float additions is the same
//! on all: lane `i` adds the elements `i`, `i + 16`, `i + 32`, ...; at the end the upper half of
//! the lanes is added onto the lower half until one is left. No operation here fuses a multiply
//! with an add. A value of the implementing type proves that the CPU has the set, which makes all
//! methods safe.

/// The operations of one instruction set.
#[expect(unnameable_types, reason = "sealed: core alone writes instruction sets")]
pub trait Lanes: Copy {
    /// Sixteen `f32`.
    type Floats: Copy;
    /// Sixty-four bytes: codes, signed bytes, or words of bits.
    type Bytes: Copy;
    /// Partial integer sums; only their total has a meaning.
    type Counts: Copy;

    /// How many rows a batch folds side by side: 4 where their sums have registers, else 1.
    const ROWS: usize;

    /// Runs `operation`, compiled with the instruction set that `self` proves.
    fn run<O: Operation>(self, operation: O) -> O::Output;

    fn load_floats(self, block: &[f32; 16]) -> Self::Floats;

    /// Loads fewer than sixteen floats; the other lanes are zero.
    #[inline(always)]
    fn load_floats_tail(self, tail: &[f32]) -> Self::Floats {
        let mut block = [0.0; 16];
        block[..tail.len()].copy_from_slice(tail);
        self.load_floats(&block)
    }

    fn add(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    fn sub(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    fn mul(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    fn abs(self, a: Self::Floats) -> Self::Floats;

    /// The lanes added by halves: 16 to 8, 8 to 4, 4 to 2, 2 to 1.
    fn sum_floats(self, lanes: Self::Floats) -> f32;

    fn load_bytes(self, block: &[u8; 64]) -> Self::Bytes;

    /// Loads fewer than sixty-four bytes; the others are zero.
    #[inline(always)]
    fn load_bytes_tail(self, tail: &[u8]) -> Self::Bytes {
        let mut block = [0; 64];
        block[..tail.len()].copy_from_slice(tail);
        self.load_bytes(&block)
    }

    fn xor(self, a: Self::Bytes, b: Self::Bytes) -> Self::Bytes;

    /// `|a - b|` for each pair of 7-bit codes.
    fn abs_difference(self, a: Self::Bytes, b: Self::Bytes) -> Self::Bytes;

    /// The number of ones in each byte.
    fn count_ones(self, a: Self::Bytes) -> Self::Bytes;

    fn no_counts(self) -> Self::Counts;

    /// Adds all bytes, each at most 127, to the sums.
    fn add_bytes(self, sums: Self::Counts, bytes: Self::Bytes) -> Self::Counts;

    /// Adds the products of 7-bit codes with signed bytes to the sums.
    fn add_products(
        self,
        sums: Self::Counts,
        codes: Self::Bytes,
        signed: Self::Bytes,
    ) -> Self::Counts;

    /// Adds `(a - b)^2` for each pair of 7-bit codes to the sums.
    #[inline(always)]
    fn add_squares(self, sums: Self::Counts, a: Self::Bytes, b: Self::Bytes) -> Self::Counts {
        let difference = self.abs_difference(a, b);
        self.add_products(sums, difference, difference)
    }

    fn sum_counts(self, sums: Self::Counts) -> i32;
}

/// Work that is generic over the instruction set.
#[expect(unnameable_types, reason = "sealed: core alone runs work on lanes")]
pub trait Operation {
    type Output;

    /// Implementations are `#[inline(always)]`, so that they are compiled with the set's features.
    fn run<L: Lanes>(self, lanes: L) -> Self::Output;
}
