//! How a lake stands, in one line.

use super::{FeedStatus, SourceStatus};
use crate::plural::counted;
use crate::warehouse::WarehouseStanding;
use crate::window::{Coverage, Window};
use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;

/// Dates that are named one by one.
const DATES_NAMED: usize = 3;

/// How a lake stands: what `status` says first, derived from the rest of the status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StatusVerdict {
    /// Instant up to which every configured feed has been read, apart from holes, gaps and unread
    /// windows; absent if one of the feeds has never been read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complete_until: Option<DateTime<Utc>>,
    /// Number of windows that could not be read.
    pub holes: u64,
    /// Number of dates of which the source has more records than the lake.
    pub gaps: u64,
    /// Number of windows between others that have not been read yet.
    pub unread: u64,
    /// Ids of the sources that failed in their newest run or were not read to the end.
    pub failed_sources: Vec<String>,
    /// Whether there are none of these problems, and every warehouse is in order.
    pub good: bool,
    /// The verdict in one line.
    pub text: String,
}

impl StatusVerdict {
    pub(super) fn of(
        sources: &[SourceStatus],
        configured: &BTreeSet<(String, String)>,
        warehouses: &[WarehouseStanding],
    ) -> Self {
        let feeds: Vec<(&SourceStatus, &FeedStatus)> = sources
            .iter()
            .flat_map(|source| source.feeds.iter().map(move |feed| (source, feed)))
            .filter(|(_, feed)| feed.configured)
            .collect();
        let mut parts = Vec::new();
        let mut never = 0;
        for (source, tenant) in configured {
            let is_read = |(known, feed): &(&SourceStatus, &FeedStatus)| {
                known.source == *source && feed.tenant == *tenant && !feed.covered.is_empty()
            };
            if !feeds.iter().any(is_read) {
                never += 1;
                parts.push(format!(
                    "source {source} tenant {tenant} has not been read yet"
                ));
            }
        }
        let ends = feeds
            .iter()
            .filter_map(|(_, feed)| Some(feed.covered.last()?.to));
        let end = ends.min();
        let hole_dates = feeds.iter().flat_map(|(_, feed)| &feed.holes);
        let hole_dates = hole_dates.flat_map(|hole| hole.window.by_date());
        let hole_dates: BTreeSet<NaiveDate> = hole_dates.map(|it| it.from.date_naive()).collect();
        let gap_dates: BTreeSet<NaiveDate> = feeds
            .iter()
            .flat_map(|(_, feed)| feed.gaps.clone())
            .collect();
        let sum = |count: &dyn Fn(&FeedStatus) -> usize| {
            feeds
                .iter()
                .map(|(_, feed)| count(feed) as u64)
                .sum::<u64>()
        };
        let holes = sum(&|feed| feed.holes.len());
        let gaps = sum(&|feed| feed.gaps.len());
        let unread = sum(&|feed| unread_between(feed).len());
        let mut missing = Vec::new();
        if holes > 0 {
            missing.push(format!(
                "{} {}",
                counted(holes, "hole", "holes"),
                on(&hole_dates)
            ));
        }
        if gaps > 0 {
            missing.push(format!(
                "{} {}",
                counted(gaps, "gap", "gaps"),
                on(&gap_dates)
            ));
        }
        if unread > 0 {
            let windows = counted(unread, "window", "windows");
            missing.push(format!("{windows} not read yet"));
        }
        if let Some(end) = end {
            let until = format!("complete up to {}", end.format("%Y-%m-%d %H:%M UTC"));
            parts.insert(
                0,
                match missing.is_empty() {
                    true => until,
                    false => format!("{until} except {}", missing.join(", ")),
                },
            );
        } else if configured.is_empty() || sources.is_empty() {
            parts = vec!["nothing has been read yet".to_owned()];
        }
        let mut failed_sources = Vec::new();
        for source in sources {
            if let Some(failure) = source.newest_failure() {
                failed_sources.push(source.source.clone());
                parts.push(format!("source {} {failure}", source.source));
            }
        }
        let good = missing.is_empty()
            && never == 0
            && failed_sources.is_empty()
            && warehouses.iter().all(WarehouseStanding::is_fine);
        parts.extend(warehouses.iter().map(warehouse_said));
        Self {
            complete_until: end.filter(|_| never == 0),
            holes,
            gaps,
            unread,
            failed_sources,
            good,
            text: parts.join("; "),
        }
    }
}

/// What lies between the windows that were read, and is no hole.
fn unread_between(feed: &FeedStatus) -> Vec<Window> {
    let (Some(first), Some(last)) = (feed.covered.first(), feed.covered.last()) else {
        return Vec::new();
    };
    let named = feed.holes.iter().chain(&feed.past_holes);
    let covered = feed.covered.iter().copied();
    let named: Coverage = covered.chain(named.map(|hole| hole.window)).collect();
    let whole = Window::new(first.from, last.to);
    whole.map_or_else(Vec::new, |whole| named.missing(&whole))
}

/// The dates, or the first of them: "on 2026-11-12".
fn on(dates: &BTreeSet<NaiveDate>) -> String {
    let named: Vec<String> = dates
        .iter()
        .take(DATES_NAMED)
        .map(NaiveDate::to_string)
        .collect();
    let more = dates.len().saturating_sub(DATES_NAMED) as u64;
    match (more, named.split_last()) {
        (0, Some((last, []))) => format!("on {last}"),
        (0, Some((last, rest))) => format!("on {} and {last}", rest.join(", ")),
        (more, _) => format!(
            "on {} and {}",
            named.join(", "),
            counted(more, "more date", "more dates")
        ),
    }
}

fn warehouse_said(standing: &WarehouseStanding) -> String {
    let behind: u64 = standing
        .tables
        .iter()
        .map(|table| table.entries_behind)
        .sum();
    let how = match (standing.is_fine(), behind) {
        (false, _) if standing.failure.is_some() => "failed in its newest run".to_owned(),
        (false, _) => "needs attention".to_owned(),
        (true, 0) => "is up to date".to_owned(),
        (true, behind) => format!("is {} behind", counted(behind, "entry", "entries")),
    };
    format!("warehouse {} {how}", standing.warehouse)
}
