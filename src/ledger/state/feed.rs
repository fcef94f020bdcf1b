//! One feed: what is known of one tenant of one source.

use crate::ledger::entry::{
    Counts, DayCount, HoleEntry, HoleReasonCode, ObjectSet, Recount, RecountVerdict, VerdictBy,
};
use crate::origin::OriginState;
use crate::window::{Coverage, Window, instant, midnight};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How long after its end a date may still get records that were on their way.
pub(crate) const SETTLING: TimeDelta = TimeDelta::days(2);

/// How long after its end a date is counted without anybody asking for it.
pub(crate) const RECOUNTED: TimeDelta = TimeDelta::days(39);

/// Whether a date that is not in order is looked at in each run; once a day otherwise.
pub(crate) fn is_recounted_in_each_run(date: NaiveDate, now: DateTime<Utc>) -> bool {
    date.succ_opt()
        .is_none_or(|end| now - midnight(end) <= RECOUNTED)
}

/// A window that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoleState {
    /// The window.
    pub window: Window,
    /// Stable code of the newest reason.
    pub reason: HoleReasonCode,
    /// The newest reason in words.
    pub detail: String,
    /// When an entry first named the hole.
    #[serde(with = "instant")]
    #[schemars(with = "DateTime<Utc>")]
    pub first_seen: DateTime<Utc>,
    /// How many entries have named the hole, one for each run that tried it.
    pub tries: u64,
}

/// The newest recount of a date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecountState {
    /// When the source was asked.
    #[serde(with = "instant")]
    #[schemars(with = "DateTime<Utc>")]
    pub at: DateTime<Utc>,
    /// What was compared.
    pub by: VerdictBy,
    /// Records that the source had of the date; objects if `by` is `listing`.
    pub source_count: u64,
    /// Records of the date that the source had ever shown by then; objects if `by` is `listing`.
    pub lake_count: u64,
    /// Records that the source should still have had.
    pub expected: u64,
    /// The result.
    pub verdict: RecountVerdict,
}

/// A comparison of a whole date by the ids of all its records. It says nothing about records that appear
/// later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdMatch {
    /// When the date was read again.
    #[serde(with = "instant")]
    #[schemars(with = "DateTime<Utc>")]
    pub at: DateTime<Utc>,
    /// Number of records that source and lake both had then.
    pub records: u64,
}

/// One UTC date of a feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DayState {
    /// What became of the records of all entries.
    pub counts: Counts,
    /// Records of the date that the feed has shown in windows that were read whole, as the source counts
    /// them and however the lake came to have them. What is deleted by rule stays counted.
    pub accounted: u64,
    /// Records that the source is expected to have of the date where it has been read whole; `None` until
    /// the date is read again by id, where nobody can tell: a hole opened or closed amid what was read
    /// before.
    pub expected: Option<u64>,
    /// The objects of the date that have been read in windows that were read whole, where the feed is read in
    /// objects. They say nothing while `expected` is `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<ObjectSet>,
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

impl Default for DayState {
    /// A date without records.
    fn default() -> Self {
        Self {
            counts: Counts::default(),
            accounted: 0,
            expected: Some(0),
            objects: None,
            recount: None,
            matched: None,
            read_early: false,
            again: Coverage::new(),
            read_again: None,
        }
    }
}

impl DayState {
    fn note_records(&mut self, day: &DayCount) {
        self.counts.add(&day.counts);
        let more = day.added_to_expected();
        self.accounted = self.accounted.saturating_add_signed(more);
        self.expected = self
            .expected
            .map(|expected| expected.saturating_add_signed(more));
        if let Some(objects) = &day.objects {
            self.objects.get_or_insert_default().join(objects);
        }
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
    /// What was checked of what the platform proves of its objects; absent if nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<OriginState>,
}

impl FeedState {
    /// The same feed, of which a date was just read by id and held so many records.
    pub(crate) fn expecting(mut self, date: NaiveDate, records: u64) -> Self {
        let day = self.days.entry(date).or_default();
        day.accounted = day.accounted.max(records);
        day.expected = Some(records);
        self
    }

