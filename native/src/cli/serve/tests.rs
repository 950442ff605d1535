//! The server as its clients see it.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;
use vicino::Store;

use super::super::embed::Static;
use super::access::Access;
use super::host::Host;
use super::routes;

/// A server of a store of its own.
struct Served {
    service: Router,
    _folder: TempDir,
}

impl Served {
    /// One where everybody may do everything, or those with the tokens of a file what it says.
    fn new(tokens: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokens");
        let access = tokens.map_or(Access::Open, |tokens| {
            std::fs::write(&file, tokens).unwrap();
            Access::read(&file).unwrap()
        });
        let store = Store::open_blocking(folder.path().join("store")).unwrap();
        let host = Host::new(store, Static::open(None).unwrap(), access).unwrap();
        Self { service: routes::service(Arc::new(host), false), _folder: folder }
    }

    /// Asks for something like `GET /health`; the status and what came.
    async fn ask(&self, what: &str, body: Value) -> (u16, Value) {
        self.ask_with("", what, &body.to_string()).await
    }

    async fn ask_with(&self, token: &str, what: &str, body: &str) -> (u16, Value) {
        let (method, path) = what.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let json = (header::CONTENT_TYPE, "application/json");
        let request = request.header(json.0, json.1).body(Body::from(body.to_owned())).unwrap();
        let response = self.service.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), 64 << 20).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}

const ACME: &str = "/collections/docs/scopes/tenant:acme";

