//! `vicino search`: what in files is about a question.

use std::io::{IsTerminal, Write, stderr};
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use clap::builder::RangedU64ValueParser;
use serde::Serialize;
use vicino::{StoreError, VectorResult};

use super::embed::Embedder;
use super::index::Where;
use super::library::{Root, search_read_only};

/// Find what in files is about a question
///
/// Files under the folder are indexed first where they are new or have changed, and what is gone
/// leaves the index: text, Markdown, HTML and source code, but not what git ignores. The index is
/// in the nearest folder `.vicino` here or above, or in a new one here.
#[derive(Debug, Args)]
pub(super) struct Search {
    /// What is looked for, in plain words
    query: String,
    #[command(flatten)]
    place: Where,
    /// How many results there are at most
    #[arg(short, long, default_value_t = 5)]
    #[arg(value_parser = RangedU64ValueParser::<usize>::new().range(1..=1000))]
    k: usize,
    /// Print JSON: an array of objects with `path`, `line`, `start_line`,
    /// `end_line`, `score`, `title` and `text`
    #[arg(long)]
    json: bool,
}

/// Something that was found.
#[derive(Debug, Serialize)]
struct Hit {
    path: PathBuf,
    /// The one that fits best.
    line: usize,
    /// Those of the text.
    start_line: usize,
    end_line: usize,
    score: f32,
    title: String,
    text: String,
}

impl Search {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<()> {
        let model = self.place.model()?;
        let (root, hits) = self.find(&model)?;
        let hits: Vec<Hit> =
            hits.into_iter().map(|hit| Hit::of(&root, hit, &self.query, &model)).collect();
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(&hits)?)?;
        } else {
            let is_terminal = std::io::stdout().is_terminal();
            hits.iter().try_for_each(|hit| hit.print(is_terminal, out))?;
        }
        Ok(out.flush()?)
    }

    fn find(&self, model: &impl Embedder) -> Result<(Root, Vec<VectorResult>)> {
        let library = match self.place.open(model) {
            Err(error) if is_locked(&error) => {
                writeln!(stderr(), "{error}; what its last checkpoint has is searched")?;
                let folder = self.place.folder()?;
                return search_read_only(&folder, model, &self.place.root, &self.query, self.k);
            }
            library => library?,
        };
        let root = self.place.update(&library)?;
        let hits = library.search(&root, &self.query, self.k)?;
        library.close()?;
        Ok((root, hits))
    }
}

impl Hit {
    fn of(root: &Root, found: VectorResult, query: &str, model: &impl Embedder) -> Self {
        let metadata = found.metadata.unwrap_or_default();
        let text = |key: &str| metadata.get(key).and_then(|it| it.as_str()).unwrap_or_default();
        let number = |key: &str| {
            let number = metadata.get(key).and_then(|it| it.as_number()?.as_u64());
            number.and_then(|number| usize::try_from(number).ok()).unwrap_or(1)
        };
        let path = match root.path.is_file() {
            true => root.path.clone(),
            false => root.path.join(text("path")),
        };
        let content = found.content.unwrap_or_default();
        Self {
            path: path.strip_prefix(".").map(Path::to_owned).unwrap_or(path),
            line: number("line") + best_line(&content, query, model),
            start_line: number("line"),
            end_line: number("end_line"),
            score: found.score,
            title: text("title").to_owned(),
            text: content,
        }
    }

    /// Prints where it is, and the lines around the one that fits best.
    fn print(&self, is_terminal: bool, out: &mut impl Write) -> Result<()> {
        let [bold, plain] = if is_terminal { ["\x1b[1m", "\x1b[0m"] } else { [""; 2] };
        let Self { line, score, title, .. } = self;
        writeln!(out, "{bold}{}:{line}{plain}  {score:.2}  {title}", self.path.display())?;
        let lines = (self.start_line..).zip(self.text.lines());
        for (number, text) in lines.filter(|(number, _)| number.abs_diff(*line) <= AROUND) {
            match number == *line {
                true => writeln!(out, "{number:6}  {bold}{text}{plain}")?,
                false => writeln!(out, "{number:6}  {text}")?,
            }
        }
        writeln!(out)?;
        Ok(())
    }
}

/// Has another process the store?
fn is_locked(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(StoreError::Locked { .. }))
}

/// Lines that are shown before and behind one.
const AROUND: usize = 1;

/// The line of a text, from zero, that is nearest to a question, with those around it.
fn best_line(text: &str, query: &str, model: &impl Embedder) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let around = |at: usize| {
        // Twice what counts most.
        let near = &lines[at.saturating_sub(AROUND)..lines.len().min(at + AROUND + 1)];
        format!("{}\n{}", lines[at], near.join("\n"))
    };
    let mut texts: Vec<String> = (0..lines.len()).map(around).collect();
    texts.push(query.to_owned());
    let mut vectors = model.embed(&texts);
    let query = vectors.pop().unwrap_or_default();
    let score = |at: usize| -> f32 { vectors[at].iter().zip(&query).map(|(a, b)| a * b).sum() };
    // An empty line is nothing to point at.
    let said = (0..lines.len()).filter(|at| !lines[*at].trim().is_empty());
    said.max_by(|a, b| score(*a).total_cmp(&score(*b))).unwrap_or(0)
}
