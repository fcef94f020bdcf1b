//! Trouble that people had with jobs like this one: what the source does.

use super::harness::{Rig, SOURCE, at, empty, quiet, receipt, run, run_well, sound_lake, try_run};
use super::lake::objects;
use crate::faulty_store::{FaultyStore, On};
use chrono::TimeDelta;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use trailhouse::config::Start;
use trailhouse::ledger::entry::{KeyGrant, RecountVerdict, Role, VerdictBy};
use trailhouse::ledger::key::SigningKey;
use trailhouse::ledger::log::Log;
use trailhouse::run::{RunError, RunOptions, Summary};
use trailhouse::source::Tenant;
use trailhouse::source::http::{Auth, LazySecret};
use trailhouse::source::platform::kestra::Dialect;
use trailhouse::store::Bucket;
use trailhouse_demo::kestra::{NewEvent, Options};
use trailhouse_demo::{Access, Fault};

const NOW: &str = "2026-11-20T06:00:00Z";

fn failure(summary: &Summary) -> Option<&str> {
    let failure = summary.sources[0].failure.as_ref();
    failure.map(|failure| failure.code.as_str())
}

async fn nothing_is_committed(store: &FaultyStore) {
    let lake = sound_lake(store).await;
    assert!(lake.state.batches.is_empty() && lake.rows().is_empty());
    assert!(lake.coverage().values().all(|covered| covered.is_empty()));
}

#[tokio::test]
async fn five_then_three_then_six_records_make_five_five_and_six() {
    let rig = Rig::new(&quiet(NOW)).await;
    let platform = &rig.platform;
    rig.fill(at("2026-11-20T05:40:00Z"), at("2026-11-20T05:50:00Z"), 5);
    let store = empty();
    let job = rig.job(&store);
    let verdict = |summary: &Summary| summary.sources[0].recounts[0].verdict;

    assert_eq!(verdict(&run_well(&job).await), RecountVerdict::Matched);
    assert_eq!(sound_lake(&store).await.rows().len(), 5);

    let gone: Vec<String> = platform.ids(None).drain(..2).collect();
    let kept = platform.shown();
    platform.purge(&gone);
    assert_eq!(verdict(&run(&job).await), RecountVerdict::Fewer);
    assert_eq!(sound_lake(&store).await.rows().len(), 5);
    assert_eq!(verdict(&run(&job).await), RecountVerdict::Purged);

    for shown in kept.iter().filter(|shown| gone.contains(&shown.id)) {
        platform.push(NewEvent {
            id: Some(shown.id.clone()),
            record: Some(shown.versions[0].to_vec()),
            ..NewEvent::at(shown.date)
        });
    }
    rig.fill(at("2026-11-20T05:45:30Z"), at("2026-11-20T05:46:00Z"), 1);
    assert_eq!(verdict(&run_well(&job).await), RecountVerdict::Matched);
    let lake = sound_lake(&store).await;
    lake.assert_holds_what_was_shown(platform, "after the third reading");
    assert_eq!(lake.rows().len(), 6);
    assert!(lake.quarantine.is_empty());
}

#[tokio::test]
async fn a_date_matched_by_id_stays_so_when_it_is_counted_later() {
    const DAY: Duration = Duration::from_secs(24 * 3_600);
    let rig = Rig::new(&quiet(NOW)).await;
    rig.fill(at("2026-11-20T05:00:00Z"), at("2026-11-20T05:50:00Z"), 10);
    let store = empty();
    let job = rig.job(&store);
    run_well(&job).await;
    rig.platform.advance(DAY);
    run_well(&job).await;
    // Two days after its end the date is read again, id by id; a day later it is counted.
    rig.platform.advance(2 * DAY);
    run_well(&job).await;
    let read_again = rig.platform.now();
    rig.platform.advance(DAY);
    run_well(&job).await;
    let lake = sound_lake(&store).await;
    let feed = lake.state.feed(SOURCE, "main").unwrap();
    let day = &feed.days[&at(NOW).date_naive()];
    let matched = day.matched.unwrap();
    assert_eq!(matched.records, 10);
    assert!((matched.at - read_again).abs() < TimeDelta::seconds(2));
    let newest = day.recount.as_ref().unwrap();
    assert_eq!(newest.by, VerdictBy::Count);
    assert_eq!(newest.verdict, RecountVerdict::Matched);
    assert!(newest.at > matched.at);
}

