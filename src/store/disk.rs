//! A bucket on a local file system, with commits that survive power loss.
//!
//! An object is written to a temporary file beside its place, flushed, and only then given its name:
//! by `link` where it must not exist yet (which fails if it does), by `rename` where it may be
//! replaced. Then the directory is flushed, and before, at the first write of a process, so is every
//! directory from the bucket's own down to it. Power loss between any two steps leaves the whole
//! object or nothing under its name.
//!
//! A temporary file is called `<name>#<20 digits>`. No listing shows such a name and no object can
//! have it. One that a crash left behind is removed by the first write of a later process into the
//! same directory, once it is older than a day; no write takes that long.

use std::collections::HashSet;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt as _, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result,
};

use crate::failpoint;

const STORE: &str = "file";
const LEFTOVER_AGE: Duration = Duration::from_secs(24 * 60 * 60);
const TEMPORARY_DIGITS: usize = 20;

/// An [`ObjectStore`] in a directory. Reads and lists like [`LocalFileSystem`] (lists in order of
/// name), writes as the module says. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct DiskStore {
    reader: LocalFileSystem,
    root: PathBuf,
    directories: Arc<Mutex<Directories>>,
}

#[derive(Debug, Default)]
struct Directories {
    /// Known to exist durably, down from the root.
    durable: HashSet<PathBuf>,
    /// Hold a new name that could not be flushed: nothing is read from them before they are.
    doubtful: HashSet<PathBuf>,
}

/// Makes the directory of a bucket, durably, with its parents. Nothing happens where it exists.
pub(super) fn create_root(root: &FilePath) -> io::Result<()> {
    if root.is_dir() {
        return Ok(());
    }
    if let Some(parent) = root.parent() {
        create_root(parent)?;
        create_directory(root)?;
        sync_directory(parent)?;
    }
    Ok(())
}

impl DiskStore {
    /// The bucket in an existing directory.
    ///
    /// # Errors
    /// The directory does not exist or cannot be looked at.
    pub(super) fn open(root: &FilePath) -> Result<Self> {
        let reader = LocalFileSystem::new_with_prefix(root)?;
        let root = reader.path_to_filesystem(&Path::from("x"))?;
        let root = root.parent().map(PathBuf::from).unwrap_or_default();
        Ok(Self {
            reader,
            root,
            directories: Arc::default(),
        })
    }

    /// What is known is only ever added to in one step, so a panic elsewhere leaves it sound.
    fn directories(&self) -> MutexGuard<'_, Directories> {
        self.directories
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, path: &FilePath, payload: &PutPayload, mode: &PutMode) -> Result<PutResult> {
        let Some((directory, name)) = path.parent().zip(path.file_name()) else {
            return Err(failure("write", path, ErrorKind::InvalidInput.into()));
        };
        failpoint::hit("disk.put.before");
        self.make_durable(directory)
            .map_err(|error| failure("create the directory of", path, error))?;
        failpoint::hit("disk.put.after_directories");
        let mut temporary = name.to_owned();
        temporary.push(format!("#{:0TEMPORARY_DIGITS$}", random()?));
        let temporary = directory.join(temporary);

        let written = write_flushed(&temporary, payload)
            .map_err(|error| failure("write", path, error))
            .and_then(|()| give_name(&temporary, path, mode));
        if let Err(error) = written {
            discard(&temporary);
            return Err(error);
        }
        self.sync(directory)
            .map_err(|error| failure("flush the directory of", path, error))?;
        failpoint::hit("disk.put.after_directory_sync");
        Ok(PutResult {
            e_tag: None,
            version: None,
        })
    }

    /// Makes sure that a directory under the root exists and will after power loss. Another process
    /// may have made it and died before flushing, so existence alone is not enough.
    fn make_durable(&self, directory: &FilePath) -> io::Result<()> {
        if self.directories().durable.contains(directory) && directory.is_dir() {
            return Ok(());
        }
        if directory == self.root {
            sync_name_of(directory)?;
        } else if let Some(parent) = directory.parent() {
            self.make_durable(parent)?;
            create_directory(directory)?;
            failpoint::hit("disk.directory.after_make");
            sync_directory(parent)?;
        }
        failpoint::hit("disk.directory.after_sync");
        sweep(directory, SystemTime::now())?;
        self.directories().durable.insert(directory.to_owned());
        Ok(())
    }

    fn sync(&self, directory: &FilePath) -> io::Result<()> {
        let synced = sync_directory(directory);
        let mut directories = self.directories();
        if synced.is_ok() {
            directories.doubtful.remove(directory);
        } else {
            directories.doubtful.insert(directory.to_owned());
        }
        synced
    }

    fn settle(&self, path: &FilePath) -> Result<()> {
        let Some(directory) = path.parent() else {
            return Ok(());
        };
        if !self.directories().doubtful.contains(directory) {
            return Ok(());
        }
        self.sync(directory)
            .map_err(|error| failure("flush the directory of", path, error))
    }

    async fn delete_one(self, location: Path) -> Result<Path> {
        let path = self.reader.path_to_filesystem(&location)?;
        self.reader.delete(&location).await?;
        blocking(move || {
            let Some(directory) = path.parent() else {
                return Ok(location);
            };
            self.sync(directory)
                .map_err(|error| failure("flush the directory of", &path, error))?;
            Ok(location)
        })
        .await
    }
}

