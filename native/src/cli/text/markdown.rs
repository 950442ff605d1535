//! Markdown: sections under their headings, and paragraphs in them.

use super::{Begin, Line};

/// What opens and closes a listing.
const FENCES: [&str; 2] = ["```", "~~~"];

pub(super) fn lines(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    // The heading of each level, as far as there is one.
    let mut headings: Vec<&str> = Vec::new();
    let mut fence = None;
    let mut was_empty = false;
    for (number, text) in (1..).zip(text.lines()) {
        let line = text.trim_start();
        let fence_here = FENCES.into_iter().find(|fence| line.starts_with(fence));
        let heading = if fence.is_none() { heading(line) } else { None };
        let begins = if let Some((level, title)) = heading {
            headings.resize(level, "");
            headings[level - 1] = title;
            let named = headings.iter().copied().filter(|title| !title.is_empty());
            Begin::Section(named.collect::<Vec<_>>().join(" > "))
        } else if was_empty && fence.is_none() {
            Begin::Paragraph
        } else {
            Begin::Nothing
        };
        match (fence, fence_here) {
            (None, Some(here)) => fence = Some(here),
            (Some(open), Some(here)) if open == here => fence = None,
            _ => {}
        }
        was_empty = line.is_empty();
        lines.push(Line { number, text: text.to_owned(), begins });
    }
    lines
}

/// The level and the text of a heading.
fn heading(line: &str) -> Option<(usize, &str)> {
    let title = line.trim_start_matches('#');
    let level = line.len() - title.len();
    let is_heading = (1..=6).contains(&level) && title.starts_with(' ');
    is_heading.then(|| (level, title.trim().trim_end_matches('#').trim_end()))
}

#[cfg(test)]
mod tests {
    use super::super::Kind;

    #[test]
    fn sections_have_their_headings() {
        let text = "intro\n\n# One\n\ntext\n## Two ##\nmore\n```\n# no heading\n```\n# Three\nend";
        let chunks = Kind::Markdown.chunks(text);
        let found: Vec<_> =
            chunks.iter().map(|chunk| (chunk.lines.clone(), &*chunk.title)).collect();
        let expected = [(1..=1, ""), (3..=5, "One"), (6..=10, "One > Two"), (11..=12, "Three")];
        assert_eq!(found, expected);
    }
}
