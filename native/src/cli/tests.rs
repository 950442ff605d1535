//! The command as its users have it: arguments in, text out.

use std::fs;
use std::path::Path;

use clap::Parser;
use serde_json::{Value, json};

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
    let hits: Vec<Value> = serde_json::from_str(&said).unwrap();
    let path = |hit: &Value| {
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

/// A store that is open elsewhere is searched as its last checkpoint is, and not written.
#[test]
fn a_store_that_another_has_is_searched() {
    let folder = tempfile::tempdir().unwrap();
    let (root, store) = (folder.path().join("notes"), folder.path().join("store"));
    fs::create_dir(&root).unwrap();
    fs::write(root.join("bread.md"), "Flour, water, salt and yeast, baked in an oven.").unwrap();
    assert_eq!(found("baking", &root, &store), ["bread.md"]);
    let other = vicino::Store::open_blocking(&store).unwrap();
    fs::write(root.join("moon.md"), "The moon goes around the earth.").unwrap();
    assert_eq!(found("baking", &root, &store), ["bread.md"]);
    drop(other);
    assert_eq!(found("baking", &root, &store), ["bread.md", "moon.md"]);
}

/// A model in a folder is one of its own, whose vectors are compared with no others.
#[test]
fn another_model_has_an_index_of_its_own() {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("model/assets");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("moon.md"), "The moon goes around the earth.").unwrap();
    let (root, store) = (folder.path().to_str().unwrap(), folder.path().join("store"));
    let store = store.to_str().unwrap();
    let search = |more: &[&str]| {
        run(&[&["search", "satellite", "--in", root, "--store", store], more].concat()).unwrap()
    };
    let (built_in, given) = (search(&[]), search(&["--model", model.to_str().unwrap()]));
    assert!(built_in.contains("moon.md:1"), "{built_in}");
    assert_eq!(built_in, given);
    let stats = run(&["stats", store]).unwrap();
    let rows = stats.lines().filter(|line| line.contains("|       1 |      1 |        256 |"));
    assert_eq!(rows.count(), 2, "{stats}");
}

#[test]
fn what_cannot_be_searched_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let store = store.to_str().unwrap();
    let error = run(&["search", "x", "--in", "/no/such", "--store", store]).unwrap_err();
    assert_eq!(error.to_string(), "there is no /no/such");
    assert!(!Path::new(store).exists(), "nothing is left behind");
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

