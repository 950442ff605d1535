//! A vector whose old versions stay as they were: what searches hold while a writer goes on.
//!
//! A tree of nodes with 32 places. Changing one place copies the nodes on the way to it that an
//! older version holds too, and no others, so that a batch copies each node at most once (Bagwell,
//! "Ideal hash trees", 2001, as persistent vectors have it).

use std::sync::Arc;

/// Values by slot; a clone is another version, made in no time.
#[derive(Debug)]
pub(super) struct Radix<T> {
    root: Option<Node<T>>,
    /// Levels above the leaves.
    height: u32,
}

/// Places that lie where the node above points, so that a value is one step from it.
#[derive(Debug)]
enum Node<T> {
    Leaf(Arc<[Option<T>]>),
    Inner(Arc<[Option<Self>]>),
}

/// A node has up to two to the power of this many places.
const BITS: u32 = 5;
const PLACES: u32 = 1 << BITS;

/// Places are made so many at a time: there are many small scopes.
const STEP: usize = 4;

impl<T> Radix<T> {
    /// The value of a slot.
    pub(super) fn get(&self, slot: u32) -> Option<&T> {
        if slot.checked_shr(BITS * (self.height + 1)).is_some_and(|above| above > 0) {
            return None;
        }
        let mut node = self.root.as_ref()?;
        let mut level = self.height;
        loop {
            let place = place(slot, level);
            match node {
                Node::Leaf(values) => return values.get(place)?.as_ref(),
                Node::Inner(nodes) => node = nodes.get(place)?.as_ref()?,
            }
            level -= 1;
        }
    }
}

impl<T: Clone> Radix<T> {
    /// Sets the value of a slot and gives back the one that it had.
    pub(super) fn set(&mut self, slot: u32, value: Option<T>) -> Option<T> {
        while slot.checked_shr(BITS * (self.height + 1)).is_some_and(|above| above > 0) {
            if let Some(root) = self.root.take() {
                self.root = Some(Node::Inner([Some(root)].into()));
            }
            self.height += 1;
        }
        let mut level = self.height;
        let mut node = self.root.get_or_insert_with(|| Node::empty(level));
        loop {
            let place = place(slot, level);
            match node {
                Node::Leaf(values) => return std::mem::replace(place_mut(values, place), value),
                Node::Inner(nodes) => {
                    level -= 1;
                    node = place_mut(nodes, place).get_or_insert_with(|| Node::empty(level));
                }
            }
        }
    }
}

/// A place of a node of this version alone.
fn place_mut<T: Clone>(places: &mut Arc<[Option<T>]>, place: usize) -> &mut Option<T> {
    if places.len() <= place {
        let more = (place + 1).next_multiple_of(STEP) - places.len();
        let none = std::iter::repeat_with(|| None).take(more);
        *places = places.iter().cloned().chain(none).collect();
    }
    &mut Arc::make_mut(places)[place]
}

impl<T> Node<T> {
    fn empty(level: u32) -> Self {
        if level == 0 { Self::Leaf(Arc::default()) } else { Self::Inner(Arc::default()) }
    }
}

impl<T> Clone for Node<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Leaf(values) => Self::Leaf(Arc::clone(values)),
            Self::Inner(nodes) => Self::Inner(Arc::clone(nodes)),
        }
    }
}

fn place(slot: u32, level: u32) -> usize {
    (slot.checked_shr(BITS * level).unwrap_or(0) % PLACES) as usize
}

impl<T> Clone for Radix<T> {
    fn clone(&self) -> Self {
        Self { root: self.root.clone(), height: self.height }
    }
}

impl<T> Default for Radix<T> {
    fn default() -> Self {
        Self { root: None, height: 0 }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::mix::mix;

    #[test]
    fn every_version_stays_as_it_was() {
        let mut radix = Radix::default();
        let mut model = BTreeMap::new();
        let mut versions = Vec::new();
        let steps = if cfg!(miri) { 100 } else { 3000_u64 };
        for step in 0..steps {
            let random = mix(step);
            let bits = [3, 5, 6, 10, 11, 16, 32][(step % 7) as usize];
            let slot = u32::try_from(mix(random) >> (64 - bits)).unwrap();
            let value = (step % 5 != 1).then_some(step);
            let before = match value {
                Some(value) => model.insert(slot, value),
                None => model.remove(&slot),
            };
            assert_eq!(radix.set(slot, value), before);
            if step % (steps / 6) == 0 {
                versions.push((radix.clone(), model.clone()));
            }
        }
        versions.push((radix, model));
        for (radix, model) in &versions {
            for slot in (0..128).chain(model.keys().copied()).chain([u32::MAX, 1 << 31]) {
                assert_eq!(radix.get(slot), model.get(&slot));
            }
        }
        assert_eq!(Radix::<u8>::default().get(0), None);
    }
}
