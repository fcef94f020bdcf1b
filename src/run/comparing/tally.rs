//! Counting what became of the records of a chunk, by tenant and date.

use crate::ledger::entry::{Counts, DayCount, DayObjects};
use crate::run::pieces::Piece;
use crate::source::Keyed;
use chrono::NaiveDate;
use std::collections::BTreeMap;

/// A feed and date.
pub(in crate::run) type FeedDate = (String, NaiveDate);

/// How a record came to the lake's attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FirstOrAgain {
    /// Its window is read whole for the first time.
    First,
    /// Its window was read whole before.
    Again,
    /// Its window could not be read whole, and the record could.
    Salvaged,
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// A repetition within what the source returned at once.
    Repeated,
    /// The lake has it.
    Known,
    /// The lake has it under another date, where nobody had noticed before.
    Moved(NaiveDate),
    /// A new event.
    Added {
        /// Whether the lake held it in quarantine.
        repaired: bool,
        /// The date under which it was counted there, where it may be another one than now.
        moved_from: Option<NaiveDate>,
    },
    /// New in quarantine.
    Quarantined,
    /// It would be one of those that were deleted by rule.
    Expired,
}

/// Counts of one tenant and date.
#[derive(Debug, Clone, Copy, Default)]
struct TallyDay {
    counts: Counts,
    expected: i64,
    /// Records of windows read whole, repetitions included.
    read: u64,
}

impl TallyDay {
    fn add(&mut self, other: &Self) {
        self.counts.add(&other.counts);
        self.expected += other.expected;
        self.read += other.read;
    }
}

/// The counts of a chunk.
#[derive(Debug, Default)]
pub(super) struct RecordTally {
    /// Those of the piece at hand.
    piece: BTreeMap<NaiveDate, TallyDay>,
    days: BTreeMap<(String, NaiveDate), TallyDay>,
}

impl RecordTally {
    /// Counts a record of a piece.
    pub(super) fn note(
        &mut self,
        piece: &Piece,
        record: &Keyed,
        reading: FirstOrAgain,
        fate: Fate,
    ) {
        let day = self.day(piece.date_of(record));
        let counts = &mut day.counts;
        counts.returned += 1;
        let is_new = match fate {
            Fate::Repeated => {
                counts.source_duplicates += 1;
                false
            }
            Fate::Known | Fate::Moved(_) => {
                counts.known += 1;
                matches!(fate, Fate::Moved(_))
            }
            Fate::Added {
                repaired,
                moved_from,
            } => {
                counts.added += 1;
                counts.repaired += u64::from(repaired);
                !repaired || moved_from.is_some()
            }
            Fate::Quarantined => {
                counts.quarantined += 1;
                true
            }
            // A record of what was deleted may have been counted before it was.
            Fate::Expired => {
                counts.expired += 1;
                false
            }
        };
        let is_row = matches!(fate, Fate::Added { .. } | Fate::Quarantined);
        counts.late += u64::from(is_row && reading == FirstOrAgain::Again);
        day.read += u64::from(reading != FirstOrAgain::Salvaged);
        day.expected += i64::from(match reading {
            FirstOrAgain::First => true,
            FirstOrAgain::Again => is_new,
            FirstOrAgain::Salvaged => false,
        });
        if let Fate::Moved(from)
        | Fate::Added {
            moved_from: Some(from),
            ..
        } = fate
        {
            self.day(from).expected -= 1;
        }
    }

    /// Counts a known record whose content had a value changed or gone.
    pub(super) fn note_changed(&mut self, piece: &Piece, record: &Keyed) {
        self.day(piece.date_of(record)).counts.changed += 1;
    }

    /// Counts a known record that only gained fields.
    pub(super) fn note_drifted(&mut self, piece: &Piece, record: &Keyed) {
        self.day(piece.date_of(record)).counts.drifted += 1;
    }

    fn day(&mut self, date: NaiveDate) -> &mut TallyDay {
        self.piece.entry(date).or_default()
    }

    /// Ends a piece: its counts are those of its tenant.
    pub(super) fn end(&mut self, piece: &Piece) {
        for (date, day) in std::mem::take(&mut self.piece) {
            let of_tenant = self.days.entry((piece.tenant.clone(), date)).or_default();
            of_tenant.add(&day);
        }
    }

    /// The counts as an entry has them, and the records of windows read whole, repetitions included.
    pub(super) fn finish(
        mut self,
        mut objects: BTreeMap<FeedDate, DayObjects>,
    ) -> (Vec<DayCount>, Vec<u64>) {
        // A date may have objects and no records.
        for feed in objects.keys() {
            self.days.entry(feed.clone()).or_default();
        }
        let days = self.days.into_iter().map(|((tenant, date), day)| {
            let feed = (tenant, date);
            let objects = objects.remove(&feed);
            let (tenant, date) = feed;
            let count = DayCount {
                tenant,
                date,
                counts: day.counts,
                expected: Some(day.expected),
                objects,
            };
            (count, day.read)
        });
        days.unzip()
    }
}
