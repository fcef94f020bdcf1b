//! Records that cannot become events.

use super::{ChunkComparison, First, KnownAgain};
use crate::event::compare::RecordChange;
use crate::event::quarantine::Quarantined;
use crate::event::uid::event_uid;
use crate::event::unfit::{Reason, Unfit};
use crate::ledger::digest::Digest;
use crate::run::comparing::compared::CompareError;
use crate::run::comparing::known::KnownRecords;
use crate::run::comparing::tally::Fate;
use crate::run::pieces::Piece;
use crate::source::Keyed;

impl ChunkComparison<'_, '_> {
    /// A record that cannot become an event.
    pub(super) fn unfit(
        &mut self,
        piece: &Piece,
        known: &KnownRecords,
        record: &Keyed,
        unfit: &Quarantined<'_>,
    ) -> Result<(), CompareError> {
        let reading = self.reading(piece, record);
        let sha256 = Digest::of(unfit.record);
        let fate = if self.seen_unfit.contains(&sha256) {
            Fate::Repeated
        } else if known.quarantined.contains(&sha256) {
            self.seen_unfit.insert(sha256);
            Fate::Known
        } else if let Some(fate) = self.unfit_now(piece, known, record, unfit)? {
            fate
        } else if self.is_gone_unfit(unfit) {
            self.seen_unfit.insert(sha256);
            Fate::Expired
        } else {
            self.seen_unfit.insert(sha256);
            self.quarantine.push(unfit)?;
            if let Some(id) = record.native_id() {
                self.note_id(id, piece.filed_under(record));
            }
            Fate::Quarantined
        };
        self.tally.note(piece, record, reading, fate);
        Ok(())
    }

    /// What becomes of a record that could be read before, or was unreadable in another way: it is known by
    /// its id, and its bytes are evidence. `None` where nobody knows it.
    fn unfit_now(
        &mut self,
        piece: &Piece,
        known: &KnownRecords,
        record: &Keyed,
        unfit: &Quarantined<'_>,
    ) -> Result<Option<Fate>, CompareError> {
        let Some(id) = record.native_id() else {
            return Ok(None);
        };
        let other = Quarantined {
            unfit: Unfit::because(Reason::Changed),
            ..*unfit
        };
        let all = || vec![String::new()];
        let here = piece.filed_under(record);
        if let Some(seen) = self.seen.get(id).and_then(|seen| seen.first()) {
            if let Some(first) = seen.kept.clone() {
                let event_uid = seen.event_uid.clone();
                let again = KnownAgain {
                    event_uid: &event_uid,
                    first: First::Kept(&first),
                    sequence: None,
                    moved_from: None,
                };
                self.keep_evidence(piece, known, record, &other, &again, all())?;
            }
            return Ok(Some(Fate::Repeated));
        }
        let (event_uid, first, date, sequence) =
            match known.events.get(id).and_then(|all| all.first()) {
                Some(event) => {
                    let date = event.time.date_naive();
                    let first = First::Kept(&event.raw);
                    (event.event_uid.clone(), first, date, event.sequence)
                }
                None => match known.unreadable.get(id) {
                    // The name that it would have as an event.
                    Some(unfit) => {
                        let uid = event_uid(&self.context.row.source, None, id);
                        let first = First::Digest(unfit.sha256);
                        (uid, first, unfit.date, unfit.sequence)
                    }
                    None => return Ok(None),
                },
            };
        let is_ours = match first {
            // It could be read, and only our rules keep it from being so now: its bytes are all there.
            First::Kept(first) if unfit.unfit.reason == Reason::NotRedactable => {
                let change = self.change(first, unfit.record, Some(sequence));
                !matches!(change, RecordChange::Changed { .. })
            }
            First::Kept(_) => false,
            First::Digest(_) => !self.context.redacted.is_same(sequence),
        };
        if is_ours && date == here {
            return Ok(Some(Fate::Known));
        }
        let again = KnownAgain {
            event_uid: &event_uid,
            first,
            sequence: Some(sequence),
            moved_from: (date != here).then_some(date),
        };
        let noticed = self.keep_evidence(piece, known, record, &other, &again, all())?;
        let moved = again.moved_from.filter(|_| noticed);
        let moved = moved.and_then(|from| self.counted_on(from));
        Ok(Some(moved.map_or(Fate::Known, Fate::Moved)))
    }
}
