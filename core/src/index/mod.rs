//! One graph over vectors that are numbered by slots: the engine without ids, scopes or metadata.
//!
//! An index is born flat, an exact scan. The insert that makes a scan dearer than a walk fits the
//! range of the codes, links the graph beside what searches read, and publishes it with one store.
//! Until then answers are exact; from then on the best that the walk met are compared again on
//! the exact vectors.
//!
//! `HnswIndex` writes, and there is one; `HnswReader` reads, and there may be any number, on any
//! thread, while it writes. A batch is validated and has its memory before its first change, so
//! that it happens whole or not at all; readers see it whole or not at all by its commit number.

mod exact;
mod find;
mod half;
mod plan;
mod predict;
mod promote;
mod reader;
mod save;
mod space;
mod sweep;
mod tune;

use std::ops::Deref;

use crate::config::{Exact as Kept, HnswConfig};
use crate::error::Error;
use crate::graph::{Executor, GraphReport, GraphWriter, Repair, SLOTS_MAX};
use crate::memory::{Memory, RowsWriter, SlotsWriter};
use crate::metric::DistanceMetric;
use crate::simd::{DIMENSIONS_MAX, Simd};
use exact::ExactWriter;
pub use plan::{Plan, Way};
pub(crate) use predict::predict_bytes;
use promote::{LONGER_MAX, Promotion};
pub use reader::HnswReader;
pub(crate) use reader::{Request, check_query};
use space::Space;
pub use sweep::Maintenance;

/// Vectors under one metric, and the graph that finds the nearest of them.
///
/// This is the one hand that writes; it reads like a [`HnswReader`], of which
/// [`reader`](Self::reader) gives any number. The same calls with the same configuration give the
/// same index on every machine and for any number of threads.
///
/// ```
/// use vicino_core::{DistanceMetric, HnswConfig, HnswIndex, Searcher, Serial, Simd};
///
/// let config = HnswConfig::balanced().with_distance_metric(DistanceMetric::Euclidean);
/// let mut index = HnswIndex::new(config, 2, Simd::detect())?;
/// let slots = index.insert(&[0.0, 0.0, 3.0, 4.0, 1.0, 0.0], &Serial)?;
///
/// let mut searcher = Searcher::default();
/// let nearest = index.search(&[0.0, 0.0], 2, None, &mut searcher)?;
/// assert_eq!([nearest[0].slot, nearest[1].slot], [slots[0], slots[2]]);
/// assert_eq!(nearest[1].distance, 1.0);
///
/// index.delete(&slots[..1])?;
/// let nearest = index.search(&[0.0, 0.0], 2, None, &mut searcher)?;
/// assert_eq!([nearest[0].slot, nearest[1].slot], [slots[2], slots[1]]);
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug)]
pub struct HnswIndex {
    reader: HnswReader,
    slots: SlotsWriter,
    exact: ExactWriter,
    /// In a box: most scopes are small, and have none.
    graph: Option<Box<GraphWriter>>,
    /// M of [`Space::place`].
    longest: f64,
    /// Slots of vectors longer than M.
    longer: Option<RowsWriter<u32>>,
    sweep: Option<Repair>,
    /// Slots that were linked since it was looked whether all can be reached.
    unwalked: usize,
    /// The graph's lists came from outside and were not yet looked at.
    foreign: bool,
}

impl HnswIndex {
    /// An empty index for vectors of `dimensions` values.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfig`] and [`Error::ConflictingConfig`] for settings out of their
    /// limits, the first also for `dimensions`.
    pub fn new(config: HnswConfig, dimensions: usize, simd: Simd) -> Result<Self, Error> {
        Self::with_memory(config, dimensions, simd, Memory::default())
    }