/// Writes and flushes a new file. The mode is narrowed by the umask, as the operator wants it.
fn write_flushed(temporary: &FilePath, payload: &PutPayload) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o644);
    let mut file = options.open(temporary)?;
    for part in payload {
        file.write_all(part)?;
    }
    failpoint::hit("disk.put.after_write");
    file.sync_all()?;
    failpoint::hit("disk.put.after_sync");
    Ok(())
}

fn give_name(temporary: &FilePath, path: &FilePath, mode: &PutMode) -> Result<()> {
    if matches!(mode, PutMode::Create) {
        match fs::hard_link(temporary, path) {
            Ok(()) => failpoint::hit("disk.put.after_link"),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Err(Error::AlreadyExists {
                    path: path.display().to_string(),
                    source: error.into(),
                });
            }
            Err(error) => return Err(no_link(path, error)),
        }
        discard(temporary);
        failpoint::hit("disk.put.after_unlink");
    } else {
        fs::rename(temporary, path).map_err(|error| failure("replace", path, error))?;
        failpoint::hit("disk.put.after_rename");
    }
    Ok(())
}

/// File systems without hard links (FAT, some network mounts and those in user space) answer in one of these
/// ways; there a create cannot be told from an overwrite. Their numbers on Linux; elsewhere kinds tell two of
/// them.
const NO_LINKS: [i32; 6] = [
    1,  // EPERM
    18, // EXDEV
    22, // EINVAL
    31, // EMLINK: not even a second name
    38, // ENOSYS
    95, // EOPNOTSUPP
];

fn no_link(path: &FilePath, error: io::Error) -> Error {
    let by_kind = matches!(
        error.kind(),
        ErrorKind::PermissionDenied | ErrorKind::Unsupported
    );
    let by_number = cfg!(target_os = "linux")
        && error
            .raw_os_error()
            .is_some_and(|number| NO_LINKS.contains(&number));
    if by_kind || by_number {
        return Error::NotSupported {
            source: format!(
                "{}: {error}; the ledger needs a file system with hard links",
                path.display()
            )
            .into(),
        };
    }
    failure("create", path, error)
}

/// A temporary file that cannot be removed does no harm: nothing lists it, and it is swept later.
fn discard(temporary: &FilePath) {
    if let Err(error) = fs::remove_file(temporary)
        && error.kind() != ErrorKind::NotFound
    {
        tracing::debug!(file = %temporary.display(), %error, "temporary file left behind");
    }
}

/// Removes temporary files of dead processes from one directory.
fn sweep(directory: &FilePath, now: SystemTime) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if !entry.file_name().to_str().is_some_and(is_temporary) {
            continue;
        }
        let old = entry
            .metadata()
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|written| {
                now.duration_since(written)
                    .is_ok_and(|age| age > LEFTOVER_AGE)
            });
        if old {
            discard(&entry.path());
        }
    }
    Ok(())
}

fn is_temporary(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(_, digits)| {
        digits.len() == TEMPORARY_DIGITS && digits.bytes().all(|digit| digit.is_ascii_digit())
    })
}

fn create_directory(directory: &FilePath) -> io::Result<()> {
    match fs::create_dir(directory) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && directory.is_dir() => Ok(()),
        done => done,
    }
}

/// Flushes the name of the bucket itself, which somebody may have made a moment ago. Where we may not
/// read the directory that holds it, it was made by somebody who may.
fn sync_name_of(root: &FilePath) -> io::Result<()> {
    match root.parent().map_or(Ok(()), sync_directory) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        done => done,
    }
}

