//! A bucket: where a lake and its ledger live, where a warehouse loads from, or where a platform leaves its records.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{
    Error as Cause, GetOptions, GetResult, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions,
};

use crate::http::lasting;
use crate::stop::Stop;
use crate::waits::Waits;

use super::answers::StoreAnswer;
use super::counted::CountedStore;
use super::error::{OpenError, StoreError};
use super::http::{ContentMd5, RequestCounter, RequestObserver, StoreClock, StoreRequests};
use super::kind::StoreKind;
use super::location;
use super::open::{self, StoreOptions};
use super::purpose::StorePurpose;
use super::said::{clean, deepest, is_refusal};
use super::signed::CheckedFiles;
use super::stoppable::StoppableStore;
use crate::foreign::Secrets;

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Name within the bucket.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// When the store says it was written.
    pub modified: DateTime<Utc>,
    /// The entity tag, where the store has one: another for other content.
    pub tag: Option<String>,
}

/// An open bucket. Cheap to clone; clones share the connection, the clock and the counts.
///
/// What a caller may rely on, and what the conformance tests check of each store: a write that
/// returned is durable; `create` never changes an object that exists; an object is seen whole or not
/// at all, by every reader, as soon as its write returned; a listing is complete and in order of
/// name. Requests that can be repeated safely are repeated below, within two minutes or so.
#[derive(Clone)]
pub struct Bucket {
    store: Arc<dyn ObjectStore>,
    kind: StoreKind,
    url: Arc<str>,
    secrets: Secrets,
    clock: StoreClock,
    counter: RequestCounter,
    waits: Waits,
    stop: Stop,
    checked: CheckedFiles,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bucket").field(&self.url).finish()
    }
}

impl Bucket {
    /// Where waits between two tries of a request are reported.
    pub fn waits(&self) -> &Waits {
        &self.waits
    }

    /// Opens the bucket at `file:///…`, `gs://…`, `s3://…` or `az://…`; a path after the bucket's
    /// name is a prefix of every object. `options` are those of `object_store` for that store, over
    /// what the environment says; credentials are found as that store's own tools find them.
    /// `memory://` is accepted by debug builds.
    ///
    /// Nothing is read yet: a bucket that does not exist, or may not be read, shows at first use.
    ///
    /// # Errors
    /// A URL or option that cannot work, or a directory that is not there.
    pub fn open(url: &str, options: &StoreOptions) -> Result<Self, OpenError> {
        Self::open_for(StorePurpose::Lake, url, options)
    }

