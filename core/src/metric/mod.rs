//! The metrics a user chooses from, and the kernels under them.
//!
//! Each kernel is a file; a metric is a variant, a row of `ALL` and its arms below. `tests` holds
//! the formulas.

mod dot;
mod hamming;
mod manhattan;
mod squared_euclidean;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::simd::check_lengths;
pub use dot::Dot;
pub use hamming::Hamming;
pub use manhattan::Manhattan;
pub use squared_euclidean::SquaredEuclidean;

/// How the likeness of two vectors is measured.
///
/// A *distance* is the metric's own number, smaller is nearer; a *score* is the number that
/// results are ranked by, larger is always better.
///
/// | metric | distance | score |
/// |---|---|---|
/// | `Cosine` | `1 - cos(a, b)`, 0 to 2 | `cos(a, b)`, -1 to 1 |
/// | `Euclidean` | `sqrt(sum((a - b)^2))` | `1 / (1 + distance)`, 0 to 1 |
/// | `InnerProduct` | `-sum(a * b)` | `sum(a * b)` |
/// | `Manhattan` | `sum(abs(a - b))` | `1 / (1 + distance)`, 0 to 1 |
///
/// ```
/// use vicino_core::DistanceMetric::{Cosine, InnerProduct};
///
/// let (a, b) = ([3.0, 0.0], [2.0, 0.0]);
/// assert_eq!(Cosine.score(Cosine.distance(&a, &b)?), 1.0);
/// assert_eq!(InnerProduct.score(InnerProduct.distance(&a, &b)?), 6.0);
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DistanceMetric {
    /// The angle between vectors; their lengths do not matter. The default, because nearly all
    /// embedding models are trained for it.
    #[default]
    Cosine,
    /// The straight line between two points.
    #[doc(alias = "l2")]
    Euclidean,
    /// The product of the vectors as they are; longer vectors score higher.
    #[doc(alias = "dot")]
    InnerProduct,
    /// The way along the axes.
    #[doc(alias = "l1")]
    Manhattan,
}

impl DistanceMetric {
    /// Every metric.
    pub const ALL: &[Self] = &[Self::Cosine, Self::Euclidean, Self::InnerProduct, Self::Manhattan];

    /// The name in JSON, in JavaScript and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::Euclidean => "euclidean",
            Self::InnerProduct => "inner_product",
            Self::Manhattan => "manhattan",
        }
    }

    /// The number in files. It never changes and is never used again.
    #[must_use]
    pub fn tag(self) -> u8 {
        match self {
            Self::Cosine => 0,
            Self::Euclidean => 1,
            Self::InnerProduct => 2,
            Self::Manhattan => 3,
        }
    }

    /// The metric with this number, if there is one.
    #[must_use]
    pub fn from_tag(tag: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|metric| metric.tag() == tag)
    }

    /// The score of a distance of this metric: larger is better, whatever the metric.
    #[must_use]
    pub fn score(self, distance: f32) -> f32 {
        match self {
            Self::Cosine => 1.0 - distance,
            Self::InnerProduct => 0.0 - distance, // no negative zero
            Self::Euclidean | Self::Manhattan => 1.0 / (1.0 + distance),
        }
    }

    /// The distance between two vectors of the same length by the metric's formula, computed in
    /// `f64` and rounded once, in O(d).
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] and [`Error::TooManyDimensions`] for lengths,
    /// [`Error::NotFinite`] for a NaN or an infinity, [`Error::NormTooLarge`] for a vector whose
    /// distances could overflow, [`Error::ZeroNorm`] for a zero vector under
    /// [`Cosine`](Self::Cosine).
    pub fn distance(self, a: &[f32], b: &[f32]) -> Result<f32, Error> {
        check_lengths(a.len(), &[b])?;
        let (norm_a, norm_b) = (squared_norm(a)?, squared_norm(b)?);
        let distance = match self {
            Self::Cosine if norm_a == 0.0 || norm_b == 0.0 => return Err(Error::ZeroNorm),
            Self::Cosine => {
                let cosine = sum(a, b, |a, b| a * b) / (norm_a.sqrt() * norm_b.sqrt());
                1.0 - cosine.clamp(-1.0, 1.0)
            }
            Self::Euclidean => sum(a, b, |a, b| (a - b) * (a - b)).sqrt(),
            Self::InnerProduct => 0.0 - sum(a, b, |a, b| a * b), // no negative zero
            Self::Manhattan => sum(a, b, |a, b| (a - b).abs()),
        };
        #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest")]
        Ok(distance as f32)
    }
}

impl fmt::Display for DistanceMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DistanceMetric {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let found = Self::ALL.iter().find(|metric| metric.name() == name);
        found.copied().ok_or_else(|| Error::UnknownMetric { name: name.to_owned() })
    }
}

/// The largest squared norm: an eighth of what `f32` holds, so that the squared distance of two
/// such vectors, up to four times as large, leaves room for its roundings.
const SQUARED_NORM_MAX: f64 = (f32::MAX / 8.0) as f64;

/// The squared norm of a vector that may be stored or searched for.
pub(crate) fn squared_norm(vector: &[f32]) -> Result<f64, Error> {
    if let Some(position) = vector.iter().position(|value| !value.is_finite()) {
        return Err(Error::NotFinite { position });
    }
    let found = sum(vector, vector, |a, b| a * b);
    if found > SQUARED_NORM_MAX {
        return Err(Error::NormTooLarge { max: SQUARED_NORM_MAX, found });
    }
    Ok(found)
}

/// The sum of a term over all pairs in `f64`, in the order of the kernels: sixteen sums, then by
/// halves.
fn sum(a: &[f32], b: &[f32], term: impl Fn(f64, f64) -> f64) -> f64 {
    let mut sums = [0.0; 16];
    for (a, b) in a.chunks(16).zip(b.chunks(16)) {
        for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
            *sum += term(f64::from(a), f64::from(b));
        }
    }
    for width in [8, 4, 2, 1] {
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
    }
    sums[0]
}

#[cfg(test)]
mod tests;
