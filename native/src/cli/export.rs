//! `vicino export`: entries of a store as lines of JSON, or as a snapshot.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use vicino::{BlockingVectorStorage, Scope};

use super::json::Entry;
use super::of::Of;
use super::progress::Progress;

/// Write a collection into a file: lines of JSON that `vicino import` reads, or, where its name
/// ends with `.vcn`, a snapshot that every Vicino opens
#[derive(Debug, Args)]
pub(super) struct Export {
    #[command(flatten)]
    of: Of,
    /// The file, which must not be there
    file: PathBuf,
    /// Only entries of this scope; as often as there are such [default: all]
    #[arg(long)]
    scope: Vec<Scope>,
}

/// Entries that are read at a time.
const PAGE: usize = 1000;

impl Export {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<()> {
        let store = self.of.store()?;
        let storage = self.of.storage(&store)?;
        let storage = storage.blocking();
        let is_new = !self.file.exists();
        ensure!(is_new, "{} is there already", self.file.display());
        let is_snapshot = self.file.extension().is_some_and(|extension| extension == "vcn");
        let count = if is_snapshot {
            ensure!(self.scope.is_empty(), "a snapshot has all scopes; --scope is for .jsonl");
            let _progress = Progress::waiting("writing the snapshot");
            storage.export(&self.file)?;
            storage.stats()?.vector_count
        } else {
            let scopes = if self.scope.is_empty() { storage.scopes()? } else { self.scope.clone() };
            lines(storage, &scopes, &self.file)?
        };
        writeln!(out, "{count} entries in {}", self.file.display())?;
        Ok(store.close_blocking()?)
    }
}

/// Writes the entries of scopes; how many.
fn lines(storage: &BlockingVectorStorage, scopes: &[Scope], path: &Path) -> Result<usize> {
    let file = File::create_new(path).with_context(|| path.display().to_string())?;
    let mut file = BufWriter::new(file);
    let counts = scopes.iter().map(|scope| storage.count(scope, None));
    let progress = Progress::of(counts.sum::<Result<usize, _>>()?, "entries");
    let mut count = 0;
    for scope in scopes {
        let mut after: Option<String> = None;
        loop {
            let page = storage.list(scope, None, after.as_deref(), PAGE)?;
            count += page.entries.len();
            progress.more(page.entries.len() as u64);
            for entry in page.entries {
                serde_json::to_writer(&mut file, &Entry::from(entry))?;
                writeln!(file)?;
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
    }
    file.into_inner().map_err(|error| error.into_error())?.sync_all()?;
    Ok(count)
}
