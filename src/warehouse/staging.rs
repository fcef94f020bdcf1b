//! Where a warehouse loads files from: the lake itself, or copies that lie there for as long as a load
//! takes.

use super::failure::FillError;
use super::fill::Filling;
use crate::failpoint;
use crate::lake::{Bucket, StoreError};
use crate::ledger::digest::Digest;
use crate::ledger::entry::FileEntry;
use futures::TryStreamExt as _;
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
    fn name(&self, lake_id: &str, purpose: Purpose, index: usize) -> String {
        let folder = self.folder(lake_id);
        match purpose {
            Purpose::Entry {
                sequence,
                table,
                part,
                cut,
            } => {
                let cut = cut.map_or_else(String::new, |decision| format!("-cut-{decision}"));
                format!("{folder}/{sequence:020}/{table}{cut}-{part:05}-{index:05}.parquet")
            }
            Purpose::Decision(sequence, group) => {
                format!("{folder}/rebuild-{sequence:020}/{group:05}-{index:05}.parquet")
            }
        }
    }

    /// Whole names of some files of the lake for a load job, after copying them where that is needed.
    /// A copy that lies there already is taken, since it can only be of the same file.
    pub(super) async fn uris(
        &self,
        filling: &Filling<'_>,
        purpose: Purpose,
        files: &[&FileEntry],
    ) -> Result<Vec<String>, FillError> {
        let (lake, lake_id) = (filling.lake, &filling.state.lake_id);
        let Some(bucket) = &self.bucket else {
            return Ok(files.iter().map(|file| lake.url_of(&file.path)).collect());
        };
        let mut uris = Vec::with_capacity(files.len());
        for (index, file) in files.iter().enumerate() {
            let name = self.name(lake_id, purpose, index);
            let turn = self.turn.lock().await;
            copy(filling, file, bucket, &name).await?;
            drop(turn);
            uris.push(bucket.url_of(&name));
        }
        failpoint::hit("warehouse.staged");
        Ok(uris)
    }

    /// Removes the copies that nobody needs any more: those of entries that `is_loaded` says are in,
    /// and those of decisions that are not open. Returns how many there were.
    pub(super) async fn tidy(
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
pub(super) enum Purpose {
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

async fn copy(
    filling: &Filling<'_>,
    file: &FileEntry,
    bucket: &Bucket,
    name: &str,
) -> Result<(), FillError> {
    match bucket.size(name).await {
        Ok(size) if size == file.bytes => return Ok(()),
        // Nothing of ours: what is created below must not be taken for it.
        Ok(_) => bucket.delete(name).await.map_err(FillError::Staging)?,
        Err(StoreError::NotFound { .. }) => {}
        Err(error) => return Err(FillError::Staging(error)),
    }
    let lake = filling.lake;
    let content = match lake
        .read_present(&file.path, MOST_BYTES.max(file.bytes))
        .await
    {
        Ok(content) => content,
        Err(error) => return Err(unreadable(filling, file, error).await),
    };
    // What goes to analysts is what the ledger signed for.
    if Digest::of(&content) != file.sha256 {
        return Err(FillError::Altered {
            path: lake.url_of(&file.path),
        });
    }
    match bucket.create(name, content).await {
        Ok(()) | Err(StoreError::AlreadyExists { .. }) => Ok(()),
        Err(error) => Err(FillError::Staging(error)),
    }
}

/// Why a file of the lake cannot be read: one that is missing may have gone by a decision that others made
/// meanwhile.
async fn unreadable(filling: &Filling<'_>, file: &FileEntry, error: StoreError) -> FillError {
    if !matches!(error, StoreError::Missing { .. }) {
        return FillError::Lake(error);
    }
    match filling.log.is_live_now(&file.path).await {
        Ok(true) => FillError::Lake(error),
        Ok(false) => FillError::GoneMeanwhile {
            path: filling.lake.url_of(&file.path),
        },
        Err(error) => FillError::Log(error),
    }
}
