//! Which partition a scope has: read by every search, through one pointer.
//!
//! Partitions sorted by a hash of their scopes, in blocks that versions share. Another scope
//! copies one block and the list of blocks, some microseconds among 100,000 scopes; a search
//! compares hashes that lie side by side and touches one partition, its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::closed::Closed;
use super::partition::Partition;
use crate::mix::{STEP, mix};
use crate::scope::Scope;

/// The partitions of a collection at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Directory {
    blocks: Vec<Arc<Vec<Place>>>,
}

type Place = (u64, Known);

/// A scope that there is.
#[derive(Debug, Clone)]
pub(super) enum Known {
    Open(Arc<Partition>),
    Closed(Arc<Closed>),
}

impl Known {
    pub(super) fn scope(&self) -> &Scope {
        match self {
            Self::Open(partition) => partition.scope(),
            Self::Closed(closed) => closed.scope(),
        }
    }
}

/// A block of more is halved.
const BLOCK_MAX: usize = 512;

impl Directory {
    pub(super) fn get(&self, scope: &Scope) -> Option<&Known> {
        let hash = hash(scope);
        // Equal hashes may lie in two blocks.
        let first = self.blocks.partition_point(|block| block[block.len() - 1].0 < hash);
        self.blocks[first..]
            .iter()
            .flat_map(|block| &block[block.partition_point(|place| place.0 < hash)..])
            .take_while(|place| place.0 == hash)
            .map(|(_, known)| known)
            .find(|known| known.scope() == scope)
    }

    /// Adds a scope, or puts another state of it in its place.
    pub(super) fn put(&mut self, known: Known) {
        let hash = hash(known.scope());
        if let Some((block, place)) = self.find(known.scope(), hash) {
            Arc::make_mut(&mut self.blocks[block])[place].1 = known;
            return;
        }
        if self.blocks.is_empty() {
            self.blocks.push(Arc::default());
        }
        let first =
            self.blocks.partition_point(|block| block.last().is_some_and(|last| last.0 < hash));
        let first = first.min(self.blocks.len() - 1);
        let block = Arc::make_mut(&mut self.blocks[first]);
        block.insert(block.partition_point(|place| place.0 < hash), (hash, known));
        if block.len() > BLOCK_MAX {
            let upper = block.split_off(BLOCK_MAX / 2);
            self.blocks.insert(first + 1, Arc::new(upper));
        }
    }

    /// Removes a scope.
    pub(super) fn remove(&mut self, scope: &Scope) {
        if let Some((block, place)) = self.find(scope, hash(scope)) {
            Arc::make_mut(&mut self.blocks[block]).remove(place);
            if self.blocks[block].is_empty() {
                self.blocks.remove(block);
            }
        }
    }

    /// The block of a scope, and its place there.
    fn find(&self, scope: &Scope, hash: u64) -> Option<(usize, usize)> {
        let first = self.blocks.partition_point(|block| block[block.len() - 1].0 < hash);
        let blocks = self.blocks.iter().enumerate().skip(first);
        let mut blocks = blocks.take_while(|(_, block)| block[0].0 <= hash);
        blocks.find_map(|(number, block)| {
            let from = block.partition_point(|place| place.0 < hash);
            let mut same = block[from..].iter().take_while(|place| place.0 == hash);
            let place = same.position(|(_, known)| known.scope() == scope)?;
            Some((number, from + place))
        })
    }

    /// All scopes, in no order that means anything.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Known> {
        self.blocks.iter().flat_map(|block| &**block).map(|(_, known)| known)
    }
}

/// Different scopes in their order: by a tree of the kind that a collection has anyway, whose code
/// is smaller than a sort's.
pub(super) fn in_order(scopes: Vec<Scope>) -> Vec<Scope> {
    let mut sorted = BTreeSet::new();
    sorted.extend(scopes);
    sorted.into_iter().collect()
}

/// A number of a scope, the same on every machine.
fn hash(scope: &Scope) -> u64 {
    let mut hash = 0;
    for text in [scope.kind(), scope.name().unwrap_or_default()] {
        for part in text.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            hash = mix(hash ^ u64::from_le_bytes(word)).wrapping_add(STEP);
        }
        hash = mix(hash ^ text.len() as u64);
    }
    hash
}
