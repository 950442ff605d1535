//! The files under a folder in a store, kept as they are on the disk.
//!
//! A file is known by its size and time. One that is about to change in the store is unknown until
//! it is there, so that whatever ends the program the next one reads it again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use rayon::prelude::*;
use vicino::{
    BlockingVectorStorage, HnswConfig, HnswVectorStorage, Object, Scope, Searcher, Store,
    StoreReader, VectorEntry, VectorQuery, VectorResult, field,
};

use super::embed::{Embedder, is_zero};
use super::place;
use super::progress::Progress;
use super::text::Chunk;
use super::tree::{self, Found, State};

/// A store, and who makes vectors for it.
pub(super) struct Library<'e> {
    folder: PathBuf,
    store: Store,
    storage: HnswVectorStorage,
    embedder: &'e dyn Embedder,
}

/// What is indexed together.
pub(super) struct Root {
    pub(super) path: PathBuf,
    pub(super) scope: Scope,
}

/// What an update did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Updated {
    /// Files that were read.
    pub(super) read: usize,
    /// Files that are gone.
    pub(super) gone: usize,
    /// Chunks that came.
    pub(super) chunks: usize,
    /// Files that there are.
    pub(super) files: usize,
    pub(super) took: Duration,
}

/// Files that are read and written together.
const BATCH: usize = 128;

/// So often it is written down how far it is.
const REMEMBER: Duration = Duration::from_secs(2);

/// So many chunks of a file may be nearer than one of another, which is found all the same.
const OF_A_FILE: usize = 4;

/// The longest path that an id says as it is.
const PATH_MAX: usize = 480;

impl<'e> Library<'e> {
    /// Opens the store in a folder, or makes it.
    pub(super) fn open(folder: &Path, embedder: &'e dyn Embedder) -> Result<Self> {
        let store = Store::open_blocking(folder)?;
        let (name, config) = (name(embedder), HnswConfig::balanced());
        let storage = store.collection_blocking(&name, embedder.dimensions(), config)?;
        Ok(Self { folder: folder.to_owned(), store, storage, embedder })
    }

    pub(super) fn root(&self, path: &Path) -> Result<Root> {
        let scope = place::scope(&self.folder, path)?;
        Ok(Root { path: path.to_owned(), scope })
    }

    /// Has the store be as the files are.
    pub(super) fn update(&self, root: &Root) -> Result<Updated> {
        let began = Instant::now();
        let found = tree::files(&root.path)?;
        let before = self.known(root)?;
        let is_stale = |file: &&Found| before.get(&file.name) != Some(&file.state);
        let stale: Vec<&Found> = found.iter().filter(is_stale).collect();
        let there: BTreeMap<&str, State> =
            found.iter().map(|file| (&*file.name, file.state)).collect();
        let mut known = before.clone();
        known.retain(|name, state| there.get(&**name) == Some(state));
        let gone = before.keys().filter(|name| !there.contains_key(&***name)).count();
        let mut done =
            Updated { read: stale.len(), gone, files: found.len(), ..Updated::default() };
        if done.read + gone > 0 {
            self.remember(root, &known)?;
            let names = before.keys().filter(|name| !known.contains_key(*name));
            let names = names.chain(stale.iter().map(|file| &file.name));
            self.forget(root, &names.cloned().collect::<Vec<_>>())?;
            done.chunks = self.add(root, &stale, &mut known)?;
        }
        done.took = began.elapsed();
        Ok(done)
    }

    /// The chunks that are nearest to a question, see [`nearest`].
    pub(super) fn search(&self, root: &Root, query: &str, k: usize) -> Result<Vec<VectorResult>> {
        nearest(self.embedder, root, query, k, |query| Ok(self.storage().search(query)?))
    }

    /// Has all be there the next time at once.
    pub(super) fn close(self) -> Result<()> {
        Ok(self.store.close_blocking()?)
    }

    fn storage(&self) -> &BlockingVectorStorage {
        self.storage.blocking()
    }

    /// Where it is written down which files of a root are there.
    fn key(&self, root: &Root) -> String {
        format!("files {} {}", self.embedder.name(), root.scope)
    }

    fn known(&self, root: &Root) -> Result<BTreeMap<String, State>> {
        let key = self.key(root);
        let value = self.store.backend().blocking().get(&key)?;
        // What cannot be read is made again.
        Ok(value.and_then(|value| serde_json::from_slice(&value).ok()).unwrap_or_default())
    }

    fn remember(&self, root: &Root, known: &BTreeMap<String, State>) -> Result<()> {
        let value = serde_json::to_vec(known)?;
        Ok(self.store.backend().blocking().set(&self.key(root), value)?)
    }

