//! `vicino delete`: entries by their ids, by a filter, or all of a scope.

use std::io::Write;

use anyhow::{Context, Result};
use clap::Args;
use vicino::{EntryKey, Filter, Scope};

use super::of::Of;

/// Delete entries of a scope
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true))]
pub(super) struct Delete {
    #[command(flatten)]
    of: Of,
    /// Their ids
    #[arg(group = "which")]
    ids: Vec<String>,
    /// Those whose metadata match a filter, as JSON: '{"year": {"$lt": 2020}}'
    #[arg(long = "where", group = "which", value_name = "FILTER")]
    filter: Option<String>,
    /// All of them
    #[arg(long, group = "which")]
    all: bool,
    /// The scope
    #[arg(long, default_value = "global")]
    scope: Scope,
}

impl Delete {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<()> {
        let store = self.of.store()?;
        let storage = self.of.storage(&store)?;
        let storage = storage.blocking();
        let deleted = if self.all {
            storage.delete_scope(&self.scope)?
        } else if let Some(filter) = &self.filter {
            let filter: Filter = serde_json::from_str(filter).context("the filter")?;
            storage.delete_where(&self.scope, &filter)?
        } else {
            let key = |id: &String| EntryKey::new(self.scope.clone(), &**id);
            storage.delete(&self.ids.iter().map(key).collect::<Vec<_>>())?
        };
        writeln!(out, "{deleted} entries deleted")?;
        Ok(store.close_blocking()?)
    }
}
