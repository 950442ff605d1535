//! More tenants than memory: what a search costs that has to open its tenant first, and what all of
//! them together take.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};
use vicino::{Scope, Store, StoreConfig, VectorQuery};

use super::Bench;
use super::latency::Latencies;
use super::random::SplitMix64;
use super::scopes::resident;
use super::store::{entries, few};

const EACH: usize = 100;

/// Searches of tenants in no order.
const SEARCHES: usize = 5000;

/// Inserts all tenants into a folder that is not there; of one that is prints how long it took to
/// open and to search them; and the memory of either.
pub(super) fn run(
    bench: &Bench,
    folder: &Path,
    tenants: usize,
    limit: usize,
    out: &mut impl Write,
) -> Result<()> {
    let data = bench.data()?;
    ensure!(data.len() >= EACH, "a tenant has {EACH} rows");
    let config = StoreConfig::default().with_memory_limit(limit);
    let before = resident().unwrap_or(0);
    let megabytes = |bytes: usize| bytes.saturating_sub(before) as f64 / 1e6;
    let scope = |number: usize| Scope::Tenant(format!("tenant {number}"));
    if !folder.exists() {
        let start = Instant::now();
        let store = Store::open_with_blocking(folder, config)?;
        let storage = store.collection_blocking("bench", bench.dim, bench.config())?;
        let mut most = 0;
        for number in 0..tenants {
            let first = number * EACH % (data.len() - EACH + 1);
            storage.blocking().insert(entries(&data, first..first + EACH, &scope(number), few))?;
            most = most.max(resident().unwrap_or(0));
        }
        let rate = (tenants * EACH) as f64 / start.elapsed().as_secs_f64();
        writeln!(out, "{tenants} tenants of {EACH} rows: {rate:.0} rows a second")?;
        writeln!(out, "memory while inserting: {:.0} MB at most", megabytes(most))?;
        store.close_blocking()?;
        drop((store, storage));
        // What that left behind in this process is not to be counted.
        writeln!(out, "once more to search them")?;
        return Ok(());
    }
    let start = Instant::now();
    let store = Store::open_with_blocking(folder, config)?;
    let storage = store.collection_blocking("bench", bench.dim, bench.config())?;
    writeln!(out, "opened in {:.0} ms", start.elapsed().as_secs_f64() * 1e3)?;
    let mut random = SplitMix64(bench.seed);
    let (mut cold, mut warm, mut most) = (Vec::new(), Vec::new(), 0);
    for i in 0..SEARCHES.max(tenants) {
        // All of them first, and then any.
        let number = if i < tenants { i } else { random.below(tenants) };
        let query = VectorQuery::new(data.query(i), bench.k);
        let query = query.with_scope(scope(number));
        for took in [&mut cold, &mut warm] {
            let start = Instant::now();
            let found = storage.blocking().search(&query)?;
            took.push(start.elapsed());
            ensure!(found.len() == bench.k.min(EACH), "tenant {number} is not all there");
        }
        most = most.max(resident().unwrap_or(0));
    }
    for (name, took) in [("first", cold), ("second", warm)] {
        let took = Latencies::new(took);
        let [half, most] = [50, 99].map(|percent| took.micros(percent));
        writeln!(out, "{name} search of a tenant: p50 {half:.0} us, p99 {most:.0} us")?;
    }
    writeln!(out, "memory while searching: {:.0} MB at most", megabytes(most))?;
    Ok(())
}
