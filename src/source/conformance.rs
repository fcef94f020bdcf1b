//! The conformance suite of feeds: the contract of [`Source`], tried on a feed whose records are
//! known.
//!
//! Every source passes it, over the double of its platform, over scripted answers and under faults. Each
//! rule has a test with a feed that breaks it.

use super::{
    Axis, Hole, Keyed, Limits, Mapping, Slice, SliceOutcome, Source, SourceError, Tenant,
    WindowRequest, year,
};
use crate::window::{Window, format_instant};
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A rule of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FeedRule {
    /// Slices and holes are the window, in order, and leave nothing out.
    Tiles,
    /// Every record of a slice lies in its window.
    Inside,
    /// [`Axis::Arrival`] gives each record its time of arrival, [`Axis::Event`] none.
    Axis,
    /// A slice has every record of its window.
    Whole,
    /// A record comes from the platform: nothing is invented.
    Real,
    /// A slice counts its records, and those that came more than once.
    Counted,
    /// A hole says why.
    Explained,
    /// What is unreadable is a hole no longer than allowed, and hides nothing beside it.
    Smallest,
    /// A trusted count is the number of records that a reading returns.
    Counts,
    /// The oldest record is found.
    Oldest,
    /// A window in the far future is empty, and the control request succeeds.
    Control,
    /// The same answers give the same slices, whatever is asked at once.
    Repeatable,
    /// A window read in halves has the same records.
    Halves,
    /// A stream that was dropped leaves nothing behind.
    Cancelled,
    /// A record that becomes an event has an identity, and both agree.
    Agreement,
    /// A source that is whole answers.
    Answers,
}

impl fmt::Display for FeedRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A feed that breaks the contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the feed of {tenant} breaks the rule {rule}: {what}")]
pub struct FeedNonconformance {
    /// The feed.
    pub tenant: String,
    /// The rule.
    pub rule: FeedRule,
    /// How.
    pub what: String,
}

/// What is known to be in a window of a feed.
#[derive(Debug, Clone, Default)]
pub struct KnownFeed {
    /// Where each record lies on the axis of the feed, by its id on the platform; those that the platform
    /// cannot serve left out.
    pub records: BTreeMap<String, DateTime<Utc>>,
    /// What cannot be read: each of these windows may be a hole, or part of one that is no longer than
    /// `longest_hole`.
    pub unreadable: Vec<Window>,
    /// The longest hole around something that cannot be read.
    pub longest_hole: TimeDelta,
}

/// Checks a window of a feed, which must not change meanwhile.
///
/// # Errors
/// The first rule that does not hold.
pub async fn check_feed(
    source: &dyn Source,
    tenant: &Tenant,
    window: Window,
    known: &KnownFeed,
) -> Result<(), FeedNonconformance> {
    let check = FeedCheck {
        source,
        tenant,
        known,
    };
    check.control().await?;
    let read = check.read(window, Limits::default()).await?;
    check.pieces(window, &read)?;
    check.counts(window, &read).await?;
    check.oldest(window).await?;
    check.repeats(window, &read).await?;
    check.halves(window, &read).await?;
    check.cancels(window, &read).await?;
    check.agrees(&read)
}

/// What holds whatever the source does: pieces tile the window, and no record of a slice is lost or
/// invented. For feeds under faults, whose answers are not the same twice.
///
/// # Errors
/// The first rule that does not hold; the failure of the source as [`FeedRule::Answers`].
pub async fn check_under_faults(
    source: &dyn Source,
    tenant: &Tenant,
    window: Window,
    known: &KnownFeed,
) -> Result<(), FeedNonconformance> {
    let check = FeedCheck {
        source,
        tenant,
        known,
    };
    let read = check.read(window, Limits::default()).await?;
    check.tiles(window, &read)?;
    for outcome in &read {
        match outcome {
            SliceOutcome::Slice(slice) => check.slice(slice)?,
            SliceOutcome::Hole(hole) => check.explained(hole)?,
        }
    }
    check.agrees(&read)
}

struct FeedCheck<'a> {
    source: &'a dyn Source,
    tenant: &'a Tenant,
    known: &'a KnownFeed,
}

/// How a record is told from others here: by its id, or by its bytes.
fn name_of(record: &Keyed) -> String {
    match record.native_id() {
        Some(id) => id.to_owned(),
        None => String::from_utf8_lossy(&record.returned.record).into_owned(),
    }
}

fn names(outcomes: &[SliceOutcome]) -> Vec<String> {
    let records = outcomes.iter().flat_map(|outcome| match outcome {
        SliceOutcome::Slice(slice) => &slice.records,
        SliceOutcome::Hole(hole) => &hole.records,
    });
    let mut names: Vec<String> = records.map(name_of).collect();
    names.sort_unstable();
    names
}

