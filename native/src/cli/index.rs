//! `vicino index`: the files under a folder, kept in a store for searches.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;

use super::embed::{Embedder, Static};
use super::library::{Library, Root, Updated};
use super::place;

/// Index the files under a folder, as a search does
#[derive(Debug, Args)]
pub(super) struct Index {
    #[command(flatten)]
    place: Where,
}

/// Which files, in which store, by which model.
#[derive(Debug, Args)]
pub(super) struct Where {
    /// The folder, or a file
    #[arg(long = "in", default_value = ".", value_name = "PATH")]
    pub(super) root: PathBuf,
    /// The folder of the store [default: the nearest `.vicino` here or above]
    #[arg(long, value_name = "FOLDER")]
    store: Option<PathBuf>,
    /// A folder with a text model in the layout of model2vec, instead of the built-in one
    #[arg(long, value_name = "FOLDER")]
    model: Option<PathBuf>,
}

impl Index {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<()> {
        let model = self.place.model()?;
        let library = self.place.open(&model)?;
        let root = library.root(&self.place.root)?;
        let Updated { read, gone, chunks, files, took } = library.update(&root)?;
        let seconds = took.as_secs_f64();
        let rate = chunks as f64 / seconds;
        writeln!(
            out,
            "{files} files, {read} of them new or changed, {gone} gone; \
             {chunks} chunks in {seconds:.2} s, {rate:.0} a second"
        )?;
        library.close()
    }
}

impl Where {
    pub(super) fn model(&self) -> Result<Static> {
        Static::open(self.model.as_deref())
    }

    pub(super) fn open<'e>(&self, model: &'e dyn Embedder) -> Result<Library<'e>> {
        Library::open(&self.folder()?, model)
    }

    pub(super) fn folder(&self) -> Result<PathBuf> {
        // A store for what is not there would be left behind.
        ensure!(self.root.exists(), "there is no {}", self.root.display());
        place::folder(self.store.as_deref())
    }

    /// Indexes what is new.
    pub(super) fn update(&self, library: &Library<'_>) -> Result<Root> {
        let root = library.root(&self.root)?;
        library.update(&root)?;
        Ok(root)
    }
}
