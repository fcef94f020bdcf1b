//! What the lake already holds of the records of a piece: what new readings are compared with.

use super::RunError;
use super::compare::feed_tenant;
use super::piece::Piece;
use crate::event::uid::event_uid;
use crate::lake::layout::{DataFile, LayoutError, Table};
use crate::lake::{Bucket, FileReader};
use crate::ledger::state::{LiveFile, State};
use arrow::array::AsArray as _;
use futures::TryStreamExt as _;
use std::collections::{HashMap, HashSet};

/// Rows of the lake that the records of one piece may be.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Events by `event_uid`, with their kept bytes.
    pub(super) events: HashMap<String, Box<[u8]>>,
    /// Records in quarantine by `record_uid`, other readings of changed records included.
    pub(super) quarantined: HashSet<String>,
}

impl Known {
    /// Reads what the files of the state hold of a piece. Costs nothing where no file reaches into
    /// its window, which is the rule for what is read for the first time.
    ///
    /// Of events only those are kept whose name a record of the piece has: the lake may hold far
    /// more of a window than the source still returns.
    pub(super) async fn load(
        bucket: &Bucket,
        state: &State,
        source: &str,
        piece: &Piece,
    ) -> Result<Self, RunError> {
        let mut known = Self::default();
        if piece.records.is_empty() {
            return Ok(known);
        }
        let window = &piece.window;
        let wanted = names(source, piece);
        for live in state.files_in(Table::Events, source, window) {
            let mut batches = reader(bucket, live)?.known_rows(window).await?;
            while let Some(rows) = batches.try_next().await? {
                let rows = rows.iter();
                let rows = rows.filter(|row| wanted.contains(row.event_uid));
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

/// The names that the records of a piece have as events. A record without a key is none.
fn names(source: &str, piece: &Piece) -> HashSet<String> {
    let keys = piece.records.iter().flat_map(|record| &record.key);
    keys.map(|key| {
        let tenant = key.tenant.as_deref().or(feed_tenant(&piece.tenant));
        event_uid(source, tenant, &key.native_id)
    })
    .collect()
}

fn reader(bucket: &Bucket, live: &LiveFile) -> Result<FileReader, LayoutError> {
    let file: DataFile = live.file.path.parse()?;
    Ok(FileReader::new(bucket, &file, live.file.bytes))
}
