//! The two loops that every kernel runs in, on every instruction set: one pair, and a batch.
//!
//! A batch compares one query with rows that lie anywhere. It folds `Lanes::ROWS` of them side by
//! side, so that their sums do not wait for one another, and asks for the lines of the rows
//! [`ahead`] places on while it works, so that memory does not wait either. Who knows the rows
//! earlier may ask for their first lines before.

use bytemuck::Pod;

use super::element::{Blocks, Element};
use super::lanes::{Lanes, Operation};
use super::prefetch::{LINE, prefetch_line};

/// A distance function, written once over the lanes of any instruction set.
///
/// [`Simd::pair`](crate::Simd::pair) and [`Simd::batch`](crate::Simd::batch) run it on rows of
/// `Row`; each kernel says on which elements it is defined. The trait is sealed: a new kernel is
/// a file in core.
pub trait Kernel<Row: Element>: Copy {
    /// What the query is made of. Its blocks have as many elements as the row's.
    type Query: Element;

    /// Folds a block of the query and one of the row into the row's sums.
    fn step<L: Lanes>(
        self,
        lanes: L,
        sums: Row::Sums<L>,
        query: <Self::Query as Blocks>::Block<L>,
        row: Row::Block<L>,
    ) -> Row::Sums<L>;
}

/// One query and one row of the same length.
pub(crate) struct Pair<'a, K: Kernel<Row>, Row: Element> {
    pub(crate) kernel: K,
    pub(crate) query: &'a [K::Query],
    pub(crate) row: &'a [Row],
}

impl<K: Kernel<Row>, Row: Element> Operation for Pair<'_, K, Row> {
    type Output = Row::Total;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Row::Total {
        let Self { kernel, query, row } = self;
        let [total] = fold(lanes, kernel, query, [row], [row], 0);
        total
    }
}

/// What leads to a row.
pub(crate) trait Leads<Row>: Copy {
    fn row(&self) -> &[Row];
}

impl<Row> Leads<Row> for &[Row] {
    #[inline(always)]
    fn row(&self) -> &[Row] {
        self
    }
}

/// The bytes of a row, aligned as its elements are.
#[derive(Clone, Copy)]
pub(crate) struct Raw<'a>(pub(crate) &'a [u8]);

impl<Row: Pod> Leads<Row> for Raw<'_> {
    #[inline(always)]
    fn row(&self) -> &[Row] {
        bytemuck::cast_slice(self.0)
    }
}

/// One query and many rows of the same length, and a place for each total. The first `asked` lines
/// of each row are on their way already.
pub(crate) struct Batch<'a, K: Kernel<Row>, Row: Element, P> {
    pub(crate) kernel: K,
    pub(crate) query: &'a [K::Query],
    pub(crate) rows: &'a [P],
    pub(crate) totals: &'a mut [Row::Total],
    pub(crate) asked: usize,
}

impl<K: Kernel<Row>, Row: Element, P: Leads<Row>> Operation for Batch<'_, K, Row, P> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        const { assert!(L::ROWS == 1 || L::ROWS == 4, "the widths that batches are folded by") };
        if L::ROWS == 4 { self.by::<L, 4>(lanes) } else { self.by::<L, 1>(lanes) }
    }
}

impl<K: Kernel<Row>, Row: Element, P: Leads<Row>> Batch<'_, K, Row, P> {
    /// Folds `N` rows at a time, and the rest one by one.
    #[inline(always)]
    fn by<L: Lanes, const N: usize>(self, lanes: L) {
        let Self { kernel, query, rows, totals, asked } = self;
        let ahead = ahead(rows.first().map_or(0, |first| size_of_val(first.row())));
        for row in rows.iter().take(ahead).map(Leads::row) {
            for line in asked..size_of_val(row).div_ceil(LINE) {
                prefetch_line(row, line);
            }
        }
        let (groups, rest) = rows.as_chunks::<N>();
        let (group_totals, rest_totals) = totals.as_chunks_mut::<N>();
        for (i, (group, totals)) in groups.iter().zip(group_totals).enumerate() {
            // Past the end a row asks for itself, which costs nothing.
            let next = each(|row| rows.get(i * N + ahead + row).unwrap_or(&group[row]).row());
            let group = each(|row| group[row].row());
            *totals = fold(lanes, kernel, query, group, next, asked);
        }
        for (row, total) in rest.iter().map(Leads::row).zip(rest_totals) {
            [*total] = fold(lanes, kernel, query, [row], [row], 0);
        }
    }
}

