//! The metrics a user chooses from, and the kernels under them.
//!
//! Each kernel is a file; a metric is a variant, a row of `ALL` and its arms below. The suite
//! compares every metric with its formula in `f64`.

mod dot;
mod hamming;
mod manhattan;
mod squared_euclidean;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Simd, simd};
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
            Self::InnerProduct => -distance,
            Self::Euclidean | Self::Manhattan => 1.0 / (1.0 + distance),
        }
    }

    /// The distance between two vectors of the same length, in O(d).
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] and [`Error::TooManyDimensions`] for lengths,
    /// [`Error::NotFinite`] for a NaN or an infinity, [`Error::NormTooLarge`] where distances
    /// could overflow, and [`Error::ZeroNorm`] for a zero vector under [`Cosine`](Self::Cosine).
    pub fn distance(self, a: &[f32], b: &[f32]) -> Result<f32, Error> {
        let (norm_a, norm_b) = (squared_norm(a)?, squared_norm(b)?);
        let simd = Simd::detect();
        match self {
            Self::Cosine => {
                simd::check_lengths(a.len(), &[b])?;
                if norm_a == 0.0 || norm_b == 0.0 {
                    return Err(Error::ZeroNorm);
                }
                // In f64, because the products of short vectors are nothing in f32.
                let cosine = product(a, b) / (norm_a.sqrt() * norm_b.sqrt());
                Ok(narrow(1.0 - cosine.clamp(-1.0, 1.0)))
            }
            Self::Euclidean => Ok(simd.pair(SquaredEuclidean, a, b)?.sqrt()),
            Self::InnerProduct => Ok(-simd.pair(Dot, a, b)?),
            Self::Manhattan => simd.pair(Manhattan, a, b),
        }
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

/// The sum of products in `f64`, element after element: the same bits on every machine.
fn product(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).fold(0.0, |sum, (&a, &b)| sum + f64::from(a) * f64::from(b))
}

/// The squared norm of a vector whose distances cannot overflow.
fn squared_norm(vector: &[f32]) -> Result<f64, Error> {
    if let Some(position) = vector.iter().position(|value| !value.is_finite()) {
        return Err(Error::NotFinite { position });
    }
    let norm = product(vector, vector);
    if norm > f64::from(f32::MAX / 4.0) { Err(Error::NormTooLarge) } else { Ok(norm) }
}

#[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest f32, as it is meant to")]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests;
