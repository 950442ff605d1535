//! Connections: as many at once as there may be, each given up where it says nothing.

use std::io;
use std::process::exit;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::ctrl_c;
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;

/// Others wait; each takes a file descriptor, of which there are often 1,024.
const CONNECTIONS_MAX: usize = 512;

/// A connection that has not asked for anything for so long is closed, and one that takes nothing
/// of what it is sent.
pub(super) const SILENT_MAX: Duration = Duration::from_secs(30);

/// What was begun at the end has this long to come to its own.
const ENDING_MAX: Duration = Duration::from_secs(5);

/// Answers what comes until the end, then what was begun.
pub(super) async fn serve(
    listener: TcpListener,
    service: Router,
    silent_max: Duration,
    end: impl Future<Output = ()>,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(silent_max);
    let graceful = GracefulShutdown::new();
    tokio::pin!(end);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &room) => accepted,
            () = &mut end => break,
        };
        let (stream, place) = match accepted {
            Ok(accepted) => accepted,
            // The client has gone already.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(error) => {
                // There are no more descriptors, say, and will be again.
                tracing::warn!(target: "vicino::serve", "{error}");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(service.clone());
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(silent_max));
        let connection = http.serve_connection(TokioIo::new(Box::pin(stream)), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            let _place = place;
            // It is the client that hung up, or said what is not HTTP.
            if let Err(error) = connection.await {
                tracing::debug!(target: "vicino::serve", "{error}");
            }
        });
    }
    drop(listener);
    if timeout(ENDING_MAX, graceful.shutdown()).await.is_err() {
        tracing::warn!(target: "vicino::serve", "some requests were not done");
    }
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    // Where the client has gone already it does not matter.
    let _ = stream.set_nodelay(true);
    Ok((stream, place))
}

/// Ends when the process is asked to; where it is asked again, the process ends at once. What was
/// written is on the disk all the same.
pub(super) fn interrupted() -> io::Result<impl Future<Output = ()>> {
    let mut asked = Asked::new()?;
    Ok(async move {
        asked.wait().await;
        tokio::spawn(async move {
            asked.wait().await;
            exit(130);
        });
    })
}

/// What asks a process to end.
struct Asked {
    #[cfg(unix)]
    terminate: Signal,
}

impl Asked {
    fn new() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn wait(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = ctrl_c() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = ctrl_c().await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Clients that ask and never listen, and those that never say what they want, are given up.
    #[tokio::test]
    async fn who_does_not_read_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let large = || async { "x".repeat(1 << 20) };
        let service = Router::new().route("/", axum::routing::get(large));
        let serving = serve(listener, service, SECOND / 5, std::future::pending());
        let serving = tokio::spawn(serving);
        let mut deaf = TcpStream::connect(address).await.unwrap();
        let requests = "GET / HTTP/1.1\r\nhost: a\r\n\r\n".repeat(50);
        deaf.write_all(requests.as_bytes()).await.unwrap();
        let closed = async { while deaf.write_all(b"\r\n").await.is_ok() {} };
        timeout(60 * SECOND, closed).await.expect("who asks and does not listen");

        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(b"GET / HTTP/1.1\r\nhost:").await.unwrap();
        let mut nothing = Vec::new();
        let closed = slow.read_to_end(&mut nothing);
        let _ = timeout(60 * SECOND, closed).await.expect("who does not say what he wants");
        serving.abort();
    }

    const SECOND: Duration = Duration::from_secs(1);
}
