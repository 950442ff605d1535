//! A navigable small world in layers (Malkov and Yashunin, "Efficient and robust approximate
//! nearest neighbor search using hierarchical navigable small world graphs", 2018).
//!
//! Rows are bytes: `measure` knows what they mean and how far they are from one another, and alone
//! is compiled for each kernel and kind of row. `search` is what searches ask, `walk` walks,
//! `two_hop` walks for a filter, `scan` compares all, `link` links slots in rounds, `prune` chooses
//! links, `repair` leads around what was deleted. The lists of the ground layer lie
//! flat in whole cache lines; those of the layers above, few, lie aside. `Graph` is what searches
//! read, `GraphWriter` has the only hands that change it. Only slots whose own lists are complete
//! are ever in a list, and `check` holds that all live ones can be reached.

mod admit;
mod check;
mod int8;
mod link;
mod measure;
mod pool;
mod prune;
mod repair;
mod save;
mod scan;
mod search;
mod two_hop;
mod walk;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::Error;
use crate::memory::{
    Change, EMPTY, Memory, Rows, RowsWriter, State, Vacant, View, arena_bytes, links, rewrite,
};
use crate::mix::{STEP, mix};
pub use check::GraphReport;
pub(crate) use int8::Int8;
pub(crate) use link::map;
pub use link::{Executor, Serial};
pub(crate) use measure::Measure;
pub(crate) use pool::{Candidate, Scratch};
pub use pool::{Cost, Neighbor, Searcher};
pub(crate) use repair::Repair;
pub(crate) use save::{GraphSave, check_slots};
pub(crate) use search::Beam;

/// The settings of a graph that outlast its building.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Links of a slot in the upper layers; the ground layer has twice as many.
    pub(crate) connections: usize,
    pub(crate) ef_construction: usize,
    pub(crate) layers: usize,
    pub(crate) seed: u64,
}

/// Slots, their rows and their links, as searches read them.
#[derive(Debug)]
pub(crate) struct Graph {
    measure: Measure,
    shape: Shape,
    range: Int8,
    rows: Rows<u8>,
    /// And not the index, whose exact vectors they are.
    owns_rows: bool,
    ground: Rows<AtomicU32>,
    /// Where the lists of a slot in `upper` start.
    starts: Rows<u32>,
    upper: Rows<AtomicU32>,
    entry: AtomicU32,
}

/// The writer's half.
#[derive(Debug)]
pub(crate) struct GraphWriter {
    graph: Arc<Graph>,
    /// None where the rows are the exact vectors, which the index writes.
    rows: Option<RowsWriter<u8>>,
    ground: RowsWriter<AtomicU32>,
    starts: RowsWriter<u32>,
    upper: RowsWriter<AtomicU32>,
    /// How many ground lists a slot is in, as far as they [count](GraphView::counts).
    in_degrees: Vec<AtomicU32>,
    pools: link::Pools,
    /// A vector as a row, before it is written.
    encoded: Vec<f32>,
}

/// The graph at one moment.
pub(crate) struct GraphView<'a> {
    graph: &'a Graph,
    entry: u32,
    rows: View<'a, u8>,
    ground: View<'a, AtomicU32>,
    starts: View<'a, u32>,
    upper: View<'a, AtomicU32>,
}

/// The most slots of a graph: a candidate keeps one bit of 32 for itself.
pub(crate) const SLOTS_MAX: usize = (u32::MAX >> 1) as usize;

impl Graph {
    /// A vector as a row of the graph, in a buffer of floats for its alignment.
    fn encode<'q>(&self, vector: &[f32], row: &'q mut Vec<f32>) -> &'q [u8] {
        row.clear();
        row.resize(self.rows.width() / size_of::<f32>(), 0.0);
        self.measure.encode(&self.range, vector, bytemuck::cast_slice_mut(row));
        bytemuck::cast_slice(row)
    }

    #[inline]
    fn view(&self) -> GraphView<'_> {
        // First the entry, then the rows: the lists and rows of every slot of a view are there.
        let entry = self.entry.load(Ordering::Acquire);
        let (rows, ground) = (self.rows.view(), self.ground.view());
        let (starts, upper) = (self.starts.view(), self.upper.view());
        GraphView { graph: self, entry, rows, ground, starts, upper }
    }
}