#[tokio::test]
async fn a_date_whose_end_was_read_after_an_outage_is_matched_by_id_at_once() {
    const DAY: Duration = Duration::from_secs(24 * 3_600);
    let rig = Rig::new(&quiet(NOW)).await;
    rig.fill(at("2026-11-20T05:00:00Z"), at("2026-11-20T05:50:00Z"), 10);
    let store = empty();
    let job = rig.job(&store);
    run_well(&job).await;
    rig.fill(at("2026-11-20T15:00:00Z"), at("2026-11-20T15:50:00Z"), 5);
    rig.platform.advance(5 * DAY);
    run_well(&job).await;
    let lake = sound_lake(&store).await;
    let feed = lake.state.feed(SOURCE, "main").unwrap();
    let day = &feed.days[&at(NOW).date_naive()];
    assert_eq!(day.matched.map(|matched| matched.records), Some(15));
}

/// The lake may hold far more of a date than memory does: nothing of it is loaded that the source
/// does not return.
#[tokio::test]
async fn a_date_that_was_purged_is_read_again_without_loading_what_the_lake_has_of_it() {
    let rig = Rig::new(&quiet(NOW)).await;
    rig.fill(at("2026-11-19T05:00:00Z"), at("2026-11-20T05:50:00Z"), 300);
    let store = empty();
    let job = rig.job(&store);
    run_well(&job).await;
    rig.platform.purge(&rig.platform.ids(None));
    rig.platform.advance(Duration::from_secs(4 * 24 * 3_600));
    store.next(On::Get, "events/", crate::faulty_store::Fault::Reject);
    let again = run_well(&job).await;
    let recounts = &again.sources[0].recounts;
    let fewer = recounts
        .iter()
        .filter(|it| it.verdict == RecountVerdict::Fewer);
    assert_eq!(fewer.count(), 2, "{recounts:?}");
    store.calm();
    assert_eq!(sound_lake(&store).await.rows().len(), 300);
}

/// Nothing that anything depends on is ever written over or deleted, so a bucket may refuse both.
#[tokio::test]
async fn in_a_bucket_with_a_retention_policy_runs_end_well_and_change_no_object() {
    let rig = Rig::new(&quiet(NOW)).await;
    let store = empty();
    store.keep_all();
    let job = rig.job(&store);
    let mut before = std::collections::BTreeMap::new();
    let mut notes = 0;
    for hour in 0..5 {
        let now = rig.platform.now();
        rig.fill(now - TimeDelta::minutes(50), now, 20);
        let summary = run_well(&job).await;
        notes += summary.notes.len();
        let after = objects(&store).await;
        for (name, bytes) in &before {
            assert!(
                after.get(name) == Some(bytes),
                "{name} changed, hour {hour}"
            );
        }
        before = after;
        rig.platform.advance(Duration::from_secs(3_600));
    }
    assert!(notes > 0, "old state caches stay, and the runs say so");
    let lake = sound_lake(&store).await;
    lake.assert_holds_what_was_shown(&rig.platform, "after five runs");
    assert!(lake.rows().len() > 80);
}

fn short_lived_token() -> Options {
    Options {
        access: Access {
            token_requests: Some(7),
            tokens: vec!["demo-token".into(), "second-token".into()],
            ..Access::default()
        },
        ..quiet(NOW)
    }
}

