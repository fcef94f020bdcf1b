//! A service and a network that misbehave.

use super::super::harness::run_well;
use super::stand::{EVENTS, Stand, files, only, try_load};
use crate::bigquery_fake::{Call, Fault};
use object_store::ObjectStoreExt as _;
use trailhouse::warehouse::{Class, RebuildChoice};

#[tokio::test]
async fn a_run_loads_what_it_read_and_a_second_one_adds_nothing() {
    let stand = Stand::new().await;
    let summary = stand.run().await;
    let warehouse = only(&summary.warehouses);
    assert!(warehouse.failure.is_none(), "{:?}", warehouse.failure);
    assert!(warehouse.tables[0].entries > 3, "{warehouse:?}");
    assert_eq!(warehouse.tables[1].rows, 2);
    stand.assert_level("after the first run").await;

    let jobs = stand.fake.count(Call::StartLoad);
    let again = stand.run().await;
    assert_eq!(only(&again.warehouses).tables[0].entries, 0);
    assert!(only(&again.warehouses).tables[0].counted.is_none());
    assert_eq!(stand.fake.count(Call::StartLoad), jobs, "nothing is loaded");
    stand.assert_level("after the second run").await;

    stand.go_on();
    let third = stand.run().await;
    assert_eq!(only(&third.warehouses).tables[0].rows, 12);
    stand.assert_level("after more records").await;
}

/// What a run with nothing new costs does not grow with what is loaded: a look at each of four tables and
/// seven views, and no job.
#[tokio::test]
async fn a_run_with_nothing_new_asks_eleven_questions() {
    let stand = Stand::new().await;
    stand.run().await;
    // Reads the newest minutes anew, which makes an entry without rows.
    stand.load(&[]).await;
    let before = stand.fake.calls();
    stand.load(&[]).await;
    assert_eq!(stand.fake.calls() - before, 11);
}

#[tokio::test]
async fn every_kind_of_trouble_with_one_call_is_overcome_or_waits_for_the_next_run() {
    let faults = [
        Fault::Limited("rateLimitExceeded"),
        Fault::Limited("jobRateLimitExceeded"),
        Fault::TooMany("0"),
        Fault::Unavailable,
        Fault::UnavailableAfter,
        Fault::Page(502),
        Fault::PageAfter,
        Fault::LostRequest,
        Fault::LostAnswer,
        Fault::CutAnswer,
        Fault::Unauthorised,
    ];
    let calls = [
        Call::StartLoad,
        Call::StartUpload,
        Call::GetJob,
        Call::GetTable,
    ];
    for call in calls {
        let stand = Stand::new().await;
        for (nth, fault) in faults.iter().enumerate() {
            // One fault for every second call.
            stand.fault(call, 2 * nth + 1, fault.clone());
        }
        for _ in 0..4 {
            stand.run().await;
        }
        stand.fake.calm();
        stand.run().await;
        stand.assert_level(&format!("{call:?}")).await;
    }
}

#[tokio::test]
async fn a_job_that_fails_for_now_is_tried_under_another_id() {
    let stand = Stand::new().await;
    stand.fault(Call::StartLoad, 1, Fault::JobFails("backendError"));
    stand.fault(Call::StartLoad, 3, Fault::JobFails("rateLimitExceeded"));
    let summary = stand.run().await;
    let table = &only(&summary.warehouses).tables[0];
    assert_eq!(
        (table.entries_behind, table.errors.len()),
        (0, 0),
        "{table:?}"
    );
    // Two jobs failed, of one entry or of two, and each made one more attempt necessary.
    let later = stand.fake.job_ids().into_iter().filter(|id| {
        let parts: Vec<&str> = id.split('_').collect();
        parts[1] == "load" && parts[5] != "0"
    });
    assert_eq!(later.count(), 2, "the attempt is part of the id");
    stand.assert_level("after two attempts").await;
}

/// A job that was refused for good burns its id: the next run must take another one, and the entries
/// beside it are loaded all the same.
#[tokio::test]
async fn a_job_that_is_refused_keeps_no_other_entry_from_being_loaded() {
    let stand = Stand::new().await;
    stand.fault(Call::StartLoad, 2, Fault::JobFails("invalid"));
    let summary = stand.run().await;
    let table = &only(&summary.warehouses).tables[0];
    assert_eq!(
        (table.entries_behind, table.errors.len()),
        (1, 1),
        "{table:?}"
    );
    let state = stand.state().await;
    let failed = &state.warehouses["bq"]
        .tables
        .values()
        .next()
        .unwrap()
        .failed;
    assert_eq!(failed.len(), 1);
    assert_eq!(failed.values().next().unwrap().attempts, 1);

    let again = stand.run().await;
    assert_eq!(only(&again.warehouses).tables[0].entries_behind, 0);
    stand.assert_level("after the second attempt").await;
}

/// A load that says it wrote fewer rows than there are is no success, and nothing is added to it.
#[tokio::test]
async fn a_load_that_wrote_another_number_of_rows_is_no_success() {
    let stand = Stand::new().await;
    stand.fault(Call::StartLoad, 1, Fault::SaysFewer(1));
    let summary = stand.run().await;
    let table = &only(&summary.warehouses).tables[0];
    assert_eq!(
        (table.entries_behind, table.errors.len()),
        (1, 1),
        "{table:?}"
    );
    assert!(table.errors[0].contains("rows"), "{:?}", table.errors);
    // It was wrong about it: the rows are there, which only counting them shows.
    let again = stand.run().await;
    let table = &only(&again.warehouses).tables[0];
    assert_eq!((table.adopted, table.entries_behind), (1, 0), "{table:?}");
    stand.assert_level("after it was counted").await;
}

