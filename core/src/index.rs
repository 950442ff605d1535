//! One graph over vectors that are numbered in the order they came: the engine without ids,
//! scopes or metadata.
//!
//! An index is born flat, an exact scan. The insert that makes a scan dearer than a walk fits the
//! range of the codes and links the graph. Until then answers are exact; from then on the best
//! that the walk met are compared again on the exact vectors.
//!
//! The graph knows no inner products: a vector x becomes (x, sqrt(M^2 - |x|^2)) with M the longest
//! length at promotion, a query q becomes (q, 0) scaled to length M, and the Euclidean distance of
//! the two falls as their product rises (Bachrach et al., "Speeding up the Xbox recommender
//! system using a Euclidean transformation for inner-product spaces", 2014). A longer vector that
//! comes later is placed as if its last value were zero, and ranked exactly.

use std::ops::Range;

use crate::config::{HnswConfig, Quantization};
use crate::error::Error;
use crate::graph::{
    AnyGraph, Executor, Graph, GraphReport, Int8, Measure, Neighbor, Rows, SLOTS_MAX, Searcher,
    Shape, Stored,
};
use crate::metric::{DistanceMetric, Dot, Manhattan, SquaredEuclidean, squared_norm};
use crate::simd::{Code, DIMENSIONS_MAX, Simd};

/// Vectors under one metric, and the graph that finds the nearest of them.
///
/// Inserting needs the index alone; any number of searches run side by side, each with a
/// [`Searcher`] of its own. The same calls with the same configuration give the same index on
/// every machine and for any number of threads.
///
/// ```
/// use vicino_core::{DistanceMetric, HnswConfig, HnswIndex, Searcher, Serial, Simd};
///
/// let config = HnswConfig::balanced().with_distance_metric(DistanceMetric::Euclidean);
/// let mut index = HnswIndex::new(config, 2, Simd::detect())?;
/// index.insert(&[0.0, 0.0, 3.0, 4.0, 1.0, 0.0], &Serial)?;
///
/// let mut searcher = Searcher::default();
/// let nearest = index.search(&[0.0, 0.0], 2, None, &mut searcher)?;
/// assert_eq!([nearest[0].slot, nearest[1].slot], [0, 2]);
/// assert_eq!(nearest[1].distance, 1.0);
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug)]
pub struct HnswIndex {
    config: HnswConfig,
    simd: Simd,
    dimensions: usize,
    /// The vectors as they are compared: of length one under the cosine.
    exact: Rows<f32>,
    graph: Option<Box<dyn AnyGraph>>,
    /// M: the longest length when the graph was made.
    longest: f64,
}

impl HnswIndex {
    /// An empty index for vectors of `dimensions` values.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfig`] for a setting out of its limits, or for `dimensions`.
    pub fn new(config: HnswConfig, dimensions: usize, simd: Simd) -> Result<Self, Error> {
        config.validate()?;
        // The graph places vectors under the inner product in one dimension more.
        let max = DIMENSIONS_MAX - extra_dimensions(config.distance_metric);
        if !(1..=max).contains(&dimensions) {
            let field = "dimensions";
            return Err(Error::InvalidConfig { field, min: 1, max, found: dimensions });
        }
        Ok(Self {
            config,
            simd,
            dimensions,
            exact: Rows::new(dimensions),
            graph: None,
            longest: 0.0,
        })
    }

    /// Adds vectors, one after the other in `vectors`, and returns their slots. One vector costs
    /// a search of `ef_construction` candidates and its links.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] where the last vector is not whole, [`Error::NotFinite`],
    /// [`Error::ZeroNorm`] and [`Error::NormTooLarge`] for a vector that has no distances,
    /// [`Error::TooManyEntries`] and [`Error::OutOfMemory`]. No vector of the call is then there.
    pub fn insert(
        &mut self,
        vectors: &[f32],
        executor: &dyn Executor,
    ) -> Result<Range<u32>, Error> {
        let rows = vectors.chunks_exact(self.dimensions);
        if !rows.remainder().is_empty() {
            let found = rows.remainder().len();
            return Err(Error::DimensionMismatch { expected: self.dimensions, found });
        }
        let norms = rows.clone().map(|row| self.norm(row)).collect::<Result<Vec<_>, _>>()?;
        let (first, more) = (self.exact.len(), rows.len());
        if first + more > SLOTS_MAX {
            return Err(Error::TooManyEntries { max: SLOTS_MAX });
        }
        self.exact.reserve(more)?;
        if let Some(graph) = &mut self.graph {
            graph.reserve(more)?;
        }
        let promoted = match &self.graph {
            None if first + more > self.flat_max() => {
                self.longest = self.longest(vectors)?;
                let mut graph = self.empty_graph(vectors);
                graph.reserve(first + more)?;
                Some(graph)
            }
            _ => None,
        };

        for (row, norm) in rows.zip(norms) {
            self.exact.push(&[]);
            let stored = &mut self.exact.row_mut(self.exact.len() - 1)[..self.dimensions];
            copy_scaled(row, norm, self.config.distance_metric, stored);
        }
        let unlinked = if promoted.is_some() { 0 } else { first };
        self.graph = promoted.or(self.graph.take());
        if let Some(graph) = &mut self.graph {
            let mut placed = Vec::new();
            for slot in unlinked..self.exact.len() {
                let row = &self.exact.row(slot)[..self.dimensions];
                place(row, self.config.distance_metric, self.longest, &mut placed);
                graph.push(&placed);
            }
            graph.link(executor);
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most SLOTS_MAX")]
        Ok(first as u32..(first + more) as u32)
    }

    /// The `k` nearest vectors, the nearest first; all there are where there are fewer. `ef`
    /// candidates are kept on the way: more find more, and cost more; `None` is the
    /// configuration's, and fewer than `k` are as good as `k`.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`], [`Error::NotFinite`], [`Error::ZeroNorm`] and
    /// [`Error::NormTooLarge`] for the query.
    pub fn search<'s>(
        &self,
        query: &[f32],
        k: usize,
        ef: Option<usize>,
        searcher: &'s mut Searcher,
    ) -> Result<&'s [Neighbor], Error> {
        if query.len() != self.dimensions {
            let (expected, found) = (self.dimensions, query.len());
            return Err(Error::DimensionMismatch { expected, found });
        }
        let norm = self.norm(query)?;
        searcher.exact.query.clear();
        searcher.exact.query.resize(self.exact.width(), 0.0);
        let exact_query = &mut searcher.exact.query[..self.dimensions];
        copy_scaled(query, norm, self.config.distance_metric, exact_query);

