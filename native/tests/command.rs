//! The command as a shell, a client and an agent start it: exit statuses, signals, sockets.
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use rmcp::ServiceExt;
use rmcp::model::CallToolRequestParams;
use rmcp::transport::TokioChildProcess;
use serde_json::{Value, json};

fn vicino(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vicino"));
    command.current_dir(folder).stdin(Stdio::null());
    command
}

fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = vicino(folder).args(arguments).output().unwrap();
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8(text).unwrap());
    (status.code(), stdout, stderr)
}

#[test]
fn the_exit_status_says_whether_it_was_done() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    fs::write(here.join("a.md"), "# Shoes\n\nHow a person repairs boots.\n").unwrap();
    fs::write(here.join("b.jsonl"), "{\"id\": \"a\", \"vector\": [1]}\nno json\n").unwrap();
    fs::write(here.join("c.vcn"), "no snapshot").unwrap();
    for (arguments, status, said) in [
        (&["search", "mending shoes"][..], 0, ""),
        (&["index"], 0, ""),
        (&["--help"], 0, ""),
        (&["--version"], 0, ""),
        (&["search", "x", "--in", "none"], 1, "error: there is no none\n"),
        (&["stats", "none"], 1, "error: there is no store in none\n"),
        (&["import", "store", "b.jsonl"], 1, "b.jsonl:2: expected ident"),
        (&["import", "store", "b.jsonl", "--skip-bad", "bad"], 0, "b.jsonl:2: expected ident"),
        (&["get", "store", "none"], 1, "error: there is no \"none\" in global\n"),
        (&["get", "store", "a"], 0, ""),
        (&["verify", "store"], 0, ""),
        (&["verify", "c.vcn"], 1, "error: "),
        (&["serve", "store", "--listen", "256.0.0.1:1"], 2, "invalid"),
        (&["serve", "store", "--tokens", "none"], 1, "error: none: "),
        (&["search"], 2, "required"),
        (&["find"], 2, "unrecognized subcommand"),
    ] {
        let (code, _, stderr) = run(here, arguments);
        assert_eq!(code, Some(status), "{arguments:?}: {stderr}");
        assert!(stderr.contains(said), "{arguments:?}: {stderr}");
    }
    let (_, found, _) = run(here, &["search", "mending shoes", "-k", "1"]);
    assert!(found.starts_with("a.md:1  0."), "{found}");
    let (_, json, _) = run(here, &["search", "mending shoes", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()[0]["line"], 1);
}

