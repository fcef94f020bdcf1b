//! Files that a command writes for a person: whole or not at all, and never over one that is there unless that is
//! asked for.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::exit::ExitKind;
use super::failure::Failure;

/// A file that has its name only once it is whole. Dropped before, nothing of it stays.
#[derive(Debug)]
pub(super) struct NewFile {
    file: File,
    /// The name until then.
    beside: PathBuf,
    path: PathBuf,
    force: bool,
    is_named: bool,
}

impl NewFile {
    /// Begins one. A file that exists is only replaced with `force`.
    ///
    /// # Errors
    /// As for [`refuse_existing`]; [`NewFileError::Io`] where nothing can be written there.
    pub(super) fn begin(path: &Path, force: bool) -> Result<Self, NewFileError> {
        if !force {
            refuse_existing(path).map_err(NewFileError::Exists)?;
        }
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}", std::process::id()));
        let beside = PathBuf::from(beside);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&beside)?;
        Ok(Self {
            file,
            beside,
            path: path.to_owned(),
            force,
            is_named: false,
        })
    }

    /// Gives it its name: all of it has been written.
    ///
    /// # Errors
    /// As for [`Self::begin`], of what happened meanwhile.
    pub(super) fn finish(mut self) -> Result<(), NewFileError> {
        self.file.sync_all()?;
        if !self.force {
            // Claims the name, so that a file that somebody made meanwhile is not replaced.
            let claimed = OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&self.path);
            claimed.map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => NewFileError::Exists(exists(&self.path)),
                _ => NewFileError::Io(error),
            })?;
        }
        let named = fs::rename(&self.beside, &self.path);
        self.is_named = named.is_ok();
        if named.is_err() && !self.force {
            // The claim is ours and empty.
            let _ = fs::remove_file(&self.path);
        }
        Ok(named?)
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_named {
            // Whether it can be removed changes nothing about why it is not whole.
            let _ = fs::remove_file(&self.beside);
        }
    }
}

/// Why there is no new file.
#[derive(Debug)]
pub(super) enum NewFileError {
    /// There is one of that name, and nobody asked to replace it.
    Exists(Failure),
    /// It cannot be written. What that means is known to the command.
    Io(io::Error),
}

impl From<io::Error> for NewFileError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Refuses a file that is there already, before work is done for it.
pub(super) fn refuse_existing(path: &Path) -> Result<(), Failure> {
    match path.symlink_metadata() {
        Ok(_) => Err(exists(path)),
        Err(_) => Ok(()),
    }
}

fn exists(path: &Path) -> Failure {
    Failure::new(
        ExitKind::Usage,
        format!("`{}` already exists", path.display()),
    )
    .kept("the existing file is unchanged, nothing was written")
    .action("name another file, or write over it with --force")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str, force: bool) -> Result<(), NewFileError> {
        let mut file = NewFile::begin(path, force)?;
        file.write_all(text.as_bytes())?;
        file.finish()
    }

    #[test]
    fn a_file_is_written_once_unless_it_is_forced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one");
        refuse_existing(&path).unwrap();
        write(&path, "first", false).unwrap();
        assert_eq!(refuse_existing(&path).unwrap_err().kind, ExitKind::Usage);
        let refused = write(&path, "second", false).unwrap_err();
        assert!(matches!(refused, NewFileError::Exists(_)), "{refused:?}");
        assert_eq!(fs::read(&path).unwrap(), b"first");
        write(&path, "third", true).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"third");
        let missing = folder.path().join("none").join("x");
        for force in [false, true] {
            let error = write(&missing, "x", force).unwrap_err();
            assert!(matches!(error, NewFileError::Io(_)), "{error:?}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn one_that_is_not_finished_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one");
        let mut file = NewFile::begin(&path, false).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn one_that_appeared_meanwhile_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one");
        let file = NewFile::begin(&path, false).unwrap();
        fs::write(&path, "theirs").unwrap();
        let refused = file.finish().unwrap_err();
        assert!(matches!(refused, NewFileError::Exists(_)), "{refused:?}");
        assert_eq!(fs::read(&path).unwrap(), b"theirs");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
