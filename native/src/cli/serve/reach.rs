//! What a request may do, as a value: whoever has one was admitted, and can do no more with it.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use vicino::{Scope, ScopedVectorStorage};

use super::failure::Failure;
use super::host::Shared;

/// Everything.
pub(super) struct Everything(pub(super) Shared);

/// A scope of a collection.
pub(super) struct Scoped {
    pub(super) storage: ScopedVectorStorage,
    host: Shared,
    collection: String,
    is_text: bool,
}

/// The name of a collection, from the path.
#[derive(Deserialize, utoipa::IntoParams)]
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
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct Id {
    pub(super) id: String,
}

/// What stands behind the path.
pub(super) struct Parameters<T>(pub(super) T);

impl Scoped {
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
        let (storage, is_text) = (served.scope(&scope)?, served.is_text);
        Ok(Self { storage, host: Arc::clone(host), collection, is_text })
    }
}

impl FromRequestParts<Shared> for Named {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, host: &Shared) -> Result<Self, Failure> {
        Ok(Path::from_request_parts(parts, host).await?.0)
    }
}

impl FromRequestParts<Shared> for Id {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, host: &Shared) -> Result<Self, Failure> {
        Ok(Path::from_request_parts(parts, host).await?.0)
    }
}

impl<T: DeserializeOwned> FromRequestParts<Shared> for Parameters<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, host: &Shared) -> Result<Self, Failure> {
        Ok(Self(Query::from_request_parts(parts, host).await?.0))
    }
}

/// How many a page has, unless it is said.
pub(super) fn limited(asked: Option<usize>, usual: usize, max: usize) -> Result<usize, Failure> {
    match asked.unwrap_or(usual) {
        limit if (1..=max).contains(&limit) => Ok(limit),
        _ => Err(Failure::refused(format!("`limit` is 1 to {max}"))),
    }
}
