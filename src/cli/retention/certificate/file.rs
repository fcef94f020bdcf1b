//! Certificates on disk.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

use crate::cli::exit::ExitKind;
use crate::cli::failure::Failure;
use crate::cli::key_file::unwritable;
use crate::cli::new_file::{NewFile, NewFileError};
use crate::ledger::note;

/// No certificate is longer, since none is written.
const MOST_BYTES: u64 = note::MAX_BYTES;

/// Writes a certificate to a new file; to one that exists only with `force`.
pub(super) fn write(path: &Path, note: &str, force: bool) -> Result<(), Failure> {
    let written = NewFile::begin(path, force).and_then(|mut file| {
        file.write_all(note.as_bytes())?;
        file.finish()
    });
    written.map_err(|error| match error {
        NewFileError::Exists(failure) => failure,
        NewFileError::Io(error) => unwritable(path, &error),
    })
}

/// Reads what may be a certificate.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |why: String| {
        let happened = format!("`{}` cannot be read: {why}", path.display());
        Failure::new(ExitKind::Usage, happened)
            .action("name a file that `trailhouse retention certificate` wrote")
    };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(error.to_string()))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(unreadable(
            "it is longer than any certificate is".to_owned(),
        ));
    }
    Ok(bytes)
}
