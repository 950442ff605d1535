//! A graph in a snapshot: rows and lists as they lie in memory.
//!
//! Lists of layers above follow from the seed, so where they start is not stored but worked out.
//! Searches look whether a link leads to a slot; what writes believes more, and so all lists are
//! read once before the first change, and what they may not have is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Graph, GraphWriter, Int8, Measure, Shape, layers_above, link};
use crate::error::Error;
use crate::memory::{
    Bytes, EMPTY, Held, Memory, Rows, RowsWriter, Shared, State, collected, row_bytes,
};
use crate::snapshot::{Open, Part, PartWriter, Tag, corrupt};

const ROWS: Tag = Tag::new(*b"CODE", "codes");
const GROUND: Tag = Tag::new(*b"LINK", "links");
const UPPER: Tag = Tag::new(*b"UPPR", "links of upper layers");
const IN_DEGREES: Tag = Tag::new(*b"INDG", "in-degrees");
const ENTRY: Tag = Tag::new(*b"ENTR", "entry point");
const RANGE: Tag = Tag::new(*b"RANG", "range of codes");

/// What a part has of a graph, whose slots are held.
pub(crate) type GraphSave = Box<dyn Fn(&mut PartWriter<'_>, &Held) + Send>;

impl GraphWriter {
    /// What the part of a snapshot has of the graph. Links are copied, rows are not.
    pub(super) fn save_arrays(&self, memory: Memory) -> Result<GraphSave, Error> {
        let m = self.graph.shape.connections;
        let rows = self.rows.as_ref().map(RowsWriter::rows);
        let (ground, upper) = (self.ground.copied(memory)?, self.upper.copied(memory)?);
        let in_degrees = self.in_degrees.iter().map(|count| count.load(Ordering::Relaxed));
        let in_degrees = collected(self.in_degrees.len(), in_degrees)?;
        let (entry, range) = (self.graph.entry.load(Ordering::Relaxed), self.graph.range.ends());
        Ok(Box::new(move |part, held| {
            if let Some(rows) = &rows {
                part.rows(ROWS, rows, held);
            }
            part.copy(GROUND, row_bytes::<AtomicU32>(2 * m), ground.bytes());
            part.copy(UPPER, row_bytes::<AtomicU32>(m), upper.bytes());
            part.values(IN_DEGREES, &in_degrees);
            part.values(ENTRY, &[entry]);
            part.values(RANGE, &range);
        }))
    }

    /// Drops links that no list may have, of lists that were not written here. What begins after it
    /// stands on no free slot.
    pub(super) fn drop_invalid(&self, states: &[State], sweep: Option<[u32; 2]>) {
        let view = self.graph.view();
        let is = |slot: u32, state| states.get(slot as usize) == Some(&state);
        let mut sorted = Vec::new();
        for slot in 0..view.len() {
            for layer in 0..=view.layers_above(slot) {
                let list = view.list(slot, layer);
                sorted.clear();
                sorted.extend(view.links(slot, layer));
                // Behind the first place that is empty all are.
                let rest = list[sorted.len()..].iter().map(|link| link.load(Ordering::Relaxed));
                let ends = rest.into_iter().all(|link| link == EMPTY);
                sorted.sort_unstable();
                let twice = sorted.windows(2).any(|pair| pair[0] == pair[1]);
                // A sweep has led these around who leaves, or they came after it began.
                let is_swept = sweep.is_some_and(|[next, end]| !(next..end).contains(&slot));
                let is_led = is_swept && !is(slot, State::Leaving);
                // Nobody reads the list of a free slot, which is emptied when it is taken.
                let valid = |link: &u32| {
                    let is_link = view.is_valid(slot, layer, *link, states);
                    is(slot, State::Free) || is_link && !(is_led && is(*link, State::Leaving))
                };
                if twice || !ends || !sorted.iter().all(valid) {
                    sorted.dedup();
                    sorted.retain(valid);
                    let links = sorted.iter().copied().chain(std::iter::repeat(EMPTY));
                    for (place, link) in list.iter().zip(links) {
                        place.store(link, Ordering::Release);
                    }
                }
            }
        }
        if view.entry().is_none_or(|entry| is(entry, State::Free)) {
            let live = (0..view.len()).find(|slot| is(*slot, State::Live));
            self.graph.entry.store(live.unwrap_or(EMPTY), Ordering::Release);
        }
    }

    /// The graph of a part, of vectors of `dimensions` in `slots` slots, or over another's rows.
    pub(crate) fn open(
        measure: Measure,
        shape: Shape,
        (dimensions, slots): (usize, usize),
        shared: Option<Rows<u8>>,
        open: &Open,
        part: &mut Part,
    ) -> Result<Self, Error> {
        let (m, memory) = (shape.connections, open.memory);
        let own = match shared {
            Some(_) => None,
            None => {
                let width = measure.width(dimensions);
                let rows = part.take_rows(ROWS, row_bytes::<u8>(width), slots)?;
                Some(rows_of(width, open, rows)?)
            }
        };
        let ground = part.take_rows(GROUND, row_bytes::<AtomicU32>(2 * m), slots)?;
        let ground = rows_of(2 * m, open, ground)?;
        let mut starts = RowsWriter::new(1, memory);
        starts.reserve(slots)?;
        let mut above = 0;
        for slot in 0..u32::try_from(slots).expect("slots fit") {
            starts.push(&[above], 0);
            above += u32::try_from(layers_above(&shape, slot)).expect("layers are few");
        }
        let upper = part.take_rows(UPPER, row_bytes::<AtomicU32>(m), above as usize)?;
        let upper = rows_of(m, open, upper)?;
        let in_degrees = part.take_values::<u32>(IN_DEGREES)?;
        if in_degrees.len() != slots {
            return Err(corrupt(IN_DEGREES.name)("are not as many as slots"));
        }
        let entry = match part.take_values(ENTRY)?[..] {
            [entry] if entry == EMPTY || (entry as usize) < slots => entry,
            _ => return Err(corrupt(ENTRY.name)("is no slot")),
        };
        let range = match part.take_values(RANGE)?[..] {
            [low, scale] => Int8::of_ends([low, scale]),
            _ => None,
        };
        let rows = shared.or_else(|| own.as_ref().map(RowsWriter::rows));
        let graph = Graph {
            measure,
            shape,
            range: range.ok_or_else(|| corrupt(RANGE.name)("is none"))?,
            rows: rows.expect("they are own or shared"),
            owns_rows: own.is_some(),
            ground: ground.rows(),
            starts: starts.rows(),
            upper: upper.rows(),
            entry: AtomicU32::new(entry),
        };
        Ok(Self {
            graph: Arc::new(graph),
            rows: own,
            ground,
            starts,
            upper,
            in_degrees: in_degrees.into_iter().map(AtomicU32::new).collect(),
            pools: link::Pools::default(),
            encoded: Vec::new(),
        })
    }
}

/// Has a part links of so many slots?
pub(crate) fn check_slots(part: &Part, slots: usize) -> Result<(), Error> {
    match part.rows(GROUND) == slots {
        true => Ok(()),
        false => Err(corrupt(GROUND.name)("are not those of all slots")),
    }
}

/// Rows where they lie in a snapshot, or a copy of them.
fn rows_of<T: Shared>(
    width: usize,
    open: &Open,
    rows: Option<Bytes>,
) -> Result<RowsWriter<T>, Error> {
    match rows {
        Some(rows) if open.preload => RowsWriter::copy_of(width, open.memory, &rows),
        rows => RowsWriter::open(width, open.memory, rows),
    }
}