    /// Dates on which the source had more than the lake accounts for, when they were last counted.
    pub fn gaps(&self) -> impl Iterator<Item = NaiveDate> {
        let newest = |day: &DayState| day.recount.as_ref().map(|recount| recount.verdict);
        let gaps = self.days.iter();
        gaps.filter(move |(_, day)| newest(day) == Some(RecountVerdict::Gap))
            .map(|(date, _)| *date)
    }

    /// Dates on which the source had fewer than the lake accounts for, when they were last counted.
    pub fn fewer(&self) -> impl Iterator<Item = NaiveDate> {
        let fewer = |verdict| {
            matches!(
                verdict,
                Some(RecountVerdict::Purged | RecountVerdict::Fewer)
            )
        };
        let newest = |day: &DayState| day.recount.as_ref().map(|recount| recount.verdict);
        let days = self.days.iter();
        days.filter(move |(_, day)| fewer(newest(day)))
            .map(|(date, _)| *date)
    }

    /// Adds the counts of an entry.
    pub(super) fn note_records(&mut self, day: &DayCount) {
        self.days.entry(day.date).or_default().note_records(day);
    }

    /// Takes a window that has been read out of every hole.
    pub(super) fn close_holes(&mut self, read: Window) {
        for hole in self.holes.clone() {
            if let Some(closed) = hole.window.intersection(&read) {
                self.forget_expected(closed);
            }
        }
        self.take_out_of_holes(read);
    }

    /// What was read of a window before is part of the number that the source is expected to have; with a
    /// hole in its place the source is asked for less, and once it is closed for more.
    fn forget_expected(&mut self, hole: Window) {
        for read in self.coverage.inside(&hole) {
            for part in read.by_date() {
                let day = self.days.entry(part.from.date_naive()).or_default();
                day.expected = None;
            }
        }
    }

    fn take_out_of_holes(&mut self, read: Window) {
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
    pub(super) fn name_hole(&mut self, hole: &HoleEntry, at: DateTime<Utc>) {
        let before = self
            .holes
            .iter()
            .filter(|known| known.window.intersection(&hole.window).is_some())
            .min_by_key(|known| known.first_seen);
        let (first_seen, tries) = before.map_or((at, 0), |known| (known.first_seen, known.tries));
        let is_same = self.holes.iter().any(|known| known.window == hole.window);
        if !is_same {
            self.close_holes(hole.window);
            self.forget_expected(hole.window);
        }
        self.take_out_of_holes(hole.window);
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

    /// `at` is the newest instant that has certainly come.
    pub(super) fn note_recount(&mut self, recount: &Recount, at: DateTime<Utc>) {
        let day = self.days.entry(recount.date).or_default();
        match (recount.expected, recount.by) {
            // Version 1 compared with all that the lake accounts for.
            (None, _) => {
                day.accounted = recount.lake_count;
                day.expected = Some(recount.lake_count);
            }
            // All that was read is in the lake, or was deleted by rule.
            (Some(_), VerdictBy::Id) => {
                day.accounted = day.accounted.max(recount.source_count);
                day.expected = Some(recount.source_count);
            }
            (Some(_), VerdictBy::Count | VerdictBy::Listing) => {}
        }
        if let (VerdictBy::Id, Some(compared)) = (recount.by, &recount.objects) {
            day.objects = Some(compared.source);
        }
        // A listing that is equal shows that nothing came since the date was read: it need not be read again.
        let listed = (recount.by, recount.verdict) == (VerdictBy::Listing, RecountVerdict::Matched);
        let settled = recount.date.succ_opt();
        let settled = settled.is_some_and(|end| recount.at.min(at) - midnight(end) >= SETTLING);
        if listed && recount.whole && settled && day.read_early && day.read_again.is_none() {
            day.again = Coverage::new();
            day.read_again = Some(recount.at);
        }
        day.recount = Some(RecountState {
            at: recount.at,
            by: recount.by,
            source_count: recount.source_count,
            lake_count: recount.lake_count,
            expected: recount.expected.unwrap_or(recount.lake_count),
            verdict: recount.verdict,
        });
        // A match of a date that still lasts says nothing about the rest of it, so it is not kept.
        if (recount.by, recount.verdict) == (VerdictBy::Id, RecountVerdict::Matched)
            && recount.whole
        {
            day.matched = Some(IdMatch {
                at: recount.at,
                records: recount.source_count,
            });
        }
    }
}
