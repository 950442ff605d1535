//! What a file costs: writing it, opening it, and searching in it where it lies.
//!
//! A collection of all rows is written and opened again, mapped and preloaded. Each is opened
//! alone, so that what it takes is its own; then all are searched in turns.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use vicino::{Collection, Open, Searcher};

use super::data::Data;
use super::scopes::resident;
use super::store::{self, Reader, entries, few, scope};
use super::table::Table;
use super::{Answers, Bench};

/// Odd, so that one round is in the middle.
const ROUNDS: usize = 41;

/// Prints a line for what is done once, and a row for each way to have the vectors.
pub(super) fn run(bench: &Bench, path: &Path, out: &mut impl Write) -> Result<()> {
    let (data, pool) = (bench.data()?, bench.pool()?);
    let mut built = store::collection(bench)?;
    let took =
        pool.install(|| store::insert(&mut built, entries(&data, 0..data.len(), &scope(), few)))?;
    bench.describe(data.len(), built.stats().memory.total(), took, out)?;

    let start = Instant::now();
    let snapshot = built.snapshot()?;
    let held = start.elapsed().as_secs_f64() * 1e3;
    vicino::write_file(snapshot, path)?;
    let took = start.elapsed().as_secs_f64();
    let megabytes = fs::metadata(path)?.len() as f64 / 1e6;
    let rate = megabytes / took;
    writeln!(out, "written: {megabytes:.0} MB in {took:.2} s, {rate:.0} MB/s; {held:.0} ms held")?;

    let mapped = open(path, &Open::default(), "mapped", &data, bench, out)?;
    let preload = Open::default().with_preload(true).with_memory(bench.memory());
    let preloaded = open(path, &preload, "preloaded", &data, bench, out)?;
    writeln!(out)?;

    let all = [("built", built), ("mapped", mapped), ("preloaded", preloaded)];
    let mut took = [const { Vec::new() }; 3];
    let mut first: Option<Vec<Vec<u32>>> = None;
    for _ in 0..ROUNDS {
        for ((_, collection), took) in all.iter().zip(&mut took) {
            let reader = Reader::of(collection, false);
            let start = Instant::now();
            let answers = Answers::of(&reader, &data, bench.k, bench.first_ef())?;
            took.push(start.elapsed());
            let rows = first.get_or_insert_with(|| answers.rows.clone());
            anyhow::ensure!(*rows == answers.rows, "what was opened answers otherwise");
        }
    }
    let table = Table::new(&["        ", "searches/s", "of the built one"], out)?;
    let median = |took: &mut Vec<std::time::Duration>| {
        took.sort_unstable();
        took[ROUNDS / 2].as_secs_f64()
    };
    let medians: Vec<f64> = took.iter_mut().map(median).collect();
    for ((name, _), took) in all.iter().zip(&medians) {
        let searches = data.queries().len() as f64 / took;
        let ratio = medians[0] / took;
        table.row(&[(*name).to_owned(), format!("{searches:.0}"), format!("{ratio:.3}")], out)?;
    }
    Ok(())
}

/// Opens the file in a way, and says what that takes.
fn open(
    path: &Path,
    open: &Open,
    name: &str,
    data: &Data,
    bench: &Bench,
    out: &mut impl Write,
) -> Result<Collection> {
    let (before, start) = (resident().unwrap_or(0), Instant::now());
    let bytes = map(path)?;
    let collection = Collection::open(bytes, vicino::simd()?, open)?;
    let (took, after) = (start.elapsed(), resident().unwrap_or(0));
    let reader = Reader::of(&collection, true);
    let (mut searcher, mut found) = (Searcher::default(), Vec::new());
    let mut first = Vec::new();
    for query in data.queries().take(2) {
        let start = Instant::now();
        reader.search(query, bench.k, bench.first_ef(), &mut searcher, &mut found)?;
        first.push(start.elapsed().as_secs_f64() * 1e3);
    }
    writeln!(
        out,
        "{name}: opened in {:.1} ms with {:.1} MB more resident; first search {:.2} ms, next {:.2}",
        took.as_secs_f64() * 1e3,
        after.saturating_sub(before) as f64 / 1e6,
        first[0],
        first[1],
    )?;
    Ok(collection)
}

#[expect(unsafe_code, reason = "a file that this process wrote and nobody knows of")]
fn map(path: &Path) -> std::io::Result<vicino::Bytes> {
    // SAFETY: nobody changes the file while it is measured.
    unsafe { vicino::map_file(path) }
}
