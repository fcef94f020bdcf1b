//! Python environments with exactly the packages of one requirements file.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use crate::install::{folder, installed};
use crate::missing::Stop;

/// Accepted versions of Python, best first.
const VERSIONS: [&str; 3] = ["3.13", "3.12", "3.11"];

/// A virtual environment under `target/services`.
pub(crate) struct Environment {
    bin: PathBuf,
}

impl Environment {
    /// The environment of `requirements/<name>.txt`, installed unless an earlier run did so.
    pub(crate) fn new(name: &str) -> Result<Self, Stop> {
        let python = interpreter()?;
        let requirements = folder().join(format!("requirements/{name}.txt"));
        let content = [
            python.as_os_str().as_encoded_bytes(),
            &fs::read(&requirements)?,
        ];
        let root = installed(name, &content, |root| {
            // The interpreter's own pip fills the environment: installing a second pip in each one
            // takes longer than most of the packages.
            output(
                Command::new(python)
                    .args(["-m", "venv", "--without-pip"])
                    .arg(root),
            )?;
            output(
                Command::new(python)
                    .args(["-m", "pip", "--python"])
                    .arg(root.join("bin/python"))
                    .args(["install", "--quiet", "--no-input", "--no-compile"])
                    .args(["--disable-pip-version-check", "--only-binary", ":all:"])
                    .arg("--requirement")
                    .arg(&requirements),
            )
            .map_err(|why| format!("the Python packages of {name}.txt: {why}"))?;
            Ok(())
        })?;
        Ok(Self {
            bin: root.join("bin"),
        })
    }

    /// A program that one of the packages brought.
    pub(crate) fn program(&self, name: &str) -> Command {
        Command::new(self.bin.join(name))
    }

    /// A script of ours from `tests/services/python`, where it leaves no files.
    pub(crate) fn script(&self, name: &str) -> Command {
        let mut command = self.program("python");
        command
            .args(["-B", "-E", "-s", "-X", "utf8"])
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

/// The source tree.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
