//! Why there is no configuration.

use std::io;
use std::path::PathBuf;

use super::Problem;
use crate::plural::counted;

/// Why a configuration file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no such file.
    #[error("configuration file `{}` does not exist", path.display())]
    NotFound {
        /// Its path.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("configuration file `{}` cannot be read", path.display())]
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is not UTF-8 text.
    #[error("configuration file `{}` is not UTF-8 text", path.display())]
    NotText {
        /// Its path.
        path: PathBuf,
    },
    /// The file declares a version of the format that this program does not know.
    #[error("configuration file `{}` has version {found}, and this program reads version {known}", path.display())]
    OtherVersion {
        /// Its path.
        path: PathBuf,
        /// The version as written.
        found: String,
        /// The version that is read.
        known: u32,
    },
    /// The file says something that cannot be meant.
    #[error(
        "configuration file `{}` has {}",
        path.display(),
        counted(problems.len() as u64, "problem", "problems")
    )]
    Problems {
        /// Its path.
        path: PathBuf,
        /// All that is wrong, in the order of the file; at least one.
        problems: Vec<Problem>,
    },
}

impl ConfigError {
    /// What the user can do about it.
    pub fn action(&self) -> String {
        match self {
            Self::NotFound { .. } => {
                "write one with `trailhouse init`, or name another with --config".to_owned()
            }
            Self::Unreadable { path, .. } => {
                format!("check that this user may read `{}`", path.display())
            }
            Self::NotText { .. } => "save it as UTF-8".to_owned(),
            Self::OtherVersion { known, .. } => format!(
                "use the trailhouse release that reads this version, or write `version = {known}` and mend what it then reports"
            ),
            Self::Problems { .. } => {
                "mend the file; `trailhouse schema config` explains every key".to_owned()
            }
        }
    }

    /// The single problems, where the file could be read.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Problems { problems, .. } => problems,
            _ => &[],
        }
    }
}
