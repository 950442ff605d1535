//! Scopes that are known and not in memory: each is opened when it is first used, and can be closed
//! again while it is as its file has it.
//!
//! A partition belongs to the writer from the first change until a file has it as it is. Then it
//! *rests*: it is searched as before, and leaves when memory is wanted. The writer is not needed
//! for that, nor for a scope that comes back; both are done under one lock, which no search takes
//! that finds its scope open.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::directory::{Directory, Known};
use super::partition::PartitionWriter;
use super::reader::CollectionReader;
use super::watch::Watcher;
use super::{Collection, Snapshot};
use crate::error::Error;
use crate::graph::Searcher;
use crate::scope::Scope;
use crate::snapshot::{Place, Save, SnapshotFile, SnapshotIndex, Verify, corrupt};

/// A scope as a file has it.
#[derive(Debug)]
pub(super) struct Closed {
    scope: Scope,
    pub(super) entries: usize,
    pub(super) next_expiry: i64,
    /// The state of the scope that it is.
    pub(super) stamp: u64,
    file: SnapshotFile,
    /// Held by who opens it, so that it is read once.
    opening: Mutex<()>,
}

/// The partitions that all see and none is writing.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub(super) directory: Directory,
    resting: BTreeMap<Scope, Box<PartitionWriter>>,
    /// The bytes of these.
    bytes: usize,
    /// The scope that was last looked at by who wanted memory.
    hand: Option<Scope>,
    /// Who is told of those that come and go.
    pub(super) watcher: Option<Arc<dyn Watcher>>,
}

/// What the scopes of a snapshot were when it was taken, so that it can be told later which of them
/// still are, see [`Collection::rest`].
///
/// ```
/// use vicino_core::{Collection, HnswConfig, Simd};
///
/// let collection = Collection::new(HnswConfig::balanced(), 1, Simd::detect())?;
/// assert_eq!(collection.snapshot()?.stamps().len(), 0);
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamps(pub(super) Vec<(Scope, u64)>);

impl Stamps {
    /// How many scopes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The scopes.
    pub fn scopes(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter().map(|(scope, _)| scope)
    }

    /// Are there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Closed {
    fn new(scope: Scope, stamp: u64, file: &SnapshotFile) -> Result<Arc<Self>, Error> {
        let Place { entries, next_expiry, .. } = *file.place(&scope)?;
        let entries = usize::try_from(entries);
        let entries = entries.map_err(|_| corrupt("directory")("has more than can be"))?;
        let (file, opening) = (file.clone(), Mutex::default());
        Ok(Arc::new(Self { scope, entries, next_expiry, stamp, file, opening }))
    }

    pub(super) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The same part for another snapshot.
    pub(super) fn save(&self) -> Result<Save, Error> {
        // What is damaged does not get new checksums.
        let (_, part) = self.file.part(&self.scope, Verify::Full)?;
        Ok(Box::new(move |out| part.copy(out)))
    }
}

impl Shelf {
    /// Has a scope be what a file has, in the place of the same elsewhere.
    fn move_home(&mut self, home: &Arc<Closed>) {
        if let Some(partition) = self.resting.get_mut(home.scope()) {
            if partition.stamp == home.stamp {
                partition.home = Some(Arc::clone(home));
            }
        } else if let Some(Known::Closed(closed)) = self.directory.get(home.scope())
            && closed.stamp == home.stamp
        {
            self.directory.put(Known::Closed(Arc::clone(home)));
        }
    }

    pub(super) fn home(&self, scope: &Scope) -> Option<Arc<Closed>> {
        match (self.resting.get(scope), self.directory.get(scope)) {
            (Some(partition), _) => partition.home.clone(),
            (None, Some(Known::Closed(closed))) => Some(Arc::clone(closed)),
            _ => None,
        }
    }

    fn put_down(&mut self, partition: Box<PartitionWriter>) {
        self.bytes += partition.counted;
        self.resting.insert(partition.scope().clone(), partition);
    }

    fn take_up(&mut self, scope: &Scope) -> Option<Box<PartitionWriter>> {
        let partition = self.resting.remove(scope)?;
        self.bytes -= partition.counted;
        Some(partition)
    }

    pub(super) fn resting(&self) -> &BTreeMap<Scope, Box<PartitionWriter>> {
        &self.resting
    }

    /// Forgets a scope.
    pub(super) fn remove(&mut self, scope: &Scope) -> Option<Box<PartitionWriter>> {
        self.directory.remove(scope);
        self.take_up(scope)
    }

