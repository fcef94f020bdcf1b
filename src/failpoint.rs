//! Failpoints: places before and after each external effect where a test can kill the process.
//!
//! They exist in debug builds only and do nothing unless an environment variable asks.

/// Passes a failpoint. In a debug build with `TRAILHOUSE_FAILPOINT=<name>=<n>` the process aborts
/// at the nth passing of that name; with `TRAILHOUSE_FAILPOINT_LOG=<file>` every passing is
/// appended to the file as a line.
#[cfg(not(debug_assertions))]
#[inline]
pub(crate) fn hit(_name: &'static str) {}

#[cfg(debug_assertions)]
pub(crate) use armed::hit;

#[cfg(debug_assertions)]
mod armed {
    use std::io::Write as _;
    use std::sync::{LazyLock, Mutex};

    struct Armed {
        name: String,
        passings_left: Mutex<u32>,
    }

    static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| {
        let text = std::env::var("TRAILHOUSE_FAILPOINT").ok()?;
        let (name, count) = text.split_once('=').unwrap_or((&text, "1"));
        Some(Armed {
            name: name.to_owned(),
            passings_left: Mutex::new(count.parse().unwrap_or(1)),
        })
    });

    static LOG: LazyLock<Option<String>> =
        LazyLock::new(|| std::env::var("TRAILHOUSE_FAILPOINT_LOG").ok());

    pub(crate) fn hit(name: &'static str) {
        if let Some(path) = LOG.as_deref() {
            let log = std::fs::OpenOptions::new()
                .append(true)
                .create(true)
                .open(path);
            if let Ok(mut log) = log {
                // One write per line, so that lines of concurrent passings stay whole.
                let _ = log.write_all(format!("{name}\n").as_bytes());
            }
        }
        let Some(armed) = ARMED.as_ref().filter(|armed| armed.name == name) else {
            return;
        };
        let Ok(mut left) = armed.passings_left.lock() else {
            return;
        };
        *left = left.saturating_sub(1);
        if *left == 0 {
            std::process::abort();
        }
    }
}
