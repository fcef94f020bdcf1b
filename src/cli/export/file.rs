//! Where an export goes.

use std::io::{self, Write};
use std::path::Path;

use crate::cli::exit::ExitKind;
use crate::cli::failure::Failure;
use crate::cli::new_file::{NewFile, NewFileError};

/// Where an export goes.
pub(super) enum Destination {
    Stdout(io::Stdout),
    File(NewFile),
}

impl Destination {
    /// Opens it. A file that exists is only replaced with `force`.
    pub(super) fn open(path: Option<&Path>, force: bool) -> Result<Self, Failure> {
        let Some(path) = path else {
            return Ok(Self::Stdout(io::stdout()));
        };
        let file = NewFile::begin(path, force).map_err(|error| no_file(path, error))?;
        Ok(Self::File(file))
    }

    /// Gives a file its name: all of it has been written.
    pub(super) fn finish(self, path: Option<&Path>) -> Result<(), Failure> {
        match (self, path) {
            (Self::File(file), Some(path)) => file.finish().map_err(|error| no_file(path, error)),
            _ => Ok(()),
        }
    }
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(stdout) => stdout.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File(file) => file.flush(),
        }
    }
}

fn no_file(path: &Path, error: NewFileError) -> Failure {
    match error {
        NewFileError::Exists(failure) => failure,
        NewFileError::Io(error) => unwritten(Some(path), &error),
    }
}

/// The failure to write.
pub(super) fn unwritten(file: Option<&Path>, error: &io::Error) -> Failure {
    let place = file.map_or_else(|| "stdout".to_owned(), |path| path.display().to_string());
    let happened = format!("the events cannot be written to {place}");
    let mut failure = Failure::new(ExitKind::Destination, happened);
    failure.causes.push(error.to_string());
    failure
}