/// Whoever reads may stop where they have enough.
#[test]
fn a_pipe_that_is_closed_is_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = fs::File::create(folder.path().join("a.jsonl")).unwrap();
    for id in 0..3000 {
        writeln!(lines, r#"{{"id": "{id}", "vector": [1], "scope": "user:{id}"}}"#).unwrap();
    }
    drop(lines);
    assert_eq!(run(folder.path(), &["import", "store", "a.jsonl"]).0, Some(0));
    let mut command = vicino(folder.path());
    let command = command.args(["scopes", "store"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert!(status.code().is_some_and(|code| code <= 1), "{status}: {stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
}

/// A server that ends with what was written on the disk.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let mut command = vicino(folder);
        command.args(["serve", "store", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let (_, address) = line.trim().split_once("http://").unwrap();
        Self { child, address: address.to_owned() }
    }

    /// The status and the body of an answer.
    fn ask(&self, what: &str, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let head = format!(
            "host: {}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}",
            self.address,
            body.len()
        );
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(format!("{what} HTTP/1.1\r\n{head}\r\n\r\n{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_default())
    }

    #[cfg(unix)]
    fn end(&mut self, signal: &str) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Where a test has failed it is still there.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(unix)]
#[test]
fn a_server_ends_when_it_is_asked_to_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path());
    assert_eq!(server.ask("PUT /collections/docs", &json!({"dimensions": 2})).0, 201);
    let scope = "/collections/docs/scopes/tenant:acme";
    let entries = json!([{"id": "a", "vector": [1, 0]}]);
    assert_eq!(server.ask(&format!("PUT {scope}/entries"), &entries).0, 200);
    // Others are told who has it, and whoever says nothing does not keep it from ending.
    let (code, _, stderr) = run(folder.path(), &["stats", "store"]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains(&format!("is open in process {}", server.child.id())), "{stderr}");
    let _silent = TcpStream::connect(&server.address).unwrap();
    let mut half = TcpStream::connect(&server.address).unwrap();
    half.write_all(b"GET /health HTTP/1.1\r\nhost:").unwrap();
    assert_eq!(server.end("-INT"), Some(0));

    let mut server = Server::start(folder.path());
    let found = server.ask(&format!("POST {scope}/search"), &json!({"vector": [1, 0]}));
    assert_eq!(found.1["results"][0]["id"], "a");
    assert_eq!(server.end("-TERM"), Some(0));
    let (code, stats, _) = run(folder.path(), &["stats", "store"]);
    assert!(code == Some(0) && stats.contains("docs"), "{stats}");
}

/// An import and an index that are interrupted leave stores that are well, and go on where they are
/// begun again.
#[cfg(unix)]
#[test]
fn what_is_interrupted_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let mut lines = std::io::BufWriter::new(fs::File::create(here.join("a.jsonl")).unwrap());
    for id in 0..30_000 {
        writeln!(lines, r#"{{"id": "{id}", "vector": [{id}, 1, 2]}}"#).unwrap();
    }
    drop(lines);
    fs::create_dir(here.join("docs")).unwrap();
    for file in 0..1500 {
        let text = format!("# Chapter {file}\n\n{}\n", "How to repair a boot. ".repeat(40));
        fs::write(here.join(format!("docs/{file}.md")), text).unwrap();
    }
    for (arguments, store) in [
        (&["import", "store", "a.jsonl", "--metric", "euclidean"][..], "store"),
        (&["index", "--in", "docs", "--store", "own"], "own"),
    ] {
        for wait_ms in [1, 60, 250] {
            let mut child = vicino(here).args(arguments).stdout(Stdio::null()).spawn().unwrap();
            std::thread::sleep(std::time::Duration::from_millis(wait_ms));
            let id = child.id().to_string();
            let _ = Command::new("kill").args(["-INT", &id]).stderr(Stdio::null()).status();
            child.wait().unwrap();
            if here.join(store).join("store.redb").exists() {
                let (code, _, stderr) = run(here, &["verify", store]);
                assert_eq!(code, Some(0), "{store} after {wait_ms} ms: {stderr}");
            }
        }
        let (code, _, stderr) = run(here, arguments);
        assert_eq!(code, Some(0), "{stderr}");
    }
    assert_eq!(run(here, &["scopes", "store"]).1, "global\t30000\n");
    let (_, scopes, _) = run(here, &["scopes", "own", "--collection", "files static-minilm-256"]);
    assert!(scopes.ends_with("\t1500\n"), "{scopes}");
}

/// What the project's page says a client can ask.
#[cfg(unix)]
#[test]
fn the_requests_of_the_page_are_answered() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let page = fs::read_to_string(page).unwrap().replace("\\\n", " ");
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path());
    let mut answers = Vec::new();
    for line in page.lines().filter_map(|line| line.strip_prefix("curl -X ")) {
        let (method, rest) = line.split_once(" localhost:8424").unwrap();
        let path = rest.split_whitespace().next().unwrap();
        let (_, body) = rest.split_once("-d '").unwrap();
        let body = serde_json::from_str(body.trim_end_matches('\'')).unwrap();
        answers.push(server.ask(&format!("{method} {path}"), &body));
    }
    let statuses: Vec<_> = answers.iter().map(|answer| answer.0).collect();
    assert_eq!(statuses, [201, 200, 200], "{answers:?}");
    assert_eq!(answers[2].1["results"][0]["id"], "boots");
    assert_eq!(server.end("-INT"), Some(0));
}

/// Two agents with one memory.
#[tokio::test]
async fn an_agent_remembers_what_another_was_told() {
    let folder = tempfile::tempdir().unwrap();
    let client = async || {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_vicino"));
        command.current_dir(folder.path()).args(["mcp", "--scope", "agent:helper"]);
        ().serve(TokioChildProcess::new(command).unwrap()).await.unwrap()
    };
    let [one, other] = [client().await, client().await];
    assert_eq!(one.peer_info().unwrap().server_info.as_ref().unwrap().name, "vicino");
    let tools = one.list_all_tools().await.unwrap();
    let mut names: Vec<_> = tools.iter().map(|tool| &*tool.name).collect();
    names.sort_unstable();
    assert_eq!(names, ["add", "delete", "search"]);

    let call = async |client: &rmcp::service::RunningService<rmcp::RoleClient, ()>,
                      tool: &'static str,
                      arguments: Value| {
        let arguments = arguments.as_object().unwrap().clone();
        let call = CallToolRequestParams::new(tool).with_arguments(arguments);
        client.call_tool(call).await.map(|done| {
            let is_error = done.is_error.unwrap_or_default();
            (is_error, serde_json::to_value(done).unwrap())
        })
    };
    let texts = [
        ("shoes", "Ada repairs her boots herself.", 2020),
        ("moon", "The launch to the moon is planned for July.", 1969),
    ];
    for (id, text, year) in texts {
        let add = json!({"id": id, "text": text, "metadata": {"year": year}});
        assert!(!call(&one, "add", add).await.unwrap().0);
    }
    let found = call(&other, "search", json!({"query": "mending footwear"})).await.unwrap().1;
    let found = &found["structuredContent"]["results"];
    assert_eq!((&found[0]["id"], &found[0]["text"]), (&json!("shoes"), &json!(texts[0].1)));
    assert_eq!(found[0]["metadata"], json!({"year": 2020}));
    let past = json!({"query": "mending footwear", "filter": {"year": {"$lt": 2000}}});
    let past = call(&other, "search", past).await.unwrap().1;
    assert_eq!(past["structuredContent"]["results"][0]["id"], "moon");
    let deleted = call(&other, "delete", json!({"ids": ["shoes", "none"]})).await.unwrap().1;
    assert_eq!(deleted["structuredContent"], json!({"deleted": 1}));

    for (tool, arguments, said) in [
        ("add", json!({"text": "x".repeat(20_000)}), "may have 16384"),
        ("add", json!({"text": ""}), "no word of the text is known"),
        ("search", json!({"query": "moon", "k": 0}), "`k` is 1 to 50"),
    ] {
        let (is_error, told) = call(&one, tool, arguments).await.unwrap();
        assert!(is_error && told.to_string().contains(said), "{told}");
    }
    for n in 0..20 {
        let add = |text: &str| json!({"text": format!("{text} {n}")});
        let (a, b) = (call(&one, "add", add("a boot")), call(&one, "add", add("a shoe")));
        let (c, d) = (call(&other, "add", add("a sole")), call(&other, "add", add("a heel")));
        let (a, b, c, d) = tokio::join!(a, b, c, d);
        assert!([a, b, c, d].iter().all(|done| !done.as_ref().unwrap().0), "all get their turn");
    }
    let no_tool = call(&one, "none", json!({})).await;
    assert!(no_tool.is_err() || no_tool.unwrap().0);
    let wrong = call(&one, "search", json!({"query": "moon", "scopes": ["global"]})).await;
    assert!(wrong.is_err() || wrong.unwrap().0);
    let found = call(&one, "search", json!({"query": "moon"})).await.unwrap().1;
    assert_eq!(found["structuredContent"]["results"][0]["id"], "moon", "it goes on");
    for client in [one, other] {
        client.cancel().await.unwrap();
    }
}
