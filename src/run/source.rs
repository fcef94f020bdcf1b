//! One source's part of a run: read what is planned, count again, read gaps again.

use super::RunError;
use super::due;
use super::ingest::{Committer, Reading, tenant_of};
use super::job::JobSource;
use super::observer::Observer;
use super::plan::{SourcePlan, age, comparable};
use super::recount::{Found, compared, recount_date};
use super::start::Oldest;
use super::summary::{SourceFailure, SourceSummary};
use crate::ledger::entry::{Future, Horizon, Verdict};
use crate::ledger::state::{FeedState, SETTLING};
use crate::source::{SourceError, count, count_after};
use crate::window::{Coverage, Window, format_instant, midnight};
use chrono::{NaiveDate, TimeDelta};
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::watch;

/// A span of new time that is worth a request to know how many records it holds.
const WORTH_COUNTING: TimeDelta = TimeDelta::days(1);
/// A distance between the oldest record of the source and what is not read yet that is too close.
const HORIZON_NEAR: TimeDelta = TimeDelta::days(3);

/// What is to be done for one source.
pub(super) struct Work<'a> {
    pub(super) source: &'a JobSource,
    pub(super) planned: &'a SourcePlan,
    /// What failed when the source was first asked.
    pub(super) failed: Option<SourceError>,
    /// What the source still has.
    pub(super) horizons: Oldest,
    pub(super) recount: Option<TimeDelta>,
}

