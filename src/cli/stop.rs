//! When work is told to stop: at its deadline, or when somebody asks for it.

use std::time::Duration;

use tokio::sync::watch;

/// Tells whoever works to stop, when the deadline comes or somebody asks for it. Does not end.
pub(super) async fn stop_at(deadline: Duration, stop: watch::Sender<bool>) {
    tokio::select! {
        () = tokio::time::sleep(deadline) => {
            tracing::warn!("the deadline has come: finishing what is begun");
        }
        () = asked_to_stop() => {
            tracing::warn!("asked to stop: finishing what is begun");
        }
    }
    // Nobody listens any more where the work is done.
    let _ = stop.send(true);
    std::future::pending::<()>().await;
}

/// Returns when the process is asked to end.
pub(super) async fn asked_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
