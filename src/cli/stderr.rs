//! Standard error, which bars of progress, the log and failures share: what is written while a bar stands there
//! comes between two frames of it.

use std::io::{self, Write};
use std::sync::OnceLock;

use indicatif::{MultiProgress, ProgressBar};

/// The bars of this process.
static BARS: OnceLock<MultiProgress> = OnceLock::new();

/// Has a bar drawn below those that stand there.
pub(super) fn add_bar(bar: ProgressBar) -> ProgressBar {
    BARS.get_or_init(MultiProgress::new).add(bar)
}

/// Draws a bar no more.
pub(super) fn remove_bar(bar: &ProgressBar) {
    if let Some(bars) = BARS.get() {
        bars.remove(bar);
    }
}

/// Writes to stderr between two frames. Where stderr is closed there is nobody left to tell.
pub(super) fn to_stderr(text: &str) {
    let write = || {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    };
    match BARS.get() {
        Some(bars) => bars.suspend(write),
        None => write(),
    }
}
