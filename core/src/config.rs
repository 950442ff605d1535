//! How an index is built and searched.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::metric::DistanceMetric;

/// The settings of an index. The default is [`balanced`](Self::balanced).
///
/// The presets say what they reach on 340,479 word vectors of 100 dimensions under the cosine
/// (`GloVe`, a hard set: neighbors are far), recall@10 on queries that are not in the index, one
/// thread that searches and two that build, on a server of 2025 with AVX-512. On 960,000 image
/// features of 128 dimensions (SIFT) an ef of 100 finds 0.985 of the nearest.
///
/// ```
/// use vicino_core::{DistanceMetric, HnswConfig};
///
/// let config = HnswConfig::balanced().with_distance_metric(DistanceMetric::Euclidean);
/// assert!(config.validate().is_ok());
/// let error = config.with_max_connections(1).validate().unwrap_err();
/// assert_eq!(error.code(), "invalid_config");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct HnswConfig {
    /// The metric. Default: cosine.
    pub distance_metric: DistanceMetric,
    /// Links of a slot in the upper layers, m of the paper; the ground layer has twice as many.
    /// 4 to 128; default 16, a list of two cache lines.
    #[doc(alias = "m")]
    pub max_connections: usize,
    /// Candidates that are looked at when a slot is linked, up to 4,096 and at least
    /// `max_connections`; default 200, the field's usual value.
    pub ef_construction: usize,
    /// Candidates of a search that names no number, 1 to 65,536; default 100.
    pub ef_search: usize,
    /// The most layers, 1 to 16; default 16, more than 2^31 slots need at 4 connections.
    pub nb_layers: usize,
    /// Decides the layers of slots: the same seed and calls give the same graph. Default 0.
    pub seed: u64,
    /// What a search compares first. Default: 7-bit codes.
    pub quantization: Quantization,
    /// What is kept of the vectors beside their codes. Default: all of it.
    pub exact: Exact,
    /// Up to so many vectors an index is a scan, which is exact; one more, and it becomes a graph.
    /// 1 to 1,000,000. Default none, which stands for as many as fill a megabyte with codes, 1,024
    /// to 10,000: there a scan takes as long as a walk.
    pub promotion_size: Option<usize>,
}

/// The most candidates of a search.
pub(crate) const EF_MAX: usize = 65_536;

/// What a search through the graph compares.
///
/// ```
/// use vicino_core::{HnswConfig, Quantization};
///
/// let config = HnswConfig::balanced().with_quantization(Quantization::None);
/// assert_eq!(serde_json::to_value(&config)?["quantization"], "none");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Quantization {
    /// 7-bit codes, a quarter of the bytes; the best are then compared on the exact vectors. The
    /// default, because a search waits for memory.
    #[default]
    Int8,
    /// The exact vectors.
    None,
}

/// What is kept of the vectors for the second look at the best that a search found.
///
/// ```
/// use vicino_core::{Exact, HnswConfig, Quantization};
///
/// let config = HnswConfig::balanced().with_exact(Exact::F16);
/// assert!(config.validate().is_ok());
/// let without_codes = config.with_quantization(Quantization::None);
/// assert_eq!(without_codes.validate().unwrap_err().code(), "conflicting_config");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Exact {
    /// The vectors as they are, four bytes a value. The default: distances are exact.
    #[default]
    F32,
    /// Each value as the nearest of 16 bits, two bytes: distances are off by some 0.1 %,
    /// recall by a twentieth of a percent.
    F16,
    /// Nothing beyond the codes: distances are theirs, and the order of near neighbors too. On the
    /// word vectors of [`HnswConfig`] recall is 0.918 instead of 0.952, at half the bytes.
    None,
}

impl HnswConfig {
    /// 16 connections, 200 candidates to build with, 100 to search with, 7-bit codes.
    ///
    /// Measured: recall 0.914 at 19,000 queries a second, built in 30 s, 300 bytes a vector beside
    /// the exact one.
    #[must_use]
    pub fn balanced() -> Self {
        Self {
            distance_metric: DistanceMetric::Cosine,
            max_connections: 16,
            ef_construction: 200,
            ef_search: 100,
            nb_layers: 16,
            seed: 0,
            quantization: Quantization::Int8,
            exact: Exact::F32,
            promotion_size: None,
        }
    }

