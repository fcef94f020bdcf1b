//! Certificates on disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::cli::exit::ExitKind;
use crate::cli::failure::Failure;
use crate::cli::key_file::unwritable;
use crate::ledger::note;

/// No certificate is longer, since none is written.
const MOST_BYTES: u64 = note::MAX_BYTES;

/// Refuses a file that is there already.
pub(super) fn refuse_existing(path: &Path) -> Result<(), Failure> {
    match path.symlink_metadata() {
        Ok(_) => Err(exists(path)),
        Err(_) => Ok(()),
    }
}

/// Writes a certificate to a new file; to one that exists only with `force`, and then all of it or
/// nothing.
pub(super) fn write(path: &Path, note: &str, force: bool) -> Result<(), Failure> {
    let target = match force {
        true => beside(path),
        false => path.to_owned(),
    };
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&target)
        .and_then(|mut file| {
            let done = file
                .write_all(note.as_bytes())
                .and_then(|()| file.sync_all())
                .and_then(|()| match force {
                    true => fs::rename(&target, path),
                    false => Ok(()),
                });
            if done.is_err() {
                let _ = fs::remove_file(&target);
            }
            done
        });
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists if !force => exists(path),
        _ => unwritable(path, &error),
    })
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    name.into()
}

fn exists(path: &Path) -> Failure {
    Failure::new(
        ExitKind::Usage,
        format!("`{}` already exists", path.display()),
    )
    .kept("the existing file is unchanged, nothing was written")
    .action("name another file, or write over it with --force")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_once_unless_it_is_forced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.certificate");
        refuse_existing(&path).unwrap();
        write(&path, "first", false).unwrap();
        assert_eq!(refuse_existing(&path).unwrap_err().kind, ExitKind::Usage);
        let refused = write(&path, "second", false).unwrap_err();
        assert!(refused.happened.contains("already exists"));
        assert_eq!(read(&path).unwrap(), b"first");
        write(&path, "third", true).unwrap();
        assert_eq!(read(&path).unwrap(), b"third");
        let missing = folder.path().join("none").join("x");
        write(&missing, "x", false).unwrap_err();
        write(&missing, "x", true).unwrap_err();
        read(&missing).unwrap_err();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
