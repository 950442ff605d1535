//! What the server is asked: how it is, which collections and scopes there are. All that there is
//! is put together here.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, InfoBuilder, OpenApi, SecurityRequirement};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vicino::{HnswConfig, Scope, VectorStorage};

use super::Answer;
use super::body::Body;
use super::entries::{self, Deleted};
use super::failure::Failure;
use super::host::{Host, Served};
use super::metrics::{self, OPENMETRICS};
use super::reach::{Everything, InScope, Named, Parameters, Scoped, limited};
use super::search;

/// A page has no more scopes.
const SCOPES_MAX: usize = 10_000;

/// All routes. Where `is_local`, only requests for this machine are answered, whatever name leads
/// to it: a page elsewhere cannot reach the server through one of its own.
pub(super) fn service(host: Arc<Host>, is_local: bool) -> Router {
    let (router, description) = OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(measured))
        .routes(routes!(collections))
        .routes(routes!(create, drop_collection))
        .routes(routes!(scopes))
        .routes(routes!(scope, delete_scope))
        .merge(entries::routes())
        .merge(search::routes())
        .split_for_parts();
    let description = Arc::new(described(description));
    let described = async move || Json(Arc::clone(&description)).into_response();
    let router = router
        .route("/openapi.json", axum::routing::get(described))
        .fallback(async || Failure::new(StatusCode::NOT_FOUND, "unknown_path", "see /openapi.json"))
        .method_not_allowed_fallback(async || {
            Failure::new(StatusCode::METHOD_NOT_ALLOWED, "unknown_method", "see /openapi.json")
        })
        .layer(from_fn_with_state(Arc::clone(&host), metrics::measure));
    let router = if is_local { router.layer(from_fn(local)) } else { router };
    router.with_state(host)
}

/// What a collection is.
#[derive(Serialize, ToSchema)]
struct Collection {
    name: String,
    dimensions: usize,
    metric: String,
    /// Are texts embedded by the server's model?
    text: bool,
    scopes: usize,
    entries: usize,
    memory_bytes: usize,
}

/// What a collection is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct New {
    /// The numbers of a vector. Without them it is a collection of texts, which the server's model
    /// embeds.
    dimensions: Option<usize>,
    /// `HnswConfig`, as `{"distance_metric": "euclidean"}`.
    #[serde(default = "HnswConfig::balanced")]
    #[schema(value_type = Object)]
    config: HnswConfig,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listed {
    /// Only scopes behind this one.
    #[param(value_type = Option<String>)]
    after: Option<Scope>,
    /// How many at most.
    #[param(default = 1000, minimum = 1, maximum = 10000)]
    limit: Option<usize>,
}

/// What is in a scope.
#[derive(Serialize, ToSchema)]
struct ScopeStats {
    #[schema(value_type = String)]
    scope: Scope,
    entries: usize,
    memory_bytes: usize,
    /// Searches since the server was started, or since the scope came into memory.
    queries: u64,
    /// In milliseconds since 1970.
    created_at: Option<i64>,
    last_write_at: Option<i64>,
}

/// Is the server there?
#[utoipa::path(
    get, path = "/health", tag = "server",
    responses((status = 200, description = "It is.", body = String)),
)]
async fn health() -> &'static str {
    "ok\n"
}

/// Counters and times, as Prometheus reads them
#[utoipa::path(
    get, path = "/metrics", tag = "server",
    responses(
        (status = 200, description = "As OpenMetrics.", body = String, content_type = OPENMETRICS),
        Failure
    ),
)]
async fn measured(Everything(host): Everything) -> Result<Response, Failure> {
    Ok(metrics::text(&host).await?.into_response())
}

/// List collections
#[utoipa::path(
    get, path = "/collections", tag = "collections",
    responses((status = 200, description = "All collections.", body = Vec<Collection>), Failure),
)]
async fn collections(Everything(host): Everything) -> Answer<Vec<Collection>> {
    let mut all = Vec::new();
    for Served { info, storage, is_text } in host.collections() {
        let stats = storage.stats().await?;
        all.push(Collection {
            name: info.name,
            dimensions: info.dimensions,
            metric: info.config.distance_metric.to_string(),
            text: is_text,
            scopes: stats.scope_count,
            entries: stats.vector_count,
            memory_bytes: stats.memory.total(),
        });
    }
    Ok(Json(all))
}

