//! Searches of a scope.

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vicino::{Plan, Short, VectorQuery, Way};

use super::super::json::{Found, Query, RESULTS_MAX};
use super::Answer;
use super::body::{Body, UpTo};
use super::failure::Failure;
use super::host::Shared;
use super::reach::{InScope, Scoped};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(search))
        .routes(routes!(search_many))
        .routes(routes!(explain))
}

#[derive(Serialize, ToSchema)]
struct Results {
    /// The nearest first.
    results: Vec<Found>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Queries {
    #[schema(value_type = Vec<Query>, max_items = 1000)]
    queries: UpTo<1000, Query>,
}

#[derive(Serialize, ToSchema)]
struct ResultsOfEach {
    /// In the order of the queries.
    results: Vec<Vec<Found>>,
}

#[derive(Serialize, ToSchema)]
struct Explained {
    results: Vec<Found>,
    explain: Explanation,
}

/// How a search came about.
#[derive(Serialize, ToSchema)]
struct Explanation {
    /// Was the query compared with all that matches?
    exact: bool,
    /// `matches` where no more entries match, `threshold` where the others have too low a score.
    short: Option<&'static str>,
    /// `scan`, `walk`, `filtered_walk` or `two_hop`: how it began and, where that found too little
    /// or cost too much, how it ended.
    began: Option<&'static str>,
    ended: Option<&'static str>,
    /// Of the scope, those included that have expired and were not purged.
    entries: usize,
    matches: usize,
    ef: Option<usize>,
    distances: u64,
    hops: u64,
    rescored: u64,
}

/// Find the nearest entries
///
/// As many as are asked for, or all that match.
#[utoipa::path(
    post, path = "/collections/{collection}/scopes/{scope}/search", tag = "search",
    params(InScope),
    request_body = Query,
    responses(
        (status = 200, description = "As many as asked for, or all that match.", body = Results),
        Failure
    ),
)]
async fn search(scoped: Scoped, query: Body<Query>) -> Answer<Results> {
    let query = one(&scoped, query.value).await?;
    let found = scoped.storage.search(&query).await?;
    Ok(Json(Results { results: found.into_iter().map(Found::from).collect() }))
}

/// Find the nearest entries to each of several queries, at one moment
#[utoipa::path(
    post, path = "/collections/{collection}/scopes/{scope}/search_many", tag = "search",
    params(InScope),
    request_body = Queries,
    responses(
        (status = 200, description = "The same for each query.", body = ResultsOfEach),
        Failure
    ),
)]
async fn search_many(scoped: Scoped, asked: Body<Queries>) -> Answer<ResultsOfEach> {
    let queries = queries(&scoped, asked.value.queries.0).await?;
    if queries.iter().map(|query| query.k).sum::<usize>() > 10 * RESULTS_MAX {
        return Err(Failure::refused("the `k` of all queries are together up to 10000"));
    }
    let found = scoped.storage.search_many(&queries).await?;
    let results = found.into_iter().map(|found| found.into_iter().map(Found::from).collect());
    Ok(Json(ResultsOfEach { results: results.collect() }))
}

/// Search, and tell how the results were found
#[utoipa::path(
    post, path = "/collections/{collection}/scopes/{scope}/explain", tag = "search",
    params(InScope),
    request_body = Query,
    responses(
        (status = 200, description = "The results, and how they came about.", body = Explained),
        Failure
    ),
)]
async fn explain(scoped: Scoped, query: Body<Query>) -> Answer<Explained> {
    let query = one(&scoped, query.value).await?;
    let (found, explain) = scoped.storage.explain(&query).await?;
    let exact = explain.is_exact();
    let Some(of_scope) = explain.scopes.first() else {
        return Err(Failure::refused("nothing was searched"));
    };
    let way = |way: fn(&Plan) -> Way| of_scope.plan.as_ref().map(|plan| name(way(plan)));
    let explain = Explanation {
        exact,
        short: explain.short.map(|short| match short {
            Short::Threshold => "threshold",
            _ => "matches",
        }),
        began: way(|plan| plan.began),
        ended: way(|plan| plan.ended),
        entries: of_scope.entries,
        matches: of_scope.matches,
        ef: of_scope.ef,
        distances: of_scope.cost.distances,
        hops: of_scope.cost.hops,
        rescored: of_scope.cost.rescored,
    };
    Ok(Json(Explained { results: found.into_iter().map(Found::from).collect(), explain }))
}

async fn one(scoped: &Scoped, query: Query) -> Result<VectorQuery, Failure> {
    let mut queries = queries(scoped, vec![query]).await?;
    queries.pop().ok_or_else(|| Failure::refused("there is no query"))
}

/// Queries as they are made, with vectors for their texts.
async fn queries(scoped: &Scoped, asked: Vec<Query>) -> Result<Vec<VectorQuery>, Failure> {
    let texts: Vec<String> = asked.iter().filter_map(|query| query.text.clone()).collect();
    let mut vectors = scoped.embed(texts).await?.into_iter();
    let query = |query: Query| {
        let embedded = query.text.is_some().then(|| vectors.next()).flatten();
        query.query(embedded).map_err(Failure::refused)
    };
    asked.into_iter().map(query).collect()
}

fn name(way: Way) -> &'static str {
    match way {
        Way::Scan => "scan",
        Way::Walk => "walk",
        Way::FilteredWalk => "filtered_walk",
        Way::TwoHop => "two_hop",
        _ => "other",
    }
}
