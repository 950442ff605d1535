//! The vectors of a benchmark: rows of a file, the last of which are held out as queries.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// Rows to index, and queries.
#[derive(Debug)]
pub(super) struct Data {
    dimensions: usize,
    values: Vec<f32>,
    queries: Vec<f32>,
}

impl Data {
    /// Reads a file's first rows, `most` at most, and as queries its last `queries`.
    pub(super) fn read(
        path: &Path,
        dimensions: usize,
        queries: usize,
        most: Option<usize>,
    ) -> Result<Self> {
        let name = path.display();
        let mut file = File::open(path).with_context(|| format!("cannot open {name}"))?;
        let bytes = file.metadata().with_context(|| format!("cannot open {name}"))?.len();
        let row = 4 * dimensions as u64;
        ensure!(
            bytes.is_multiple_of(row),
            "{name} has {bytes} bytes, no whole rows of {row}; is --dim {dimensions} right?"
        );
        let all =
            u32::try_from(bytes / row).with_context(|| format!("{name} has too many rows"))?;
        let all = all as usize;
        ensure!(all > queries, "{name} has {all} rows; {queries} queries leave none to index");

        let rows = (all - queries).min(most.unwrap_or(usize::MAX));
        let mut read = || -> Result<Self> {
            let values = floats(&mut file, rows * dimensions)?;
            file.seek(SeekFrom::Start((all - queries) as u64 * row))?;
            let queries = floats(&mut file, queries * dimensions)?;
            Ok(Self { dimensions, values, queries })
        };
        read().with_context(|| format!("cannot read {name}"))
    }

    /// The number of rows.
    pub(super) fn len(&self) -> usize {
        self.values.len() / self.dimensions
    }

    pub(super) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Some rows, one after the other.
    pub(super) fn rows(&self, rows: Range<usize>) -> &[f32] {
        &self.values[rows.start * self.dimensions..rows.end * self.dimensions]
    }

    pub(super) fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.dimensions..][..self.dimensions]
    }

    /// Some rows, copied one after the other.
    pub(super) fn gather(&self, rows: &[u32]) -> Vec<f32> {
        rows.iter().flat_map(|&row| self.row(row as usize)).copied().collect()
    }

    /// A query by its number; after the last comes the first.
    pub(super) fn query(&self, number: usize) -> Vec<f32> {
        let mut queries = self.queries();
        queries.nth(number % queries.len().max(1)).unwrap_or_default().to_vec()
    }

    pub(super) fn queries(&self) -> std::slice::ChunksExact<'_, f32> {
        self.queries.chunks_exact(self.dimensions)
    }
}

/// Reads the next `count` numbers, piece by piece, so that only they take memory.
fn floats(file: &mut File, count: usize) -> Result<Vec<f32>> {
    const PIECE: usize = 1 << 20; // whole numbers, and few calls of the system
    let mut floats = Vec::new();
    floats.try_reserve_exact(count)?;
    let mut piece = vec![0; PIECE];
    while floats.len() < count {
        let piece = &mut piece[..PIECE.min(4 * (count - floats.len()))];
        file.read_exact(piece)?;
        let (numbers, _) = piece.as_chunks();
        floats.extend(numbers.iter().map(|&bytes| f32::from_le_bytes(bytes)));
    }
    Ok(floats)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(numbers: Range<u16>, more: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for number in numbers {
            file.write_all(&f32::from(number).to_le_bytes()).unwrap();
        }
        file.write_all(more).unwrap();
        file
    }

    #[test]
    fn queries_are_the_last_rows_whatever_is_indexed() {
        let file = file(0..12, &[]);
        for (most, rows) in [(None, 4), (Some(9), 4), (Some(3), 3)] {
            let data = Data::read(file.path(), 2, 2, most).unwrap();
            assert_eq!(data.len(), rows);
            assert_eq!((data.row(0), data.row(2)), (&[0.0, 1.0][..], &[4.0, 5.0][..]));
            assert_eq!(data.queries().collect::<Vec<_>>(), [[8.0, 9.0], [10.0, 11.0]]);
        }
    }

    #[test]
    fn a_file_larger_than_a_piece_is_read_whole() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len((5 << 20) + 8).unwrap();
        let data = Data::read(file.path(), 1, 1, None).unwrap();
        assert_eq!(data.len(), (5 << 18) + 1);
    }

    #[test]
    fn a_file_that_does_not_fit_is_refused_in_one_line() {
        let cases = [
            (file(0..4, &[7]), "has 17 bytes, no whole rows of 8; is --dim 2 right?"),
            (file(0..4, &[]), "has 2 rows; 2 queries leave none to index"),
            (file(0..0, &[]), "has 0 rows; 2 queries leave none to index"),
        ];
        for (file, end) in cases {
            let error = Data::read(file.path(), 2, 2, None).unwrap_err();
            let message = format!("{error:#}");
            assert!(message.ends_with(end) && message.lines().count() == 1, "{message}");
        }
        let message = format!("{:#}", Data::read(Path::new("no/file"), 2, 2, None).unwrap_err());
        assert!(message.starts_with("cannot open no/file: "), "{message}");
        let message = format!("{:#}", Data::read(Path::new("."), 1, 1, None).unwrap_err());
        assert!(message.starts_with("cannot read .: ") || message.contains("rows"), "{message}");
    }
}
