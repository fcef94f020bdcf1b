//! Keys on disk: a private key in one file that only its owner may read, its verifier key in
//! another beside it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;

use super::exit::ExitKind;
use super::failure::Failure;
use crate::ledger::key::{KeyError, SigningKey, VerifierKey};
use crate::text::{self, TextKind};

/// The file of the verifier key that belongs to a key file: the same name and `.pub`.
pub(super) fn public_path(private: &Path) -> PathBuf {
    let mut path = private.as_os_str().to_owned();
    path.push(".pub");
    path.into()
}

/// Makes a key and writes both files.
///
/// A file that exists is never written over: a key that has signed a ledger cannot be recreated.
pub(super) fn create(name: &str, private: &Path) -> Result<SigningKey, Failure> {
    let public = public_path(private);
    for path in [private, &public] {
        if path.symlink_metadata().is_ok() {
            return Err(exists(path));
        }
    }
    let key = SigningKey::generate(name).map_err(|error| {
        Failure::from_error(ExitKind::Usage, &error).kept("nothing was written")
    })?;
    write_secret(private, key.to_note_private().expose_secret())?;
    if let Err(failure) = write_new(&public, &key.verifier().to_string(), false) {
        // A private key without its verifier key is of no use, and this one has signed nothing yet.
        let _ = fs::remove_file(private);
        return Err(failure);
    }
    Ok(key)
}

/// Writes the verifier key beside a private key that exists, where it is missing.
pub(super) fn complete(key: &SigningKey, private: &Path) -> Result<(), Failure> {
    let public = public_path(private);
    match public.symlink_metadata() {
        Ok(_) => Ok(()),
        Err(_) => write_new(&public, &key.verifier().to_string(), false),
    }
}

/// Reads a verifier key that is named on the command line.
pub(super) fn read_public(file: &Path) -> Result<VerifierKey, Failure> {
    let unusable = |why: String| {
        let file = file.display();
        Failure::new(
            ExitKind::Usage,
            format!("{file} cannot be used as a verifier key: {why}"),
        )
        .action("give the .pub file that `trailhouse keygen` or `init` wrote")
    };
    let bytes = fs::read(file).map_err(|error| unusable(error.to_string()))?;
    text::clean(&bytes, TextKind::Key)
        .map_err(|fault| unusable(format!("it {fault}")))?
        .parse()
        .map_err(|error: KeyError| unusable(error.to_string()))
}

/// Writes a secret of one line into a new file that only its owner may read.
pub(super) fn write_secret(path: &Path, line: &str) -> Result<(), Failure> {
    write_new(path, line, true)
}

fn write_new(path: &Path, line: &str, private: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if private {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = private;
    let written = options.open(path).and_then(|mut file| {
        let done = writeln!(file, "{line}").and_then(|()| file.sync_all());
        if done.is_err() {
            let _ = fs::remove_file(path);
        }
        done
    });
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(path),
        _ => unwritable(path, &error),
    })
}

/// A file that is in the way.
fn exists(path: &Path) -> Failure {
    Failure::new(
        ExitKind::Usage,
        format!("`{}` already exists", path.display()),
    )
    .kept("the existing file is unchanged, nothing was written")
    .action("choose another file; keep a key as long as the lake that it signed")
}

/// A file that cannot be written.
pub(super) fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let mut failure = Failure::new(
        ExitKind::Usage,
        format!("`{}` cannot be written", path.display()),
    );
    failure.causes.push(error.to_string());
    failure.action("check that the folder exists and that this user can write there")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_written_once_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let private = folder.path().join("writer.key");
        let key = create("acme/writer", &private).unwrap();
        let written = fs::read_to_string(&private).unwrap();
        let again = SigningKey::parse(&written.clone().into()).unwrap();
        assert_eq!(again.verifier(), key.verifier());
        let public = fs::read_to_string(folder.path().join("writer.key.pub")).unwrap();
        assert_eq!(public.trim_end(), key.verifier().to_string());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = private.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let failure = create("acme/writer", &private).unwrap_err();
        assert_eq!(failure.kind, ExitKind::Usage);
        assert_eq!(fs::read_to_string(&private).unwrap(), written);
    }

    #[test]
    fn a_verifier_key_in_the_way_stops_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let private = folder.path().join("writer.key");
        fs::write(folder.path().join("writer.key.pub"), "other").unwrap();
        create("acme/writer", &private).unwrap_err();
        assert!(!private.exists());
    }
}
