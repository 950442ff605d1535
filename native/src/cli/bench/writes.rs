//! What writing costs: inserts one by one, and a reader beside them.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use vicino::{HnswIndex, HnswReader, Searcher, Serial};

use super::data::Data;
use super::latency::Latencies;
use super::table::Table;
use super::{Bench, Built};

/// Inserts the last rows one by one, and prints how long one takes.
pub(super) fn inserts(bench: &Bench, count: usize, out: &mut impl Write) -> Result<()> {
    let data = bench.data()?;
    let mut built = build_all_but(count, bench, &data, out)?;
    print_inserts(&insert_last(&mut built.index, &data)?, out)
}

/// Measures a reader alone for so long, then while a writer inserts the last rows.
pub(super) fn reads_during_writes(
    bench: &Bench,
    alone: Duration,
    out: &mut impl Write,
) -> Result<()> {
    let data = bench.data()?;
    let Built { mut index, .. } = build_all_but(bench.writes, bench, &data, out)?;
    let reader = index.reader();
    let read = |until: &dyn Fn() -> bool| read(&reader, &data, bench, until);

    let start = Instant::now();
    let before = read(&|| start.elapsed() >= alone)?;
    let (during, inserts) = thread::scope(|scope| {
        let writer = scope.spawn(|| insert_last(&mut index, &data));
        let during = read(&|| writer.is_finished());
        (during, writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let during = during?;

    let figures = |reads: &Latencies| [reads.per_second(), reads.micros(50), reads.micros(99)];
    let (before, during) = (figures(&before), figures(&during));
    let ratios = [0, 1, 2].map(|i| during[i] / before[i]);
    let reader = format!("reader, ef {}", bench.first_ef());
    let table = Table::new(&[&reader, "QPS", "p50 us", "p99 us"], out)?;
    for (name, figures, digits) in
        [("alone", before, 0), ("beside a writer", during, 0), ("ratio", ratios, 2)]
    {
        let [qps, p50, p99] = figures.map(|figure| format!("{figure:.digits$}"));
        table.row(&[name.to_owned(), qps, p50, p99], out)?;
    }
    writeln!(out)?;
    print_inserts(&inserts?, out)
}

/// An index of all rows but the last, which are inserted later.
fn build_all_but(last: usize, bench: &Bench, data: &Data, out: &mut impl Write) -> Result<Built> {
    let rows = data.len();
    ensure!(last < rows, "{last} inserts leave none of {rows} rows to begin with");
    let built = bench.build(&bench.pool()?, data.first(rows - last))?;
    bench.describe(&built, out)?;
    Ok(built)
}

/// Inserts the rows that the index, which has those before them, does not have yet.
fn insert_last(index: &mut HnswIndex, data: &Data) -> Result<Latencies> {
    let mut took = Vec::new();
    for row in index.len()..data.len() {
        let start = Instant::now();
        index.insert(data.row(row), &Serial)?;
        took.push(start.elapsed());
    }
    Ok(Latencies::new(took))
}

fn print_inserts(inserts: &Latencies, out: &mut impl Write) -> Result<()> {
    writeln!(
        out,
        "inserts one by one: p50 {:.0} us, p99 {:.0} us, {:.0} a second",
        inserts.micros(50),
        inserts.micros(99),
        inserts.per_second()
    )?;
    Ok(())
}

/// Searches for one query after the other, round and round, until it is time to stop.
fn read(
    index: &HnswReader,
    data: &Data,
    bench: &Bench,
    is_over: &dyn Fn() -> bool,
) -> Result<Latencies> {
    let mut searcher = Searcher::default();
    let mut took = Vec::new();
    for query in data.queries().cycle() {
        let start = Instant::now();
        index.search(query, bench.k, Some(bench.first_ef()), &mut searcher)?;
        took.push(start.elapsed());
        if is_over() {
            break;
        }
    }
    Ok(Latencies::new(took))
}
