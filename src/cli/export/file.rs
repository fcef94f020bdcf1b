//! Where an export goes: stdout, or a file that appears whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::cli::exit::ExitKind;
use crate::cli::failure::Failure;

/// Where an export goes.
pub(super) enum Destination {
    Stdout(io::Stdout),
    File(Unfinished),
}

/// A file under another name until it is whole. Dropped before, it is removed.
pub(super) struct Unfinished {
    file: File,
    beside: PathBuf,
    path: PathBuf,
    is_done: bool,
}

impl Destination {
    /// Opens it. A file that exists is only replaced with `force`.
    pub(super) fn open(path: Option<&Path>, force: bool) -> Result<Self, Failure> {
        let Some(path) = path else {
            return Ok(Self::Stdout(io::stdout()));
        };
        if !force && path.symlink_metadata().is_ok() {
            let happened = format!("{} exists", path.display());
            return Err(Failure::new(ExitKind::Usage, happened)
                .kept("it was not changed")
                .action("choose another name, or replace it with --force"));
        }
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}", std::process::id()));
        let beside = PathBuf::from(beside);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&beside);
        let file = file.map_err(|error| unwritten(Some(path), &error))?;
        Ok(Self::File(Unfinished {
            file,
            beside,
            path: path.to_owned(),
            is_done: false,
        }))
    }

    /// Gives a file its name: all of it has been written.
    pub(super) fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Stdout(_) => Ok(()),
            Self::File(mut unfinished) => {
                let named = unfinished
                    .file
                    .sync_all()
                    .and_then(|()| fs::rename(&unfinished.beside, &unfinished.path));
                unfinished.is_done = named.is_ok();
                named.map_err(|error| unwritten(Some(&unfinished.path), &error))
            }
        }
    }
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(stdout) => stdout.write(bytes),
            Self::File(unfinished) => unfinished.file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File(unfinished) => unfinished.file.flush(),
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_done {
            // Whether it can be removed changes nothing about why it is not whole.
            let _ = fs::remove_file(&self.beside);
        }
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
