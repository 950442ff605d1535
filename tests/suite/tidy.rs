//! Style that a machine can check: CONTRIBUTING.md says what and why.

use std::fs;
use std::path::{Path, PathBuf};

/// The project's files with their paths from the root, without what is built or installed.
fn files() -> Vec<(String, PathBuf)> {
    fn collect(root: &Path, folder: &Path, found: &mut Vec<(String, PathBuf)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            let last = name.rsplit('/').next().unwrap();
            let made = [
                ".git",
                ".vicino",
                "target",
                "node_modules",
                "dist",
                "checks",
                "corpus",
                "artifacts",
            ];
            if made.contains(&last) {
                continue;
            }
            if path.is_dir() { collect(root, &path, found) } else { found.push((name, path)) }
        }
    }
    let root = root();
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    found.sort();
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// Fails with all complaints at once.
fn report(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// Calls `check` with the name and text of each file that `wanted` wants.
fn check(wanted: impl Fn(&str) -> bool, check: impl Fn(&str, &str) -> Vec<String>) {
    let mut complaints = Vec::new();
    for (name, path) in files().into_iter().filter(|(name, _)| wanted(name)) {
        if let Ok(text) = fs::read_to_string(path) {
            complaints
                .extend(check(&name, &text).into_iter().map(|what| format!("{name}: {what}")));
        }
    }
    report(&complaints);
}

fn rust(name: &str) -> bool {
    name.ends_with(".rs")
}

#[test]
fn every_file_says_what_lives_in_it() {
    check(rust, |_, text| {
        let header = text.lines().take_while(|line| line.starts_with("//!")).count();
        if header == 0 { vec!["does not open with //!".to_owned()] } else { vec![] }
    });
}

#[test]
fn no_file_or_line_is_too_long() {
    check(rust, |_, text| {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default().lines().count();
        let long = text.lines().enumerate().filter(|(_, line)| line.chars().count() > 100);
        let mut complaints: Vec<_> =
            long.map(|(i, _)| format!("line {} is over 100 columns", i + 1)).collect();
        if code > 400 {
            complaints.push(format!("{code} lines: design it smaller"));
        }
        complaints
    });
}

#[test]
fn sources_are_ascii() {
    let wanted = |name: &str| rust(name) || name.ends_with(".toml");
    check(wanted, |_, text| {
        let strange = text.lines().enumerate().filter(|(_, line)| !line.is_ascii());
        strange.map(|(i, _)| format!("line {} is not ASCII", i + 1)).collect()
    });
}

#[test]
fn nothing_is_left_for_later_and_the_project_speaks_of_itself_alone() {
    // In halves, so that this file does not complain of itself.
    let banned = [
        ["TO", "DO"],
        ["FIX", "ME"],
        ["XX", "X"],
        ["HA", "CK"],
        ["/ro", "ot/"],
        ["/wo", "rk/"],
        ["ses", "sion log"],
        ["assis", "tant"],
        ["Pha", "se 1"],
        ["We", "ek 1"],
        ["ind", "ex.crates"],
        ["registry.", "npmjs"],
    ]
    .map(|halves| halves.concat());
    let is_ours = |name: &str| !name.starts_with("LICENSE") && !name.contains("/assets/");
    let wanted = |name: &str| !name.ends_with("Cargo.lock") && is_ours(name);
    check(wanted, |_, text| {
        let mut complaints = Vec::new();
        for (i, line) in text.lines().enumerate() {
            for word in banned.iter().filter(|word| line.contains(word.as_str())) {
                complaints.push(format!("line {} says {word:?}", i + 1));
            }
        }
        complaints
    });
}

#[test]
fn unsafe_stays_in_its_homes() {
    let home = |name: &str| {
        name.starts_with("core/src/simd/") && name != "core/src/simd/mod.rs"
            || name.starts_with("core/src/memory/")
            || name == "core/src/index/sweep.rs"
            || name == "native/src/mmap.rs"
            || name == "native/src/cli/bench/snapshot.rs"
            || name == "tests/loom/src/lib.rs"
            || name == "tests/suite/tidy.rs"
    };
    check(
        |name| rust(name) && !home(name),
        |_, text| {
            let used = text.lines().any(|line| {
                let code = line.split("//").next().unwrap_or_default();
                code.contains("unsafe ") || code.contains("unsafe_code")
            });
            if used { vec!["has unsafe code".to_owned()] } else { vec![] }
        },
    );
}

/// What errors name, though it knows of errors.
const NAMES: [&str; 2] = ["simd::Isa", "scope::Scope"];

/// `error` knows nobody but the names of sets and scopes, `simd` knows no metric, nobody knows
/// `verify`.
#[test]
fn core_is_layered() {
    let layers = [
        "error",
        "mix",
        "sorted",
        "scope",
        "metadata",
        "filter",
        "entry",
        "simd",
        "memory",
        "columns",
        "metric",
        "router",
        "config",
        "snapshot",
        "query",
        "graph",
        "index",
        "explain",
        "collection",
        "verify",
        "verify_snapshot",
    ];
    let layer = |name: &str| layers.iter().position(|layer| *layer == name);
    let wanted = |name: &str| name.starts_with("core/src/") && !name.ends_with("tests.rs");
    check(wanted, |name, text| {
        let path = name.trim_start_matches("core/src/").trim_end_matches(".rs");
        let Some(own) = layer(path.split('/').next().unwrap()) else { return vec![] };
        let code = text.split("#[cfg(test)]").next().unwrap();
        let paths = code.split("crate::").skip(1).map(|rest| {
            rest.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').next().unwrap()
        });
        // Through a layer, so that this test sees where an arrow points; docs may name the root.
        paths
            .filter(|path| match layer(path.split("::").next().unwrap()) {
                Some(other) => other > own && !(own == 0 && NAMES.contains(path)),
                None => !path.starts_with("Simd::"),
            })
            .map(|path| format!("crate::{path} points up, or past the layers"))
            .collect()
    });
}

#[test]
fn the_root_holds_what_belongs_there() {
    let belongs = [
        ".cargo",
        ".ci",
        ".clippy.toml",
        ".editorconfig",
        ".gitignore",
        ".rustfmt.toml",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "core",
        "deny.toml",
        "native",
        "tests",
        "wasm",
        "www",
    ];
    let mut complaints = Vec::new();
    for (name, _) in files() {
        let first = name.split('/').next().unwrap();
        if !belongs.contains(&first) {
            complaints.push(format!("{name}: does not belong at the root"));
        }
    }
    report(&complaints);
}

#[test]
fn every_folder_is_on_the_map() {
    let map = read("ARCHITECTURE.md");
    let mut complaints = Vec::new();
    for (name, _) in files() {
        let Some((folder, _)) = name.rsplit_once('/') else { continue };
        if !map.contains(&format!("`{folder}/`")) {
            complaints.push(format!("{folder}/ is not in ARCHITECTURE.md"));
        }
    }
    complaints.dedup();
    report(&complaints);
}

#[test]
fn every_error_code_is_explained() {
    let source = read("core/src/error/code.rs");
    let table = read("core/docs/errors.md");
    let arms = source.lines().filter_map(|line| line.split_once("=> \""));
    let codes: Vec<_> = arms.filter_map(|(_, rest)| rest.strip_suffix("\",")).collect();
    assert!(codes.len() > 5, "the codes are no longer where this test looks");
    let missing: Vec<_> = codes
        .iter()
        .filter(|code| !table.contains(&format!("| `{code}` |")))
        .map(|code| format!("{code} is not in core/docs/errors.md"))
        .collect();
    report(&missing);
}
