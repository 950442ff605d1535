//! What searches ask of a graph.

use super::Graph;
use super::measure::Power;
use super::pool::{Admit, Candidate, Scratch};
use crate::memory::Shown;

/// How a walk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Beam {
    /// How many shown slots it keeps.
    pub(crate) ef: usize,
    /// What it may [cost](Cost::units).
    pub(crate) most: u64,
    /// Does it look through the slots that are not shown, instead of measuring them?
    pub(crate) two_hop: bool,
}

impl Graph {
    /// Fills the pool with the nearest `ef` slots that the walk meets, not counting
    /// those that `shown` hides.
    pub(crate) fn search(
        &self,
        vector: &[f32],
        beam: Beam,
        shown: &Shown<'_>,
        scratch: &mut Scratch,
    ) {
        let Beam { ef, most, two_hop } = beam;
        let Scratch { pool, row, .. } = scratch;
        let (query, view) = (self.encode(vector, row), self.view());
        if two_hop {
            view.walk_in_two_hops(query, ef, most, pool, shown);
        } else {
            let admit = if shown.hides_any() { Admit::Shown(shown) } else { Admit::All };
            view.walk(query, ef, most, pool, admit);
        }
    }

    /// Fills the pool with the nearest `count` slots that are shown, by comparing all.
    pub(crate) fn scan(
        &self,
        vector: &[f32],
        count: usize,
        shown: &Shown<'_>,
        scratch: &mut Scratch,
    ) {
        let Scratch { pool, row, .. } = scratch;
        self.view().scan(self.encode(vector, row), count, pool, shown);
    }

    /// The total that a candidate stands for, in the units of the vectors.
    pub(crate) fn total(&self, candidate: Candidate) -> f64 {
        let step = self.measure.step(&self.range);
        let total = self.measure.measured(candidate.rank()) * step;
        if self.measure.power() == Power::Two { total * step } else { total }
    }

    /// The vector of a slot as far as its row tells, filled up with what rows are filled up with.
    pub(crate) fn decode(&self, slot: u32, vector: &mut Vec<f32>) {
        self.measure.decode(&self.range, self.rows.view().row(slot), vector);
    }

    /// The bytes of what searches read, without rows that the index has.
    pub(crate) fn bytes(&self) -> usize {
        let rows = if self.owns_rows { self.rows.bytes() } else { 0 };
        rows + self.ground.bytes() + self.starts.bytes() + self.upper.bytes()
    }

    /// Leaves of `slots`, which have rows, those whose vectors may have a total of `most` or less:
    /// all of these, and few others.
    pub(crate) fn sift(&self, vector: &[f32], most: f64, slots: &mut Vec<u32>, row: &mut Vec<f32>) {
        let step = self.measure.step(&self.range);
        // A code is off by half a step, and a thousandth of that for the roundings of floats;
        // what is clipped to the range only comes nearer to whatever else is in it.
        #[expect(clippy::cast_precision_loss, reason = "dimensions are few")]
        let off = 1.001 * vector.len() as f64;
        let steps = match self.measure.power() {
            Power::One => most / step + off,
            Power::Two => {
                let steps = most.sqrt() / step + off.sqrt();
                steps * steps
            }
        };
        // Also where there is no number: then none is known to be too far.
        if steps < f64::from(u32::MAX) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
            let most = steps as u32;
            self.view().sift(self.encode(vector, row), most, slots);
        }
    }

    /// The cache lines of a row.
    pub(crate) fn lines(&self) -> usize {
        self.rows.width().div_ceil(64)
    }

    /// The links of a slot in an upper layer.
    pub(crate) fn connections(&self) -> usize {
        self.shape.connections
    }
}
