//! What it costs one tenant that another imports: its durable inserts and its searches, alone and
//! then.

use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use vicino::{BlockingVectorStorage, Scope, Store, VectorQuery};

use super::Bench;
use super::data::Data;
use super::latency::Latencies;
use super::store::{entries, few, scope};
use super::table::Table;

/// Rows that the one tenant has, enough for a graph.
const OWN: usize = 10_000;

/// Inserts of the one tenant that are timed alone; beside the import there are as many as it lasts.
const ALONE: usize = 2_000;

/// Rows of a batch of the import.
const BATCH: usize = 1000;

/// Prints a line for the tenant alone, one for it beside the import, and their ratios.
pub(super) fn run(bench: &Bench, folder: &Path, out: &mut impl Write) -> Result<()> {
    let data = bench.data()?;
    let own = OWN.min(data.len() / 4);
    ensure!(own > 0, "{} rows are too few", data.len());
    let store = Store::open_blocking(folder)?;
    let storage = store.collection_blocking("bench", bench.dim, bench.config())?;
    let storage = storage.blocking();
    storage.insert(entries(&data, 0..own, &scope(), few))?;
    let titles = ["rows", "insert p50 us", "insert p99 us", "search p50 us", "search p99 us"];
    let table = Table::new(&titles, out)?;

    let alone = live(storage, &data, own, 0..ALONE)?;
    let import = own..data.len();
    let done = AtomicBool::new(false);
    let start = Instant::now();
    let mut rate = 0.0;
    let beside = std::thread::scope(|threads| {
        let importing = threads.spawn(|| {
            let imported = import_rows(storage, &data, import.clone());
            done.store(true, Ordering::Relaxed);
            imported.map(|()| import.len() as f64 / start.elapsed().as_secs_f64())
        });
        let more = (ALONE..).take_while(|_| !done.load(Ordering::Relaxed));
        let beside = live(storage, &data, own, more);
        rate = importing.join().ok().context("the import panicked")??;
        beside
    })?;
    for (name, [inserts, searches]) in [("alone", &alone), ("beside", &beside)] {
        let figure = |of: &Latencies, percent| format!("{:.0}", of.micros(percent));
        let [a, b] = [inserts, searches].map(|of| [figure(of, 50), figure(of, 99)]);
        table.row(&[&[name.to_owned()], &a[..], &b[..]].concat(), out)?;
    }
    let commits = store.stats()?.commit_latency;
    writeln!(
        out,
        "\ncommits: p50 {:?}, p95 {:?}, p99 {:?}, max {:?}",
        commits.p50, commits.p95, commits.p99, commits.max
    )?;
    let ratio = |of: usize, percent| beside[of].micros(percent) / alone[of].micros(percent);
    writeln!(
        out,
        "\nratios: insert p50 {:.2}, p99 {:.2}; search p50 {:.2}, p99 {:.2}; import {rate:.0}/s",
        ratio(0, 50),
        ratio(0, 99),
        ratio(1, 50),
        ratio(1, 99)
    )?;
    Ok(())
}

fn import_rows(storage: &BlockingVectorStorage, data: &Data, rows: Range<usize>) -> Result<()> {
    for start in rows.clone().step_by(BATCH) {
        let to = Scope::Tenant("import".to_owned());
        storage.insert(entries(data, start..rows.end.min(start + BATCH), &to, few))?;
    }
    Ok(())
}

/// Inserts entries one by one, with the vectors of the first rows by turns, and searches between.
fn live(
    storage: &BlockingVectorStorage,
    data: &Data,
    own: usize,
    numbers: impl Iterator<Item = usize>,
) -> Result<[Latencies; 2]> {
    let (mut inserts, mut searches) = (Vec::new(), Vec::new());
    for number in numbers {
        let row = number % own;
        let mut entry = entries(data, row..row + 1, &scope(), few);
        entry.iter_mut().for_each(|entry| entry.id = format!("live-{number}"));
        let start = Instant::now();
        storage.insert(entry)?;
        inserts.push(start.elapsed());
        search(storage, data, &mut searches)?;
    }
    Ok([Latencies::new(inserts), Latencies::new(searches)])
}

/// Times some searches.
fn search(
    storage: &BlockingVectorStorage,
    data: &Data,
    took: &mut Vec<std::time::Duration>,
) -> Result<()> {
    for _ in 0..4 {
        let query = data.query(took.len());
        let query = VectorQuery::new(query, 10).with_scope(scope());
        let start = Instant::now();
        storage.search(&query)?;
        took.push(start.elapsed());
    }
    Ok(())
}
