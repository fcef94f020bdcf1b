//! What to do about a directory that cannot be a bucket.

use std::io::{Error, ErrorKind};
use std::path::Path;

use super::error::OpenError;
use super::purpose::StorePurpose;

/// The error about a directory that could not be read or created.
pub(super) fn unusable(purpose: StorePurpose, path: &Path, error: &Error) -> OpenError {
    OpenError::Directory {
        path: path.to_owned(),
        said: error.to_string(),
        action: match purpose {
            StorePurpose::Lake | StorePurpose::Staging => action(path, error.kind()),
            StorePurpose::Source => action_for_reading(path),
        },
    }
}

/// What to do about a directory that others fill.
fn action_for_reading(path: &Path) -> String {
    match path.exists() {
        true => format!(
            "name a directory in `url` that this user may list and read, with all it holds: {}",
            quoted(path)
        ),
        false => "fix `url`: the records of the source are in no such directory".to_owned(),
    }
}

fn action(path: &Path, kind: ErrorKind) -> String {
    if path.is_file() {
        return format!("`{}` is a file; name a directory in `url`", path.display());
    }
    let above = path.ancestors().skip(1);
    let existing = above.into_iter().find(|above| above.exists());
    match (kind, existing) {
        (ErrorKind::NotFound, Some(parent)) if can_write(parent) => {
            format!("create it: mkdir -p {}, or fix `url`", quoted(path))
        }
        (ErrorKind::NotFound | ErrorKind::PermissionDenied, Some(parent)) if !path.exists() => {
            format!(
                "this user cannot create it in {}: run mkdir -p {} as a user who can, and make this \
                 user its owner",
                parent.display(),
                quoted(path)
            )
        }
        (ErrorKind::NotADirectory, Some(parent)) => {
            format!(
                "`{}` is a file; name a directory in `url`",
                parent.display()
            )
        }
        _ => format!(
            "grant this user permission to list, read and write {}",
            quoted(path)
        ),
    }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%=:,".contains(c);
    if text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(target_os = "linux")]
fn can_write(directory: &Path) -> bool {
    use rustix::fs::{Access, access};
    directory.is_dir() && access(directory, Access::WRITE_OK).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn can_write(directory: &Path) -> bool {
    directory.is_dir()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_command_that_helps_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();
        let root = folder.path().display();
        for (path, kind, wanted) in [
            (
                "a/lake",
                ErrorKind::NotFound,
                format!("create it: mkdir -p {root}/a/lake, or fix `url`"),
            ),
            (
                "my lake",
                ErrorKind::NotFound,
                format!("create it: mkdir -p '{root}/my lake', or fix `url`"),
            ),
            (
                "file",
                ErrorKind::NotADirectory,
                format!("`{root}/file` is a file; name a directory in `url`"),
            ),
            (
                "file/lake",
                ErrorKind::NotADirectory,
                format!("`{root}/file` is a file; name a directory in `url`"),
            ),
            (
                "",
                ErrorKind::PermissionDenied,
                format!("grant this user permission to list, read and write {root}/"),
            ),
        ] {
            assert_eq!(action(&folder.path().join(path), kind), wanted);
        }
    }

    /// Nobody makes a directory that others should have filled.
    #[test]
    fn a_directory_of_a_source_is_only_read() {
        let folder = tempfile::tempdir().unwrap();
        let absent = action_for_reading(&folder.path().join("absent"));
        assert!(absent.starts_with("fix `url`"), "{absent}");
        let there = action_for_reading(folder.path());
        assert!(there.contains("list and read"), "{there}");
    }

    #[test]
    fn who_cannot_write_is_told_so() {
        let path = Path::new("/proc/sys/lake");
        let action = action(path, ErrorKind::NotFound);
        assert!(action.contains("mkdir -p /proc/sys/lake"), "{action}");
    }
}
