//! Small lakes in memory, in the layout of real ones, with a store that counts what is read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use arrow::array::{TimestampMicrosecondArray, new_null_array};
use arrow::datatypes::DataType;
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use parquet::arrow::ArrowWriter;

use crate::event::schema::event_schema;
use crate::lake::layout::Table;
use crate::lake::{ColumnStatistics, FileStatistics};
use crate::ledger::digest::Digest;
use crate::ledger::entry::{Counts, FileEntry, HoleReasonCode, InstantRange};
use crate::ledger::state::{Batch, FeedState, Head, HoleState, LiveFile, SourceState, State};
use crate::query::{Lake, Limits};
use crate::store::Bucket;
use crate::window::{Window, midnight};

/// A file to be made.
pub(super) struct FileOf {
    date: NaiveDate,
    category: &'static str,
    source: &'static str,
    tenant: &'static str,
    rows: usize,
}

pub(super) fn file(
    date: &str,
    category: &'static str,
    source: &'static str,
    tenant: &'static str,
    rows: usize,
) -> FileOf {
    FileOf {
        date: date.parse().unwrap(),
        category,
        source,
        tenant,
        rows,
    }
}

impl FileOf {
    fn time(&self, row: usize) -> DateTime<Utc> {
        midnight(self.date) + TimeDelta::hours(6 + row as i64)
    }

    fn path(&self) -> String {
        format!(
            "events/date={}/cat={}/src={}/run-1-0.parquet",
            self.date, self.category, self.source
        )
    }

    fn parquet(&self) -> Vec<u8> {
        let texts = |of: &dyn Fn(usize) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values((0..self.rows).map(of)))
        };
        let schema = event_schema();
        let columns = schema.fields().iter().map(|field| -> ArrayRef {
            match field.name().as_str() {
                "event_uid" => {
                    texts(&|row| format!("{}/{}/{}/{row}", self.source, self.date, self.category))
                }
                "dt" => Arc::new(Date32Array::from(vec![
                    self.date.num_days_from_ce()
                        - 719_163;
                    self.rows
                ])),
                "category" => texts(&|_| self.category.to_owned()),
                "source" => texts(&|_| self.source.to_owned()),
                "tenant" => texts(&|_| self.tenant.to_owned()),
                "raw" => texts(&|row| format!("{{\"n\":{row},\"pad\":\"{}\"}}", "x".repeat(999))),
                "event_time" => {
                    let times = (0..self.rows).map(|row| self.time(row).timestamp_micros());
                    Arc::new(
                        TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"),
                    )
                }
                _ if field.is_nullable() => new_null_array(field.data_type(), self.rows),
                _ => match field.data_type() {
                    DataType::Int64 => Arc::new(Int64Array::from(vec![1; self.rows])),
                    DataType::Timestamp(..) => Arc::new(
                        TimestampMicrosecondArray::from(vec![0; self.rows]).with_timezone("UTC"),
                    ),
                    _ => texts(&|_| "text".to_owned()),
                },
            }
        });
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, schema, None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        bytes
    }

    fn entry(&self, content: &[u8]) -> FileEntry {
        let rows = self.rows as u64;
        let range = |value: Option<&str>| ColumnStatistics {
            min: value.map(str::to_owned),
            max: value.map(str::to_owned),
            nulls: if value.is_some() { 0 } else { rows },
        };
        FileEntry {
            path: self.path().into(),
            table: Table::Events,
            date: self.date,
            category: Some(self.category.into()),
            source: self.source.into(),
            bytes: content.len() as u64,
            sha256: Digest::of(content),
            md5: None,
            rows,
            times: Some(InstantRange {
                first: self.time(0),
                last: self.time(self.rows - 1),
            }),
            records_root: Digest::of(b""),
            statistics: FileStatistics {
                kept_bytes: 0,
                columns: BTreeMap::from([
                    ("tenant".to_owned(), range(Some(self.tenant))),
                    ("namespace".to_owned(), range(None)),
                ]),
            }
            .into(),
        }
    }
}

pub(super) struct SmallLake {
    store: Arc<Counting>,
    state: Arc<State>,
}

impl SmallLake {
    pub(super) fn new(files: &[FileOf]) -> Self {
        let store = Counting::default();
        let mut live: BTreeMap<NaiveDate, Vec<LiveFile>> = BTreeMap::new();
        for file in files {
            let bytes = file.parquet();
            live.entry(file.date).or_default().push(LiveFile {
                sequence: 1,
                file: file.entry(&bytes),
            });
            futures::executor::block_on(store.inner.put(&Path::from(file.path()), bytes.into()))
                .unwrap();
        }
        let state = state(live, files.iter().map(|file| file.rows as u64).sum());
        Self {
            store: Arc::new(store),
            state: Arc::new(state),
        }
    }

    pub(super) fn with_state(mut self, change: impl FnOnce(&mut State)) -> Self {
        let mut state = State::clone(&self.state);
        change(&mut state);
        self.state = Arc::new(state);
        self
    }

    pub(super) fn lake(&self) -> Lake {
        self.lake_within(Limits {
            parallelism: 2,
            ..Limits::default()
        })
    }

    pub(super) fn lake_within(&self, limits: Limits) -> Lake {
        let store = Arc::clone(&self.store) as Arc<dyn ObjectStore>;
        Lake::new(&Bucket::around(store), Arc::clone(&self.state), limits).unwrap()
    }

