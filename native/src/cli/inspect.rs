//! What is in a store: `vicino stats`, `vicino scopes`, `vicino get`.

use std::io::Write;

use anyhow::{Result, bail};
use clap::Args;
use vicino::{CollectionInfo, EntryKey, Scope};

use super::json::Entry;
use super::of::{self, Of};
use super::table::table;

/// Say how many entries the collections of a store hold, and what memory they take
#[derive(Debug, Args)]
pub(super) struct Stats {
    /// The folder of the store
    store: std::path::PathBuf,
}

/// List the scopes of a collection and how many entries they hold
#[derive(Debug, Args)]
pub(super) struct Scopes {
    #[command(flatten)]
    of: Of,
}

/// Print an entry as a line of JSON
#[derive(Debug, Args)]
pub(super) struct Get {
    #[command(flatten)]
    of: Of,
    /// Its id
    id: String,
    /// Its scope
    #[arg(long, default_value = "global")]
    scope: Scope,
}

impl Stats {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<()> {
        let store = of::store(&self.store)?;
        let row = |known: CollectionInfo| {
            let stats = of::storage(&store, known.clone())?.blocking().stats()?;
            anyhow::Ok([
                known.name,
                stats.vector_count.to_string(),
                stats.scope_count.to_string(),
                known.dimensions.to_string(),
                known.config.distance_metric.to_string(),
                format!("{:.1}", stats.memory.total() as f64 / 1e6),
            ])
        };
        let titles = ["collection", "entries", "scopes", "dimensions", "metric", "MB in memory"];
        let rows = store.collections_blocking()?.into_iter().map(row);
        writeln!(out, "{}", table(titles, rows.collect::<Result<Vec<_>>>()?))?;
        let values = store.backend().blocking().stats()?;
        writeln!(out, "{} values under keys, {:.1} MB", values.keys, values.bytes as f64 / 1e6)?;
        Ok(())
    }
}

impl Scopes {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<()> {
        let store = self.of.store()?;
        let storage = self.of.storage(&store)?;
        for scope in storage.blocking().scopes()? {
            let stats = storage.blocking().stats_for_scope(&scope)?;
            writeln!(out, "{scope}\t{}", stats.vector_count)?;
        }
        Ok(())
    }
}

impl Get {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<()> {
        let store = self.of.store()?;
        let storage = self.of.storage(&store)?;
        let key = EntryKey::new(self.scope.clone(), &*self.id);
        match storage.blocking().get(&key)? {
            Some(entry) => writeln!(out, "{}", serde_json::to_string(&Entry::from(entry))?)?,
            None => bail!("there is no {:?} in {}", self.id, self.scope),
        }
        Ok(())
    }
}