impl FeedCheck<'_> {
    fn broken(&self, rule: FeedRule, what: impl Into<String>) -> FeedNonconformance {
        FeedNonconformance {
            tenant: self.tenant.to_string(),
            rule,
            what: what.into(),
        }
    }

    fn demand(
        &self,
        rule: FeedRule,
        holds: bool,
        what: impl FnOnce() -> String,
    ) -> Result<(), FeedNonconformance> {
        match holds {
            true => Ok(()),
            false => Err(self.broken(rule, what())),
        }
    }

    fn answered<T>(&self, answer: Result<T, SourceError>) -> Result<T, FeedNonconformance> {
        answer.map_err(|error| self.broken(FeedRule::Answers, error.to_string()))
    }

    fn request(&self, window: Window, limits: Limits) -> WindowRequest {
        WindowRequest {
            tenant: self.tenant.clone(),
            window,
            limits,
        }
    }

    async fn read(
        &self,
        window: Window,
        limits: Limits,
    ) -> Result<Vec<SliceOutcome>, FeedNonconformance> {
        let mut stream = self.source.read(self.request(window, limits));
        let mut outcomes = Vec::new();
        while let Some(outcome) = stream.next().await {
            outcomes.push(self.answered(outcome)?);
        }
        Ok(outcomes)
    }

    async fn control(&self) -> Result<(), FeedNonconformance> {
        let obeyed = self.source.control_request(self.tenant).await;
        obeyed.map_err(|error| self.broken(FeedRule::Control, error.to_string()))?;
        let Some(far) = year(2999).and_then(|from| Window::new(from, from + TimeDelta::days(1)))
        else {
            return Ok(());
        };
        let read = self.read(far, Limits::default()).await?;
        self.demand(FeedRule::Control, names(&read).is_empty(), || {
            format!("{far} has records")
        })
    }

    fn tiles(&self, window: Window, read: &[SliceOutcome]) -> Result<(), FeedNonconformance> {
        let mut next = window.from;
        for outcome in read {
            let part = outcome.window();
            self.demand(
                FeedRule::Tiles,
                part.from == next && part.from < part.to,
                || format!("{part} follows {}", format_instant(next)),
            )?;
            next = part.to;
        }
        self.demand(FeedRule::Tiles, next == window.to, || {
            format!("{window} was read to {}", format_instant(next))
        })
    }

    fn pieces(&self, window: Window, read: &[SliceOutcome]) -> Result<(), FeedNonconformance> {
        self.tiles(window, read)?;
        for outcome in read {
            match outcome {
                SliceOutcome::Slice(slice) => self.slice(slice)?,
                SliceOutcome::Hole(hole) => {
                    self.explained(hole)?;
                    self.smallest(hole)?;
                }
            }
        }
        Ok(())
    }

    fn slice(&self, slice: &Slice) -> Result<(), FeedNonconformance> {
        let records = &slice.records;
        self.demand(
            FeedRule::Counted,
            slice.total == records.len() as u64,
            || format!("{} of {} records counted", slice.total, records.len()),
        )?;
        for record in records {
            self.is_in_place(record, &slice.window)?;
        }
        let named: BTreeSet<String> = records.iter().map(name_of).collect();
        let repeated = (records.len() - named.len()) as u64;
        self.demand(
            FeedRule::Counted,
            slice.source_duplicates == repeated,
            || {
                format!(
                    "{} of {repeated} repetitions counted",
                    slice.source_duplicates
                )
            },
        )?;
        let there = self.known.records.iter();
        let mut there = there.filter(|(_, at)| slice.window.contains(**at));
        match there.find(|(id, _)| !named.contains(*id)) {
            None => Ok(()),
            Some((id, _)) => Err(self.broken(
                FeedRule::Whole,
                format!("{id} is missing in {}", slice.window),
            )),
        }
    }

    fn is_in_place(&self, record: &Keyed, window: &Window) -> Result<(), FeedNonconformance> {
        let by_arrival = self.source.capabilities().axis == Axis::Arrival;
        let arrived = record.returned.arrived.is_some();
        self.demand(FeedRule::Axis, arrived == by_arrival, || {
            format!("{} has arrived: {arrived}", name_of(record))
        })?;
        let inside = record.position().is_none_or(|at| window.contains(at));
        self.demand(FeedRule::Inside, inside, || {
            format!("{} does not lie in {window}", name_of(record))
        })?;
        let is_known = |id: &str| self.known.records.contains_key(id);
        self.demand(
            FeedRule::Real,
            record.native_id().is_none_or(is_known),
            || format!("{} is not of the platform", name_of(record)),
        )
    }

    fn explained(&self, hole: &Hole) -> Result<(), FeedNonconformance> {
        let says_why = !hole.detail.trim().is_empty();
        self.demand(FeedRule::Explained, says_why, || {
            format!("the hole {} does not say why", hole.window)
        })
    }

    fn smallest(&self, hole: &Hole) -> Result<(), FeedNonconformance> {
        let known = self.known;
        let mut unreadable = known.unreadable.iter();
        let around = unreadable.any(|bad| hole.window.intersection(bad).is_some());
        self.demand(
            FeedRule::Smallest,
            around && hole.window.duration() <= known.longest_hole,
            || format!("{} is a hole: {}", hole.window, hole.detail),
        )
    }

    async fn counts(
        &self,
        window: Window,
        read: &[SliceOutcome],
    ) -> Result<(), FeedNonconformance> {
        let is_whole = |outcome: &SliceOutcome| matches!(outcome, SliceOutcome::Slice(_));
        if !read.iter().all(is_whole) {
            return Ok(());
        }
        let returned = names(read).len() as u64;
        let counted = self.answered(self.source.count(self.tenant, window).await)?;
        let trusted = self.source.capabilities().counts_trusted;
        let holds = !counted.exact || (trusted && counted.rows == returned);
        self.demand(FeedRule::Counts, holds, || {
            format!("counted {} of {returned} in {window}", counted.rows)
        })
    }

    async fn oldest(&self, window: Window) -> Result<(), FeedNonconformance> {
        let first = self.known.records.values().min().copied();
        let found = self.answered(self.source.oldest(self.tenant, window.to).await)?;
        // What cannot be read may be older than everything that can.
        let unreadable = self.known.unreadable.iter().map(|bad| bad.from);
        let earliest = unreadable.chain(first).min();
        let holds = match (found, first) {
            (None, None) => true,
            (None, Some(_)) => false,
            (Some(found), Some(first)) => {
                found <= first && earliest.is_some_and(|it| it - found <= TimeDelta::days(1))
            }
            (Some(_), None) => !self.known.unreadable.is_empty(),
        };
        self.demand(FeedRule::Oldest, holds, || {
            let text = |at: Option<DateTime<Utc>>| at.map_or("none".to_owned(), format_instant);
            format!("found {}, and it is {}", text(found), text(first))
        })
    }

    async fn repeats(
        &self,
        window: Window,
        read: &[SliceOutcome],
    ) -> Result<(), FeedNonconformance> {
        let alone = Limits {
            concurrency: 1,
            ..Limits::default()
        };
        let again = self.read(window, alone).await?;
        let same = |(one, other): (&SliceOutcome, &SliceOutcome)| {
            let windows = one.window() == other.window();
            windows && names(std::slice::from_ref(one)) == names(std::slice::from_ref(other))
        };
        let holds = read.len() == again.len() && read.iter().zip(&again).all(same);
        self.demand(FeedRule::Repeatable, holds, || {
            format!("{window} has other slices when it is read one request at a time")
        })
    }

    async fn halves(
        &self,
        window: Window,
        read: &[SliceOutcome],
    ) -> Result<(), FeedNonconformance> {
        // At a record, so that an edge with one is tried.
        let mut inside = self
            .known
            .records
            .values()
            .filter(|at| **at > window.from && window.contains(**at));
        let middle = inside.nth(inside.clone().count() / 2).copied();
        let middle = middle.unwrap_or(window.from + window.duration() / 2);
        let mut parts = Vec::new();
        for half in [
            Window::new(window.from, middle),
            Window::new(middle, window.to),
        ] {
            let Some(half) = half else { continue };
            let outcomes = self.read(half, Limits::default()).await?;
            self.pieces(half, &outcomes)?;
            parts.extend(outcomes);
        }
        self.demand(FeedRule::Halves, names(&parts) == names(read), || {
            format!(
                "{window} cut at {} has other records",
                format_instant(middle)
            )
        })
    }

    async fn cancels(
        &self,
        window: Window,
        read: &[SliceOutcome],
    ) -> Result<(), FeedNonconformance> {
        let mut stream = self.source.read(self.request(window, Limits::default()));
        let first = stream.next().await;
        drop(stream);
        let began = first.transpose();
        self.answered(began)?;
        let again = self.read(window, Limits::default()).await?;
        self.demand(FeedRule::Cancelled, names(&again) == names(read), || {
            format!("{window} has other records after a reading was dropped")
        })
    }

    fn agrees(&self, read: &[SliceOutcome]) -> Result<(), FeedNonconformance> {
        let mapping = self.source.mapping();
        let records = read.iter().flat_map(|outcome| match outcome {
            SliceOutcome::Slice(slice) => &slice.records,
            SliceOutcome::Hole(hole) => &hole.records,
        });
        for record in records.filter(|record| record.returned.is_record) {
            if let Some(what) = disagreement(mapping, &record.returned.record) {
                return Err(
                    self.broken(FeedRule::Agreement, format!("{}: {what}", name_of(record)))
                );
            }
        }
        Ok(())
    }
}

/// Where the event and the identity of one record differ.
fn disagreement(mapping: &dyn Mapping, record: &[u8]) -> Option<String> {
    let event = mapping.normalise(record, None).ok()?;
    let Ok(identity) = mapping.identify(record) else {
        return Some("an event without an identity".to_owned());
    };
    if event.native_id.as_deref() != Some(&*identity.native_id) {
        return Some("two ids".to_owned());
    }
    if event.time != identity.time {
        return Some("two times".to_owned());
    }
    (event.tenant.as_deref() != identity.tenant.as_deref()).then(|| "two tenants".to_owned())
}

#[cfg(test)]
mod tests;
