//! Searches: what any number of threads do at once while one writes.

use std::sync::Arc;

use super::exact::Exact;
use super::find::Find;
use super::plan::{Plan, Way};
use super::space::Space;
use crate::config::HnswConfig;
use crate::error::Error;
use crate::graph::{Graph, Neighbor, Scratch, Searcher};
use crate::memory::{Guard, Memory, Published, Reading, Rows, Shown, Slots, domain};
use crate::metric::DistanceMetric;
use crate::simd::Simd;

/// A hand that reads an index, on any thread, while another writes it. It is cheap to clone.
///
/// A search takes no lock and waits for nobody. It sees every batch of the writer whole or not at
/// all.
///
/// ```
/// use vicino_core::{HnswConfig, HnswIndex, Searcher, Serial, Simd};
///
/// let mut index = HnswIndex::new(HnswConfig::balanced(), 2, Simd::detect())?;
/// let reader = index.reader();
/// let searching = std::thread::spawn(move || {
///     let mut searcher = Searcher::default();
///     let found = reader.search(&[1.0, 0.0], 2, None, &mut searcher)?.len();
///     assert!(found == 0 || found == 2, "the batch is seen whole or not at all");
///     Ok::<(), vicino_core::Error>(())
/// });
/// index.insert(&[1.0, 0.0, 0.0, 1.0], &Serial)?;
/// searching.join().unwrap()?;
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct HnswReader {
    shared: Arc<SharedIndex>,
}

/// What the writer and all readers share.
#[derive(Debug)]
struct SharedIndex {
    config: HnswConfig,
    simd: Simd,
    memory: Memory,
    space: Space,
    slots: Arc<Slots>,
    stage: Published<Stage>,
}

/// What searches read: vectors to scan, later a graph and what is kept of the vectors.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) exact: Exact,
    pub(super) graph: Option<Arc<Graph>>,
    /// M of [`Space::place`].
    pub(super) longest: f64,
    /// Slots of vectors that are longer, which every search ranks.
    pub(super) longer: Option<Rows<u32>>,
}

impl Stage {
    fn flat(exact: Exact) -> Self {
        Self { exact, graph: None, longest: 0.0, longer: None }
    }
}

impl HnswReader {
    pub(super) fn new(
        config: HnswConfig,
        dimensions: usize,
        simd: Simd,
        memory: Memory,
        slots: Arc<Slots>,
        exact: Exact,
    ) -> Self {
        let space = Space { metric: config.distance_metric, dimensions };
        let stage = Published::new(domain(), slots.index, Stage::flat(exact));
        Self { shared: Arc::new(SharedIndex { config, simd, memory, space, slots, stage }) }
    }