    /// [`Self::open`] for another purpose than the lake, which errors then name.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub fn open_for(
        purpose: StorePurpose,
        url: &str,
        options: &StoreOptions,
    ) -> Result<Self, OpenError> {
        let observer = RequestObserver::default();
        let opened = open::open(purpose, url, options, &observer)?;
        let store = match opened.kind {
            StoreKind::Disk | StoreKind::Memory => {
                Arc::new(CountedStore::new(opened.store, observer.counter.clone()))
            }
            StoreKind::Gcs | StoreKind::S3 | StoreKind::Azure => opened.store,
        };
        let bucket = Self {
            store,
            kind: opened.kind,
            url: opened.url.into(),
            secrets: observer.secrets,
            clock: observer.clock,
            counter: observer.counter,
            waits: observer.waits,
            checked: CheckedFiles::default(),
            stop: Stop::of_process(),
        };
        Ok(bucket.with_stop(Stop::of_process()))
    }

    /// Makes the directory of a `file://` bucket, with its parents, durably; does nothing elsewhere.
    ///
    /// # Errors
    /// A URL that cannot name a bucket, or a directory that cannot be made.
    pub fn prepare(url: &str) -> Result<(), OpenError> {
        location::prepare(url)
    }

    /// A new, empty bucket in memory. For tests: it is gone with the last clone.
    pub fn memory() -> Self {
        Self::around(Arc::new(object_store::memory::InMemory::new()))
    }

    /// A bucket on a store that is already open, such as one that fails on purpose. For tests.
    pub fn around(store: Arc<dyn ObjectStore>) -> Self {
        let counter = RequestCounter::default();
        Self {
            store: Arc::new(CountedStore::new(store, counter.clone())),
            kind: StoreKind::Memory,
            url: "memory://".into(),
            secrets: Secrets::default(),
            clock: StoreClock::default(),
            counter,
            stop: Stop::of_process(),
            waits: Waits::default(),
            checked: CheckedFiles::default(),
        }
    }

    /// The same bucket, whose operations end when somebody asks to stop.
    #[must_use]
    pub fn with_stop(self, stop: Stop) -> Self {
        Self {
            store: Arc::new(StoppableStore::new(self.store, stop.clone())),
            stop,
            ..self
        }
    }

    /// Who asks to stop.
    pub(crate) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// The store itself, prefix applied.
    pub fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    pub(super) fn checked_files(&self) -> &CheckedFiles {
        &self.checked
    }

    /// What kind of store this is.
    pub fn kind(&self) -> StoreKind {
        self.kind
    }

    /// The bucket's URL for people and links: no credentials, no slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// URL of an object.
    pub fn url_of(&self, name: &str) -> String {
        format!("{}/{name}", self.url.trim_end_matches('/'))
    }

    /// Name of the object at a URL of this bucket.
    pub(crate) fn name_of<'a>(&self, url: &'a str) -> &'a str {
        let inside = url.strip_prefix(self.url.trim_end_matches('/'));
        inside.map_or(url, |name| name.trim_start_matches('/'))
    }

    /// The store's clock, as its answers showed it.
    pub fn clock(&self) -> &StoreClock {
        &self.clock
    }

    /// How many requests were made so far.
    pub fn requests(&self) -> StoreRequests {
        self.counter.requests()
    }

    /// Creates an object, durably, unless the name is taken.
    ///
    /// # Errors
    /// Any [`StoreError`]; where [`StoreError::needs_read_back`] holds, the object may be there all
    /// the same.
    pub async fn create(&self, name: &str, content: Bytes) -> Result<(), StoreError> {
        self.put(name, content, PutMode::Create, "create").await
    }

    /// Creates or replaces an object, durably. Only for what nothing depends on: buckets with a
    /// retention policy refuse it.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn replace(&self, name: &str, content: Bytes) -> Result<(), StoreError> {
        self.put(name, content, PutMode::Overwrite, "replace").await
    }

    async fn put(
        &self,
        name: &str,
        content: Bytes,
        mode: PutMode,
        action: &'static str,
    ) -> Result<(), StoreError> {
        let path = self.path(name)?;
        let mut options = PutOptions::from(mode);
        if self.kind.is_remote() {
            options.extensions.insert(ContentMd5::of(&content));
        }
        let written = self.store.put_opts(&path, content.into(), options).await;
        written
            .map(drop)
            .map_err(|cause| self.error(action, name, &cause))
    }

    /// Reads a whole object of at most `limit` bytes.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn read(&self, name: &str, limit: u64) -> Result<Bytes, StoreError> {
        let (_, content) = self.read_version(name, limit).await?;
        Ok(content)
    }

    /// [`Self::read`], with what was read: it may have been replaced since it was listed.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn read_version(
        &self,
        name: &str,
        limit: u64,
    ) -> Result<(StoredObject, Bytes), StoreError> {
        let got = self.get(name).await?;
        if got.meta.size > limit {
            return Err(StoreError::TooLarge {
                object: self.url_of(name),
                bytes: got.meta.size,
                limit,
            });
        }
        let version = StoredObject::from(got.meta.clone());
        let content = got.bytes().await;
        let content = content.map_err(|cause| self.error("read", name, &cause))?;
        Ok((version, content))
    }

    /// Begins to read an object.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(super) async fn get(&self, name: &str) -> Result<GetResult, StoreError> {
        let path = self.path(name)?;
        self.store
            .get_opts(&path, GetOptions::default())
            .await
            .map_err(|cause| self.error("read", name, &cause))
    }

    /// Size of an object in bytes, by a HEAD request.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn size(&self, name: &str) -> Result<u64, StoreError> {
        let path = self.path(name)?;
        let head = self.store.head(&path).await;
        head.map(|meta| meta.size)
            .map_err(|cause| self.error("check", name, &cause))
    }

    /// The objects in a folder and below, in order of name; only names after `after` if given, also
    /// where the store does not know that wish and begins at the first.
    pub fn list(
        &self,
        folder: &str,
        after: Option<&str>,
    ) -> BoxStream<'static, Result<StoredObject, StoreError>> {
        let bucket = self.clone();
        let folder = folder.to_owned();
        let paths = self
            .path(&folder)
            .and_then(|prefix| Ok((prefix, after.map(|name| self.path(name)).transpose()?)));
        let objects = match paths {
            Ok((prefix, Some(after))) => self
                .store
                .list_with_offset(Some(&prefix), &after)
                .try_filter(move |meta| std::future::ready(meta.location > after))
                .boxed(),
            Ok((prefix, None)) => self.store.list(Some(&prefix)),
            Err(error) => return futures::stream::iter([Err(error)]).boxed(),
        };
        objects
            .map(move |object| match object {
                Ok(meta) => Ok(StoredObject::from(meta)),
                Err(cause) => Err(bucket.error("list", &folder, &cause)),
            })
            .boxed()
    }

    /// Deletes an object, durably. One that is not there is as good as deleted. [`Bucket::remove`] says
    /// what remains of it.
    ///
    /// # Errors
    /// [`StoreError::Denied`] where permission is missing or a lock keeps the object; otherwise any but
    /// [`StoreError::NotFound`] and [`StoreError::AlreadyExists`].
    pub async fn delete(&self, name: &str) -> Result<(), StoreError> {
        let path = self.path(name)?;
        match self.store.delete(&path).await {
            Ok(()) | Err(Cause::NotFound { .. }) => Ok(()),
            Err(cause) => Err(self.delete_error(name, &cause)),
        }
    }

    /// Nothing can be in the way of a delete but a lock; and a refusal that came in the answer to a
    /// list of deletes, as S3 and Azure take them, has no kind of its own.
    pub(super) fn delete_error(&self, name: &str, cause: &Cause) -> StoreError {
        let said = deepest(cause);
        match self.error("delete", name, cause) {
            error @ StoreError::Unclear { .. } if !is_refusal(&said) => error,
            StoreError::AlreadyExists { .. } | StoreError::Unclear { .. } => StoreError::Denied {
                action: "delete",
                object: self.url_of(name),
                said: clean(&self.secrets, &said),
            },
            other => other,
        }
    }

    pub(super) fn path(&self, name: &str) -> Result<Path, StoreError> {
        Path::parse(name).map_err(|error| StoreError::Name {
            object: self.url_of(name),
            said: clean(&self.secrets, &error.to_string()),
        })
    }

    /// What a failure of the store below means, in words without secrets.
    pub(crate) fn error(&self, action: &'static str, name: &str, cause: &Cause) -> StoreError {
        let object = self.url_of(name);
        let words = deepest(cause);
        let said = clean(&self.secrets, &words);
        if let Some(why) = lasting(cause) {
            return StoreError::NoConnection {
                action,
                object,
                why,
                said,
            };
        }
        match StoreAnswer::of(cause, &words) {
            StoreAnswer::Absent => StoreError::NotFound { object, said },
            StoreAnswer::Taken => StoreError::AlreadyExists { object },
            StoreAnswer::Denied => StoreError::Denied {
                action,
                object,
                said,
            },
            StoreAnswer::Unsupported => StoreError::Unsupported {
                action,
                object,
                said,
            },
            StoreAnswer::Refused => StoreError::Refused {
                action,
                object,
                said,
            },
            StoreAnswer::Name => StoreError::Name { object, said },
            StoreAnswer::Unclear => StoreError::Unclear {
                action,
                object,
                said,
            },
        }
    }
}