    /// Takes the chunks of files away.
    fn forget(&self, root: &Root, names: &[String]) -> Result<()> {
        if self.storage().count(&root.scope, None)? == 0 {
            return Ok(());
        }
        for names in names.chunks(BATCH) {
            let names = names.iter().map(|name| &**name);
            self.storage().delete_where(&root.scope, &field("path").is_in(names))?;
        }
        Ok(())
    }

    /// Reads files and adds their chunks; how many these are.
    fn add(
        &self,
        root: &Root,
        files: &[&Found],
        known: &mut BTreeMap<String, State>,
    ) -> Result<usize> {
        let progress = Progress::of(files.len(), "files");
        let (mut chunks, mut remembered) = (0, Instant::now());
        for batch in files.chunks(BATCH) {
            let entries = batch.par_iter().map(|file| self.entries(root, file));
            let entries: Vec<Vec<VectorEntry>> = entries.collect::<Result<_>>()?;
            let entries: Vec<VectorEntry> = entries.into_iter().flatten().collect();
            chunks += entries.len();
            self.storage().upsert(entries)?;
            known.extend(batch.iter().map(|file| (file.name.clone(), file.state)));
            if remembered.elapsed() >= REMEMBER {
                self.remember(root, known)?;
                remembered = Instant::now();
            }
            progress.more(batch.len() as u64);
        }
        self.remember(root, known)?;
        Ok(chunks)
    }

    /// The chunks of a file.
    fn entries(&self, root: &Root, file: &Found) -> Result<Vec<VectorEntry>> {
        let text = tree::read(file)?.unwrap_or_default();
        let chunks = file.kind.chunks(&text);
        let about: String = file.name.replace(['/', '_', '-', '.'], " ");
        let said = |chunk: &Chunk| format!("{about} {}\n{}", chunk.title, chunk.text);
        let texts: Vec<String> = chunks.iter().map(said).collect();
        let vectors = self.embedder.embed(&texts);
        let named = chunks.into_iter().zip(vectors).enumerate();
        let known = named.filter(|(_, (_, vector))| !is_zero(vector));
        Ok(known.map(|(i, (chunk, vector))| entry(root, file, i, chunk, vector)).collect())
    }
}

/// The same of a store that another process has, as it was at its last checkpoint.
pub(super) fn search_read_only(
    folder: &Path,
    embedder: &dyn Embedder,
    path: &Path,
    query: &str,
    k: usize,
) -> Result<(Root, Vec<VectorResult>)> {
    let root = Root { path: path.to_owned(), scope: place::scope(folder, path)? };
    let store = StoreReader::open_blocking(folder)?;
    let Some(reader) = store.collection(&name(embedder)) else { return Ok((root, Vec::new())) };
    let found = nearest(embedder, &root, query, k, |query| {
        Ok(reader.search(query, &mut Searcher::default())?)
    })?;
    Ok((root, found))
}

/// The chunks that are nearest to a question: first one of each file, the nearest first, then
/// others of these files.
fn nearest(
    embedder: &dyn Embedder,
    root: &Root,
    query: &str,
    k: usize,
    search: impl Fn(&VectorQuery) -> Result<Vec<VectorResult>>,
) -> Result<Vec<VectorResult>> {
    let Some(vector) = embedder.embed_one(query) else { return Ok(Vec::new()) };
    let query = VectorQuery::new(vector, k * OF_A_FILE).with_scope(root.scope.clone());
    let mut files = BTreeSet::new();
    let is_first = |hit: &VectorResult| {
        let path = hit.metadata.as_ref().and_then(|metadata| metadata.get("path")?.as_str());
        files.insert(path.unwrap_or_default().to_owned())
    };
    let (mut hits, others): (Vec<_>, Vec<_>) = search(&query)?.into_iter().partition(is_first);
    hits.extend(others);
    hits.truncate(k);
    Ok(hits)
}

/// The collection of what a model has embedded.
fn name(embedder: &dyn Embedder) -> String {
    format!("files {}", embedder.name())
}

fn entry(root: &Root, file: &Found, number: usize, chunk: Chunk, vector: Vec<f32>) -> VectorEntry {
    let id = match file.name.len() {
        ..=PATH_MAX => format!("{}#{number}", file.name),
        _ => format!("{:016x}#{number}", twox_hash::XxHash3_64::oneshot(file.name.as_bytes())),
    };
    let metadata = Object::from([
        ("path".to_owned(), file.name.clone().into()),
        ("line".to_owned(), (*chunk.lines.start() as u64).into()),
        ("end_line".to_owned(), (*chunk.lines.end() as u64).into()),
        ("title".to_owned(), chunk.title.into()),
    ]);
    VectorEntry::new(id, vector)
        .with_scope(root.scope.clone())
        .with_metadata(metadata)
        .with_content(chunk.text)
}
