//! What other tenants cost one that is searched: nothing, if scopes are kept apart.
//!
//! The same rows are in a collection alone and in one beside other tenants. Both are searched in
//! turns, so that what the machine does meanwhile happens to both, and compared round by round.

use std::io::Write;

use anyhow::Result;
use vicino::{Collection, Scope};

use super::data::Data;
use super::latency::Latencies;
use super::store::{self, Reader, entries, few, scope};
use super::table::Table;
use super::{Answers, Bench};

/// Rows of the tenants that are not searched.
const OTHERS: usize = 100;

/// An index of so many is a scan, whatever the dimensions.
const FLAT: usize = 1000;

/// Enough for a graph, whatever the dimensions, and quickly built.
const GRAPH: usize = 20_000;

/// Odd, so that one round is in the middle.
const ROUNDS: usize = 11;

/// Prints a row for a scope that is a scan, and one for all rows.
pub(super) fn run(bench: &Bench, tenants: usize, out: &mut impl Write) -> Result<()> {
    let most = Some(bench.n.unwrap_or(GRAPH));
    let data = Data::read(&bench.data, bench.dim, bench.queries, most)?;
    writeln!(
        out,
        "one tenant alone, and beside {} others of {OTHERS} rows each; ef {}, {ROUNDS} rounds\n",
        tenants - 1,
        bench.first_ef()
    )?;
    let titles = ["rows", "alone p50 us", "alone p99 us", "beside p50 us", "beside p99 us"];
    let table = Table::new(&[&titles[..], &["p50 ratio", "p99 ratio"]].concat(), out)?;
    for rows in [FLAT.min(data.len()), data.len()] {
        let alone = collection(bench, &data, rows, 1)?;
        let beside = collection(bench, &data, rows, tenants)?;
        let [alone, beside] = by_turns([&alone, &beside], &data, bench)?;

        let ratio = |percent| {
            let rounds = alone.iter().zip(&beside);
            median(rounds.map(|(a, b)| b.micros(percent) / a.micros(percent)).collect())
        };
        let ratios = [50, 99].map(|percent| format!("{:.3}", ratio(percent)));
        let figures = [alone, beside].map(|rounds| {
            let all = Latencies::merge(rounds);
            [50, 99].map(|percent| format!("{:.1}", all.micros(percent)))
        });
        table.row(&[&[rows.to_string()], &figures.concat()[..], &ratios].concat(), out)?;
    }
    Ok(())
}

/// Searches both for all queries, round after round.
fn by_turns(both: [&Collection; 2], data: &Data, bench: &Bench) -> Result<[Vec<Latencies>; 2]> {
    let mut rounds = [Vec::new(), Vec::new()];
    for round in 0..=ROUNDS {
        for (collection, rounds) in both.iter().zip(&mut rounds) {
            let reader = Reader::of(collection, true);
            let answers = Answers::of(&reader, data, bench.k, bench.first_ef())?;
            // The first pass over new memory is slower than all that follow.
            if round > 0 {
                rounds.push(answers.latencies);
            }
        }
    }
    Ok(rounds)
}

/// A collection whose first tenant has the first rows, and whose others have a few each.
fn collection(bench: &Bench, data: &Data, rows: usize, tenants: usize) -> Result<Collection> {
    let mut collection = store::collection(bench)?;
    let all = entries(data, 0..rows, &scope(), few);
    bench.pool()?.install(|| store::insert(&mut collection, all))?;
    let mut rows = (0..data.len()).cycle();
    for tenant in 1..tenants {
        let scope = Scope::Tenant(format!("other {tenant}"));
        let others = rows.by_ref().take(OTHERS).enumerate();
        let others = others.flat_map(|(i, row)| {
            let mut entries = entries(data, row..row + 1, &scope, few);
            entries.iter_mut().for_each(|entry| entry.id = i.to_string());
            entries
        });
        store::insert(&mut collection, others.collect())?;
    }
    Ok(collection)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}