#[tokio::test]
async fn a_token_that_dies_in_the_middle_is_read_again_and_nothing_is_missed() {
    let mut options = short_lived_token();
    options.access.token_requests = Some(20);
    let rig = Rig::new(&options).await;
    rig.fill(at("2026-11-19T05:00:00Z"), at("2026-11-20T05:50:00Z"), 600);
    let read = AtomicUsize::new(0);
    let mut settings = rig.settings();
    settings.auth = Auth::Bearer(LazySecret::new(move || {
        let tokens = ["demo-token", "second-token"];
        Ok(tokens[read.fetch_add(1, Ordering::SeqCst).min(1)].into())
    }));
    let main = vec![Tenant::Named("main".to_owned())];
    let source = rig.source_with(settings, Dialect::V2, main);
    let store = empty();
    run_well(&rig.job_of(&store, vec![source])).await;
    assert!(rig.platform.counts().status(401) > 0);
    let lake = sound_lake(&store).await;
    lake.assert_holds_what_was_shown(&rig.platform, "with the second token");
    assert_eq!(lake.rows().len(), 600);
}

#[tokio::test]
async fn a_token_that_stays_dead_is_an_access_error_and_never_an_early_end() {
    let rig = Rig::new(&short_lived_token()).await;
    rig.fill(at("2026-11-19T05:00:00Z"), at("2026-11-20T05:50:00Z"), 600);
    let store = empty();
    let summary = run(&rig.job(&store)).await;
    assert_eq!(failure(&summary), Some("unauthorised"));
    assert!(!summary.sources[0].complete);
    let lake = sound_lake(&store).await;
    let covered = &lake.coverage()[&(SOURCE.to_owned(), "main".to_owned())];
    assert!(covered.end() < Some(at("2026-11-20T05:55:00Z")));
    let inside = rig.platform.shown().into_iter();
    let inside = inside.filter(|shown| covered.end() > Some(shown.date));
    assert_eq!(lake.rows().len(), inside.count());

    // With new tokens, however short they live, all the rest is read.
    for number in 0..40 {
        rig.platform.add_token(format!("token-{number}").into());
    }
    let read = AtomicUsize::new(0);
    let mut settings = rig.settings();
    settings.auth = Auth::Bearer(LazySecret::new(move || {
        Ok(match read.fetch_add(1, Ordering::SeqCst) {
            0 => "second-token".into(),
            number => format!("token-{}", number - 1).into(),
        })
    }));
    let main = vec![Tenant::Named("main".to_owned())];
    let source = rig.source_with(settings, Dialect::V2, main);
    run_well(&rig.job_of(&store, vec![source])).await;
    assert_eq!(sound_lake(&store).await.rows().len(), 600);
}

#[tokio::test]
async fn filters_that_are_ignored_stop_the_source_and_nothing_is_committed() {
    let rig = Rig::new(&quiet(NOW)).await;
    rig.fill(at("2026-11-18T05:00:00Z"), at("2026-11-20T05:50:00Z"), 100);
    rig.platform
        .set_faults(|faults| faults.ignore_filters = true);
    let store = empty();
    let summary = run(&rig.job(&store)).await;
    assert_eq!(failure(&summary), Some("filters_ignored"));
    nothing_is_committed(&store).await;
}

#[tokio::test]
async fn filters_that_are_ignored_from_the_middle_on_stop_the_source_too() {
    let rig = Rig::new(&quiet(NOW)).await;
    rig.fill(at("2026-11-18T05:00:00Z"), at("2026-11-20T05:50:00Z"), 100);
    // Pages of records, but not the control request or counts.
    rig.platform
        .queue_for("size=40", Fault::IgnoreFilters, u32::MAX);
    let store = empty();
    let mut job = rig.job(&store);
    job.sources[0].start = Start::At(at("2026-11-20T00:00:00Z"));
    assert_eq!(failure(&run(&job).await), Some("outside_window"));
    nothing_is_committed(&store).await;
}

#[tokio::test]
async fn a_clock_that_the_only_source_contradicts_writes_nothing() {
    for skew in [-3_600, 3_600] {
        let rig = Rig::new(&quiet(NOW)).await;
        rig.fill(at("2026-11-18T05:00:00Z"), at("2026-11-20T05:50:00Z"), 10);
        rig.platform.set_faults(|faults| faults.skew = skew);
        let store = empty();
        let refused = try_run(&rig.job(&store), &RunOptions::default()).await;
        assert!(matches!(refused, Err(RunError::Clock(_))), "{refused:?}");
        assert!(objects(&store).await.is_empty(), "no lake is founded");
    }
}

