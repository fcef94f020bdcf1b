//! One source's part of a run: read what is planned, count again, read gaps again.

use super::asking::SourceAnswers;
use super::committing::Committer;
use super::error::RunError;
use super::feed::tenant_of;
use super::job::JobSource;
use super::job::RunObserver;
use super::origins::OriginsWork;
use super::plan::dates::{age, comparable};
use super::plan::{FeedPlan, SourcePlan, recounts};
use super::reading::{ReadingEnd, ingest};
use super::recount::{DateCounted, Found, compared, objects_read, recount_date, unchanged_parts};
use super::summary::SourceSummary;
use crate::ledger::entry::{Future, Horizon, Recount, RecountVerdict, VerdictBy};
use crate::ledger::state::{FeedState, RECOUNTED, SETTLING};
use crate::source::{ErrorScope, SourceError};
use crate::window::{Coverage, Window};
use chrono::{NaiveDate, TimeDelta};
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::watch;

/// A span of new time that is worth a request to know how many records it holds.
const WORTH_COUNTING: TimeDelta = TimeDelta::days(1);

/// What is to be done for one source.
pub(super) struct SourceWork<'a> {
    pub(super) source: &'a JobSource,
    pub(super) planned: &'a SourcePlan,
    /// What failed when the source was first asked.
    pub(super) failed: Option<SourceError>,
    /// What it said then.
    pub(super) asked: SourceAnswers,
    pub(super) recount: Option<TimeDelta>,
}