    /// Closes scopes that nobody used since the last time, until so many bytes are free.
    fn close(&mut self, bytes: usize) -> Vec<PartitionWriter> {
        let (mut closed, mut freed) = (Vec::new(), 0);
        // Each is looked at twice at most: the first look takes the mark away.
        for _ in 0..2 * self.resting.len() {
            if freed >= bytes {
                break;
            }
            let behind = self.hand.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
            let next = self.resting.range::<Scope, _>((behind, Bound::Unbounded)).next();
            let Some((scope, partition)) = next.or_else(|| self.resting.first_key_value()) else {
                break;
            };
            let (scope, was_used) = (scope.clone(), partition.partition.take_mark());
            if !was_used && let Some(partition) = self.take_up(&scope) {
                freed += partition.counted;
                if let Some(home) = &partition.home {
                    self.directory.put(Known::Closed(Arc::clone(home)));
                }
                closed.push(*partition);
            }
            self.hand = Some(scope);
        }
        closed
    }
}

impl CollectionReader {
    /// Lets scopes be seen that are new.
    pub(super) fn add(&self, scopes: Vec<Known>) {
        if !scopes.is_empty() {
            let mut shelf = self.shelf();
            scopes.into_iter().for_each(|known| shelf.directory.put(known));
            self.publish(&shelf);
        }
    }

    /// Opens a scope that is closed, if it still is.
    pub(super) fn open(&self, closed: &Arc<Closed>) -> Result<(), Error> {
        let _opening = closed.opening.lock().unwrap_or_else(PoisonError::into_inner);
        let is_closed = |shelf: &Shelf| match shelf.directory.get(closed.scope()) {
            Some(Known::Closed(now)) => Arc::ptr_eq(now, closed),
            _ => false,
        };
        let shelf = self.shelf();
        if !is_closed(&shelf) {
            return Ok(());
        }
        let watcher = shelf.watcher.clone();
        drop(shelf);
        let began = watcher.as_ref().map_or(0, |watcher| watcher.now());
        let (place, part) = closed.file.part(closed.scope(), closed.file.open().verify)?;
        let mut partition = Box::new(self.partition(place, part, closed.file.open())?);
        (partition.stamp, partition.home) = (closed.stamp, Some(Arc::clone(closed)));
        let bytes = partition.counted;
        let mut shelf = self.shelf();
        if is_closed(&shelf) {
            shelf.directory.put(Known::Open(Arc::clone(&partition.partition)));
            shelf.put_down(partition);
            self.publish(&shelf);
            drop(shelf);
            if let Some(watcher) = watcher {
                watcher.opened(closed.scope(), began, bytes);
            }
        }
        Ok(())
    }

    /// The bytes of the scopes that [`close_unused`](Self::close_unused) can close.
    #[must_use]
    pub fn resting_bytes(&self) -> usize {
        self.shelf().bytes
    }

    /// Closes scopes that a file has as they are, those first that were not used for long, until
    /// they have given `bytes` bytes back; how many they have. It waits for searches that go on.
    /// Scopes come back when they are used.
    pub fn close_unused(&self, bytes: usize) -> usize {
        let mut shelf = self.shelf();
        let closed = shelf.close(bytes);
        if closed.is_empty() {
            return 0;
        }
        self.publish(&shelf);
        let watcher = shelf.watcher.clone();
        drop(shelf);
        self.wait();
        let bytes = closed.iter().map(|partition| partition.counted).sum();
        if let Some(watcher) = watcher {
            watcher.closed(closed.len(), bytes);
        }
        bytes
    }

    /// Is a search of the scope to open it first, which takes as long as reading its file?
    pub fn is_closed(&self, scope: &Scope, searcher: &mut Searcher) -> bool {
        let outer = searcher.outer.enter(self.reading());
        matches!(self.directory(&outer).get(scope), Some(Known::Closed(_)))
    }

