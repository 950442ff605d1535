//! Each mode on small files, from its arguments to what it prints.

use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Bench, batches, writes};

/// The arguments of a command line, words apart from each other.
pub(super) fn parse(line: &str) -> Result<Bench, String> {
    let words = ["bench"].into_iter().chain(line.split_whitespace());
    Line::try_parse_from(words).map(|line| line.bench).map_err(|error| error.to_string())
}

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    bench: Bench,
}

/// A folder with the file `data`: points of four dimensions that differ from one another.
fn folder(rows: u16) -> TempDir {
    let folder = TempDir::new().unwrap();
    let mut bytes = Vec::new();
    for row in 0..rows {
        let angle = f32::from(row) * 2.4;
        let point = [angle.sin(), angle.cos(), (angle * 0.31).sin(), f32::from(row % 97) / 97.0];
        bytes.extend(point.iter().flat_map(|value| value.to_le_bytes()));
    }
    fs::write(folder.path().join("data"), bytes).unwrap();
    folder
}

fn bench(folder: &Path, line: &str) -> Bench {
    parse(&format!("{} --dim 4 --metric euclidean {line}", folder.join("data").display())).unwrap()
}

fn run(folder: &Path, line: &str, input: &[u8]) -> Result<String, String> {
    let mut out = Vec::new();
    let done = bench(folder, line).run(&mut Cursor::new(input), &mut out);
    done.map_err(|error| format!("{error:#}"))?;
    Ok(String::from_utf8(out).unwrap())
}

