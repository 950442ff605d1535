//! What is asked about the entries of a scope.

use std::io;

use axum::Json;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vicino::{EntryKey, Filter, Object, VectorEntry};

use super::super::json::{Entry, RESULTS_MAX};
use super::Answer;
use super::body::{Body, UpTo};
use super::failure::Failure;
use super::host::Shared;
use super::reach::{Id, InScope, Parameters, Scoped, limited};
use super::room::Held;

/// Entries of one request.
type Entries = Body<UpTo<10_000, Entry>>;

/// Metadata and content of an entry have together no more bytes, so that it is known what answers
/// may take.
pub(super) const ENTRY_BYTES: usize = 64 << 10;

/// What a number of a vector takes in an answer, and while it is made.
pub(super) const VALUE_BYTES: usize = 16;

/// What a page may take.
const PAGE_BYTES: usize = 16 << 20;

/// Parts of a page: what is read at once, what it has in the end, and both as text.
const STEPS: usize = 4;

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

impl From<Vec<EntryKey>> for Written {
    fn from(keys: Vec<EntryKey>) -> Self {
        Self { ids: keys.iter().map(|key| key.id().to_owned()).collect() }
    }
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
async fn list(
    scoped: Scoped,
    Parameters(listed): Parameters<Listed>,
) -> Result<Held<Page>, Failure> {
    let Listed { mut after, limit, filter } = listed;
    let limit = limited(limit, 100, RESULTS_MAX)?;
    let filter = filter.map(|filter| serde_json::from_str::<Filter>(&filter)).transpose();
    let filter = filter.map_err(Failure::refused)?;
    let step = PAGE_BYTES / STEPS / (ENTRY_BYTES + scoped.dimensions() * VALUE_BYTES);
    let room = scoped.room(PAGE_BYTES).await?;
    let (mut entries, mut bytes) = (Vec::new(), 0);
    loop {
        let step = step.clamp(1, limit - entries.len());
        let page = scoped.storage.list(filter.as_ref(), after.as_deref(), step).await?;
        bytes += page.entries.iter().map(size).sum::<usize>();
        bytes += page.entries.len() * scoped.dimensions() * VALUE_BYTES;
        entries.extend(page.entries.into_iter().map(Entry::from));
        after = page.next;
        if after.is_none() || entries.len() == limit || bytes >= PAGE_BYTES / STEPS {
            return Ok(Held(Page { entries, next: after }, room));
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
    Ok(Json(scoped.storage.insert(entries).await?.into()))
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
    Ok(Json(scoped.storage.upsert(entries).await?.into()))
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
    let entry = scoped.storage.get(&*id).await?.ok_or_else(|| unknown(&id))?;
    fits(entry.content.as_deref(), &[&metadata.value])?;
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
    let entry = scoped.storage.get(&*id).await?.ok_or_else(|| unknown(&id))?;
    fits(entry.content.as_deref(), &[&entry.metadata, &patch.value])?;
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
    let own = scoped.storage.name();
    for (number, entry) in new.iter().enumerate() {
        if entry.scope.as_ref().is_some_and(|scope| scope != own) {
            return Err(Failure::forbidden());
        }
        fits(entry.content.as_deref(), &[&entry.metadata]).map_err(|it| it.of(number))?;
    }
    let without = new.iter_mut().filter(|entry| entry.vector.is_none());
    let mut without: Vec<_> = without.filter(|entry| entry.content.is_some()).collect();
    let texts = without.iter().filter_map(|entry| entry.content.clone()).collect();
    for (entry, vector) in without.iter_mut().zip(scoped.embed(texts).await?) {
        entry.vector = Some(vector);
    }
    let entry = |(number, entry): (usize, Entry)| {
        entry.entry(own).map_err(|error| Failure::refused(error).of(number))
    };
    new.into_iter().enumerate().map(entry).collect()
}

/// Is an entry not too large?
fn fits(content: Option<&str>, metadata: &[&Object]) -> Result<(), Failure> {
    let bytes = metadata.iter().map(|object| bytes(object)).sum::<usize>();
    match bytes + content.map_or(0, str::len) {
        ..=ENTRY_BYTES => Ok(()),
        found => Err(Failure::refused(format!(
            "content and metadata have {found} bytes, and may have {ENTRY_BYTES}"
        ))),
    }
}

/// The bytes of what an entry has besides its vector.
fn size(entry: &VectorEntry) -> usize {
    bytes(&entry.metadata) + entry.content.as_ref().map_or(0, String::len)
}

/// The bytes of metadata as JSON.
fn bytes(metadata: &Object) -> usize {
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
    let mut bytes = Counter(0);
    // A map of values that JSON has can be written.
    let _ = serde_json::to_writer(&mut bytes, metadata);
    bytes.0
}

fn unknown(id: &str) -> Failure {
    Failure::new(StatusCode::NOT_FOUND, "unknown_id", format!("no entry of the scope is {id:?}"))
}
