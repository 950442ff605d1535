//! Entries, queries and results as JSON, with the words of the library: lines of files that are
//! imported and exported, and what the server and an agent are told.

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vicino::{Filter, Mmr, Object, Scope, TimeRange, VectorEntry, VectorQuery, VectorResult};

/// An entry. Times are milliseconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// Unique in its scope, 1 to 512 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    /// As many numbers as the collection has dimensions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) vector: Option<Vec<f32>>,
    /// What filters ask about.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    #[schema(value_type = Object)]
    pub(super) metadata: Object,
    /// The text that the vector stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<String>,
    /// Whom it belongs to: `global`, or a kind and a name, as `tenant:acme`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(super) scope: Option<Scope>,
    /// When it came; the time of the write unless it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) created_at: Option<i64>,
    /// When its vector or its metadata last changed; the time of the write unless it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) updated_at: Option<i64>,
    /// When what it is about happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) event_time: Option<i64>,
    /// From when on it does not exist any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expires_at: Option<i64>,
    /// How long it exists from the time of the write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ttl_ms: Option<i64>,
}

/// A search. What results are near to is said by one of `vector`, `text` and `id`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    /// As many numbers as the collection has dimensions.
    vector: Option<Vec<f32>>,
    /// Plain words, where the collection is of texts.
    pub(super) text: Option<String>,
    /// An entry of the scope, which is no result itself.
    id: Option<String>,
    /// How many results there are at most.
    #[serde(default = "ten")]
    #[schema(default = 10, maximum = 1000)]
    k: usize,
    /// Candidates that a walk keeps; what the collection was made with unless it is said.
    ef: Option<usize>,
    /// The recall to aim at, where it was measured what that takes. An `ef` goes before it.
    recall: Option<f64>,
    /// Compare with everything that matches.
    #[serde(default)]
    exact: bool,
    /// Leave out results with a lower score.
    threshold: Option<f32>,
    /// Leave out the first so many results.
    #[serde(default)]
    #[schema(default = 0, maximum = 1000)]
    offset: usize,
    /// Which entries are results: `{"type": "guide", "year": {"$gte": 2020}}`.
    #[schema(value_type = Option<Object>)]
    filter: Option<Filter>,
    event_time_range: Option<Range>,
    ingestion_time_range: Option<Range>,
    /// Leave out entries that have expired.
    #[serde(default = "yes")]
    #[schema(default = true)]
    exclude_expired: bool,
    #[serde(default = "yes")]
    #[schema(default = true)]
    include_metadata: bool,
    #[serde(default = "yes")]
    #[schema(default = true)]
    include_content: bool,
    #[serde(default)]
    include_vector: bool,
    mmr: Option<Relevance>,
}

/// From the first time that is in it to the first that no longer is, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Range {
    from: Option<i64>,
    to: Option<i64>,
}

/// Maximal marginal relevance: results that also differ from one another.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Relevance {
    /// 1 is the order of the scores, 0 is difference alone.
    lambda: f32,
    /// The candidates to choose from.
    #[schema(maximum = 1024)]
    fetch_k: usize,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct Found {
    id: String,
    /// Larger is better, whatever the metric.
    score: f32,
    /// The metric's own value: smaller is nearer.
    distance: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Object>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vector: Option<Vec<f32>>,
}

/// Results and those that are left out before them are together no more.
pub(super) const RESULTS_MAX: usize = 1000;

impl Entry {
    /// The entry that it says, of a scope unless it names its own. One without an id has an empty
    /// one.
    pub(super) fn entry(self, scope: &Scope) -> Result<VectorEntry> {
        let vector = self.vector.context("the entry has no `vector`")?;
        let mut entry = VectorEntry::new(self.id.unwrap_or_default(), vector)
            .with_scope(self.scope.unwrap_or_else(|| scope.clone()))
            .with_metadata(self.metadata);
        entry.content = self.content;
        (entry.created_at, entry.updated_at) = (self.created_at, self.updated_at);
        (entry.event_time, entry.expires_at) = (self.event_time, self.expires_at);
        entry.ttl_ms = self.ttl_ms;
        Ok(entry)
    }
}

impl From<VectorEntry> for Entry {
    fn from(entry: VectorEntry) -> Self {
        Self {
            id: Some(entry.id),
            vector: Some(entry.vector),
            metadata: entry.metadata,
            content: entry.content,
            scope: Some(entry.scope),
            created_at: entry.created_at,
            updated_at: entry.updated_at,
            event_time: entry.event_time,
            expires_at: entry.expires_at,
            ttl_ms: None,
        }
    }
}

impl Query {
    /// The query that it says; `embedded` is the vector of its text.
    pub(super) fn query(self, embedded: Option<Vec<f32>>) -> Result<VectorQuery> {
        let mut query = match (self.vector, embedded, self.id) {
            (Some(vector), None, None) | (None, Some(vector), None) => {
                VectorQuery::new(vector, self.k)
            }
            (None, None, Some(id)) => VectorQuery::like(id, self.k),
            _ => bail!("a query has one of `vector`, `text` and `id`"),
        };
        if self.k.saturating_add(self.offset) > RESULTS_MAX {
            bail!("`k` and `offset` are together up to {RESULTS_MAX}");
        }
        (query.ef, query.exact, query.threshold) = (self.ef, self.exact, self.threshold);
        (query.recall, query.offset, query.filter) = (self.recall, self.offset, self.filter);
        query.event_time_range = self.event_time_range.map(Into::into);
        query.ingestion_time_range = self.ingestion_time_range.map(Into::into);
        query.exclude_expired = self.exclude_expired;
        query.include_metadata = self.include_metadata;
        query.include_content = self.include_content;
        query.include_vector = self.include_vector;
        query.mmr = self.mmr.map(|Relevance { lambda, fetch_k }| Mmr { lambda, fetch_k });
        Ok(query)
    }
}

impl From<Range> for TimeRange {
    fn from(Range { from, to }: Range) -> Self {
        Self { from, to }
    }
}

impl From<VectorResult> for Found {
    fn from(result: VectorResult) -> Self {
        Self {
            id: result.key.id().to_owned(),
            score: result.score,
            distance: result.distance,
            metadata: result.metadata,
            content: result.content,
            vector: result.vector,
        }
    }
}

fn ten() -> usize {
    10
}

fn yes() -> bool {
    true
}
