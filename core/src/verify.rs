//! Checks that anyone can run: do this machine's kernels, and the indexes that are built with them,
//! give the bits that all others give?
//!
//! Every kernel runs beside its scalar twin over values that are easy to get wrong (subnormal,
//! huge, signed zeros, extreme codes), lengths around every block edge and unaligned starts. The
//! digest of all results is the same number on every machine, and so is that of a few indexes'
//! graphs and answers; `tests/golden/kernels.digest` and `index.digest` keep them, and the suite,
//! the emulated ARM run and the Node tests compare them.

use crate::config::{HnswConfig, Quantization};
use crate::error::Error;
use crate::graph::{Searcher, Serial};
use crate::index::HnswIndex;
use crate::metric::{DistanceMetric, Dot, Hamming, Manhattan, SquaredEuclidean};
use crate::mix::{STEP, mix};
use crate::simd::{Code, Element, Isa, Kernel, Simd};

/// Runs every kernel on `simd` and on the scalar set, and returns the digest of the results: the
/// same number on every machine. Takes about 20 ms natively.
///
/// ```
/// use vicino_core::{Isa, Simd, kernel::verify};
///
/// assert_eq!(verify(Simd::detect())?, verify(Simd::new(Isa::Scalar)?)?);
/// # Ok::<(), vicino_core::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::KernelMismatch`] for the first result that is not scalar's to the bit.
pub fn verify(simd: Simd) -> Result<u64, Error> {
    let edges = 0..=130;
    let models = [384, 768, 1536, 3072, LENGTH_MAX];
    verify_lengths(simd, edges.chain(models))
}

/// [`verify`] over rows of the given lengths, each at most [`LENGTH_MAX`].
pub(crate) fn verify_lengths(
    simd: Simd,
    lengths: impl Iterator<Item = usize> + Clone,
) -> Result<u64, Error> {
    let mut twins = Twins::new(simd)?;
    let mut random = Random(0);

    for values in [Random::ordinary, Random::subnormal, Random::huge, Random::mixed] {
        let [a, b] = [(); 2].map(|()| random.pool(values));
        for length in lengths.clone() {
            twins.compare("dot of f32", length, Dot, &a, &b)?;
            twins.compare("squared Euclidean of f32", length, SquaredEuclidean, &a, &b)?;
            twins.compare("Manhattan of f32", length, Manhattan, &a, &b)?;
        }
    }
    for values in [Random::code, Random::extreme_code] {
        let [a, b] = [(); 2].map(|()| random.pool(values));
        let (a, b) = (Code::slice(&a)?, Code::slice(&b)?);
        let signed = random.pool(Random::signed);
        for length in lengths.clone() {
            twins.compare("dot of codes", length, Dot, &signed, b)?;
            twins.compare("squared Euclidean of codes", length, SquaredEuclidean, a, b)?;
            twins.compare("Manhattan of codes", length, Manhattan, a, b)?;
        }
    }
    let [a, b] = [(); 2].map(|()| random.pool(Random::next));
    for length in lengths {
        twins.compare("Hamming", length, Hamming, &a, &b)?;
    }
    Ok(twins.digest.0)
}

/// Builds small indexes of each metric and quantization with `simd`, deletes from them, repairs
/// them and searches them, and returns the digest of their graphs and answers: the same number on
/// every machine. Takes about 0.2 s natively.
///
/// ```
/// use vicino_core::{Isa, Simd, verify_index};
///
/// assert_eq!(verify_index(Simd::detect())?, verify_index(Simd::new(Isa::Scalar)?)?);
/// # Ok::<(), vicino_core::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::OutOfMemory`].
pub fn verify_index(simd: Simd) -> Result<u64, Error> {
    let mut random = Random(0);
    let mut searcher = Searcher::default();
    let mut digest = Digest::default();
    for metric in DistanceMetric::ALL.iter().copied() {
        for quantization in [Quantization::Int8, Quantization::None] {
            let config = HnswConfig::fast()
                .with_distance_metric(metric)
                .with_quantization(quantization)
                .with_promotion_size(100);
            let mut index = HnswIndex::new(config, INDEX_DIMENSIONS, simd)?;
            let mut vectors = |count| -> Vec<f32> {
                (0..count * INDEX_DIMENSIONS).map(|_| random.ordinary()).collect()
            };
            let slots = index.insert(&vectors(500), &Serial)?;
            let deleted: Vec<u32> = slots.into_iter().step_by(3).collect();
            index.delete(&deleted)?;
            while !index.maintain(1000, &Serial).finished {}
            index.insert(&vectors(100), &Serial)?;
            digest.add_long(index.check().digest);
            for query in vectors(20).chunks_exact(INDEX_DIMENSIONS) {
                for found in index.search(query, 10, Some(20), &mut searcher)? {
                    digest.add(found.slot);
                    digest.add(found.distance.to_bits());
                }
            }
        }
    }
    Ok(digest.0)
}

