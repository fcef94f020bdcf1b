//! What the lake already holds of the records of a piece: what new readings are compared with.
//!
//! A record is looked up where its time says, in the files that reach into the window of the piece. One
//! that is not there is looked up by its id, under whatever date the lake may hold it
//! ([`LakeIds`](crate::index::LakeIds)). Files are read only for what they may have.

use crate::event::unfit::Reason;
use crate::index::{Fingerprint, LakeIds};
use crate::lake::layout::{LayoutError, Table};
use crate::lake::{FileReader, stored_instant};
use crate::ledger::digest::Digest;
use crate::ledger::log::Log;
use crate::ledger::state::{LiveFile, State};
use crate::run::error::RunError;
use crate::run::feed::one_tenant;
use crate::run::pieces::Piece;
use crate::store::Bucket;
use crate::window::Window;
use arrow::array::{Array as _, AsArray as _};
use chrono::{DateTime, NaiveDate, Utc};
use futures::TryStreamExt as _;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Where the lake is, and what is known of it.
pub(in crate::run) struct Shelf<'a> {
    pub(in crate::run) bucket: &'a Bucket,
    pub(in crate::run) log: &'a Log,
    pub(in crate::run) state: &'a State,
    pub(in crate::run) source: &'a str,
}

/// An event of the lake that a record of a piece may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::run) struct KnownEvent {
    /// Its name.
    pub(in crate::run) event_uid: String,
    /// When it happened, cut to microseconds as stored.
    pub(in crate::run) time: DateTime<Utc>,
    /// The record as kept.
    pub(in crate::run) raw: Box<[u8]>,
    /// The entry that added it.
    pub(in crate::run) sequence: u64,
}

/// Rows of the lake that the records of one piece may be.
#[derive(Debug, Clone, Default)]
pub(in crate::run) struct KnownRecords {
    /// Events by their ids on the platform. Records of several tenants may share an id.
    pub(in crate::run) events: HashMap<Box<str>, Vec<KnownEvent>>,
    /// Records in quarantine by the digest of their bytes, other readings of known records included.
    pub(in crate::run) quarantined: HashSet<Digest>,
    /// Records in quarantine by their ids on the platform. Evidence of changes is no record of its own
    /// and not among them.
    pub(in crate::run) unreadable: HashMap<Box<str>, KnownUnfit>,
    /// Objects by their keys: versions and how reading each ended, in the order in which the lake came to know
    /// them.
    pub(in crate::run) objects: HashMap<Box<str>, Vec<KnownObject>>,
}

/// What the lake says of a version of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::run) struct KnownObject {
    /// The version.
    pub(in crate::run) version: Box<str>,
    /// `read`, or why it could not be.
    pub(in crate::run) status: Box<str>,
}

/// A record in quarantine that a record of a piece may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::run) struct KnownUnfit {
    /// The date that it is filed under.
    pub(in crate::run) date: NaiveDate,
    /// Digest of its bytes.
    pub(in crate::run) sha256: Digest,
    /// The entry that added it.
    pub(in crate::run) sequence: u64,
}

impl KnownRecords {
    /// Reads what the lake holds of a piece. Costs nothing where no file reaches into its window and no
    /// id is known, which is the rule for what is read for the first time.
    ///
    /// Only rows are kept whose id a record of the piece has: the lake may hold far more of a window than
    /// the source still returns.
    pub(in crate::run) async fn load(
        shelf: &Shelf<'_>,
        ids: &mut LakeIds,
        piece: &Piece,
    ) -> Result<Self, RunError> {
        let mut known = Self::default();
        if !piece.objects.is_empty() {
            Box::pin(known.read_objects(shelf, piece)).await?;
        }
        if piece.records.is_empty() {
            return Ok(known);
        }
        let wanted: HashSet<&str> = piece
            .records
            .iter()
            .filter_map(|it| it.native_id())
            .collect();
        for window in piece.lookups() {
            known.read_events(shelf, &window, &wanted).await?;
            known.read_quarantine(shelf, &window, &wanted).await?;
        }
        let mut elsewhere: BTreeMap<NaiveDate, HashSet<&str>> = BTreeMap::new();
        let missing = wanted.iter().copied().filter(|id| !known.has(id));
        let missing: Vec<&str> = missing.collect();
        if !missing.is_empty() {
            // Rarely more than a look, and large where it is.
            Box::pin(ids.catch_up(shelf.bucket, shelf.log, shelf.state)).await?;
        }
        for id in missing {
            for date in ids.dates(Fingerprint::of(shelf.source, id)) {
                elsewhere.entry(date).or_default().insert(id);
            }
        }
        for (date, wanted) in elsewhere {
            let Some(day) = Window::of_date(date) else {
                continue;
            };
            known.read_events(shelf, &day, &wanted).await?;
            known.read_unreadable(shelf, date, &wanted).await?;
        }
        Ok(known)
    }