    /// Half the links, in one cache line, and half the work of building: for what is searched
    /// seldom, or changes often.
    ///
    /// Measured: recall 0.747 at 23,000 queries a second, built in 14 s, 240 bytes a vector.
    #[must_use]
    pub fn fast() -> Self {
        Self { max_connections: 8, ef_construction: 100, ef_search: 64, ..Self::balanced() }
    }

    /// Half as many links again, and twice the work of building: for what is built once and must
    /// miss next to nothing.
    ///
    /// Measured: recall 0.983 at 4,800 queries a second, built in 64 s, 370 bytes a vector.
    #[must_use]
    pub fn accurate() -> Self {
        Self { max_connections: 24, ef_construction: 400, ef_search: 256, ..Self::balanced() }
    }

    /// Balanced, with more candidates a search: for serving queries of people, where a
    /// millisecond is nothing and a missed answer is seen.
    ///
    /// Measured: recall 0.952 at 7,500 to 11,000 queries a second, built as balanced is.
    #[must_use]
    pub fn production() -> Self {
        Self { ef_search: 200, ..Self::balanced() }
    }

    /// Sets the metric.
    #[must_use]
    pub fn with_distance_metric(mut self, distance_metric: DistanceMetric) -> Self {
        self.distance_metric = distance_metric;
        self
    }

    /// Sets the links of a slot.
    #[must_use]
    pub fn with_max_connections(mut self, max_connections: usize) -> Self {
        self.max_connections = max_connections;
        self
    }

    /// Sets the candidates that are looked at when a slot is linked.
    #[must_use]
    pub fn with_ef_construction(mut self, ef_construction: usize) -> Self {
        self.ef_construction = ef_construction;
        self
    }

    /// Sets the candidates of a search that names no number.
    #[must_use]
    pub fn with_ef_search(mut self, ef_search: usize) -> Self {
        self.ef_search = ef_search;
        self
    }

    /// Sets the most layers.
    #[must_use]
    pub fn with_nb_layers(mut self, nb_layers: usize) -> Self {
        self.nb_layers = nb_layers;
        self
    }

    /// Sets the seed.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets what a search compares.
    #[must_use]
    pub fn with_quantization(mut self, quantization: Quantization) -> Self {
        self.quantization = quantization;
        self
    }

    /// Sets what is kept of the vectors beside their codes.
    #[must_use]
    pub fn with_exact(mut self, exact: Exact) -> Self {
        self.exact = exact;
        self
    }

    /// Sets up to how many vectors an index is a scan.
    #[must_use]
    pub fn with_promotion_size(mut self, promotion_size: usize) -> Self {
        self.promotion_size = Some(promotion_size);
        self
    }

    /// Up to how many vectors an index is a scan.
    pub(crate) fn flat_max(&self, dimensions: usize) -> usize {
        let automatic = ((1 << 20) / dimensions.max(1)).clamp(1024, 10_000);
        self.promotion_size.unwrap_or(automatic)
    }

    /// Is every setting within its limits?
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfig`] for the first that is not, [`Error::ConflictingConfig`] for two
    /// that do not go together.
    pub fn validate(&self) -> Result<(), Error> {
        let limits = [
            ("max_connections", self.max_connections, 4..=128),
            ("ef_construction", self.ef_construction, self.max_connections..=4096),
            ("ef_search", self.ef_search, 1..=EF_MAX),
            ("nb_layers", self.nb_layers, 1..=16),
            ("promotion_size", self.promotion_size.unwrap_or(1), 1..=1_000_000),
        ];
        for (field, found, limits) in limits {
            if !limits.contains(&found) {
                let (min, max) = limits.into_inner();
                return Err(Error::InvalidConfig { field, min, max, found });
            }
        }
        if self.quantization == Quantization::None && self.exact != Exact::F32 {
            return Err(Error::ConflictingConfig {
                first: "quantization: none",
                second: "exact: f16 or none",
            });
        }
        Ok(())
    }
}

impl Default for HnswConfig {
    fn default() -> Self {
        Self::balanced()
    }
}