impl<'a> GraphView<'a> {
    /// How many slots can be walked through.
    #[inline(always)]
    fn len(&self) -> u32 {
        self.rows.len().min(self.ground.len())
    }

    /// Where a walk begins.
    fn entry(&self) -> Option<u32> {
        (self.entry < self.len()).then_some(self.entry)
    }

    /// The list of a slot in one of its layers, 0 for the ground.
    #[inline(always)]
    fn list(&self, slot: u32, layer: usize) -> &'a [AtomicU32] {
        let m = self.graph.shape.connections;
        match layer {
            0 => &self.ground.row(slot)[..2 * m],
            _ => {
                #[expect(clippy::cast_possible_truncation, reason = "layers are few")]
                let row = self.starts.row(slot)[0] + (layer as u32 - 1);
                // A damaged graph leads to slots that are not in the layer.
                if row < self.upper.len() { &self.upper.row(row)[..m] } else { &[] }
            }
        }
    }

    fn links(&self, slot: u32, layer: usize) -> impl Iterator<Item = u32> {
        links(self.list(slot, layer))
    }

    /// Does a link keep what it leads to in reach? One to a smaller slot with the same row does
    /// not: it leads back to the one that stands for both.
    fn counts(&self, slot: u32, link: u32) -> bool {
        link > slot || !self.equal(link, slot)
    }

    /// Have two slots the same row?
    fn equal(&self, a: u32, b: u32) -> bool {
        self.graph.measure.equal(self.rows.row(a), self.rows.row(b))
    }

    fn layers_above(&self, slot: u32) -> usize {
        layers_above(&self.graph.shape, slot)
    }
}

impl GraphWriter {
    /// An empty graph of vectors of `dimensions`, or over the rows of another's.
    pub(crate) fn new(
        measure: Measure,
        shape: Shape,
        dimensions: usize,
        shared: Option<Rows<u8>>,
        memory: Memory,
    ) -> Self {
        let own = shared.is_none().then(|| RowsWriter::new(measure.width(dimensions), memory));
        let rows = shared.or_else(|| own.as_ref().map(RowsWriter::rows));
        let ground = RowsWriter::new(2 * shape.connections, memory);
        let starts = RowsWriter::new(1, memory);
        let upper = RowsWriter::new(shape.connections, memory);
        let graph = Graph {
            measure,
            shape,
            range: Int8::fit(Vec::new()),
            rows: rows.expect("they are own or shared"),
            owns_rows: own.is_some(),
            ground: ground.rows(),
            starts: starts.rows(),
            upper: upper.rows(),
            entry: AtomicU32::new(EMPTY),
        };
        Self {
            graph: Arc::new(graph),
            rows: own,
            ground,
            starts,
            upper,
            in_degrees: Vec::new(),
            pools: link::Pools::default(),
            encoded: Vec::new(),
        }
    }

    /// Replaces a list, counts who is in it, and says who no longer is.
    fn set_list(&self, view: &GraphView<'_>, slot: u32, layer: usize, new: &[u32]) -> Vec<u32> {
        let Change { added, dropped } = rewrite(view.list(slot, layer), new);
        if layer == 0 {
            for link in added.into_iter().filter(|&link| view.counts(slot, link)) {
                self.in_degrees[link as usize].fetch_add(1, Ordering::Relaxed);
            }
            for &link in dropped.iter().filter(|&&link| view.counts(slot, link)) {
                self.in_degrees[link as usize].fetch_sub(1, Ordering::Relaxed);
            }
        }
        dropped
    }
}

impl GraphWriter {
    /// What searches read.
    pub(crate) fn graph(&self) -> Arc<Graph> {
        Arc::clone(&self.graph)
    }

    /// Makes room for `more` slots.
    pub(crate) fn reserve(&mut self, more: usize) -> Result<(), Error> {
        let len = self.ground.len();
        let slots = u32::try_from(len).expect("slots fit")..;
        let slots = slots.take(more);
        let upper = slots.map(|slot| layers_above(&self.graph.shape, slot)).sum();
        let failed = |_| Error::OutOfMemory { bytes: 4 * more };
        self.in_degrees.try_reserve(more).map_err(failed)?;
        self.rows.iter_mut().try_for_each(|rows| rows.reserve(more))?;
        self.ground.reserve(more)?;
        self.starts.reserve(more)?;
        self.upper.reserve(upper)
    }

