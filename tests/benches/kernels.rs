//! Nanoseconds a vector of the kernels, beside those of others and the machine's floor.
//!
//! `tests/run bench` runs it. One query is compared with batches of 16 rows, as a hop of a graph
//! search does, once with rows that stay in the cache and once with rows at random places of
//! 1 GB on huge pages. Contestants take turns, so that a noisy machine is noisy for all; a
//! figure is the median of the rounds. *floor* reads one word of every cache line of the row;
//! *pair* is ours one by one, without looking ahead; *simsimd* is the crate of that name; *loop*
//! is a plain loop over sixteen sums, compiled for the best instructions of the machine. Words
//! after `--` choose the tables whose titles have them all.

use std::env;
use std::hint::black_box;
use std::io::{Write, stdout};
use std::time::Instant;

use bytemuck::Pod;
use memmap2::{Advice, MmapMut};
use multiversion::multiversion;
use simsimd::SpatialSimilarity;
use vicino::kernel::{Code, Dot, Element, Kernel, Manhattan, SquaredEuclidean};
use vicino::{Isa, Simd};
use vicino_tests::Random;

const GIGABYTE: usize = 1 << 30;
const CACHED: usize = 128 << 10; // within the second level of every core of the last ten years
const BATCH: usize = 16;
const ROUNDS: usize = 11;
const DIMENSIONS: [usize; 4] = [128, 384, 768, 1536];

fn main() -> std::io::Result<()> {
    let memory = memory()?;
    for (place, bytes) in [("in cache", CACHED), ("1 GB", GIGABYTE)] {
        let memory = &memory[..bytes];
        let title = |kernel| format!("{kernel}, {place}");
        Table::<f32, f32>::new(title("squared Euclidean of f32"), SquaredEuclidean)
            .beside("simsimd", f32::sqeuclidean)
            .beside("loop", squared_f32)
            .print(memory)?;
        Table::<f32, f32>::new(title("dot of f32"), Dot)
            .beside("simsimd", f32::dot)
            .beside("loop", dot_f32)
            .print(memory)?;
        Table::<Code, Code>::new(title("squared Euclidean of codes"), SquaredEuclidean)
            .beside("simsimd", |query, row| i8::sqeuclidean(signed(query), signed(row)))
            .beside("loop", |query, row| squared_i8(signed(query), signed(row)))
            .print(memory)?;
        Table::<i8, Code>::new(title("dot of codes"), Dot)
            .beside("simsimd", |query, row| i8::dot(query, signed(row)))
            .beside("loop", |query, row| dot_i8(query, signed(row)))
            .print(memory)?;
        Table::<f32, f32>::new(title("Manhattan of f32"), Manhattan)
            .beside("loop", manhattan_f32)
            .print(memory)?;
        Table::<Code, Code>::new(title("Manhattan of codes"), Manhattan)
            .beside("loop", |query, row| manhattan_i8(signed(query), signed(row)))
            .print(memory)?;
    }
    Ok(())
}

/// Bytes of at most 127, which as floats lie between 0.5 and 1: no subnormal slows a round.
fn memory() -> std::io::Result<MmapMut> {
    let mut memory = MmapMut::map_anon(GIGABYTE)?;
    memory.advise(Advice::HugePage)?;
    let mut random = Random(1);
    for word in bytemuck::cast_slice_mut::<u8, u64>(&mut memory) {
        *word = (random.bits() & 0x007f_7f7f_007f_7f7f) | 0x3f00_0000_3f00_0000;
    }
    Ok(memory)
}

/// One kernel's figures: contestants across, dimensions down.
struct Table<Q, T> {
    title: String,
    contestants: Vec<(String, Contestant<Q, T>)>,
}

/// Compares a query with a batch of rows.
type Contestant<Q, T> = Box<dyn Fn(&[Q], &[&[T]])>;

impl<Q: Pod, T: Pod + Element<Total: Copy + Default>> Table<Q, T> {
    fn new<K: Kernel<T, Query = Q> + 'static>(title: String, kernel: K) -> Self
    where
        Q: Element,
    {
        let mut table = Self { title, contestants: Vec::new() };
        table.add("floor", |_, rows| {
            let mut sum = 0;
            for row in rows {
                for line in bytemuck::cast_slice::<T, u64>(row).as_chunks::<8>().0 {
                    sum ^= line[0];
                }
            }
            black_box(sum);
        });
        for simd in Isa::ALL.iter().filter_map(|&isa| Simd::new(isa).ok()) {
            table.add(simd.isa().name(), move |query, rows| {
                let mut totals = [T::Total::default(); BATCH];
                simd.batch(kernel, query, rows, &mut totals).expect("rows of one length");
                black_box(totals);
            });
        }
        let best = Simd::detect();
        table.beside("pair", move |q, row| best.pair(kernel, q, row).expect("rows of one length"))
    }

