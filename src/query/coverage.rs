//! What an answer rests on, in one line: whether the lake has all records of the dates asked for.
//!
//! By the same coverage, holes and gaps as `status`, and what retention has deleted of those dates besides.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};

use super::asked::{AskedDates, Dates};
use crate::ledger::state::{FeedState, State};
use crate::plural::counted;
use crate::window::{Coverage, Window, midnight, times_of_day};

/// What is said of an answer's coverage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageNote {
    /// One line.
    pub text: String,
    /// Whether the answer is misleading without it.
    pub matters: bool,
}

/// So many of a kind are named one by one.
const NAMED: usize = 3;

/// How one feed covers the dates asked for.
struct CoveredDates {
    /// The feed as it is named.
    name: String,
    /// What has been read of the dates asked for.
    inside: Vec<Window>,
    /// What is missing of them, between the first and the last instant that were read.
    missing: Vec<String>,
    /// Dates asked, and all of them are before or behind what has been read.
    outside: Option<String>,
    /// Coverage starts later than the dates asked for, or ends before them.
    partly: Option<String>,
}

impl CoverageNote {
    /// What is to be said of an answer to what was asked, with rows or without.
    pub(super) fn of(state: &State, asked: &AskedDates, has_rows: bool) -> Self {
        let feeds: Vec<CoveredDates> = state
            .sources
            .iter()
            .filter_map(|(id, source)| Some((id, source, asked.sources.get(id)?)))
            .flat_map(|(id, source, dates)| {
                let several = source.feeds.len() > 1;
                source.feeds.iter().map(move |(tenant, feed)| {
                    let name = match several {
                        true => format!("{id} tenant {tenant}"),
                        false => id.clone(),
                    };
                    CoveredDates::of(name, feed, dates)
                })
            })
            .collect();
        let missing: Vec<&str> = feeds
            .iter()
            .flat_map(|feed| feed.missing.iter().map(String::as_str))
            .collect();
        let outside = feeds.iter().filter_map(|feed| feed.outside.as_deref());
        let partly = feeds.iter().filter_map(|feed| feed.partly.as_deref());
        let nothing_inside = feeds.iter().all(|feed| feed.inside.is_empty());
        let mut parts: Vec<String> = Vec::new();
        let mut is_short = nothing_inside;
        if feeds.is_empty() {
            parts.push(nothing_asked(state, asked));
        } else if !missing.is_empty() {
            is_short = true;
            parts.push(format!("not complete: {}", listed(&missing)));
        } else if nothing_inside {
            parts.push(listed(&outside.collect::<Vec<_>>()));
        } else {
            let unclear = match asked.unclear {
                true => "the dates asked for are not known from the SQL; the lake is ",
                false => "",
            };
            parts.push(format!("coverage: {unclear}{}", complete(&feeds)));
            let limits: Vec<&str> = partly.chain(outside).collect();
            is_short = !limits.is_empty();
            parts.extend(is_short.then(|| listed(&limits)));
        }
        let deleted = deleted(state, asked);
        is_short |= deleted.is_some();
        parts.extend(deleted);
        if !missing.is_empty() {
            parts.push("run `trailhouse status`".to_owned());
        }
        let head = match nothing_inside && !has_rows && missing.is_empty() {
            true => "no rows: ",
            false => "",
        };
        Self {
            text: format!("{head}{}", parts.join("; ")),
            matters: nothing_inside || (is_short && !has_rows),
        }
    }
}

fn nothing_asked(state: &State, asked: &AskedDates) -> String {
    if state.sources.is_empty() {
        return "nothing has been read yet; run `trailhouse run`".to_owned();
    }
    if !asked.any_date {
        return "no date meets the conditions".to_owned();
    }
    let sources: Vec<&str> = state.sources.keys().map(String::as_str).collect();
    format!(
        "no source meets the conditions; the lake has {}",
        listed(&sources)
    )
}

impl CoveredDates {
    fn of(name: String, feed: &FeedState, dates: &Dates) -> Self {
        let asked = dates.windows();
        let mut covered = Self {
            name,
            inside: Vec::new(),
            missing: Vec::new(),
            outside: None,
            partly: None,
        };
        let name = &covered.name;
        for hole in &feed.holes {
            for part in asked.inside(&hole.window) {
                covered
                    .missing
                    .push(format!("hole on {} ({name})", said(part)));
            }
        }
        for gap in feed.gaps().filter(|gap| overlaps(&asked, *gap)) {
            covered.missing.push(format!("gap on {gap} ({name})"));
        }
        let (Some(start), Some(end)) = (feed.coverage.start(), feed.coverage.end()) else {
            covered.outside = Some(format!("nothing has been read yet ({name})"));
            return covered;
        };
        let holes: Coverage = feed.holes.iter().map(|hole| hole.window).collect();
        let whole = Window {
            from: start,
            to: end,
        };
        for window in asked.inside(&whole) {
            covered.inside.extend(feed.coverage.inside(&window));
            for unread in feed.coverage.missing(&window) {
                for part in holes.missing(&unread) {
                    covered
                        .missing
                        .push(format!("{} not read yet ({name})", said(part)));
                }
            }
        }
        let before = dates.first().filter(|first| midnight(*first) < start);
        let behind = dates.last().filter(|last| midnight(*last) >= end);
        if covered.inside.is_empty() {
            let asked = dates_said(dates);
            let is_before = dates.last().is_some_and(|last| midnight(last) < start);
            covered.outside = Some(match is_before {
                true => format!(
                    "coverage starts on {} ({name}), after the dates asked for ({asked})",
                    from_said(start)
                ),
                false => format!(
                    "coverage ends on {} ({name}), before the dates asked for ({asked})",
                    to_said(end)
                ),
            });
        } else if let Some(first) = before {
            covered.partly = Some(format!(
                "the dates asked for start on {first}, before the coverage of {name}"
            ));
        } else if let Some(last) = behind {
            covered.partly = Some(format!(
                "the dates asked for end on {last}, after the coverage of {name}"
            ));
        }
        covered
    }
}

