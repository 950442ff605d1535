//! The vectors beside the graph, by which the best that a walk met are compared again.

use super::half;
use super::space::Space;
use crate::config::{Exact as Kept, HnswConfig, Quantization};
use crate::error::Error;
use crate::graph::Scratch;
use crate::memory::{Held, Memory, Rows, RowsWriter, Vacant, row_bytes, whole_lines};
use crate::metric::{DistanceMetric, Dot, Manhattan, SquaredEuclidean};
use crate::simd::Simd;
use crate::snapshot::{Part, PartWriter, Tag};

/// The vectors as searches read them: of length one under the cosine.
#[derive(Debug)]
pub(super) enum Exact {
    F32(Rows<f32>),
    F16(Rows<u16>),
    None,
}

/// The writer's half.
#[derive(Debug)]
pub(super) enum ExactWriter {
    F32(RowsWriter<f32>),
    F16(RowsWriter<u16>),
    None,
}

const VECTORS: Tag = Tag::new(*b"EXAC", "vectors");

/// What is kept of vectors.
fn kept(config: &HnswConfig, is_graph: bool) -> Kept {
    match config.quantization {
        // There is more to be made of them.
        Quantization::Int8 if !is_graph => Kept::F32,
        Quantization::Int8 => config.exact,
        Quantization::None => Kept::F32,
    }
}

/// The values of a row: those that a graph walks on fill whole cache lines.
fn width(config: &HnswConfig, dimensions: usize) -> usize {
    match config.quantization {
        Quantization::Int8 => dimensions,
        Quantization::None => whole_lines::<f32>(dimensions),
    }
}

/// Vectors that are compared together.
const BATCH: usize = 64;

impl Exact {
    /// Writes the vectors of slots into the part of a snapshot.
    pub(super) fn write(&self, held: &Held, part: &mut PartWriter<'_>) {
        match self {
            Self::F32(rows) => part.rows(VECTORS, rows, held),
            Self::F16(rows) => part.rows(VECTORS, rows, held),
            Self::None => {}
        }
    }

    /// Offers the vectors of slots to the nearest `k`.
    ///
    /// The query is filled up with zeros to the width of the rows, which no kernel counts.
    pub(super) fn rank(
        &self,
        simd: Simd,
        space: Space,
        k: usize,
        mut slots: impl Iterator<Item = u32>,
        scratch: &mut Scratch,
    ) {
        scratch.exact.query.resize(self.width(), 0.0);
        let mut batch = [0; BATCH];
        let mut totals = [0.0; BATCH];
        let Scratch { exact, pool, .. } = scratch;
        loop {
            let mut count = 0;
            for (place, slot) in batch.iter_mut().zip(slots.by_ref()) {
                *place = slot;
                count += 1;
            }
            if count == 0 {
                break;
            }
            let (slots, totals) = (&batch[..count], &mut totals[..count]);
            pool.cost.distances += count as u64;
            match self {
                Self::F32(rows) => {
                    let view = rows.view();
                    let mut rows: [&[f32]; BATCH] = [&[]; BATCH];
                    for (row, &slot) in rows.iter_mut().zip(slots) {
                        *row = view.row(slot);
                    }
                    measure(simd, space.metric, &exact.query, &rows[..count], totals);
                }
                Self::F16(rows) => {
                    let (view, width) = (rows.view(), exact.query.len());
                    exact.decoded.resize(BATCH * width, 0.0);
                    let decoded = exact.decoded.chunks_exact_mut(width);
                    for (decoded, &slot) in decoded.zip(slots) {
                        decode(view.row(slot), decoded);
                    }
                    let mut rows: [&[f32]; BATCH] = [&[]; BATCH];
                    for (row, decoded) in rows.iter_mut().zip(exact.decoded.chunks_exact(width)) {
                        *row = decoded;
                    }
                    measure(simd, space.metric, &exact.query, &rows[..count], totals);
                }
                Self::None => return,
            }
            for (&slot, &total) in slots.iter().zip(&*totals) {
                exact.offer(k, slot, space.distance(total));
            }
        }
    }