impl SourceWork<'_> {
    pub(super) async fn run(
        mut self,
        committer: &mut Committer<'_>,
        stop: &watch::Receiver<bool>,
        observer: &dyn RunObserver,
    ) -> Result<SourceSummary, RunError> {
        let past = self.planned.past.clone();
        let mut summary = SourceSummary::new(&self.source.id, past);
        self.warn_of_missed(&mut summary);
        if let Some(error) = self.failed.take() {
            summary.fail(&error);
            summary.requests = self.source.source.requests();
            return Ok(summary);
        }
        for (tenant, error) in std::mem::take(&mut self.asked.failures) {
            summary.feed_failed(&tenant, &error);
        }
        summary.warnings.append(&mut self.asked.warnings);
        self.expect(observer).await;
        let unchanged = self.unchanged(committer).await;
        let windows = self.windows(&unchanged);
        let reading = self
            .read(committer, &windows, stop, observer, &mut summary)
            .await?;
        let reading = match reading {
            ReadingEnd::Complete => {
                self.matched_by_id(committer, &windows, &mut summary);
                // Large, and seldom under way.
                Box::pin(self.count_again(committer, stop, observer, &mut summary)).await?
            }
            other => other,
        };
        match reading {
            ReadingEnd::Complete => {
                let failed = summary.failed_feeds.len();
                summary.complete = failed == 0;
                summary.other_feeds_read = self.source.source.tenants().len() > failed;
            }
            ReadingEnd::Stopped => {}
            ReadingEnd::Failed(error) => summary.fail(&error),
        }
        if summary.complete || summary.other_feeds_read {
            let tenants = self.planned.feeds.iter().map(|feed| feed.tenant.as_str());
            let work = OriginsWork {
                source: self.source,
                committer: &*committer,
                stop,
                observer,
            };
            Box::pin(work.follow_all(tenants, &mut summary)).await?;
        }
        self.watch_horizon(committer, &mut summary);
        self.watch_ids(committer, &mut summary);
        summary.requests = self.source.source.requests();
        Ok(summary)
    }

    /// Reads and commits windows, and notes in the summary what became of them.
    async fn read(
        &self,
        committer: &mut Committer<'_>,
        windows: &[(String, Window)],
        stop: &watch::Receiver<bool>,
        observer: &dyn RunObserver,
        summary: &mut SourceSummary,
    ) -> Result<ReadingEnd, RunError> {
        let mut settled = |settled| summary.settled(&settled);
        let read = ingest(
            committer,
            self.source,
            windows,
            stop,
            observer,
            &mut settled,
        );
        let read = read.await?;
        for (tenant, error) in &read.failed {
            summary.feed_failed(tenant, error);
        }
        Ok(read.reading)
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

    /// Windows of dates that are to be read again since they have settled, and need not be: the source lists
    /// the objects that were read and no others.
    async fn unchanged(&self, committer: &Committer<'_>) -> Vec<(String, Window)> {
        let (source, now) = (&*self.source.source, committer.ledger.attempt.now);
        let mut unchanged = Vec::new();
        for feed in &self.planned.feeds {
            let Some(known) = committer.ledger.state.feed(&self.source.id, &feed.tenant) else {
                continue;
            };
            let again = feed.again.iter().flat_map(Window::by_date);
            let dates: BTreeSet<NaiveDate> = again.map(|part| part.from.date_naive()).collect();
            for date in dates {
                let tenant = tenant_of(&feed.tenant);
                let parts = unchanged_parts(source, &tenant, known, date, now).await;
                unchanged.extend(parts.into_iter().map(|part| (feed.tenant.clone(), part)));
            }
        }
        unchanged
    }

    /// What is read, by tenant in order of time.
    fn windows(&self, unchanged: &[(String, Window)]) -> Vec<(String, Window)> {
        let mut windows = Vec::new();
        for feed in &self.planned.feeds {
            let mut read: Coverage = feed.windows.iter().copied().collect();
            let unchanged = unchanged
                .iter()
                .filter(|(tenant, _)| *tenant == feed.tenant);
            unchanged.for_each(|(_, window)| read.remove(*window));
            let read = Vec::from(read).into_iter();
            windows.extend(read.map(|window| (feed.tenant.clone(), window)));
        }
        windows
    }

    /// Tells the observer how many records there are to read, where that is worth asking. A failure
    /// here is no harm: reading will meet it again.
    async fn expect(&self, observer: &dyn RunObserver) {
        let mut total = 0;
        for feed in &self.planned.feeds {
            for window in feed
                .new
                .iter()
                .filter(|new| new.duration() >= WORTH_COUNTING)
            {
                let tenant = tenant_of(&feed.tenant);
                match self.source.source.count(&tenant, *window).await {
                    Ok(counted) if counted.exact => total += counted.rows,
                    Ok(_) | Err(_) => return observer.expect(None),
                }
            }
        }
        observer.expect((total > 0).then_some(total));
    }

    /// Settled dates of which all was read in this run, some of it again, were compared id by id.
    fn matched_by_id(
        &self,
        committer: &Committer<'_>,
        windows: &[(String, Window)],
        summary: &mut SourceSummary,
    ) {
        let now = committer.ledger.attempt.now;
        for feed in &self.planned.feeds {
            let Some(known) = committer.ledger.state.feed(&self.source.id, &feed.tenant) else {
                continue;
            };
            let windows = windows.iter().filter(|(tenant, _)| *tenant == feed.tenant);
            let read: Coverage = windows.map(|(_, window)| *window).collect();
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
    ) {
        let Some(known) = committer.ledger.state.feed(&self.source.id, tenant) else {
            return;
        };
        let key = (tenant.to_owned(), date);
        let read = summary.read.get(&key).copied().unwrap_or_default();
        let found = compared(
            &self.source.id,
            tenant,
            date,
            known,
            committer.ledger.attempt.now,
            Found::Read(read),
        );
        let recount = Recount {
            objects: objects_read(known, date, summary.listed.get(&key)),
            ..found
        };
        summary
            .recounts
            .retain(|other| (other.tenant.as_str(), other.date) != (tenant, date));
        summary.recounts.push(recount);
    }

    /// Counts what is due, and reads the dates again, now, whose count does not tell enough.
    async fn count_again(
        &self,
        committer: &mut Committer<'_>,
        stop: &watch::Receiver<bool>,
        observer: &dyn RunObserver,
        summary: &mut SourceSummary,
    ) -> Result<ReadingEnd, RunError> {
        let mut to_read = Vec::new();
        for planned in &self.planned.feeds {
            if summary.has_failed(&planned.tenant) {
                continue;
            }
            match self.count_feed(committer, stop, summary, planned).await {
                Ok(Some(dates)) => {
                    to_read.extend(dates.into_iter().map(|date| (planned.tenant.clone(), date)));
                }
                Ok(None) => return Ok(ReadingEnd::Stopped),
                Err(error) if error.scope() == ErrorScope::Feed => {
                    summary.feed_failed(&planned.tenant, &error);
                }
                Err(error) => return Ok(ReadingEnd::Failed(error)),
            }
        }
        for (tenant, date) in to_read {
            if summary.has_failed(&tenant) {
                continue;
            }
            match self
                .read_date_again(committer, stop, observer, summary, (&tenant, date))
                .await?
            {
                ReadingEnd::Complete => {}
                other => return Ok(other),
            }
        }
        self.compare_anew(committer, summary);
        Ok(ReadingEnd::Complete)
    }

    /// Holds the counts that fell short against what is known since: a record that is missing on one date
    /// may have been found on another.
    fn compare_anew(&self, committer: &Committer<'_>, summary: &mut SourceSummary) {
        for recount in &mut summary.recounts {
            let fell_short = matches!(
                recount.verdict,
                RecountVerdict::Fewer | RecountVerdict::Purged
            );
            if !fell_short || recount.by != VerdictBy::Count {
                continue;
            }
            if let Some(known) = committer
                .ledger
                .state
                .feed(&self.source.id, &recount.tenant)
            {
                let found = Found::Counted(recount.source_count);
                let (tenant, date, at) = (recount.tenant.clone(), recount.date, recount.at);
                *recount = compared(&self.source.id, &tenant, date, known, at, found);
            }
        }
    }

    /// Counts what is due of one feed, and returns the dates that have to be read by id; `None` where the
    /// run was told to stop.
    async fn count_feed(
        &self,
        committer: &Committer<'_>,
        stop: &watch::Receiver<bool>,
        summary: &mut SourceSummary,
        planned: &FeedPlan,
    ) -> Result<Option<Vec<NaiveDate>>, SourceError> {
        let feed = &*self.source.source;
        let now = committer.ledger.attempt.now;
        let name = planned.tenant.as_str();
        let tenant = tenant_of(name);
        let nothing = FeedState::default();
        let known = committer.ledger.state.feed(&self.source.id, name);
        let known = known.unwrap_or(&nothing);
        let mut by_date: BTreeMap<NaiveDate, Vec<Window>> = BTreeMap::new();
        for part in recounts(known, now, self.recount, &self.planned.past) {
            let date = part.from.date_naive();
            by_date.entry(date).or_default().push(part);
        }
        let mut to_read = Vec::new();
        for (date, parts) in by_date {
            if *stop.borrow() {
                return Ok(None);
            }
            let mut counted = summary.recounts.iter();
            if counted.any(|other| (other.tenant.as_str(), other.date) == (name, date)) {
                continue;
            }
            let at = (name, &tenant);
            match recount_date(feed, &self.source.id, at, known, &parts, now).await? {
                DateCounted::Unknown => {}
                DateCounted::MustRead => to_read.push(date),
                DateCounted::Compared(recount) => {
                    let is_short = recount.expected > Some(recount.source_count);
                    if recount.verdict == RecountVerdict::Gap
                        || (is_short && recount.verdict == RecountVerdict::Purged)
                    {
                        to_read.push(date);
                    }
                    summary.recounts.push(recount);
                }
            }
        }
        match feed.count_after(&tenant, now).await {
            Ok(counted) => {
                summary.future = summary.future.saturating_add(counted.rows);
                summary.futures.push(Future {
                    source: self.source.id.clone(),
                    tenant: name.to_owned(),
                    records: counted.rows,
                });
            }
            // It only informs.
            Err(error) if error.scope() == ErrorScope::Window => summary.warnings.push(format!(
                "tenant {name}: cannot count records dated in the future: {error}"
            )),
            Err(error) => return Err(error),
        }
        Ok(Some(to_read))
    }

    /// Reads all that is covered of a date again and compares it id by id.
    async fn read_date_again(
        &self,
        committer: &mut Committer<'_>,
        stop: &watch::Receiver<bool>,
        observer: &dyn RunObserver,
        summary: &mut SourceSummary,
        (tenant, date): (&str, NaiveDate),
    ) -> Result<ReadingEnd, RunError> {
        let of_date = |committer: &Committer<'_>| {
            let known = committer.ledger.state.feed(&self.source.id, tenant);
            known.map_or_else(Vec::new, |known| comparable(known, date))
        };
        let windows = of_date(committer);
        let windows: Vec<(String, Window)> = windows
            .into_iter()
            .map(|window| (tenant.to_owned(), window))
            .collect();
        let key = (tenant.to_owned(), date);
        summary.read.remove(&key);
        summary.listed.remove(&key);
        let is_counted = |other: &Recount| (other.tenant.as_str(), other.date) == (tenant, date);
        let mut counted = summary.recounts.iter();
        // A listing counts objects.
        let counted = counted.find(|it| is_counted(it) && it.by != VerdictBy::Listing);
        let counted = counted.map(|counted| counted.source_count);
        let reading = self
            .read(committer, &windows, stop, observer, summary)
            .await?;
        if !matches!(reading, ReadingEnd::Complete) || summary.has_failed(tenant) {
            return Ok(reading);
        }
        self.note_match(committer, summary, tenant, date);
        let read = summary.read.get(&key).copied().unwrap_or_default();
        if counted.is_none_or(|counted| counted <= read) {
            return Ok(ReadingEnd::Complete);
        }
        // It counted more than it returned: either some of it went meanwhile, or it counts what it does
        // not return.
        let parts = of_date(committer);
        let known = committer
            .ledger
            .state
            .feed(&self.source.id, tenant)
            .cloned();
        let known = known.unwrap_or_default().expecting(date, read);
        let asked = tenant_of(tenant);
        let now = committer.ledger.attempt.now;
        let feed = &*self.source.source;
        let again = recount_date(feed, &self.source.id, (tenant, &asked), &known, &parts, now);
        match again.await {
            Ok(DateCounted::Compared(recount)) if recount.verdict == RecountVerdict::Gap => {
                summary.recounts.retain(|other| !is_counted(other));
                summary.recounts.push(recount);
                Ok(ReadingEnd::Complete)
            }
            Ok(_) => Ok(ReadingEnd::Complete),
            Err(error) => Ok(ReadingEnd::Failed(error)),
        }
    }

    /// Notes the oldest record that the source has, and warns where records may be purged there
    /// before they are read.
    fn watch_horizon(&self, committer: &Committer<'_>, summary: &mut SourceSummary) {
        for (tenant, oldest) in &self.asked.oldest {
            summary.horizons.push(Horizon {
                source: self.source.id.clone(),
                tenant: tenant.clone(),
                oldest: *oldest,
            });
            let kept = self.source.source.capabilities().horizon;
            let now = committer.ledger.attempt.now;
            let known = committer.ledger.state.feed(&self.source.id, tenant);
            let unread = self.first_unread(committer, tenant);
            let falling = known
                .zip(unread)
                .and_then(|(known, unread)| known.falling_off(unread, kept, *oldest, now));
            if let Some(falling) = falling {
                let said = falling.said(now);
                summary.warnings.push(format!("tenant {tenant}: {said}"));
            }
        }
    }

    /// Warns where a record that came back under another time may not be recognised.
    fn watch_ids(&self, committer: &Committer<'_>, summary: &mut SourceSummary) {
        let first = (committer.ledger.attempt.now - RECOUNTED).date_naive();
        if let Some(from) = committer.ids.complete_from().filter(|from| *from > first) {
            summary.warnings.push(format!(
                "memory holds the ids of records from {from} on: an older record that comes back under \
                 another time counts as new; raise `memory` in [run]"
            ));
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
        let known = committer.ledger.state.feed(&self.source.id, tenant);
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
