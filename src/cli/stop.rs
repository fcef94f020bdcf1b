//! When work is told to stop: at its deadline, or when somebody asks for it.
//!
//! Signals are heard by a thread of their own from the first line on, so that neither a prompt nor
//! a busy thread keeps them from being heard; and because a process with the id 1, as in a container,
//! would otherwise not even end at SIGTERM.

use std::process::exit;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::exit::ExitKind;
use super::failure::Failure;
use crate::stop::{GRACE, LAST_COMMIT, Stop};

/// What the process does when it is asked to stop for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AtFirst {
    /// It ends at once: nothing is under way.
    Exit,
    /// What is under way is dropped, and that is said.
    Drop,
    /// What was read is committed, within bounds.
    Commit,
}

impl AtFirst {
    /// When the process ends in any case.
    fn limit(self) -> Duration {
        match self {
            Self::Exit => Duration::ZERO,
            Self::Drop => GRACE,
            // The time to say how it ended.
            Self::Commit => LAST_COMMIT + GRACE,
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::Exit => 0,
            Self::Drop => 1,
            Self::Commit => 2,
        }
    }
}

static AT_FIRST: AtomicU8 = AtomicU8::new(AtFirst::Exit.number());
static SIGNAL: AtomicU8 = AtomicU8::new(0);
static INTERRUPTS_LEFT: AtomicBool = AtomicBool::new(false);

/// Whether Ctrl-C is for a program that this one has started, and nothing is done about it here.
#[cfg(feature = "query")]
pub(super) fn leave_interrupts(to_another: bool) {
    INTERRUPTS_LEFT.store(to_another, Ordering::SeqCst);
}

/// Says what the first request to stop does from now on, until the value is dropped.
pub(super) fn at_first(what: AtFirst) -> impl Drop {
    struct Back(u8);
    impl Drop for Back {
        fn drop(&mut self) {
            AT_FIRST.store(self.0, Ordering::SeqCst);
        }
    }
    Back(AT_FIRST.swap(what.number(), Ordering::SeqCst))
}

fn at_first_now() -> AtFirst {
    let number = AT_FIRST.load(Ordering::SeqCst);
    [AtFirst::Drop, AtFirst::Commit]
        .into_iter()
        .find(|it| it.number() == number)
        .unwrap_or(AtFirst::Exit)
}

/// Begins to hear signals.
#[cfg(unix)]
pub(super) fn listen() {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    // Where this fails the system's own way of ending processes stays in force.
    let Ok(runtime) = runtime else { return };
    let signals = {
        let _inside = runtime.enter();
        let terminate = signal(SignalKind::terminate());
        terminate.and_then(|terminate| Ok((terminate, signal(SignalKind::interrupt())?)))
    };
    let Ok((mut terminate, mut interrupt)) = signals else {
        return;
    };
    let hear = move || {
        runtime.block_on(async move {
            let mut next = async || {
                loop {
                    tokio::select! {
                        _ = terminate.recv() => return ExitKind::Terminated,
                        _ = interrupt.recv() => {
                            if !INTERRUPTS_LEFT.load(Ordering::SeqCst) {
                                return ExitKind::Interrupted;
                            }
                        }
                    }
                }
            };
            let first = next().await;
            SIGNAL.store(first.code(), Ordering::SeqCst);
            let at_first = at_first_now();
            if at_first == AtFirst::Exit {
                exit(first.code().into());
            }
            Stop::ask_process();
            match tokio::time::timeout(at_first.limit(), next()).await {
                Ok(second) => {
                    eprintln!(
                        "second request to stop: ended at once; what was committed is kept"
                    );
                    exit(second.code().into());
                }
                Err(_) => {
                    eprintln!(
                        "the current work did not end within {} s and was aborted; what was committed is kept",
                        at_first.limit().as_secs()
                    );
                    exit(first.code().into());
                }
            }
        });
    };
    // Without the thread the signals are caught and nobody hears them, but there is none to be had.
    let _ = std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(hear);
}

/// Elsewhere Ctrl-C ends the process.
#[cfg(not(unix))]
pub(super) fn listen() {}

/// Does something that is dropped when somebody asks to stop.
pub(super) async fn or_dropped<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let stop = Stop::of_process();
    stop.or_stopped(work).await.map_err(|stopped| {
        let kind = match SIGNAL.load(Ordering::SeqCst) {
            code if code == ExitKind::Interrupted.code() => ExitKind::Interrupted,
            _ => ExitKind::Terminated,
        };
        Failure::new(kind, format!("{stopped} before this was done"))
            .kept("everything committed so far")
            .action("run it again")
    })
}

/// Tells whoever works to stop, when the deadline comes or somebody asks for it. Does not end.
pub(super) async fn stop_at(deadline: Duration, stop: watch::Sender<bool>) {
    tokio::select! {
        () = tokio::time::sleep(deadline) => {
            tracing::warn!("deadline reached: finishing the current work");
        }
        () = asked_to_stop() => {
            tracing::warn!(
                "asked to stop: finishing the current work, for {} s at most; repeat to end at once",
                AtFirst::Commit.limit().as_secs()
            );
        }
    }
    // Nobody listens any more where the work is done.
    let _ = stop.send(true);
    std::future::pending::<()>().await;
}

/// Returns when the process is asked to end.
pub(super) async fn asked_to_stop() {
    Stop::of_process().asked().await;
}