    /// The values of a row.
    fn width(&self) -> usize {
        match self {
            Self::F32(rows) => rows.width(),
            Self::F16(rows) => rows.width(),
            Self::None => 0,
        }
    }

    /// The scaled vector of a slot, if it is kept.
    pub(super) fn vector(&self, space: Space, slot: u32, vector: &mut Vec<f32>) -> bool {
        vector.clear();
        match self {
            Self::F32(rows) => {
                vector.extend_from_slice(&rows.view().row(slot)[..space.dimensions]);
            }
            Self::F16(rows) => {
                vector.resize(space.dimensions, 0.0);
                decode(rows.view().row(slot), vector);
            }
            Self::None => return false,
        }
        true
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::F32(rows) => rows.bytes(),
            Self::F16(rows) => rows.bytes(),
            Self::None => 0,
        }
    }
}

impl ExactWriter {
    /// What an index keeps beside its graph, or still without one: then all of each vector.
    pub(super) fn new(
        config: &HnswConfig,
        dimensions: usize,
        is_graph: bool,
        memory: Memory,
    ) -> Self {
        let width = width(config, dimensions);
        match kept(config, is_graph) {
            Kept::F32 => Self::F32(RowsWriter::new(width, memory)),
            Kept::F16 => Self::F16(RowsWriter::new(width, memory)),
            Kept::None => Self::None,
        }
    }

    /// The same of the part of a snapshot.
    pub(super) fn open(
        config: &HnswConfig,
        (dimensions, slots): (usize, usize),
        is_graph: bool,
        memory: Memory,
        part: &mut Part,
    ) -> Result<Self, Error> {
        let width = width(config, dimensions);
        Ok(match kept(config, is_graph) {
            Kept::F32 => {
                let rows = part.take_rows(VECTORS, row_bytes::<f32>(width), slots)?;
                Self::F32(RowsWriter::open(width, memory, rows)?)
            }
            Kept::F16 => {
                let rows = part.take_rows(VECTORS, row_bytes::<u16>(width), slots)?;
                Self::F16(RowsWriter::open(width, memory, rows)?)
            }
            Kept::None => Self::None,
        })
    }

    /// The reader's half.
    pub(super) fn exact(&self) -> Exact {
        match self {
            Self::F32(rows) => Exact::F32(rows.rows()),
            Self::F16(rows) => Exact::F16(rows.rows()),
            Self::None => Exact::None,
        }
    }

    pub(super) fn reserve(&mut self, more: usize) -> Result<(), Error> {
        match self {
            Self::F32(rows) => rows.reserve(more),
            Self::F16(rows) => rows.reserve(more),
            Self::None => Ok(()),
        }
    }

    pub(super) fn put(&mut self, vacant: &Vacant, vector: &[f32]) {
        match self {
            Self::F32(rows) => rows.put(vacant, vector, 0.0),
            Self::F16(rows) => rows.put(vacant, &encode(vector), 0),
            Self::None => {}
        }
    }

    /// Appends a vector in room that was made for it.
    pub(super) fn push(&mut self, vector: &[f32]) {
        match self {
            Self::F32(rows) => rows.push(vector, 0.0),
            Self::F16(rows) => rows.push(&encode(vector), 0),
            Self::None => {}
        }
    }
}

/// Compares a query with rows of its width.
fn measure(simd: Simd, metric: DistanceMetric, query: &[f32], rows: &[&[f32]], totals: &mut [f32]) {
    let done = match metric {
        DistanceMetric::Euclidean => simd.batch(SquaredEuclidean, query, rows, totals),
        DistanceMetric::Manhattan => simd.batch(Manhattan, query, rows, totals),
        DistanceMetric::Cosine | DistanceMetric::InnerProduct => {
            simd.batch(Dot, query, rows, totals)
        }
    };
    assert!(done.is_ok(), "rows and queries have one width");
}

fn encode(vector: &[f32]) -> Vec<u16> {
    vector.iter().map(|&value| half::encode(value)).collect()
}

fn decode(row: &[u16], vector: &mut [f32]) {
    for (value, &half) in vector.iter_mut().zip(row) {
        *value = half::decode(half);
    }
}
