//! Where a warehouse loads files from: the lake itself, or copies that lie there for as long as a load
//! takes.

use super::error::ProjectionError;
use super::filling::Filling;
use crate::failpoint;
use crate::ledger::digest::Digest;
use crate::ledger::entry::FileEntry;
use crate::store::{Bucket, CheckedBy, CheckedObject, SignedFile, StoreError};
use bytes::Bytes;
use futures::TryStreamExt as _;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Largest file that is copied; the lake has none above 64 MiB, but for a single row that is larger.
const MOST_BYTES: u64 = 256 << 20;

/// From where the files of one warehouse are loaded.
#[derive(Debug, Clone)]
pub struct Staging {
    /// The bucket for copies; none where the lake's own files are loaded.
    bucket: Option<Bucket>,
    warehouse: String,
    /// One file is copied at a time, whatever the number of loads: each is held whole.
    turn: Arc<Mutex<()>>,
}

impl Staging {
    /// Copies go into `bucket`, under the lake's id and the warehouse's name; without one the lake's
    /// files are loaded from where they are.
    pub fn new(bucket: Option<Bucket>, warehouse: &str) -> Self {
        Self {
            bucket,
            warehouse: warehouse.to_owned(),
            turn: Arc::default(),
        }
    }

    /// The bucket for copies; none where the lake's own files are loaded.
    pub fn bucket(&self) -> Option<&Bucket> {
        self.bucket.as_ref()
    }

    fn folder(&self, lake_id: &str) -> String {
        format!("{lake_id}/{}", self.warehouse)
    }

    /// Where the copies of a purpose lie. No name has a `=`, which readers take for a partition key.
    fn name(&self, lake_id: &str, purpose: StagingPurpose, index: usize) -> String {
        let folder = self.folder(lake_id);
        match purpose {
            StagingPurpose::Entry {
                sequence,
                table,
                part,
                cut,
            } => {
                let cut = cut.map_or_else(String::new, |decision| format!("-cut-{decision}"));
                format!("{folder}/{sequence:020}/{table}{cut}-{part:05}-{index:05}.parquet")
            }
            StagingPurpose::Decision(sequence, group) => {
                format!("{folder}/rebuild-{sequence:020}/{group:05}-{index:05}.parquet")
            }
        }
    }

    /// The objects from which some files of the lake are loaded, after copying them where that is needed,
    /// each of them found to be the file that the ledger signed for.
    pub(crate) async fn sources(
        &self,
        filling: &Filling<'_>,
        purpose: StagingPurpose,
        files: &[&FileEntry],
    ) -> Result<Sources, ProjectionError> {
        let lake_id = &filling.state.lake_id;
        let mut sources = Vec::with_capacity(files.len());
        for (index, file) in files.iter().enumerate() {
            let source = match &self.bucket {
                None => {
                    let signed = file.signed();
                    match filling.lake.check(&signed).await {
                        Ok(checked) => (signed, checked),
                        Err(error) => return Err(unreadable(filling, file, error).await),
                    }
                }
                Some(bucket) => {
                    let copied = SignedFile {
                        name: self.name(lake_id, purpose, index),
                        ..file.signed()
                    };
                    let turn = self.turn.lock().await;
                    let checked = copy(filling, file, bucket, &copied).await?;
                    drop(turn);
                    (copied, checked)
                }
            };
            sources.push(source);
        }
        if self.bucket.is_some() {
            failpoint::hit("warehouse.staged");
        }
        Ok(Sources {
            bucket: self.bucket.as_ref().unwrap_or(filling.lake).clone(),
            staged: self.bucket.is_some(),
            sources,
        })
    }

