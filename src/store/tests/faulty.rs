//! A store that fails on purpose, once per item of its script.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// The put takes place; its answer is lost.
    LoseAnswer,
    /// The put takes place; a repetition below us is told that the object exists.
    SayExists,
    /// The put does not take place.
    Reject,
    /// The put takes place in half.
    Truncate,
    /// The condition of the put is ignored, as old S3 work-alikes do.
    Overwrite,
    /// The next read fails.
    FailRead,
    /// The next listing after a name begins at the first, as Azurite's does.
    IgnoreOffset,
}

#[derive(Debug)]
pub(crate) struct Faulty {
    inner: InMemory,
    script: Mutex<VecDeque<Fault>>,
}

impl Faulty {
    pub(crate) fn new(script: impl IntoIterator<Item = Fault>) -> Self {
        Self {
            inner: InMemory::new(),
            script: Mutex::new(script.into_iter().collect()),
        }
    }

    fn next(&self, wanted: impl Fn(Fault) -> bool) -> Option<Fault> {
        let mut script = self.script.lock().unwrap();
        if script.front().is_some_and(|fault| wanted(*fault)) {
            script.pop_front()
        } else {
            None
        }
    }
}

fn unavailable() -> Error {
    Error::Generic {
        store: "faulty",
        source: "503 Service Unavailable".into(),
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("faulty")
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        match self.next(|fault| !matches!(fault, Fault::FailRead | Fault::IgnoreOffset)) {
            Some(Fault::LoseAnswer) => {
                self.inner.put_opts(location, payload, options).await?;
                Err(unavailable())
            }
            Some(Fault::SayExists) => {
                self.inner.put_opts(location, payload, options).await?;
                Err(Error::AlreadyExists {
                    path: location.to_string(),
                    source: "412".into(),
                })
            }
            Some(Fault::Overwrite) => {
                let options = PutOptions::default();
                self.inner.put_opts(location, payload, options).await
            }
            Some(Fault::Reject) => Err(unavailable()),
            Some(Fault::Truncate) => {
                let whole: bytes::Bytes = payload.into();
                let half = whole.slice(..whole.len() / 2);
                self.inner.put_opts(location, half.into(), options).await
            }
            Some(Fault::FailRead | Fault::IgnoreOffset) | None => {
                self.inner.put_opts(location, payload, options).await
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if self
            .next(|fault| matches!(fault, Fault::FailRead))
            .is_some()
        {
            return Err(unavailable());
        }
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.next(|fault| matches!(fault, Fault::IgnoreOffset)) {
            Some(_) => self.inner.list(prefix),
            None => self.inner.list_with_offset(prefix, offset),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