#[tokio::test]
async fn a_window_without_records_is_covered_with_none_and_makes_no_file() {
    let rig = Rig::new(&quiet(NOW)).await;
    let store = empty();
    let mut job = rig.job(&store);
    let start = at("2026-11-01T00:00:00Z");
    job.sources[0].start = Start::At(start);
    run_well(&job).await;
    let lake = sound_lake(&store).await;
    let covered = &lake.coverage()[&(SOURCE.to_owned(), "main".to_owned())];
    assert_eq!(covered.windows().len(), 1);
    assert_eq!(covered.start(), Some(start));
    assert_eq!(covered.end(), Some(at("2026-11-20T05:55:00Z")));
    assert_eq!(lake.state.live_files().count(), 0);
    let names = objects(&store).await;
    assert!(names.keys().all(|name| name.starts_with("ledger/")));
}

#[tokio::test]
async fn several_tenants_and_all_of_them_at_once() {
    let tenants = ["main", "other"];
    let rig = Rig::new(&Options {
        tenants: tenants.map(str::to_owned).to_vec(),
        ..quiet(NOW)
    })
    .await;
    let begin = at("2026-11-20T03:00:00Z");
    let owners = [Some("main"), Some("other"), None];
    for (minute, owner) in (0..90).zip(owners.iter().cycle()) {
        rig.platform.push(NewEvent {
            tenant: owner.map(str::to_owned),
            ..NewEvent::at(begin + TimeDelta::minutes(minute))
        });
    }
    let count = |rows: &std::collections::BTreeMap<&str, &str>, start: &str| {
        rows.keys().filter(|uid| uid.starts_with(start)).count()
    };
    let store = empty();
    let named = tenants.map(|name| Tenant::Named(name.to_owned())).to_vec();
    run_well(&rig.job_of(&store, vec![rig.source(named)])).await;
    let lake = sound_lake(&store).await;
    let rows = lake.rows();
    assert_eq!(rows.len(), 60);
    assert_eq!(count(&rows, "kestra-test/main/"), 30);
    assert_eq!(count(&rows, "kestra-test/other/"), 30);

    let store = empty();
    run_well(&rig.job_of(&store, vec![rig.source(vec![Tenant::All])])).await;
    let lake = sound_lake(&store).await;
    lake.assert_holds_what_was_shown(&rig.platform, "across tenants");
    assert_eq!(lake.rows().len(), 90);
    assert_eq!(count(&lake.rows(), "kestra-test//"), 30);
}

#[tokio::test]
async fn records_on_the_edges_of_windows_are_read_once_in_either_dialect() {
    for (theirs, ours) in [
        (trailhouse_demo::kestra::Dialect::V1, Dialect::V1),
        (trailhouse_demo::kestra::Dialect::V2, Dialect::V2),
    ] {
        let rig = Rig::new(&Options {
            dialect: theirs,
            ..quiet(NOW)
        })
        .await;
        // The edges of slices are found by halving, so they are round, as are these times.
        let begin = at("2026-11-19T00:00:00Z");
        for minute in 0..240 {
            rig.platform
                .push(NewEvent::at(begin + TimeDelta::minutes(minute * 5)));
        }
        let end = at("2026-11-20T05:55:00Z");
        for nanos in [-1_000, 0, 0, 0, 1_000] {
            rig.platform.push(NewEvent {
                digits: 6,
                ..NewEvent::at(end + TimeDelta::nanoseconds(nanos))
            });
        }
        let store = empty();
        let job = || {
            let main = vec![Tenant::Named("main".to_owned())];
            let mut source = rig.source_with(rig.settings(), ours, main);
            source.overlap = TimeDelta::zero();
            source.start = Start::At(begin);
            rig.job_of(&store, vec![source])
        };
        run_well(&job()).await;
        assert_eq!(sound_lake(&store).await.rows().len(), 241, "{ours:?}");
        rig.platform.advance(Duration::from_secs(3_600));
        run_well(&job()).await;
        let lake = sound_lake(&store).await;
        lake.assert_holds_what_was_shown(&rig.platform, "after the next window");
        assert_eq!(lake.rows().len(), 245, "{ours:?}");
        assert_eq!(
            lake.state
                .feed(SOURCE, "main")
                .unwrap()
                .coverage
                .windows()
                .len(),
            1
        );
    }
}

