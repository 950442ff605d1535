//! Exact answers by a scan of everything, and recall judged by them.
//!
//! A scan keeps only the distance of each query's k-th nearest row: an answer is right that is as
//! near, so ties at the last place are hits. Answers are measured anew, by the kernel of the
//! scan, which gives the same row the same bits; nothing that the index says of distances counts.

use anyhow::Result;
use rayon::prelude::*;
use vicino::kernel::{Dot, Manhattan, SquaredEuclidean};
use vicino::{DistanceMetric, Error, Simd};

use super::data::Data;

/// How far the k-th nearest row of each query is.
#[derive(Debug)]
pub(super) struct Exact<'d> {
    ruler: Ruler,
    data: &'d Data,
    /// At most `k`: as many as there are rows.
    places: usize,
    edges: Vec<f32>,
}

impl<'d> Exact<'d> {
    /// Compares all queries with the given rows, on the threads of the pool that it is called in.
    pub(super) fn scan(
        data: &'d Data,
        rows: &[u32],
        metric: DistanceMetric,
        k: usize,
    ) -> Result<Self> {
        const QUERIES: usize = 32; // enough that rows come from the cache, and threads get shares
        let ruler = Ruler { metric, simd: vicino::simd()? };
        let queries: Vec<&[f32]> = data.queries().collect();
        let edges = queries
            .par_chunks(QUERIES)
            .map(|queries| ruler.edges(queries, data, rows, k))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { ruler, data, places: k.min(rows.len()), edges: edges.concat() })
    }

    /// The share of the nearest rows that answers hold; the same row twice counts once.
    pub(super) fn recall(&self, answers: &[Vec<u32>]) -> Result<f64> {
        let mut hits = 0;
        for ((query, &edge), rows) in self.data.queries().zip(&self.edges).zip(answers) {
            let mut rows = rows.clone();
            rows.sort_unstable();
            rows.dedup();
            let limit = edge + edge.abs() * 1e-6 + 1e-9; // equal vectors may differ in a bit
            let near = self.ruler.measure(query, &Tile::new(self.ruler, self.data, &rows)?)?;
            hits += near.iter().filter(|&&rank| rank <= limit).count().min(self.places);
        }
        Ok(hits as f64 / (self.edges.len() * self.places) as f64)
    }
}

/// Which of a few rows is the nearest to each row, by its place among them, computed on the threads
/// of the pool that it is called in.
pub(super) fn nearest(data: &Data, few: &[u32], metric: DistanceMetric) -> Result<Vec<u32>, Error> {
    let ruler = Ruler { metric, simd: vicino::simd()? };
    let few = Tile::new(ruler, data, few)?;
    let nearest = |row| {
        let ranks = ruler.measure(data.row(row), &few)?;
        let ranks = (0..).zip(ranks);
        Ok(ranks.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(place, _)| place))
    };
    (0..data.len()).into_par_iter().map(nearest).collect()
}

/// Measures rows so that a smaller rank is nearer.
#[derive(Debug, Clone, Copy)]
struct Ruler {
    metric: DistanceMetric,
    simd: Simd,
}

impl Ruler {
    /// The rank of the k-th nearest row of each query, or of the last where there are fewer.
    fn edges(
        self,
        queries: &[&[f32]],
        data: &Data,
        rows: &[u32],
        k: usize,
    ) -> Result<Vec<f32>, Error> {
        const TILE: usize = 64 << 10; // bytes of rows that stay in the cache for all queries
        let tile = (TILE / (4 * data.dimensions())).max(1);
        let mut nearest = vec![Vec::with_capacity(k.min(rows.len()) + 1); queries.len()];
        for rows in rows.chunks(tile) {
            let tile = Tile::new(self, data, rows)?;
            for (query, nearest) in queries.iter().zip(&mut nearest) {
                for rank in self.measure(query, &tile)? {
                    keep(nearest, k, rank);
                }
            }
        }
        Ok(nearest.iter().map(|ranks| ranks.last().copied().unwrap_or(f32::INFINITY)).collect())
    }

