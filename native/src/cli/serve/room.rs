//! Memory that requests share: what has come of them, what it becomes, and what they are answered.
//!
//! A scope may have a quarter of it at once, so that none keeps the others waiting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use vicino::Scope;

use super::failure::Failure;

/// Permits are for a KB each.
pub(super) struct Room {
    all: Arc<Semaphore>,
    shares: Mutex<HashMap<Option<Scope>, Weak<Semaphore>>>,
}

/// What a request has of it, until it is dropped.
pub(super) struct Taken {
    share: OwnedSemaphorePermit,
    all: OwnedSemaphorePermit,
}

/// JSON that takes its room until the last byte is sent.
pub(super) struct Held<T>(pub(super) T, pub(super) Taken);

const ALL_KB: usize = 256 << 10;

/// What one scope may have, and what is asked without one.
const SHARE_KB: usize = ALL_KB / 4;

/// A request waits so long for others.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Of more scopes it is looked which are still at it.
const SHARES_KEPT: usize = 1024;

impl Default for Room {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(ALL_KB)), shares: Mutex::default() }
    }
}

impl Room {
    /// Waits for room for so many bytes.
    pub(super) async fn take(&self, scope: Option<Scope>, bytes: usize) -> Result<Taken, Failure> {
        let kb = bytes.div_ceil(1 << 10);
        let Some(kb) = u32::try_from(kb).ok().filter(|_| kb <= SHARE_KB) else {
            let most = SHARE_KB >> 10;
            let message = format!("this may take over {most} MB of memory; ask for less at once");
            return Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message));
        };
        let share = self.share(scope);
        let taken = async {
            let share = share.acquire_many_owned(kb).await.ok()?;
            let all = Arc::clone(&self.all).acquire_many_owned(kb).await.ok()?;
            Some(Taken { share, all })
        };
        let taken = timeout(WAIT_MAX, taken).await.ok().flatten();
        taken.ok_or_else(|| {
            let message = "others take all the memory that there is for requests; try again";
            Failure::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
        })
    }

    fn share(&self, scope: Option<Scope>) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if shares.len() >= SHARES_KEPT {
            shares.retain(|_, share| share.strong_count() > 0);
        }
        let share = shares.entry(scope).or_default();
        share.upgrade().unwrap_or_else(|| {
            let new = Arc::new(Semaphore::new(SHARE_KB));
            *share = Arc::downgrade(&new);
            new
        })
    }
}

impl Taken {
    /// Gives back what is not needed of it.
    pub(super) fn shrink(&mut self, bytes: usize) {
        for permits in [&mut self.share, &mut self.all] {
            let rest = permits.num_permits().saturating_sub(bytes.div_ceil(1 << 10));
            drop(permits.split(rest));
        }
    }
}

impl<T: Serialize> IntoResponse for Held<T> {
    fn into_response(self) -> Response {
        struct Sent(Vec<u8>, #[expect(dead_code, reason = "dropped with the bytes")] Taken);
        impl AsRef<[u8]> for Sent {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }
        match serde_json::to_vec(&self.0) {
            Ok(json) => {
                let Self(_, mut room) = self;
                room.shrink(json.capacity());
                let body = Body::from(Bytes::from_owner(Sent(json, room)));
                ([(header::CONTENT_TYPE, "application/json")], body).into_response()
            }
            Err(error) => Failure::bug(error).into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_scope_that_takes_its_share_keeps_no_other_waiting() {
        let room = Room::default();
        let scope = |name: &str| Some(Scope::Tenant(name.to_owned()));
        let all = SHARE_KB << 10;
        let held = room.take(scope("greedy"), all).await.ok().unwrap();
        let busy = room.take(scope("greedy"), 1).await.err().unwrap();
        assert_eq!(busy.status, 503);
        for other in ["a", "b"] {
            assert!(room.take(scope(other), all).await.is_ok());
        }
        drop(held);
        assert!(room.take(scope("greedy"), all).await.is_ok());
        assert_eq!(room.take(None, all + 1).await.err().unwrap().status, 413);
    }

    #[tokio::test]
    async fn what_is_sent_takes_room_until_it_is_gone() {
        let room = Room::default();
        let taken = room.take(None, 1 << 20).await.ok().unwrap();
        let response = Held(vec![0; 2000], taken).into_response();
        assert_eq!(room.all.available_permits(), ALL_KB - 4, "some 4,001 bytes");
        drop(response);
        assert_eq!(room.all.available_permits(), ALL_KB);
    }
}
