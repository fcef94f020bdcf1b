//! Errors of reading a configuration file.

use std::io;
use std::path::PathBuf;

use super::ConfigProblem;
use crate::plural::counted;
use crate::text::TextFault;

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
    #[error("configuration file `{}` {fault}", path.display())]
    NotText {
        /// Its path.
        path: PathBuf,
        /// What is wrong with its bytes.
        fault: TextFault,
    },
    /// The file is not TOML, so that nothing else can be checked.
    #[error(
        "configuration file `{}` has {}",
        path.display(),
        counted(problems.len() as u64, "syntax error", "syntax errors")
    )]
    Syntax {
        /// Its path.
        path: PathBuf,
        /// The lines that are not valid; at least one.
        problems: Vec<ConfigProblem>,
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
    /// Keys or values that are not valid.
    #[error(
        "configuration file `{}` has {}",
        path.display(),
        counted(problems.len() as u64, "problem", "problems")
    )]
    Problems {
        /// Its path.
        path: PathBuf,
        /// All that is wrong, in the order of the file; at least one.
        problems: Vec<ConfigProblem>,
    },
}

impl ConfigError {
    /// What the user can do about it.
    pub fn action(&self) -> String {
        match self {
            Self::NotFound { .. } => {
                "create it with `trailhouse init`, or name another file with --config".to_owned()
            }
            Self::Unreadable { path, .. } => {
                format!("check that this user can read `{}`", path.display())
            }
            Self::NotText { fault, .. } => fault.action().to_owned(),
            Self::Syntax { .. } => {
                "fix the syntax; keys and values are checked after that and may have problems too"
                    .to_owned()
            }
            Self::OtherVersion { known, .. } => format!(
                "use the trailhouse release that reads this version, or write `version = {known}` and fix what it then reports"
            ),
            Self::Problems { .. } => {
                "fix the file; `trailhouse schema config` explains every key".to_owned()
            }
        }
    }

    /// The single problems of a file that could be read.
    pub fn problems(&self) -> &[ConfigProblem] {
        match self {
            Self::Problems { problems, .. } | Self::Syntax { problems, .. } => problems,
            _ => &[],
        }
    }
}
