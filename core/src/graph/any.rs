//! What searches need of a graph whose kernel and rows are not said.

use std::fmt;

use super::measure::Power;
use super::pool::{All, Candidate, Queries, Scratch};
use super::scan::{Scan, Sift};
use super::two_hop::TwoHop;
use super::walk::Search;
use super::{Graph, Measure, Stored};
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

/// A graph to search.
pub(crate) trait AnyGraph: fmt::Debug + Send + Sync {
    /// Fills the pool with the nearest `ef` slots that the walk meets, not counting
    /// those that `shown` hides.
    fn search(&self, vector: &[f32], beam: Beam, shown: &Shown<'_>, scratch: &mut Scratch);

    /// Fills the pool with the nearest `count` slots that are shown, by comparing all.
    fn scan(&self, vector: &[f32], count: usize, shown: &Shown<'_>, scratch: &mut Scratch);

    /// The kernel's total that a candidate stands for, in the units of the vectors.
    fn total(&self, candidate: Candidate) -> f64;

    /// The vector of a slot as far as its row tells, filled up with what rows are filled up with.
    fn decode(&self, slot: u32, vector: &mut Vec<f32>);

    /// The bytes of what searches read, without rows that the index has.
    fn bytes(&self) -> usize;

    /// Leaves of `slots`, which have rows, those whose vectors may have a total of `most` or less:
    /// all of these, and few others.
    fn sift(&self, vector: &[f32], most: f64, slots: &mut Vec<u32>, queries: &mut Queries);

    /// The cache lines of a row.
    fn lines(&self) -> usize;

    /// The links of a slot in an upper layer.
    fn connections(&self) -> usize;
}

impl<K: Measure<R>, R: Stored> AnyGraph for Graph<K, R> {
    fn search(&self, vector: &[f32], beam: Beam, shown: &Shown<'_>, scratch: &mut Scratch) {
        let Beam { ef, most, two_hop } = beam;
        let Scratch { pool, queries, .. } = scratch;
        let query = self.encode(vector, queries);
        let view = &self.view();
        if two_hop {
            self.simd.run(TwoHop { view, query, ef, most, pool, shown });
        } else if shown.hides_any() {
            self.simd.run(Search { view, query, ef, most, pool, admit: shown });
        } else {
            self.simd.run(Search { view, query, ef, most, pool, admit: All });
        }
    }

    fn scan(&self, vector: &[f32], count: usize, shown: &Shown<'_>, scratch: &mut Scratch) {
        let Scratch { pool, queries, .. } = scratch;
        let query = self.encode(vector, queries);
        self.simd.run(Scan { view: &self.view(), query, count, pool, shown });
    }

    fn total(&self, candidate: Candidate) -> f64 {
        let step = R::step(&self.range);
        let total = R::measured(candidate.rank()) * step;
        if K::POWER == Power::Two { total * step } else { total }
    }

    fn decode(&self, slot: u32, vector: &mut Vec<f32>) {
        R::decode(&self.range, self.rows.view().row(slot), vector);
    }

    fn bytes(&self) -> usize {
        let rows = if self.owns_rows { self.rows.bytes() } else { 0 };
        rows + self.ground.bytes() + self.starts.bytes() + self.upper.bytes()
    }

    fn sift(&self, vector: &[f32], most: f64, slots: &mut Vec<u32>, queries: &mut Queries) {
        let step = R::step(&self.range);
        // A code is off by half a step, and a thousandth of that for the roundings of floats;
        // what is clipped to the range only comes nearer to whatever else is in it.
        #[expect(clippy::cast_precision_loss, reason = "dimensions are few")]
        let off = 1.001 * vector.len() as f64;
        let steps = match K::POWER {
            Power::One => most / step + off,
            Power::Two => {
                let steps = most.sqrt() / step + off.sqrt();
                steps * steps
            }
        };
        // Also where there is no number: then none is known to be too far.
        if steps < f64::from(u32::MAX) {
            let query = self.encode(vector, queries);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
            let most = steps as u32;
            self.simd.run(Sift { view: &self.view(), query, most, slots });
        }
    }

    fn lines(&self) -> usize {
        (self.rows.width() * size_of::<R>()).div_ceil(64)
    }

    fn connections(&self) -> usize {
        self.shape.connections
    }
}
