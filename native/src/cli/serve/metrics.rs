//! What the server did, as Prometheus reads it.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use vicino::{StoreStats, VectorStorage};

use super::failure::Failure;
use super::host::{Host, Served, Shared};

/// The type of what Prometheus reads.
pub(super) const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Counted with every request.
#[derive(Debug)]
pub(super) struct Metrics {
    requests: Family<Answered, Counter>,
    seconds: Family<Route, Histogram>,
}

/// Requests by what they asked for, not by whom: the names of scopes are nobody else's business,
/// and too many.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    method: String,
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: String,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    collection: String,
}

impl Default for Metrics {
    fn default() -> Self {
        // From a tenth of a millisecond to three seconds.
        let seconds = || Histogram::new(exponential_buckets(0.000_1, 2.0, 16));
        Self { requests: Family::default(), seconds: Family::new_with_constructor(seconds) }
    }
}

/// Measures a request.
pub(super) async fn measure(State(host): State<Shared>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = match request.method().as_str() {
        method @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE") => method.to_owned(),
        // Anyone may make others up.
        _ => "other".to_owned(),
    };
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let response = next.run(request).await;
    let (status, seconds) = (response.status().as_u16(), began.elapsed().as_secs_f64());
    tracing::info!(target: "vicino::serve", method, route, status, ms = seconds * 1e3);
    let metrics = &host.metrics;
    let asked = Route { method: method.clone(), route: route.clone() };
    metrics.seconds.get_or_create(&asked).observe(seconds);
    metrics.requests.get_or_create(&Answered { method, route, status }).inc();
    response
}

/// All numbers there are.
pub(super) async fn text(host: &Host) -> Result<impl IntoResponse + use<>, Failure> {
    let mut registry = Registry::with_prefix("vicino");
    let Metrics { requests, seconds } = &host.metrics;
    registry.register("http_requests", "Requests that were answered", requests.clone());
    registry.register("http_request_seconds", "The time that they took", seconds.clone());

    let entries = Family::<Of, Gauge>::default();
    let scopes = Family::<Of, Gauge>::default();
    let memory = Family::<Of, Gauge>::default();
    let searches = Family::<Of, Counter>::default();
    for Served { info, storage, .. } in host.collections() {
        let (stats, report) = (storage.stats().await?, storage.report()?);
        let of = Of { collection: info.name };
        entries.get_or_create(&of).set(gauge(stats.vector_count));
        scopes.get_or_create(&of).set(gauge(stats.scope_count));
        memory.get_or_create(&of).set(gauge(stats.memory.total()));
        searches.get_or_create(&of).inc_by(report.search_latency.count);
    }
    registry.register("entries", "Entries of a collection", entries);
    registry.register("scopes", "Scopes of a collection that hold something", scopes);
    registry.register("memory_bytes", "What a collection takes in memory", memory);
    registry.register("searches", "Searches of a collection", searches);

    let StoreStats { commits, commit_latency, checkpoint_latency, evictions, .. } =
        host.store.stats()?;
    for (count, name, help) in [
        (commits, "commits", "Transactions that were made durable since the store was made"),
        (evictions.scopes, "evictions", "Scopes that left memory"),
    ] {
        registry.register(name, help, ConstCounter::new(count));
    }
    for (latency, name, help) in [
        (commit_latency, "commit_p99_seconds", "What 99 of 100 transactions stayed within"),
        (checkpoint_latency, "checkpoint_p99_seconds", "What 99 of 100 checkpoints stayed within"),
    ] {
        registry.register(name, help, ConstGauge::new(latency.p99.as_secs_f64()));
    }

    let mut text = String::new();
    encode(&mut text, &registry).map_err(Failure::bug)?;
    Ok(([(header::CONTENT_TYPE, OPENMETRICS)], text))
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
