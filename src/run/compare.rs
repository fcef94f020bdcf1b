//! Comparing what was read with what the lake holds: which records are new, known, changed, unfit or
//! expired, and the rows and counts that follow. Pure: no I/O, and the same input makes the same
//! rows.

use super::known::Known;
use super::piece::{Piece, time_of};
use crate::event::Event;
use crate::event::columns::{EventBatches, Full, PushError, RowContext};
use crate::event::compare::{Change, changed};
use crate::event::quarantine::{QuarantineColumns, Quarantined};
use crate::event::redact::Redaction;
use crate::event::uid::{push_event_uid, record_uid};
use crate::event::unfit::{MAX_ROW_BYTES, Reason, Unfit};
use crate::lake::layout::Table;
use crate::ledger::digest::Digest;
use crate::ledger::entry::{Changed, Counts, Covered, DayCount, Hole};
use crate::ledger::state::Gone;
use crate::source::{Keyed, Source};
use crate::window::{Coverage, Window};
use arrow::array::RecordBatch;
use chrono::NaiveDate;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

/// What the comparison needs besides the pieces.
pub(super) struct Context<'a> {
    /// The source that the records come from.
    pub(super) source: &'a dyn Source,
    /// Its redaction.
    pub(super) redaction: &'a Redaction,
    /// Constant columns.
    pub(super) row: RowContext,
    /// What was covered before, by tenant.
    pub(super) coverage: &'a BTreeMap<String, Coverage>,
    /// What was decided to go of this source on the dates of the pieces: no row of it is made again.
    pub(super) gone: &'a Gone,
}

/// What became of the records of a chunk.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// New rows of `audit_events`, the batches of each category in the order read.
    pub(super) events: Vec<Vec<RecordBatch>>,
    /// New rows of `audit_quarantine`.
    pub(super) quarantine: Option<RecordBatch>,
    /// Windows covered first.
    pub(super) covered: Vec<Covered>,
    /// Windows read again.
    pub(super) reread: Vec<Covered>,
    /// Windows that could not be read.
    pub(super) holes: Vec<Hole>,
    /// Counts by tenant and date.
    pub(super) days: Vec<DayCount>,
    /// Evidence of changes.
    pub(super) changed: Vec<Changed>,
}

