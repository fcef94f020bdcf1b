//! The comparison of the records of one chunk with what the lake holds.

mod unfit;

use super::compared::{CompareError, Compared, windows};
use super::context::ComparisonContext;
use super::evidence::evidence;
use super::known::{KnownEvent, KnownRecords};
use super::objects::{ComparedObjects, compare_objects};
use super::tally::{Fate, FirstOrAgain, RecordTally};
use crate::event::Event;
use crate::event::columns::EventBatches;
use crate::event::compare::{RecordChange, changed};
use crate::event::objects::object_rows;
use crate::event::quarantine::{QuarantineColumns, Quarantined};
use crate::event::uid::push_event_uid;
use crate::event::unfit::{MAX_ROW_BYTES, Reason, Unfit};
use crate::index::Fingerprint;
use crate::lake::layout::Table;
use crate::ledger::digest::Digest;
use crate::ledger::entry::Changed;
use crate::run::feed::one_tenant;
use crate::run::pieces::Piece;
use crate::source::{Axis, Keyed, may_be_same_tenant};
use crate::window::Coverage;
use chrono::NaiveDate;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// Compares the pieces of a chunk with what the lake held of each piece.
///
/// # Errors
/// Only [`CompareError::Full`] can come from data: one response larger than 2 GiB.
pub(in crate::run) fn compare(
    context: &ComparisonContext<'_>,
    pieces: &[Piece],
    known: &[KnownRecords],
) -> Result<Compared, CompareError> {
    let mut comparison = ChunkComparison {
        context,
        events: EventBatches::new(context.row.clone()),
        quarantine: QuarantineColumns::new(context.row.clone()),
        seen: HashMap::new(),
        seen_unfit: HashSet::new(),
        tally: RecordTally::default(),
        changed: Vec::new(),
        ids: Vec::new(),
        uid: String::new(),
    };
    for (piece, known) in pieces.iter().zip(known) {
        for record in &piece.records {
            comparison.record(piece, known, record)?;
        }
        comparison.tally.end(piece);
    }
    let objects = compare_objects(context, pieces, known);
    comparison.finish(pieces, objects)
}

/// A record of this chunk that was compared already.
struct Seen<'p> {
    tenant: Option<&'p str>,
    event_uid: String,
    /// Its kept bytes; none where they are not to be kept.
    kept: Option<Cow<'p, [u8]>>,
}

/// The first reading of a known record.
#[derive(Clone, Copy)]
enum First<'a> {
    Kept(&'a [u8]),
    /// Its digest is enough: it could not be read.
    Digest(Digest),
}

impl First<'_> {
    fn sha256(self) -> Digest {
        match self {
            Self::Kept(kept) => Digest::of(kept),
            Self::Digest(sha256) => sha256,
        }
    }
}

/// A known record that came again.
struct KnownAgain<'a> {
    event_uid: &'a str,
    first: First<'a>,
    /// The entry that added the first reading; none where it is of this chunk.
    sequence: Option<u64>,
    /// The date under which the lake holds it, where it is another one than now.
    moved_from: Option<NaiveDate>,
}

struct ChunkComparison<'a, 'p> {
    context: &'a ComparisonContext<'a>,
    events: EventBatches,
    quarantine: QuarantineColumns,
    /// Events of this chunk by their ids on the platform.
    seen: HashMap<&'p str, Vec<Seen<'p>>>,
    /// Digests of what this chunk put into quarantine.
    seen_unfit: HashSet<Digest>,
    tally: RecordTally,
    changed: Vec<Changed>,
    ids: Vec<(Fingerprint, NaiveDate)>,
    uid: String,
}

