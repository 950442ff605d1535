//! What filters do to recall and speed, from half of the entries down to a handful.
//!
//! `random` matches have nothing to do with the query. `cells` are where some of the vectors lie:
//! most queries are far from all that matches, and a walk towards them comes by nothing of it.
//! `not cells` is the opposite: most queries are near to what matches, and some among what does
//! not. The first row is measured once more at the end, to see what the machine did meanwhile.
//!
//! Every search finds what matches anew; `match us` is how much of its time that takes.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use vicino::{CollectionReader, Filter, Searcher, VectorQuery};

use super::Bench;
use super::data::Data;
use super::exact::Exact;
use super::fields::{CATEGORIES, CELLS, Fields, RANDOM, RATINGS, TAGS, YEARS, name};
use super::latency::Latencies;
use super::random::SplitMix64;
use super::store::{self, entries, row_of, scope};
use super::table::Table;

/// Builds a collection of all rows, and prints how long filters are planned and a row for each.
pub(super) fn run(bench: &Bench, out: &mut impl Write) -> Result<()> {
    let (data, pool) = (bench.data()?, bench.pool()?);
    let fields = pool.install(|| Fields::of(&data, bench.metric, bench.seed))?;
    let mut collection = store::collection(bench)?;
    let entries = entries(&data, 0..data.len(), &scope(), |row| fields[row].metadata());
    let took = pool.install(|| store::insert(&mut collection, entries))?;
    let bytes = collection.stats().memory.total();
    bench.describe(data.len(), bytes, took, out)?;

    let reader = collection.reader();
    let planned = plan(&reader, data.queries().len(), bench.seed)?;
    writeln!(
        out,
        "filters of five clauses, from the text to the exact matches: p50 {:.0} us, p99 {:.0} us\n\
         searches at ef {}, without returning metadata:\n",
        planned.micros(50),
        planned.micros(99),
        reader.config().ef_search
    )?;

    let kinds = kinds(&fields, bench.seed)?;
    let recall = format!("recall@{}", bench.k);
    let titles = ["                 filter", "matches", "share %", &recall, "p50 us", "p99 us"];
    let table = Table::new(&[&titles[..], &["match us", "exact %", "plans"]].concat(), out)?;
    let exact =
        |kind: &Kind| pool.install(|| Exact::scan(&data, &kind.rows, bench.metric, bench.k));
    let mut measure = |name: &str, kind: &Kind, exact: &Exact<'_>| -> Result<()> {
        let found = Found::of(&reader, kind, &data, bench.k)?;
        let row = found.cells(name, kind, exact, data.len(), &matching(&reader, kind)?)?;
        Ok(table.row(&row, out)?)
    };
    let (none, filtered) = kinds.split_first().expect("one is no filter");
    let all = exact(none)?;
    // The first pass over new memory is slower than all that follow.
    Found::of(&reader, none, &data, bench.k)?;
    measure(&none.name, none, &all)?;
    for kind in filtered {
        measure(&kind.name, kind, &exact(kind)?)?;
    }
    measure("none, again", none, &all)
}

/// How long it takes from the text of a filter to what matches, for so many filters.
fn plan(reader: &CollectionReader, count: usize, seed: u64) -> Result<Latencies> {
    let mut random = SplitMix64(seed);
    let mut took = Vec::with_capacity(count);
    for _ in 0..count {
        let mut below = |end| random.draw(end);
        let filter = json!({
            "category": {"$ne": name("category", below(CATEGORIES))},
            "year": {"$gte": YEARS.0 + below(YEARS.1)},
            "tags": {"$in": [name("tag", below(TAGS)), name("tag", below(TAGS))]},
            "rating": {"$lt": f64::from(below(RATINGS)) / 10.0},
            "cell": {"$gte": below(CELLS)},
        });
        let text = filter.to_string();
        let start = Instant::now();
        let filter: Filter = serde_json::from_str(&text)?;
        reader.count(&scope(), Some(&filter))?;
        took.push(start.elapsed());
    }
    Ok(Latencies::new(took))
}

/// How long it takes to find what a filter matches, which is a part of every search.
fn matching(reader: &CollectionReader, kind: &Kind) -> Result<Latencies> {
    const TIMES: usize = 21;
    let mut took = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let start = Instant::now();
        let found = reader.count(&scope(), kind.filter.as_ref())?;
        took.push(start.elapsed());
        let expected = kind.rows.len();
        ensure!(found == expected, "{} matches {expected} rows, found {found}", kind.name);
    }
    Ok(Latencies::new(took))
}

/// A filter, and the rows that it is known to match.
struct Kind {
    name: String,
    filter: Option<Filter>,
    rows: Vec<u32>,
}

impl Kind {
    fn new(
        name: String,
        filter: Value,
        fields: &[Fields],
        matches: impl Fn(&Fields) -> bool,
    ) -> Result<Self> {
        let rows = (0..).zip(fields).filter(|(_, fields)| matches(fields)).map(|(row, _)| row);
        Ok(Self { name, filter: Some(serde_json::from_value(filter)?), rows: rows.collect() })
    }
}

