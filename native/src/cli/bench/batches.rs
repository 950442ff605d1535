//! What inserting costs one by one and in batches, into new scopes and into a large one.

use std::io::Write;
use std::ops::Range;
use std::time::Duration;

use anyhow::{Result, ensure};
use vicino::{Collection, Scope};

use super::Bench;
use super::data::Data;
use super::store::{self, entries, few, scope};
use super::table::Table;

/// From an entry that a user adds to a part of an import.
pub(super) const SIZES: &[usize] = &[1, 100, 1000, 10_000];

/// Rows that each size is measured on at least, and the most of a new scope: a scan, whatever the
/// dimensions.
const ROWS: usize = 1000;

/// New scopes, because one is filled too quickly to be measured.
const FRESH: usize = 10;

/// Prints a row for each size, into new scopes where they hold so many, then for each into all
/// rows but those that are inserted.
pub(super) fn run(bench: &Bench, sizes: &[usize], out: &mut impl Write) -> Result<()> {
    let (data, pool) = (bench.data()?, bench.pool()?);
    let last: usize = sizes.iter().map(|size| ROWS.max(*size)).sum();
    let count = data.len();
    ensure!(last < count, "the batches take {last} rows and leave none of {count} to begin with");
    let first = count - last;

    let mut collection = store::collection(bench)?;
    let all = entries(&data, 0..first, &scope(), few);
    let took = pool.install(|| store::insert(&mut collection, all))?;
    let bytes = collection.stats().memory.total();
    bench.describe(first, bytes, took, out)?;

    let table = Table::new(&["batch", "  into rows", "entries/s", "us an entry"], out)?;
    let row = |size: usize, into: String, rows: usize, took: Duration| {
        let seconds = took.as_secs_f64() / rows as f64;
        [size.to_string(), into, format!("{:.0}", 1.0 / seconds), format!("{:.2}", seconds * 1e6)]
    };
    for &size in sizes.iter().filter(|size| **size <= ROWS) {
        let mut took = Duration::ZERO;
        for fresh in 0..FRESH {
            let scope = Scope::Tenant(format!("{size} {fresh}"));
            took += pool.install(|| insert(&mut collection, &data, 0..ROWS, size, &scope))?;
        }
        table.row(&row(size, format!("0..{ROWS}"), FRESH * ROWS, took), out)?;
    }
    let mut first = first;
    for &size in sizes {
        let rows = ROWS.max(size);
        let range = first..first + rows;
        let took = pool.install(|| insert(&mut collection, &data, range, size, &scope()))?;
        table.row(&row(size, first.to_string(), rows, took), out)?;
        first += rows;
    }
    Ok(())
}

/// Inserts rows in batches of a size; how long that took.
fn insert(
    collection: &mut Collection,
    data: &Data,
    rows: Range<usize>,
    size: usize,
    scope: &Scope,
) -> Result<Duration> {
    let starts = rows.clone().step_by(size);
    let batches = starts.map(|start| start..rows.end.min(start + size));
    batches.map(|rows| store::insert(collection, entries(data, rows, scope, few))).sum()
}
