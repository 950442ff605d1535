//! Which files are current, and what of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vicino_core::Scope;

/// What a row of the database says, and `CURRENT` after it: everything else in the folder is of no
/// use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// The numbers of the collections that they are of, by name.
    pub(crate) collections: BTreeMap<String, u32>,
    /// In the order in which they were written.
    pub(crate) files: Vec<Listed>,
    /// Above the numbers of all files that ever were current, so that a name never leads to another
    /// file than who has read it knows.
    #[serde(default)]
    pub(crate) next: u64,
}

/// A file, and the scopes that are to be read from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listed {
    pub(crate) number: u64,
    pub(crate) collection: u32,
    pub(crate) bytes: u64,
    /// That of its directory, by which it is known from other files of its name.
    pub(crate) checksum: u64,
    pub(crate) scopes: BTreeSet<Scope>,
}

impl Listed {
    pub(crate) fn path(&self, folder: &Path) -> PathBuf {
        path(folder, self.number)
    }
}

pub(crate) fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:08}.vcn"))
}

impl Manifest {
    /// What is current once these files are there too, each of which has the newest state of its
    /// scopes. Of their collections only scopes that are known stay.
    pub(crate) fn with(&self, new: Vec<Listed>, known: &BTreeMap<u32, BTreeSet<Scope>>) -> Self {
        let mut manifest = self.clone();
        for listed in &mut manifest.files {
            let Some(known) = known.get(&listed.collection) else { continue };
            let newer: Vec<_> =
                new.iter().filter(|newer| newer.collection == listed.collection).collect();
            listed.scopes.retain(|scope| {
                known.contains(scope) && !newer.iter().any(|newer| newer.scopes.contains(scope))
            });
        }
        let numbers = new.iter().map(|newer| newer.number.saturating_add(1));
        manifest.next = numbers.fold(manifest.next, u64::max);
        manifest.files.extend(new);
        manifest.files.retain(|listed| !listed.scopes.is_empty());
        manifest
    }

    /// What is current once a collection is gone.
    pub(crate) fn without(mut self, collection: u32) -> Self {
        self.collections.retain(|_, number| *number != collection);
        self.files.retain(|listed| listed.collection != collection);
        self
    }

    /// The files of a collection.
    pub(crate) fn of(&self, collection: u32) -> impl Iterator<Item = &Listed> {
        self.files.iter().filter(move |listed| listed.collection == collection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(names: &[&str]) -> BTreeSet<Scope> {
        names.iter().map(|name| Scope::Tenant((*name).to_owned())).collect()
    }

    fn listed(number: u64, collection: u32, names: &[&str]) -> Listed {
        Listed { number, collection, bytes: 1, checksum: 2, scopes: scopes(names) }
    }

    #[test]
    fn the_newest_file_has_a_scope_and_one_that_is_gone_has_none() {
        let old = Manifest {
            files: vec![listed(1, 0, &["a", "b", "c"]), listed(2, 1, &["a"]), listed(3, 0, &["d"])],
            ..Manifest::default()
        };
        let known = [(0, scopes(&["a", "c", "d", "e"]))].into();
        let new = old.with(vec![listed(4, 0, &["d", "e"])], &known);
        let expected =
            vec![listed(1, 0, &["a", "c"]), listed(2, 1, &["a"]), listed(4, 0, &["d", "e"])];
        assert_eq!((&new.files, new.next), (&expected, 5));
        let json = serde_json::to_string(&new).unwrap();
        assert_eq!(serde_json::from_str::<Manifest>(&json).unwrap(), new);
        let none = new.with(vec![], &[(0, scopes(&[])), (1, scopes(&[]))].into());
        assert_eq!((none.files.len(), none.next), (0, 5));
    }
}