    fn measure(self, query: &[f32], tile: &Tile<'_>) -> Result<Vec<f32>, Error> {
        let mut ranks = vec![0.0; tile.rows.len()];
        match self.metric {
            DistanceMetric::Euclidean => {
                self.simd.batch(SquaredEuclidean, query, &tile.rows, &mut ranks)?;
            }
            DistanceMetric::Manhattan => {
                self.simd.batch(Manhattan, query, &tile.rows, &mut ranks)?;
            }
            // A query's own length is the same for all rows.
            _ => {
                self.simd.batch(Dot, query, &tile.rows, &mut ranks)?;
                for (rank, length) in ranks.iter_mut().zip(&tile.lengths) {
                    *rank /= -length;
                }
            }
        }
        Ok(ranks)
    }
}

/// Rows that are measured together, and the lengths that their products are divided by.
struct Tile<'d> {
    rows: Vec<&'d [f32]>,
    lengths: Vec<f32>,
}

impl<'d> Tile<'d> {
    fn new(ruler: Ruler, data: &'d Data, rows: &[u32]) -> Result<Self, Error> {
        let rows: Vec<&[f32]> = rows.iter().map(|&row| data.row(row as usize)).collect();
        let length = |row: &&[f32]| match ruler.metric {
            DistanceMetric::Cosine => ruler.simd.pair(Dot, row, row).map(f32::sqrt),
            _ => Ok(1.0),
        };
        let lengths = rows.iter().map(length).collect::<Result<_, _>>()?;
        Ok(Self { rows, lengths })
    }
}

/// Keeps a rank if it is among the `k` smallest.
fn keep(smallest: &mut Vec<f32>, k: usize, rank: f32) {
    if smallest.len() == k {
        if smallest.last().is_some_and(|&last| last <= rank) {
            return;
        }
        smallest.pop();
    }
    smallest.insert(smallest.partition_point(|&other| other <= rank), rank);
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// Against the metrics' own formulas: the nearest are right, those behind them wrong.
    #[test]
    fn only_the_nearest_rows_are_hits() {
        const K: usize = 7;
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for i in 0..5 * 260_u16 {
            let value = (f32::from(i) * 1.3).sin() * f32::from(i % 11 + 1);
            file.write_all(&value.to_le_bytes()).unwrap();
        }
        let data = Data::read(file.path(), 5, 60, None).unwrap();
        let rows: Vec<u32> = (20..200).collect();
        let places: Vec<u32> = (0..180).collect();
        for &metric in DistanceMetric::ALL {
            let exact = Exact::scan(&data, &rows, metric, K).unwrap();
            let sorted = data.queries().map(|query| {
                let distance = |row: u32| metric.distance(query, data.row(row as usize)).unwrap();
                let mut rows = rows.clone();
                rows.sort_by(|&a, &b| distance(a).total_cmp(&distance(b)));
                rows
            });
            let sorted: Vec<_> = sorted.collect();
            let answers = |choice: &[usize]| -> Vec<Vec<u32>> {
                sorted
                    .iter()
                    .map(|rows| choice.iter().map(|&place| rows[place]).collect())
                    .collect()
            };
            let recall = |choice: &[usize]| exact.recall(&answers(choice)).unwrap();
            assert_eq!(recall(&[0, 1, 2, 3, 4, 5, 6]), 1.0, "{metric}");
            assert_eq!(recall(&[6, 5, 4, 3, 2, 1, 0, 7]), 1.0, "{metric}");
            assert_eq!(recall(&[7, 8, 9]), 0.0, "{metric}");
            assert_eq!(recall(&[2, 2, 2, 2, 2, 2, 2]), 1.0 / 7.0, "{metric}");
            assert_eq!(recall(&[]), 0.0, "{metric}");
        }
        assert_eq!(nearest(&data, &rows, DistanceMetric::Cosine).unwrap()[20..200], places);
        let few = Exact::scan(&data, &rows[..3], DistanceMetric::Euclidean, K).unwrap();
        assert_eq!(few.recall(&vec![rows[..3].to_vec(); 60]).unwrap(), 1.0);
    }
}