    /// Removes the copies that nobody needs any more: those of entries that `is_loaded` says are in,
    /// and those of decisions that are not open. Returns how many there were.
    pub(crate) async fn tidy(
        &self,
        lake_id: &str,
        is_loaded: impl Fn(u64) -> bool,
        is_open: impl Fn(u64) -> bool,
    ) -> Result<u64, StoreError> {
        let Some(bucket) = &self.bucket else {
            return Ok(0);
        };
        let folder = self.folder(lake_id);
        let listed: Vec<String> = bucket
            .list(&folder, None)
            .map_ok(|listed| listed.name)
            .try_collect()
            .await?;
        let mut removed = 0;
        for name in listed {
            let purpose = name
                .strip_prefix(&folder)
                .and_then(|rest| rest.strip_prefix('/'))
                .and_then(|rest| rest.split_once('/'))
                .map(|(purpose, _)| purpose);
            let over = match purpose {
                Some(purpose) => match purpose.strip_prefix("rebuild-") {
                    Some(sequence) => sequence.parse().is_ok_and(|sequence| !is_open(sequence)),
                    None => purpose.parse().is_ok_and(&is_loaded),
                },
                // Not a name of ours.
                None => false,
            };
            if over {
                bucket.delete(&name).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

/// What copies are for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum StagingPurpose {
    /// One part of the load of an entry's rows into a table.
    Entry {
        sequence: u64,
        table: &'static str,
        part: usize,
        /// The newest decision of retention that has taken files of it.
        cut: Option<u64>,
    },
    /// One group of dates of a decision to rebuild.
    Decision(u64, usize),
}

/// Objects that a job reads, each found to be the file that the ledger signed for.
#[derive(Debug)]
pub(crate) struct Sources {
    bucket: Bucket,
    /// Whether they are copies.
    staged: bool,
    sources: Vec<(SignedFile, CheckedObject)>,
}

impl Sources {
    /// Their names, for the service.
    pub(crate) fn uris(&self) -> Vec<String> {
        let names = self.sources.iter().map(|(file, _)| &file.name);
        names.map(|name| self.bucket.url_of(name)).collect()
    }

    /// How they were checked.
    pub(crate) fn checks(&self) -> FilesChecked {
        let by_bytes = |(_, checked): &&(_, CheckedObject)| checked.by == CheckedBy::Bytes;
        let hashed = self.sources.iter().filter(by_bytes).count() as u64;
        FilesChecked {
            by_store: self.sources.len() as u64 - hashed,
            by_bytes: hashed,
        }
    }

    /// Makes sure that what was checked is what a job has read, once it has ended: each object is in its
    /// place still. The service takes no version of an object.
    ///
    /// # Errors
    /// One was exchanged, so that nobody knows what the job has read; or the store.
    pub(crate) async fn expect_unchanged(&self) -> Result<(), ProjectionError> {
        for (file, checked) in &self.sources {
            let error = match self.bucket.is_still(file, checked).await {
                Ok(true) => continue,
                Ok(false) => StoreError::Altered {
                    object: self.bucket.url_of(&file.name),
                    said: "it was replaced while it was loaded".to_owned(),
                },
                // Whoever has taken the entry as loaded has removed its copies.
                Err(StoreError::NotFound { .. }) if self.staged => continue,
                Err(error) => error,
            };
            return Err(match self.staged {
                true => ProjectionError::Staging(error),
                false => ProjectionError::Lake(error),
            });
        }
        Ok(())
    }
}

/// How many files were compared with the ledger before they were loaded, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct FilesChecked {
    /// Number of files whose MD5, computed by the store, was compared.
    pub by_store: u64,
    /// Number of files that were read and hashed.
    pub by_bytes: u64,
}

impl FilesChecked {
    pub(crate) fn add(&mut self, more: Self) {
        self.by_store += more.by_store;
        self.by_bytes += more.by_bytes;
    }
}

/// How often a copy is made that somebody else removes meanwhile, since he was done with it.
const COPIES: u32 = 3;

/// Copies a file to where a job reads it. A copy that is there is taken if it is the same file.
async fn copy(
    filling: &Filling<'_>,
    file: &FileEntry,
    bucket: &Bucket,
    copied: &SignedFile,
) -> Result<CheckedObject, ProjectionError> {
    let mut copies = 0;
    loop {
        match bucket.compare(copied).await {
            Ok(checked) => return Ok(checked),
            Err(StoreError::NotFound { .. }) if copies < COPIES => {}
            // Nothing of ours: what is created below must not be taken for it.
            Err(StoreError::Altered { .. }) if copies < COPIES => {
                let deleted = bucket.delete(&copied.name).await;
                deleted.map_err(ProjectionError::Staging)?;
            }
            Err(error) => return Err(ProjectionError::Staging(error)),
        }
        let content = read(filling, file).await?;
        match bucket.create(&copied.name, content).await {
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => {}
            Err(error) => return Err(ProjectionError::Staging(error)),
        }
        copies += 1;
    }
}

/// The content of a file: what goes to analysts is what the ledger signed for.
async fn read(filling: &Filling<'_>, file: &FileEntry) -> Result<Bytes, ProjectionError> {
    let lake = filling.lake;
    let most = MOST_BYTES.max(file.bytes);
    let content = match lake.read_present(&file.path.to_string(), most).await {
        Ok(content) => content,
        Err(error) => return Err(unreadable(filling, file, error).await),
    };
    let found = Digest::of(&content);
    if found != file.sha256 {
        return Err(ProjectionError::Lake(StoreError::Altered {
            object: lake.url_of(&file.path.to_string()),
            said: format!("its SHA-256 is {found}"),
        }));
    }
    Ok(content)
}

/// Why a file of the lake cannot be read: one that is missing may have gone by a decision that others made
/// meanwhile.
async fn unreadable(filling: &Filling<'_>, file: &FileEntry, error: StoreError) -> ProjectionError {
    if !matches!(error, StoreError::Missing { .. }) {
        return ProjectionError::Lake(error);
    }
    match filling.log.is_live_now(&file.path.to_string()).await {
        Ok(true) => ProjectionError::Lake(error),
        Ok(false) => ProjectionError::GoneMeanwhile {
            path: filling.lake.url_of(&file.path.to_string()),
        },
        Err(error) => ProjectionError::Log(error),
    }
}