    /// The same lake, whose ledger names its first file otherwise.
    pub(super) fn with_path(mut self, path: &str) -> Self {
        let mut state = State::clone(&self.state);
        let first = state.files.values_mut().flatten().next().unwrap();
        first.file.path = path.into();
        self.state = Arc::new(state);
        self
    }

    pub(super) fn paths(&self) -> Vec<String> {
        self.state
            .live_files()
            .map(|live| live.file.path.to_string())
            .collect()
    }

    pub(super) fn opened(&self) -> usize {
        self.store.opened.lock().unwrap().len()
    }

    pub(super) fn listed(&self) -> usize {
        *self.store.listed.lock().unwrap()
    }

    pub(super) async fn put_orphan(&self, path: &str) {
        let bytes = file("2026-01-01", "execution", "orphan", "main", 5).parquet();
        let path = Path::from(path);
        self.store.inner.put(&path, bytes.into()).await.unwrap();
    }

    pub(super) async fn damage(&self, path: &str) {
        let path = Path::from(path);
        let size = self.store.inner.head(&path).await.unwrap().size;
        let bytes = vec![0; usize::try_from(size).unwrap()];
        self.store.inner.put(&path, bytes.into()).await.unwrap();
    }

    /// The same lake, whose ledger has signed for what is there instead of its first file.
    pub(super) async fn signed_as_it_is(mut self) -> Self {
        let mut state = (*self.state).clone();
        let live = state
            .files
            .values_mut()
            .next()
            .and_then(|files| files.first_mut());
        let file = &mut live.unwrap().file;
        let path = Path::from(file.path.to_string());
        let content = self
            .store
            .inner
            .get(&path)
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        file.sha256 = Digest::of(&content);
        self.state = Arc::new(state);
        self
    }

    /// Damages the beginning of a file, where its first column is; the footer stays whole.
    pub(super) async fn damage_first_column(&self, path: &str) {
        let path = Path::from(path);
        let bytes = self.store.inner.get(&path).await.unwrap();
        let mut bytes = bytes.bytes().await.unwrap().to_vec();
        bytes[4..100].fill(0xff);
        self.store.inner.put(&path, bytes.into()).await.unwrap();
    }

    /// From now on the store answers no read, or does again.
    pub(super) fn refuse(&self, refuse: bool) {
        self.store.refusing.store(refuse, Ordering::Relaxed);
    }

    pub(super) async fn remove(&self, path: &str) {
        self.store.inner.delete(&Path::from(path)).await.unwrap();
    }
}

fn state(files: BTreeMap<NaiveDate, Vec<LiveFile>>, rows: u64) -> State {
    let date = |day| midnight(NaiveDate::from_ymd_opt(2026, 1, day).unwrap());
    let written_at = date(5);
    let mut feed = FeedState::default();
    feed.coverage.insert(Window::new(date(1), date(4)).unwrap());
    feed.holes.push(HoleState {
        window: Window::new(date(4), date(5)).unwrap(),
        reason: HoleReasonCode("poison".to_owned()),
        detail: "cannot be read".to_owned(),
        first_seen: written_at,
        tries: 2,
    });
    let batch = Batch {
        sequence: 1,
        batch_id: "batch-1".to_owned(),
        run_id: "run-1".to_owned(),
        source: "a".to_owned(),
        written_at,
        counts: Counts {
            returned: rows + 2,
            source_duplicates: 1,
            known: 1,
            added: rows,
            ..Counts::default()
        },
        covered: Vec::new(),
        files: 4,
        bytes: 400,
        cuts: Vec::new(),
    };
    let empty = files.is_empty();
    let source = SourceState {
        redacted: Default::default(),
        feeds: BTreeMap::from([("main".to_owned(), feed)]),
        axis: None,
        last_run: None,
    };
    State {
        lake_id: "lake".to_owned(),
        keys: Vec::new(),
        head: Head {
            sequence: 1,
            sha256: Digest::of(b""),
            written_at,
        },
        sources: match empty {
            true => BTreeMap::new(),
            false => BTreeMap::from([("a".to_owned(), source)]),
        },
        files,
        batches: if empty { Vec::new() } else { vec![batch] },
        ..State::empty()
    }
}

/// A store that remembers what was read of it.
#[derive(Debug, Default)]
struct Counting {
    inner: InMemory,
    opened: Mutex<BTreeSet<Path>>,
    listed: Mutex<usize>,
    refusing: AtomicBool,
}

impl fmt::Display for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("counting")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Counting {
    async fn put_opts(&self, to: &Path, what: PutPayload, how: PutOptions) -> Result<PutResult> {
        self.inner.put_opts(to, what, how).await
    }

    async fn put_multipart_opts(
        &self,
        to: &Path,
        how: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(to, how).await
    }

    async fn get_opts(&self, path: &Path, how: GetOptions) -> Result<GetResult> {
        self.opened.lock().unwrap().insert(path.clone());
        if self.refusing.load(Ordering::Relaxed) {
            return Err(object_store::Error::Generic {
                store: "counting",
                source: "connection refused".into(),
            });
        }
        self.inner.get_opts(path, how).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        *self.listed.lock().unwrap() += 1;
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        *self.listed.lock().unwrap() += 1;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, how: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, how).await
    }
}