    /// Sets the range of the codes, before the first row and before anybody searches.
    pub(crate) fn set_range(&mut self, range: Int8) {
        Arc::get_mut(&mut self.graph).expect("nobody searches yet").range = range;
    }

    /// Appends a slot in room that was made for it; it is found once it is linked.
    pub(crate) fn push(&mut self, vector: &[f32]) {
        let slot = u32::try_from(self.ground.len()).expect("slots fit");
        let start = u32::try_from(self.upper.len()).expect("lists above are few");
        for _ in 0..layers_above(&self.graph.shape, slot) {
            self.upper.push(&[], EMPTY);
        }
        self.starts.push(&[start], 0);
        self.in_degrees.push(AtomicU32::new(0));
        self.ground.push(&[], EMPTY);
        if let Some(rows) = &mut self.rows {
            rows.push(self.graph.encode(vector, &mut self.encoded), 0);
        }
    }

    /// Writes a slot that was free or, in room that was made for it, the first past the end.
    pub(crate) fn put(&mut self, vacant: &Vacant, vector: &[f32]) {
        let slot = vacant.slot();
        if slot as usize == self.ground.len() {
            return self.push(vector);
        }
        let view = self.graph.view();
        for layer in 0..=view.layers_above(slot) {
            rewrite(view.list(slot, layer), &[]);
        }
        if let Some(rows) = &mut self.rows {
            rows.put(vacant, self.graph.encode(vector, &mut self.encoded), 0);
        }
    }

    /// Links slots to the `live` ones that were linked before and have not died, and those to them.
    pub(crate) fn link(
        &mut self,
        slots: &[u32],
        live: usize,
        states: &[State],
        executor: &dyn Executor,
    ) {
        if live == 0 {
            // Whoever is still there is dead, and leads to nobody.
            self.graph.entry.store(EMPTY, Ordering::Release);
        }
        self.link_all(slots, live, states, executor);
    }

    /// Leads the lists of the next slots around those that are not live, for about `budget`
    /// distances.
    pub(crate) fn repair(
        &mut self,
        repair: &mut Repair,
        states: &[State],
        executor: &dyn Executor,
    ) {
        self.repair_next(repair, states, executor);
    }

    /// Gives every live slot that no walk reaches a place in a list that one does; how many
    /// distances that took.
    pub(crate) fn reconnect(&mut self, states: &[State]) -> u64 {
        self.reconnect_all(states)
    }

    pub(crate) fn check(&self, states: &[State]) -> GraphReport {
        self.graph.view().report(states)
    }

    /// Makes lists that came from outside such as the others, where a sweep is so far: no change
    /// may come before.
    pub(crate) fn heal(&mut self, states: &[State], sweep: Option<[u32; 2]>) {
        self.drop_invalid(states, sweep);
    }

    /// What the part of a snapshot has of the graph.
    pub(crate) fn save(&self, memory: Memory) -> Result<GraphSave, Error> {
        self.save_arrays(memory)
    }

    /// The bytes of what only the writer needs.
    pub(crate) fn own_bytes(&self) -> usize {
        self.in_degrees.capacity() * size_of::<AtomicU32>() + self.pools.bytes()
    }
}

/// The bytes of the links of this many slots, beside their rows.
pub(crate) fn graph_bytes(connections: usize, slots: usize) -> usize {
    // One in m has a list above, one in m^2 two; a twentieth and a few more by chance.
    let above = slots / (connections - 1);
    let above = above + above / 20 + 64;
    // A counter a slot in a vector that doubles, and marks of the searches that link.
    let counters = slots.next_power_of_two().max(4) * size_of::<AtomicU32>();
    arena_bytes::<AtomicU32>(2 * connections, slots)
        + arena_bytes::<u32>(1, slots)
        + arena_bytes::<AtomicU32>(connections, above)
        + counters
        + 2 * slots
}

/// How many layers above the ground a slot is in: one more with a chance of one in m (the paper's
/// section 4.1), decided by a hash of seed and slot alone, in integers, so that it is the same on
/// every machine and no byte of memory holds it.
#[inline]
fn layers_above(shape: &Shape, slot: u32) -> usize {
    let hash = mix(shape.seed ^ (u64::from(slot) + 1).wrapping_mul(STEP));
    let mut layers = 0;
    let mut below = u64::MAX / shape.connections as u64;
    while layers + 1 < shape.layers && hash < below {
        layers += 1;
        below /= shape.connections as u64;
    }
    layers
}