#[tokio::test]
async fn a_poison_record_is_a_hole_of_its_own_until_it_is_cured() {
    for (status, reason) in [(423, "unreadable"), (500, "server_failure")] {
        let mut options = quiet(NOW);
        options.data.poison_status = status;
        let rig = Rig::new(&options).await;
        rig.fill(at("2026-11-19T05:00:00Z"), at("2026-11-20T05:50:00Z"), 100);
        let poisoned = rig.platform.ids(None)[41].clone();
        rig.platform.poison(&[&poisoned]);
        let store = empty();
        let job = rig.job(&store);
        let summary = run(&job).await;
        let source = &summary.sources[0];
        assert!(source.failure.is_none() && source.gaps.is_empty());
        assert_eq!(source.holes.len(), 1, "{:?}", source.holes);
        assert_eq!(source.holes[0].reason, reason);
        assert!(source.holes[0].window.duration() <= TimeDelta::milliseconds(1));
        assert_eq!(sound_lake(&store).await.rows().len(), 99);

        let again = run(&job).await;
        assert_eq!(again.sources[0].holes[0].tries, 2);
        rig.platform.cure(&[&poisoned]);
        run_well(&job).await;
        let lake = sound_lake(&store).await;
        lake.assert_holds_what_was_shown(&rig.platform, "cured");
        assert_eq!(lake.rows().len(), 100);
    }
}

#[tokio::test]
async fn records_dated_in_the_future_are_counted_now_and_read_when_their_time_comes() {
    let rig = Rig::new(&quiet(NOW)).await;
    rig.fill(at("2026-11-20T05:00:00Z"), at("2026-11-20T05:50:00Z"), 10);
    rig.platform.push(NewEvent::at(at("2026-11-23T00:00:00Z")));
    let store = empty();
    let job = rig.job(&store);
    assert_eq!(run_well(&job).await.sources[0].future, 1);
    assert_eq!(sound_lake(&store).await.rows().len(), 10);
    rig.platform.advance(Duration::from_secs(4 * 24 * 3_600));
    assert_eq!(run_well(&job).await.sources[0].future, 0);
    assert_eq!(sound_lake(&store).await.rows().len(), 11);
}

#[tokio::test]
async fn a_forged_or_unsigned_entry_is_refused_and_nothing_is_written() {
    let stranger = Arc::new(SigningKey::from_seed("test/writer", &[2; 32]).unwrap());
    for forger in [Some(stranger), None] {
        let rig = Rig::new(&quiet(NOW)).await;
        rig.fill(at("2026-11-20T05:00:00Z"), at("2026-11-20T05:50:00Z"), 10);
        let store = empty();
        let job = rig.job(&store);
        run_well(&job).await;
        let mut state = job.log().load().await.unwrap().unwrap();
        let bucket = Bucket::around(Arc::new(store.clone()));
        let forger_keys = forger.iter().map(|key| KeyGrant {
            key: key.verifier().clone(),
            roles: vec![Role::Writer],
        });
        let forger_keys: Vec<KeyGrant> = forger_keys.collect();
        let forging = Log::new(bucket, forger);
        // Who forges does not ask whether he may.
        state.keys = forger_keys;
        forging
            .commit(&mut state, &receipt(rig.platform.now()))
            .await
            .unwrap();
        let before = objects(&store).await;
        let refused = try_run(&job, &RunOptions::default()).await.unwrap_err();
        assert!(
            matches!(&refused, RunError::Log(error) if error.is_integrity()),
            "{refused}"
        );
        assert_eq!(objects(&store).await, before);
    }
}
