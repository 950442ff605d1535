//! A checkpoint from its beginning, when the thread that writes takes snapshots, over a thread that
//! writes them into files, to its end, when the first says that these are current.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use vicino_core::{Error, Scope, Snapshot};

use super::{Checkpoints, Listed, Manifest, Written};
use crate::activity::ms;
use crate::database::Database;
use crate::error::StoreError;
use crate::hosted::Hosted;
use crate::inbox::{Done, Reply};
use crate::journal::Place;
use crate::room::Full;
use crate::tables::{log_end, write_checkpoint};
use crate::threads::caught;
use crate::writer::Writer;

/// A checkpoint whose files are being written.
pub(crate) struct Running {
    /// The last change that it has.
    last: u64,
    /// The scopes that there were in each collection.
    known: BTreeMap<u32, BTreeSet<Scope>>,
    hosts: Vec<Arc<Hosted>>,
    waiting: Vec<Reply>,
    /// The changes that it is of, about.
    changed: usize,
    began: Instant,
    /// Who writes the files.
    thread: Option<JoinHandle<()>>,
}

/// What is to be written of each collection.
type Work = Vec<(u32, Snapshot)>;

/// Fewer changes are no reason for a checkpoint: replaying them takes less than a second.
const CHANGES_MIN: usize = 4096;

/// After so long a checkpoint that failed is tried again.
const AGAIN: Duration = Duration::from_secs(10);

impl Running {
    /// Has nothing be current of a collection that was dropped since it began.
    pub(crate) fn forget(&mut self, number: u32) {
        self.known.remove(&number);
        self.hosts.retain(|hosted| hosted.number() != number);
        // The last numbers of the log may have gone with the collection, and what is written now
        // gets them again. So nothing is taken from the log this time.
        self.last = 0;
    }
}

impl Writer {
    /// Have so many entries changed that it pays to write all scopes that they are in?
    pub(crate) fn is_checkpoint_due(&mut self, is_idle: bool, full: Full) -> bool {
        let least = if is_idle || full > Full::No { CHANGES_MIN / 16 } else { CHANGES_MIN };
        let too_early = self.not_before.is_some_and(|at| Instant::now() < at);
        if self.changed < least || self.running.is_some() || too_early {
            return false;
        }
        if full > Full::No {
            return true;
        }
        if !is_idle && self.changed < self.look_at {
            return false;
        }
        let count = |host: &Arc<Hosted>| host.reader().stats().vector_count;
        let all: usize = self.shared.hosts().iter().map(count).sum();
        // Counting goes through all scopes, which is not done with each write.
        self.look_at = all / 4;
        self.changed >= all / if is_idle { 64 } else { 4 }
    }

    /// Begins a checkpoint for those who wait for one, or has them wait for the next.
    pub(crate) fn begin_checkpoint(&mut self, waiting: Vec<Reply>) {
        let shared = Arc::clone(&self.shared);
        let Some(Place { database, checkpoints: Some(checkpoints), .. }) = &shared.place else {
            return waiting.into_iter().for_each(|reply| reply(Ok(Done::Nothing)));
        };
        if self.running.is_some() {
            return self.waiting.extend(waiting);
        }
        self.await_linked();
        let (running, work) = match self.take(database, checkpoints) {
            Ok((running, work)) => (Running { waiting, ..running }, work),
            Err(error) => return self.failed(&error, waiting),
        };
        tracing::debug!(target: "vicino::checkpoint", files = work.len(), "begun");
        self.changed = 0;
        let running = self.running.insert(running);
        if work.is_empty() {
            return self.end_checkpoint(Ok(Vec::new()));
        }
        let (to, checkpoints) = (Arc::clone(&self.shared.inbox), Arc::clone(checkpoints));
        let write = move || to.add_files(caught(|| write(&checkpoints, work)));
        let builder = std::thread::Builder::new().name("vicino checkpoint".to_owned());
        match builder.spawn(write) {
            Ok(thread) => running.thread = Some(thread),
            Err(error) => self.end_checkpoint(Err(StoreError::io("a thread".as_ref())(error))),
        }
    }

    /// Takes snapshots of what has changed.
    fn take(
        &mut self,
        database: &Database,
        checkpoints: &Checkpoints,
    ) -> Result<(Running, Work), StoreError> {
        let (_, last) = database.read(log_end)?;
        let (hosts, mut known, mut work) = (self.shared.hosts(), BTreeMap::new(), Vec::new());
        for hosted in &hosts {
            let again = checkpoints.to_merge(hosted.number());
            let taken = self.snapshot(hosted, &again)?;
            if !taken.stamps().is_empty() {
                work.push((hosted.number(), taken));
            }
            known.insert(hosted.number(), hosted.reader().known_scopes().into_iter().collect());
        }
        let (waiting, began, thread) = (Vec::new(), Instant::now(), None);
        let changed = self.changed;
        Ok((Running { last, known, hosts, waiting, changed, began, thread }, work))
    }