        searcher.exact.results.clear();
        let k = k.min(self.exact.len());
        if k == 0 {
            return Ok(&searcher.exact.results);
        }
        match &self.graph {
            None => self.rank(k, 0..self.exact.len(), searcher),
            Some(graph) => {
                let ef = ef.unwrap_or(self.config.ef_search).clamp(k, self.exact.len().max(k));
                let mut placed = std::mem::take(&mut searcher.exact.placed);
                let exact = &searcher.exact.query[..self.dimensions];
                aim(exact, self.config.distance_metric, self.longest, norm, &mut placed);
                graph.search(&placed, ef, searcher);
                searcher.exact.placed = placed;
                // Codes misplace the nearest by a few places: three times as many hold them.
                let found = searcher.pool.candidates().len().min(3 * k);
                let mut slots = std::mem::take(&mut searcher.exact.slots);
                slots.clear();
                let best = searcher.pool.candidates()[..found].iter();
                slots.extend(best.map(|candidate| candidate.slot() as usize));
                self.rank(k, slots.iter().copied(), searcher);
                searcher.exact.slots = slots;
            }
        }
        Ok(&searcher.exact.results)
    }

    /// The number of vectors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.exact.len()
    }

    /// Is there no vector?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of vectors, codes and links.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.exact.bytes() + self.graph.as_ref().map_or(0, |graph| graph.bytes())
    }

    /// Checks the structure of the graph, in O(links).
    #[must_use]
    pub fn check(&self) -> GraphReport {
        self.graph.as_ref().map_or_else(GraphReport::default, |graph| graph.check())
    }

    /// Up to so many vectors a scan costs no more than a walk.
    fn flat_max(&self) -> usize {
        ((1 << 20) / self.dimensions).clamp(1024, 10_000)
    }

    /// A graph whose codes fit the vectors that are there and those that come.
    fn empty_graph(&self, coming: &[f32]) -> Box<dyn AnyGraph> {
        match self.config.distance_metric {
            DistanceMetric::Manhattan => self.graph_by(Manhattan, Manhattan, coming),
            _ => self.graph_by(SquaredEuclidean, SquaredEuclidean, coming),
        }
    }

    fn graph_by<F: Measure<f32>, C: Measure<Code>>(
        &self,
        on_floats: F,
        on_codes: C,
        coming: &[f32],
    ) -> Box<dyn AnyGraph> {
        let shape = Shape {
            connections: self.config.max_connections,
            ef_construction: self.config.ef_construction,
            layers: self.config.nb_layers,
            seed: self.config.seed,
        };
        match self.config.quantization {
            Quantization::None => self.boxed(on_floats, shape, Int8::fit(Vec::new())),
            Quantization::Int8 => self.boxed(on_codes, shape, Int8::fit(self.sample(coming))),
        }
    }

    fn boxed<K: Measure<R>, R: Stored>(
        &self,
        kernel: K,
        shape: Shape,
        range: Int8,
    ) -> Box<dyn AnyGraph> {
        let dimensions = self.dimensions + extra_dimensions(self.config.distance_metric);
        Box::new(Graph::new(self.simd, kernel, shape, range, dimensions))
    }

    /// The longest length of the vectors that are there and those that come.
    fn longest(&self, coming: &[f32]) -> Result<f64, Error> {
        let mut longest = 0.0;
        let there = (0..self.exact.len()).map(|slot| &self.exact.row(slot)[..self.dimensions]);
        for row in there.chain(coming.chunks_exact(self.dimensions)) {
            let norm = self.norm(row)?;
            longest = if norm > longest { norm } else { longest };
        }
        Ok(longest)
    }

    /// Values of vectors spread evenly over all, as the graph places them.
    fn sample(&self, coming: &[f32]) -> Vec<f32> {
        const VECTORS: usize = 20_000; // tens of values beyond the clipped ends
        let coming = coming.chunks_exact(self.dimensions);
        let step = (self.exact.len() + coming.len()).div_ceil(VECTORS).max(1);
        let mut sample = Vec::new();
        let (mut scaled, mut placed) = (vec![0.0; self.dimensions], Vec::new());
        let metric = self.config.distance_metric;
        for slot in (0..self.exact.len()).step_by(step) {
            place(&self.exact.row(slot)[..self.dimensions], metric, self.longest, &mut placed);
            sample.extend_from_slice(&placed);
        }
        for row in coming.step_by(step) {
            copy_scaled(row, self.norm(row).unwrap_or(1.0), metric, &mut scaled);
            place(&scaled, metric, self.longest, &mut placed);
            sample.extend_from_slice(&placed);
        }
        sample
    }

    /// The norm of a vector that has distances under the metric.
    fn norm(&self, vector: &[f32]) -> Result<f64, Error> {
        let norm = squared_norm(vector)?.sqrt();
        let zero = norm == 0.0 && self.config.distance_metric == DistanceMetric::Cosine;
        if zero { Err(Error::ZeroNorm) } else { Ok(norm) }
    }

    /// Fills the results with the `k` nearest of the slots by their exact vectors.
    fn rank(&self, k: usize, slots: impl Iterator<Item = usize>, searcher: &mut Searcher) {
        const BATCH: usize = 64;
        let Searcher { exact, .. } = searcher;
        let mut rows: [&[f32]; BATCH] = [&[]; BATCH];
        let mut batch = [0; BATCH];
        let mut ranks = [0.0; BATCH];
        let mut slots = slots;
        loop {
            let mut count = 0;
            for slot in slots.by_ref().take(BATCH) {
                batch[count] = slot;
                rows[count] = self.exact.row(slot);
                count += 1;
            }
            if count == 0 {
                break;
            }
            let (rows, ranks) = (&rows[..count], &mut ranks[..count]);
            let done = match self.config.distance_metric {
                DistanceMetric::Euclidean => {
                    self.simd.batch(SquaredEuclidean, &exact.query, rows, ranks)
                }
                DistanceMetric::Manhattan => self.simd.batch(Manhattan, &exact.query, rows, ranks),
                DistanceMetric::Cosine | DistanceMetric::InnerProduct => {
                    self.simd.batch(Dot, &exact.query, rows, ranks)
                }
            };
            done.expect("rows and queries have one width");
            for (&slot, &rank) in batch[..count].iter().zip(&*ranks) {
                exact.offer(k, slot, self.distance(rank));
            }
        }
    }

    /// A kernel's total as the metric's distance.
    fn distance(&self, total: f32) -> f32 {
        match self.config.distance_metric {
            DistanceMetric::Cosine => (1.0 - total).clamp(0.0, 2.0),
            DistanceMetric::Euclidean => total.sqrt(),
            DistanceMetric::InnerProduct => 0.0 - total,
            DistanceMetric::Manhattan => total,
        }
    }
}