    pub(super) fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shared.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collection {
    /// Makes scopes of a snapshot known, each of which is opened when it is first used: it costs
    /// some hundred bytes until then. The collection has the settings of the snapshot.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] where the snapshot lacks one of the scopes, or has another dimension or
    /// metric; [`Error::ScopeExists`]. No scope is then known that was not before.
    pub fn attach(&mut self, file: &SnapshotFile, scopes: &[Scope]) -> Result<(), Error> {
        self.check_settings(file.index())?;
        let mut shelf = self.reader.shelf();
        let mut known = Vec::new();
        for scope in scopes {
            if shelf.directory.get(scope).is_some() {
                return Err(Error::ScopeExists { scope: scope.clone() });
            }
            self.stamp += 1;
            known.push(Closed::new(scope.clone(), self.stamp, file)?);
        }
        known.into_iter().for_each(|closed| shelf.directory.put(Known::Closed(closed)));
        self.reader.publish(&shelf);
        Ok(())
    }

    /// All scopes that have changed since a file had them, and some others, as
    /// [`snapshot`](Self::snapshot) has them.
    ///
    /// # Errors
    ///
    /// As [`snapshot`](Self::snapshot).
    pub fn snapshot_changed<'s>(
        &self,
        others: impl IntoIterator<Item = &'s Scope>,
    ) -> Result<Snapshot, Error> {
        let changed = self.partitions.iter().filter(|(_, partition)| partition.home.is_none());
        let changed = changed.map(|(scope, _)| scope.clone());
        let scopes: Vec<Scope> = changed.chain(others.into_iter().cloned()).collect();
        self.snapshot_scopes(&scopes)
    }

    /// Tells that a file has scopes as they were at some time: those that still are leave the hand
    /// that writes, and memory when it is wanted.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] where the file lacks one of them or has other settings.
    pub fn rest(&mut self, file: &SnapshotFile, stamps: &Stamps) -> Result<(), Error> {
        self.check_settings(file.index())?;
        let homes = stamps.0.iter().map(|(scope, stamp)| Closed::new(scope.clone(), *stamp, file));
        let homes: Vec<_> = homes.collect::<Result<_, _>>()?;
        for home in &homes {
            match self.partitions.get_mut(home.scope()) {
                Some(own) if own.stamp == home.stamp => own.home = Some(Arc::clone(home)),
                _ => {}
            }
        }
        let at_home = self.partitions.iter().filter(|(_, own)| own.home.is_some());
        let at_home: Vec<Scope> = at_home.map(|(scope, _)| scope.clone()).collect();
        let mut shelf = self.reader.shelf();
        for partition in at_home.iter().filter_map(|scope| self.partitions.remove(scope)) {
            self.reader.lose(partition.counted);
            shelf.put_down(partition);
        }
        homes.iter().for_each(|home| shelf.move_home(home));
        self.reader.publish(&shelf);
        Ok(())
    }

    /// Puts the scope of another collection of the same settings into the place of the own, seen at
    /// once by all.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] where the other has other settings.
    pub fn replace_scope(&mut self, scope: &Scope, other: &mut Self) -> Result<(), Error> {
        if (self.dimensions(), self.config()) != (other.dimensions(), other.config()) {
            return Err(corrupt("header")("has other settings than the collection"));
        }
        other.own(scope)?;
        let mut shelf = self.reader.shelf();
        let rested = shelf.remove(scope);
        let taken = other.partitions.remove(scope).map(|mut partition| {
            other.reader.lose(partition.counted);
            other.give_up(std::slice::from_ref(scope));
            self.stamp += 1;
            (partition.stamp, partition.home) = (self.stamp, None);
            self.reader.gain(partition.counted);
            shelf.directory.put(Known::Open(Arc::clone(&partition.partition)));
            partition
        });
        self.reader.publish(&shelf);
        drop(shelf);
        let own = self.partitions.remove(scope);
        self.reader.lose(own.as_ref().map_or(0, |own| own.counted));
        self.partitions.extend(taken.map(|partition| (scope.clone(), partition)));
        self.reader.wait();
        drop((rested, own));
        Ok(())
    }

    /// Has the partition of a scope in the hand that writes, if there is one.
    pub(super) fn own(&mut self, scope: &Scope) -> Result<(), Error> {
        if self.away.contains(scope) {
            return Err(Error::WriteConflict);
        }
        while !self.partitions.contains_key(scope) {
            let mut shelf = self.reader.shelf();
            if let Some(partition) = shelf.take_up(scope) {
                drop(shelf);
                self.reader.gain(partition.counted);
                self.partitions.insert(scope.clone(), partition);
                break;
            }
            let closed = match shelf.directory.get(scope) {
                Some(Known::Closed(closed)) => Arc::clone(closed),
                _ => break,
            };
            drop(shelf);
            self.reader.open(&closed)?;
        }
        Ok(())
    }

    pub(super) fn check_settings(&self, index: &SnapshotIndex) -> Result<(), Error> {
        match (self.dimensions(), self.config()) == (index.dimensions, &index.config) {
            true => Ok(()),
            false => Err(corrupt("header")("has other settings than the collection")),
        }
    }
}