/// One query and rows of the same length: is a total's bits, as a number, at most `most`?
pub(crate) struct AnyWithin<'a, K: Kernel<Row>, Row: Element, P> {
    pub(crate) kernel: K,
    pub(crate) query: &'a [K::Query],
    pub(crate) rows: &'a [P],
    pub(crate) most: u32,
}

impl<K, Row, P> Operation for AnyWithin<'_, K, Row, P>
where
    K: Kernel<Row>,
    Row: Element<Total: Pod>,
    P: Leads<Row>,
{
    type Output = bool;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> bool {
        if L::ROWS == 4 { self.by::<L, 4>(lanes) } else { self.by::<L, 1>(lanes) }
    }
}

impl<K, Row, P> AnyWithin<'_, K, Row, P>
where
    K: Kernel<Row>,
    Row: Element<Total: Pod>,
    P: Leads<Row>,
{
    #[inline(always)]
    fn by<L: Lanes, const N: usize>(self, lanes: L) -> bool {
        let Self { kernel, query, rows, most } = self;
        let (groups, rest) = rows.as_chunks::<N>();
        for group in groups {
            let group: [&[Row]; N] = each(|row| group[row].row());
            let totals = fold(lanes, kernel, query, group, group, usize::MAX);
            // Without a branch for each.
            let mut within = false;
            for total in totals {
                within |= bytemuck::cast::<_, u32>(total) <= most;
            }
            if within {
                return true;
            }
        }
        for row in rest.iter().map(Leads::row) {
            let [total] = fold(lanes, kernel, query, [row], [row], usize::MAX);
            if bytemuck::cast::<_, u32>(total) <= most {
                return true;
            }
        }
        false
    }
}

/// Folds the query with `N` rows of its length, asking for the lines of `next` from `asked` on.
#[inline(always)]
fn fold<K: Kernel<Row>, Row: Element, L: Lanes, const N: usize>(
    lanes: L,
    kernel: K,
    query: &[K::Query],
    rows: [&[Row]; N],
    next: [&[Row]; N],
    asked: usize,
) -> [Row::Total; N] {
    let (query_blocks, query_tail) = K::Query::split(query);
    let (blocks, rest) = (query_blocks.len(), query_tail.len());
    let parts: [_; N] = each(|row| {
        let (row_blocks, row_tail) = Row::split(rows[row]);
        (&row_blocks[..blocks], &row_tail[..rest])
    });
    let mut sums = [Row::no_sums(lanes); N];
    for (i, query_block) in query_blocks.iter().enumerate() {
        let query_block = K::Query::load(lanes, query_block);
        for (row, sums) in sums.iter_mut().enumerate() {
            if N > 1 && i >= asked {
                prefetch_line(next[row], i);
            }
            *sums = kernel.step(lanes, *sums, query_block, Row::load(lanes, &parts[row].0[i]));
        }
    }
    if rest > 0 {
        let query_block = K::Query::load_tail(lanes, query_tail);
        for (row, sums) in sums.iter_mut().enumerate() {
            if N > 1 && blocks >= asked {
                prefetch_line(next[row], blocks);
            }
            *sums = kernel.step(lanes, *sums, query_block, Row::load_tail(lanes, parts[row].1));
        }
    }
    each(|row| Row::total(lanes, sums[row]))
}

/// `std::array::from_fn`, which is a call for each element where a module is compiled for size:
/// a tenth of a build.
#[inline(always)]
fn each<T: Copy, const N: usize>(of: impl Fn(usize) -> T) -> [T; N] {
    let mut all = [of(0); N];
    #[expect(clippy::needless_range_loop, reason = "an iterator would be such a call")]
    for place in 1..N {
        all[place] = of(place);
    }
    all
}

/// Rows between the one that is compared and the one whose lines are asked for: eight hide a
/// miss, but of long rows four already fill the first cache.
const fn ahead(row_bytes: usize) -> usize {
    if row_bytes <= 2048 { 8 } else { 4 }
}