/// Values of the vectors of [`verify_index`]: more than a block of floats, and no whole one.
const INDEX_DIMENSIONS: usize = 20;

/// The longest row.
const LENGTH_MAX: usize = 4096;

/// How many places rows start at: one more than a whole number of groups in a batch.
const STARTS: usize = 9;

/// A set beside scalar, and the digest of what both have given so far.
struct Twins {
    simd: Simd,
    scalar: Simd,
    digest: Digest,
}

impl Twins {
    fn new(simd: Simd) -> Result<Self, Error> {
        Ok(Self { simd, scalar: Simd::new(Isa::Scalar)?, digest: Digest::default() })
    }

    /// Compares pairs at several starts, and a batch that has whole groups and a rest.
    fn compare<K: Kernel<Row>, Row: Element<Total: Bits>>(
        &mut self,
        name: &'static str,
        length: usize,
        kernel: K,
        queries: &[K::Query],
        rows: &[Row],
    ) -> Result<(), Error> {
        let rows: [&[Row]; STARTS] = std::array::from_fn(|start| &rows[start..][..length]);
        let mut totals = rows.map(|_| Row::Total::default());
        self.simd.batch(kernel, &queries[..length], &rows, &mut totals)?;

        for (start, (row, total)) in rows.into_iter().zip(totals).enumerate() {
            let of_batch = self.scalar.pair(kernel, &queries[..length], row)?.bits();
            let shifted = &queries[start..][..length];
            let of_pair = self.scalar.pair(kernel, shifted, row)?.bits();
            if [total.bits(), self.simd.pair(kernel, shifted, row)?.bits()] != [of_batch, of_pair] {
                return Err(Error::KernelMismatch { kernel: name, isa: self.simd.isa(), length });
            }
            self.digest.add(of_batch);
            self.digest.add(of_pair);
        }
        Ok(())
    }
}

/// FNV-1a over whole results.
struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    fn add(&mut self, bits: u32) {
        self.add_long(bits.into());
    }

    fn add_long(&mut self, bits: u64) {
        self.0 = (self.0 ^ bits).wrapping_mul(0x0100_0000_01b3);
    }
}

/// A result as the bits that must be equal.
trait Bits {
    fn bits(self) -> u32;
}

impl Bits for f32 {
    /// The sign and payload of a NaN are the machine's own; that it is one is not.
    fn bits(self) -> u32 {
        if self.is_nan() { u32::MAX } else { self.to_bits() }
    }
}

impl Bits for i32 {
    fn bits(self) -> u32 {
        self.cast_unsigned()
    }
}

/// `SplitMix64`, see [`mix`].
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    fn pool<T>(&mut self, value: fn(&mut Self) -> T) -> Vec<T> {
        (0..LENGTH_MAX + STARTS).map(|_| value(self)).collect()
    }

    fn bits(&mut self) -> u32 {
        (self.next() >> 32) as u32
    }

    /// -1 to 1, as embeddings are.
    fn ordinary(&mut self) -> f32 {
        let integer = self.bits() >> 8; // what an f32 holds exactly
        integer as f32 / (1 << 23) as f32 - 1.0
    }

    fn subnormal(&mut self) -> f32 {
        f32::from_bits(self.bits() & 0x807f_ffff)
    }

    /// Sums of these overflow.
    fn huge(&mut self) -> f32 {
        self.ordinary() * 1e38
    }

    fn mixed(&mut self) -> f32 {
        match self.next() % 4 {
            0 => self.huge() * 1e-19,
            1 => self.subnormal(),
            2 => 0.0_f32.copysign(self.ordinary()),
            _ => self.ordinary(),
        }
    }

    fn code(&mut self) -> u8 {
        (self.next() >> 57) as u8
    }

    /// 0 or the most: the largest sums that products can reach.
    fn extreme_code(&mut self) -> u8 {
        if self.next().is_multiple_of(8) { 0 } else { Code::MAX.get() }
    }

    fn signed(&mut self) -> i8 {
        if self.next().is_multiple_of(2) {
            i8::MIN
        } else {
            ((self.next() >> 56) as u8).cast_signed()
        }
    }
}
