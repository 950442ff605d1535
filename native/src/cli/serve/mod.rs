//! `vicino serve`: a store behind HTTP.
//!
//! A request goes through `access.rs`, which says what its token reaches, into `reach.rs`, which
//! hands out that and nothing else, and from there to what answers it: `routes.rs` for collections
//! and scopes, `entries.rs` for what is in them, `search.rs` for searches.

mod access;
mod body;
mod entries;
mod failure;
mod host;
mod listen;
mod metrics;
mod reach;
mod room;
mod routes;
mod search;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Json;
use clap::Args;
use tokio::net::TcpListener;
use vicino::{Store, StoreConfig};

use self::access::Access;
use self::failure::Failure;
use self::host::Host;
use self::listen::SILENT_MAX;
use super::embed::Static;

/// What a request is answered with.
type Answer<T> = Result<Json<T>, Failure>;

/// Serve a store over HTTP
///
/// Collections, scopes and entries as JSON; `/openapi.json` describes it, `/health` and `/metrics`
/// tell how it is. Whoever reaches the address may do everything, unless there are tokens. Ends
/// with Ctrl-C, when what was begun is done.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The folder of the store, which is made where it is not there
    store: PathBuf,
    /// Where to listen; other machines reach it at 0.0.0.0 or an address of this one's
    #[arg(long, default_value = "127.0.0.1:8424", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// A file with a token a line and, behind a space, the scope that it reaches, or `*` for
    /// everything; requests then need one as `Authorization: Bearer TOKEN`
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,
    /// Megabytes that collections may take; scopes that nobody asks for leave memory [default: no
    /// limit]
    #[arg(long, value_name = "MB")]
    memory_limit: Option<usize>,
    /// A folder with a text model in the layout of model2vec, instead of the built-in one
    #[arg(long, value_name = "FOLDER")]
    model: Option<PathBuf>,
}

impl Serve {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<()> {
        let access = self.tokens.as_deref().map_or(Ok(Access::Open), Access::read)?;
        let is_loopback = self.listen.ip().to_canonical().is_loopback();
        let is_open = matches!(access, Access::Open);
        if is_open && !is_loopback {
            let address = self.listen;
            tracing::warn!("whoever reaches {address} may do everything; --tokens says who may");
        }
        let model = Static::open(self.model.as_deref())?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let served = runtime.block_on(async {
            let address = || self.listen.to_string();
            // Before the store is opened: the address is what fails more often.
            let listener = TcpListener::bind(self.listen).await.with_context(address)?;
            let mut config = StoreConfig::default();
            if let Some(limit) = self.memory_limit {
                config = config.with_memory_limit(limit.saturating_mul(1 << 20));
            }
            let store = Store::open_with_blocking(&self.store, config)?;
            let host = Arc::new(Host::new(store.clone(), model, access)?);
            writeln!(out, "{} at http://{}", self.store.display(), listener.local_addr()?)?;
            out.flush()?;
            let end = listen::interrupted()?;
            let service = routes::service(host, is_open && is_loopback);
            listen::serve(listener, service, SILENT_MAX, end).await;
            Ok(store.close().await?)
        });
        // What nobody waits for any more is not waited for.
        runtime.shutdown_background();
        served
    }
}
