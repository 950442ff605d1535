//! What is asked about the entries of a scope.

use std::io;

use axum::Json;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vicino::{Filter, Object, VectorEntry};

use super::super::json::{Entry, RESULTS_MAX};
use super::Answer;
use super::body::{Body, UpTo};
use super::failure::Failure;
use super::host::Shared;
use super::reach::{Id, InScope, Parameters, Scoped, limited};

/// Entries of one request.
type Entries = Body<UpTo<10_000, Entry>>;

/// Metadata and content of an entry, and of what 1,000 results have of them, are to fit into
/// memory many times.
const ENTRY_BYTES: usize = 256 << 10;

/// Pages end where entries are larger together.
const PAGE_BYTES: usize = 8 << 20;

/// Entries that are read at a time.
const STEP: usize = 20;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, insert, upsert))
        .routes(routes!(get, delete_one))
        .routes(routes!(update_metadata, patch_metadata))
        .routes(routes!(delete))
        .routes(routes!(count))
}

/// The ids of entries that were written, in their order.
#[derive(Serialize, ToSchema)]
struct Written {
    ids: Vec<String>,
}

/// Entries in the order of their ids.
#[derive(Serialize, ToSchema)]
struct Page {
    entries: Vec<Entry>,
    /// What to pass as `after` for the next page; none where this was the last.
    next: Option<String>,
}

/// How many entries match.
#[derive(Serialize, ToSchema)]
struct Count {
    count: usize,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listed {
    /// Only entries behind this id.
    after: Option<String>,
    /// How many at most.
    #[param(default = 100, minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// Only entries whose metadata match, as JSON.
    filter: Option<String>,
}

/// Entries by their ids, or those that match.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    ids: Option<Vec<String>>,
    #[schema(value_type = Option<Object>)]
    filter: Option<Filter>,
}

/// How many entries were deleted.
#[derive(Serialize, ToSchema)]
pub(super) struct Deleted {
    pub(super) deleted: usize,
}

/// Which entries are counted; all unless it is said.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Counted {
    #[schema(value_type = Option<Object>)]
    filter: Option<Filter>,
}

/// List entries in the order of their ids
#[utoipa::path(
    get, path = "/collections/{collection}/scopes/{scope}/entries", tag = "entries",
    params(InScope, Listed),
    responses((status = 200, description = "A page of them.", body = Page), Failure),
)]
async fn list(scoped: Scoped, Parameters(listed): Parameters<Listed>) -> Answer<Page> {
    let Listed { mut after, limit, filter } = listed;
    let limit = limited(limit, 100, RESULTS_MAX)?;
    let filter = filter.map(|filter| serde_json::from_str::<Filter>(&filter)).transpose();
    let filter = filter.map_err(Failure::refused)?;
    let (mut entries, mut bytes) = (Vec::new(), 0);
    loop {
        let step = STEP.min(limit - entries.len());
        let page = scoped.storage.list(filter.as_ref(), after.as_deref(), step).await?;
        bytes += page.entries.iter().map(size).sum::<usize>();
        entries.extend(page.entries.into_iter().map(Entry::from));
        after = page.next;
        if after.is_none() || entries.len() == limit || bytes >= PAGE_BYTES {
            return Ok(Json(Page { entries, next: after }));
        }
    }
}

/// Insert entries
///
/// All of them or none. One without an id gets a UUID; one whose id is there is an error. In a
/// collection of texts, one without a vector stands for its content.
#[utoipa::path(
    post, path = "/collections/{collection}/scopes/{scope}/entries", tag = "entries",
    params(InScope),
    request_body = Vec<Entry>,
    responses((status = 200, description = "They are on the disk.", body = Written), Failure),
)]
async fn insert(scoped: Scoped, new: Entries) -> Answer<Written> {
    let entries = entries(&scoped, new.value.0).await?;
    let keys = scoped.storage.insert(entries).await?;
    Ok(Json(Written { ids: keys.iter().map(|key| key.id().to_owned()).collect() }))
}

/// Insert entries, in the place of those that have the same ids
///
/// All of them or none.
#[utoipa::path(
    put, path = "/collections/{collection}/scopes/{scope}/entries", tag = "entries",
    params(InScope),
    request_body = Vec<Entry>,
    responses((status = 200, description = "They are on the disk.", body = Written), Failure),
)]
async fn upsert(scoped: Scoped, new: Entries) -> Answer<Written> {
    let entries = entries(&scoped, new.value.0).await?;
    let keys = scoped.storage.upsert(entries).await?;
    Ok(Json(Written { ids: keys.iter().map(|key| key.id().to_owned()).collect() }))
}

