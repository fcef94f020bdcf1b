//! What the lake already holds of a stretch of a feed: what new readings are compared with.

use super::RunError;
use crate::lake::layout::Table;
use crate::lake::{Bucket, known_records, quarantined_records};
use crate::ledger::state::State;
use crate::window::Window;
use bytes::Bytes;
use std::collections::{HashMap, HashSet};

/// Rows of the lake within one window of one source.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Events by `event_uid`, with their kept bytes.
    pub(super) events: HashMap<String, Bytes>,
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
            let rows = known_records(bucket, &live.file, window).await?;
            known
                .events
                .extend(rows.into_iter().map(|row| (row.event_uid, row.kept)));
        }
        for live in state.files_in(Table::Quarantine, source, window) {
            let rows = quarantined_records(bucket, &live.file).await?;
            known.quarantined.extend(rows);
        }
        Ok(known)
    }
}
