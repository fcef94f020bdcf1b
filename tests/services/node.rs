//! Programs of Node with exactly the packages of one lock file.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::install::{folder, installed};
use crate::missing::Stop;
use crate::python::output;

/// The oldest Node that is tried.
const OLDEST: u32 = 18;

/// Packages under `target/services`.
pub(crate) struct Packages {
    bin: PathBuf,
}

impl Packages {
    /// The packages of `requirements/<name>/package-lock.json`, installed unless an earlier run did so.
    /// No script of theirs runs while they are installed.
    pub(crate) fn new(name: &str) -> Result<Self, Stop> {
        let version = version().map_err(Stop::Missing)?;
        let requirements = folder().join("requirements").join(name);
        let files = ["package.json", "package-lock.json"];
        let content = files
            .iter()
            .map(|file| fs::read(requirements.join(file)))
            .collect::<Result<Vec<_>, _>>()?;
        let content = [version.as_bytes(), &content[0], &content[1]];
        let root = installed(name, &content, |root| {
            let copied = fs::create_dir_all(root).and_then(|()| {
                files.iter().try_for_each(|file| {
                    fs::copy(requirements.join(file), root.join(file)).map(drop)
                })
            });
            copied.map_err(|error| error.to_string())?;
            output(
                Command::new("npm")
                    .current_dir(root)
                    .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
                    .args(["--no-update-notifier", "--loglevel", "error"]),
            )
            .map_err(|why| format!("the Node packages of {name}: {why}"))?;
            Ok(())
        })?;
        Ok(Self {
            bin: root.join("node_modules/.bin"),
        })
    }

    /// A program that one of the packages brought.
    pub(crate) fn program(&self, name: &str) -> Command {
        Command::new(self.bin.join(name))
    }
}

/// What Node says its version is, where it is new enough and has npm beside it.
fn version() -> Result<String, String> {
    let missing = |why: String| format!("Node {OLDEST} or later with npm: {why}");
    output(Command::new("npm").arg("--version")).map_err(missing)?;
    let said = output(Command::new("node").arg("--version")).map_err(missing)?;
    let said = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    let major = said.trim_start_matches('v').split('.').next();
    let major = major.and_then(|major| major.parse::<u32>().ok());
    if major.is_some_and(|major| major >= OLDEST) {
        Ok(said)
    } else {
        Err(missing(format!("found {said}")))
    }
}
