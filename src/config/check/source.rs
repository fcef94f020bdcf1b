//! Checks `[[source]]`.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::Checks;
use crate::config::{SourceConfig, Start};
use crate::settings::parse_size;
use crate::settings::problem::SettingPlace;
use crate::source::platform::{FeedTable, RequestBounds, SourceTable};

pub(super) fn check_all(
    checks: &mut Checks<'_, '_>,
    tables: &[SourceTable],
    memory: Option<u64>,
) -> Option<Vec<SourceConfig>> {
    if tables.is_empty() {
        checks.problem(
            &SettingPlace::at("source"),
            "is empty: there is nothing to read",
            "add a [[source]] table; `trailhouse init` writes one",
        );
        return None;
    }
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut sources = Vec::new();
    for (index, table) in tables.iter().enumerate() {
        let place = SettingPlace::at("source").index(index);
        let id_place = place.key("id");
        if checks.is_written(&id_place)
            && let Some(first) = seen.insert(&table.platform().feed().id, index)
        {
            checks.problem(
                &id_place,
                format!("is also the id of [[source]] number {}", first + 1),
                "give each source its own id, and keep the ids of sources that have been read",
            );
        }
        let source = check(checks, table, &place);
        if let (Some(memory), Ok(max_response)) =
            (memory, parse_size(&table.platform().feed().max_response.0))
        {
            check_response(checks, max_response, memory, &place);
        }
        sources.push(source);
    }
    sources.into_iter().collect()
}

fn check_response(
    checks: &mut Checks<'_, '_>,
    max_response: u64,
    memory: u64,
    place: &SettingPlace,
) {
    // A record of this size is held three times over while it becomes rows and a file, and so may be
    // the next one.
    if max_response > memory / 8 {
        checks.problem(
            &place.key("max_response"),
            "is more than an eighth of the memory of a run",
            "reduce it, or increase `memory` in [run]",
        );
    }
}

fn check(
    checks: &mut Checks<'_, '_>,
    table: &SourceTable,
    place: &SettingPlace,
) -> Option<SourceConfig> {
    let table = table.platform();
    let platform = table.check(checks, place);
    let table = table.feed();
    let id = id(checks, &table.id, &place.key("id"));
    let start = start(checks, &table.start, &place.key("start"));
    let none = Duration::ZERO;
    let settle = checks.duration(&table.settle, &place.key("settle"), none);
    let overlap = checks.duration(&table.overlap, &place.key("overlap"), none);
    let requests = requests(checks, table, place);
    Some(SourceConfig {
        id: id?,
        platform: platform?,
        start: start?,
        settle: settle?,
        overlap: overlap?,
        requests: requests?,
    })
}

pub(super) fn id(checks: &mut Checks<'_, '_>, id: &str, place: &SettingPlace) -> Option<String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let ends = id.starts_with('-') || id.ends_with('-');
    if id.is_empty() || id.len() > 63 || ends || !id.chars().all(allowed) {
        checks.problem(
            place,
            "is not a valid id",
            "use 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends",
        );
        return None;
    }
    Some(id.to_owned())
}

fn start(checks: &mut Checks<'_, '_>, text: &str, place: &SettingPlace) -> Option<Start> {
    if text == "earliest" {
        return Some(Start::Earliest);
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        // chrono takes "2026-1-1" too; one way to write a date is enough.
        .filter(|date| date.to_string() == text)
        .map(|date| date.and_time(NaiveTime::MIN).and_utc());
    let instant = date.or_else(|| {
        DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|instant| instant.with_timezone(&Utc))
    });
    if instant.is_none() {
        checks.problem(
            place,
            format!("\"{text}\" is not a date"),
            "write \"YYYY-MM-DD\", an instant such as \"2026-01-01T06:00:00Z\", or \"earliest\"",
        );
    }
    instant.map(Start::At)
}

fn requests(
    checks: &mut Checks<'_, '_>,
    table: &FeedTable,
    place: &SettingPlace,
) -> Option<RequestBounds> {
    let second = Duration::from_secs(1);
    let timeout = checks.duration(
        &table.request_timeout,
        &place.key("request_timeout"),
        second,
    );
    let retry_for = checks.duration(&table.retry_for, &place.key("retry_for"), Duration::ZERO);
    let max_response = checks.size(&table.max_response, &place.key("max_response"), 64 << 10);
    Some(RequestBounds {
        concurrency: table.concurrency,
        timeout: timeout?,
        retry_for: retry_for?,
        max_response: max_response?,
    })
}
