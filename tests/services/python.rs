//! Python environments with exactly the packages of one requirements file.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use crate::missing::Stop;

/// Accepted versions of Python, best first.
const VERSIONS: [&str; 3] = ["3.13", "3.12", "3.11"];

/// A virtual environment under `target/services`.
pub(crate) struct Environment {
    bin: PathBuf,
}

impl Environment {
    /// The environment of `requirements/<name>.txt`, installed unless an earlier run did so.
    ///
    /// Its folder is named after the Python and the content of the file. A lock lets tests and
    /// whole test runs share it, and a mark that is made last tells a complete installation from
    /// one that was cut short, which is done again.
    pub(crate) fn new(name: &str) -> Result<Self, Stop> {
        let python = interpreter()?;
        let requirements = folder().join(format!("requirements/{name}.txt"));
        let key = Sha256::new()
            .chain_update(python.as_os_str().as_encoded_bytes())
            .chain_update(fs::read(&requirements)?)
            .finalize();
        let key = hex::encode(&key[..6]);
        let parent = target().join("services");
        fs::create_dir_all(&parent)?;
        let root = parent.join(format!("{name}-{key}"));
        let bin = root.join("bin");

        let lock = File::create(root.with_extension("lock"))?;
        lock.lock()?;
        let complete = root.join("complete");
        if !complete.exists() {
            if root.exists() {
                fs::remove_dir_all(&root)?;
            }
            // The interpreter's own pip fills the environment: installing a second pip in each one
            // takes longer than most of the packages.
            output(
                Command::new(python)
                    .args(["-m", "venv", "--without-pip"])
                    .arg(&root),
            )
            .and_then(|_| {
                output(
                    Command::new(python)
                        .args(["-m", "pip", "--python"])
                        .arg(bin.join("python"))
                        .args(["install", "--quiet", "--no-input", "--no-compile"])
                        .args(["--disable-pip-version-check", "--only-binary", ":all:"])
                        .arg("--requirement")
                        .arg(&requirements),
                )
            })
            .map_err(|why| Stop::Missing(format!("the Python packages of {name}.txt: {why}")))?;
            File::create(complete)?;
        }
        Ok(Self { bin })
    }

    /// A program that one of the packages brought.
    pub(crate) fn program(&self, name: &str) -> Command {
        Command::new(self.bin.join(name))
    }

    /// A script of ours from `tests/services/python`.
    pub(crate) fn script(&self, name: &str) -> Command {
        let mut command = self.program("python");
        command
            .args(["-E", "-s", "-X", "utf8"])
            .arg(folder().join("python").join(name));
        command
    }
}

/// Runs a command to its end; an error is one line with the last words it printed.
pub(crate) fn output(command: &mut Command) -> Result<Output, String> {
    let program = command.get_program().display().to_string();
    let output = command
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rfind(|line| !line.trim().is_empty());
    Err(format!(
        "{program}: {}: {}",
        output.status,
        last.unwrap_or("nothing on stderr")
    ))
}

/// The path of a Python that can make environments and install into them.
fn interpreter() -> Result<&'static Path, Stop> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            VERSIONS.iter().find_map(|version| {
                candidates(version)
                    .into_iter()
                    .find_map(|candidate| real_path(&candidate, version))
            })
        })
        .as_deref()
        .ok_or_else(|| Stop::Missing(format!("Python {} with pip", VERSIONS.join(" or "))))
}

fn candidates(version: &str) -> Vec<PathBuf> {
    let mut candidates = vec![PathBuf::from(format!("python{version}"))];
    let pyenv = env::var_os("PYENV_ROOT")
        .map(PathBuf::from)
        .or_else(|| Some(env::home_dir()?.join(".pyenv")));
    let installed = pyenv.and_then(|root| fs::read_dir(root.join("versions")).ok());
    for entry in installed.into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.to_string_lossy().starts_with(&format!("{version}.")) {
            candidates.push(entry.path().join("bin/python"));
        }
    }
    candidates
}

/// Where the interpreter itself is, if it runs, is of the version and has what is needed. It has to
/// be asked: a name on the path may be a wrapper that refuses to start.
fn real_path(candidate: &Path, version: &str) -> Option<PathBuf> {
    let ask = "import pip, sys, venv; print('%d.%d' % sys.version_info[:2]); print(sys.executable)";
    let output = output(Command::new(candidate).args(["-c", ask])).ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    let (found, path) = said.trim_end().split_once('\n')?;
    (found == version).then(|| PathBuf::from(path))
}

/// `tests/services` in the source tree.
fn folder() -> PathBuf {
    repository().join("tests/services")
}

/// The source tree.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Cargo's target folder; its `tmp` is the only part that Cargo tells.
fn target() -> &'static Path {
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    tmp.parent().unwrap_or(tmp)
}
