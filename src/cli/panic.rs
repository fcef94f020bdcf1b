//! A panic is a bug. It ends with exit code 1 and a message that helps to report it; the panic's
//! own text may quote a record and is shown only where the user asks for it by RUST_BACKTRACE.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::sync::{Mutex, PoisonError};

use super::escape::escape;
use super::exit::ExitKind;
use super::failure::Failure;

/// Where the first panic of this process was.
static PLACE: Mutex<Option<String>> = Mutex::new(None);

/// Replaces the default message of a panic.
pub(super) fn install_hook() {
    std::panic::set_hook(Box::new(|info| {
        remember(info);
        let failure = failure();
        let mut text = format!("error: {}\n", failure.happened);
        if let Some(kept) = &failure.kept {
            text.push_str(&format!("  kept: {kept}\n"));
        }
        if let Some(action) = &failure.action {
            text.push_str(&format!("  do: {action}\n"));
        }
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            let payload = info.payload_as_str().unwrap_or("no message");
            text.push_str(&format!("  panic: {}\n{backtrace}\n", escape(payload)));
        }
        // Not between two frames of the progress bar: the panic may have come from there.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }));
}

fn remember(info: &PanicHookInfo<'_>) {
    let place = info
        .location()
        .map(|at| format!("{}:{}", at.file(), at.line()));
    let mut known = PLACE.lock().unwrap_or_else(PoisonError::into_inner);
    *known = known.take().or(place);
}

/// The panic as a failure.
pub(super) fn failure() -> Failure {
    let place = PLACE.lock().unwrap_or_else(PoisonError::into_inner);
    let place = place.as_deref().unwrap_or("an unknown place");
    Failure::new(
        ExitKind::Unforeseen,
        format!(
            "trailhouse {} failed at {place}: this is a bug",
            env!("CARGO_PKG_VERSION")
        ),
    )
    .kept("everything that was committed to the ledger; a rerun is safe")
    .action("report this message, with the output under RUST_BACKTRACE=1, to the maintainers of trailhouse")
}