#[cfg(unix)]
fn sync_directory(directory: &FilePath) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Windows cannot flush a directory; NTFS journals names by itself.
#[cfg(not(unix))]
fn sync_directory(_directory: &FilePath) -> io::Result<()> {
    Ok(())
}

fn random() -> Result<u64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| Error::Generic {
        store: STORE,
        source: format!("the operating system provided no randomness: {error}").into(),
    })?;
    Ok(u64::from_be_bytes(bytes))
}

fn failure(doing: &str, path: &FilePath, error: io::Error) -> Error {
    let denied = matches!(
        error.kind(),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
    );
    let source = format!("cannot {doing} {}: {error}", path.display()).into();
    if denied {
        let path = path.display().to_string();
        Error::PermissionDenied { path, source }
    } else {
        Error::Generic {
            store: STORE,
            source,
        }
    }
}

fn unsupported(operation: &str) -> Error {
    Error::NotImplemented {
        operation: operation.to_owned(),
        implementer: STORE.to_owned(),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await?
}

/// Directories come in no order of their own; every other store lists by name.
fn sorted(
    objects: BoxStream<'static, Result<ObjectMeta>>,
) -> BoxStream<'static, Result<ObjectMeta>> {
    stream::once(async move {
        let mut all: Vec<ObjectMeta> = objects.try_collect().await?;
        all.sort_unstable_by(|a, b| a.location.cmp(&b.location));
        Ok::<_, Error>(stream::iter(all.into_iter().map(Ok)))
    })
    .try_flatten()
    .boxed()
}

impl fmt::Display for DiskStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.root.display())
    }
}

#[async_trait]
impl ObjectStore for DiskStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        if matches!(options.mode, PutMode::Update(_)) {
            return Err(unsupported("replacing one version of an object"));
        }
        if !options.attributes.is_empty() {
            return Err(unsupported("attributes of an object"));
        }
        let path = self.reader.path_to_filesystem(location)?;
        let store = self.clone();
        blocking(move || store.put(&path, &payload, &options.mode)).await
    }

    /// Parts of a data file are small enough for one put.
    async fn put_multipart_opts(
        &self,
        _location: &Path,
        _options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Err(unsupported("uploading an object in parts"))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.settle(&self.reader.path_to_filesystem(location)?)?;
        self.reader.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        locations
            .and_then(move |location| store.clone().delete_one(location))
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        sorted(self.reader.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        sorted(self.reader.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.reader.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, _from: &Path, _to: &Path, _options: CopyOptions) -> Result<()> {
        Err(unsupported("copying an object"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_temporary_names_are_temporary() {
        assert!(is_temporary("1.note#01234567890123456789"));
        for name in [
            "1.note",
            "1.note#7",
            "#",
            "1#0123456789012345678x",
            "01234567890123456789",
        ] {
            assert!(!is_temporary(name), "{name}");
        }
    }

    /// Whatever the operating system calls it, a file system without links is none for a ledger.
    #[test]
    fn a_file_system_without_links_is_not_called_trouble() {
        let meaning = |error: io::Error| no_link(FilePath::new("/x"), error);
        for number in NO_LINKS {
            let error = meaning(io::Error::from_raw_os_error(number));
            assert!(
                matches!(error, Error::NotSupported { .. }),
                "{number}: {error}"
            );
        }
        for kind in [ErrorKind::PermissionDenied, ErrorKind::Unsupported] {
            assert!(matches!(meaning(kind.into()), Error::NotSupported { .. }));
        }
        // Full, failing, gone.
        for number in [28, 5, 2] {
            let error = meaning(io::Error::from_raw_os_error(number));
            assert!(matches!(error, Error::Generic { .. }), "{number}: {error}");
        }
    }

    /// A name that could not be flushed is not shown to anybody before it is.
    #[test]
    fn nothing_is_read_from_a_doubtful_directory() {
        let root = tempfile::tempdir().unwrap();
        let store = DiskStore::open(root.path()).unwrap();
        let (there, gone) = (store.root.clone(), store.root.join("gone"));
        store
            .directories()
            .doubtful
            .extend([there.clone(), gone.clone()]);
        assert!(store.settle(&there.join("a")).is_ok());
        assert!(!store.directories().doubtful.contains(&there));
        assert!(store.settle(&gone.join("a")).is_err());
        assert!(store.directories().doubtful.contains(&gone));
    }
}