#[tokio::test]
async fn a_tenant_puts_finds_changes_and_deletes() {
    let server = Served::new(None);
    let shape = json!({"dimensions": 2, "config": {"distance_metric": "euclidean"}});
    assert_eq!(server.ask("PUT /collections/docs", shape.clone()).await.0, 201);
    assert_eq!(server.ask("PUT /collections/docs", shape).await.0, 204);

    let entries = json!([
        {"id": "a/b c", "vector": [0, 0], "metadata": {"kind": "guide", "year": 2020}},
        {"id": "b", "vector": [3, 4], "content": "text", "metadata": {"kind": "page"}},
        {"vector": [6, 8]},
    ]);
    let (status, written) = server.ask(&format!("POST {ACME}/entries"), entries.clone()).await;
    assert_eq!((status, &written["ids"][0]), (200, &json!("a/b c")));
    let made = written["ids"][2].as_str().unwrap().to_owned();
    assert_eq!(made.len(), 36, "a UUID");
    let again = server.ask(&format!("POST {ACME}/entries"), entries.clone()).await;
    assert_eq!((again.0, &again.1["code"]), (409, &json!("duplicate_id")));
    assert_eq!(server.ask(&format!("PUT {ACME}/entries"), json!([entries[0]])).await.0, 200);

    let search = json!({"vector": [0, 0], "k": 2});
    let (_, found) = server.ask(&format!("POST {ACME}/search"), search.clone()).await;
    assert_eq!(found["results"][0]["id"], "a/b c");
    assert_eq!(
        found["results"][1],
        json!({"id": "b", "score": found["results"][1]["score"],
        "distance": 5.0, "metadata": {"kind": "page"}, "content": "text"})
    );
    let filtered = json!({"id": "a/b c", "k": 9, "filter": {"kind": "page"}});
    let (_, explained) = server.ask(&format!("POST {ACME}/explain"), filtered.clone()).await;
    assert_eq!(explained["results"].as_array().unwrap().len(), 1);
    assert_eq!(explained["explain"]["began"], "scan");
    assert_eq!(
        (&explained["explain"]["matches"], &explained["explain"]["short"]),
        (&json!(1), &json!("matches"))
    );
    let many = json!({"queries": [search, filtered]});
    let (_, results) = server.ask(&format!("POST {ACME}/search_many"), many).await;
    assert_eq!(results["results"][0], found["results"]);

    let other = server.ask("POST /collections/docs/scopes/user:ada/search", search).await;
    assert_eq!(other, (200, json!({"results": []})));

    let (_, page) = server.ask(&format!("GET {ACME}/entries?limit=2"), json!(null)).await;
    assert_eq!(page["entries"].as_array().unwrap().len(), 2);
    let next = page["next"].as_str().unwrap().replace('/', "%2F").replace(' ', "%20");
    let (_, page) = server.ask(&format!("GET {ACME}/entries?after={next}"), json!(null)).await;
    assert_eq!((page["entries"].as_array().unwrap().len(), &page["next"]), (1, &json!(null)));
    let filter = "filter=%7B%22kind%22%3A%22page%22%7D";
    let (_, page) = server.ask(&format!("GET {ACME}/entries?{filter}"), json!(null)).await;
    assert_eq!(page["entries"][0]["id"], "b");

    let one = format!("{ACME}/entries/a%2Fb%20c");
    let patch = json!({"year": null, "tags": ["x"]});
    assert_eq!(server.ask(&format!("PATCH {one}/metadata"), patch).await.0, 204);
    let (_, entry) = server.ask(&format!("GET {one}"), json!(null)).await;
    assert_eq!(entry["metadata"], json!({"kind": "guide", "tags": ["x"]}));
    assert_eq!((&entry["scope"], &entry["vector"]), (&json!("tenant:acme"), &json!([0.0, 0.0])));
    assert_eq!(server.ask(&format!("PUT {one}/metadata"), json!({})).await.0, 204);
    // What was got can be put.
    assert_eq!(server.ask(&format!("PUT {ACME}/entries"), json!([entry])).await.0, 200);

    let counted = json!({"filter": {"kind": "guide"}});
    let count = server.ask(&format!("POST {ACME}/count"), counted).await;
    assert_eq!(count, (200, json!({"count": 1})));
    let (_, stats) = server.ask(&format!("GET {ACME}"), json!(null)).await;
    assert_eq!((&stats["scope"], &stats["entries"]), (&json!("tenant:acme"), &json!(3)));
    assert_eq!(
        server.ask("GET /collections/docs/scopes", json!(null)).await.1,
        json!(["tenant:acme"])
    );
    let (_, all) = server.ask("GET /collections", json!(null)).await;
    assert_eq!(
        (&all[0]["name"], &all[0]["entries"], &all[0]["text"]),
        (&json!("docs"), &json!(3), &json!(false))
    );

    let deleted = |count: usize| (200, json!({"deleted": count}));
    assert_eq!(server.ask(&format!("DELETE {one}"), json!(null)).await, deleted(1));
    assert_eq!(server.ask(&format!("DELETE {one}"), json!(null)).await.0, 404);
    let which = json!({"filter": {"kind": "page"}});
    assert_eq!(server.ask(&format!("POST {ACME}/delete"), which).await, deleted(1));
    let which = json!({"ids": ["b", "c"]});
    assert_eq!(server.ask(&format!("POST {ACME}/delete"), which).await, deleted(0));
    assert_eq!(server.ask(&format!("DELETE {ACME}"), json!(null)).await, deleted(1));
    assert_eq!(server.ask("DELETE /collections/docs", json!(null)).await.0, 204);
    assert_eq!(server.ask(&format!("GET {ACME}"), json!(null)).await.0, 404);
}

#[tokio::test]
async fn texts_are_found_by_what_they_mean() {
    let server = Served::new(None);
    assert_eq!(server.ask("PUT /collections/docs", json!({})).await.0, 201);
    let entries = json!([
        {"id": "shoes", "content": "a person who repairs shoes"},
        {"id": "moon", "content": "the distance to the moon"},
    ]);
    assert_eq!(server.ask(&format!("PUT {ACME}/entries"), entries).await.0, 200);
    let (_, found) =
        server.ask(&format!("POST {ACME}/search"), json!({"text": "boots", "k": 1})).await;
    assert_eq!(found["results"][0]["id"], "shoes");
    // The same of vectors is of no model.
    assert_eq!(server.ask("PUT /collections/other", json!({"dimensions": 256})).await.0, 201);
    let search = "POST /collections/other/scopes/global/search";
    let (status, problem) = server.ask(search, json!({"text": "boots"})).await;
    assert_eq!(status, 400, "{problem}");
    assert_eq!(server.ask("PUT /collections/other", json!({})).await.0, 409);
}

