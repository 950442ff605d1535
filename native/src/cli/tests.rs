//! The command as its users have it: arguments in, text out.

use std::fs;
use std::path::Path;

use clap::Parser;

use super::Cli;

/// What the command prints.
fn run(arguments: &[&str]) -> anyhow::Result<String> {
    let command = Cli::try_parse_from([&["vicino"], arguments].concat())?.command;
    let mut out = Vec::new();
    command.run(&mut &b""[..], &mut out)?;
    Ok(String::from_utf8(out)?)
}

/// The files that a search prints, in their order.
fn found(question: &str, root: &Path, store: &Path) -> Vec<String> {
    let (root, store) = (root.to_str().unwrap(), store.to_str().unwrap());
    let said = run(&["search", question, "--in", root, "--store", store, "--json"]).unwrap();
    let hits: Vec<serde_json::Value> = serde_json::from_str(&said).unwrap();
    let path = |hit: &serde_json::Value| {
        let path = Path::new(hit["path"].as_str().unwrap()).strip_prefix(root).unwrap();
        path.to_str().unwrap().replace('\\', "/")
    };
    hits.iter().map(path).collect()
}

#[test]
fn the_index_is_as_the_files_are() {
    let folder = tempfile::tempdir().unwrap();
    let (root, store) = (folder.path().join("my notes"), folder.path().join("store"));
    fs::create_dir(&root).unwrap();
    let write = |name: &str, text: &str| fs::write(root.join(name), text).unwrap();
    write("bread.md", "# Bread\n\nFlour, water, salt and yeast, baked in a hot oven.\n");
    write("moon.txt", "The moon is far away from the earth and goes around it.\n");
    let index = || {
        let (root, store) = (root.to_str().unwrap(), store.to_str().unwrap());
        let said = run(&["index", "--in", root, "--store", store]).unwrap();
        said.split(" chunks in ").next().unwrap().to_owned()
    };
    assert_eq!(index(), "2 files, 2 of them new or changed, 0 gone; 2");
    assert_eq!(index(), "2 files, 0 of them new or changed, 0 gone; 0");
    assert_eq!(found("how do I bake a loaf", &root, &store), ["bread.md", "moon.txt"]);
    // Of another length, since the time of a file may not tell two moments apart.
    write("bread.md", "# Ships\n\nA boat sails on the sea, with the wind, to a far harbor.\n");
    write("oven.txt", "Set the oven to 220 degrees and bake the loaf for an hour.\n");
    fs::remove_file(root.join("moon.txt")).unwrap();
    assert_eq!(index(), "2 files, 2 of them new or changed, 1 gone; 2");
    assert_eq!(found("how do I bake a loaf", &root, &store), ["oven.txt", "bread.md"]);

    let (root, store) = (root.to_str().unwrap(), store.to_str().unwrap());
    let said = run(&["search", "sailing", "--in", root, "--store", store, "-k", "1"]).unwrap();
    let expected = format!("{root}/bread.md:3  ");
    assert!(said.starts_with(&expected) && said.contains("     3  A boat sails"), "{said}");
    // Of one file only, in a scope of its own.
    let file = format!("{root}/oven.txt");
    let said = run(&["search", "sailing", "--in", &file, "--store", store]).unwrap();
    assert!(said.starts_with(&format!("{file}:1  ")), "{said}");
    assert_eq!(run(&["search", "", "--in", root, "--store", store]).unwrap(), "");
}

#[test]
fn what_cannot_be_searched_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let store = store.to_str().unwrap();
    let error = run(&["search", "x", "--in", "/no/such", "--store", store]).unwrap_err();
    assert!(format!("{error:#}").contains("/no/such"), "{error:#}");
    let error = run(&["search", "x", "--store", store, "-k", "0"]).unwrap_err();
    assert!(error.to_string().contains("-k"), "{error}");
    let error = run(&["index", "--store", store, "--model", store]).unwrap_err();
    assert!(format!("{error:#}").contains("no model in the layout of model2vec"), "{error:#}");
    // A file where the folder should be.
    let file = folder.path().join("file");
    fs::write(&file, "text").unwrap();
    let error = run(&["index", "--store", file.to_str().unwrap()]).unwrap_err();
    assert!(format!("{error:#}").contains("file"), "{error:#}");
}

/// Questions that a newcomer has, over the project's own documents and sources.
#[test]
fn questions_about_the_project_lead_to_the_right_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let questions = [
        ("how are deletes repaired", "core/src/graph/repair.rs"),
        ("what happens when the disk is full", "ARCHITECTURE.md"),
        ("which file has the lock of a folder", "native/src/lock.rs"),
        ("percentiles of latency", "native/src/meter.rs"),
        ("parse a filter from JSON", "core/src/filter/parse.rs"),
        ("how does a checkpoint become current", "ARCHITECTURE.md"),
        ("measure recall of searches", "core/src/collection/recall.rs"),
        ("files that git ignores", "native/src/cli/tree.rs"),
        ("headings of markdown", "native/src/cli/text/markdown.rs"),
        ("vectors as 16 bit floats", "core/src/index/half.rs"),
    ];
    let mut missed = Vec::new();
    for (question, expected) in questions {
        let found = found(question, root, &store);
        if !found.iter().take(3).any(|file| file == expected) {
            missed.push(format!("{question}: {found:?}"));
        }
    }
    assert_eq!(missed, Vec::<String>::new());
}
