//! What the lake already holds of a stretch of a feed: what new readings are compared with.

use super::RunError;
use crate::lake::layout::{DataFile, LayoutError, Table};
use crate::lake::{Bucket, FileReader};
use crate::ledger::state::{LiveFile, State};
use crate::window::Window;
use arrow::array::AsArray as _;
use futures::TryStreamExt as _;
use std::collections::{HashMap, HashSet};

/// Rows of the lake within one window of one source.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Events by `event_uid`, with their kept bytes.
    pub(super) events: HashMap<String, Box<[u8]>>,
    /// Records in quarantine by `record_uid`, other readings of changed records included.
    pub(super) quarantined: HashSet<String>,
}

impl Known {
    /// Reads what the files of the state hold of `window`. Costs nothing where no file reaches
    /// into it, which is the rule for what is read for the first time.
    pub(super) async fn load(
        bucket: &Bucket,
        state: &State,
        source: &str,
        window: &Window,
    ) -> Result<Self, RunError> {
        let mut known = Self::default();
        for live in state.files_in(Table::Events, source, window) {
            let mut batches = reader(bucket, live)?.known_rows(window).await?;
            while let Some(rows) = batches.try_next().await? {
                let rows = rows.iter();
                let rows = rows.map(|row| (row.event_uid.to_owned(), row.raw.as_bytes().into()));
                known.events.extend(rows);
            }
        }
        for live in state.files_in(Table::Quarantine, source, window) {
            let file = reader(bucket, live)?;
            let mut batches = file.columns(&["record_uid"], None).await?;
            while let Some(batch) = batches.try_next().await? {
                let uids = batch.column(0).as_string::<i32>();
                let uids = uids.iter().flatten().map(str::to_owned);
                known.quarantined.extend(uids);
            }
        }
        Ok(known)
    }
}

fn reader(bucket: &Bucket, live: &LiveFile) -> Result<FileReader, LayoutError> {
    let file: DataFile = live.file.path.parse()?;
    Ok(FileReader::new(bucket, &file, live.file.bytes))
}