/// Lines of JSON come in, but for those that are wrong, and go out again; nothing of the others is
/// lost.
#[test]
fn what_is_imported_is_exported_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (store, file, bad) = (path("my store"), path("in.jsonl"), path("bad.jsonl"));
    let good = [
        r#"{"id":"a","vector":[1.0,0.0],"metadata":{"y":2020},"content":"one","scope":"user:ada""#,
        r#"{"id":"b","vector":[0.0,1.5],"scope":"user:ada","event_time":5"#,
        r#"{"id":"c","vector":[0.25,-1.0],"metadata":{"tags":["x"]},"scope":"global""#,
    ];
    let good = good.map(|line| format!(r#"{line},"created_at":7,"updated_at":8}}"#));
    let good = good.each_ref().map(|line| &**line);
    let wrong = [
        "no json",
        r#"{"id":"d","vector":[1.0,2.0,3.0]}"#,
        r#"{"id":"e","vector":[1e39,0.0]}"#,
        r#"{"id":"f","vector":[1.0,2.0],"colour":"red"}"#,
        r#"{"id":"g","vector":[1.0,2.0],"scope":"planet:x"}"#,
    ];
    let lines = [good[0], wrong[0], wrong[1], "", good[1], wrong[2], wrong[3], good[2], wrong[4]];
    fs::write(&file, lines.join("\n")).unwrap();

    let error = run(&["import", &store, &file]).unwrap_err().to_string();
    assert!(error.contains("in.jsonl:2: expected"), "{error}");
    let said = run(&["import", &store, &file, "--skip-bad", &bad]).unwrap();
    assert!(said.starts_with("3 entries in ") && said.contains("5 could not be taken"), "{said}");
    let mut left: Vec<_> = fs::read_to_string(&bad).unwrap().lines().map(str::to_owned).collect();
    left.sort_unstable();
    let mut expected = wrong;
    expected.sort_unstable();
    assert_eq!(left, expected);

    let out = path("out.jsonl");
    assert!(run(&["export", &store, &out]).unwrap().starts_with("3 entries in "));
    let mut lines: Vec<_> = fs::read_to_string(&out).unwrap().lines().map(str::to_owned).collect();
    lines.sort_unstable();
    let json = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    let exported: Vec<_> = lines.iter().map(|line| json(line)).collect();
    assert_eq!(exported, good.map(json));
    let error = run(&["export", &store, &out]).unwrap_err().to_string();
    assert!(error.ends_with("out.jsonl is there already"), "{error}");

    assert_eq!(run(&["scopes", &store]).unwrap(), "global\t1\nuser:ada\t2\n");
    let stats = run(&["stats", &store]).unwrap();
    let row = "| default    |       3 |      2 |          2 | cosine |";
    assert!(stats.lines().any(|line| line.starts_with(row)), "{stats}");
    let get = run(&["get", &store, "a", "--scope", "user:ada"]).unwrap();
    assert_eq!(json(&get), json(good[0]));
    let error = run(&["get", &store, "a"]).unwrap_err().to_string();
    assert_eq!(error, "there is no \"a\" in global");

    let snapshot = path("out.vcn");
    assert!(run(&["export", &store, &snapshot]).unwrap().starts_with("3 entries in "));
    for place in [&store, &snapshot] {
        let said = run(&["verify", place]).unwrap();
        assert!(said.ends_with(": 3 entries and 0 links are well\n"), "{said}");
    }
    let mut bytes = fs::read(&snapshot).unwrap();
    let content = bytes.windows(3).position(|window| window == b"one").unwrap();
    bytes[content] ^= 1;
    fs::write(&snapshot, bytes).unwrap();
    assert!(format!("{:#}", run(&["verify", &snapshot]).unwrap_err()).contains("out.vcn"));

    let delete = |more: &[&str]| run(&[&["delete", &store, "--scope", "user:ada"], more].concat());
    assert_eq!(delete(&["--where", r#"{"y":{"$gte":2020}}"#]).unwrap(), "1 entries deleted\n");
    assert!(format!("{:#}", delete(&["--where", "{"]).unwrap_err()).contains("the filter"));
    assert!(delete(&[]).is_err(), "what is to be deleted is said");
    assert_eq!(delete(&["b", "c"]).unwrap(), "1 entries deleted\n");
    assert_eq!(run(&["delete", &store, "--all"]).unwrap(), "1 entries deleted\n");
    assert_eq!(run(&["scopes", &store]).unwrap(), "");
    assert!(run(&["compact", &store]).unwrap().contains(" MB, before "));
    let error = run(&["stats", &path("nowhere")]).unwrap_err().to_string();
    assert!(error.starts_with("there is no store in "), "{error}");
    let error = run(&["scopes", &store, "--collection", "x"]).unwrap_err().to_string();
    assert_eq!(error, "there is no collection \"x\", but [\"default\"]");
}

/// The same numbers in three forms are the same vectors, whose ids are the numbers of their rows.
#[test]
fn bare_numbers_are_vectors() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let rows: Vec<[f32; 3]> = (0..1500_u16).map(|i| [1.0, f32::from(i), 0.5]).collect();
    let bytes = |row: &[f32; 3]| row.iter().flat_map(|value| value.to_le_bytes()).collect();
    let flat: Vec<u8> = rows.iter().flat_map(|row| -> Vec<u8> { bytes(row) }).collect();
    let fvecs = |row| [3_u32.to_le_bytes().to_vec(), bytes(row)].concat();
    let header = |of: &str, shape: &str, order: &str| {
        let text = format!("{{'descr': '{of}', 'fortran_order': {order}, 'shape': {shape}, }}");
        let text = format!("{text:<117}\n");
        [&b"\x93NUMPY\x01\x00"[..], &118_u16.to_le_bytes(), text.as_bytes()].concat()
    };
    let doubles = rows.iter().flatten().flat_map(|value| f64::from(*value).to_le_bytes());
    let doubles: Vec<u8> = doubles.collect();
    let files = [
        ("a.f32", flat.clone()),
        ("a.fvecs", rows.iter().flat_map(fvecs).collect()),
        ("a.npy", [header("<f4", "(1500, 3)", "False"), flat.clone()].concat()),
        ("b.npy", [header("<f8", "(1500, 3)", "False"), doubles].concat()),
    ];
    let mut stores = Vec::new();
    for (name, bytes) in files {
        fs::write(path(name), bytes).unwrap();
        let store = path(&format!("store of {name}"));
        let more = ["--dim", "3", "--metric", "euclidean", "--scope", "tenant:x"];
        let said = run(&[&["import", &store, &path(name)], &more[..]].concat()).unwrap();
        assert!(said.starts_with("1500 entries in "), "{said}");
        let out = path(&format!("{name}.jsonl"));
        run(&["export", &store, &out, "--scope", "tenant:x"]).unwrap();
        let entry = |line: &str| {
            let entry: Value = serde_json::from_str(line).unwrap();
            ["id", "vector", "scope"].map(|key| entry[key].clone())
        };
        stores.push(fs::read_to_string(out).unwrap().lines().map(entry).collect::<Vec<_>>());
    }
    assert!(stores[0].contains(&[json!("1499"), json!([1.0, 1499.0, 0.5]), json!("tenant:x")]));
    assert!(stores.windows(2).all(|two| two[0] == two[1]));

    let store = path("store of a.f32");
    let said = run(&["tune", &store, "--scope", "tenant:x", "--sample", "20"]).unwrap();
    assert!(said.starts_with("tenant:x: 1500 entries, "), "{said}");
    assert!(said.contains("is enough for a recall of 0.95: `VectorQuery::with_ef("), "{said}");
    let error = run(&["tune", &store]).unwrap_err().to_string();
    assert_eq!(error, "global has no entries");

    let wrong = [
        ("cut.f32", flat[..13].to_vec(), "row 2 is cut off"),
        ("cut.fvecs", [3_u32.to_le_bytes(), 1.0_f32.to_le_bytes()].concat(), "row 1 is cut off"),
        ("big.fvecs", u32::MAX.to_le_bytes().to_vec(), "this is no file of vectors"),
        ("c.npy", b"text".to_vec(), "is no array of NumPy"),
        ("d.npy", header("<f4", "(4,)", "False"), "has the shape [4]"),
        ("e.npy", header("<i4", "(1, 3)", "False"), "not floats"),
        ("f.npy", header("<f4", "(2, 3)", "True"), "Fortran"),
        ("x.bin", Vec::new(), "say so by --format"),
    ];
    for (name, bytes, reason) in wrong {
        fs::write(path(name), bytes).unwrap();
        let store = path("wrong");
        let error = run(&["import", &store, &path(name), "--dim", "3"]).unwrap_err();
        assert!(format!("{error:#}").contains(reason), "{name}: {error:#}");
    }
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
