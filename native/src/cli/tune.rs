//! `vicino tune`: how many candidates searches of one's own entries need.

use std::io::Write;
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Args;
use vicino::{CollectionReader, RecallProbe, Scope, Searcher, VectorEntry, VectorQuery};

use super::of::Of;
use super::progress::Progress;
use super::table::table;

/// Measure recall and speed of searches on a sample of a scope's own entries, and recommend an `ef`
///
/// Each entry of the sample is searched for, left out of its own answer; what a scan of all entries
/// finds is what is right.
#[derive(Debug, Args)]
pub(super) struct Tune {
    #[command(flatten)]
    of: Of,
    /// The scope
    #[arg(long, default_value = "global")]
    scope: Scope,
    /// The recall to reach
    #[arg(long, default_value_t = 0.95, value_parser = recall)]
    recall: f64,
    /// How many results a search returns
    #[arg(short, long, default_value_t = 10)]
    k: usize,
    /// How many entries are searched for
    #[arg(long, default_value_t = 200)]
    sample: usize,
}

/// What is tried: each costs the same number of scans.
const CANDIDATES: [usize; 7] = [16, 32, 64, 128, 256, 512, 1024];

impl Tune {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<()> {
        let store = self.of.store()?;
        let reader = self.of.storage(&store)?.blocking().reader()?;
        let entries = reader.list(&self.scope, None, None, self.sample)?.entries;
        ensure!(!entries.is_empty(), "{} has no entries", self.scope);
        let stats = reader.stats_for_scope(&self.scope);
        let (count, memory) = (stats.vector_count, stats.memory_mb);
        writeln!(out, "{}: {count} entries, {memory:.1} MB in memory", self.scope)?;
        let progress = Progress::of(CANDIDATES.len(), "settings");
        let (mut rows, mut enough) = (Vec::new(), None);
        for ef in CANDIDATES.into_iter().filter(|ef| *ef >= self.k) {
            let (scope, k, sample) = (self.scope.clone(), self.k, self.sample);
            let probe = RecallProbe { scope, filter: None, sample, k, ef: Some(ef) };
            let recall = reader.measure_recall(&probe, &mut Searcher::default())?;
            let speed = self.speed(&reader, &entries, ef)?;
            rows.push([ef.to_string(), format!("{recall:.4}"), format!("{speed:.0}")]);
            progress.more(1);
            if recall >= self.recall && enough.is_none() {
                enough = Some(ef);
            }
            if recall >= 0.9995 {
                break;
            }
        }
        drop(progress);
        writeln!(out, "{}", table(["ef", "recall", "QPS"], rows))?;
        match enough {
            Some(ef) => writeln!(
                out,
                "an ef of {ef} is enough for a recall of {}: `VectorQuery::with_ef({ef})`, or \
                 `ef_search` in the configuration of a new collection",
                self.recall
            )?,
            None => writeln!(
                out,
                "none is enough for a recall of {}; a new collection with `HnswConfig::accurate` \
                 may be",
                self.recall
            )?,
        }
        Ok(())
    }

    /// Searches a second of one thread.
    fn speed(&self, reader: &CollectionReader, sample: &[VectorEntry], ef: usize) -> Result<f64> {
        let query = |entry: &VectorEntry| {
            VectorQuery::new(entry.vector.clone(), self.k)
                .with_scope(self.scope.clone())
                .with_ef(ef)
        };
        let queries: Vec<VectorQuery> = sample.iter().map(query).collect();
        let mut searcher = Searcher::default();
        let began = Instant::now();
        for query in &queries {
            reader.search(query, &mut searcher)?;
        }
        Ok(queries.len() as f64 / began.elapsed().as_secs_f64())
    }
}

fn recall(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(recall) if recall > 0.0 && recall <= 1.0 => Ok(recall),
        _ => Err("not a number over 0 and up to 1".to_owned()),
    }
}
