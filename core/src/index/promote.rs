//! From a scan to a graph, and from a graph that its vectors have outgrown to another.

use super::exact::ExactWriter;
use super::reader::Stage;
use super::{HnswIndex, Space};
use crate::config::{Exact as Kept, Quantization};
use crate::error::Error;
use crate::graph::{Executor, GraphWriter, Int8, Measure, Shape};
use crate::memory::{Rows, RowsWriter, State};
use crate::metric::DistanceMetric;
use crate::snapshot::{Open, Part};

/// Room for what a promotion makes, so that it cannot fail.
#[derive(Debug)]
pub(super) struct Promotion {
    graph: Box<GraphWriter>,
    /// None where the vectors stay as they are.
    exact: Option<ExactWriter>,
    sample: Vec<f32>,
    longer: Option<RowsWriter<u32>>,
}

/// Vectors longer than M that are ranked by every search before the graph is made anew.
pub(super) const LONGER_MAX: usize = 128;

/// How much longer M is then than the longest vector, so that this happens seldom.
const HEADROOM: f64 = 1.25;

/// Vectors that the range of the codes is fitted on: tens of values lie beyond the clipped ends.
const SAMPLED: usize = 20_000;

impl HnswIndex {
    /// Makes room for a graph of all slots that there are and will be.
    pub(super) fn promotion(&self, growth: usize) -> Result<Promotion, Error> {
        let slots = self.slots.len() + growth;
        let dimensions = self.space().placed_dimensions();
        let shared = self.shared_rows();
        let mut graph =
            GraphWriter::new(self.measure(), self.shape(), dimensions, shared, self.memory());
        graph.reserve(slots)?;
        let kept = self.config().exact;
        let changes = self.graph.is_none() && kept != Kept::F32;
        let mut exact = changes
            .then(|| ExactWriter::new(self.config(), self.space().dimensions, true, self.memory()));
        exact.iter_mut().try_for_each(|exact| exact.reserve(slots))?;
        let values = slots.min(SAMPLED + 1) * self.space().placed_dimensions();
        let mut sample = Vec::new();
        if self.config().quantization == Quantization::Int8 {
            let bytes = values * size_of::<f32>();
            sample.try_reserve_exact(values).map_err(|_| Error::OutOfMemory { bytes })?;
        }
        let product = self.space().metric == DistanceMetric::InnerProduct;
        let mut longer = product.then(|| RowsWriter::new(1, self.memory()));
        longer.iter_mut().try_for_each(|longer| longer.reserve(LONGER_MAX))?;
        let graph = Box::new(graph);
        Ok(Promotion { graph, exact, sample, longer })
    }

    /// Links all live slots beside what searches read, then has them read it.
    pub(super) fn promote(&mut self, promotion: Promotion, executor: &dyn Executor) {
        let Promotion { mut graph, exact, mut sample, longer } = promotion;
        let (space, old) = (self.space(), self.exact.exact());
        let live = |slot: &u32| self.slots.states()[*slot as usize] == State::Live;
        let slots = || 0..u32::try_from(self.slots.len()).expect("slots fit");
        let born: Vec<u32> = slots().filter(live).collect();
        let (mut vector, mut placed) = (Vec::new(), Vec::new());

        let mut longest = 0.0;
        if space.metric == DistanceMetric::InnerProduct {
            for &slot in &born {
                old.vector(space, slot, &mut vector);
                let norm = space.norm(&vector).unwrap_or(0.0);
                longest = if norm > longest { norm } else { longest };
            }
            if self.graph.is_some() {
                longest *= HEADROOM;
            }
        }
        if self.config().quantization == Quantization::Int8 {
            for &slot in born.iter().step_by(born.len().div_ceil(SAMPLED).max(1)) {
                old.vector(space, slot, &mut vector);
                space.place(&vector, longest, &mut placed);
                sample.extend_from_slice(&placed);
            }
            graph.set_range(Int8::fit(sample));
        }
        let mut exact = exact;
        for slot in slots() {
            old.vector(space, slot, &mut vector);
            space.place(&vector, longest, &mut placed);
            graph.push(&placed);
            if let Some(exact) = &mut exact {
                exact.push(&vector);
            }
        }
        graph.link(&born, 0, self.slots.states(), executor);

        self.exact = exact.unwrap_or(std::mem::replace(&mut self.exact, ExactWriter::None));
        self.longest = longest;
        let stage = Stage {
            exact: self.exact.exact(),
            graph: Some(graph.graph()),
            longest,
            longer: longer.as_ref().map(RowsWriter::rows),
        };
        self.longer = longer;
        // Nothing leads to deleted slots in the new graph, but a sweep has to say so.
        self.sweep = None;
        self.graph = Some(graph);
        self.publish(stage);
    }

    /// The graph of the part of a snapshot.
    pub(super) fn open_graph(
        &self,
        slots: usize,
        open: &Open,
        part: &mut Part,
    ) -> Result<Box<GraphWriter>, Error> {
        let size = (self.space().placed_dimensions(), slots);
        let shared = self.shared_rows();
        GraphWriter::open(self.measure(), self.shape(), size, shared, open, part).map(Box::new)
    }

    fn measure(&self) -> Measure {
        let config = self.config();
        Measure::new(self.simd(), config.distance_metric, config.quantization)
    }

    fn shape(&self) -> Shape {
        let config = self.config();
        Shape {
            connections: config.max_connections,
            ef_construction: config.ef_construction,
            layers: config.nb_layers,
            seed: config.seed,
        }
    }

    /// The exact vectors, where the graph places vectors as they are.
    fn shared_rows(&self) -> Option<Rows<u8>> {
        let Space { dimensions, .. } = self.space();
        let is_exact = self.config().quantization == Quantization::None;
        match &self.exact {
            ExactWriter::F32(rows)
                if is_exact && self.space().placed_dimensions() == dimensions =>
            {
                Some(rows.rows().into_bytes())
            }
            _ => None,
        }
    }
}
