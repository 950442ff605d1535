//! `vicino import`: entries of a file into a store.

use std::fs::{self, File};
use std::io::{BufWriter, Write, stderr};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;
use vicino::{
    BlockingVectorStorage, DistanceMetric, Error, HnswConfig, HnswVectorStorage, Scope, Store,
    StoreError,
};

use super::of::{Of, metric};
use super::progress::Progress;
use super::rows::{Format, Row, Rows};

/// Bring the entries of a file into a store, in the place of those that have the same ids
///
/// The store and the collection are made where they are not there; each thousand entries are
/// durable before the next are read, so that an import can be begun again after it was stopped.
#[derive(Debug, Args)]
pub(super) struct Import {
    #[command(flatten)]
    of: Of,
    /// The file
    file: PathBuf,
    /// What is in the file [default: what its name says]
    #[arg(long)]
    format: Option<Format>,
    /// How many values a vector has, where the file does not say it
    #[arg(long)]
    dim: Option<usize>,
    /// How vectors are compared, of a new collection
    #[arg(long, default_value = "cosine", value_parser = metric)]
    metric: DistanceMetric,
    /// The scope of entries that name none
    #[arg(long, default_value = "global")]
    scope: Scope,
    /// Go on behind entries that cannot be taken, and put their lines, or the numbers of their
    /// rows, into a file
    #[arg(long, value_name = "FILE")]
    skip_bad: Option<PathBuf>,
}

/// Entries that become durable together.
const BATCH: usize = 1000;

/// Of bad lines so many are told one by one.
const TOLD: u64 = 10;

/// Where bad lines go.
struct Bad<'i> {
    import: &'i Import,
    file: Option<BufWriter<File>>,
    count: u64,
}

impl Import {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<()> {
        let format = self.format.map_or_else(|| Format::of(&self.file), Ok)?;
        let mut rows = Rows::open(&self.file, format, self.dim, self.scope.clone())?;
        let named = || self.file.display().to_string();
        let size = fs::metadata(&self.file).with_context(named)?.len();
        let mut bad = Bad::new(self)?;
        let store = Store::open_blocking(&self.of.store)?;
        let mut storage: Option<HnswVectorStorage> = None;
        let (progress, began) = (Progress::of_bytes(size), Instant::now());
        let (mut imported, mut read) = (0, 0);
        loop {
            let mut batch = Vec::new();
            while batch.len() < BATCH
                && let Some(row) = rows.next().with_context(named)?
            {
                match &row.entry {
                    Ok(_) => batch.push(row),
                    Err(reason) => bad.take(&row, reason)?,
                }
            }
            let Some(Row { entry: Ok(first), .. }) = batch.first() else { break };
            let storage = match &storage {
                Some(storage) => storage,
                None => storage.insert(self.open(&store, first.vector.len())?),
            };
            imported += self.insert(storage.blocking(), batch, &mut bad)?;
            progress.more_bytes(rows.bytes - std::mem::replace(&mut read, rows.bytes), imported);
        }
        drop(progress);
        bad.close()?;
        store.close_blocking()?;
        let seconds = began.elapsed().as_secs_f64();
        let rate = imported as f64 / seconds;
        writeln!(out, "{imported} entries in {seconds:.1} s, {rate:.0} a second")?;
        if let (1.., Some(file)) = (bad.count, &self.skip_bad) {
            writeln!(out, "{} could not be taken, see {}", bad.count, file.display())?;
        }
        Ok(())
    }

    /// The collection, which is made for vectors of so many values where it is not there.
    fn open(&self, store: &Store, dimensions: usize) -> Result<HnswVectorStorage> {
        if let Some(known) = self.of.known(store)? {
            return Ok(known);
        }
        let config = HnswConfig::balanced().with_distance_metric(self.metric);
        Ok(store.collection_blocking(&self.of.collection, dimensions, config)?)
    }

    /// Has a batch be durable, without those that cannot be taken; how many that were.
    fn insert(
        &self,
        storage: &BlockingVectorStorage,
        mut batch: Vec<Row>,
        bad: &mut Bad<'_>,
    ) -> Result<usize> {
        while !batch.is_empty() {
            let entries = batch.iter().filter_map(|row| row.entry.clone().ok()).collect();
            match storage.upsert(entries) {
                Ok(_) => return Ok(batch.len()),
                Err(StoreError::Core(Error::InBatch { position, error })) => {
                    let row = batch.remove(position.min(batch.len() - 1));
                    bad.take(&row, &error.to_string())?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(0)
    }
}

impl<'i> Bad<'i> {
    fn new(import: &'i Import) -> Result<Self> {
        let create = |path: &PathBuf| {
            let file = File::create(path).with_context(|| path.display().to_string())?;
            anyhow::Ok(BufWriter::new(file))
        };
        let file = import.skip_bad.as_ref().map(create).transpose()?;
        Ok(Self { import, file, count: 0 })
    }

    /// Puts a row aside, or ends the import.
    fn take(&mut self, row: &Row, reason: &str) -> Result<()> {
        let place = format!("{}:{}", self.import.file.display(), row.number);
        let Some(file) = &mut self.file else {
            bail!("{place}: {reason}; what comes before is imported, --skip-bad goes on behind it");
        };
        self.count += 1;
        if self.count <= TOLD {
            writeln!(stderr(), "{place}: {reason}")?;
        }
        writeln!(file, "{}", row.text)?;
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        Ok(self.file.as_mut().map_or(Ok(()), Write::flush)?)
    }
}
