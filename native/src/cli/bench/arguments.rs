//! What can be asked of `vicino bench`, and what each number may be.
//!
//! Limits that the index has itself are left to it, so that they are written once.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use serde::de::DeserializeOwned;
use vicino::kernel::DIMENSIONS_MAX;
use vicino::{DistanceMetric, Exact, Quantization};

use crate::of::metric;

/// Measure recall, speed and memory on vectors of your own
///
/// Without a mode: build an index, and print recall and latency for each ef. Recall counts the
/// answers that are at least as near as the exact k-th.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Rows of little-endian f32, nothing between them; the last ones are the queries
    pub(super) data: PathBuf,
    /// Values of a row
    #[arg(long, value_parser = within(1..=DIMENSIONS_MAX))]
    pub(super) dim: usize,
    /// cosine, euclidean, inner-product or manhattan
    #[arg(long, value_parser = metric)]
    pub(super) metric: DistanceMetric,
    /// Rows at the end of the file that are searched for and not indexed
    #[arg(long, default_value_t = 1000, value_parser = within(1..=10_000_000))]
    pub(super) queries: usize,
    /// Index the first N rows at most
    #[arg(long, value_parser = within(1..=usize::MAX))]
    pub(super) n: Option<usize>,
    /// Threads that build
    #[arg(long, default_value_t = 2, value_parser = within(THREADS))]
    pub(super) threads: usize,
    /// Links of a vector; twice as many in the lowest layer
    #[arg(long, default_value_t = 16)]
    pub(super) m: usize,
    /// Candidates that are looked at when a vector is linked
    #[arg(long, default_value_t = 200)]
    pub(super) ef_construction: usize,
    /// What a search compares first: int8 or none
    #[arg(long, default_value = "int8", value_parser = word::<Quantization>)]
    pub(super) quantization: Quantization,
    /// What is kept of the vectors beside their codes: f32, f16 or none
    #[arg(long, default_value = "f32", value_parser = word::<Exact>)]
    pub(super) exact: Exact,
    /// Take memory in pages as they come, instead of huge ones
    #[arg(long)]
    pub(super) small_pages: bool,
    /// Decides the layers of vectors, what --churn deletes, and the metadata of --filters
    #[arg(long, default_value_t = 0)]
    pub(super) seed: u64,
    /// How many nearest vectors a search returns
    #[arg(long, default_value_t = 10, value_parser = within(NEIGHBORS))]
    pub(super) k: usize,
    /// Candidates of a search [default: 10,16,.. to 512]; modes that use one number take the
    /// first [default: 128]
    #[arg(long, value_delimiter = ',', value_parser = within(NEIGHBORS))]
    pub(super) ef: Vec<usize>,
    /// Insert into and search in a scope of a collection, with metadata, instead of an index;
    /// other modes than the table, --interactive, --inserts and --reads-during-writes have one way
    #[arg(long, group = "place", conflicts_with_all = ["churn", "filters", "tenants", "batches",
        "snapshot", "durable"])]
    pub(super) collection: bool,
    /// The same in a durable storage in a new folder
    #[arg(long, group = "place", value_name = "FOLDER", conflicts_with_all = ["churn", "filters",
        "tenants", "batches", "snapshot", "durable"])]
    pub(super) storage: Option<PathBuf>,
    /// Have searches of --collection or --storage return ids and scores alone, without metadata
    #[arg(long, requires = "place")]
    pub(super) bare: bool,

    /// Mode: answer search requests, one line of JSON each
    #[arg(long, group = "mode")]
    pub(super) interactive: bool,
    /// Mode: delete and insert --percent of the vectors, so many times, and watch recall
    #[arg(long, group = "mode", value_name = "ROUNDS", requires = "percent")]
    pub(super) churn: Option<usize>,
    /// How many of the vectors a round of --churn replaces
    #[arg(long, requires = "churn", value_parser = percent)]
    pub(super) percent: Option<f64>,
    /// Replace the oldest by rows behind the first --n, instead of random ones by themselves
    #[arg(long, requires = "churn", requires = "n")]
    pub(super) window: bool,
    /// Compare with a fresh index every so many rounds
    #[arg(long, default_value_t = 5, requires = "churn", value_parser = within(1..=usize::MAX))]
    pub(super) fresh_every: usize,
    /// Mode: measure a reader alone, then beside a writer
    #[arg(long, group = "mode")]
    pub(super) reads_during_writes: bool,
    /// Rows that the writer of --reads-during-writes inserts
    #[arg(long, default_value_t = 20_000, requires = "reads_during_writes")]
    #[arg(value_parser = within(1..=usize::MAX))]
    pub(super) writes: usize,
    /// Mode: insert the last rows one by one, so many
    #[arg(long, group = "mode", value_name = "ROWS", value_parser = within(1..=usize::MAX))]
    pub(super) inserts: Option<usize>,
    /// Mode: search a collection under filters that match much and little, at its own ef
    #[arg(long, group = "mode")]
    pub(super) filters: bool,
    /// Mode: search one tenant of --n rows [default: 20000] alone, and beside so many less one
    #[arg(long, group = "mode", value_name = "N", value_parser = within(1..=10_000_000))]
    pub(super) tenants: Option<usize>,
    /// Instead, measure the memory of so many tenants that have so many rows each
    #[arg(long, requires = "tenants", value_name = "ROWS", value_parser = within(1..=1_000_000))]
    pub(super) each: Option<usize>,
    /// Mode: insert into a collection one by one and in batches
    #[arg(long, group = "mode")]
    pub(super) batches: bool,
    /// Mode: write a collection to a file, open it, and search in both by turns
    #[arg(long, group = "mode", value_name = "FILE")]
    pub(super) snapshot: Option<PathBuf>,
    /// Mode: insert into a store in a new folder and into one in memory, by one and many callers
    #[arg(long, group = "mode", value_name = "FOLDER")]
    pub(super) durable: Option<PathBuf>,
    /// Instead, measure one tenant of --durable alone, and while another imports all rows
    #[arg(long, requires = "durable")]
    pub(super) beside: bool,
    /// Instead, measure so many tenants of 100 rows each that share --memory-limit
    #[arg(long, requires_all = ["durable", "memory_limit"], value_name = "TENANTS")]
    #[arg(value_parser = within(1..=10_000_000), conflicts_with = "beside")]
    pub(super) asleep: Option<usize>,
    /// The bytes that the store of --asleep may take
    #[arg(long, requires = "asleep", value_name = "BYTES", value_parser = within(1..=usize::MAX))]
    pub(super) memory_limit: Option<usize>,
}

