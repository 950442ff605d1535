//! `vicino verify` and `vicino compact`: is all there, and does it take no more than it needs?

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use vicino::{Collection, Open, Verify as Depth};

use super::of;
use super::progress::Progress;

/// Check a store or a snapshot: every byte of its files, and every link of its graphs
///
/// The exit status is 0 where all is well, and 1 where something is damaged.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The folder of a store, or the file of a snapshot
    path: PathBuf,
}

/// Give back what of a store's file is free
#[derive(Debug, Args)]
pub(super) struct Compact {
    /// The folder of the store
    store: PathBuf,
}

impl Verify {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<()> {
        if self.path.is_file() { snapshot(&self.path, out) } else { store(&self.path, out) }
    }
}

fn snapshot(path: &Path, out: &mut impl Write) -> Result<()> {
    let named = || path.display().to_string();
    let progress = Progress::waiting("reading the snapshot");
    let bytes = vicino::read_file(path).with_context(named)?;
    let open = Open::default().with_verify(Depth::Full);
    let collection = Collection::open(bytes, vicino::simd()?, &open).with_context(named)?;
    let mut links = 0;
    for scope in collection.scopes() {
        let report = collection.check_scope(&scope)?;
        ensure!(report.invalid_links == 0, "{scope} has {} wrong links", report.invalid_links);
        links += report.links;
    }
    let entries = collection.stats().vector_count;
    drop(progress);
    writeln!(out, "{}: {entries} entries and {links} links are well", path.display())?;
    Ok(())
}

fn store(path: &Path, out: &mut impl Write) -> Result<()> {
    let store = of::store(path)?;
    let (mut entries, mut links, mut damaged) = (0, 0, 0);
    for known in store.collections_blocking()? {
        let storage = of::storage(&store, known.clone())?;
        let storage = storage.blocking();
        let progress = Progress::of(storage.stats()?.vector_count, "entries");
        for scope in storage.scopes()? {
            match storage.check(&scope) {
                Ok(report) if report.invalid_links == 0 => {
                    // Not before: the first use of a scope mends what is damaged.
                    let count = storage.count(&scope, None)?;
                    progress.more(count as u64);
                    entries += count;
                    links += report.links;
                }
                Ok(report) => {
                    damaged += 1;
                    let wrong = report.invalid_links;
                    writeln!(out, "{:?}, {scope}: {wrong} wrong links", known.name)?;
                }
                Err(error) => {
                    damaged += 1;
                    writeln!(out, "{:?}, {scope}: {error}", known.name)?;
                }
            }
        }
    }
    ensure!(
        damaged == 0,
        "{damaged} scopes of {} are damaged; what uses them makes them again of the database",
        path.display()
    );
    writeln!(out, "{}: {entries} entries and {links} links are well", path.display())?;
    Ok(())
}

impl Compact {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<()> {
        let store = of::store(&self.store)?;
        let len = || std::fs::metadata(self.store.join("store.redb")).map(|file| file.len());
        let before = len()?;
        let progress = Progress::waiting("giving back what is free");
        store.compact_blocking()?;
        store.close_blocking()?;
        drop(progress);
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        writeln!(out, "{:.1} MB, before {:.1} MB", megabytes(len()?), megabytes(before))?;
        Ok(())
    }
}
