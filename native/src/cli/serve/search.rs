//! Searches of a scope.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vicino::{Plan, Short, VectorQuery, Way};

use super::super::json::{Found, Query, RESULTS_MAX};
use super::body::{Body, UpTo};
use super::entries::{ENTRY_BYTES, VALUE_BYTES};
use super::failure::Failure;
use super::host::Shared;
use super::reach::{InScope, Scoped};
use super::room::{Held, Taken};

/// What a result takes without what it tells.
const RESULT_BYTES: usize = 1 << 10;

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
async fn search(scoped: Scoped, query: Body<Query>) -> Result<Held<Results>, Failure> {
    let (queries, room) = asked(&scoped, vec![query.freed()]).await?;
    let found = scoped.storage.search(&queries[0]).await?;
    Ok(Held(Results { results: found.into_iter().map(Found::from).collect() }, room))
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
async fn search_many(scoped: Scoped, many: Body<Queries>) -> Result<Held<ResultsOfEach>, Failure> {
    let (queries, room) = asked(&scoped, many.freed().queries.0).await?;
    let found = scoped.storage.search_many(&queries).await?;
    let results = found.into_iter().map(|found| found.into_iter().map(Found::from).collect());
    Ok(Held(ResultsOfEach { results: results.collect() }, room))
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
async fn explain(scoped: Scoped, query: Body<Query>) -> Result<Held<Explained>, Failure> {
    let (queries, room) = asked(&scoped, vec![query.freed()]).await?;
    let (found, explain) = scoped.storage.explain(&queries[0]).await?;
    let exact = explain.is_exact();
    let Some(of_scope) = explain.scopes.first() else {
        return Err(Failure::bug("nothing was searched"));
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
    let results = found.into_iter().map(Found::from).collect();
    Ok(Held(Explained { results, explain }, room))
}

/// Queries as they are made, with vectors for their texts and room for their results.
async fn asked(scoped: &Scoped, asked: Vec<Query>) -> Result<(Vec<VectorQuery>, Taken), Failure> {
    let texts: Vec<String> = asked.iter().filter_map(|query| query.text.clone()).collect();
    let mut vectors = scoped.embed(texts).await?.into_iter();
    let query = |query: Query| {
        let embedded = query.text.is_some().then(|| vectors.next()).flatten();
        query.query(embedded).map_err(Failure::refused)
    };
    let queries = asked.into_iter().map(query).collect::<Result<Vec<_>, _>>()?;
    let results: usize = queries.iter().map(|query| query.k).sum();
    if results > RESULTS_MAX {
        return Err(Failure::refused(format!("the `k` of all are together up to {RESULTS_MAX}")));
    }
    let bytes = |query: &VectorQuery| {
        let with = |is_wanted: bool, bytes: usize| if is_wanted { bytes } else { 0 };
        let texts = with(query.include_content || query.include_metadata, ENTRY_BYTES);
        let vector = with(query.include_vector, scoped.dimensions() * VALUE_BYTES);
        query.k * (RESULT_BYTES + texts + vector)
    };
    let room = scoped.room(queries.iter().map(bytes).sum()).await?;
    Ok((queries, room))
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
