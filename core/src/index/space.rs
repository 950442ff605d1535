//! Vectors as a metric sees them: checked, scaled, and placed where a graph can compare them.
//!
//! The graph knows no inner products: a vector x becomes (x, sqrt(M^2 - |x|^2)) with M the longest
//! length at promotion, a query q becomes (q, 0) scaled to length M, and the Euclidean distance of
//! the two falls as their product rises (Bachrach et al., "Speeding up the Xbox recommender
//! system using a Euclidean transformation for inner-product spaces", 2014). A longer vector that
//! comes later is placed as if it had that length, and ranked by every search, until there are so
//! many that the graph is made anew. So pruning sees true distances under every metric, and one
//! alpha serves all.

use crate::error::Error;
use crate::metric::{DistanceMetric, squared_norm};

/// A metric on vectors of a number of dimensions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Space {
    pub(super) metric: DistanceMetric,
    pub(super) dimensions: usize,
}

impl Space {
    /// How many dimensions a graph has for these vectors.
    pub(super) fn placed_dimensions(self) -> usize {
        self.dimensions + usize::from(self.metric == DistanceMetric::InnerProduct)
    }

    /// The norm of a vector that has distances under the metric.
    pub(super) fn norm(self, vector: &[f32]) -> Result<f64, Error> {
        let norm = squared_norm(vector)?.sqrt();
        let zero = norm == 0.0 && self.metric == DistanceMetric::Cosine;
        if zero { Err(Error::ZeroNorm) } else { Ok(norm) }
    }

    /// The norm of a query of the right length.
    pub(super) fn check_query(self, query: &[f32]) -> Result<f64, Error> {
        if query.len() != self.dimensions {
            let (expected, found) = (self.dimensions, query.len());
            return Err(Error::DimensionMismatch { expected, found });
        }
        self.norm(query)
    }

    /// Copies a vector; under the cosine scaled to length one, in `f64` so that it is the same
    /// everywhere.
    pub(super) fn scale(self, vector: &[f32], norm: f64, to: &mut Vec<f32>) {
        to.clear();
        if self.metric != DistanceMetric::Cosine {
            return to.extend_from_slice(vector);
        }
        #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest")]
        to.extend(vector.iter().map(|&value| (f64::from(value) / norm) as f32));
    }

    /// A scaled vector as the graph places it, where the longest has this length.
    pub(super) fn place(self, vector: &[f32], longest: f64, placed: &mut Vec<f32>) {
        placed.clear();
        placed.extend_from_slice(vector);
        if self.metric == DistanceMetric::InnerProduct {
            let square = squared_norm(vector).unwrap_or(0.0);
            let rest = longest * longest - square;
            if rest < 0.0 {
                let scale = longest / square.sqrt();
                #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest")]
                placed.iter_mut().for_each(|value| *value = (f64::from(*value) * scale) as f32);
            }
            #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest")]
            placed.push(if rest > 0.0 { rest.sqrt() as f32 } else { 0.0 });
        }
    }

    /// A scaled query as it is sent into the graph.
    pub(super) fn aim(self, query: &[f32], norm: f64, longest: f64, aimed: &mut Vec<f32>) {
        aimed.clear();
        aimed.extend_from_slice(query);
        if self.metric == DistanceMetric::InnerProduct {
            let scale = if norm > 0.0 { longest / norm } else { 0.0 };
            #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest")]
            aimed.iter_mut().for_each(|value| *value = (f64::from(*value) * scale) as f32);
            aimed.push(0.0);
        }
    }

    /// The metric's distance from an exact kernel's total.
    pub(super) fn distance(self, total: f32) -> f32 {
        match self.metric {
            DistanceMetric::Cosine => (1.0 - total).clamp(0.0, 2.0),
            DistanceMetric::Euclidean => total.sqrt(),
            DistanceMetric::InnerProduct => 0.0 - total,
            DistanceMetric::Manhattan => total,
        }
    }

    /// No less than the total of placed vectors, for a query of this norm and a vector whose kept
    /// form, perhaps of `halves`, is at this distance from it.
    pub(super) fn placed_total_max(
        self,
        distance: f32,
        norm: f64,
        longest: f64,
        halves: bool,
    ) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "dimensions are few")]
        let dimensions = self.dimensions as f64;
        // The smallest halves are steps of 2^-24: a vector of them is off by this length.
        let tiny = if halves { dimensions.sqrt() / f64::from(1 << 24) } else { 0.0 };
        let distance = f64::from(distance)
            + tiny
                * match self.metric {
                    DistanceMetric::Cosine | DistanceMetric::Euclidean => 1.0,
                    DistanceMetric::InnerProduct => norm,
                    DistanceMetric::Manhattan => dimensions.sqrt(),
                };
        // The total, and how large the numbers are that were added up for it.
        let (total, scale) = match self.metric {
            DistanceMetric::Cosine => (2.0 * distance, 1.0),
            DistanceMetric::Euclidean => (distance * distance, norm * norm),
            DistanceMetric::InnerProduct => {
                let square = longest * longest;
                (2.0 * (distance * longest / norm + square), square)
            }
            DistanceMetric::Manhattan => (distance, norm * dimensions.sqrt()),
        };
        // A sum is off by less than one rounding for each of its terms. A half is off by 2^-11 of
        // itself, which counts twice in the square of a difference, and twice as much to be sure.
        let roundings = (dimensions + 16.0) / f64::from(1 << 24);
        let off = roundings + if halves { 1.0 / 512.0 } else { 0.0 };
        total + (total + scale) * off
    }

    /// The metric's distance from a total of placed vectors, for a query of this norm.
    pub(super) fn placed_distance(self, total: f64, norm: f64, longest: f64) -> f32 {
        let distance = match self.metric {
            // Of unit vectors: |a - b|^2 = 2 - 2 a.b
            DistanceMetric::Cosine => (total / 2.0).clamp(0.0, 2.0),
            DistanceMetric::Euclidean => total.sqrt(),
            // Of vectors of length M: |a - b|^2 = 2 M^2 - 2 a.b, with a = q M / |q|
            DistanceMetric::InnerProduct if longest > 0.0 => {
                (total / 2.0 - longest * longest) * norm / longest
            }
            DistanceMetric::InnerProduct => 0.0,
            DistanceMetric::Manhattan => total,
        };
        #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest")]
        let distance = distance as f32;
        distance
    }
}