    /// Adds a contestant that compares one row at a time.
    fn beside<R>(mut self, name: &str, distance: impl Fn(&[Q], &[T]) -> R + 'static) -> Self {
        self.add(name, move |query, rows| {
            for row in rows {
                black_box(distance(query, row));
            }
        });
        self
    }

    fn add(&mut self, name: &str, contestant: impl Fn(&[Q], &[&[T]]) + 'static) {
        self.contestants.push((name.to_owned(), Box::new(contestant)));
    }

    fn print(self, memory: &[u8]) -> std::io::Result<()> {
        let mut words = env::args().skip(1).filter(|word| !word.starts_with("--"));
        if !words.all(|word| self.title.contains(&word)) {
            return Ok(());
        }
        let names: Vec<_> = self.contestants.iter().map(|(name, _)| name.as_str()).collect();
        let mut out = stdout().lock();
        writeln!(out, "\n| {} | {} |", self.title, names.join(" | "))?;
        writeln!(out, "|---|{}", "---|".repeat(names.len()))?;
        for dimensions in DIMENSIONS {
            let figures = self.row(memory, dimensions);
            let figures: Vec<_> = figures.iter().map(|ns| format!("{ns:.1}")).collect();
            writeln!(out, "| {dimensions} | {} |", figures.join(" | "))?;
        }
        Ok(())
    }

    /// The median nanoseconds a vector of each contestant.
    fn row(&self, memory: &[u8], dimensions: usize) -> Vec<f64> {
        let query: &[Q] = &bytemuck::cast_slice(memory)[..dimensions];
        let rows: &[T] = bytemuck::cast_slice(memory);
        let count = rows.len() / dimensions;
        let batches = (64 << 20) / size_of::<T>() / dimensions / BATCH; // 64 MB a turn

        let mut random = Random(dimensions as u64);
        let mut times = vec![Vec::new(); self.contestants.len()];
        for _ in 0..ROUNDS {
            for ((_, contestant), times) in self.contestants.iter().zip(&mut times) {
                let picks: Vec<[usize; BATCH]> =
                    (0..batches).map(|_| std::array::from_fn(|_| random.below(count))).collect();
                let start = Instant::now();
                for batch in &picks {
                    let rows = batch.map(|i| &rows[i * dimensions..][..dimensions]);
                    contestant(query, &rows);
                }
                times.push(start.elapsed().as_nanos() as f64 / (batches * BATCH) as f64);
            }
        }
        times.into_iter().map(median).collect()
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn signed(codes: &[Code]) -> &[i8] {
    bytemuck::cast_slice(codes)
}

macro_rules! plain_loops {
    ($($name:ident($element:ty) -> $sum:ty { |$a:ident, $b:ident| $step:expr })*) => {$(
        #[multiversion(targets(
            "x86_64+avx512f+avx512bw+avx512vl+avx512vnni",
            "x86_64+avx2+fma",
            "aarch64+neon+dotprod"
        ))]
        fn $name(query: &[$element], row: &[$element]) -> $sum {
            let mut sums: [$sum; 16] = Default::default();
            let (query, _) = query.as_chunks::<16>();
            let (row, _) = row.as_chunks::<16>();
            for (query, row) in query.iter().zip(row) {
                for ((sum, &$a), &$b) in sums.iter_mut().zip(query).zip(row) {
                    *sum += $step;
                }
            }
            sums.iter().sum()
        }
    )*};
}

plain_loops! {
    squared_f32(f32) -> f32 { |a, b| (a - b) * (a - b) }
    dot_f32(f32) -> f32 { |a, b| a * b }
    squared_i8(i8) -> i32 { |a, b| (i32::from(a) - i32::from(b)) * (i32::from(a) - i32::from(b)) }
    dot_i8(i8) -> i32 { |a, b| i32::from(a) * i32::from(b) }
    manhattan_f32(f32) -> f32 { |a, b| (a - b).abs() }
    manhattan_i8(i8) -> i32 { |a, b| (i32::from(a) - i32::from(b)).abs() }
}
