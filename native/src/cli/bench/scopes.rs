//! What a scope takes beside what is stored in it, where there are very many with little in each.

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Result;
use vicino::{Collection, Object, Scope, Searcher, VectorEntry, VectorQuery};

use super::Bench;
use super::data::Data;
use super::latency::Latencies;
use super::random::SplitMix64;
use super::store;

/// Makes scopes one by one, and prints what one takes.
pub(super) fn run(bench: &Bench, scopes: usize, each: usize, out: &mut impl Write) -> Result<()> {
    let data = bench.data()?;
    let before = resident();
    let mut collection = store::collection(bench)?;
    let (mut took, mut payload) = (Duration::ZERO, 0);
    for tenant in 0..scopes {
        let rows = (0..each).map(|i| (tenant * each + i) % data.len());
        let entries: Vec<_> =
            rows.enumerate().map(|(i, row)| entry(tenant, i, row, &data)).collect();
        for entry in &entries {
            payload += bytes(entry)?;
        }
        took += store::insert(&mut collection, entries)?;
    }
    let counted = collection.stats().memory.total();
    let (taken, measured) = match (before, resident()) {
        (Some(before), Some(after)) => (after.saturating_sub(before), "resident"),
        _ => (counted, "as it counts them"),
    };
    let latencies = search(&collection, scopes, &data, bench)?;

    let a_scope = |bytes: usize| bytes as f64 / scopes as f64;
    let entries = scopes * each;
    writeln!(
        out,
        "{scopes} scopes of {each} entries of {} dimensions, {}\n\
         inserted scope by scope in {:.2} s, {:.0} entries a second\n\
         bytes a scope: {:.0} {measured}, {:.0} of them payload, {:.0} overhead\n\
         the collection itself counts {:.0}\n\
         searches in a random scope: p50 {:.1} us, p99 {:.1} us",
        bench.dim,
        bench.metric,
        took.as_secs_f64(),
        entries as f64 / took.as_secs_f64(),
        a_scope(taken),
        a_scope(payload),
        a_scope(taken) - a_scope(payload),
        a_scope(counted),
        latencies.micros(50),
        latencies.micros(99),
    )?;
    Ok(())
}

fn scope(tenant: usize) -> Scope {
    Scope::Tenant(tenant.to_string())
}

fn entry(tenant: usize, i: usize, row: usize, data: &Data) -> VectorEntry {
    VectorEntry::new(i.to_string(), data.row(row).to_vec())
        .with_scope(scope(tenant))
        .with_metadata([("group".to_owned(), row as u64 % 20)])
}

/// The payload: what a user would have to keep of an entry.
fn bytes(entry: &VectorEntry) -> Result<usize> {
    let metadata: &Object = &entry.metadata;
    let metadata = serde_json::to_string(metadata)?;
    Ok(size_of_val(&*entry.vector) + entry.id.len() + metadata.len())
}

/// Searches for each query in a scope of its own.
fn search(collection: &Collection, scopes: usize, data: &Data, bench: &Bench) -> Result<Latencies> {
    let mut random = SplitMix64(bench.seed);
    let mut searcher = Searcher::default();
    let search = |query: &[f32]| -> Result<Duration> {
        let query =
            VectorQuery::new(query.to_vec(), bench.k).with_scope(scope(random.below(scopes)));
        let start = Instant::now();
        collection.search(&query, &mut searcher)?;
        Ok(start.elapsed())
    };
    Ok(Latencies::new(data.queries().map(search).collect::<Result<_>>()?))
}

/// The bytes of memory that the process has from the operating system, where it tells (Linux).
pub(super) fn resident() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: usize = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(1024 * kilobytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn memory_that_is_used_is_resident() {
        const BYTES: usize = 64 << 20;
        let before = resident().unwrap();
        let used = vec![1_u8; BYTES];
        let after = resident().unwrap();
        assert!(after > before + BYTES / 2, "{before} {after} {}", used[BYTES - 1]);
    }
}