/// Get an entry
#[utoipa::path(
    get, path = "/collections/{collection}/scopes/{scope}/entries/{id}", tag = "entries",
    params(InScope, Id),
    responses((status = 200, description = "The entry.", body = Entry), Failure),
)]
async fn get(scoped: Scoped, Id { id }: Id) -> Answer<Entry> {
    let entry = scoped.storage.get(&*id).await?;
    entry.map(|entry| Json(entry.into())).ok_or_else(|| unknown(&id))
}

/// Delete an entry
#[utoipa::path(
    delete, path = "/collections/{collection}/scopes/{scope}/entries/{id}", tag = "entries",
    params(InScope, Id),
    responses((status = 200, description = "How many there were.", body = Deleted), Failure),
)]
async fn delete_one(scoped: Scoped, Id { id }: Id) -> Answer<Deleted> {
    match scoped.storage.delete([&*id]).await? {
        0 => Err(unknown(&id)),
        deleted => Ok(Json(Deleted { deleted })),
    }
}

/// Put other metadata in the place of an entry's
#[utoipa::path(
    put, path = "/collections/{collection}/scopes/{scope}/entries/{id}/metadata", tag = "entries",
    params(InScope, Id),
    request_body = Object,
    responses((status = 204, description = "It is done."), Failure),
)]
async fn update_metadata(
    scoped: Scoped,
    Id { id }: Id,
    metadata: Body<Object>,
) -> Result<StatusCode, Failure> {
    scoped.storage.update_metadata(&*id, metadata.value).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Merge metadata into an entry's (RFC 7396)
#[utoipa::path(
    patch, path = "/collections/{collection}/scopes/{scope}/entries/{id}/metadata",
    tag = "entries",
    params(InScope, Id),
    request_body = Object,
    responses((status = 204, description = "It is done."), Failure),
)]
async fn patch_metadata(
    scoped: Scoped,
    Id { id }: Id,
    patch: Body<Object>,
) -> Result<StatusCode, Failure> {
    scoped.storage.patch_metadata(&*id, patch.value).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Delete entries by their ids, or those that match a filter
#[utoipa::path(
    post, path = "/collections/{collection}/scopes/{scope}/delete", tag = "entries",
    params(InScope),
    request_body = Which,
    responses((status = 200, description = "How many there were.", body = Deleted), Failure),
)]
async fn delete(scoped: Scoped, which: Body<Which>) -> Answer<Deleted> {
    let deleted = match which.value {
        Which { ids: Some(ids), filter: None } => scoped.storage.delete(ids).await?,
        Which { ids: None, filter: Some(filter) } => scoped.storage.delete_where(&filter).await?,
        _ => return Err(Failure::refused("either `ids` or `filter` says which")),
    };
    Ok(Json(Deleted { deleted }))
}

/// Count the entries that match
#[utoipa::path(
    post, path = "/collections/{collection}/scopes/{scope}/count", tag = "entries",
    params(InScope),
    request_body = Counted,
    responses((status = 200, description = "How many match.", body = Count), Failure),
)]
async fn count(scoped: Scoped, counted: Body<Counted>) -> Answer<Count> {
    Ok(Json(Count { count: scoped.storage.count(counted.value.filter.as_ref()).await? }))
}

/// Entries of a scope as they are to be written.
async fn entries(scoped: &Scoped, mut new: Vec<Entry>) -> Result<Vec<VectorEntry>, Failure> {
    let texts = new.iter().filter(|entry| entry.vector.is_none());
    let texts: Vec<String> = texts.filter_map(|entry| entry.content.clone()).collect();
    let mut vectors = scoped.embed(texts).await?.into_iter();
    let own = scoped.storage.name();
    let entry = |(number, entry): (usize, &mut Entry)| {
        let mut entry = std::mem::take(entry);
        if entry.vector.is_none() && entry.content.is_some() {
            entry.vector = vectors.next();
        }
        if entry.scope.as_ref().is_some_and(|scope| scope != own) {
            return Err(Failure::forbidden());
        }
        let refused =
            |said: &dyn std::fmt::Display| Failure::refused(format!("entry {number}: {said}"));
        let entry = entry.entry(own).map_err(|error| refused(&error))?;
        match size(&entry) {
            ..=ENTRY_BYTES => Ok(entry),
            _ => Err(refused(&format_args!("content and metadata are over {ENTRY_BYTES} bytes"))),
        }
    };
    new.iter_mut().enumerate().map(entry).collect()
}

/// About the bytes of what an entry has besides its vector.
fn size(entry: &VectorEntry) -> usize {
    struct Counter(usize);
    impl io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut metadata = Counter(0);
    // A map of values that JSON has can be written.
    let _ = serde_json::to_writer(&mut metadata, &entry.metadata);
    metadata.0 + entry.content.as_ref().map_or(0, String::len)
}

fn unknown(id: &str) -> Failure {
    Failure::new(StatusCode::NOT_FOUND, "unknown_id", format!("no entry of the scope is {id:?}"))
}
