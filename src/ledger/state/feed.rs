//! One feed: what is known of one tenant of one source.

use crate::ledger::entry::{Counts, Hole, HoleReason, Recount, Verdict, VerdictBy, is_zero};
use crate::window::{Coverage, Window, instant};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How long after its end a date may still get records that were on their way.
pub(crate) const SETTLING: TimeDelta = TimeDelta::days(2);

/// A window that could not be read, since when and how often it was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoleState {
    /// The window.
    pub window: Window,
    /// Stable code of the newest reason.
    pub reason: HoleReason,
    /// The newest reason in words.
    pub detail: String,
    /// When it was first named.
    #[serde(with = "instant")]
    pub first_seen: DateTime<Utc>,
    /// How many entries have named it.
    pub tries: u64,
}

/// The newest recount of a date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecountState {
    /// When the source was asked.
    #[serde(with = "instant")]
    pub at: DateTime<Utc>,
    /// What was compared.
    pub by: VerdictBy,
    /// Records that the source had.
    pub source_count: u64,
    /// Records that the lake accounted for.
    pub lake_count: u64,
    /// Of these, records of what was deleted by rule that the lake never had.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub expired: u64,
    /// How they compared.
    pub verdict: Verdict,
}

/// A match of a whole date by the ids of all its records. It speaks for its time alone: records
/// that come later are for the next match or count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdMatch {
    /// When the date was read again.
    #[serde(with = "instant")]
    pub at: DateTime<Utc>,
    /// Records that both sides had then.
    pub records: u64,
}

/// One UTC date of a feed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DayState {
    /// What became of the records of all entries.
    pub counts: Counts,
    /// The newest recount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recount: Option<RecountState>,
    /// The newest match by id of all of the date, which a later count neither replaces nor repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched: Option<IdMatch>,
    /// Whether any of the date was first read within two days after its end, when records may
    /// still have been on their way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_early: bool,
    /// What has been read again since it settled, until that is all of it.
    #[serde(default, skip_serializing_if = "Coverage::is_empty")]
    pub again: Coverage,
    /// When all of the date had been read again, id by id, after it had settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_again: Option<DateTime<Utc>>,
}

impl DayState {
    /// Records of the date that the lake ever had. What is deleted by rule stays counted.
    pub const fn ever_had(&self) -> u64 {
        self.counts.added + self.counts.quarantined
    }

    /// Of what was deleted by rule, records at the source that the lake never had, by the newest recount.
    pub fn expired(&self) -> u64 {
        self.recount.as_ref().map_or(0, |recount| recount.expired)
    }

    /// Records of the date that the lake accounts for.
    pub fn lake_count(&self) -> u64 {
        self.ever_had() + self.expired()
    }
}

/// What is known of one tenant of one source.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedState {
    /// What has been read completely.
    pub coverage: Coverage,
    /// What could not be read, in order of time.
    pub holes: Vec<HoleState>,
    /// Dates that have records or were recounted.
    pub days: BTreeMap<NaiveDate, DayState>,
    /// Records dated in the future at the newest run.
    pub future: u64,
    /// The oldest record that the source still had at the newest run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<DateTime<Utc>>,
}

impl FeedState {
    /// Dates on which the source had more than the lake accounts for, when they were last counted.
    pub fn gaps(&self) -> impl Iterator<Item = NaiveDate> {
        let newest = |day: &DayState| day.recount.as_ref().map(|recount| recount.verdict);
        let gaps = self.days.iter();
        gaps.filter(move |(_, day)| newest(day) == Some(Verdict::Gap))
            .map(|(date, _)| *date)
    }

    /// Dates on which the source had fewer than the lake accounts for, when they were last counted.
    pub fn fewer(&self) -> impl Iterator<Item = NaiveDate> {
        let fewer = |verdict| matches!(verdict, Some(Verdict::Purged | Verdict::Fewer));
        let newest = |day: &DayState| day.recount.as_ref().map(|recount| recount.verdict);
        let days = self.days.iter();
        days.filter(move |(_, day)| fewer(newest(day)))
            .map(|(date, _)| *date)
    }

