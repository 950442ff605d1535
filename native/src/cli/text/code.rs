//! Source code of any language: what has a name begins with one of some words, at most one level
//! deep, behind the comments and attributes that belong to it.

use super::{Begin, Line};

/// How files are called that hold it.
pub(super) const EXTENSIONS: &[&str] = &[
    "rs", "py", "pyi", "js", "mjs", "cjs", "jsx", "ts", "tsx", "mts", "go", "java", "kt", "kts",
    "scala", "c", "h", "cc", "cpp", "cxx", "hh", "hpp", "cs", "swift", "m", "mm", "rb", "php",
    "pl", "lua", "r", "jl", "ex", "exs", "erl", "hs", "ml", "mli", "fs", "clj", "dart", "zig",
    "nim", "sh", "bash", "zsh", "fish", "ps1", "sql", "proto", "graphql", "vue", "svelte", "css",
    "scss",
];

/// What may come before the word that says what something is.
const MODIFIERS: &[&str] = &[
    "pub",
    "export",
    "default",
    "async",
    "unsafe",
    "extern",
    "const",
    "static",
    "abstract",
    "final",
    "public",
    "private",
    "protected",
    "internal",
    "override",
    "open",
    "sealed",
    "inline",
    "local",
    "partial",
    "virtual",
    "data",
];

/// What says that something with a name begins.
const WORDS: &[&str] = &[
    "fn",
    "func",
    "fun",
    "function",
    "def",
    "sub",
    "proc",
    "class",
    "struct",
    "enum",
    "union",
    "trait",
    "impl",
    "interface",
    "type",
    "mod",
    "module",
    "namespace",
    "protocol",
    "extension",
    "object",
    "record",
    "message",
    "service",
    "macro_rules!",
    "defmodule",
    "defp",
    "describe",
    "test",
    "it",
    "create",
    "library",
];

/// What comments, attributes and decorators begin with.
const ABOVE: [&str; 7] = ["//", "/*", "*", "#", "@", "--", ";;"];

/// Deeper items stay with what they are in.
const INDENT_MAX: usize = 4;

pub(super) fn lines(text: &str) -> Vec<Line> {
    let mut lines = super::prose(text);
    for at in 0..lines.len() {
        let Some(title) = item(&lines[at].text) else { continue };
        let indent = indent(&lines[at].text);
        let is_above = |line: &Line| {
            let text = line.text.trim_start();
            self::indent(&line.text) >= indent && ABOVE.iter().any(|start| text.starts_with(start))
        };
        let above = lines[..at].iter().rev().take_while(|line| is_above(line)).count();
        lines[at - above].begins = Begin::Item(title);
    }
    lines
}

/// The first line of something that has a name, if this is one.
fn item(line: &str) -> Option<String> {
    if indent(line) > INDENT_MAX {
        return None;
    }
    let word = |word: &str| {
        let end = word.find(['(', '<', '{', ':', '*']).unwrap_or(word.len());
        word[..end].to_owned()
    };
    let mut words = line.split_whitespace().map(word);
    let first = words.find(|word| !MODIFIERS.contains(&&**word))?;
    let is_item = WORDS.contains(&&*first) && words.next().is_some() || is_constant(line);
    let title = line.trim().trim_end_matches(['{', ':', '(', ' ']);
    is_item.then(|| title.chars().take(160).collect())
}

/// A constant by its own name, at no level.
fn is_constant(line: &str) -> bool {
    let line = line.trim_start_matches("pub ").trim_start_matches("export ");
    ["const ", "static "].iter().any(|start| line.starts_with(start))
}

/// How deep a line is; a tab counts as much as one level.
fn indent(line: &str) -> usize {
    let blank = line.chars().take_while(|char| char.is_whitespace());
    blank.map(|char| if char == '\t' { 4 } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;

    #[test]
    fn functions_are_known_in_many_languages() {
        let items = [
            "pub(crate) const fn new(len: usize) -> Self {",
            "    async def search(self, query):",
            "export default function main() {",
            "export async function* lines() {",
            "public static class Store extends Base {",
            "func (s *Store) Search(q Query) []Hit {",
            "impl<'c> WriteBatch<'c> {",
            "const LIMIT: usize = 4;",
            "CREATE TABLE".to_lowercase().leak(),
        ];
        for line in items {
            assert!(item(line).is_some(), "{line}");
        }
        let others = ["", "}", "    return fn;", "        fn inner() {", "let x = 4;", "fn"];
        for line in others {
            assert_eq!(item(line), None, "{line}");
        }
        assert_eq!(item("    pub fn of(a: u8) -> Self {").unwrap(), "pub fn of(a: u8) -> Self");
    }

    #[test]
    fn a_function_comes_with_what_is_said_of_it() {
        let body = "    let x = a_call_that_takes(a_while);\n".repeat(8);
        let text =
            format!("use a;\n\n/// Says.\n#[inline]\nfn one() {{\n{body}}}\n\nfn two() {{\n}}\n");
        let chunks = Kind::Code.chunks(&text);
        let found: Vec<_> =
            chunks.iter().map(|chunk| (chunk.lines.clone(), &*chunk.title)).collect();
        assert_eq!(found, [(1..=14, "fn one()"), (16..=17, "fn two()")]);
    }
}