/// Threads that a build or a request may ask for: more than any machine has that runs one.
pub(super) const THREADS: RangeInclusive<usize> = 1..=1024;

/// What `k` and ef may be: as much as the `ef_search` of an index.
pub(super) const NEIGHBORS: RangeInclusive<usize> = 1..=65_536;

fn within(limits: RangeInclusive<usize>) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(*limits.start() as u64..=*limits.end() as u64)
}

/// A value by its name in a configuration.
fn word<T: DeserializeOwned>(name: &str) -> Result<T, serde_json::Error> {
    serde_json::from_value(name.into())
}

fn percent(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(percent) if percent > 0.0 && percent <= 100.0 => Ok(percent),
        _ => Err("not a number over 0 and up to 100".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::parse;
    use super::*;

    #[test]
    fn defaults_are_those_of_the_documentation() {
        let bench = parse("x.f32 --dim 100 --metric inner-product").unwrap();
        assert_eq!(bench.metric, DistanceMetric::InnerProduct);
        assert_eq!((bench.queries, bench.n, bench.threads, bench.k), (1000, None, 2, 10));
        assert_eq!((bench.m, bench.ef_construction, bench.seed), (16, 200, 0));
        assert_eq!((bench.quantization, bench.exact), (Quantization::Int8, Exact::F32));
        assert!(bench.ef.is_empty() && !bench.interactive && bench.churn.is_none());
    }

    #[test]
    fn every_mode_can_be_asked_for() {
        let ask = |more: &str| parse(&format!("x --dim 4 --metric inner_product {more}"));
        assert!(ask("--interactive --quantization none").unwrap().interactive);
        assert_eq!(ask("--exact f16").unwrap().exact, Exact::F16);
        assert_eq!(ask("--ef 10,20,40").unwrap().ef, [10, 20, 40]);
        let churn = ask("--churn 20 --percent 2.5 --window --n 1000").unwrap();
        assert_eq!((churn.churn, churn.percent, churn.fresh_every), (Some(20), Some(2.5), 5));
        assert_eq!(ask("--reads-during-writes").unwrap().writes, 20_000);
        let inserts = ask("--inserts 500 --collection").unwrap();
        assert_eq!((inserts.inserts, inserts.collection), (Some(500), true));
        assert!(ask("--filters").unwrap().filters && ask("--batches").unwrap().batches);
        let tenants = ask("--tenants 100 --each 10").unwrap();
        assert_eq!((tenants.tenants, tenants.each), (Some(100), Some(10)));
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        let cases = [
            ("--dim 0 --metric cosine", "--dim"),
            ("--dim 65537 --metric cosine", "--dim"),
            ("--dim 4 --metric hamming", "cosine, euclidean"),
            ("--dim 4", "--metric"),
            ("--dim 4 --metric cosine --quantization pq", "`int8` or `none`"),
            ("--dim 4 --metric cosine --threads 0", "--threads"),
            ("--dim 4 --metric cosine --k 0", "--k"),
            ("--dim 4 --metric cosine --ef 10,0", "--ef"),
            ("--dim 4 --metric cosine --churn 5", "--percent"),
            ("--dim 4 --metric cosine --percent 5", "--churn"),
            ("--dim 4 --metric cosine --churn 5 --percent NaN", "up to 100"),
            ("--dim 4 --metric cosine --churn 5 --percent 5 --window", "--n"),
            ("--dim 4 --metric cosine --interactive --inserts 5", "--inserts"),
            ("--dim 4 --metric cosine --writes 5", "--reads-during-writes"),
            ("--dim 4 --metric cosine --collection --filters", "--filters"),
            ("--dim 4 --metric cosine --collection --storage x", "--storage"),
            ("--dim 4 --metric cosine --bare", "--collection"),
            ("--dim 4 --metric cosine --tenants 0", "--tenants"),
            ("--dim 4 --metric cosine --each 10", "--tenants"),
            ("--dim 4 --metric cosine --batches --tenants 5", "--tenants"),
        ];
        for (line, names) in cases {
            let message = parse(&format!("x {line}")).unwrap_err();
            assert!(message.contains(names), "{line}: {message}");
        }
    }
}
