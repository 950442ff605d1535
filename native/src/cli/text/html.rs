//! HTML: what a reader sees, under its headings.

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{Token, Tokenizer};

use super::{Begin, Line};

/// What in them is nothing to read.
const UNSEEN: [&str; 6] = ["script", "style", "noscript", "template", "svg", "head"];

/// What ends a line.
const BLOCKS: [&str; 20] = [
    "p",
    "div",
    "li",
    "ul",
    "ol",
    "dl",
    "dt",
    "dd",
    "tr",
    "table",
    "pre",
    "blockquote",
    "section",
    "article",
    "main",
    "nav",
    "header",
    "footer",
    "br",
    "hr",
];

/// What is seen so far.
#[derive(Default)]
struct Seen {
    lines: Vec<Line>,
    text: String,
    /// Where it begins.
    number: usize,
    begins: Option<Begin>,
    headings: Vec<String>,
}

pub(super) fn lines(text: &str) -> Vec<Line> {
    let mut emitter = DefaultEmitter::<usize>::new_with_span();
    emitter.naively_switch_states(true);
    let mut seen = Seen::default();
    let mut counted = (0, 1);
    let mut unseen: Option<Vec<u8>> = None;
    for token in Tokenizer::new_with_emitter(text, emitter).flatten() {
        match token {
            Token::StartTag(tag) => {
                let name = String::from_utf8_lossy(&tag.name);
                if unseen.is_none() && UNSEEN.contains(&&*name) && !tag.self_closing {
                    unseen = Some(tag.name.to_vec());
                }
                seen.tag(&name);
            }
            Token::EndTag(tag) => {
                if unseen.as_deref() == Some(&**tag.name) {
                    unseen = None;
                    seen.text.clear();
                }
                let name = String::from_utf8_lossy(&tag.name);
                match level(&name) {
                    Some(level) => seen.heading(level),
                    None => seen.tag(&name),
                }
            }
            Token::String(string) if unseen.is_none() => {
                let (from, line) = counted;
                let start = string.span.start.clamp(from, text.len());
                let number = line + count_lines(&text.as_bytes()[from..start]);
                counted = (start, number);
                let said = String::from_utf8_lossy(&string.value);
                let blank = said.len() - said.trim_start().len();
                seen.say(&said, number + count_lines(&said.as_bytes()[..blank]));
            }
            _ => {}
        }
    }
    seen.end_line();
    seen.lines
}

fn count_lines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

/// The level of a heading.
fn level(name: &str) -> Option<usize> {
    let level = name.strip_prefix('h')?.parse().ok()?;
    (1..=6).contains(&level).then_some(level)
}

impl Seen {
    fn say(&mut self, text: &str, number: usize) {
        if self.text.trim_start().is_empty() {
            self.number = number;
        }
        self.text.push_str(text);
    }

    fn tag(&mut self, name: &str) {
        if BLOCKS.contains(&name) || level(name).is_some() {
            self.end_line();
            self.begins.get_or_insert(Begin::Paragraph);
        }
    }

    fn heading(&mut self, level: usize) {
        self.headings.resize(level, String::new());
        self.headings[level - 1] = plain(&self.text);
        let named = self.headings.iter().filter(|title| !title.is_empty()).cloned();
        self.begins = Some(Begin::Section(named.collect::<Vec<_>>().join(" > ")));
        self.end_line();
    }

    fn end_line(&mut self) {
        let text = plain(&std::mem::take(&mut self.text));
        if text.is_empty() {
            return;
        }
        let begins = self.begins.take();
        let begins = begins.unwrap_or(Begin::Nothing);
        self.lines.push(Line { number: self.number, text, begins });
    }
}

/// Text without breaks, and single spaces.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;

    #[test]
    fn what_is_seen_has_its_line_and_its_heading() {
        let text = "<!doctype html><head><title>no</title></head>\n<body>\n\
                    <h1>One &amp;\n all</h1>\n\
                    <script>if (a < b) { no(); }</script><p>First\n  <b>words</b>.</p>\n\
                    <h2>Two</h2><ul><li>a<li>b</ul></body>";
        let lines = lines(text);
        let found: Vec<_> = lines.iter().map(|line| (line.number, &*line.text)).collect();
        assert_eq!(found, [(3, "One & all"), (5, "First words."), (7, "Two"), (7, "a"), (7, "b")]);
        let chunks = Kind::Html.chunks(text);
        let found: Vec<_> =
            chunks.iter().map(|chunk| (chunk.lines.clone(), &*chunk.title)).collect();
        assert_eq!(found, [(3..=5, "One & all"), (7..=7, "One & all > Two")]);
    }
}