/// A token of a tenant is tried on everything that there is, under the name of another.
#[tokio::test]
async fn a_token_reaches_its_scope_and_nothing_else() {
    let tokens = "owner-0123456789 *\nacme-01234567890 tenant:acme\nada-012345678901 user:ada\n";
    let server = Served::new(Some(tokens));
    let [owner, acme, ada] = ["owner-0123456789", "acme-01234567890", "ada-012345678901"];
    assert_eq!(
        server.ask_with(owner, "PUT /collections/docs", r#"{"dimensions": 1}"#).await.0,
        201
    );
    let entry = r#"[{"id": "a", "vector": [1]}]"#;
    assert_eq!(server.ask_with(acme, &format!("PUT {ACME}/entries"), entry).await.0, 200);

    let (_, description) = server.ask("GET /openapi.json", json!(null)).await;
    let mut asked = 0;
    for (path, methods) in description["paths"].as_object().unwrap() {
        let path = path.replace("{collection}", "docs").replace("{id}", "a");
        let foreign = path.replace("{scope}", "tenant:acme");
        for method in methods.as_object().unwrap().keys().map(|method| method.to_uppercase()) {
            let what = format!("{method} {foreign}");
            let is_open = path == "/health";
            for (token, status) in [("", 401), ("guess-0123456789", 401), (ada, 403)] {
                let refused = server.ask_with(token, &what, "{}").await;
                assert_eq!(refused.0, if is_open { 200 } else { status }, "{what}: {}", refused.1);
            }
            asked += 1;
        }
    }
    assert_eq!(asked, 20, "all that there is");
    let (_, found) = server.ask_with(acme, &format!("GET {ACME}"), "").await;
    assert_eq!(found["entries"], 1, "nothing of it has happened");

    // Nor does an entry lead out, nor a query.
    let mine = "/collections/docs/scopes/user:ada";
    let entry = r#"[{"id": "a", "vector": [1], "scope": "tenant:acme"}]"#;
    assert_eq!(server.ask_with(ada, &format!("PUT {mine}/entries"), entry).await.0, 403);
    let query = r#"{"vector": [1], "scopes": ["tenant:acme"]}"#;
    assert_eq!(server.ask_with(ada, &format!("POST {mine}/search"), query).await.0, 400);
    let query = r#"{"id": "a"}"#;
    assert_eq!(server.ask_with(ada, &format!("POST {mine}/search"), query).await.0, 404);
    assert_eq!(server.ask_with(ada, &format!("GET {mine}/../tenant:acme"), "").await.0, 404);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let server = Served::new(None);
    assert_eq!(server.ask("PUT /collections/docs", json!({"dimensions": 2})).await.0, 201);
    let many = |count: usize| format!("[{}]", vec!["{}"; count].join(","));
    let long = format!(r#"[{{"id":"a","vector":[1,0],"content":"{}"}}]"#, "x".repeat(300 << 10));
    let queries = |count: usize, k: usize| {
        let query = format!(r#"{{"vector":[1,0],"k":{k}}}"#);
        format!(r#"{{"queries":[{}]}}"#, vec![query; count].join(","))
    };
    let deep =
        format!(r#"{{"vector":[1,0],"filter":{}1{}}}"#, r#"{"a":"#.repeat(500), "}".repeat(500));
    for (what, body, status, said) in [
        ("POST /search", "", 400, "EOF"),
        ("POST /search", r#"{"k": 3}"#, 400, "one of `vector`, `text` and `id`"),
        ("POST /search", r#"{"vector": [1, 0], "id": "a"}"#, 400, "one of `vector`"),
        ("POST /search", r#"{"vector": [1]}"#, 400, "dimension"),
        ("POST /search", r#"{"vector": [1e39, 0]}"#, 400, ""),
        ("POST /search", r#"{"vector": [1, 0], "kk": 1}"#, 400, "unknown field `kk`"),
        ("POST /search", r#"{"vector": [1, 0], "k": 1001}"#, 400, "up to 1000"),
        ("POST /search", r#"{"vector": [1, 0], "offset": 1000}"#, 400, "up to 1000"),
        ("POST /search", r#"{"vector": [1, 0], "filter": {"$nope": 1}}"#, 400, "$nope"),
        (
            "POST /search",
            r#"{"vector": [1, 0], "mmr": {"lambda": 2, "fetch_k": 20}}"#,
            400,
            "lambda",
        ),
        ("POST /search", &*deep, 400, ""),
        ("POST /search", r#"{"text": "boots"}"#, 400, "no collection of texts"),
        ("POST /search_many", &*queries(1001, 1), 400, "more than 1000"),
        ("POST /search_many", &*queries(11, 100), 400, "up to 1000"),
        ("PUT /entries", "{}", 400, "an array of up to 10000"),
        ("PUT /entries", r#"[{"id": "a"}]"#, 400, "entry 0: the entry has no `vector`"),
        ("PUT /entries", &*many(10_001), 400, "more than 10000"),
        ("PUT /entries", &*long, 400, "may have 65536"),
        ("PUT /entries", &*" ".repeat(17 << 20), 413, "up to 16777216 bytes"),
        ("PUT /entries", &*format!("[{}]", vec![r#"{"":0}"#; 60_000].join(",")), 400, "objects"),
        ("PUT /entries/none/metadata", &*format!(r#"{{"a":"{}"}}"#, "x".repeat(70_000)), 404, ""),
        ("GET /entries?limit=0", "", 400, "1 to 1000"),
        ("GET /entries?limit=x", "", 400, "invalid digit"),
        ("GET /entries?filter=x", "", 400, "expected value"),
        ("GET /entries/none", "", 404, "\"none\""),
        ("GET /entries/%FF", "", 400, "UTF-8"),
        ("PUT /entries/none/metadata", "{}", 404, ""),
        ("POST /delete", "{}", 400, "either `ids` or `filter`"),
        ("PUT /delete", "{}", 405, ""),
        ("POST /nothing", "{}", 404, "openapi.json"),
    ] {
        let (method, path) = what.split_once(' ').unwrap();
        let refused = server.ask_with("", &format!("{method} {ACME}{path}"), body).await;
        let message = refused.1["message"].as_str().unwrap_or_default();
        assert_eq!(refused.0, status, "{what} {:.80}: {}", body, refused.1);
        assert!(message.contains(said), "{what} {:.80}: {message}", body);
    }
    for (what, body, status) in [
        ("GET /collections/docs/scopes/planet:x", json!(null), 400),
        ("GET /collections/none/scopes/global", json!(null), 404),
        ("PUT /collections/docs", json!({"dimensions": 3}), 409),
        ("PUT /collections/new", json!({"dimensions": 0}), 400),
        ("PUT /collections/new", json!({"dimensions": 2, "config": {"seed": "x"}}), 400),
        ("GET /collections/docs/scopes?after=planet:x", json!(null), 400),
    ] {
        let refused = server.ask(what, body).await;
        assert_eq!(refused.0, status, "{what}: {}", refused.1);
    }
    let (_, stats) = server.ask(&format!("GET {ACME}"), json!(null)).await;
    assert_eq!(stats["entries"], 0, "nothing of it has happened");
}

/// What was refused leaves nothing behind that would be believed later.
#[tokio::test]
async fn a_collection_that_could_not_be_made_is_of_no_model() {
    let folder = tempfile::tempdir().unwrap();
    for is_first in [true, false] {
        let store = Store::open_blocking(folder.path()).unwrap();
        let host = Host::new(store.clone(), Static::open(None).unwrap(), Access::Open).unwrap();
        let service = routes::service(Arc::new(host), false);
        let server = Served { service, _folder: tempfile::tempdir().unwrap() };
        if is_first {
            let wrong = json!({"config": {"ef_construction": 1_u64 << 60}});
            assert_eq!(server.ask("PUT /collections/docs", wrong).await.0, 400);
            assert_eq!(
                server.ask("PUT /collections/docs", json!({"dimensions": 256})).await.0,
                201
            );
        }
        let (_, all) = server.ask("GET /collections", json!(null)).await;
        assert_eq!(all[0]["text"], json!(false), "{all}");
        drop(server);
        store.close_blocking().unwrap();
    }
}

/// Metadata grow no larger piece by piece than at once.
#[tokio::test]
async fn an_entry_stays_within_its_size() {
    let server = Served::new(None);
    assert_eq!(server.ask("PUT /collections/docs", json!({"dimensions": 1})).await.0, 201);
    let entries = json!([{"id": "a", "vector": [1], "content": "x".repeat(40_000)}]);
    assert_eq!(server.ask(&format!("PUT {ACME}/entries"), entries).await.0, 200);
    let metadata = format!("{ACME}/entries/a/metadata");
    let text = "x".repeat(20_000);
    assert_eq!(server.ask(&format!("PATCH {metadata}"), json!({"a": text})).await.0, 204);
    assert_eq!(server.ask(&format!("PATCH {metadata}"), json!({"b": text})).await.0, 400);
    assert_eq!(server.ask(&format!("PUT {metadata}"), json!({"a": text, "b": text})).await.0, 400);
    let (_, entry) = server.ask(&format!("GET {ACME}/entries/a"), json!(null)).await;
    assert_eq!(server.ask(&format!("PUT {ACME}/entries"), json!([entry])).await.0, 200);
}

/// A page whose name leads to this machine is no program of it.
#[tokio::test]
async fn a_server_without_tokens_is_there_for_its_own_machine() {
    let served = Served::new(None);
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_blocking(folder.path()).unwrap();
    let host = Host::new(store, Static::open(None).unwrap(), Access::Open).unwrap();
    let local = routes::service(Arc::new(host), true);
    for (host, status) in [
        ("localhost:8424", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1:8424", 200),
        ("[::1]:8424", 200),
        ("[::1]", 200),
        ("evil.example:8424", 403),
        ("localhost.evil.example", 403),
        ("localhost]:x", 403),
        ("localhost@evil.example", 403),
        ("", 403),
    ] {
        let request = Request::get("/health").header(header::HOST, host);
        let request = request.body(Body::empty()).unwrap();
        assert_eq!(local.clone().oneshot(request).await.unwrap().status(), status, "{host}");
    }
    assert_eq!(served.ask("GET /health", json!(null)).await, (200, json!("ok\n")));
}

#[tokio::test]
async fn what_was_done_is_counted() {
    let server = Served::new(None);
    assert_eq!(server.ask("PUT /collections/docs", json!({"dimensions": 1})).await.0, 201);
    let entries = json!([{"id": "a", "vector": [1]}]);
    assert_eq!(server.ask(&format!("PUT {ACME}/entries"), entries).await.0, 200);
    let query = json!({"vector": [1]});
    assert_eq!(server.ask(&format!("POST {ACME}/search"), query).await.0, 200);
    let (status, text) = server.ask("GET /metrics", json!(null)).await;
    let text = text.as_str().unwrap();
    assert_eq!(status, 200);
    let route = "/collections/{collection}/scopes/{scope}/search";
    for line in [
        format!("vicino_http_requests_total{{method=\"POST\",route=\"{route}\",status=\"200\"}} 1"),
        "vicino_entries{collection=\"docs\"} 1".to_owned(),
        "vicino_searches_total{collection=\"docs\"} 1".to_owned(),
    ] {
        assert!(text.lines().any(|it| it == line), "{line}:\n{text}");
    }
    assert!(!text.contains("acme"), "scopes are nobody else's business");
}
