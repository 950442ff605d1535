//! What a request may do, as a value: whoever has one was admitted, and can do no more with it.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::Deserialize;
use vicino::{Scope, ScopedVectorStorage};

use super::failure::Failure;
use super::host::Shared;
use super::room::Taken;

/// Everything.
pub(super) struct Everything(pub(super) Shared);

/// A scope of a collection.
pub(super) struct Scoped {
    pub(super) storage: ScopedVectorStorage,
    host: Shared,
    collection: String,
    dimensions: usize,
    is_text: bool,
}

/// The name of a collection, from the path.
#[derive(Deserialize, FromRequestParts, utoipa::IntoParams)]
#[from_request(via(Path), rejection(Failure))]
#[into_params(parameter_in = Path)]
pub(super) struct Named {
    pub(super) collection: String,
}

/// A scope of a collection.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct InScope {
    collection: String,
    /// `global`, or a kind and a name, as `tenant:acme`.
    #[param(value_type = String)]
    #[param(pattern = "^(global|(tenant|user|session|agent|tool|workflow|hook|custom):.+)$")]
    scope: Scope,
}

/// The id of an entry of a scope.
#[derive(Deserialize, FromRequestParts, utoipa::IntoParams)]
#[from_request(via(Path), rejection(Failure))]
#[into_params(parameter_in = Path)]
pub(super) struct Id {
    pub(super) id: String,
}

/// What stands behind the path.
#[derive(FromRequestParts)]
#[from_request(via(Query), rejection(Failure))]
pub(super) struct Parameters<T>(pub(super) T);

impl Scoped {
    /// Room for what an answer has of so many bytes.
    pub(super) async fn room(&self, bytes: usize) -> Result<Taken, Failure> {
        self.host.room.take(Some(self.storage.name().clone()), bytes).await
    }

    /// The values of a vector.
    pub(super) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// A vector for each text, in their order.
    pub(super) async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, Failure> {
        match (self.is_text, texts.is_empty()) {
            (_, true) => Ok(Vec::new()),
            (true, false) => self.host.embed(texts).await,
            (false, false) => Err(Failure::refused(format!(
                "{:?} is no collection of texts of the server's model; pass vectors",
                self.collection
            ))),
        }
    }
}

impl FromRequestParts<Shared> for Everything {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, host: &Shared) -> Result<Self, Failure> {
        host.access.admit(&parts.headers, None)?;
        Ok(Self(Arc::clone(host)))
    }
}

impl FromRequestParts<Shared> for Scoped {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, host: &Shared) -> Result<Self, Failure> {
        let Path(InScope { collection, scope }) = Path::from_request_parts(parts, host).await?;
        host.access.admit(&parts.headers, Some(&scope))?;
        let served = host.collection(&collection)?;
        let (dimensions, is_text) = (served.info.dimensions, served.is_text);
        let storage = served.storage.scope(&scope)?;
        Ok(Self { storage, dimensions, host: Arc::clone(host), collection, is_text })
    }
}

/// How many a page has, unless it is said.
pub(super) fn limited(asked: Option<usize>, usual: usize, max: usize) -> Result<usize, Failure> {
    match asked.unwrap_or(usual) {
        limit if (1..=max).contains(&limit) => Ok(limit),
        _ => Err(Failure::refused(format!("`limit` is 1 to {max}"))),
    }
}
