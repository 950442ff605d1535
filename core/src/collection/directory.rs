//! Which partition a scope has: read by every search, through one pointer.
//!
//! Partitions sorted by a hash of their scopes, in blocks that versions share. Another scope
//! copies one block and the list of blocks, some microseconds among 100,000 scopes; a search
//! compares hashes that lie side by side and touches one partition, its own.

use std::sync::Arc;

use super::partition::Partition;
use crate::mix::{STEP, mix};
use crate::scope::Scope;

/// The partitions of a collection at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Directory {
    blocks: Vec<Arc<Vec<Place>>>,
}

type Place = (u64, Arc<Partition>);

/// A block of more is halved.
const BLOCK_MAX: usize = 512;

impl Directory {
    pub(super) fn get(&self, scope: &Scope) -> Option<&Arc<Partition>> {
        let hash = hash(scope);
        // Equal hashes may lie in two blocks.
        let first = self.blocks.partition_point(|block| block[block.len() - 1].0 < hash);
        self.blocks[first..]
            .iter()
            .flat_map(|block| &block[block.partition_point(|place| place.0 < hash)..])
            .take_while(|place| place.0 == hash)
            .map(|(_, partition)| partition)
            .find(|partition| partition.scope() == scope)
    }

    /// Adds the partition of a scope that has none.
    pub(super) fn insert(&mut self, partition: Arc<Partition>) {
        let hash = hash(partition.scope());
        if self.blocks.is_empty() {
            self.blocks.push(Arc::default());
        }
        let first =
            self.blocks.partition_point(|block| block.last().is_some_and(|last| last.0 < hash));
        let first = first.min(self.blocks.len() - 1);
        let block = Arc::make_mut(&mut self.blocks[first]);
        block.insert(block.partition_point(|place| place.0 < hash), (hash, partition));
        if block.len() > BLOCK_MAX {
            let upper = block.split_off(BLOCK_MAX / 2);
            self.blocks.insert(first + 1, Arc::new(upper));
        }
    }

    /// Removes the partition of a scope.
    pub(super) fn remove(&mut self, scope: &Scope) {
        let hash = hash(scope);
        let first = self.blocks.partition_point(|block| block[block.len() - 1].0 < hash);
        for i in first..self.blocks.len() {
            if self.blocks[i].iter().any(|(_, partition)| partition.scope() == scope) {
                let block = Arc::make_mut(&mut self.blocks[i]);
                block.retain(|(_, partition)| partition.scope() != scope);
                if block.is_empty() {
                    self.blocks.remove(i);
                }
                return;
            }
            if self.blocks[i][0].0 > hash {
                return;
            }
        }
    }

    /// All partitions, in no order that means anything.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Partition>> {
        self.blocks.iter().flat_map(|block| &**block).map(|(_, partition)| partition)
    }
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