    /// An empty index whose large chunks of memory an adapter sees first.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_memory(
        config: HnswConfig,
        dimensions: usize,
        simd: Simd,
        memory: Memory,
    ) -> Result<Self, Error> {
        check_config(&config, dimensions)?;
        let slots = SlotsWriter::new(memory);
        let exact = ExactWriter::new(&config, dimensions, false, memory);
        let reader =
            HnswReader::new(config, dimensions, simd, memory, slots.slots(), exact.exact());
        Ok(Self {
            reader,
            slots,
            exact,
            graph: None,
            longest: 0.0,
            longer: None,
            sweep: None,
            unwalked: 0,
            foreign: false,
        })
    }

    /// A hand that reads, for another thread.
    #[must_use]
    pub fn reader(&self) -> HnswReader {
        self.reader.clone()
    }

    /// Adds vectors, one after the other in `vectors`, and returns their slots in the same order.
    /// Slots of deleted vectors are used again. One vector costs a search of `ef_construction`
    /// candidates and its links.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] where the last vector is not whole, [`Error::NotFinite`],
    /// [`Error::ZeroNorm`], [`Error::NormTooLarge`] and [`Error::ValueTooLarge`] for a vector that
    /// has no distances, [`Error::TooManyEntries`] and [`Error::OutOfMemory`]. No vector of the
    /// call is then there.
    pub fn insert(&mut self, vectors: &[f32], executor: &dyn Executor) -> Result<Vec<u32>, Error> {
        self.apply(vectors, &[], executor)
    }

    /// Deletes vectors: no search that begins from now on shows them. Searches still pass through
    /// their slots until [`maintain`](Self::maintain) leads others around them.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSlot`] for a slot that holds no vector or is named twice, and
    /// [`Error::OutOfMemory`]. Nothing is then deleted.
    pub fn delete(&mut self, slots: &[u32]) -> Result<(), Error> {
        self.apply(&[], slots, &crate::graph::Serial).map(drop)
    }

    /// Adds vectors and deletes others in one change, which searches see whole or not at all: so
    /// a vector is replaced.
    ///
    /// # Errors
    ///
    /// Those of [`insert`](Self::insert) and [`delete`](Self::delete). Nothing is then changed.
    pub fn apply(
        &mut self,
        insert: &[f32],
        delete: &[u32],
        executor: &dyn Executor,
    ) -> Result<Vec<u32>, Error> {
        let norms = self.check_vectors(insert)?;
        let prepared = self.prepare(norms, delete)?;
        Ok(self.apply_prepared(insert, delete, prepared, executor))
    }

    /// Makes room for a batch of vectors that were checked, with these norms, and changes nothing
    /// that is seen.
    pub(crate) fn prepare(&mut self, norms: Vec<f64>, delete: &[u32]) -> Result<Prepared, Error> {
        self.check_slots(delete)?;
        let longer = norms.iter().filter(|&&norm| norm > self.longest).count();
        let (born, promotion) = self.reserve(norms.len(), delete.len(), longer)?;
        Ok(Prepared { norms, born, promotion })
    }

    /// The change that was prepared last.
    pub(crate) fn apply_prepared(
        &mut self,
        insert: &[f32],
        delete: &[u32],
        prepared: Prepared,
        executor: &dyn Executor,
    ) -> Vec<u32> {
        let Prepared { norms, mut born, promotion } = prepared;
        for &slot in delete {
            self.slots.kill(slot);
        }
        let live = self.slots.live() - delete.len();
        let Space { dimensions, .. } = self.space();
        let (mut scaled, mut placed) = (Vec::new(), Vec::new());
        for (vector, norm) in insert.chunks_exact(dimensions).zip(norms) {
            let vacant = self.slots.take();
            self.space().scale(vector, norm, &mut scaled);
            self.exact.put(&vacant, &scaled);
            if let Some(graph) = &mut self.graph {
                self.reader.space().place(&scaled, self.longest, &mut placed);
                graph.put(&vacant, &placed);
                let longer = self.longer.as_mut().filter(|_| norm > self.longest);
                if let (Some(longer), None) = (longer, &promotion) {
                    longer.push(&[vacant.slot()], 0);
                }
            }
            born.push(vacant.slot());
        }
        match (promotion, &mut self.graph) {
            (Some(promotion), _) => self.promote(promotion, executor),
            (None, Some(graph)) => graph.link(&born, live, self.slots.states(), executor),
            (None, None) => {}
        }
        self.slots.commit(&born, delete);
        self.unwalked += born.len();
        born
    }

    /// Does a slot hold a vector that has not been deleted?
    pub(crate) fn is_live(&self, slot: u32) -> bool {
        self.slots.is_live(slot)
    }

    /// How many slots there are, in any state.
    pub(crate) fn slot_count(&self) -> usize {
        self.slots.len()
    }

    /// How many deleted vectors still have their slots.
    pub(crate) fn tombstones(&self) -> usize {
        self.slots.dead()
    }

    /// Checks the structure of the graph, in O(links).
    #[must_use]
    pub fn check(&self) -> GraphReport {
        let report = self.graph.as_ref().map(|graph| graph.check(self.slots.states()));
        report.unwrap_or_default()
    }

    /// The bytes of vectors, codes, links, and what is kept about them.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.reader.memory_bytes()
            + self.slots.own_bytes()
            + self.graph.as_ref().map_or(0, |graph| graph.own_bytes())
    }

    /// The most bytes that a batch adds.
    pub(crate) fn growth_bytes(&self, births: usize, deaths: usize) -> usize {
        let growth = self.slots.expected_growth(births);
        let (config, dimensions) = (self.config(), self.dimensions());
        let bytes = |slots, graph| predict_bytes(config, dimensions, slots, graph);
        let (before, after) = (self.slots.len(), self.slots.len() + growth);
        let was_graph = self.graph.is_some();
        let live = (self.len() + births).saturating_sub(deaths);
        let is_graph = was_graph || live > self.flat_max();
        bytes(after, is_graph).saturating_sub(bytes(before, was_graph))
    }

    /// The norms of the vectors of a batch.
    fn check_vectors(&self, vectors: &[f32]) -> Result<Vec<f64>, Error> {
        let space = self.space();
        let rows = vectors.chunks_exact(space.dimensions);
        if !rows.remainder().is_empty() {
            let (expected, found) = (space.dimensions, vectors.len());
            return Err(Error::DimensionMismatch { expected, found });
        }
        let mut norms = Vec::new();
        let bytes = rows.len() * size_of::<f64>();
        norms.try_reserve_exact(rows.len()).map_err(|_| Error::OutOfMemory { bytes })?;
        for row in rows {
            norms.push(check_vector(self.config(), space.dimensions, row)?);
        }
        Ok(norms)
    }

    /// Are all slots live and different?
    fn check_slots(&self, slots: &[u32]) -> Result<(), Error> {
        let mut sorted = Vec::new();
        let bytes = size_of_val(slots);
        sorted.try_reserve_exact(slots.len()).map_err(|_| Error::OutOfMemory { bytes })?;
        sorted.extend_from_slice(slots);
        sorted.sort_unstable();
        let twice = sorted.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
        let gone = slots.iter().copied().find(|&slot| !self.slots.is_live(slot));
        match gone.or(twice) {
            Some(slot) => Err(Error::UnknownSlot { slot }),
            None => Ok(()),
        }
    }

    /// Before the first change of a graph that came from outside.
    fn heal(&mut self) {
        if let (true, Some(graph)) = (std::mem::take(&mut self.foreign), &mut self.graph) {
            let sweep = self.sweep.as_ref().map(Repair::position);
            graph.heal(self.slots.states(), sweep);
        }
    }

    /// Makes room for a batch: for its result, and for a graph where it calls for one.
    fn reserve(
        &mut self,
        births: usize,
        deaths: usize,
        longer: usize,
    ) -> Result<(Vec<u32>, Option<Promotion>), Error> {
        self.heal();
        self.slots.reclaim(births)?;
        let growth = self.slots.growth(births);
        if self.slots.len() + growth > SLOTS_MAX {
            return Err(Error::TooManyEntries { max: SLOTS_MAX });
        }
        let mut born = Vec::new();
        born.try_reserve_exact(births).map_err(|_| Error::OutOfMemory { bytes: 4 * births })?;
        let is_graph = self.graph.is_some();
        let crosses = self.crosses(births, deaths);
        self.slots.reserve(births, deaths, is_graph || crosses)?;
        self.exact.reserve(growth)?;
        if let Some(graph) = &mut self.graph {
            graph.reserve(growth)?;
            let known = self.longer.as_ref().map(RowsWriter::len);
            let outgrown = known.is_some_and(|known| known + longer > LONGER_MAX);
            // Without exact vectors there is nothing to make another graph of.
            let again = outgrown && self.config().exact != Kept::None;
            if let (true, false, Some(rows)) = (outgrown, again, &mut self.longer) {
                rows.reserve(longer)?;
            }
            let promotion = if again { Some(self.promotion(growth)?) } else { None };
            return Ok((born, promotion));
        }
        let promotion = if crosses { Some(self.promotion(growth)?) } else { None };
        Ok((born, promotion))
    }

    /// Is there a graph with a change that was not there before?
    fn crosses(&self, births: usize, deaths: usize) -> bool {
        self.graph.is_none() && self.len() + births - deaths > self.reader.flat_max()
    }

    /// How many vectors a change has linked.
    pub(crate) fn links(&self, births: usize, deaths: usize) -> usize {
        match self.crosses(births, deaths) {
            true => self.len() + births - deaths,
            false if self.graph.is_some() => births,
            false => 0,
        }
    }
}