/// The cells of the rows of the table, without its head.
fn cells(text: &str) -> Vec<Vec<&str>> {
    let lines = text.lines().filter(|line| line.starts_with('|')).skip(2);
    lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn the_declaration_is_consistent() {
    Line::command().debug_assert();
}

#[test]
fn requests_are_answered_and_mistakes_are_told() {
    let folder = folder(340);
    let ids = folder.path().join("ids");
    let request = |k, threads, file: &Path| {
        json!({"ef": 64, "k": k, "threads": threads, "ids": file}).to_string()
    };
    let elsewhere = folder.path().join("no folder/ids");
    let lines = [
        request(3, 2, &ids),
        "not JSON".to_owned(),
        "{\"ef\":64}".to_owned(),
        String::new(),
        request(3, 0, &ids),
        request(usize::MAX, 1, &ids),
        request(3, 1, &elsewhere),
        request(301, 1, &ids),
    ];
    let mut input = lines.join("\n").into_bytes();
    input.extend(b"\n\xff\n");
    let said = run(folder.path(), "--queries 40 --interactive", &input).unwrap();
    let events: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();

    let names: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(names[..3], ["loaded", "built", "searched"]);
    assert!(events[1]["build_s"].is_f64() && events[2]["seconds"].is_f64());
    assert_eq!(
        names[3..],
        ["error", "error", "error", "error", "error", "error", "searched", "error"]
    );
    let messages = [
        "this is no request: expected",
        "this is no request: missing field `k`",
        "this is no request: EOF",
        "threads must be in 1..=1024, found 0",
        "k must be in 1..=65536",
        "cannot write ",
    ];
    for (event, begins) in events[3..].iter().zip(messages) {
        let message = event["message"].as_str().unwrap();
        assert!(message.starts_with(begins), "{message}");
    }

    // The last that was answered asked for one more than there are.
    let bytes = fs::read(&ids).unwrap();
    let ids: Vec<u32> = bytes.as_chunks().0.iter().map(|&id| u32::from_le_bytes(id)).collect();
    assert_eq!(ids.len(), 40 * 301);
    for ids in ids.chunks(301) {
        let (rows, none) = ids.split_at(300);
        assert_eq!(none, [u32::MAX]);
        let mut rows = rows.to_vec();
        rows.sort_unstable();
        assert!(rows.into_iter().eq(0..300));
    }
}

#[test]
fn threads_give_the_answers_of_one() {
    let folder = folder(340);
    let ids = |threads: usize| {
        let file = folder.path().join(threads.to_string());
        let request = json!({"ef": 64, "k": 5, "threads": threads, "ids": &file}).to_string();
        run(folder.path(), "--queries 40 --interactive", request.as_bytes()).unwrap();
        fs::read(file).unwrap()
    };
    let alone = ids(1);
    assert_eq!(alone.len(), 40 * 5 * 4);
    assert!(alone == ids(2) && alone == ids(7));
}

#[test]
fn a_small_index_has_perfect_recall_under_every_metric() {
    let folder = folder(500);
    for metric in ["cosine", "euclidean", "inner-product", "manhattan"] {
        let data = folder.path().join("data");
        let line = format!("{} --dim 4 --metric {metric} --queries 50 --ef 20,40", data.display());
        let mut out = Vec::new();
        parse(&line).unwrap().run(&mut Cursor::new([]), &mut out).unwrap();
        let said = String::from_utf8(out).unwrap();
        assert!(said.starts_with("450 vectors of 4 dimensions, "), "{said}");
        let cells = cells(&said);
        let column = |i: usize| cells.iter().map(|row| row[i]).collect::<Vec<_>>();
        assert_eq!((column(0), column(1)), (vec!["20", "40"], vec!["1.0000"; 2]), "{said}");
    }
}

/// The rows become a graph in one call, and so the same graph.
#[test]
fn a_collection_gives_the_answers_of_an_index() {
    let folder = folder(10_200); // more than are compared one by one, whatever the dimensions
    let ids = |more: &str| {
        let files = ["walk", "scan"].map(|name| folder.path().join(name));
        let request = |ef, file| json!({"ef": ef, "k": 10, "threads": 2, "ids": file}).to_string();
        let input = [request(10, &files[0]), request(10_000, &files[1])].join("\n");
        let line = format!("--queries 100 --m 4 --ef-construction 4 --interactive {more}");
        run(folder.path(), &line, input.as_bytes()).unwrap();
        files.map(|file| fs::read(file).unwrap())
    };
    let [walk, scan] = ids("");
    assert!(walk != scan, "the walk shows nothing of the graph");
    assert!(ids("--collection") == [walk, scan]);

    let said = run(folder.path(), "--queries 50 --n 400 --ef 20 --collection", &[]).unwrap();
    assert!(said.starts_with("400 vectors") && cells(&said)[0][1] == "1.0000", "{said}");
    let said = run(folder.path(), "--queries 20 --n 400 --inserts 8 --collection", &[]).unwrap();
    assert!(said.starts_with("392 vectors") && said.contains("inserts one by one: p50 "), "{said}");
}

#[test]
fn a_file_answers_as_what_was_written() {
    let folder = folder(1040);
    let path = folder.path().join("bench.vcn");
    let mode = format!("--queries 40 --small-pages --snapshot {}", path.display());
    let said = run(folder.path(), &mode, &[]).unwrap();
    assert!(said.contains("mapped: opened in") && said.contains("preloaded: opened"), "{said}");
    assert_eq!(cells(&said).len(), 3, "{said}");
}

#[test]
fn filters_are_measured_on_what_they_match() {
    let folder = folder(1040);
    let said = run(folder.path(), "--queries 40 --filters", &[]).unwrap();
    assert!(said.starts_with("1000 vectors") && said.contains("filters of five clauses"), "{said}");
    let cells = cells(&said);
    let names: Vec<&str> = cells.iter().map(|row| row[0]).collect();
    let kinds = ["none", "random 50 %", "random, 7", "cells 50 %", "not cells 10 %", "none, again"];
    assert!(kinds.iter().all(|kind| names.contains(kind)), "{said}");
    assert_eq!((names[0], names[names.len() - 1]), ("none", "none, again"), "{said}");
    for row in &cells {
        // So few are compared one by one, whatever the filter.
        assert_eq!((row[3], row[7], row[8]), ("1.0000", "100.0", "scan: 40"), "{said}");
        match row[0] {
            "none" | "none, again" => assert_eq!((row[1], row[2]), ("1000", "100.00"), "{said}"),
            "random, 7" | "cells and random, 7" => assert_eq!(row[1], "7", "{said}"),
            _ => {}
        }
    }
    // Cells are whole, and the complement is what is left of them.
    let matches = |name: &str| {
        let row = cells.iter().find(|row| row[0] == name).unwrap();
        row[1].parse::<usize>().unwrap()
    };
    for share in ["50 %", "20 %", "10 %"] {
        let inside = matches(&format!("cells {share}"));
        assert_eq!(inside + matches(&format!("not cells {share}")), 1000, "{said}");
    }
    assert!((400..=500).contains(&matches("cells 50 %")), "{said}");
}

#[test]
fn tenants_are_measured_alone_and_beside_others() {
    let folder = folder(1120);
    let said = run(folder.path(), "--queries 20 --n 1100 --tenants 3", &[]).unwrap();
    assert!(said.starts_with("one tenant alone, and beside 2 others of 100 rows each"), "{said}");
    let rows: Vec<&str> = cells(&said).iter().map(|row| row[0]).collect();
    assert_eq!(rows, ["1000", "1100"], "{said}");

    let said = run(folder.path(), "--queries 20 --tenants 200 --each 3", &[]).unwrap();
    assert!(said.starts_with("200 scopes of 3 entries of 4 dimensions, euclidean"), "{said}");
    // Three vectors of 16 bytes, ids of one, and metadata like {"group":7} or with 10 to 19.
    let payload = said.split(", ").find_map(|part| part.strip_suffix(" of them payload"));
    assert!((81..=87).contains(&payload.unwrap().parse().unwrap()), "{said}");
}

#[test]
fn batches_go_into_new_scopes_and_into_one() {
    let folder = folder(6000);
    let bench = bench(folder.path(), "--queries 20 --m 4 --ef-construction 8 --batches");
    let mut out = Vec::new();
    batches::run(&bench, &[1, 300, 1200], &mut out).unwrap();
    let said = String::from_utf8(out).unwrap();
    assert!(said.starts_with("2780 vectors"), "{said}");
    let places: Vec<_> = cells(&said).iter().map(|row| (row[0], row[1])).collect();
    let fresh = [("1", "0..1000"), ("300", "0..1000")];
    assert_eq!(places, [&fresh[..], &[("1", "2780"), ("300", "3780"), ("1200", "4780")]].concat());
}

#[test]
fn what_is_durable_is_measured_beside_the_same_in_memory() {
    let folder = folder(2000);
    let store = folder.path().join("store");
    let line = format!("--queries 20 --m 4 --ef-construction 8 --durable {}", store.display());
    let said = run(folder.path(), &line, &[]).unwrap();
    let names = ["4 KB", "memory: 378 rows", "disk: 378", "memory: 64", "disk: 64", "memory: one"];
    let more = ["disk: one", "disk: closed", "disk: opened", "disk: 378 more", "disk: opened"];
    let names = names.iter().chain(&more);
    assert!(said.lines().zip(names).all(|(line, name)| line.starts_with(name)), "{said}");
    assert_eq!(said.lines().count(), 11, "{said}");
    let twice = run(folder.path(), &line, &[]).unwrap_err();
    assert!(twice.ends_with("is there already"), "{twice}");
}

#[test]
fn tenants_that_import_and_tenants_that_sleep_are_measured() {
    let folder = folder(3000);
    let line = |name: &str, more: &str| {
        let store = folder.path().join(name).display().to_string();
        format!("--queries 20 --m 4 --ef-construction 8 --durable {store} {more}")
    };
    let said = run(folder.path(), &line("beside", "--beside"), &[]).unwrap();
    assert!(said.contains("alone") && said.contains("ratios: insert p50"), "{said}");
    let asleep = line("asleep", "--asleep 20 --memory-limit 1000000");
    let said = run(folder.path(), &asleep, &[]).unwrap();
    assert!(said.contains("20 tenants of 100 rows"), "{said}");
    let said = run(folder.path(), &asleep, &[]).unwrap();
    assert!(said.contains("first search of a tenant") && said.contains("MB at most"), "{said}");
}

#[test]
fn churn_is_judged_by_what_lives() {
    let folder = folder(400);
    for more in ["--churn 4", "--n 200 --churn 4 --window"] {
        let line = format!("--queries 20 --percent 10 --fresh-every 3 {more}");
        let said = run(folder.path(), &line, &[]).unwrap();
        let cells = cells(&said);
        let column = |i: usize| cells.iter().map(|row| row[i]).collect::<Vec<_>>();
        assert_eq!(column(0), ["1", "2", "3", "4"], "{said}");
        assert_eq!(column(1), ["1.0000"; 4], "{said}");
        assert_eq!(column(2), ["-", "-", "1.0000", "1.0000"], "{said}");
    }
}

#[test]
fn writes_are_measured_beside_reads_and_alone() {
    let folder = folder(400);
    let bench = bench(folder.path(), "--queries 20 --reads-during-writes --writes 100");
    let mut out = Vec::new();
    writes::reads_during_writes(&bench, Duration::from_millis(5), &mut out).unwrap();
    let said = String::from_utf8(out).unwrap();
    assert!(said.starts_with("280 vectors"), "{said}");
    let names: Vec<&str> = cells(&said).iter().map(|row| row[0]).collect();
    assert_eq!(names, ["alone", "beside a writer", "ratio"], "{said}");

    let store = folder.path().join("store");
    for place in [String::new(), format!("--storage {}", store.display())] {
        let said = run(folder.path(), &format!("--queries 20 --inserts 80 {place}"), &[]).unwrap();
        assert!(said.starts_with("300 vectors"), "{said}");
        assert!(said.contains("inserts one by one: p50 "), "{said}");
    }
    let line = format!("--queries 20 --inserts 80 --storage {}", store.display());
    let message = run(folder.path(), &line, &[]).unwrap_err();
    assert!(message.contains("holds something already"), "{message}");
}

#[test]
fn what_cannot_be_measured_is_told_in_one_line() {
    let folder = folder(400);
    let cases = [
        ("--queries 400", "has 400 rows; 400 queries leave none to index"),
        ("--m 2", "max_connections must be 4 to 128, found 2"),
        (
            "--queries 20 --batches",
            "the batches take 13000 rows and leave none of 380 to begin with",
        ),
        ("--queries 20 --inserts 380", "380 inserts leave none of 380 rows to begin with"),
        (
            "--queries 20 --n 200 --churn 10 --percent 10 --window",
            "10 rounds of 20 rows need 200 behind the first 200, found 180",
        ),
    ];
    for (line, end) in cases {
        let message = run(folder.path(), line, &[]).unwrap_err();
        assert!(message.ends_with(end) && message.lines().count() == 1, "{message}");
    }
}