/// No filter, then all filters that are measured.
fn kinds(fields: &[Fields], seed: u64) -> Result<Vec<Kind>> {
    /// Fewer than most searches ask for.
    const HANDFUL: usize = 7;
    let all = (0..).take(fields.len()).collect();
    let mut kinds = vec![Kind { name: "none".to_owned(), filter: None, rows: all }];

    for share in [500, 200, 100, 50, 20, 10, 1] {
        let end = RANDOM * share / THOUSAND;
        let filter = json!({"random": {"$lt": end}});
        let name = format!("random {}", percent(share));
        kinds.push(Kind::new(name, filter, fields, |row| row.random < end)?);
    }
    // Of one year, because a number that is drawn for all of many rows has more than a handful.
    let year = YEARS.0;
    let end = end_of(HANDFUL, fields.iter().filter(|row| row.year == year));
    let filter = json!({"year": year, "random": {"$lt": end}});
    let name = format!("random, {HANDFUL}");
    kinds.push(Kind::new(name, filter, fields, |row| row.year == year && row.random < end)?);

    let order = SplitMix64(seed).choose(CELLS as usize, CELLS as usize);
    for share in [500, 200, 100, 50, 20, 10] {
        let cells = reach(share, fields, &order);
        let filter = json!({"cell": {"$in": cells}});
        let name = format!("cells {}", percent(share));
        kinds.push(Kind::new(name, filter, fields, |row| cells.contains(&row.cell))?);
    }
    let cells = reach(10, fields, &order);
    let is_in = |row: &&Fields| cells.contains(&row.cell);
    let thousandth = fields.len() / THOUSAND as usize;
    for (name, count) in [(percent(1), thousandth), (HANDFUL.to_string(), HANDFUL)] {
        let end = end_of(count, fields.iter().filter(is_in));
        let filter = json!({"cell": {"$in": cells}, "random": {"$lt": end}});
        let name = format!("cells and random, {name}");
        kinds.push(Kind::new(name, filter, fields, |row| is_in(&row) && row.random < end)?);
    }
    for share in [500, 200, 100] {
        let cells = reach(share, fields, &order);
        let filter = json!({"cell": {"$nin": cells}});
        let name = format!("not cells {}", percent(share));
        kinds.push(Kind::new(name, filter, fields, |row| !cells.contains(&row.cell))?);
    }
    Ok(kinds)
}

/// The number that `random` of so many rows is below, or of nearly so many where some are equal.
fn end_of<'f>(count: usize, rows: impl Iterator<Item = &'f Fields>) -> u32 {
    let mut numbers: Vec<u32> = rows.map(|row| row.random).collect();
    numbers.sort_unstable();
    numbers.get(count).copied().unwrap_or(RANDOM)
}

/// Cells that together have about a share of the rows, in thousandths: the first that fit, or the
/// smallest.
fn reach(share: u32, fields: &[Fields], order: &[u32]) -> Vec<u32> {
    let mut sizes = [0; CELLS as usize];
    fields.iter().for_each(|row| sizes[row.cell as usize] += 1);
    let size = |cell: &u32| sizes[*cell as usize];
    let most = fields.len() * share as usize / THOUSAND as usize;
    let (mut rows, mut cells) = (0, Vec::new());
    for &cell in order {
        if rows + size(&cell) <= most {
            rows += size(&cell);
            cells.push(cell);
        }
    }
    if cells.is_empty() {
        cells.extend(order.iter().copied().filter(|cell| size(cell) > 0).min_by_key(size));
    }
    cells
}

/// Shares of rows are in thousandths, so that they are whole numbers.
const THOUSAND: u32 = 1000;

fn percent(share: u32) -> String {
    format!("{} %", f64::from(share) / 10.0)
}

/// What the searches of all queries gave, one after the other on one thread.
struct Found {
    rows: Vec<Vec<u32>>,
    latencies: Latencies,
    /// How many compared all that match.
    exact: usize,
    plans: BTreeMap<String, usize>,
}

impl Found {
    fn of(reader: &CollectionReader, kind: &Kind, data: &Data, k: usize) -> Result<Self> {
        let mut searcher = Searcher::default();
        let mut took: Vec<Duration> = Vec::new();
        let (mut rows, mut exact, mut plans) = (Vec::new(), 0, BTreeMap::new());
        for query in data.queries() {
            let mut query = VectorQuery::new(query.to_vec(), k)
                .with_scope(scope())
                .with_include_metadata(false);
            query.filter.clone_from(&kind.filter);
            let start = Instant::now();
            let (results, explain) = reader.explain(&query, &mut searcher)?;
            took.push(start.elapsed());
            rows.push(results.iter().map(row_of).collect());
            exact += usize::from(explain.is_exact());
            for plan in explain.scopes.iter().filter_map(|scope| scope.plan) {
                *plans.entry(plan.to_string()).or_default() += 1;
            }
        }
        Ok(Self { rows, latencies: Latencies::new(took), exact, plans })
    }

    /// A row of the table, beside the rows of the collection.
    fn cells(
        &self,
        name: &str,
        kind: &Kind,
        exact: &Exact<'_>,
        all: usize,
        matching: &Latencies,
    ) -> Result<[String; 9]> {
        let percent = |part: usize, whole: usize| 100.0 * part as f64 / whole as f64;
        let matches = kind.rows.len();
        let recall = match matches {
            0 => "-".to_owned(),
            _ => format!("{:.4}", exact.recall(&self.rows)?),
        };
        let plans = self.plans.iter().map(|(plan, count)| format!("{plan}: {count}"));
        Ok([
            name.to_owned(),
            matches.to_string(),
            format!("{:.2}", percent(matches, all)),
            recall,
            format!("{:.0}", self.latencies.micros(50)),
            format!("{:.0}", self.latencies.micros(99)),
            format!("{:.0}", matching.micros(50)),
            format!("{:.1}", percent(self.exact, self.rows.len())),
            plans.collect::<Vec<_>>().join(", "),
        ])
    }
}
