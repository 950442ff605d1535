//! What it costs that writes are on the disk when a call returns: beside the same in memory, and
//! beside what the disk alone takes.

use std::fs::{self, File};
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use vicino::{BlockingVectorStorage, HnswVectorStorage, Store, StoreConfig, VectorQuery};

use super::data::Data;
use super::store::{entries, few, scope};
use super::{Bench, Latencies};

/// Callers at once, and the rows of each.
const CALLERS: usize = 64;
const EACH: usize = 16;

/// Rows that one caller inserts one by one, and those of a batch.
const SINGLES: usize = 200;
const BATCH: usize = 1000;

/// Rows that a store has beyond its checkpoint.
const TAIL: usize = 10_000;

const SYNCS: usize = 50;

/// Prints a line for each kind of writing, in memory and on the disk.
pub(super) fn run(bench: &Bench, folder: &Path, out: &mut impl Write) -> Result<()> {
    let data = bench.data()?;
    let (last, count) = (CALLERS * EACH + SINGLES, data.len());
    ensure!(last < count, "{last} rows are inserted one by one and leave none of {count}");
    ensure!(!folder.exists(), "{} is there already", folder.display());
    let store = Store::open_blocking(folder)?;
    let disk = store.collection_blocking("bench", bench.dim, bench.config())?;
    let memory = HnswVectorStorage::try_new(bench.dim, bench.config())?;
    let both = [("memory", memory.blocking()), ("disk", disk.blocking())];
    writeln!(out, "4 KB and a sync: {:.0} us (p50)", sync(folder)?.micros(50))?;

    let first = count - last;
    // Some for a store that comes to no orderly end.
    let tail = TAIL.min(first / 2);
    let rows = first - tail;
    for (name, storage) in both {
        let took = batches(storage, &data, 0..rows)?;
        let rate = rows as f64 / took.as_secs_f64();
        writeln!(out, "{name}: {rows} rows by {BATCH}: {rate:.0} a second")?;
    }
    // What is written by itself where much has changed is not to be in the way.
    store.checkpoint_blocking()?;
    for (name, storage) in both {
        let rows = first..first + CALLERS * EACH;
        let (before, len) = (store.stats()?.commits, rows.len());
        let took = callers(storage, &data, rows)?;
        let commits = store.stats()?.commits - before;
        let rate = len as f64 / took.as_secs_f64();
        write!(out, "{name}: {CALLERS} callers: {rate:.0} a second")?;
        match commits {
            0 => writeln!(out)?,
            _ => writeln!(out, ", {:.1} a commit", len as f64 / commits as f64)?,
        }
    }
    for (name, storage) in both {
        let mut took = Vec::new();
        for row in count - SINGLES..count {
            let entry = entries(&data, row..row + 1, &scope(), few);
            let start = Instant::now();
            storage.insert(entry)?;
            took.push(start.elapsed());
        }
        let took = Latencies::new(took);
        let [half, most] = [50, 99].map(|percent| took.micros(percent));
        let rate = took.per_second();
        writeln!(
            out,
            "{name}: one caller: {rate:.0} a second, p50 {half:.0} us, p99 {most:.0} us"
        )?;
    }
    let start = Instant::now();
    store.close_blocking()?;
    writeln!(out, "disk: closed in {:.0} ms", start.elapsed().as_secs_f64() * 1e3)?;
    drop((store, disk));
    let (store, disk) = opened(bench, folder, &data, out)?;
    let took = batches(disk.blocking(), &data, first - tail..first)?;
    writeln!(out, "disk: {tail} more in {:.0} ms, and no end", took.as_secs_f64() * 1e3)?;
    drop((store, disk));
    opened(bench, folder, &data, out)?;
    Ok(())
}

/// Opens the store, and searches once.
fn opened(
    bench: &Bench,
    folder: &Path,
    data: &Data,
    out: &mut impl Write,
) -> Result<(Store, HnswVectorStorage)> {
    let start = Instant::now();
    let config = StoreConfig::default().with_maintenance(false);
    let store = Store::open_with_blocking(folder, config)?;
    let disk = store.collection_blocking("bench", bench.dim, bench.config())?;
    let opened = start.elapsed().as_secs_f64() * 1e3;
    let start = Instant::now();
    let query = VectorQuery::new(data.query(0), bench.k).with_scope(scope());
    disk.blocking().search(&query)?;
    let searched = start.elapsed().as_secs_f64() * 1e3;
    writeln!(out, "disk: opened in {opened:.0} ms, first search in {searched:.1} ms")?;
    Ok((store, disk))
}

/// How long the disk takes to have a page for good.
fn sync(folder: &Path) -> Result<Latencies> {
    let path = folder.join("sync");
    let mut file = File::create(&path)?;
    let mut took = Vec::new();
    for _ in 0..SYNCS {
        let start = Instant::now();
        file.write_all(&[1; 4096])?;
        file.sync_data()?;
        took.push(start.elapsed());
    }
    fs::remove_file(path)?;
    Ok(Latencies::new(took))
}

fn batches(storage: &BlockingVectorStorage, data: &Data, rows: Range<usize>) -> Result<Duration> {
    let mut took = Duration::ZERO;
    for start in rows.clone().step_by(BATCH) {
        let batch = entries(data, start..rows.end.min(start + BATCH), &scope(), few);
        let start = Instant::now();
        storage.insert(batch)?;
        took += start.elapsed();
    }
    Ok(took)
}

/// Many threads that insert rows one by one.
fn callers(storage: &BlockingVectorStorage, data: &Data, rows: Range<usize>) -> Result<Duration> {
    let start = Instant::now();
    std::thread::scope(|threads| {
        let insert = |first: usize| {
            let rows = first..first + EACH;
            for row in rows {
                storage.insert(entries(data, row..row + 1, &scope(), few))?;
            }
            anyhow::Ok(())
        };
        let callers = rows.step_by(EACH).map(|first| threads.spawn(move || insert(first)));
        let callers: Vec<_> = callers.collect();
        callers.into_iter().try_for_each(|caller| caller.join().ok().context("a caller failed")?)
    })?;
    Ok(start.elapsed())
}
