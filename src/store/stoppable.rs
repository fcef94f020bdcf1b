//! A store whose operations end when the program is asked to stop, whatever the store does.

use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use crate::stop::{Stop, Stopped};

/// Waits between tries, which the client below does by itself, are among what is cut off. Each piece of
/// a stream is an operation of its own. Those of a disk may go on in the background; what they write
/// is either whole or has no name.
#[derive(Debug)]
pub(super) struct StoppableStore {
    inner: Arc<dyn ObjectStore>,
    stop: Stop,
}

impl StoppableStore {
    pub(super) fn new(inner: Arc<dyn ObjectStore>, stop: Stop) -> Self {
        Self { inner, stop }
    }

    async fn step<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.stop.step(work).await.unwrap_or_else(stopped)
    }

    async fn write<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.stop.write(work).await.unwrap_or_else(stopped)
    }

    fn stream<T: Send + 'static>(
        &self,
        items: BoxStream<'static, Result<T>>,
    ) -> BoxStream<'static, Result<T>> {
        let stop = self.stop.clone();
        let going = Some((items, stop));
        stream::unfold(going, |going| async move {
            let (mut items, stop) = going?;
            match stop.step(items.next()).await {
                Ok(item) => Some((item?, Some((items, stop)))),
                Err(cut) => Some((stopped(cut), None)),
            }
        })
        .boxed()
    }
}

fn stopped<T>(stopped: Stopped) -> Result<T> {
    Err(Error::Generic {
        store: "store",
        source: Box::new(stopped),
    })
}

impl fmt::Display for StoppableStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for StoppableStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.write(self.inner.put_opts(location, payload, options))
            .await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.write(self.inner.put_multipart_opts(location, options))
            .await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let mut got = self.step(self.inner.get_opts(location, options)).await?;
        if let GetResultPayload::Stream(bytes) = got.payload {
            got.payload = GetResultPayload::Stream(self.stream(bytes));
        }
        Ok(got)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.step(self.inner.get_ranges(location, ranges)).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.stream(self.inner.delete_stream(locations))
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.stream(self.inner.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.stream(self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.step(self.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.write(self.inner.copy_opts(from, to, options)).await
    }
}
