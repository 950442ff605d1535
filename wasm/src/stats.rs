//! What a store tells of itself, with the names of JavaScript.

use serde::Serialize;
use vicino_core::{
    EmbeddingModel, Explain, Maintenance, MemoryStats, ScopeStats, Short, StorageStats, Way,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Memory {
    vectors: usize,
    graph: usize,
    records: usize,
    lookup: usize,
    fixed: usize,
}

fn memory(memory: &MemoryStats) -> Memory {
    let &MemoryStats { vectors, graph, records, lookup, fixed, .. } = memory;
    Memory { vectors, graph, records, lookup, fixed }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Store {
    scope_count: usize,
    dimensions: usize,
    vector_count: usize,
    tombstones: usize,
    memory: Memory,
    memory_mb: f64,
    query_count: u64,
}

pub(crate) fn store(stats: &StorageStats) -> Store {
    Store {
        scope_count: stats.scope_count,
        dimensions: stats.dimensions,
        vector_count: stats.vector_count,
        tombstones: stats.tombstones,
        memory: memory(&stats.memory),
        memory_mb: stats.memory.total() as f64 / 1e6,
        query_count: stats.query_count,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Scope {
    scope: vicino_core::Scope,
    vector_count: usize,
    tombstones: usize,
    memory: Memory,
    memory_mb: f64,
    query_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_write_at: Option<i64>,
}

pub(crate) fn scope(stats: &ScopeStats) -> Scope {
    Scope {
        scope: stats.scope.clone(),
        vector_count: stats.vector_count,
        tombstones: stats.tombstones,
        memory: memory(&stats.memory),
        memory_mb: stats.memory_mb,
        query_count: stats.query_count,
        created_at: stats.created_at,
        last_write_at: stats.last_write_at,
    }
}

#[derive(Serialize)]
pub(crate) struct Done {
    finished: bool,
    distances: u64,
    repaired: usize,
    freed: usize,
    purged: usize,
}

pub(crate) fn maintenance(done: &Maintenance) -> Done {
    let &Maintenance { finished, distances, repaired, freed, purged, .. } = done;
    Done { finished, distances, repaired, freed, purged }
}

#[derive(Serialize)]
pub(crate) struct Explained {
    exact: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    short: Option<&'static str>,
    scopes: Vec<ExplainedScope>,
}

#[derive(Serialize)]
struct ExplainedScope {
    scope: vicino_core::Scope,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Plan>,
    entries: usize,
    matches: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    ef: Option<usize>,
    distances: u64,
    hops: u64,
    rescored: u64,
}

#[derive(Serialize)]
struct Plan {
    began: &'static str,
    ended: &'static str,
}

pub(crate) fn explain(explain: &Explain) -> Explained {
    let scopes = explain.scopes.iter().map(|scope| ExplainedScope {
        scope: scope.scope.clone(),
        plan: scope.plan.map(|plan| Plan { began: way(plan.began), ended: way(plan.ended) }),
        entries: scope.entries,
        matches: scope.matches,
        ef: scope.ef,
        distances: scope.cost.distances,
        hops: scope.cost.hops,
        rescored: scope.cost.rescored,
    });
    let short = explain.short.map(|short| match short {
        Short::Threshold => "threshold",
        _ => "matches",
    });
    Explained { exact: explain.is_exact(), short, scopes: scopes.collect() }
}

fn way(way: Way) -> &'static str {
    match way {
        Way::Walk => "walk",
        Way::FilteredWalk => "filtered_walk",
        Way::TwoHop => "two_hop",
        _ => "scan",
    }
}

#[derive(Serialize)]
pub(crate) struct Model {
    name: &'static str,
    dimensions: usize,
    metric: vicino_core::DistanceMetric,
    normalized: bool,
}

/// The embedding models that are known.
pub(crate) fn models() -> Vec<Model> {
    let model = |info: &vicino_core::ModelInfo| Model {
        name: info.name,
        dimensions: info.dimensions,
        metric: info.metric,
        normalized: info.normalized,
    };
    EmbeddingModel::KNOWN.iter().map(model).collect()
}