/// A chunk that does not fit into one batch of rows, or rows that do not fit the schema.
#[derive(Debug, thiserror::Error)]
pub(super) enum CompareError {
    /// Too many bytes.
    #[error("the records of one chunk are larger than a batch of rows can be")]
    Full,
    /// The rows could not be put together.
    #[error("rows cannot be put together: {0}")]
    Rows(#[from] arrow::error::ArrowError),
}

impl From<Full> for CompareError {
    fn from(Full: Full) -> Self {
        Self::Full
    }
}

impl From<PushError> for CompareError {
    fn from(error: PushError) -> Self {
        match error {
            PushError::Full(full) => full.into(),
            PushError::Schema(error) => error.into(),
        }
    }
}

/// Compares the pieces of a chunk with what the lake held in each piece's window.
///
/// # Errors
/// Only [`CompareError::Full`] can come from data: one response larger than 2 GiB.
pub(super) fn compare(
    context: &Context<'_>,
    pieces: &[Piece],
    known: &[Known],
) -> Result<Compared, CompareError> {
    let mut comparison = Comparison {
        context,
        events: EventBatches::new(context.row.clone()),
        quarantine: QuarantineColumns::new(context.row.clone()),
        seen: HashMap::new(),
        seen_unfit: HashSet::new(),
        dates: BTreeMap::new(),
        days: BTreeMap::new(),
        changed: Vec::new(),
        uid: String::new(),
    };
    for (piece, known) in pieces.iter().zip(known) {
        for record in &piece.records {
            comparison.record(piece, known, record)?;
        }
        comparison.end(piece);
    }
    comparison.finish(pieces)
}

struct Comparison<'a, 'p> {
    context: &'a Context<'a>,
    events: EventBatches,
    quarantine: QuarantineColumns,
    /// Events of this chunk by uid, with their kept bytes; without them where they are not to be kept.
    seen: HashMap<String, Option<Cow<'p, [u8]>>>,
    /// Records of this chunk that went to quarantine, by uid.
    seen_unfit: HashSet<String>,
    /// Counts of the piece at hand.
    dates: BTreeMap<NaiveDate, Counts>,
    days: BTreeMap<(String, NaiveDate), Counts>,
    changed: Vec<Changed>,
    uid: String,
}

impl<'p> Comparison<'_, 'p> {
    fn record(
        &mut self,
        piece: &'p Piece,
        known: &Known,
        record: &'p Keyed,
    ) -> Result<(), CompareError> {
        let served: &'p [u8] = &record.returned.record;
        let late = self
            .context
            .coverage
            .get(&piece.tenant)
            .zip(time_of(record).or(Some(piece.window.from)))
            .is_some_and(|(coverage, time)| {
                coverage
                    .windows()
                    .iter()
                    .any(|window| window.contains(time))
            });
        self.counts(piece, record).returned += 1;

        let tenant = feed_tenant(&piece.tenant);
        let unfit = |record_bytes, withheld, unfit| Quarantined {
            record: record_bytes,
            withheld,
            unfit,
            native_id: native_id(record),
            time: time_of(record),
            tenant,
            slice: piece.window,
        };
        if !record.returned.is_record {
            let reason = Unfit::because(Reason::NoRecord);
            let withheld = !self.context.redaction.is_none();
            return self.unfit(piece, known, unfit(served, withheld, reason), late);
        }
        let kept = match self.context.redaction.apply(served) {
            Ok(kept) => kept,
            Err(reason) => return self.unfit(piece, known, unfit(served, true, reason), late),
        };
        let user = record
            .returned
            .user
            .as_deref()
            .and_then(|user| self.context.redaction.apply_user(user));
        let mut event = match self.context.source.normalise(&kept, user.as_deref()) {
            Ok(event) => event,
            Err(reason) => {
                let withheld = self.context.redaction.withholds(&reason);
                return self.unfit(piece, known, unfit(&kept, withheld, reason), late);
            }
        };
        if event.tenant.is_none() {
            event.tenant = tenant.map(Cow::Borrowed);
        }
        self.uid.clear();
        let native = event.native_id.as_deref().unwrap_or_default();
        push_event_uid(
            &mut self.uid,
            &self.context.row.source,
            event.tenant.as_deref(),
            native,
        );
        if event.text_bytes() + self.uid.len() > MAX_ROW_BYTES {
            let reason = Unfit::because(Reason::TooLarge);
            let withheld = self.context.redaction.withholds(&reason);
            return self.unfit(piece, known, unfit(&kept, withheld, reason), late);
        }
        if let Some(first) = self.seen.get(&self.uid) {
            let first = first.clone();
            self.counts(piece, record).source_duplicates += 1;
            return match first {
                Some(first) => self.again(piece, known, record, &first, &kept),
                None => Ok(()),
            };
        }
        if let Some(first) = known.events.get(&self.uid) {
            self.counts(piece, record).known += 1;
            self.again(piece, known, record, first, &kept)?;
        } else if self.is_gone_event(&event) {
            self.counts(piece, record).expired += 1;
            self.seen.insert(self.uid.clone(), None);
            return Ok(());
        } else {
            self.events.push(&event, &self.uid)?;
            let counts = self.counts(piece, record);
            counts.added += 1;
            counts.late += u64::from(late);
        }
        self.seen.insert(self.uid.clone(), Some(kept));
        Ok(())
    }

    /// Whether the row of an event would be one of those that were decided to go.
    fn is_gone_event(&self, event: &Event<'_>) -> bool {
        let (date, category) = (event.time.date_naive(), event.category.name());
        let tenant = event.tenant.as_deref();
        self.is_gone(Table::Events, date, Some(category), tenant)
    }

    /// The same for the rows of a record in quarantine.
    fn is_gone_unfit(&self, record: &Quarantined<'_>) -> bool {
        let date = record.time.unwrap_or(record.slice.from).date_naive();
        self.is_gone(Table::Quarantine, date, None, record.tenant)
    }

    fn is_gone(
        &self,
        table: Table,
        date: NaiveDate,
        category: Option<&str>,
        tenant: Option<&str>,
    ) -> bool {
        let (gone, source) = (self.context.gone, &self.context.row.source);
        !gone.is_empty() && gone.has(table, date, category, source, tenant)
    }

    /// A reading of a record that was read before: evidence is kept where its content changed.
    ///
    /// Not where the quarantine of its date was decided to go: the change is not counted either, since
    /// nothing would remember that it was, and each reading would find it anew.
    fn again(
        &mut self,
        piece: &Piece,
        known: &Known,
        record: &Keyed,
        first: &[u8],
        now: &[u8],
    ) -> Result<(), CompareError> {
        let places = match changed(first, now, self.context.redaction.record_pointers()) {
            Change::Same => return Ok(()),
            Change::Drift { .. } => {
                self.counts(piece, record).drifted += 1;
                return Ok(());
            }
            Change::Changed { places } => places,
        };
        let now_sha256 = Digest::of(now);
        let tenant = feed_tenant(&piece.tenant);
        let uid = record_uid(&self.context.row.source, tenant, now_sha256.0);
        if known.quarantined.contains(&uid) || !self.seen_unfit.insert(uid) {
            return Ok(());
        }
        let evidence = Quarantined {
            record: now,
            withheld: false,
            unfit: Unfit::because(Reason::Changed),
            native_id: native_id(record),
            time: time_of(record),
            tenant,
            slice: piece.window,
        };
        if self.is_gone_unfit(&evidence) {
            return Ok(());
        }
        self.quarantine.push(&evidence)?;
        self.counts(piece, record).changed += 1;
        self.changed.push(Changed {
            event_uid: self.uid.clone(),
            pointers: places,
            first_sha256: Digest::of(first),
            now_sha256,
        });
        Ok(())
    }

