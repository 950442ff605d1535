//! What comes with a request: JSON, of which it is known what it may become before it is read.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use axum::Json;
use axum::body::{Bytes, to_bytes};
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::{DeserializeOwned, Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use vicino::Scope;

use super::failure::Failure;
use super::host::Shared;
use super::room::Taken;

/// A body, and the room that it takes until the request is done.
pub(super) struct Body<T> {
    pub(super) value: T,
    _room: Option<Taken>,
}

/// An array of no more than so many, each of which may become much more than its text.
pub(super) struct UpTo<const MAX: usize, T>(pub(super) Vec<T>);

/// A body has no more bytes: some 4,000 vectors of 384 numbers.
const BYTES_MAX: usize = 16 << 20;

/// Smaller ones take no room, so that nobody waits for theirs: there are no more than connections.
const SMALL: usize = 64 << 10;

/// A number of one digit becomes sixteen times as large; most are longer.
const BECOMES: usize = 4;

/// An object takes some 650 bytes, whatever is in it: no body has more of them.
const OBJECTS_MAX: usize = 50_000;

/// A body is there after this time.
const TIME_MAX: Duration = Duration::from_secs(30);

impl<T: DeserializeOwned + Send + 'static> FromRequest<Shared> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, host: &Shared) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            let message = "pass JSON, and say so: `Content-Type: application/json`";
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Failure::new(status, "invalid_request", message));
        }
        let length = parts.headers.get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        let length: usize = length.unwrap_or(BYTES_MAX);
        if length > BYTES_MAX {
            return Err(too_large());
        }
        let mut room = None;
        if length > SMALL {
            #[derive(Deserialize)]
            struct Of {
                scope: Option<Scope>,
            }
            let Path(Of { scope }) = Path::from_request_parts(&mut parts, host).await?;
            room = Some(host.room.take(scope, BECOMES * length).await?);
        }
        let bytes = timeout(TIME_MAX, to_bytes(body, length)).await.map_err(|_| {
            let message = format!("the body was not there within {} s", TIME_MAX.as_secs());
            Failure::new(StatusCode::REQUEST_TIMEOUT, "timeout", message)
        })?;
        let bytes = bytes.map_err(|_| too_large())?;
        if let Some(room) = &mut room {
            room.shrink(BECOMES * bytes.len());
        }
        let value = match bytes.len() {
            ..=SMALL => parse(&bytes)?,
            // Others are not to wait for it.
            _ => spawn_blocking(move || parse(&bytes)).await.map_err(Failure::bug)??,
        };
        Ok(Self { value, _room: room })
    }
}

impl<T> Body<T> {
    /// The value without its room, for what takes more: nobody may wait for what he has himself.
    pub(super) fn freed(self) -> T {
        self.value
    }
}

fn parse<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, Failure> {
    if objects(bytes) > OBJECTS_MAX {
        return Err(Failure::refused(format!("a body has up to {OBJECTS_MAX} objects")));
    }
    let Json(value) =
        Json::from_bytes(bytes).map_err(|error: JsonRejection| Failure::from(error))?;
    Ok(value)
}

/// How many objects begin in JSON.
fn objects(json: &[u8]) -> usize {
    let (mut count, mut is_text, mut is_escaped) = (0, false, false);
    for byte in json {
        match (is_text, *byte) {
            _ if is_escaped => is_escaped = false,
            (true, b'\\') => is_escaped = true,
            (_, b'"') => is_text = !is_text,
            (false, b'{') => count += 1,
            _ => {}
        }
    }
    count
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

fn too_large() -> Failure {
    let message = format!("a body has up to {BYTES_MAX} bytes; send it in pieces");
    Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
}

impl<'de, const MAX: usize, T: Deserialize<'de>> Deserialize<'de> for UpTo<MAX, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Reader(PhantomData))
    }
}

struct Reader<const MAX: usize, T>(PhantomData<T>);

impl<'de, const MAX: usize, T: Deserialize<'de>> Visitor<'de> for Reader<MAX, T> {
    type Value = UpTo<MAX, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of up to {MAX}")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(element) = elements.next_element()? {
            if all.len() == MAX {
                return Err(A::Error::custom(format_args!("more than {MAX} in one array")));
            }
            all.push(element);
        }
        Ok(UpTo(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_counted_outside_of_texts() {
        assert_eq!(objects(br#"[{"a": {}}, "{", "\"{", "\\", {}]"#), 3);
    }
}