/// Make a collection, unless it is there
#[utoipa::path(
    put, path = "/collections/{collection}", tag = "collections",
    params(Named),
    request_body = New,
    responses(
        (status = 201, description = "It is made."),
        (status = 204, description = "It is there."),
        Failure
    ),
)]
async fn create(
    Everything(host): Everything,
    named: Named,
    new: Body<New>,
) -> Result<StatusCode, Failure> {
    let New { dimensions, config } = new.value;
    match host.create(named.collection, dimensions, config).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Ok(StatusCode::CREATED),
    }
}

/// Drop a collection with all that is in it
#[utoipa::path(
    delete, path = "/collections/{collection}", tag = "collections",
    params(Named),
    responses((status = 204, description = "It is done."), Failure),
)]
async fn drop_collection(
    Everything(host): Everything,
    named: Named,
) -> Result<StatusCode, Failure> {
    host.drop(named.collection).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the scopes of a collection that hold something
#[utoipa::path(
    get, path = "/collections/{collection}/scopes", tag = "collections",
    params(Named, Listed),
    responses((status = 200, description = "A page of them.", body = Vec<String>), Failure),
)]
async fn scopes(
    Everything(host): Everything,
    named: Named,
    Parameters(Listed { after, limit }): Parameters<Listed>,
) -> Answer<Vec<Scope>> {
    let limit = limited(limit, 1000, SCOPES_MAX)?;
    let storage = host.collection(&named.collection)?.storage;
    let mut scopes = storage.scopes().await?;
    scopes.sort_unstable();
    scopes.retain(|scope| after.as_ref().is_none_or(|after| scope > after));
    scopes.truncate(limit);
    Ok(Json(scopes))
}

/// Tell what is in a scope
#[utoipa::path(
    get, path = "/collections/{collection}/scopes/{scope}", tag = "scopes",
    params(InScope),
    responses((status = 200, description = "What is in it.", body = ScopeStats), Failure),
)]
async fn scope(scoped: Scoped) -> Answer<ScopeStats> {
    let stats = scoped.storage.stats().await?;
    Ok(Json(ScopeStats {
        scope: stats.scope,
        entries: stats.vector_count,
        memory_bytes: stats.memory.total(),
        queries: stats.query_count,
        created_at: stats.created_at,
        last_write_at: stats.last_write_at,
    }))
}

/// Delete all entries of a scope
#[utoipa::path(
    delete, path = "/collections/{collection}/scopes/{scope}", tag = "scopes",
    params(InScope),
    responses((status = 200, description = "How many there were.", body = Deleted), Failure),
)]
async fn delete_scope(scoped: Scoped) -> Answer<Deleted> {
    Ok(Json(Deleted { deleted: scoped.storage.delete_all().await? }))
}

/// Names the server and how tokens are passed.
fn described(mut description: OpenApi) -> OpenApi {
    description.info = InfoBuilder::new()
        .title("Vicino")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "An embeddable, multi-tenant vector store. A scope is `global`, or a kind and a name \
             with a colon between: `tenant:acme`, `user:ada`.",
        ))
        .build();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    let components = description.components.get_or_insert_with(Components::new);
    components.add_security_scheme("token", SecurityScheme::Http(bearer));
    // Where the server has no tokens, none is needed.
    let token = SecurityRequirement::new("token", [""; 0]);
    description.security = Some(vec![token, SecurityRequirement::default()]);
    description
}

/// Lets through what is asked of this machine by one of its addresses, or as `localhost`.
async fn local(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let name = host.as_ref().map_or("", |host| host.host().trim_matches(['[', ']']));
    if name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok() {
        return next.run(request).await;
    }
    let message = "without tokens the server is only there for `localhost` and addresses";
    Failure::new(StatusCode::FORBIDDEN, "forbidden", message).into_response()
}
