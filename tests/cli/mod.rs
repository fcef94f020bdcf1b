//! The command line as users and scripts meet it: every help text, every message about a broken
//! configuration, exit codes, and what goes to which stream.

mod certificate;
mod clock;
mod config;
#[cfg(feature = "demo")]
mod demo;
#[cfg(feature = "demo")]
mod described;
#[cfg(all(feature = "demo", feature = "query"))]
mod export;
mod help;
#[cfg(feature = "demo")]
mod import;
mod init;
mod keygen;
mod names;
#[cfg(feature = "demo")]
mod output;
#[cfg(feature = "demo")]
mod past;
mod retention;
mod schema;
mod status;
mod streams;
mod unreachable;
#[cfg(all(feature = "demo", feature = "query"))]
mod views;

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The program, with nothing of this test's surroundings: no configuration, no colours, no terminal.
pub(crate) fn trailhouse(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailhouse"));
    command.current_dir(folder).stdin(Stdio::null());
    for name in ["TRAILHOUSE_CONFIG", "NO_COLOR", "COLUMNS", "RUST_BACKTRACE"] {
        command.env_remove(name);
    }
    command
}

/// What a command did, in one text: exit code, stdout, stderr.
pub(crate) fn told(output: &Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    format!(
        "exit code {}\n--- stdout\n{stdout}--- stderr\n{stderr}",
        code(output)
    )
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

/// The one JSON document on stdout, with nothing beside it.
pub(crate) fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