impl<'p> ChunkComparison<'_, 'p> {
    fn record(
        &mut self,
        piece: &'p Piece,
        known: &KnownRecords,
        record: &'p Keyed,
    ) -> Result<(), CompareError> {
        let served: &'p [u8] = &record.returned.record;
        let unfit = |bytes, withheld, unfit| evidence(piece, record, bytes, withheld, unfit);
        if !record.returned.is_record {
            let reason = Unfit::because(Reason::NoRecord);
            let withheld = !self.context.redaction.is_none();
            return self.unfit(piece, known, record, &unfit(served, withheld, reason));
        }
        let kept = match self.context.redaction.apply(served) {
            Ok(kept) => kept,
            Err(reason) => {
                return self.unfit(piece, known, record, &unfit(served, true, reason));
            }
        };
        let user = record
            .returned
            .actor
            .as_deref()
            .filter(|user| self.context.mapping.is_actor(served, user))
            .and_then(|user| self.context.redaction.apply_user(user));
        let normalised = self.context.mapping.normalise(&kept, user.as_deref());
        // What can be normalised has a key.
        let key = record.key.as_ref().map_err(|nameless| nameless.unfit);
        let (mut event, key) = match normalised.and_then(|event| Ok((event, key?))) {
            Ok(whole) => whole,
            Err(reason) => {
                let withheld = self.context.redaction.withholds(&reason);
                return self.unfit(piece, known, record, &unfit(&kept, withheld, reason));
            }
        };
        self.uid.clear();
        let native = event.native_id.as_deref().unwrap_or_default();
        push_event_uid(
            &mut self.uid,
            &self.context.row.source,
            event.tenant.as_deref(),
            native,
        );
        if event.tenant.is_none() {
            // The tenant it was asked for is the best that is known of it, and no part of its name.
            event.tenant = one_tenant(&piece.tenant).map(Cow::Borrowed);
        }
        if event.text_bytes() + self.uid.len() > MAX_ROW_BYTES {
            let reason = Unfit::because(Reason::TooLarge);
            let withheld = self.context.redaction.withholds(&reason);
            return self.unfit(piece, known, record, &unfit(&kept, withheld, reason));
        }
        let (id, tenant) = (&*key.native_id, key.tenant.as_deref());
        let of_chunk = self.seen.get(id).into_iter().flatten();
        let mut of_chunk = of_chunk.filter(|seen| may_be_same_tenant(seen.tenant, tenant));
        if let Some(seen) = of_chunk.next() {
            let (event_uid, first) = (seen.event_uid.clone(), seen.kept.clone());
            self.tally
                .note(piece, record, self.reading(piece, record), Fate::Repeated);
            return match first {
                Some(first) => {
                    let again = KnownAgain {
                        event_uid: &event_uid,
                        first: First::Kept(&first),
                        sequence: None,
                        moved_from: None,
                    };
                    self.again(piece, known, record, &again, &kept).map(drop)
                }
                None => Ok(()),
            };
        }
        let reading = self.reading(piece, record);
        if let Some(event) = self.known_event(known, id, tenant, &kept) {
            let date = event.time.date_naive();
            let again = KnownAgain {
                event_uid: &event.event_uid,
                first: First::Kept(&event.raw),
                sequence: Some(event.sequence),
                moved_from: (date != piece.filed_under(record)).then_some(date),
            };
            let noticed = self.again(piece, known, record, &again, &kept)?;
            let moved = again.moved_from.filter(|_| noticed);
            let moved = moved.and_then(|from| self.counted_on(from));
            self.tally.note(
                piece,
                record,
                reading,
                moved.map_or(Fate::Known, Fate::Moved),
            );
            self.uid.clone_from(&event.event_uid);
        } else if self.is_gone_event(&event) {
            self.tally.note(piece, record, reading, Fate::Expired);
            return self.see(id, tenant, None);
        } else {
            self.events.push(&event, &self.uid)?;
            let repaired = known.unreadable.get(id).map(|unfit| unfit.date);
            let fate = Fate::Added {
                repaired: repaired.is_some(),
                moved_from: repaired.and_then(|from| self.counted_on(from)),
            };
            self.tally.note(piece, record, reading, fate);
            self.note_id(id, event.time.date_naive());
        }
        self.see(id, tenant, Some(kept))
    }

    fn see(
        &mut self,
        id: &'p str,
        tenant: Option<&'p str>,
        kept: Option<Cow<'p, [u8]>>,
    ) -> Result<(), CompareError> {
        self.seen.entry(id).or_default().push(Seen {
            tenant,
            event_uid: self.uid.clone(),
            kept,
        });
        Ok(())
    }

    fn note_id(&mut self, id: &str, date: NaiveDate) {
        let id = Fingerprint::of(&self.context.row.source, id);
        self.ids.push((id, date));
    }

    /// The event of the lake that a record is; the one with the same bytes, where there are several.
    fn known_event<'k>(
        &self,
        known: &'k KnownRecords,
        id: &str,
        tenant: Option<&str>,
        kept: &[u8],
    ) -> Option<&'k KnownEvent> {
        let events = known.events.get(id)?;
        let same = events.iter().find(|event| *event.raw == *kept);
        same.or_else(|| {
            events.iter().find(|event| {
                let first = self.context.mapping.identify(&event.raw);
                let first = first.ok().and_then(|first| first.tenant);
                may_be_same_tenant(first.as_deref(), tenant)
            })
        })
    }

    /// The date under which a record is counted that is filed under `date`, where that is one date: a
    /// record of a feed that is read by arrival stays counted under the date of its arrival.
    fn counted_on(&self, date: NaiveDate) -> Option<NaiveDate> {
        (self.context.axis == Axis::Event).then_some(date)
    }

    /// How a record came to be read.
    fn reading(&self, piece: &Piece, record: &Keyed) -> FirstOrAgain {
        let position = record.position().unwrap_or(piece.window.from);
        let covered = self.context.coverage.get(&piece.tenant);
        let mut covered = covered.into_iter().flat_map(Coverage::windows);
        if !piece.is_whole() {
            FirstOrAgain::Salvaged
        } else if covered.any(|window| window.contains(position)) {
            FirstOrAgain::Again
        } else {
            FirstOrAgain::First
        }
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

    /// A reading of a record that was read before: evidence is kept where its content changed. Whether
    /// that was noticed for the first time.
    ///
    /// Not where the quarantine of its date was decided to go: the change is not counted either, since
    /// nothing would remember that it was, and each reading would find it anew.
    fn again(
        &mut self,
        piece: &Piece,
        known: &KnownRecords,
        record: &Keyed,
        again: &KnownAgain<'_>,
        now: &[u8],
    ) -> Result<bool, CompareError> {
        let First::Kept(first) = again.first else {
            return Ok(false);
        };
        let places = match self.change(first, now, again.sequence) {
            RecordChange::Same => return Ok(false),
            RecordChange::Drift { .. } => {
                self.tally.note_drifted(piece, record);
                return Ok(false);
            }
            RecordChange::Changed { places } => places,
        };
        let other = evidence(piece, record, now, false, Unfit::because(Reason::Changed));
        self.keep_evidence(piece, known, record, &other, again, places)
    }

    /// What became of a record since its first reading, under what was redacted then or is now.
    fn change(&self, first: &[u8], now: &[u8], sequence: Option<u64>) -> RecordChange {
        let places = self.context.redacted.places(sequence);
        changed(first, now, places, self.context.redaction.names())
    }

    /// Keeps another reading of a known record, unless the lake has it. Whether it is new.
    fn keep_evidence(
        &mut self,
        piece: &Piece,
        known: &KnownRecords,
        record: &Keyed,
        other: &Quarantined<'_>,
        again: &KnownAgain<'_>,
        pointers: Vec<String>,
    ) -> Result<bool, CompareError> {
        let now_sha256 = Digest::of(other.record);
        if known.quarantined.contains(&now_sha256)
            || !self.seen_unfit.insert(now_sha256)
            || self.is_gone_unfit(other)
        {
            return Ok(false);
        }
        self.quarantine.push(other)?;
        self.tally.note_changed(piece, record);
        self.changed.push(Changed {
            event_uid: again.event_uid.to_owned(),
            pointers,
            first_sha256: again.first.sha256(),
            now_sha256,
            moved_from: again.moved_from,
        });
        Ok(true)
    }

    fn finish(
        mut self,
        pieces: &[Piece],
        objects: ComparedObjects,
    ) -> Result<Compared, CompareError> {
        let (covered, reread) = windows(pieces, self.context.coverage);
        let (days, read) = self.tally.finish(objects.days);
        let rows = &objects.rows;
        Ok(Compared {
            events: self.events.finish()?,
            quarantine: (!self.quarantine.is_empty())
                .then(|| self.quarantine.finish())
                .transpose()?,
            objects: (!rows.is_empty())
                .then(|| object_rows(&self.context.row, rows))
                .transpose()?,
            covered,
            reread,
            holes: pieces
                .iter()
                .filter_map(|piece| piece.hole().cloned())
                .collect(),
            days,
            read,
            listed: objects.listed,
            changed: self.changed,
            ids: self.ids,
        })
    }
}
