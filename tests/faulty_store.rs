//! A store that misbehaves on order: wraps any store and makes the next operations fail, lose
//! their answer, hang or stop the world.

use crate::orders::Orders;
use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};

/// What happens to one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: it goes through.
    None,
    /// It is refused and changes nothing.
    Reject,
    /// It succeeds, but the caller hears an error.
    LoseAnswer,
    /// It succeeds, but the caller hears that the name existed already, as from a store client
    /// that repeated a request whose answer was lost.
    SayExists,
    /// It never happens and never returns.
    HangBefore,
    /// It happens and never returns.
    HangAfter,
    /// It happens once the test resumes the store.
    Pause,
}

/// Which operations a fault may hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// Writing an object.
    Put,
    /// Reading an object.
    Get,
    /// Anything that changes the bucket.
    Change,
}

#[derive(Debug, Default)]
struct Habits {
    /// Names that listings returned.
    listed: usize,
    /// Listings leave out names that contain any of these, as those of a store that lags.
    not_listed: Vec<&'static str>,
    /// Every deletion and every overwrite is refused, as by a bucket with a retention policy.
    keeps_all: bool,
    /// Every write overwrites, whatever its condition.
    ignores_conditions: bool,
}

/// The misbehaving store. Its operations are described by the name of the object.
#[derive(Debug, Clone)]
pub struct FaultyStore {
    inner: Arc<dyn ObjectStore>,
    orders: Arc<Orders<On, Fault>>,
    habits: Arc<Mutex<Habits>>,
}

impl Deref for FaultyStore {
    type Target = Orders<On, Fault>;

    fn deref(&self) -> &Self::Target {
        &self.orders
    }
}

impl FaultyStore {
    pub fn around(inner: Arc<dyn ObjectStore>) -> Self {
        Self {
            inner,
            orders: Arc::default(),
            habits: Arc::default(),
        }
    }

    fn habits(&self) -> MutexGuard<'_, Habits> {
        self.habits.lock().unwrap()
    }

    /// How many names listings have returned: a store needs a request for each thousand or so.
    pub fn listed(&self) -> usize {
        self.habits().listed
    }

    /// From now on every deletion and every overwrite is refused, as by a bucket with a retention
    /// policy.
    pub fn keep_all(&self) {
        self.habits().keeps_all = true;
    }

    /// From now on listings leave out names that contain the text.
    pub fn hide_from_listings(&self, text: &'static str) {
        self.habits().not_listed.push(text);
    }

    /// From now on conditions of writes are ignored, as by some emulators and gateways.
    pub fn ignore_conditions(&self) {
        self.habits().ignores_conditions = true;
    }

    /// The policy has ended.
    pub fn keep_nothing(&self) {
        self.habits().keeps_all = false;
    }

    fn refuse_to_lose(&self, location: &Path) -> Result<()> {
        if !self.habits().keeps_all {
            return Ok(());
        }
        Err(Error::PermissionDenied {
            path: location.to_string(),
            source: "RetentionPolicyNotMet: kept by order".into(),
        })
    }

    fn count_listed(
        &self,
        names: BoxStream<'static, Result<ObjectMeta>>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let habits = Arc::clone(&self.habits);
        let hidden = habits.lock().unwrap().not_listed.clone();
        names
            .try_filter(move |meta| {
                let is_hidden = hidden.iter().any(|it| meta.location.as_ref().contains(it));
                std::future::ready(!is_hidden)
            })
            .inspect(move |_| habits.lock().unwrap().listed += 1)
            .boxed()
    }

    /// Runs an operation under its fault.
    async fn under<T>(
        &self,
        fault: Fault,
        path: &Path,
        operation: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        match fault {
            Fault::None => operation.await,
            Fault::Reject => Err(lost("refused by order")),
            Fault::LoseAnswer => {
                operation.await?;
                Err(lost("connection reset by order"))
            }
            Fault::SayExists => {
                operation.await?;
                Err(Error::AlreadyExists {
                    path: path.to_string(),
                    source: "the repeated request found the first one's object".into(),
                })
            }
            Fault::HangBefore => self.hang().await,
            Fault::HangAfter => {
                // Whatever comes of it, nobody hears it.
                let _ = operation.await;
                self.hang().await
            }
            Fault::Pause => {
                self.pause().await;
                operation.await
            }
        }
    }

    fn fault(&self, on: On, path: &Path) -> Fault {
        let is_change = matches!(on, On::Put | On::Change);
        let is_hit = |wanted| wanted == on || (wanted == On::Change && is_change);
        let ordered = self.take(path.as_ref(), is_change, is_hit);
        ordered.unwrap_or(Fault::None)
    }
}

fn lost(what: &'static str) -> Error {
    Error::Generic {
        store: "faulty",
        source: what.into(),
    }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty {}", self.inner)
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        mut options: PutOptions,
    ) -> Result<PutResult> {
        let fault = self.fault(On::Put, location);
        if self.habits().ignores_conditions {
            options.mode = PutMode::Overwrite;
        }
        if options.mode != PutMode::Create {
            self.refuse_to_lose(location)?;
        }
        let put = self.inner.put_opts(location, payload, options);
        self.under(fault, location, put).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let fault = self.fault(On::Get, location);
        let get = self.inner.get_opts(location, options);
        self.under(fault, location, get).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        locations
            .and_then(move |location| {
                let store = store.clone();
                async move {
                    let fault = store.fault(On::Change, &location);
                    store.refuse_to_lose(&location)?;
                    let inner = Arc::clone(&store.inner);
                    let deletion = async {
                        let one = futures::stream::iter([Ok(location.clone())]).boxed();
                        inner.delete_stream(one).try_collect::<Vec<_>>().await
                    };
                    store.under(fault, &location, deletion).await?;
                    Ok(location)
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.count_listed(self.inner.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.count_listed(self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
