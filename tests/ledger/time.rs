//! What the ledger takes of entries whose time nothing bears out.

use super::*;
use chrono::TimeDelta;
use trailhouse::clock::Witness;
use trailhouse::ledger::entry::{
    ClockConfirmation, Entry, ExpiredPart, FileEntry, Hold, Retention, Span, SweepBody, SweptObject,
};
use trailhouse::ledger::invariants::Violation;
use trailhouse::ledger::state::LiveFile;
use trailhouse::policy::Policy;

/// An entry after the head of `state`, so many days after the first, of a version that names witnesses.
fn entry(state: &State, days: i64, body: Body) -> Entry {
    Entry {
        sequence: state.head.sequence + 1,
        previous: Some(state.head.sha256),
        run_id: "20251125T000000Z-00000000".into(),
        written_at: at(24 * days),
        witnesses: Some(Vec::new()),
        writer: "trailhouse".into(),
        config_sha256: Digest::of(b"config"),
        body,
    }
}

fn sweep() -> Body {
    Body::Sweep(Box::new(SweepBody {
        objects: vec![SweptObject {
            path: "events/orphan.parquet".into(),
            bytes: 1,
        }],
        older_than: at(0),
    }))
}

fn date(days: i64) -> chrono::NaiveDate {
    at(24 * days).date_naive()
}

/// A lake with a file of the first date, which a hold keeps until the tenth day after it.
async fn held() -> State {
    let (_, _, _, mut state) = founded().await;
    let file = FileEntry {
        path: "events/file.parquet".into(),
        table: trailhouse::lake::layout::Table::Events,
        date: date(0),
        category: Some("execution".into()),
        source: "kestra-prod".into(),
        bytes: 10,
        sha256: Digest::of(b"file"),
        md5: None,
        rows: 1,
        times: None,
        records_root: Digest::of(b"root"),
        statistics: trailhouse::ledger::entry::StatedStatistics::default(),
    };
    let live = LiveFile { sequence: 1, file };
    state.files.insert(date(0), vec![live]);
    let hold = Hold {
        case: "CASE-1".into(),
        from: date(0),
        to: date(0),
        categories: vec![],
        sources: vec![],
        reason: "a letter".into(),
        by: "anna".into(),
        until: Some(date(10)),
    };
    let entry = entry(&state, 0, Body::Hold(Box::new(hold)));
    state.apply(&entry, Digest::of(b"hold")).unwrap();
    state.retention.policy = Some(policy());
    state
}

fn policy() -> Policy {
    Policy {
        rules: vec![],
        default: "1d".parse().unwrap(),
        platforms: Default::default(),
    }
}

/// What takes the file, decided so many days after the first.
fn takes_it(days: i64, confirmed: bool) -> Body {
    Body::Retention(Box::new(Retention {
        as_of: date(days),
        policy: policy(),
        parts: vec![ExpiredPart {
            date: date(0),
            table: trailhouse::lake::layout::Table::Events,
            category: Some("execution".into()),
            source: "kestra-prod".into(),
            tenant: None,
            rule: "default".into(),
            last_day: date(1),
            entries: vec![Span { from: 1, to: 1 }],
            files: 1,
            rows: 1,
            bytes: 10,
        }],
        warehouses: vec![],
        plan: "plan".into(),
        confirmed_by: confirmed.then(|| "anna".into()),
    }))
}

#[tokio::test]
async fn what_deletes_unattended_is_refused_unless_its_time_is_borne_out() {
    let state = held().await;
    let with = |days: i64, witnesses: Option<Vec<Witness>>, body: Body| {
        let entry = Entry {
            witnesses,
            ..entry(&state, days, body)
        };
        state.accepts(&entry)
    };
    let nobody = || Some(Vec::new());
    let store = || Some(vec![Witness::Store]);
    assert_eq!(with(1, nobody(), sweep()), Ok(()));
    let unproven = Err(Violation::Unproven { sequence: 2 });
    assert_eq!(with(25, nobody(), sweep()), unproven);
    assert_eq!(with(25, store(), sweep()), Ok(()));
    assert_eq!(with(25, nobody(), takes_it(25, false)), unproven);
    assert_eq!(with(25, store(), takes_it(25, false)), Ok(()));
    // Version 1 does not say what bore its time out, and such ledgers stay readable.
    assert_eq!(with(25, None, sweep()), Ok(()));
    assert_eq!(with(25, None, takes_it(25, false)), Ok(()));
}

