//! Files of vectors, row by row: lines of JSON with all that entries have, and three forms of bare
//! numbers, whose rows are called by their numbers.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use npyz::{NpyFile, NpyReader, Order};
use vicino::{Scope, VectorEntry};

use super::json::Entry;

/// How a file says what its vectors are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A line of JSON an entry: `id`, `vector`, and if need be `metadata`, `content`, `scope`,
    /// `created_at`, `updated_at`, `event_time`, `expires_at` and `ttl_ms`
    Jsonl,
    /// An array of `NumPy` with two dimensions, of 32 or 64 bits
    Npy,
    /// Each vector behind its length, as of the data sets of TEXMEX
    Fvecs,
    /// 32-bit numbers in the order of little-endian machines, and nothing else
    F32,
}

/// A row of a file.
pub(super) struct Row {
    /// Its number, or that of its line, from one.
    pub(super) number: u64,
    /// The line, or the number where there are no lines.
    pub(super) text: String,
    /// What it says, or why it says nothing.
    pub(super) entry: Result<VectorEntry, String>,
}

/// A file that is read row by row.
pub(super) struct Rows {
    form: Form,
    scope: Scope,
    number: u64,
    /// How far it is in the file.
    pub(super) bytes: u64,
}

enum Form {
    Lines(BufReader<File>),
    Fvecs(BufReader<File>),
    F32(BufReader<File>, usize),
    Npy(Box<Array>, usize),
}

/// The numbers of an array, either way.
enum Array {
    F32(NpyReader<f32, BufReader<File>>),
    F64(NpyReader<f64, BufReader<File>>),
}

/// No line has more bytes, and no vector more values.
const LINE_MAX: u64 = 64 << 20;
const DIMENSIONS_MAX: usize = 65_536;

impl Format {
    pub(super) fn of(path: &Path) -> Result<Self> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("jsonl" | "ndjson") => Ok(Self::Jsonl),
            Some("npy") => Ok(Self::Npy),
            Some("fvecs") => Ok(Self::Fvecs),
            Some("f32") => Ok(Self::F32),
            _ => bail!("{}: what is in it? say so by --format", path.display()),
        }
    }
}

impl Rows {
    /// Opens a file; entries that name no scope have this one, and vectors of bare numbers so many
    /// values, if that is known.
    pub(super) fn open(
        path: &Path,
        format: Format,
        dim: Option<usize>,
        scope: Scope,
    ) -> Result<Self> {
        let file = File::open(path).with_context(|| path.display().to_string())?;
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let form = match (format, dim) {
            (Format::Jsonl, _) => Form::Lines(reader),
            (Format::Fvecs, _) => Form::Fvecs(reader),
            (Format::F32, Some(dim)) => Form::F32(reader, dim),
            (Format::F32, None) => bail!("--dim must say how many numbers a vector has"),
            (Format::Npy, _) => {
                let is_npy = reader.fill_buf()?.starts_with(b"\x93NUMPY");
                ensure!(is_npy, "{} is no array of NumPy", path.display());
                let npy = NpyFile::new(reader).with_context(|| path.display().to_string())?;
                let &[_, dim] = npy.shape() else {
                    bail!("{} has the shape {:?}, not two dimensions", path.display(), npy.shape());
                };
                ensure!(npy.order() == Order::C, "{} is in Fortran's order", path.display());
                let dim = usize::try_from(dim)?;
                let array = match npy.try_data::<f32>() {
                    Ok(data) => Array::F32(data),
                    Err(npy) => match npy.try_data::<f64>() {
                        Ok(data) => Array::F64(data),
                        Err(npy) => bail!(
                            "{} has values of {}, not floats of 32 or 64 bits",
                            path.display(),
                            npy.dtype().descr()
                        ),
                    },
                };
                ensure!((1..=DIMENSIONS_MAX).contains(&dim), "vectors of {dim} values");
                Form::Npy(Box::new(array), dim)
            }
        };
        Ok(Self { form, scope, number: 0, bytes: 0 })
    }

    /// The next row; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Row>> {
        self.number += 1;
        let (number, scope) = (self.number, self.scope.clone());
        let (vector, bytes) = match &mut self.form {
            Form::Lines(reader) => {
                let Some(line) = line(reader, number)? else { return Ok(None) };
                self.bytes += line.len() as u64;
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                if text.is_empty() {
                    return self.next();
                }
                let entry = serde_json::from_slice::<Entry>(&line).map_err(anyhow::Error::from);
                let entry = entry.and_then(|entry| {
                    // An import that is begun again is to write the same entries.
                    ensure!(entry.id.is_some(), "the entry has no `id`");
                    entry.entry(&scope)
                });
                let entry = entry.map_err(|error| error.to_string());
                return Ok(Some(Row { number, text, entry }));
            }
            Form::Fvecs(reader) => {
                let Some(len) = numbers(reader, 1, number)? else { return Ok(None) };
                let dim = len.first().map_or(0, |len| len.to_bits() as usize);
                let is_dim = (1..=DIMENSIONS_MAX).contains(&dim);
                ensure!(is_dim, "row {number} has {dim} values: this is no file of vectors");
                let vector = numbers(reader, dim, number)?;
                (vector.context(format!("row {number} is cut off"))?, 4 + 4 * dim)
            }
            Form::F32(reader, dim) => {
                let Some(vector) = numbers(reader, *dim, number)? else { return Ok(None) };
                (vector, 4 * *dim)
            }
            Form::Npy(array, dim) => {
                let values = match &mut **array {
                    Array::F32(data) => data.take(*dim).collect::<std::io::Result<Vec<f32>>>()?,
                    Array::F64(data) => {
                        let values = data.take(*dim).map(|value| Ok(narrow(value?)));
                        values.collect::<std::io::Result<Vec<f32>>>()?
                    }
                };
                if values.is_empty() {
                    return Ok(None);
                }
                (values, 4 * *dim)
            }
        };
        self.bytes += bytes as u64;
        let text = (number - 1).to_string();
        let entry = VectorEntry::new(text.clone(), vector).with_scope(scope);
        Ok(Some(Row { number, text, entry: Ok(entry) }))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "what is too large is infinite, and refused")]
fn narrow(value: f64) -> f32 {
    value as f32
}

/// The next line; none at the end.
fn line(reader: &mut impl BufRead, number: u64) -> Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    reader.take(LINE_MAX).read_until(b'\n', &mut line)?;
    ensure!((line.len() as u64) < LINE_MAX, "line {number} has no end within {LINE_MAX} bytes");
    Ok((!line.is_empty()).then_some(line))
}

/// So many numbers; none at the end.
fn numbers(reader: &mut impl BufRead, count: usize, number: u64) -> Result<Option<Vec<f32>>> {
    if reader.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let mut bytes = vec![0; 4 * count];
    match reader.read_exact(&mut bytes) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            bail!("row {number} is cut off")
        }
        read => read?,
    }
    let (values, _) = bytes.as_chunks::<4>();
    Ok(Some(values.iter().map(|value| f32::from_le_bytes(*value)).collect()))
}
