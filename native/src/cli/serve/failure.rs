//! What went wrong, as a response.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::openapi::{ContentBuilder, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, PartialSchema, ToSchema};
use vicino::{Error, StoreError};

/// Why a request was not done, with its status. Nothing of it has happened, unless its code is
/// `in_doubt`.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    problem: Problem,
}

/// Why a request was not done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// A stable word for the kind of error.
    code: &'static str,
    /// What was expected and found, and what to do.
    message: String,
}

impl Failure {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, problem: Problem { code, message: message.into() } }
    }

    pub(super) fn refused(message: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message.to_string())
    }

    /// The same of one of several entries.
    pub(super) fn of(mut self, number: usize) -> Self {
        self.problem.message = format!("entry {number}: {}", self.problem.message);
        self
    }

    /// What should not happen.
    pub(super) fn bug(error: impl ToString) -> Self {
        tracing::error!(target: "vicino::serve", "{}", error.to_string());
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "panicked", "a bug; the server's log says more, please report it")
    }

    pub(super) fn unauthorized() -> Self {
        let message = "pass a token that the server knows as `Authorization: Bearer TOKEN`";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    pub(super) fn forbidden() -> Self {
        let message = "the token does not reach this; use the one of the scope";
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    pub(super) fn no_collection(name: &str) -> Self {
        let message = format!("there is no collection {name:?}; PUT /collections/{{collection}}");
        Self::new(StatusCode::NOT_FOUND, "unknown_collection", message)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let status = match &error {
            StoreError::Core(error) => refusal(error),
            StoreError::Mismatch { .. } => StatusCode::CONFLICT,
            StoreError::Dropped { .. } => StatusCode::NOT_FOUND,
            StoreError::Closed | StoreError::InDoubt { .. } => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let is_ours =
            matches!(status, StatusCode::INTERNAL_SERVER_ERROR | StatusCode::SERVICE_UNAVAILABLE);
        if !is_ours {
            return Self::new(status, error.code(), error.to_string());
        }
        // It names files of the server, which are nobody's business but its owner's.
        tracing::error!(target: "vicino::serve", code = error.code(), "{error}");
        Self::new(status, error.code(), "the store failed; the server's log says why")
    }
}

/// The status of what core refuses.
fn refusal(error: &Error) -> StatusCode {
    match error.code() {
        "unknown_id" => StatusCode::NOT_FOUND,
        "duplicate_id" | "write_conflict" => StatusCode::CONFLICT,
        "scope_mismatch" => StatusCode::FORBIDDEN,
        "scope_limit" | "memory_limit" | "too_many_entries" | "out_of_memory" => {
            StatusCode::INSUFFICIENT_STORAGE
        }
        "corrupt" | "unreadable" | "kernel_mismatch" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        StoreError::from(error).into()
    }
}

impl From<JsonRejection> for Failure {
    fn from(rejection: JsonRejection) -> Self {
        let status = match rejection.status() {
            StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
            status => status,
        };
        Self::new(status, "invalid_request", rejection.body_text())
    }
}

impl From<PathRejection> for Failure {
    fn from(rejection: PathRejection) -> Self {
        Self::new(rejection.status(), "invalid_request", rejection.body_text())
    }
}

impl From<QueryRejection> for Failure {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(rejection.status(), "invalid_request", rejection.body_text())
    }
}

/// What all requests may be answered with.
impl IntoResponses for Failure {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let problem = ContentBuilder::new().schema(Some(Problem::schema())).build();
        let response = ResponseBuilder::new()
            .description("It was not done; `code` is a stable word for why.")
            .content("application/json", problem)
            .build();
        BTreeMap::from([("default".to_owned(), response.into())])
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.problem)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}
