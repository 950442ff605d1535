//! What comes with a request: JSON, in as much memory as there is for all requests together.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use serde::de::{DeserializeOwned, Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::failure::Failure;
use super::host::Host;

/// A body, and the room that it takes until the request is done.
pub(super) struct Body<T> {
    pub(super) value: T,
    _room: Option<OwnedSemaphorePermit>,
}

/// An array of no more than so many, each of which may become much more than its text.
pub(super) struct UpTo<const MAX: usize, T>(pub(super) Vec<T>);

/// A body has no more bytes: some 4,000 vectors of 384 numbers.
pub(super) const BYTES_MAX: usize = 16 << 20;

/// It is there after this time.
const TIME_MAX: Duration = Duration::from_secs(30);

impl<T: DeserializeOwned> FromRequest<Arc<Host>> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, host: &Arc<Host>) -> Result<Self, Failure> {
        let length = request.headers().get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        let kb = length.unwrap_or(BYTES_MAX).min(BYTES_MAX).div_ceil(1 << 10);
        let kb = u32::try_from(kb).unwrap_or(u32::MAX);
        let read = async {
            let room = Arc::clone(&host.room).acquire_many_owned(kb).await;
            let Json(value) = Json::<T>::from_request(request, host).await?;
            Ok(Self { value, _room: room.ok() })
        };
        timeout(TIME_MAX, read).await.unwrap_or_else(|_| {
            let message = format!("the body was not there within {} s", TIME_MAX.as_secs());
            Err(Failure::new(StatusCode::REQUEST_TIMEOUT, "timeout", message))
        })
    }
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
