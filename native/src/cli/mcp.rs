//! `vicino mcp`: a store as the memory of an agent, by the Model Context Protocol.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use rmcp::handler::server::wrapper::{Json, Parameters};
use rmcp::model::{Implementation, ServerCapabilities, ServerConfig};
use rmcp::transport::stdio;
use rmcp::{ServerHandler, ServiceExt, schemars, tool, tool_handler, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use vicino::{
    BlockingScopedVectorStorage, Filter, HnswConfig, Object, Scope, Store, StoreError, VectorEntry,
    VectorQuery, VectorResult,
};

use super::embed::{Embedder, Static};
use super::{place, texts};

/// Be the memory of an AI agent: a server of the Model Context Protocol on the standard input
/// and output
///
/// Its tools add texts, find them by what they mean, and delete them. The store is opened for each
/// call and closed behind it, so that several agents can have the same. Texts are in one
/// collection, and in one scope, which no call leaves.
#[derive(Debug, Clone, Args)]
pub(super) struct Mcp {
    /// The folder of the store [default: the nearest `.vicino` here or above]
    #[arg(long, value_name = "FOLDER")]
    store: Option<PathBuf>,
    /// The collection
    #[arg(long, default_value = "memory", value_name = "NAME")]
    collection: String,
    /// The scope
    #[arg(long, default_value = "global")]
    scope: Scope,
    /// A folder with a text model in the layout of model2vec, instead of the built-in one
    #[arg(long, value_name = "FOLDER")]
    model: Option<PathBuf>,
}

/// What an agent calls.
#[derive(Clone)]
struct Memory(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    collection: String,
    scope: Scope,
    model: Static,
    /// Held by the call that has the store, or waits for it.
    turn: Mutex<()>,
}

/// How long a call waits for another that has the store.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// A text has no more bytes: its vector is the mean of its words, and says less the more they are.
const TEXT_BYTES: usize = 16 << 10;

/// What is said of a text has no more: it is told with each that is found.
const METADATA_BYTES: usize = 4 << 10;

/// A search returns no more.
const K_MAX: usize = 50;

impl Mcp {
    pub(super) fn run(&self) -> Result<()> {
        let model = Static::open(self.model.as_deref())?;
        let folder = place::folder(self.store.as_deref())?;
        let (collection, scope) = (self.collection.clone(), self.scope.clone());
        let memory =
            Memory(Arc::new(Inner { folder, collection, scope, model, turn: Mutex::default() }));
        // What makes no sense is told now, and not to the agent.
        memory.0.with_blocking(|_| Ok(()))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            memory.serve(stdio()).await?.waiting().await?;
            Ok(())
        })
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Add {
    /// What is to be remembered: a few sentences that say it without what was said before.
    text: String,
    /// What it is called; what had the name is replaced. Without one it gets a name of its own.
    id: Option<String>,
    /// What searches can ask about, as `{"project": "apollo", "year": 1969}`.
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    metadata: Option<Object>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Added {
    id: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Search {
    /// What is looked for, in plain words.
    query: String,
    /// How many texts at most, up to 50.
    #[serde(default = "five")]
    k: usize,
    /// Only texts with such metadata, as `{"project": "apollo", "year": {"$gte": 1969}}`.
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    filter: Option<Filter>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Found {
    /// The nearest first.
    results: Vec<Text>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Text {
    id: String,
    text: String,
    /// 1 is the same, 0 has nothing to do with it.
    score: f32,
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    metadata: Object,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Delete {
    /// The ids of texts, as a search tells them.
    ids: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Deleted {
    deleted: usize,
}

// `Result<Json<T>, String>` is written out: from it the description of what comes back is made.
#[tool_router]
impl Memory {
    /// Remember a text, so that a search finds it by what it means.
    #[tool]
    async fn add(
        &self,
        Parameters(Add { text, id, metadata }): Parameters<Add>,
    ) -> Result<Json<Added>, String> {
        self.with(move |memory, texts| {
            let metadata = metadata.unwrap_or_default();
            let bytes = serde_json::to_vec(&metadata)?.len();
            ensure!(
                bytes <= METADATA_BYTES,
                "the metadata have {bytes} bytes, and may have {METADATA_BYTES}"
            );
            let vector = memory.embed(&text)?;
            let entry = VectorEntry::new(id.unwrap_or_default(), vector)
                .with_metadata(metadata)
                .with_content(text);
            let keys = texts.upsert(vec![entry])?;
            let id = keys.first().map(|key| key.id().to_owned()).unwrap_or_default();
            Ok(Added { id })
        })
        .await
    }

    /// Find the remembered texts that are nearest to a question.
    #[tool(annotations(read_only_hint = true))]
    async fn search(
        &self,
        Parameters(Search { query, k, filter }): Parameters<Search>,
    ) -> Result<Json<Found>, String> {
        self.with(move |memory, texts| {
            ensure!((1..=K_MAX).contains(&k), "`k` is 1 to {K_MAX}");
            let mut query = VectorQuery::new(memory.embed(&query)?, k);
            query.filter = filter;
            let results = texts.search(&query)?.into_iter().map(Text::from).collect();
            Ok(Found { results })
        })
        .await
    }

    /// Forget texts.
    #[tool(annotations(destructive_hint = true))]
    async fn delete(
        &self,
        Parameters(Delete { ids }): Parameters<Delete>,
    ) -> Result<Json<Deleted>, String> {
        self.with(move |_, texts| Ok(Deleted { deleted: texts.delete(ids)? })).await
    }
}

#[tool_handler]
impl ServerHandler for Memory {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("vicino", env!("CARGO_PKG_VERSION")))
            .with_instructions(
                "A memory that lasts. Search it before you answer what may have come up earlier; \
                 add what will be worth knowing later.",
            )
    }
}

impl Memory {
    /// Does something with the texts, on a thread that may wait.
    async fn with<T: Send + 'static>(
        &self,
        task: impl FnOnce(&Inner, &BlockingScopedVectorStorage) -> Result<T> + Send + 'static,
    ) -> Result<Json<T>, String> {
        let memory = Arc::clone(&self.0);
        let done = spawn_blocking(move || memory.with_blocking(|texts| task(&memory, texts)));
        let done = done.await.map_err(|error| error.to_string())?;
        done.map(Json).map_err(|error| format!("{error:#}"))
    }
}

impl Inner {
    fn with_blocking<T>(
        &self,
        task: impl FnOnce(&BlockingScopedVectorStorage) -> Result<T>,
    ) -> Result<T> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let store = patient(&self.folder)?;
        let (name, config) = (&self.collection, HnswConfig::balanced());
        let collection = texts::open(&store, name, &self.model, config)?;
        let done = task(&collection.blocking().scope(&self.scope)?)?;
        store.close_blocking()?;
        Ok(done)
    }

    fn embed(&self, text: &str) -> Result<Vec<f32>> {
        ensure!(
            text.len() <= TEXT_BYTES,
            "the text has {} bytes, and may have {TEXT_BYTES}; pass what it says in pieces",
            text.len()
        );
        let unknown = || format!("no word of the text is known to the model {}", self.model.name());
        self.model.embed_one(text).with_context(unknown)
    }
}

impl From<VectorResult> for Text {
    fn from(found: VectorResult) -> Self {
        Self {
            id: found.key.id().to_owned(),
            text: found.content.unwrap_or_default(),
            score: found.score,
            metadata: found.metadata.unwrap_or_default(),
        }
    }
}

/// Opens a store, after others that have it for a moment.
fn patient(folder: &Path) -> Result<Store> {
    let began = Instant::now();
    loop {
        match Store::open_blocking(folder) {
            Err(StoreError::Locked { .. }) if began.elapsed() < WAIT_MAX => {
                thread::sleep(Duration::from_millis(2));
            }
            Err(StoreError::Locked { .. }) => bail!("others use the memory; try again"),
            opened => return Ok(opened?),
        }
    }
}

fn five() -> usize {
    5
}
