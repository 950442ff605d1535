//! A navigable small world in layers (Malkov and Yashunin, "Efficient and robust approximate
//! nearest neighbor search using hierarchical navigable small world graphs", 2018).
//!
//! Written once for every kernel and kind of row: `measure` says what a distance is, `walk`
//! searches, `build` links slots in rounds, `prune` chooses links. The lists of the ground layer
//! lie flat in whole cache lines; those of the layers above, few, lie aside. Only slots that are
//! fully linked are ever in a list, and `check` holds that all of them can be reached.

mod build;
mod check;
mod int8;
mod measure;
mod pool;
mod prune;
mod rows;
mod walk;

use std::fmt;

use crate::error::Error;
use crate::simd::Simd;
pub use build::{Executor, Serial};
pub use check::GraphReport;
pub(crate) use int8::Int8;
pub(crate) use measure::{Measure, Stored};
pub(crate) use pool::Candidate;
pub use pool::{Neighbor, Searcher};
pub(crate) use rows::Rows;

/// The settings of a graph that outlast its building.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Links of a slot in the upper layers; the ground layer has twice as many.
    pub(crate) connections: usize,
    pub(crate) ef_construction: usize,
    pub(crate) layers: usize,
    pub(crate) seed: u64,
}

/// A graph whose kernel and rows are not said.
pub(crate) trait AnyGraph: fmt::Debug + Send + Sync {
    /// Makes room for `more` slots.
    fn reserve(&mut self, more: usize) -> Result<(), Error>;

    /// Adds a slot in room that was made for it; it is found once it is linked.
    fn push(&mut self, vector: &[f32]);

    /// Links all slots that were pushed since the last call.
    fn link(&mut self, executor: &dyn Executor);

    /// Fills the searcher's pool with the nearest `ef` slots that the walk meets.
    fn search(&self, vector: &[f32], ef: usize, searcher: &mut Searcher);

    fn check(&self) -> GraphReport;

    fn bytes(&self) -> usize;
}

/// Slots, their rows and their links.
#[derive(Debug)]
pub(crate) struct Graph<K, R> {
    simd: Simd,
    kernel: K,
    shape: Shape,
    range: Int8,
    rows: Rows<R>,
    ground: Rows<u32>,
    /// How many layers above the ground a slot is in, and where its lists in `upper` start.
    above: Vec<(u8, u32)>,
    upper: Vec<u32>,
    /// How many ground lists a slot is in.
    in_degrees: Vec<u32>,
    entry: Option<u32>,
    linked: u32,
    encoded: Vec<R>,
}

/// What a list is filled up with: no slot.
const EMPTY: u32 = u32::MAX;

/// The most slots of a graph: a candidate keeps one bit of 32 for itself.
pub(crate) const SLOTS_MAX: usize = (u32::MAX >> 1) as usize;

impl<K: Measure<R>, R: Stored> Graph<K, R> {
    pub(crate) fn new(simd: Simd, kernel: K, shape: Shape, range: Int8, dimensions: usize) -> Self {
        Self {
            simd,
            kernel,
            shape,
            range,
            rows: Rows::new(dimensions),
            ground: Rows::new(2 * shape.connections),
            above: Vec::new(),
            upper: Vec::new(),
            in_degrees: Vec::new(),
            entry: None,
            linked: 0,
            encoded: Vec::new(),
        }
    }

    /// The list of a slot in one of its layers, 0 for the ground.
    #[inline]
    fn list(&self, slot: u32, layer: usize) -> &[u32] {
        let m = self.shape.connections;
        match layer.checked_sub(1) {
            None => &self.ground.row(slot as usize)[..2 * m],
            Some(above) => &self.upper[self.above[slot as usize].1 as usize + above * m..][..m],
        }
    }

    fn list_mut(&mut self, slot: u32, layer: usize) -> &mut [u32] {
        let m = self.shape.connections;
        match layer.checked_sub(1) {
            None => &mut self.ground.row_mut(slot as usize)[..2 * m],
            Some(above) => &mut self.upper[self.above[slot as usize].1 as usize + above * m..][..m],
        }
    }

    fn links(&self, slot: u32, layer: usize) -> impl Iterator<Item = u32> {
        self.list(slot, layer).iter().copied().take_while(|&link| link != EMPTY)
    }

    fn layers_above(&self, slot: u32) -> usize {
        usize::from(self.above[slot as usize].0)
    }

    /// How far a slot is from a query.
    #[inline]
    fn measure(&self, query: &[R], slot: u32) -> Candidate {
        let total = self.simd.pair(self.kernel, query, self.rows.row(slot as usize));
        Candidate::new(R::distance(total.expect("rows and queries have one width")), slot)
    }
}

impl<K: Measure<R>, R: Stored> AnyGraph for Graph<K, R> {
    fn reserve(&mut self, more: usize) -> Result<(), Error> {
        // A share of one in m - 1 has a list above, on average; twice that leaves room for luck.
        let upper = more * self.shape.connections / (self.shape.connections - 1) * 2 + 1024;
        let above = self.above.try_reserve(more);
        let both = above.and_then(|()| self.upper.try_reserve(upper));
        let all = both.and_then(|()| self.in_degrees.try_reserve(more));
        all.map_err(|_| Error::OutOfMemory { bytes: 4 * upper + 12 * more })?;
        self.rows.reserve(more)?;
        self.ground.reserve(more)
    }

    fn push(&mut self, vector: &[f32]) {
        R::encode(&self.range, vector, &mut self.encoded);
        let slot = self.rows.len();
        self.rows.push(&self.encoded);
        self.ground.push(&[]);
        self.ground.row_mut(slot).fill(EMPTY);
        let layers = layers_of(&self.shape, slot as u64);
        let start = u32::try_from(self.upper.len()).expect("lists above are few");
        self.above.push((layers, start));
        self.in_degrees.push(0);
        let lists = usize::from(layers) * self.shape.connections;
        self.upper.resize(self.upper.len() + lists, EMPTY);
    }

    fn link(&mut self, executor: &dyn Executor) {
        self.link_all(executor);
    }

    fn search(&self, vector: &[f32], ef: usize, searcher: &mut Searcher) {
        let query = R::buffer(&mut searcher.queries);
        R::encode(&self.range, vector, query);
        query.resize(self.rows.width(), bytemuck::Zeroable::zeroed());
        self.walk(query, ef, &mut searcher.pool);
    }

    fn check(&self) -> GraphReport {
        self.report()
    }

    fn bytes(&self) -> usize {
        self.rows.bytes()
            + self.ground.bytes()
            + self.above.capacity() * size_of::<(u8, u32)>()
            + (self.upper.capacity() + self.in_degrees.capacity()) * size_of::<u32>()
    }
}

/// One layer more with a chance of one in m (the paper's section 4.1), decided by a hash of seed
/// and slot alone, in integers, so that it is the same on every machine.
fn layers_of(shape: &Shape, slot: u64) -> u8 {
    let mut hash = shape.seed ^ slot.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^= hash >> 31;
    let mut layers = 0;
    let mut below = u64::MAX / shape.connections as u64;
    while usize::from(layers) + 1 < shape.layers && hash < below {
        layers += 1;
        below /= shape.connections as u64;
    }
    layers
}