    fn has(&self, id: &str) -> bool {
        self.events.contains_key(id) || self.unreadable.contains_key(id)
    }

    async fn read_events(
        &mut self,
        shelf: &Shelf<'_>,
        window: &Window,
        wanted: &HashSet<&str>,
    ) -> Result<(), RunError> {
        for live in shelf.state.files_in(Table::Events, shelf.source, window) {
            let mut batches = reader(shelf.bucket, live)?.known_rows(window).await?;
            while let Some(rows) = batches.try_next().await? {
                for row in rows.iter() {
                    let Some(id) = row.native_id.filter(|id| wanted.contains(id)) else {
                        continue;
                    };
                    let event = KnownEvent {
                        event_uid: row.event_uid.to_owned(),
                        time: stored_instant(row.event_time).unwrap_or(window.from),
                        raw: row.raw.as_bytes().into(),
                        sequence: live.sequence,
                    };
                    self.events.entry(id.into()).or_default().push(event);
                }
            }
        }
        Ok(())
    }

    async fn read_objects(&mut self, shelf: &Shelf<'_>, piece: &Piece) -> Result<(), RunError> {
        let wanted: HashSet<&str> = piece.objects.iter().map(|read| &*read.object.key).collect();
        let files = shelf
            .state
            .files_in(Table::Objects, shelf.source, &piece.window);
        for live in files {
            let file = reader(shelf.bucket, live)?;
            let columns = ["object_key", "version", "tenant", "status"];
            let mut batches = file.columns(&columns, None).await?;
            while let Some(batch) = batches.try_next().await? {
                let [keys, versions, tenants, statuses] =
                    [0, 1, 2, 3].map(|at| batch.column(at).as_string::<i32>());
                for row in 0..batch.num_rows() {
                    let tenant = tenants.is_valid(row).then(|| tenants.value(row));
                    let key = keys.value(row);
                    if tenant != one_tenant(&piece.tenant) || !wanted.contains(key) {
                        continue;
                    }
                    self.objects
                        .entry(key.into())
                        .or_default()
                        .push(KnownObject {
                            version: versions.value(row).into(),
                            status: statuses.value(row).into(),
                        });
                }
            }
        }
        Ok(())
    }

    async fn read_quarantine(
        &mut self,
        shelf: &Shelf<'_>,
        window: &Window,
        wanted: &HashSet<&str>,
    ) -> Result<(), RunError> {
        for live in shelf
            .state
            .files_in(Table::Quarantine, shelf.source, window)
        {
            for row in quarantined(shelf.bucket, live).await? {
                self.quarantined.insert(row.sha256);
                self.note_unreadable(row, live, wanted);
            }
        }
        Ok(())
    }

    async fn read_unreadable(
        &mut self,
        shelf: &Shelf<'_>,
        date: NaiveDate,
        wanted: &HashSet<&str>,
    ) -> Result<(), RunError> {
        let Some(day) = Window::of_date(date) else {
            return Ok(());
        };
        for live in shelf.state.files_in(Table::Quarantine, shelf.source, &day) {
            for row in quarantined(shelf.bucket, live).await? {
                self.note_unreadable(row, live, wanted);
            }
        }
        Ok(())
    }

    fn note_unreadable(&mut self, row: QuarantinedRow, live: &LiveFile, wanted: &HashSet<&str>) {
        if let Some(id) = row.native_id
            && !row.is_evidence
            && wanted.contains(&*id)
        {
            self.unreadable.entry(id).or_insert(KnownUnfit {
                date: live.file.date,
                sha256: row.sha256,
                sequence: live.sequence,
            });
        }
    }
}

/// What is needed of a row of quarantine.
struct QuarantinedRow {
    sha256: Digest,
    native_id: Option<Box<str>>,
    /// Whether it is another reading of a known record.
    is_evidence: bool,
}

async fn quarantined(bucket: &Bucket, live: &LiveFile) -> Result<Vec<QuarantinedRow>, RunError> {
    let file = reader(bucket, live)?;
    let columns = ["native_id", "reason", "record_sha256"];
    let mut batches = file.columns(&columns, None).await?;
    let mut rows = Vec::new();
    while let Some(batch) = batches.try_next().await? {
        let [ids, reasons, digests] = [0, 1, 2].map(|at| batch.column(at).as_string::<i32>());
        for row in 0..batch.num_rows() {
            let sha256 = digests.value(row).parse();
            rows.push(QuarantinedRow {
                sha256: sha256.map_err(|_| file.no_column("record_sha256"))?,
                native_id: ids.is_valid(row).then(|| ids.value(row).into()),
                is_evidence: reasons.value(row) == Reason::Changed.code(),
            });
        }
    }
    Ok(rows)
}

fn reader(bucket: &Bucket, live: &LiveFile) -> Result<FileReader, LayoutError> {
    FileReader::new(bucket, live.file.signed())
}