impl Work<'_> {
    pub(super) async fn run(
        mut self,
        committer: &mut Committer<'_>,
        stop: &watch::Receiver<bool>,
        observer: &dyn Observer,
    ) -> Result<SourceSummary, RunError> {
        let past = self.planned.past.clone();
        let mut summary = SourceSummary::new(&self.source.id, past);
        self.warn_of_missed(&mut summary);
        if let Some(error) = self.failed.take() {
            summary.failure = Some(SourceFailure::from(&error));
            summary.requests = self.source.source.requests();
            return Ok(summary);
        }
        self.expect(observer).await;
        let windows = self.windows();
        match committer
            .ingest(self.source, &windows, stop, observer, &mut summary)
            .await?
        {
            Reading::Complete => summary.complete = true,
            Reading::Stopped => {}
            Reading::Failed(error) => summary.failure = Some(SourceFailure::from(&error)),
        }
        if summary.complete {
            self.matched_by_id(committer, &mut summary);
            match self
                .count_again(committer, stop, observer, &mut summary)
                .await?
            {
                Ok(()) => {}
                Err(error) => summary.failure = Some(SourceFailure::from(&error)),
            }
        }
        self.watch_horizon(committer, &mut summary);
        summary.requests = self.source.source.requests();
        Ok(summary)
    }

    /// Says what was not read before it was past retention.
    fn warn_of_missed(&self, summary: &mut SourceSummary) {
        for feed in &self.planned.feeds {
            for window in &feed.missed {
                summary.warnings.push(format!(
                    "tenant {}: {window} was not read before it was past retention, and is left out",
                    feed.tenant
                ));
            }
        }
    }

    /// What is read, by tenant in order of time.
    fn windows(&self) -> Vec<(String, Window)> {
        let feeds = self.planned.feeds.iter();
        feeds
            .flat_map(|feed| {
                feed.windows
                    .iter()
                    .map(|window| (feed.tenant.clone(), *window))
            })
            .collect()
    }

    /// Tells the observer how many records there are to read, where that is worth asking. A failure
    /// here is no harm: reading will meet it again.
    async fn expect(&self, observer: &dyn Observer) {
        let mut total = 0;
        for feed in &self.planned.feeds {
            for window in feed
                .new
                .iter()
                .filter(|new| new.duration() >= WORTH_COUNTING)
            {
                match count(&*self.source.source, &tenant_of(&feed.tenant), *window).await {
                    Ok(counted) if counted.exact => total += counted.rows,
                    Ok(_) | Err(_) => return observer.expect(None),
                }
            }
        }
        observer.expect((total > 0).then_some(total));
    }

    /// Settled dates of which all was read in this run, some of it again, were compared id by id.
    fn matched_by_id(&self, committer: &Committer<'_>, summary: &mut SourceSummary) {
        let now = committer.attempt.now;
        for feed in &self.planned.feeds {
            let Some(known) = committer.state.feed(&self.source.id, &feed.tenant) else {
                continue;
            };
            let read: Coverage = feed.windows.iter().copied().collect();
            let again: BTreeSet<NaiveDate> = feed
                .again
                .iter()
                .flat_map(Window::by_date)
                .map(|part| part.from.date_naive())
                .collect();
            for date in again {
                let parts = comparable(known, date);
                let whole = parts.iter().all(|part| read.covers(part));
                if whole && age(date, now) >= SETTLING {
                    self.note_match(committer, summary, &feed.tenant, date);
                }
            }
        }
    }

    fn note_match(
        &self,
        committer: &Committer<'_>,
        summary: &mut SourceSummary,
        tenant: &str,
        date: NaiveDate,
    ) -> Option<Verdict> {
        let known = committer.state.feed(&self.source.id, tenant)?;
        let key = (tenant.to_owned(), date);
        let distinct = summary.distinct.get(&key).copied().unwrap_or_default();
        let recount = compared(
            &self.source.id,
            tenant,
            date,
            known,
            committer.attempt.now,
            Found::Read(distinct),
        );
        let verdict = recount.verdict;
        summary
            .recounts
            .retain(|other| (other.tenant.as_str(), other.date) != (tenant, date));
        summary.recounts.push(recount);
        Some(verdict)
    }

    /// Counts what is due; where the source has more, the date is read again, now.
    async fn count_again(
        &self,
        committer: &mut Committer<'_>,
        stop: &watch::Receiver<bool>,
        observer: &dyn Observer,
        summary: &mut SourceSummary,
    ) -> Result<Result<(), SourceError>, RunError> {
        let feed = &*self.source.source;
        let now = committer.attempt.now;
        let mut gaps: Vec<(String, NaiveDate)> = Vec::new();
        for planned in &self.planned.feeds {
            let name = planned.tenant.as_str();
            let tenant = tenant_of(name);
            let nothing = FeedState::default();
            let known = committer
                .state
                .feed(&self.source.id, name)
                .unwrap_or(&nothing);
            let mut by_date: BTreeMap<NaiveDate, Vec<Window>> = BTreeMap::new();
            for part in due::recounts(known, now, self.recount, &self.planned.past) {
                by_date
                    .entry(part.from.date_naive())
                    .or_default()
                    .push(part);
            }
            for (date, parts) in by_date {
                let matched = |other: &crate::ledger::entry::Recount| {
                    (other.tenant.as_str(), other.date) == (name, date)
                };
                if *stop.borrow() {
                    summary.complete = false;
                    return Ok(Ok(()));
                }
                if summary.recounts.iter().any(matched) {
                    continue;
                }
                let at = (name, &tenant);
                match recount_date(feed, &self.source.id, at, known, &parts, now).await {
                    Ok(None) => {}
                    Ok(Some(recount)) => {
                        if recount.verdict == Verdict::Gap {
                            gaps.push((name.to_owned(), date));
                        }
                        summary.recounts.push(recount);
                    }
                    Err(error) => return Ok(Err(error)),
                }
            }
            match count_after(feed, &tenant, now).await {
                Ok(counted) => {
                    summary.future += counted.rows;
                    summary.futures.push(Future {
                        source: self.source.id.clone(),
                        tenant: name.to_owned(),
                        records: counted.rows,
                    });
                }
                Err(error) => return Ok(Err(error)),
            }
        }
        for (tenant, date) in gaps {
            let read = self
                .read_date_again(committer, stop, observer, summary, (&tenant, date))
                .await?;
            if let Reading::Failed(error) = read {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }

    /// Reads all that is covered of a date again and compares it id by id.
    async fn read_date_again(
        &self,
        committer: &mut Committer<'_>,
        stop: &watch::Receiver<bool>,
        observer: &dyn Observer,
        summary: &mut SourceSummary,
        (tenant, date): (&str, NaiveDate),
    ) -> Result<Reading, RunError> {
        let windows: Vec<(String, Window)> = committer
            .state
            .feed(&self.source.id, tenant)
            .map(|known| comparable(known, date))
            .into_iter()
            .flatten()
            .map(|window| (tenant.to_owned(), window))
            .collect();
        summary.distinct.remove(&(tenant.to_owned(), date));
        let reading = committer
            .ingest(self.source, &windows, stop, observer, summary)
            .await?;
        if matches!(reading, Reading::Complete) {
            self.note_match(committer, summary, tenant, date);
        }
        Ok(reading)
    }

    /// Notes the oldest record that the source has, and warns where records may be purged there
    /// before they are read.
    fn watch_horizon(&self, committer: &Committer<'_>, summary: &mut SourceSummary) {
        for (tenant, oldest) in &self.horizons {
            summary.horizons.push(Horizon {
                source: self.source.id.clone(),
                tenant: tenant.clone(),
                oldest: *oldest,
            });
            let known = committer.state.feed(&self.source.id, tenant);
            let purging = known
                .zip(*oldest)
                .is_some_and(|(known, oldest)| was_purged(known, oldest));
            let unread = self.first_unread(committer, tenant);
            if let (true, Some(oldest), Some(unread)) = (purging, *oldest, unread)
                && unread - oldest < HORIZON_NEAR
            {
                summary.warnings.push(format!(
                    "tenant {tenant}: the source has purged records up to {}, and what happened \
                     from {} on is not read yet",
                    format_instant(oldest),
                    format_instant(unread),
                ));
            }
        }
    }

    /// The first planned instant that is still not covered.
    fn first_unread(
        &self,
        committer: &Committer<'_>,
        tenant: &str,
    ) -> Option<chrono::DateTime<chrono::Utc>> {
        let planned = self
            .planned
            .feeds
            .iter()
            .find(|feed| feed.tenant == tenant)?;
        let known = committer.state.feed(&self.source.id, tenant);
        let still_missing = |window: &Window| {
            known.map_or_else(|| vec![*window], |known| known.coverage.missing(window))
        };
        let end = planned.new.last().map(|window| window.to);
        planned
            .new
            .iter()
            .flat_map(still_missing)
            .map(|window| window.from)
            .next()
            .or(end)
    }
}

/// Whether the source once had records that are older than what it has now.
fn was_purged(known: &FeedState, oldest: chrono::DateTime<chrono::Utc>) -> bool {
    let first_date = known
        .days
        .iter()
        .find(|(_, day)| day.lake_count() > 0)
        .map(|(date, _)| *date);
    first_date.is_some_and(|date| midnight(date) < oldest - TimeDelta::days(1))
}
