//! Metadata to filter by: some of it random, one field decided by where the vectors are.

use anyhow::Result;
use vicino::{DistanceMetric, Object, Value};

use super::data::Data;
use super::exact;
use super::random::SplitMix64;

/// How many cells vectors lie in.
pub(super) const CELLS: u32 = 100;

/// `random` is below it.
pub(super) const RANDOM: u32 = 100_000;

/// The first year, and how many there are.
pub(super) const YEARS: (u32, u32) = (1990, 36);

/// How many categories, tags and ratings there are.
pub(super) const CATEGORIES: u32 = 20;
pub(super) const TAGS: u32 = 50;
pub(super) const RATINGS: u32 = 100;

/// What is known of a row.
#[derive(Debug)]
pub(super) struct Fields {
    /// The nearest of some rows: entries of a cell are near to one another.
    pub(super) cell: u32,
    pub(super) random: u32,
    pub(super) year: u32,
    category: u32,
    rating: u32,
    /// Up to three; one that comes twice is there twice.
    tags: Vec<u32>,
}

impl Fields {
    /// Those of all rows, computed on the threads of the pool that it is called in.
    pub(super) fn of(data: &Data, metric: DistanceMetric, seed: u64) -> Result<Vec<Self>> {
        let centers = SplitMix64(seed).choose(CELLS as usize, data.len());
        let cells = exact::nearest(data, &centers, metric)?;
        let seeds = (0..).map(|row| seed.wrapping_add(row));
        Ok(cells.into_iter().zip(seeds).map(|(cell, seed)| Self::drawn(cell, seed)).collect())
    }

    fn drawn(cell: u32, seed: u64) -> Self {
        let mut random = SplitMix64(seed);
        let mut below = |end| random.draw(end);
        let (first, years) = YEARS;
        Self {
            cell,
            random: below(RANDOM),
            year: first + below(years),
            category: below(CATEGORIES),
            rating: below(RATINGS),
            tags: (0..below(4)).map(|_| below(TAGS)).collect(),
        }
    }

    /// The same as an entry has it.
    pub(super) fn metadata(&self) -> Object {
        let tags: Vec<_> = self.tags.iter().map(|&tag| name("tag", tag)).collect();
        let rating = f64::from(self.rating) / 10.0;
        let fields = [
            ("category", name("category", self.category).into()),
            ("cell", self.cell.into()),
            ("random", self.random.into()),
            ("rating", Value::try_from(rating).expect("it is finite")),
            ("tags", tags.into()),
            ("year", self.year.into()),
        ];
        fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }
}

/// What the numbers of categories and tags are called.
pub(super) fn name(what: &str, number: u32) -> String {
    format!("{what} {number}")
}