    /// What has changed of a collection, and scopes that are to be written again.
    fn snapshot(
        &mut self,
        hosted: &Hosted,
        again: &BTreeSet<Scope>,
    ) -> Result<Snapshot, StoreError> {
        let take = || hosted.collection().snapshot_changed(again.iter());
        let taken = match take() {
            Err(Error::Corrupt { .. } | Error::Unreadable { .. }) => {
                again.iter().try_for_each(|scope| self.mend(hosted, scope))?;
                take()
            }
            taken => taken,
        };
        Ok(taken?)
    }

    /// Has the files be current that were written.
    pub(crate) fn end_checkpoint(&mut self, files: Result<Vec<Written>, StoreError>) {
        let Some(mut running) = self.running.take() else { return };
        let waiting = std::mem::take(&mut running.waiting);
        // It has said its last, and gives the store back.
        drop(running.thread.take().map(JoinHandle::join));
        let shared = Arc::clone(&self.shared);
        let Some(Place { database, checkpoints: Some(checkpoints), .. }) = &shared.place else {
            return;
        };
        if files.is_err() {
            // Some of them may be there.
            checkpoints.tidy();
        }
        let bytes: u64 = files.iter().flatten().map(|file| file.listed.bytes).sum();
        match files.and_then(|files| make_current(database, checkpoints, &running, files)) {
            Ok(files) => {
                let time = running.began.elapsed();
                if files > 0 {
                    self.shared.activity.checkpoints.record(time);
                }
                tracing::debug!(
                    target: "vicino::checkpoint", files, bytes, ms = ms(time), "ended"
                );
                waiting.into_iter().for_each(|reply| reply(Ok(Done::Nothing)));
                self.not_before = None;
            }
            Err(error) => {
                self.changed += running.changed;
                self.failed(&error, waiting);
            }
        }
        if !self.waiting.is_empty() {
            let waiting = std::mem::take(&mut self.waiting);
            self.begin_checkpoint(waiting);
        }
    }

    /// Waits for the checkpoint that is being written, if one is.
    pub(crate) fn await_checkpoint(&mut self) {
        if self.running.is_some()
            && let Some(files) = self.shared.inbox.wait_for_files()
        {
            self.end_checkpoint(files);
        }
    }

    fn failed(&mut self, error: &StoreError, waiting: Vec<Reply>) {
        tracing::warn!(%error, "a checkpoint was not made; the database has everything");
        self.not_before = Some(Instant::now() + AGAIN);
        waiting.into_iter().for_each(|reply| reply(Err(error.clone())));
    }
}

fn is_log_empty(database: &Database) -> Result<bool, StoreError> {
    Ok(database.read(log_end)?.0 == 0)
}

pub(crate) fn manifest_text(manifest: &Manifest) -> Result<Vec<u8>, StoreError> {
    let failed = StoreError::io("the manifest of checkpoints".as_ref());
    serde_json::to_vec(manifest).map_err(|error| failed(error.into()))
}

/// Writes snapshots into files that outlive the power.
fn write(checkpoints: &Checkpoints, work: Work) -> Result<Vec<Written>, StoreError> {
    let write = |(number, snapshot)| checkpoints.write(number, snapshot);
    let files: Vec<Written> = work.into_iter().map(write).collect::<Result<_, _>>()?;
    if !files.is_empty() {
        checkpoints.sync()?;
    }
    Ok(files)
}

/// Says that files are current, first in the database.
fn make_current(
    database: &Database,
    checkpoints: &Checkpoints,
    running: &Running,
    mut files: Vec<Written>,
) -> Result<usize, StoreError> {
    let is_of = |number: u32| running.known.contains_key(&number);
    files.retain(|written| is_of(written.listed.collection));
    let before = checkpoints.current();
    let listed: Vec<Listed> = files.iter().map(|written| written.listed.clone()).collect();
    let mut manifest = before.with(listed, &running.known);
    for hosted in &running.hosts {
        manifest.collections.insert(hosted.name().to_owned(), hosted.number());
    }
    if manifest != before || !is_log_empty(database)? {
        let text = manifest_text(&manifest)?;
        database.write(|to| write_checkpoint(to, &text, running.last, is_of))?;
    }
    let new = files.iter().map(|written| (written.listed.number, written.file.clone()));
    checkpoints.commit(manifest, new);
    for Written { listed, file, stamps } in &files {
        let hosted = running.hosts.iter().find(|host| host.number() == listed.collection);
        if let Some(hosted) = hosted {
            hosted.collection().rest(file, stamps)?;
        }
    }
    Ok(files.len())
}
