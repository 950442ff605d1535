//! What deletes and inserts do to an index over time, beside an index built anew.
//!
//! A round deletes some entries and inserts as many: the same vectors again, or, with a window
//! that moves over the file, the next rows in place of the oldest. Then it maintains the index
//! until nothing is left to do, and judges it by a scan of what lives.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use vicino::{Error, HnswIndex, Rayon};

use super::data::Data;
use super::exact::Exact;
use super::random::SplitMix64;
use super::store::Reader;
use super::table::Table;
use super::{Answers, Bench};

/// Replaces entries round by round, and prints a row for each.
pub(super) fn run(bench: &Bench, rounds: usize, out: &mut impl Write) -> Result<()> {
    let most = if bench.window { None } else { bench.n };
    let data = Data::read(&bench.data, bench.dim, bench.queries, most)?;
    let count = bench.n.unwrap_or(usize::MAX).min(data.len());
    let replaced = share(count, bench.percent.unwrap_or_default());
    let (left, needed) = (data.len() - count, replaced.saturating_mul(rounds));
    ensure!(
        !bench.window || needed <= left,
        "{rounds} rounds of {replaced} rows need {needed} behind the first {count}, found {left}"
    );

    let pool = bench.pool()?;
    let (index, took) = bench.build_index(&pool, data.rows(0..count))?;
    bench.describe(index.len(), index.memory_bytes(), took, out)?;
    let mut entries = Entries::new(index);
    let mut random = SplitMix64(bench.seed);
    let recall = format!("recall@{}, ef {}", bench.k, bench.first_ef());
    let titles = ["round", &recall, "fresh", "bytes/vector", "unreachable", "invalid links"];
    let table = Table::new(&[&titles[..], &["delete s", "insert s", "maintain s"]].concat(), out)?;
    for round in 1..=rounds {
        let next = if bench.window {
            (0..).skip(count + (round - 1) * replaced).take(replaced).collect()
        } else {
            entries.move_to_front(replaced, &mut random)
        };
        let took = pool.install(|| entries.replace_oldest(&next, &data))?;

        let rows = entries.rows();
        let exact = pool.install(|| Exact::scan(&data, &rows, bench.metric, bench.k))?;
        let fresh = if round % bench.fresh_every == 0 || round == rounds {
            let (fresh, _) = bench.build_index(&pool, &data.gather(&rows))?;
            let recall = recall_of(&fresh, &rows, &exact, bench, &data)?;
            format!("{recall:.4}")
        } else {
            "-".to_owned()
        };
        let index = &entries.index;
        let report = index.check();
        let row = [
            round.to_string(),
            format!("{:.4}", recall_of(index, &entries.row_of, &exact, bench, &data)?),
            fresh,
            (index.memory_bytes() / index.len()).to_string(),
            report.unreachable.to_string(),
            report.invalid_links.to_string(),
        ];
        let took = took.map(|step| format!("{:.2}", step.as_secs_f64()));
        table.row(&[&row[..], &took].concat(), out)?;
    }
    Ok(())
}

/// So many percent of the entries, but at least one.
fn share(entries: usize, percent: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, reason = "a part of the entries, rounded")]
    let share = (entries as f64 * percent / 100.0).round() as usize;
    share.clamp(1, entries)
}

/// The recall of an index whose slots hold these rows.
fn recall_of(
    index: &HnswIndex,
    row_of: &[u32],
    exact: &Exact<'_>,
    bench: &Bench,
    data: &Data,
) -> Result<f64> {
    let reader = Reader::Index(index.reader());
    let mut answers = Answers::of(&reader, data, bench.k, bench.first_ef())?.rows;
    answers.iter_mut().flatten().for_each(|slot| *slot = row_of[*slot as usize]);
    exact.recall(&answers)
}

/// An index, and which row of the file is in which slot.
struct Entries {
    index: HnswIndex,
    /// The slots of what lives, the oldest first.
    live: Vec<u32>,
    row_of: Vec<u32>,
}

impl Entries {
    fn new(index: HnswIndex) -> Self {
        let rows: Vec<u32> = (0..).take(index.len()).collect();
        Self { index, live: rows.clone(), row_of: rows }
    }

    fn rows(&self) -> Vec<u32> {
        self.live.iter().map(|&slot| self.row_of[slot as usize]).collect()
    }

    /// Chooses entries to count as the oldest; the rows that they hold.
    fn move_to_front(&mut self, count: usize, random: &mut SplitMix64) -> Vec<u32> {
        random.move_to_front(&mut self.live, count);
        self.live[..count].iter().map(|&slot| self.row_of[slot as usize]).collect()
    }

    /// Deletes as many of the oldest entries as there are rows, inserts these, and maintains the
    /// index; how long each of the three took.
    fn replace_oldest(&mut self, rows: &[u32], data: &Data) -> Result<[Duration; 3], Error> {
        const BUDGET: u64 = 1 << 24; // distances: a second or so, as an idle program would spend
        let vectors = data.gather(rows);
        let old: Vec<u32> = self.live.drain(..rows.len()).collect();
        let start = Instant::now();
        self.index.delete(&old)?;
        let deleted = Instant::now();
        let slots = self.index.insert(&vectors, &Rayon)?;
        let inserted = Instant::now();
        while !self.index.maintain(BUDGET, &Rayon).finished {}
        let took = [deleted - start, inserted - deleted, inserted.elapsed()];

        for (&slot, &row) in slots.iter().zip(rows) {
            let slot = slot as usize;
            self.row_of.resize(self.row_of.len().max(slot + 1), u32::MAX);
            self.row_of[slot] = row;
        }
        self.live.extend(slots);
        Ok(took)
    }
}