    /// Takes a window that has been read out of every hole.
    pub(super) fn close_holes(&mut self, read: Window) {
        let mut left = Vec::with_capacity(self.holes.len());
        for hole in self.holes.drain(..) {
            let parts = [
                Window::new(hole.window.from, hole.window.to.min(read.from)),
                Window::new(hole.window.from.max(read.to), hole.window.to),
            ];
            for window in parts.into_iter().flatten() {
                left.push(HoleState {
                    window,
                    ..hole.clone()
                });
            }
        }
        self.holes = left;
    }

    /// Adds a hole, or counts one more try of it.
    pub(super) fn name_hole(&mut self, hole: &Hole, at: DateTime<Utc>) {
        let before = self
            .holes
            .iter()
            .filter(|known| known.window.intersection(&hole.window).is_some())
            .min_by_key(|known| known.first_seen);
        let (first_seen, tries) = before.map_or((at, 0), |known| (known.first_seen, known.tries));
        self.close_holes(hole.window);
        let place = self
            .holes
            .partition_point(|known| known.window.from < hole.window.from);
        self.holes.insert(
            place,
            HoleState {
                window: hole.window,
                reason: hole.reason.clone(),
                detail: hole.detail.clone(),
                first_seen,
                tries: tries + 1,
            },
        );
    }

    /// Remembers the dates that were first read while records may still have been on their way.
    pub(super) fn note_first_read(&mut self, read: Window, at: DateTime<Utc>) {
        let Some(unsettled) = Window::new((at - SETTLING).max(read.from), read.to) else {
            return;
        };
        // A date ends at the midnight after it, so the date of `at - SETTLING` is unsettled too.
        for part in unsettled.by_date() {
            self.days
                .entry(part.from.date_naive())
                .or_default()
                .read_early = true;
        }
    }

    /// Remembers what has been read again of dates that have settled; a date is done when all that
    /// is covered of it has been read again, in however many chunks.
    pub(super) fn note_read_again(&mut self, read: Window, at: DateTime<Utc>) {
        let settled_to = at - SETTLING;
        for (date, day) in &mut self.days {
            let Some(whole) = Window::of_date(*date).filter(|whole| whole.to <= settled_to) else {
                continue;
            };
            let Some(part) = read.intersection(&whole) else {
                continue;
            };
            if !day.read_early || day.read_again.is_some() {
                continue;
            }
            day.again.insert(part);
            let covered = self.coverage.inside(&whole);
            if covered.iter().all(|window| day.again.covers(window)) {
                day.again = Coverage::new();
                day.read_again = Some(at);
            }
        }
    }

    /// Takes back what was derived from times after `at`, which a person has confirmed: by a clock that was
    /// ahead, dates were read again before they had settled, and others were read first as if they had.
    pub(super) fn correct_time(&mut self, at: DateTime<Utc>) {
        for day in self.days.values_mut() {
            day.read_again = day.read_again.filter(|again| *again <= at);
        }
        let unsettled = Window::new(at - SETTLING, at);
        let covered = unsettled.map(|unsettled| self.coverage.inside(&unsettled));
        for window in covered.into_iter().flatten() {
            self.note_first_read(window, at);
        }
    }

    pub(super) fn note_recount(&mut self, recount: &Recount) {
        let day = self.days.entry(recount.date).or_default();
        day.recount = Some(RecountState {
            at: recount.at,
            by: recount.by,
            source_count: recount.source_count,
            lake_count: recount.lake_count,
            expired: recount.expired,
            verdict: recount.verdict,
        });
        // A match of a date that still lasts says nothing about the rest of it, so it is not kept.
        if (recount.by, recount.verdict) == (VerdictBy::Id, Verdict::Matched) && recount.whole {
            day.matched = Some(IdMatch {
                at: recount.at,
                records: recount.source_count,
            });
        }
    }
}
