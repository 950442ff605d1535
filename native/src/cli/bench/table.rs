//! A table that is written row by row, so that a long run is read while it goes on.
//!
//! It is Markdown, to be pasted into a record.

use std::io::{Result, Write};

/// A table whose columns are as wide as their titles, or at least as most numbers.
#[derive(Debug)]
pub(super) struct Table {
    widths: Vec<usize>,
}

impl Table {
    /// Writes the head.
    pub(super) fn new(titles: &[&str], out: &mut impl Write) -> Result<Self> {
        const NUMBER: usize = 7;
        let widths = titles.iter().map(|title| title.len().max(NUMBER)).collect();
        let table = Self { widths };
        table.row(titles, out)?;
        for width in &table.widths {
            write!(out, "|{:->width$}:", "", width = width + 1)?;
        }
        writeln!(out, "|")?;
        Ok(table)
    }

    /// Writes one row.
    pub(super) fn row(&self, cells: &[impl AsRef<str>], out: &mut impl Write) -> Result<()> {
        for (cell, width) in cells.iter().zip(&self.widths) {
            write!(out, "| {:>width$} ", cell.as_ref())?;
        }
        writeln!(out, "|")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let mut out = Vec::new();
        let table = Table::new(&["ef", "recall@10"], &mut out).unwrap();
        table.row(&["64", "0.9876"], &mut out).unwrap();
        let lines = "|      ef | recall@10 |\n|--------:|----------:|\n|      64 |    0.9876 |\n";
        assert_eq!(String::from_utf8(out).unwrap(), lines);
    }
}
