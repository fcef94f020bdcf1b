//! What is said of an answer's coverage. The lake has source `a` from 2026-01-01 to 2026-01-03, and a hole on the next date.

use chrono::NaiveDate;

use super::lake::SmallLake;
use super::three_dates;
use crate::lake::layout::Table;
use crate::ledger::entry::{ExpiredPart, HoleReasonCode};
use crate::ledger::state::{FeedState, HoleState, SourceState};
use crate::query::CoverageNote;
use crate::window::{Window, midnight};

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

async fn noted(lake: &SmallLake, conditions: &str) -> Option<CoverageNote> {
    let sql = format!("SELECT dt FROM audit_events WHERE {conditions}");
    let mut rows = lake.lake().sql(&sql).await.unwrap();
    let mut found = 0;
    while let Some(batch) = rows.next().await.unwrap() {
        found += batch.num_rows();
    }
    rows.coverage(found > 0)
}

async fn check(lake: &SmallLake, answers: &[(&str, &str, bool)]) {
    for (conditions, text, matters) in answers {
        let note = noted(lake, conditions).await.unwrap();
        assert_eq!(note.text, *text, "{conditions}");
        assert_eq!(note.matters, *matters, "{conditions}");
    }
}

#[tokio::test]
async fn the_dates_asked_follow_from_the_conditions() {
    let first_two = "coverage: complete from 2026-01-01 to 2026-01-02 (a)";
    let second = "coverage: complete for 2026-01-02 (a)";
    check(
        &three_dates(),
        &[
            ("dt = '2026-01-02'", second, false),
            ("dt < '2026-01-03' AND dt >= '2026-01-01'", first_two, false),
            ("dt IN ('2026-01-01', '2026-01-02')", first_two, false),
            (
                "dt IN ('2026-01-01', '2026-01-03')",
                "coverage: complete for the dates asked for between 2026-01-01 and 2026-01-03 (a)",
                false,
            ),
            ("dt = '2026-01-02' OR dt = '2026-01-01'", first_two, false),
            ("DATE_ADD(dt, INTERVAL 1 DAY) = '2026-01-03'", second, false),
            ("DATE(event_time) = '2026-01-02'", second, false),
            (
                "TIMESTAMP_TRUNC(event_time, DAY) = '2026-01-02 00:00:00+00'",
                second,
                false,
            ),
            // A date of Berlin begins on the UTC date before.
            (
                "DATE(event_time, 'Europe/Berlin') = '2026-01-02'",
                first_two,
                false,
            ),
            (
                "event_time >= '2026-01-02 05:00:00+00' AND event_time < '2026-01-03 00:00:00+00'",
                second,
                false,
            ),
            (
                "dt = '2026-01-02' AND EXTRACT(HOUR FROM event_time) > 0",
                second,
                false,
            ),
            ("dt = '2026-01-02' AND actor_name <> 'x'", second, false),
            ("dt = '2026-01-02' AND source = 'a'", second, false),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_is_missing_of_the_dates_asked_is_named() {
    let lake = three_dates();
    let hole = "not complete: hole on 2026-01-04 (a); run `trailhouse status`";
    check(
        &lake,
        &[
            ("dt >= '2026-01-03'", hole, false),
            ("dt IS NOT NULL", hole, false),
            ("dt = '2026-01-04'", hole, true),
        ],
    )
    .await;
    let lake = lake.with_state(|state| {
        let feed = feed_of(state);
        feed.coverage.remove(Window {
            from: midnight(date("2026-01-02")),
            to: "2026-01-02T12:30:00Z".parse().unwrap(),
        });
        let hole = HoleState {
            window: Window {
                from: "2026-01-02T10:00:00Z".parse().unwrap(),
                to: "2026-01-02T11:00:00Z".parse().unwrap(),
            },
            reason: HoleReasonCode("poison".to_owned()),
            detail: String::new(),
            first_seen: midnight(date("2026-01-05")),
            tries: 1,
        };
        feed.holes = vec![hole];
    });
    check(
        &lake,
        &[(
            "dt = '2026-01-02'",
            "not complete: hole on 2026-01-02 10:00 to 11:00 UTC (a), 2026-01-02 00:00 to 10:00 UTC not read yet (a), \
             2026-01-02 11:00 to 12:30 UTC not read yet (a); run `trailhouse status`",
            false,
        )],
    )
    .await;
}

#[tokio::test]
async fn no_rows_of_dates_without_coverage_are_explained() {
    let lake = three_dates();
    check(
        &lake,
        &[
            (
                "dt = '2025-12-24'",
                "no rows: coverage starts on 2026-01-01 (a), after the dates asked for (2025-12-24)",
                true,
            ),
            (
                "event_time < '2025-12-24 00:00:00+00'",
                "no rows: coverage starts on 2026-01-01 (a), after the dates asked for (to 2025-12-23)",
                true,
            ),
            (
                "dt > '2026-02-01'",
                "no rows: coverage ends on 2026-01-03 (a), before the dates asked for (from 2026-02-02)",
                true,
            ),
            (
                "dt BETWEEN '2025-12-24' AND '2026-01-01' AND actor_name = 'nobody'",
                "coverage: complete for 2026-01-01 (a); the dates asked for start on 2025-12-24, before the coverage of a",
                true,
            ),
            ("dt = '2026-01-01' AND actor_name = 'nobody'", "coverage: complete for 2026-01-01 (a)", false),
            ("source = 'aa'", "no rows: no source meets the conditions; the lake has a", true),
            (
                "dt > '2026-01-02' AND dt < '2026-01-01'",
                "no rows: no date meets the conditions",
                true,
            ),
        ],
    )
    .await;
    let empty = SmallLake::new(&[]);
    check(
        &empty,
        &[(
            "dt > '2026-01-01'",
            "no rows: nothing has been read yet; run `trailhouse run`",
            true,
        )],
    )
    .await;
}

#[tokio::test]
async fn a_condition_that_tells_no_dates_is_admitted() {
    let lake = three_dates().with_state(|state| feed_of(state).holes.clear());
    check(
        &lake,
        &[(
            "EXTRACT(HOUR FROM event_time) >= 0",
            "coverage: the dates asked for are not known from the SQL; the lake is complete from 2026-01-01 to \
             2026-01-03 (a)",
            false,
        )],
    )
    .await;
}

#[tokio::test]
async fn what_retention_deleted_is_named() {
    let lake = three_dates().with_state(|state| {
        for (day, category) in [("2026-01-01", "execution"), ("2026-01-02", "other")] {
            state.retention.gone.insert(&ExpiredPart {
                table: Table::Events,
                date: date(day),
                category: Some(category.to_owned()),
                source: "a".to_owned(),
                tenant: None,
                rule: "default".to_owned(),
                last_day: date(day),
                entries: Vec::new(),
                files: 1,
                rows: 1,
                bytes: 1,
            });
        }
    });
    check(
        &lake,
        &[
            (
                "dt < '2026-01-03'",
                "coverage: complete from 2026-01-01 to 2026-01-02 (a); retention deleted records between 2026-01-01 \
                 and 2026-01-02 (execution, other)",
                false,
            ),
            (
                "dt = '2026-01-01' AND actor_name = 'nobody'",
                "coverage: complete for 2026-01-01 (a); retention deleted records of 2026-01-01 (execution)",
                true,
            ),
            ("dt = '2026-01-03'", "coverage: complete for 2026-01-03 (a)", false),
        ],
    )
    .await;
}

#[tokio::test]
async fn sources_of_the_same_coverage_stand_together() {
    let lake = three_dates().with_state(|state| {
        let mut feed = feed_of(state).clone();
        state
            .sources
            .insert("b".to_owned(), with_feed(feed.clone()));
        feed.coverage
            .remove(Window::of_date(date("2026-01-01")).unwrap());
        state.sources.insert("c".to_owned(), with_feed(feed));
    });
    check(
        &lake,
        &[
            ("dt = '2026-01-02'", "coverage: complete for 2026-01-02 (a, b, c)", false),
            (
                "dt <= '2026-01-02'",
                "coverage: complete from 2026-01-01 to 2026-01-02 (a, b), for 2026-01-02 (c)",
                false,
            ),
            (
                "dt = '2026-01-01'",
                "coverage: complete for 2026-01-01 (a, b); coverage starts on 2026-01-02 (c), after the dates asked \
                 for (2026-01-01)",
                false,
            ),
            ("dt <= '2026-01-02' AND source = 'c'", "coverage: complete for 2026-01-02 (c)", false),
        ],
    )
    .await;
}

#[tokio::test]
async fn statements_that_ask_for_no_dates_have_no_coverage() {
    let lake = three_dates().lake();
    for sql in [
        "SELECT 1",
        "SELECT * FROM audit_batches",
        "SHOW TABLES",
        "EXPLAIN SELECT dt FROM audit_events WHERE dt = '2026-01-02'",
    ] {
        assert_eq!(lake.sql(sql).await.unwrap().coverage(true), None, "{sql}");
    }
    // All parts of a statement count.
    let union = "SELECT dt FROM audit_events WHERE dt = '2026-01-01' \
         UNION ALL SELECT dt FROM audit_events WHERE dt = '2026-01-02' AND actor_name IN \
         (SELECT actor_name FROM audit_events WHERE dt = '2026-01-03')";
    let note = lake.sql(union).await.unwrap().coverage(true).unwrap();
    assert_eq!(
        note.text,
        "coverage: complete from 2026-01-01 to 2026-01-03 (a)"
    );
}

#[tokio::test]
async fn coverage_opens_no_file() {
    let lake = three_dates();
    let sql = "SELECT COUNT(*) FROM audit_events WHERE dt > '2026-01-01'";
    let mut rows = lake.lake().sql(sql).await.unwrap();
    while rows.next().await.unwrap().is_some() {}
    assert!(rows.coverage(true).is_some());
    assert_eq!(lake.opened(), 0);
}

fn feed_of(state: &mut crate::ledger::state::State) -> &mut FeedState {
    let source = state.sources.get_mut("a").unwrap();
    source.feeds.get_mut("main").unwrap()
}

fn with_feed(feed: FeedState) -> SourceState {
    SourceState {
        redacted: Default::default(),
        feeds: [("main".to_owned(), feed)].into(),
        axis: None,
        last_run: None,
    }
}
