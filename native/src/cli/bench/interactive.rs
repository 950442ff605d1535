//! Search requests on the standard input, so that one program measures Vicino and others by turns.
//!
//! ```text
//! -> {"event":"loaded"}                          the vectors are in memory, and nothing else
//! -> {"event":"built","build_s":1.5}
//! <- {"ef":64,"k":10,"threads":1,"ids":"FILE"}   FILE gets queries x k row numbers, u32
//! -> {"event":"searched","seconds":0.25}         the searches alone
//! -> {"event":"error","message":"..."}           the request was none; the next may be
//! ```
//!
//! Places that no row fills hold `u32::MAX`. A thread keeps its searcher between requests.

use std::fs;
use std::io::{BufRead, Write};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use vicino::Searcher;

use super::Bench;
use super::arguments::{NEIGHBORS, THREADS};
use super::data::Data;
use super::store::Reader;

/// Loads, builds, and answers requests until there are no more.
pub(super) fn run(bench: &Bench, input: &mut impl BufRead, out: &mut impl Write) -> Result<()> {
    let data = bench.data()?;
    say(&Event::Loaded, out)?;
    let (store, took) = bench.build_store(&bench.pool()?, &data, data.len())?;
    say(&Event::Built { build_s: took.as_secs_f64() }, out)?;

    let mut searches = Searches { reader: store.reader(bench), data, searchers: Vec::new() };
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 {
        let event = match searches.answer(&line) {
            Ok(took) => Event::Searched { seconds: took.as_secs_f64() },
            Err(error) => Event::Error { message: format!("{error:#}") },
        };
        say(&event, out)?;
        line.clear();
    }
    Ok(())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    ef: usize,
    k: usize,
    threads: usize,
    ids: PathBuf,
}

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event {
    Loaded,
    Built { build_s: f64 },
    Searched { seconds: f64 },
    Error { message: String },
}

fn say(event: &Event, out: &mut impl Write) -> Result<()> {
    serde_json::to_writer(&mut *out, event)?;
    writeln!(out)?;
    Ok(out.flush()?)
}

struct Searches {
    reader: Reader,
    data: Data,
    searchers: Vec<Searcher>,
}

impl Searches {
    /// Does what a line asks for; how long the searches took.
    fn answer(&mut self, line: &[u8]) -> Result<Duration> {
        let Request { ef, k, threads, ids } =
            serde_json::from_slice(line).context("this is no request")?;
        let is_within = |name: &str, found: usize, limits: RangeInclusive<usize>| {
            ensure!(limits.contains(&found), "{name} must be in {limits:?}, found {found}");
            Ok(())
        };
        is_within("ef", ef, NEIGHBORS)?;
        is_within("k", k, NEIGHBORS)?;
        is_within("threads", threads, THREADS)?;

        let places = self.data.queries().len() * k;
        let mut rows = Vec::new();
        rows.try_reserve_exact(places)?;
        rows.resize(places, u32::MAX);
        if self.searchers.len() < threads {
            self.searchers.resize_with(threads, Searcher::default);
        }
        let start = Instant::now();
        self.search(k, ef, threads, &mut rows)?;
        let took = start.elapsed();

        let bytes: Vec<u8> = rows.iter().flat_map(|row| row.to_le_bytes()).collect();
        fs::write(&ids, bytes).with_context(|| format!("cannot write {}", ids.display()))?;
        Ok(took)
    }

    /// Searches for all queries; a thread takes a few at a time.
    fn search(&mut self, k: usize, ef: usize, threads: usize, rows: &mut [u32]) -> Result<()> {
        const SHARE: usize = 8; // taking one costs nothing beside it, waiting for the last little
        let Self { reader, data, searchers } = self;
        let queries: Vec<&[f32]> = data.queries().collect();
        let shares = Mutex::new(queries.chunks(SHARE).zip(rows.chunks_mut(SHARE * k)));
        let work = |searcher: &mut Searcher| -> Result<()> {
            let mut found = Vec::with_capacity(k);
            // A name of its own, so that the lock is open while the share is searched for.
            let next = || shares.lock().unwrap_or_else(PoisonError::into_inner).next();
            while let Some((queries, rows)) = next() {
                for (query, rows) in queries.iter().zip(rows.chunks_exact_mut(k)) {
                    reader.search(query, k, ef, searcher, &mut found)?;
                    rows[..found.len()].copy_from_slice(&found);
                }
            }
            Ok(())
        };
        match &mut searchers[..threads] {
            [alone] => work(alone),
            searchers => thread::scope(|scope| {
                let spawn = |searcher| scope.spawn(|| work(searcher));
                let workers: Vec<_> = searchers.iter_mut().map(spawn).collect();
                workers.into_iter().try_for_each(|worker| {
                    worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
            }),
        }
    }
}
