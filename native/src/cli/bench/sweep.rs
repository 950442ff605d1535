//! Recall and latency for each ef: the mode without a name.

use std::io::Write;

use anyhow::Result;

use super::exact::Exact;
use super::table::Table;
use super::{Answers, Bench};

/// Builds, and prints a row for each ef.
pub(super) fn run(bench: &Bench, out: &mut impl Write) -> Result<()> {
    let (data, pool) = (bench.data()?, bench.pool()?);
    let store = bench.build(&pool, &data, data.len(), out)?;

    let rows: Vec<u32> = (0..).take(data.len()).collect();
    let exact = pool.install(|| Exact::scan(&data, &rows, bench.metric, bench.k))?;
    let efs = if bench.ef.is_empty() { EFS } else { &bench.ef };
    let reader = store.reader(bench);
    // The first pass over new memory is slower than all that follow.
    Answers::of(&reader, &data, bench.k, efs[0])?;
    let recall = format!("recall@{}", bench.k);
    let table = Table::new(&["ef", &recall, "QPS", "p50 us", "p95 us", "p99 us"], out)?;
    for &ef in efs {
        let Answers { rows, latencies } = Answers::of(&reader, &data, bench.k, ef)?;
        let row = [
            ef.to_string(),
            format!("{:.4}", exact.recall(&rows)?),
            format!("{:.0}", latencies.per_second()),
            format!("{:.0}", latencies.micros(50)),
            format!("{:.0}", latencies.micros(95)),
            format!("{:.0}", latencies.micros(99)),
        ];
        table.row(&row, out)?;
    }
    Ok(())
}

/// Evenly spaced to the eye: about 0.5 to 0.999 of recall, whatever the vectors.
const EFS: &[usize] = &[10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512];
