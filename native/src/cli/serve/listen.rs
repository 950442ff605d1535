//! Connections: as many at once as there may be, each given up where it says nothing.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

/// Others wait; each takes a file descriptor, of which there are often 1,024.
const CONNECTIONS_MAX: usize = 512;

/// A connection that has not asked for anything for so long is closed.
const SILENT_MAX: Duration = Duration::from_secs(30);

/// What was begun at the end has this long to come to its own.
const ENDING_MAX: Duration = Duration::from_secs(5);

/// Answers what comes until the end, then what was begun.
pub(super) async fn serve(listener: TcpListener, service: Router, end: impl Future<Output = ()>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(SILENT_MAX);
    let graceful = GracefulShutdown::new();
    tokio::pin!(end);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &room) => accepted,
            () = &mut end => break,
        };
        let (stream, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // There are no more descriptors, say, and will be again.
                tracing::warn!(target: "vicino::serve", "{error}");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(service.clone());
        let connection = http.serve_connection(TokioIo::new(stream), service);
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
    stream.set_nodelay(true)?;
    Ok((stream, place))
}

/// Ends when the process is asked to.
pub(super) fn interrupted() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    })
}
