//! The files under a folder that have text in them, without those that git ignores.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, ensure};
use ignore::WalkBuilder;
use serde::{Deserialize, Serialize};

use super::text::Kind;

/// A file, by its path from the root with slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
    pub(super) state: State,
}

/// What tells that a file has not changed, without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    bytes: u64,
    /// Nanoseconds since 1970.
    modified: u64,
}

/// A file of more is data, whatever it is called.
const BYTES_MAX: u64 = 2 << 20;

/// The same, where a line is so long.
const LINE_MAX: usize = 4096;

/// The files under a root, or the one that it is, in the order of their names.
pub(super) fn files(root: &Path) -> Result<Vec<Found>> {
    ensure!(root.exists(), "there is no {}", root.display());
    let walk = WalkBuilder::new(root).require_git(false).build();
    let mut files = Vec::new();
    for entry in walk {
        // A folder that may not be read does not keep the others.
        let Ok(entry) = entry else { continue };
        let path = entry.into_path();
        let Some(kind) = Kind::of(&path) else { continue };
        let Ok(metadata) = fs::metadata(&path) else { continue };
        if metadata.is_file() && metadata.len() <= BYTES_MAX {
            files.push(Found { name: name(root, &path), kind, state: State::of(&metadata), path });
        }
    }
    files.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

fn name(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).ok().filter(|below| !below.as_os_str().is_empty());
    let below = below.unwrap_or(path.file_name().map_or(path, Path::new));
    slashed(below)
}

/// A path with slashes, on every system.
pub(super) fn slashed(path: &Path) -> String {
    path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// The text of a file; none where it is none.
pub(super) fn read(file: &Found) -> Result<Option<String>> {
    let bytes = match fs::read(&file.path) {
        // It was there a moment ago.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes.with_context(|| file.path.display().to_string())?,
    };
    let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    Ok(text.filter(|text| text.lines().all(|line| line.len() <= LINE_MAX)))
}

impl State {
    fn of(metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let modified = modified.unwrap_or_default().as_nanos();
        Self { bytes: metadata.len(), modified: u64::try_from(modified).unwrap_or(u64::MAX) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_ignores_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &[u8]| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(".gitignore", b"out/\n*.log.txt\n");
        write("b.md", b"# b");
        write("a/c.rs", b"fn c() {}");
        write("a/photo.png", b"\x89PNG");
        write("a/\u{fc} x.txt", b"text");
        write("out/d.md", b"# d");
        write("e.log.txt", b"log");
        write(".hidden/f.md", b"# f");
        write("broken.txt", b"\xff\xfe");
        write("zero.txt", b"a\0b");
        write("long.txt", "x".repeat(5000).as_bytes());
        let found = files(folder.path()).unwrap();
        let names: Vec<&str> = found.iter().map(|file| &*file.name).collect();
        assert_eq!(
            names,
            ["a/c.rs", "a/\u{fc} x.txt", "b.md", "broken.txt", "long.txt", "zero.txt"]
        );
        let texts: Vec<bool> = found.iter().map(|file| read(file).unwrap().is_some()).collect();
        assert_eq!(texts, [true, true, true, false, false, false]);
        assert_eq!(files(&folder.path().join("b.md")).unwrap()[0].name, "b.md");
        let error = files(&folder.path().join("no")).unwrap_err();
        assert!(error.to_string().starts_with("there is no "), "{error}");
    }
}
