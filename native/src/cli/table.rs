//! What a command tells in columns.

use comfy_table::{CellAlignment, Row, Table, presets};

/// Rows below their titles: words on the left of a column, numbers, which are all but the first, on
/// its right.
pub(super) fn table<const N: usize>(
    titles: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(titles);
    table.add_rows(rows.into_iter().map(Row::from));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [["short", "1"], ["a long name", "1000"]].map(|row| row.map(str::to_owned));
        let expected = [
            "| name        | count |",
            "|-------------|-------|",
            "| short       |     1 |",
            "| a long name |  1000 |",
        ];
        assert_eq!(table(["name", "count"], rows).to_string(), expected.join("\n"));
    }
}