/// What the service does to a call that is refused for all of them: nothing more is started, the lake
/// commits, and what was loaded stays.
#[tokio::test]
async fn a_refusal_stops_the_loads_and_not_the_lake() {
    let stand = Stand::new().await;
    stand.go_on();
    for nth in 3..60 {
        stand.fault(Call::StartLoad, nth, Fault::Refused(403, "accessDenied"));
    }
    let summary = run_well(&stand.job()).await;
    assert_eq!(summary.sources[0].counts.added, 12, "the lake went on");
    let warehouse = only(&summary.warehouses);
    assert_eq!(warehouse.failure.as_ref().unwrap().code, "denied");
    let table = &warehouse.tables[0];
    assert!(table.entries >= 1 && table.entries_behind >= 1, "{table:?}");
    assert!(
        stand.fake.count(Call::StartLoad) <= 8,
        "what one meets, all meet: nothing more is tried"
    );
    let state = stand.state().await;
    assert_eq!(state.warehouses["bq"].failure.as_deref(), Some("denied"));
    stand.fake.calm();
    stand.run().await;
    stand.assert_level("after it was allowed").await;
}

/// Any mix of trouble, chosen by chance: in the end each row is there once.
#[tokio::test]
async fn under_any_weather_each_row_is_there_once() {
    for seed in 0..12 {
        let stand = Stand::new().await;
        stand.faulty.weather(seed, 25);
        for round in 0..3 {
            if round > 0 {
                stand.go_on();
            }
            if seed % 3 == 0 && round == 1 {
                stand.fake.forget_jobs();
            }
            stand.run().await;
        }
        stand.faulty.calm();
        stand.run().await;
        stand.assert_level(&format!("seed {seed}")).await;
    }
}

/// Copies at the staging location are made once, and go when their rows are in.
#[tokio::test]
async fn copies_stay_until_their_rows_are_in() {
    let stand = Stand::new().await;
    let folder = stand.buckets.path().join("staging");
    stand.fault(Call::StartLoad, 1, Fault::JobFails("invalid"));
    stand.run().await;
    assert!(files(&folder) > 0, "the files of the entry that failed");
    stand.run().await;
    assert_eq!(files(&folder), 0);
    assert!(!stand.fake.rows(EVENTS).is_empty());
}

/// A file that is not what the ledger signed for reaches no analyst.
#[tokio::test]
async fn a_file_that_was_altered_is_not_loaded() {
    let stand = Stand::new().await;
    let state = stand.state().await;
    let file = state.live_files().next().unwrap().file.path.to_string();
    let path = object_store::path::Path::from(file.as_str());
    stand.store.put(&path, "another".into()).await.unwrap();
    let loaded = stand.load(&[]).await;
    let failure = only(&loaded.warehouses).failure.clone().unwrap();
    assert_eq!(failure.code, "altered");
    assert!(failure.integrity, "{failure:?}");
    assert!(failure.message.contains(&file), "{failure:?}");
}

#[test]
fn what_passes_by_itself_is_known() {
    for (class, passes) in [
        (Class::Transient, true),
        (Class::Quota, true),
        (Class::Unknown, true),
        (Class::Denied, false),
        (Class::NotFound, false),
        (Class::Exists, false),
        (Class::Conflict, false),
        (Class::Refused, false),
    ] {
        assert_eq!(class.passes(), passes, "{class:?}");
    }
}

/// The same while dates are rebuilt, and damaged again meanwhile.
#[tokio::test]
async fn under_any_weather_a_rebuild_mends_what_differs() {
    for seed in 0..8_usize {
        let stand = Stand::new().await;
        stand.run().await;
        stand.go_on();
        let damage = |nth: usize| {
            stand.fake.edit_rows(EVENTS, |rows| {
                rows.sort();
                let twice = rows[nth % rows.len()].clone();
                rows.drain(..nth % 40);
                rows.push(twice);
            });
        };
        damage(11 + seed);
        let decisions = stand.decisions(RebuildChoice::Differing).await;
        stand.faulty.weather(seed as u64, 20);
        // One that fails has made the decisions or not; either is a state to go on from.
        let _ = try_load(&stand.loader(), &decisions).await;
        damage(seed);
        for _ in 0..3 {
            stand.run().await;
        }
        stand.faulty.calm();
        stand.run().await;
        // What was damaged after the rebuild was done is another matter, and another decision.
        let left = stand.decisions(RebuildChoice::Differing).await;
        if !left.is_empty() {
            stand.load(&left).await;
        }
        stand.assert_level(&format!("seed {seed}")).await;
    }
}

/// What lies under the name of a copy and is not of its size is nothing of ours, and is not loaded.
#[tokio::test]
async fn a_copy_that_is_something_else_is_made_anew() {
    let stand = Stand::new().await;
    let state = stand.state().await;
    let entry = state.live_files().next().unwrap().sequence;
    let name = format!(
        "{}/bq/{entry:020}/events-00000-00000.parquet",
        state.lake_id
    );
    let staging = stand.staging();
    staging
        .create(&name, "something else".into())
        .await
        .unwrap();
    let summary = stand.run().await;
    let table = &only(&summary.warehouses).tables[0];
    assert_eq!(table.errors, Vec::<String>::new());
    stand.assert_level("over what was there").await;
}
