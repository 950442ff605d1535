//! A storage behind HTTP: entries are put, searched and deleted by scope.
//!
//! `cargo run -p vicino --example axum_server` makes itself some requests and ends; with an
//! address behind it, `-- 127.0.0.1:8080`, it serves until Ctrl-C.

use std::error::Error;
use std::net::SocketAddr;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vicino::{
    Filter, HnswConfig, HnswVectorStorage, Object, Scope, StoreError, VectorEntry, VectorQuery,
};

#[derive(Deserialize)]
struct Entry {
    id: String,
    vector: Vec<f32>,
    #[serde(default)]
    metadata: Object,
}

#[derive(Deserialize)]
struct Question {
    vector: Vec<f32>,
    k: usize,
    filter: Option<Filter>,
}

type Answer = Result<Json<Value>, (StatusCode, String)>;

/// What core refuses is the client's to mend, what the disk fails with is ours.
fn failed(error: StoreError) -> (StatusCode, String) {
    let refused = matches!(error, StoreError::Core(_));
    let ours = StatusCode::INTERNAL_SERVER_ERROR;
    (if refused { StatusCode::BAD_REQUEST } else { ours }, error.to_string())
}

/// A service that knows who asks takes the scope from there and not from the path.
type Asked = (State<HnswVectorStorage>, Path<Scope>);

async fn put_entries((State(storage), Path(scope)): Asked, Json(new): Json<Vec<Entry>>) -> Answer {
    let entry = |new: Entry| VectorEntry::new(new.id, new.vector).with_metadata(new.metadata);
    let scope = storage.scope(&scope).map_err(failed)?;
    let keys = scope.upsert(new.into_iter().map(entry).collect()).await.map_err(failed)?;
    Ok(Json(keys.iter().map(|key| key.id()).collect()))
}

async fn search((State(storage), Path(scope)): Asked, Json(asked): Json<Question>) -> Answer {
    let mut query = VectorQuery::new(asked.vector, asked.k);
    query.filter = asked.filter;
    let scope = storage.scope(&scope).map_err(failed)?;
    let found = scope.search(&query).await.map_err(failed)?;
    Ok(Json(found.iter().map(|it| json!({"id": it.key.id(), "score": it.score})).collect()))
}

async fn delete_scope((State(storage), Path(scope)): Asked) -> Answer {
    let scope = storage.scope(&scope).map_err(failed)?;
    Ok(Json(json!({"deleted": scope.delete_all().await.map_err(failed)?})))
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "an example shows what it does")]
async fn main() -> Result<(), Box<dyn Error>> {
    let storage = HnswVectorStorage::try_new(3, HnswConfig::balanced())?; // or `open` a folder
    let service = Router::new()
        .route("/scopes/{scope}", delete(delete_scope))
        .route("/scopes/{scope}/entries", put(put_entries))
        .route("/scopes/{scope}/search", post(search))
        .with_state(storage);
    if let Some(address) = std::env::args().nth(1) {
        let end = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
        let serving = axum::serve(TcpListener::bind(address).await?, service);
        return Ok(serving.with_graceful_shutdown(end).await?);
    }

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async { axum::serve(listener, service).await });
    let entries = json!([
        {"id": "install", "vector": [0.9, 0.1, 0.0], "metadata": {"type": "guide"}},
        {"id": "prices", "vector": [0.8, 0.0, 0.3], "metadata": {"type": "page"}},
    ]);
    let question = json!({"vector": [1, 0, 0], "k": 3, "filter": {"type": "guide"}});
    let requests = [
        ("PUT /scopes/tenant:acme/entries", entries),
        ("POST /scopes/tenant:acme/search", question.clone()),
        ("POST /scopes/tenant:other/search", question),
        ("POST /scopes/tenant:acme/search", json!({"vector": [1], "k": 3})),
        ("DELETE /scopes/tenant:acme", json!(null)),
    ];
    for (what, body) in requests {
        println!("{what}\n  {}", request(address, what, &body.to_string()).await?);
    }
    Ok(())
}

/// Makes a request as a client would, and returns the status and the body of the response.
async fn request(to: SocketAddr, what: &str, body: &str) -> Result<String, Box<dyn Error>> {
    let head = "host: vicino\r\nconnection: close\r\ncontent-type: application/json";
    let text = format!("{what} HTTP/1.1\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let mut stream = TcpStream::connect(to).await?;
    stream.write_all(text.as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    let (head, body) = response.split_once("\r\n\r\n").ok_or("no response")?;
    Ok(format!("{} {body}", head.lines().next().unwrap_or_default()))
}