    /// The `k` nearest vectors, the nearest first; all there are where there are fewer. `ef`
    /// candidates are kept on the way: more find more, and cost more; `None` is the
    /// configuration's, and fewer than `k` are as good as `k`. Where so many would be met that
    /// comparing all costs no more, all are compared, and the answer is exact.
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
        let ef = ef.unwrap_or(self.config().ef_search).max(k);
        self.find(query, k, Some(ef), searcher)
    }

    /// The `k` nearest vectors by comparing the query with all of them: O(n d), and exact as far
    /// as exact vectors are kept.
    ///
    /// # Errors
    ///
    /// As [`search`](Self::search).
    pub fn scan<'s>(
        &self,
        query: &[f32],
        k: usize,
        searcher: &'s mut Searcher,
    ) -> Result<&'s [Neighbor], Error> {
        self.find(query, k, None, searcher)
    }

    /// The number of vectors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.slots.live()
    }

    /// Is there no vector?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The configuration that the index was made with.
    #[must_use]
    pub fn config(&self) -> &HnswConfig {
        &self.shared.config
    }

    /// The number of values of a vector.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.shared.space.dimensions
    }

    /// The bytes of vectors, codes and links.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let (vectors, graph) = self.memory_parts();
        vectors + graph
    }

    /// The bytes of exact vectors, and of everything else that searches read.
    pub(crate) fn memory_parts(&self) -> (usize, usize) {
        let mut pin = domain().pin();
        let guard = pin.enter(self.reading());
        let stage = self.shared.stage.read(&guard);
        let graph = stage.graph.as_ref().map_or(0, |graph| graph.bytes());
        (stage.exact.bytes(), graph + self.shared.slots.bytes())
    }

    /// The nearest of all.
    fn find<'s>(
        &self,
        query: &[f32],
        k: usize,
        ef: Option<usize>,
        searcher: &'s mut Searcher,
    ) -> Result<&'s [Neighbor], Error> {
        let Searcher { pin, scratch, .. } = searcher;
        let guard = pin.enter(self.reading());
        // First the number, then the stage: what the number shows is in the stage.
        let shown = self.shared.slots.shown();
        self.answer(&Request { query, k, ef, shown }, &guard, scratch)?;
        Ok(&scratch.exact.results)
    }

    /// Leaves the nearest of what a request shows in the scratch, and says how they were found.
    pub(crate) fn answer(
        &self,
        request: &Request<'_>,
        guard: &Guard<'_>,
        scratch: &mut Scratch,
    ) -> Result<Plan, Error> {
        self.answer_by(None, request, guard, scratch)
    }

    /// The same, beginning in a way that is not the planner's.
    pub(super) fn answer_by(
        &self,
        way: Option<Way>,
        request: &Request<'_>,
        guard: &Guard<'_>,
        scratch: &mut Scratch,
    ) -> Result<Plan, Error> {
        let &Request { query, k, ef, shown } = request;
        scratch.exact.clear();
        let norm = self.space().check_query(query)?;
        let mut scaled = std::mem::take(&mut scratch.exact.scaled);
        self.space().scale(query, norm, &mut scaled);
        scratch.exact.query.clone_from(&scaled);
        scratch.pool.cost = crate::graph::Cost::default();

        let stage = self.shared.stage.read(guard);
        let k = k.min(shown.len() as usize);
        let find = Find { reader: self, stage, shown: &shown, query: &scaled, norm, k };
        let plan = find.answer(way, ef, scratch);
        scratch.exact.settle(k);
        scratch.exact.scaled = scaled;
        Ok(plan)
    }

    /// What a search of this index enters.
    pub(crate) fn reading(&self) -> Reading {
        self.shared.slots.index
    }

    /// The slots and their commit numbers.
    pub(crate) fn numbers(&self) -> &Slots {
        &self.shared.slots
    }

    /// The vector of a slot as it is compared, as far as it is kept. False where the slot is not
    /// shown.
    pub(super) fn vector(&self, slot: u32, vector: &mut Vec<f32>, searcher: &mut Searcher) -> bool {
        let guard = searcher.pin.enter(self.shared.slots.index);
        let there = self.shared.slots.shown().shows(slot);
        if there {
            self.stored(slot, &guard, vector);
        }
        there
    }

    /// The same of a slot that was shown since the guard entered.
    pub(crate) fn stored(&self, slot: u32, guard: &Guard<'_>, vector: &mut Vec<f32>) {
        let stage = self.shared.stage.read(guard);
        let kept = stage.exact.vector(self.space(), slot, vector);
        if let (false, Some(graph)) = (kept, &stage.graph) {
            graph.decode(slot, vector);
            vector.truncate(self.dimensions());
        }
    }

    /// Is there a graph, and no longer a scan?
    pub(crate) fn is_graph(&self, guard: &Guard<'_>) -> bool {
        self.shared.stage.read(guard).graph.is_some()
    }

    /// All slots that are shown now.
    pub(super) fn slots(&self) -> Vec<u32> {
        self.shared.slots.shown().slots().collect()
    }

    /// Up to so many vectors a scan costs no more than a walk.
    pub(super) fn flat_max(&self) -> usize {
        self.config().flat_max(self.dimensions())
    }

    pub(super) fn space(&self) -> Space {
        self.shared.space
    }

    pub(super) fn simd(&self) -> Simd {
        self.shared.simd
    }

    pub(super) fn memory(&self) -> Memory {
        self.shared.memory
    }

    /// Has searches read another stage, and frees the old one when none reads it any more.
    pub(super) fn publish(&self, stage: Stage) {
        self.shared.stage.replace(stage);
    }
}

/// What is asked of an index.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) query: &'a [f32],
    pub(crate) k: usize,
    /// None for an exact answer.
    pub(crate) ef: Option<usize>,
    pub(crate) shown: Shown<'a>,
}

/// Can the query be compared with vectors of an index, if there were any?
pub(crate) fn check_query(
    metric: DistanceMetric,
    dimensions: usize,
    query: &[f32],
) -> Result<(), Error> {
    Space { metric, dimensions }.check_query(query).map(drop)
}
