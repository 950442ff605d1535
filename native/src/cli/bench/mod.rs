//! `vicino bench`: recall, speed, memory, and what changes do to them, on vectors of one's own.
//!
//! Here is what its modes share; each mode is a file, chosen in `run`. A mode takes what it reads
//! from and writes to, so that tests drive it without a process. Builds run on as many threads as
//! asked for, searches that are timed on one, but for those of `interactive`.

mod arguments;
mod asleep;
mod batches;
mod beside;
mod churn;
mod data;
mod durable;
mod exact;
mod fields;
mod filters;
mod interactive;
mod latency;
mod random;
mod scopes;
mod snapshot;
mod store;
mod sweep;
mod table;
mod tenants;
mod writes;

use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rayon::{ThreadPool, ThreadPoolBuilder};
use vicino::{HnswConfig, HnswIndex, HnswVectorStorage, Memory, Rayon, Searcher};

pub(crate) use arguments::Bench;
use data::Data;
use latency::Latencies;
use store::{Reader, Store};

impl Bench {
    /// Measures what the arguments ask for.
    pub(crate) fn run(&self, input: &mut impl BufRead, out: &mut impl Write) -> Result<()> {
        self.config().validate()?;
        if self.interactive {
            interactive::run(self, input, out)
        } else if let Some(rounds) = self.churn {
            churn::run(self, rounds, out)
        } else if self.reads_during_writes {
            writes::reads_during_writes(self, ALONE, out)
        } else if let Some(inserts) = self.inserts {
            writes::inserts(self, inserts, out)
        } else if self.filters {
            filters::run(self, out)
        } else if let (Some(tenants), Some(each)) = (self.tenants, self.each) {
            scopes::run(self, tenants, each, out)
        } else if let Some(tenants) = self.tenants {
            tenants::run(self, tenants, out)
        } else if self.batches {
            batches::run(self, batches::SIZES, out)
        } else if let Some(path) = &self.snapshot {
            snapshot::run(self, path, out)
        } else if let Some(folder) = &self.durable {
            match (self.asleep, self.memory_limit) {
                (Some(tenants), Some(limit)) => asleep::run(self, folder, tenants, limit, out),
                _ if self.beside => beside::run(self, folder, out),
                _ => durable::run(self, folder, out),
            }
        } else {
            sweep::run(self, out)
        }
    }

    fn config(&self) -> HnswConfig {
        HnswConfig::balanced()
            .with_distance_metric(self.metric)
            .with_max_connections(self.m)
            .with_ef_construction(self.ef_construction)
            .with_quantization(self.quantization)
            .with_exact(self.exact)
            .with_seed(self.seed)
    }

    /// Huge pages, unless small ones are asked for.
    fn memory(&self) -> Memory {
        if self.small_pages { Memory::default() } else { vicino::huge_pages() }
    }

    /// The rows to index, those of `--n` at most, and the queries.
    fn data(&self) -> Result<Data> {
        Data::read(&self.data, self.dim, self.queries, self.n)
    }

    fn pool(&self) -> Result<ThreadPool> {
        Ok(ThreadPoolBuilder::new().num_threads(self.threads).build()?)
    }

    /// The candidates of a search in modes that measure with one number.
    fn first_ef(&self) -> usize {
        self.ef.first().copied().unwrap_or(128)
    }

    /// An index of the rows, whose slots are the rows' numbers, and how long its building took.
    fn build_index(&self, pool: &ThreadPool, rows: &[f32]) -> Result<(HnswIndex, Duration)> {
        let start = Instant::now();
        let (config, memory) = (self.config(), self.memory());
        let mut index = HnswIndex::with_memory(config, self.dim, vicino::simd()?, memory)?;
        let slots = pool.install(|| index.insert(rows, &Rayon))?;
        let took = start.elapsed();
        ensure!(slots.into_iter().eq((0..).take(index.len())), "slots are not the rows' numbers");
        Ok((index, took))
    }

    /// The first rows in an index, or in a collection or a durable storage where that is asked for.
    /// One call inserts them, so that all have the same graph.
    fn build_store(
        &self,
        pool: &ThreadPool,
        data: &Data,
        rows: usize,
    ) -> Result<(Store, Duration)> {
        if self.collection {
            let mut store = Store::Collection(store::collection(self)?);
            let took = pool.install(|| store.insert(0..rows, data))?;
            return Ok((store, took));
        }
        if let Some(folder) = &self.storage {
            let storage = HnswVectorStorage::open_blocking(folder, self.dim, self.config())?;
            let mut store = Store::Storage(storage);
            ensure!(store.len()? == 0, "{} holds something already", folder.display());
            let took = store.insert(0..rows, data)?;
            return Ok((store, took));
        }
        let (index, took) = self.build_index(pool, data.rows(0..rows))?;
        Ok((Store::Index(index, Box::new(Rayon)), took))
    }

    /// The same, and says what was built.
    fn build(
        &self,
        pool: &ThreadPool,
        data: &Data,
        rows: usize,
        out: &mut impl Write,
    ) -> Result<Store> {
        let (store, took) = self.build_store(pool, data, rows)?;
        self.describe(store.len()?, store.memory_bytes()?, took, out)?;
        Ok(store)
    }

    /// Says what was built.
    fn describe(
        &self,
        vectors: usize,
        bytes: usize,
        took: Duration,
        out: &mut impl Write,
    ) -> Result<()> {
        let Self { dim, metric, m, ef_construction, seed, threads, .. } = self;
        let quantization = format!("{:?}", self.quantization).to_lowercase();
        let exact = format!("{:?}", self.exact).to_lowercase();
        writeln!(out, "{vectors} vectors of {dim} dimensions, {metric}")?;
        writeln!(
            out,
            "quantization {quantization}, exact {exact}, \
             m {m}, ef_construction {ef_construction}, seed {seed}"
        )?;
        writeln!(
            out,
            "built in {:.2} s by {threads} threads on {}, {} bytes a vector\n",
            took.as_secs_f64(),
            vicino::simd()?.isa(),
            bytes / vectors
        )?;
        Ok(())
    }
}

/// How long a reader without a writer is measured: some ten thousand searches.
const ALONE: Duration = Duration::from_secs(5);

/// What the searches of all queries gave, one after the other on one thread.
struct Answers {
    rows: Vec<Vec<u32>>,
    latencies: Latencies,
}

impl Answers {
    fn of(reader: &Reader, data: &Data, k: usize, ef: usize) -> Result<Self> {
        let mut searcher = Searcher::default();
        let (mut rows, mut took) = (Vec::new(), Vec::new());
        for query in data.queries() {
            let mut found = Vec::with_capacity(k);
            let start = Instant::now();
            reader.search(query, k, ef, &mut searcher, &mut found)?;
            took.push(start.elapsed());
            rows.push(found);
        }
        Ok(Self { rows, latencies: Latencies::new(took) })
    }
}

#[cfg(test)]
mod tests;