    fn unfit(
        &mut self,
        piece: &Piece,
        known: &Known,
        record: Quarantined<'_>,
        late: bool,
    ) -> Result<(), CompareError> {
        let uid = record_uid(
            &self.context.row.source,
            record.tenant,
            Digest::of(record.record).0,
        );
        let date = record.time.unwrap_or(piece.window.from).date_naive();
        let is_known = known.quarantined.contains(&uid);
        let is_new = self.seen_unfit.insert(uid);
        let is_gone = !is_known && self.is_gone_unfit(&record);
        if !is_known && is_new && !is_gone {
            self.quarantine.push(&record)?;
        }
        let counts = self.dates.entry(date).or_default();
        if !is_new {
            counts.source_duplicates += 1;
        } else if is_known {
            counts.known += 1;
        } else if is_gone {
            counts.expired += 1;
        } else {
            counts.quarantined += 1;
            counts.late += u64::from(late);
        }
        Ok(())
    }

    fn counts(&mut self, piece: &Piece, record: &Keyed) -> &mut Counts {
        self.dates.entry(piece.date_of(record)).or_default()
    }

    /// Adds the counts of a piece to those of its tenant.
    fn end(&mut self, piece: &Piece) {
        for (date, counts) in std::mem::take(&mut self.dates) {
            let day = self.days.entry((piece.tenant.clone(), date)).or_default();
            day.add(&counts);
        }
    }

    fn finish(mut self, pieces: &[Piece]) -> Result<Compared, CompareError> {
        let (covered, reread) = windows(pieces, self.context.coverage);
        Ok(Compared {
            events: self.events.finish()?,
            quarantine: (!self.quarantine.is_empty())
                .then(|| self.quarantine.finish())
                .transpose()?,
            covered,
            reread,
            holes: pieces
                .iter()
                .filter_map(|piece| piece.hole.clone())
                .collect(),
            days: self
                .days
                .into_iter()
                .map(|((tenant, date), counts)| DayCount {
                    tenant,
                    date,
                    counts,
                })
                .collect(),
            changed: self.changed,
        })
    }
}

/// The windows that were read whole: those covered first, and those read again.
fn windows(
    pieces: &[Piece],
    coverage: &BTreeMap<String, Coverage>,
) -> (Vec<Covered>, Vec<Covered>) {
    let nothing = Coverage::new();
    let mut first: BTreeMap<&str, Coverage> = BTreeMap::new();
    let mut again: BTreeMap<&str, Coverage> = BTreeMap::new();
    for piece in pieces.iter().filter(|piece| piece.hole.is_none()) {
        let before = coverage.get(&piece.tenant).unwrap_or(&nothing);
        for window in before.missing(&piece.window) {
            first.entry(&piece.tenant).or_default().insert(window);
        }
        for window in before.inside(&piece.window) {
            again.entry(&piece.tenant).or_default().insert(window);
        }
    }
    (listed(first), listed(again))
}

fn listed(sets: BTreeMap<&str, Coverage>) -> Vec<Covered> {
    sets.into_iter()
        .flat_map(|(tenant, set)| {
            let windows: Vec<Window> = set.into();
            windows.into_iter().map(move |window| Covered {
                tenant: tenant.to_owned(),
                window,
            })
        })
        .collect()
}

/// The longest id that stands beside a record in quarantine: its rows have to stay loadable. A longer
/// one is in the record's bytes.
const LONGEST_ID: usize = 1 << 20;

/// The id of a record, where it could be read.
fn native_id(record: &Keyed) -> Option<&str> {
    let id = record.key.as_ref().ok().map(|key| &*key.native_id)?;
    (id.len() <= LONGEST_ID).then_some(id)
}

/// The tenant that a feed stands for, if it stands for one.
pub(super) fn feed_tenant(name: &str) -> Option<&str> {
    (name != super::plan::ALL_TENANTS).then_some(name)
}

#[cfg(test)]
mod tests;
