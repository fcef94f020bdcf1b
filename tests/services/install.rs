//! Installations under `target/services` that tests and whole test runs share.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::missing::Stop;
use crate::python::repository;

/// The folder in which `install` has put what `content` asks for, unless an earlier run did so.
///
/// It is named after that content. A lock lets others wait for it, and a mark that is made last tells
/// a complete installation from one that was cut short, which is done again. What cannot be installed
/// is missing.
pub(crate) fn installed(
    name: &str,
    content: &[&[u8]],
    install: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<PathBuf, Stop> {
    let key = content.iter().fold(Sha256::new(), Digest::chain_update);
    let key = hex::encode(&key.finalize()[..6]);
    let parent = target().join("services");
    fs::create_dir_all(&parent)?;
    let root = parent.join(format!("{name}-{key}"));

    let lock = File::create(root.with_extension("lock"))?;
    lock.lock()?;
    let complete = root.join("complete");
    if !complete.exists() {
        if root.exists() {
            fs::remove_dir_all(&root)?;
        }
        install(&root).map_err(Stop::Missing)?;
        File::create(complete)?;
    }
    Ok(root)
}

/// `tests/services` in the source tree.
pub(crate) fn folder() -> PathBuf {
    repository().join("tests/services")
}

/// Cargo's target folder; its `tmp` is the only part that Cargo tells.
fn target() -> &'static Path {
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    tmp.parent().unwrap_or(tmp)
}
