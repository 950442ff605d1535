//! What writing costs: inserts one by one, and a reader beside them.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use vicino::{Searcher, Serial};

use super::Bench;
use super::data::Data;
use super::latency::Latencies;
use super::store::{Reader, Store};
use super::table::Table;

/// Inserts the last rows one by one, and prints how long one takes.
pub(super) fn inserts(bench: &Bench, count: usize, out: &mut impl Write) -> Result<()> {
    let data = bench.data()?;
    let mut store = build_all_but(count, bench, &data, out)?;
    print_inserts(&insert_last(&mut store, &data)?, out)
}

/// Measures a reader alone for so long, then while a writer inserts the last rows.
pub(super) fn reads_during_writes(
    bench: &Bench,
    alone: Duration,
    out: &mut impl Write,
) -> Result<()> {
    let data = bench.data()?;
    let mut store = build_all_but(bench.writes, bench, &data, out)?;
    let reader = store.reader(bench);
    let read = |until: &dyn Fn() -> bool| read(&reader, &data, bench, until);

    let start = Instant::now();
    let before = read(&|| start.elapsed() >= alone)?;
    let (during, inserts) = thread::scope(|scope| {
        let writer = scope.spawn(|| insert_last(&mut store, &data));
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

/// All rows but the last, which are inserted later, by the thread that inserts.
fn build_all_but(last: usize, bench: &Bench, data: &Data, out: &mut impl Write) -> Result<Store> {
    let rows = data.len();
    ensure!(last < rows, "{last} inserts leave none of {rows} rows to begin with");
    let store = bench.build(&bench.pool()?, data, rows - last, out)?;
    Ok(store.with_executor(Serial))
}

/// Inserts the rows that a store, which has those before them, does not have yet.
fn insert_last(store: &mut Store, data: &Data) -> Result<Latencies> {
    let took = (store.len()?..data.len()).map(|row| store.insert(row..row + 1, data));
    Ok(Latencies::new(took.collect::<Result<_>>()?))
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
    reader: &Reader,
    data: &Data,
    bench: &Bench,
    is_over: &dyn Fn() -> bool,
) -> Result<Latencies> {
    let mut searcher = Searcher::default();
    let (mut rows, mut took) = (Vec::new(), Vec::new());
    for query in data.queries().cycle() {
        let start = Instant::now();
        reader.search(query, bench.k, bench.first_ef(), &mut searcher, &mut rows)?;
        took.push(start.elapsed());
        if is_over() {
            break;
        }
    }
    Ok(Latencies::new(took))
}
