//! The two loops that every kernel runs in, on every instruction set: one pair, and a batch.
//!
//! A batch compares one query with rows that lie anywhere. It folds `Lanes::ROWS` of them side by
//! side, so that their sums do not wait for one another, and asks for the lines of the rows
//! [`ahead`] places on while it works, so that memory does not wait either.

use super::element::{Blocks, Element};
use super::lanes::{Lanes, Operation};

/// A distance function, written once over the lanes of any instruction set.
///
/// [`Simd::pair`](crate::Simd::pair) and [`Simd::batch`](crate::Simd::batch) run it on rows of
/// `Row`; each kernel says on which elements it is defined.
pub trait Kernel<Row: Element>: Copy {
    /// What the query is made of. Its blocks have as many elements as the row's.
    type Query: Element;

    /// Folds a block of the query and one of the row into the row's sums.
    fn step<L: Lanes>(
        lanes: L,
        sums: Row::Sums<L>,
        query: <Self::Query as Blocks>::Block<L>,
        row: Row::Block<L>,
    ) -> Row::Sums<L>;
}

/// One query and one row of the same length.
pub(super) struct Pair<'a, K: Kernel<Row>, Row: Element> {
    pub(super) query: &'a [K::Query],
    pub(super) row: &'a [Row],
}

impl<K: Kernel<Row>, Row: Element> Operation for Pair<'_, K, Row> {
    type Output = Row::Total;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Row::Total {
        let [total] = fold::<K, Row, L, 1>(lanes, self.query, [self.row], [self.row]);
        total
    }
}

/// One query and many rows of the same length, and a place for each total.
pub(super) struct Batch<'a, K: Kernel<Row>, Row: Element> {
    pub(super) query: &'a [K::Query],
    pub(super) rows: &'a [&'a [Row]],
    pub(super) totals: &'a mut [Row::Total],
}

impl<K: Kernel<Row>, Row: Element> Operation for Batch<'_, K, Row> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        for row in self.rows.iter().take(ahead(size_of_val(self.query))) {
            prefetch(lanes, row);
        }
        match L::ROWS {
            4 => self.by::<L, 4>(lanes),
            2 => self.by::<L, 2>(lanes),
            _ => self.by::<L, 1>(lanes),
        }
    }
}

impl<K: Kernel<Row>, Row: Element> Batch<'_, K, Row> {
    /// Folds `N` rows at a time, and the rest one by one.
    #[inline(always)]
    fn by<L: Lanes, const N: usize>(self, lanes: L) {
        let ahead = ahead(size_of_val(self.query));
        let (groups, rest) = self.rows.as_chunks::<N>();
        let (group_totals, rest_totals) = self.totals.as_chunks_mut::<N>();
        for (i, (group, totals)) in groups.iter().zip(group_totals).enumerate() {
            let next = self.rows.get(i * N + ahead..).and_then(|rows| rows.first_chunk::<N>());
            *totals = fold::<K, Row, L, N>(lanes, self.query, *group, *next.unwrap_or(group));
        }
        for (row, total) in rest.iter().zip(rest_totals) {
            [*total] = fold::<K, Row, L, 1>(lanes, self.query, [row], [row]);
        }
    }
}

/// Folds the query with `N` rows of its length, asking for the lines of `next` on the way.
#[inline(always)]
fn fold<K: Kernel<Row>, Row: Element, L: Lanes, const N: usize>(
    lanes: L,
    query: &[K::Query],
    rows: [&[Row]; N],
    next: [&[Row]; N],
) -> [Row::Total; N] {
    let (query_blocks, query_tail) = K::Query::split(query);
    let (blocks, rest) = (query_blocks.len(), query_tail.len());
    let parts = rows.map(|row| {
        let (row_blocks, row_tail) = Row::split(row);
        (&row_blocks[..blocks], &row_tail[..rest])
    });
    let mut sums = [Row::no_sums(lanes); N];
    for (i, query_block) in query_blocks.iter().enumerate() {
        let query_block = K::Query::load(lanes, query_block);
        for (row, sums) in sums.iter_mut().enumerate() {
            if N > 1 {
                lanes.prefetch(next[row].as_ptr().cast::<u8>().wrapping_add(i * LINE));
            }
            *sums = K::step(lanes, *sums, query_block, Row::load(lanes, &parts[row].0[i]));
        }
    }
    if rest > 0 {
        let query_block = K::Query::load_tail(lanes, query_tail);
        for (row, sums) in sums.iter_mut().enumerate() {
            *sums = K::step(lanes, *sums, query_block, Row::load_tail(lanes, parts[row].1));
        }
    }
    sums.map(|sums| Row::total(lanes, sums))
}

/// Asks for all lines of a row.
#[inline(always)]
fn prefetch<Row: Element, L: Lanes>(lanes: L, row: &[Row]) {
    let first = row.as_ptr().cast::<u8>();
    for offset in (0..size_of_val(row)).step_by(LINE) {
        lanes.prefetch(first.wrapping_add(offset));
    }
}

/// Bytes in a cache line, and in a block.
const LINE: usize = 64;

/// Rows between the one that is compared and the one whose lines are asked for: eight hide a
/// miss, but of long rows four already fill the first cache.
const fn ahead(row_bytes: usize) -> usize {
    if row_bytes <= 2048 { 8 } else { 4 }
}