/// Can there be an index of this configuration?
fn check_config(config: &HnswConfig, dimensions: usize) -> Result<(), Error> {
    config.validate()?;
    // The graph places vectors under the inner product in one dimension more.
    let extra = usize::from(config.distance_metric == DistanceMetric::InnerProduct);
    let max = DIMENSIONS_MAX - extra;
    match (1..=max).contains(&dimensions) {
        true => Ok(()),
        false => Err(Error::InvalidConfig { field: "dimensions", min: 1, max, found: dimensions }),
    }
}

/// Can an index of this configuration keep a vector? Its norm.
pub(crate) fn check_vector(
    config: &HnswConfig,
    dimensions: usize,
    vector: &[f32],
) -> Result<f64, Error> {
    let metric = config.distance_metric;
    let norm = Space { metric, dimensions }.check_query(vector)?;
    if config.exact == Kept::F16 && metric != DistanceMetric::Cosine {
        let max = half::MAX;
        if let Some(position) = vector.iter().position(|value| value.abs() > max) {
            return Err(Error::ValueTooLarge { position, max });
        }
    }
    Ok(norm)
}

/// A change that cannot fail any more.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// Of the vectors to insert.
    norms: Vec<f64>,
    born: Vec<u32>,
    promotion: Option<Promotion>,
}

impl Deref for HnswIndex {
    type Target = HnswReader;

    fn deref(&self) -> &HnswReader {
        &self.reader
    }
}

#[cfg(test)]
mod filtered_tests;
#[cfg(test)]
mod tests;