#[tokio::test]
async fn who_confirms_a_decision_does_not_end_a_hold() {
    let state = held().await;
    let confirmed = entry(&state, 25, takes_it(25, true));
    let held = state.accepts(&confirmed);
    assert!(
        matches!(
            held,
            Err(Violation::Expired {
                what: "it is under hold",
                ..
            })
        ),
        "{held:?}"
    );
    let seen = Entry {
        witnesses: Some(vec![Witness::Source("kestra-prod".into())]),
        ..confirmed
    };
    assert_eq!(state.accepts(&seen), Ok(()));
}

#[tokio::test]
async fn a_confirmed_clock_moves_the_time_of_the_ledger_either_way() {
    let mut state = held().await;
    let says = |by: &str, reason: &str| {
        Body::Clock(ClockConfirmation {
            by: by.into(),
            reason: reason.into(),
        })
    };
    for (by, reason) in [("", "why"), ("anna", " ")] {
        let entry = entry(&state, 25, says(by, reason));
        assert_eq!(state.accepts(&entry), Err(Violation::Confirmation));
    }
    for days in [300, 25] {
        let confirmed = entry(&state, days, says("anna", "by the calendar"));
        state
            .apply(&confirmed, Digest::of(&days.to_be_bytes()))
            .unwrap();
        assert_eq!(state.clock.reached(), at(24 * days));
        assert_eq!(state.clock.witnessed(), Some(at(24 * days)));
    }
    let next = entry(&state, 26, takes_it(26, false));
    assert_eq!(state.accepts(&next), Ok(()), "the hold has ended");
    // Whoever was about to decide by another time plans again; a hold or a chunk does not care.
    let came = [entry(&state, 25, says("anna", "again"))];
    for (body, expected) in [
        (takes_it(26, false), Rebase::CompareAgain),
        (sweep(), Rebase::CompareAgain),
        (ingest("b", window(0, 1)).body, Rebase::Resequence),
        (says("ben", "too"), Rebase::Resequence),
    ] {
        assert_eq!(rebase(&body, &came), expected, "{:?}", body.kind());
    }
}

/// A machine that was ahead together with a witness has read dates again "after they had settled". Once a
/// person has put the time right, they are still to be read again.
#[tokio::test]
async fn a_confirmed_clock_takes_back_what_a_later_time_has_settled() {
    let (_, _, _, mut state) = founded().await;
    let seen = |state: &State, days: i64, body: Body| Entry {
        witnesses: Some(vec![Witness::Store]),
        ..entry(state, days, body)
    };
    let first = seen(&state, 1, ingest("a", window(0, 24)).body);
    state.apply(&first, Digest::of(b"first")).unwrap();
    let mut again = ingest("b", window(0, 24)).body;
    if let Body::Ingest(body) = &mut again {
        body.reread = std::mem::take(&mut body.covered);
    }
    let ahead = seen(&state, 300, again);
    state.apply(&ahead, Digest::of(b"ahead")).unwrap();
    let day = |state: &State| state.feed("kestra-prod", "main").unwrap().days[&date(0)].clone();
    assert_eq!(day(&state).read_again, Some(at(24 * 300)));
    let confirmed = Body::Clock(ClockConfirmation {
        by: "anna".into(),
        reason: "by the calendar".into(),
    });
    let confirmed = entry(&state, 2, confirmed);
    state.apply(&confirmed, Digest::of(b"confirmed")).unwrap();
    let day = day(&state);
    assert!(day.read_early && day.read_again.is_none(), "{day:?}");
}

/// What a chunk says of dates that have settled rests on a time that has come: a clock that is ahead reads
/// nothing again "after it has settled".
#[tokio::test]
async fn a_date_does_not_settle_by_a_clock_that_nothing_bears_out() {
    let (_, _, _, state) = founded().await;
    for (witnesses, early) in [(vec![], true), (vec![Witness::Store], false)] {
        let mut state = state.clone();
        let entry = Entry {
            witnesses: Some(witnesses),
            ..entry(&state, 300, ingest("b", window(0, 24)).body)
        };
        state.apply(&entry, Digest::of(b"ingest")).unwrap();
        let feed = state.feed("kestra-prod", "main").unwrap();
        let read_early = feed.days.get(&date(0)).is_some_and(|day| day.read_early);
        assert_eq!(read_early, early);
        assert!(state.clock.reached() <= at(24 * 300) - TimeDelta::days(if early { 1 } else { 0 }));
    }
}