fn overlaps(asked: &Coverage, date: NaiveDate) -> bool {
    Window::of_date(date).is_some_and(|date| asked.overlaps(&date))
}

/// From when to when each feed is complete; feeds of the same times stand together.
fn complete(feeds: &[CoveredDates]) -> String {
    // By what was read together, and in how many parts.
    let mut spans: BTreeMap<(Window, usize), Vec<&str>> = BTreeMap::new();
    for feed in feeds {
        if let (Some(first), Some(last)) = (feed.inside.first(), feed.inside.last()) {
            let whole = Window {
                from: first.from,
                to: last.to,
            };
            let span = (whole, feed.inside.len());
            spans.entry(span).or_default().push(&feed.name);
        }
    }
    if spans.len() <= NAMED {
        let said = spans.iter().map(|((span, parts), names)| {
            format!("{} ({})", span_said(span, *parts), listed(names))
        });
        return format!("complete {}", said.collect::<Vec<_>>().join(", "));
    }
    let feeds = spans.values().map(Vec::len).sum::<usize>();
    let feeds = counted(feeds as u64, "feed", "feeds");
    // What all of them have in common.
    let from = spans.keys().map(|(span, _)| span.from).max();
    let to = spans.keys().map(|(span, _)| span.to).min();
    match from.zip(to).and_then(|(from, to)| Window::new(from, to)) {
        Some(common) => format!("complete {} ({feeds})", span_said(&common, 1)),
        None => format!("complete, each of {feeds} for other dates"),
    }
}

fn span_said(span: &Window, parts: usize) -> String {
    let (first, last) = (from_said(span.from), to_said(span.to));
    match parts {
        1 if first == last => format!("for {first}"),
        1 => format!("from {first} to {last}"),
        _ => format!("for the dates asked for between {first} and {last}"),
    }
}

/// What retention deleted of the dates asked for.
fn deleted(state: &State, asked: &AskedDates) -> Option<String> {
    let sources = asked.sources.iter();
    let windows: BTreeMap<&str, Coverage> = sources
        .map(|(id, dates)| (id.as_str(), dates.windows()))
        .collect();
    let mut dates: Option<(NaiveDate, NaiveDate)> = None;
    let mut categories = BTreeSet::new();
    for span in state.retention.gone.spans() {
        let Some(windows) = windows.get(span.source) else {
            continue;
        };
        let whole = Window::of_date(span.first)
            .zip(Window::of_date(span.last))
            .and_then(|(first, last)| Window::new(first.from, last.to));
        let Some(whole) = whole.filter(|_| asked.tables.contains(&span.table)) else {
            continue;
        };
        for part in windows.inside(&whole) {
            let (first, last) = (part.from.date_naive(), last_date(part.to));
            let (known_first, known_last) = dates.unwrap_or((first, last));
            dates = Some((known_first.min(first), known_last.max(last)));
            categories.insert(span.category.unwrap_or("quarantine"));
        }
    }
    let (first, last) = dates?;
    let categories: Vec<&str> = categories.into_iter().collect();
    let dates = match first == last {
        true => format!("of {first}"),
        false => format!("between {first} and {last}"),
    };
    Some(format!(
        "retention deleted records {dates} ({})",
        listed(&categories)
    ))
}

/// The dates asked for, as they are named.
fn dates_said(dates: &Dates) -> String {
    match (dates.first(), dates.last()) {
        (Some(first), Some(last)) if first == last => first.to_string(),
        (Some(first), Some(last)) => format!("{first} to {last}"),
        (Some(first), None) => format!("from {first}"),
        (None, Some(last)) => format!("to {last}"),
        (None, None) => "all".to_owned(),
    }
}

/// A window within which nothing is known.
fn said(window: Window) -> String {
    let (first, last) = (window.from.date_naive(), last_date(window.to));
    let is_whole = window.from == midnight(first) && window.to == midnight(window.to.date_naive());
    match (is_whole, first == last) {
        (true, true) => first.to_string(),
        (true, false) => format!("{first} to {last}"),
        (false, true) => format!("{first} {} UTC", times_of_day(&window)),
        (false, false) => {
            let at = |instant: DateTime<Utc>| instant.format("%Y-%m-%d %H:%M");
            format!("{} to {} UTC", at(window.from), at(window.to))
        }
    }
}

fn last_date(end: DateTime<Utc>) -> NaiveDate {
    let date = end.date_naive();
    match end == midnight(date) {
        true => date.pred_opt().unwrap_or(date),
        false => date,
    }
}

fn from_said(instant: DateTime<Utc>) -> String {
    match instant == midnight(instant.date_naive()) {
        true => instant.date_naive().to_string(),
        false => instant.format("%Y-%m-%d %H:%M UTC").to_string(),
    }
}

fn to_said(end: DateTime<Utc>) -> String {
    match end == midnight(end.date_naive()) {
        true => last_date(end).to_string(),
        false => end.format("%Y-%m-%d %H:%M UTC").to_string(),
    }
}

/// The first few, and how many more there are.
fn listed(names: &[&str]) -> String {
    let mut text: Vec<String> = names
        .iter()
        .take(NAMED)
        .map(|name| (*name).to_owned())
        .collect();
    let more = names.len().saturating_sub(NAMED);
    if more > 0 {
        text.push(format!("and {more} more"));
    }
    text.join(", ")
}
