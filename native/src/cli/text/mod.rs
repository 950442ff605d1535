//! Files as text, and text as chunks: pieces that are about one thing, with the lines that they are
//! on.
//!
//! A kind of text says of each line how good a place it is to begin a chunk; `cut` does the rest.
//! Another kind is an arm of `Kind::of` and of `Kind::chunks`.

mod code;
mod html;
mod markdown;

use std::ops::RangeInclusive;
use std::path::Path;

/// A piece of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Counted from one.
    pub(super) lines: RangeInclusive<usize>,
    /// What it is under: headings, or the first line of a function. Empty where there is nothing.
    pub(super) title: String,
    pub(super) text: String,
}

/// What is in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Code,
    Html,
    Markdown,
    Prose,
}

/// A line of text, and what begins there.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    /// Counted from one. Several may have the same.
    number: usize,
    text: String,
    begins: Begin,
}

/// What begins with a line, from what can stay with what is before to what cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Begin {
    Nothing,
    Paragraph,
    /// Something that has a name, which its first line says.
    Item(String),
    /// Something else, under these headings.
    Section(String),
}

/// A chunk ends at the next paragraph behind so many bytes, and at the next item behind a quarter.
/// The mean over a text's tokens says less the longer it is.
const ENOUGH: usize = 800;

/// No chunk has more bytes, but for one line that does.
const MOST: usize = 1600;

impl Kind {
    /// By what a file is called; none where it is nothing to read.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let Some(extension) = path.extension().and_then(|extension| extension.to_str()) else {
            let name = path.file_name()?.to_str()?;
            let is_known = ["README", "LICENSE", "CHANGELOG", "Makefile", "Dockerfile"];
            return is_known.contains(&name).then_some(Self::Prose);
        };
        match &*extension.to_ascii_lowercase() {
            "md" | "markdown" | "mdx" => Some(Self::Markdown),
            "html" | "htm" | "xhtml" => Some(Self::Html),
            "txt" | "text" | "rst" | "adoc" | "org" | "tex" | "toml" | "yaml" | "yml" => {
                Some(Self::Prose)
            }
            extension => code::EXTENSIONS.contains(&extension).then_some(Self::Code),
        }
    }

    /// Cuts a text into chunks.
    pub(super) fn chunks(self, text: &str) -> Vec<Chunk> {
        cut(match self {
            Self::Code => code::lines(text),
            Self::Html => html::lines(text),
            Self::Markdown => markdown::lines(text),
            Self::Prose => prose(text),
        })
    }
}

/// Paragraphs, with empty lines between them.
fn prose(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut was_empty = false;
    for (number, text) in (1..).zip(text.lines()) {
        let begins = if was_empty { Begin::Paragraph } else { Begin::Nothing };
        was_empty = text.trim().is_empty();
        lines.push(Line { number, text: text.to_owned(), begins });
    }
    lines
}

/// Puts lines together until there is enough of them.
fn cut(lines: Vec<Line>) -> Vec<Chunk> {
    let (mut chunks, mut open) = (Vec::new(), Vec::<Line>::new());
    let (mut section, mut size) = (String::new(), 0);
    for line in lines {
        let len = line.text.len() + 1;
        let ends = match line.begins {
            Begin::Section(_) => true,
            Begin::Item(_) => size >= ENOUGH / 4,
            Begin::Paragraph => size >= ENOUGH,
            Begin::Nothing => false,
        };
        if ends {
            chunks.extend(chunk(&section, std::mem::take(&mut open)));
            size = 0;
        } else if size + len > MOST && size > 0 {
            // Behind the last paragraph, if that is not far from here.
            let is_place = |line: &Line| line.begins != Begin::Nothing;
            let at = open.iter().rposition(is_place).filter(|at| at * 3 > open.len());
            let rest = at.map(|at| open.split_off(at)).unwrap_or_default();
            chunks.extend(chunk(&section, std::mem::replace(&mut open, rest)));
            size = open.iter().map(|line| line.text.len() + 1).sum();
        }
        if let Begin::Section(title) = &line.begins {
            section.clone_from(title);
        }
        size += len;
        open.push(line);
    }
    chunks.extend(chunk(&section, open));
    chunks
}

/// The lines of a section as a chunk, if they say something.
fn chunk(section: &str, mut lines: Vec<Line>) -> Option<Chunk> {
    let says = |line: &Line| line.text.chars().any(char::is_alphanumeric);
    let first = lines.iter().position(says)?;
    let last = lines.iter().rposition(|line| !line.text.trim().is_empty())?;
    lines.truncate(last + 1);
    lines.drain(..first.min(last));
    let item = lines.iter().find_map(|line| match &line.begins {
        Begin::Item(title) => Some(&**title),
        _ => None,
    });
    let title = item.unwrap_or(section).to_owned();
    let text: Vec<&str> = lines.iter().map(|line| &*line.text).collect();
    let lines = lines[0].number..=lines[lines.len() - 1].number;
    Some(Chunk { lines, title, text: text.join("\n") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(kind: Kind, text: &str) -> Vec<(RangeInclusive<usize>, String)> {
        kind.chunks(text).into_iter().map(|chunk| (chunk.lines, chunk.title)).collect()
    }

    #[test]
    fn a_file_is_what_its_name_says() {
        let kind = |name: &str| Kind::of(name.as_ref());
        assert_eq!(kind("a/README.md"), Some(Kind::Markdown));
        assert_eq!(kind("a/README"), Some(Kind::Prose));
        assert_eq!(kind("x.HTML"), Some(Kind::Html));
        assert_eq!(kind("src/main.rs"), Some(Kind::Code));
        assert_eq!((kind("photo.png"), kind("a/b"), kind(".gitignore")), (None, None, None));
    }

    #[test]
    fn what_says_nothing_is_no_chunk() {
        for kind in [Kind::Code, Kind::Html, Kind::Markdown, Kind::Prose] {
            for text in ["", "\n\n", "   \n---\n***\n", "}\n\n}\n"] {
                assert_eq!(cut(kind, text), [], "{kind:?} {text:?}");
            }
        }
    }

    #[test]
    fn paragraphs_are_put_together_until_there_is_enough() {
        let paragraph = |i: usize| format!("{i} {}", "words and more words. ".repeat(15));
        let text: Vec<String> = (0..6).map(paragraph).collect();
        let chunks = Kind::Prose.chunks(&text.join("\n\n"));
        let lines: Vec<_> = chunks.iter().map(|chunk| chunk.lines.clone()).collect();
        assert_eq!(lines, [1..=5, 7..=11]);
        assert!(chunks[1].text.starts_with("3 words") && chunks[1].text.contains("\n5 words"));
    }

    #[test]
    fn no_chunk_is_too_long_and_no_line_is_lost() {
        let line = "a line of thirty or forty bytes".to_owned();
        let text = vec![line; 500].join("\n");
        let chunks = Kind::Prose.chunks(&text);
        assert!(chunks.iter().all(|chunk| chunk.text.len() <= MOST));
        let mut next = 1;
        for chunk in &chunks {
            assert_eq!(*chunk.lines.start(), next);
            next = chunk.lines.end() + 1;
        }
        assert_eq!(next, 501);
        assert_eq!(Kind::Prose.chunks(&"x".repeat(9000)).len(), 1);
    }
}
