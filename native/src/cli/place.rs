//! Where the store is: a folder `.vicino` here or above, as git has its own, and which scope of it
//! a folder has.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result};
use vicino::Scope;

use super::tree::slashed;

/// What the folder is called.
const NAME: &str = ".vicino";

/// The folder of the store: the one that is asked for, the nearest here or above, or a new one.
pub(super) fn folder(asked: Option<&Path>) -> Result<PathBuf> {
    if let Some(asked) = asked {
        return Ok(asked.to_owned());
    }
    let here = env::current_dir()?;
    let known = here.ancestors().map(|folder| folder.join(NAME)).find(|folder| folder.is_dir());
    let folder = known.unwrap_or_else(|| here.join(NAME));
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    // It is derived from what is around it.
    let ignore = folder.join(".gitignore");
    if !ignore.exists() {
        fs::write(&ignore, "*\n").with_context(|| ignore.display().to_string())?;
    }
    Ok(folder)
}

/// The scope of what is under a root: its path from where the store is, or all of its path where it
/// lies elsewhere, so that a folder can be moved with its store.
pub(super) fn scope(folder: &Path, root: &Path) -> Result<Scope> {
    let whole = |path: &Path| path.canonicalize().with_context(|| path.display().to_string());
    let root = whole(root)?;
    let folder = whole(folder)?;
    let below = folder.parent().and_then(|parent| root.strip_prefix(parent).ok());
    let name = slashed(below.unwrap_or(&root));
    Ok(Scope::Custom(if name.is_empty() { ".".to_owned() } else { name }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_a_scope_wherever_it_is_moved() {
        let place = tempfile::tempdir().unwrap();
        let [store, docs] = ["a/.vicino", "a/docs/more"].map(|name| place.path().join(name));
        for folder in [&store, &docs] {
            fs::create_dir_all(folder).unwrap();
        }
        let name = |root: &Path| scope(&store, root).unwrap().to_string();
        assert_eq!(name(&docs), "custom:docs/more");
        assert_eq!(name(&docs.join("..")), "custom:docs");
        assert_eq!(name(&place.path().join("a")), "custom:.");
        assert!(name(place.path()).starts_with("custom:/"));
        assert!(scope(&store, &place.path().join("no")).is_err());
    }
}