/// Copies a vector; under the cosine scaled to length one, in `f64` so that it is the same
/// everywhere.
fn copy_scaled(vector: &[f32], norm: f64, metric: DistanceMetric, to: &mut [f32]) {
    if metric != DistanceMetric::Cosine {
        return to.copy_from_slice(vector);
    }
    for (to, &value) in to.iter_mut().zip(vector) {
        #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest")]
        let scaled = (f64::from(value) / norm) as f32;
        *to = scaled;
    }
}

/// How many dimensions more the graph has than the vectors.
fn extra_dimensions(metric: DistanceMetric) -> usize {
    usize::from(metric == DistanceMetric::InnerProduct)
}

/// A vector as the graph places it.
fn place(vector: &[f32], metric: DistanceMetric, longest: f64, placed: &mut Vec<f32>) {
    placed.clear();
    placed.extend_from_slice(vector);
    if metric == DistanceMetric::InnerProduct {
        let squares = vector.iter().map(|&value| f64::from(value) * f64::from(value));
        let rest = longest * longest - squares.sum::<f64>();
        #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest")]
        placed.push(if rest > 0.0 { rest.sqrt() as f32 } else { 0.0 });
    }
}

/// A query as it is sent into the graph.
fn aim(query: &[f32], metric: DistanceMetric, longest: f64, norm: f64, aimed: &mut Vec<f32>) {
    aimed.clear();
    aimed.extend_from_slice(query);
    if metric == DistanceMetric::InnerProduct {
        let scale = if norm > 0.0 { longest / norm } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest")]
        aimed.iter_mut().for_each(|value| *value = (f64::from(*value) * scale) as f32);
        aimed.push(0.0);
    }
}
