//! Serving a double: the listener, stopping, delays that end when it stops, and the `Date` header.

use crate::instant::http_date;
use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::serve::ListenerExt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long open requests may take after a stop before their connections are dropped.
const GRACE: Duration = Duration::from_secs(2);

/// Why a platform cannot serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Accepting connections failed for good.
    #[error("the demo platform stopped serving")]
    Serve(#[source] io::Error),
}

/// A platform being served. Dropping it stops the server as well, without waiting.
#[derive(Debug)]
pub struct Serving {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<io::Result<()>>,
}

impl Serving {
    /// Serves routes on a listener; they are given what tells them of a stop.
    pub(crate) fn start(
        listener: TcpListener,
        routes: impl FnOnce(Stopping) -> Router,
    ) -> Result<Self, ServeError> {
        let address = listener.local_addr().map_err(ServeError::Serve)?;
        let (stop, stopping) = watch::channel(false);
        let stopping = Stopping(stopping);
        let routes = routes(stopping.clone());
        // Without this, answers wait for the acknowledgement of their first packet.
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let served = axum::serve(listener, routes).with_graceful_shutdown(stopping.requested());
        let task = tokio::spawn(async move { served.await });
        Ok(Self {
            address,
            stop,
            task,
        })
    }

    /// The address bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL, as a source's `url`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops accepting, ends delays, lets open requests finish for a moment, and returns.
    ///
    /// # Errors
    /// Accepting connections had failed.
    pub async fn shutdown(mut self) -> Result<(), ServeError> {
        // Nobody listens any more where the server has already ended.
        let _ = self.stop.send(true);
        match tokio::time::timeout(GRACE, &mut self.task).await {
            Ok(Ok(served)) => served.map_err(ServeError::Serve),
            Ok(Err(_)) => Ok(()),
            Err(_) => {
                self.task.abort();
                Ok(())
            }
        }
    }

    /// Serves until `shutdown` resolves.
    ///
    /// # Errors
    /// Accepting connections failed.
    pub async fn until(mut self, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        tokio::select! {
            () = shutdown => self.shutdown().await,
            ended = &mut self.task => match ended {
                Ok(served) => served.map_err(ServeError::Serve),
                Err(_) => Ok(()),
            },
        }
    }
}

/// Listens on an address.
///
/// # Errors
/// The address cannot be listened on.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| ServeError::Listen { address, source })
}

/// Tells of a stop: resolves once the server was stopped or dropped.
#[derive(Debug, Clone)]
pub(crate) struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Waits for the stop.
    pub(crate) async fn requested(mut self) {
        // An error means that the sender is gone, which is a stop as well.
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    /// Waits, and no longer than until the stop.
    pub(crate) async fn pause(&self, by: Duration) {
        tokio::select! {
            () = tokio::time::sleep(by) => {}
            () = self.clone().requested() => {}
        }
    }
}

/// Sets the `Date` header to an instant, in nanoseconds since 1970.
pub(crate) fn date(response: &mut Response, now: i64) {
    if let Ok(date) = HeaderValue::from_str(&http_date(now)) {
        response.headers_mut().insert(header::DATE, date);
    }
}
