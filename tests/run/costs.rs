//! What a run costs in requests, and what it does not depend on.

use super::harness::{
    Rig, SOURCE, at, empty, key, quiet, receipt, run_until_hung, run_well, sound_lake,
};
use crate::faulty_store::{Fault, FaultyStore};
use chrono::TimeDelta;
use std::sync::Arc;
use trailhouse::config::Start;
use trailhouse::ledger::log::Log;
use trailhouse::source::Tenant;
use trailhouse::store::Bucket;
use trailhouse_demo::kestra::NewEvent;

const NOW: &str = "2026-11-20T06:00:00Z";

/// Requests to the source and to the store, and names that the store listed.
type Cost = (u64, u64, usize);

/// Costs of a run with nothing new on a ledger of so many entries, each with a state cache if
/// `with_caches`.
async fn cost_of_nothing_new(store: &FaultyStore, entries: u64, with_caches: bool) -> Cost {
    let rig = Rig::new(&quiet(NOW)).await;
    rig.fill(at("2026-11-20T03:00:00Z"), at("2026-11-20T05:50:00Z"), 100);
    run_well(&rig.job(store)).await;
    let log = Log::new(Bucket::around(Arc::new(store.clone())), Some(key()));
    let mut state = log.load().await.unwrap().unwrap();
    while state.head.sequence < entries {
        let receipt = receipt(rig.platform.now());
        log.commit(&mut state, &receipt).await.unwrap();
        if with_caches {
            // A refusal to tidy is information.
            let _ = log.save_cache(&state).await;
        }
    }
    for _ in 0..3 {
        run_well(&rig.job(store)).await;
    }
    let listed = store.listed();
    let summary = run_well(&rig.job(store)).await;
    let source = &summary.sources[0];
    assert_eq!((source.counts.added, source.entries), (0, 0));
    assert!(summary.sequence > entries);
    (
        source.requests,
        summary.store_requests,
        store.listed() - listed,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_with_nothing_new_costs_the_same_whatever_the_length_of_the_ledger() {
    let short = cost_of_nothing_new(&empty(), 10, true).await;
    let (source, store, listed) = short;
    assert!(source <= 10 && store <= 12 && listed <= 10, "{short:?}");
    for with_caches in [false, true] {
        let long = cost_of_nothing_new(&empty(), 1_500, with_caches).await;
        assert_eq!(long, short, "{with_caches}");
    }
}

/// Where nothing may be deleted, state caches pile up: one for each run of years.
#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_keeps_all_costs_no_more_for_what_it_keeps() {
    let stores = [empty(), empty()];
    let mut costs = Vec::new();
    for (store, entries) in stores.iter().zip([10, 2_500]) {
        store.keep_all();
        costs.push(cost_of_nothing_new(store, entries, true).await);
    }
    let [(source, few, _), (again, many, listed)] = costs[..] else {
        panic!("{costs:?}");
    };
    assert_eq!(source, again);
    // Finding the newest of thousands takes some requests more, not one for each thousand.
    assert!(many <= few + 15, "{costs:?}");
    assert!(listed < 5_000, "{costs:?}");
}

/// A first catch-up of years that is killed must not read all its entries again each time: it would
/// come to spend all the time between two kills on that.
#[tokio::test(flavor = "multi_thread")]
async fn a_catch_up_that_was_killed_goes_on_without_reading_all_it_has_committed() {
    let rig = Rig::new(&quiet(NOW)).await;
    let begin = at("2025-03-01T00:00:00Z");
    for day in 0..600 {
        rig.platform
            .push(NewEvent::at(begin + TimeDelta::days(day)));
    }
    let store = empty();
    store.stop_at(1_000, Fault::HangBefore);
    assert!(run_until_hung(&rig.job(&store), &store).await.is_none());
    let bucket = Bucket::around(Arc::new(store.clone()));
    let log = Log::new(bucket.clone(), Some(key()));
    let state = log.load().await.unwrap().unwrap();
    let entries = state.head.sequence;
    assert!(entries > 300, "{entries}");
    let requests = bucket.requests().total();
    assert!(requests <= 110, "{requests} for {entries} entries");
    assert_eq!(log.fold().await.unwrap().unwrap(), state);
}

/// A window of 25 years with data in its last three days.
#[tokio::test(flavor = "multi_thread")]
async fn years_without_records_cost_tens_of_requests() {
    let rig = Rig::new(&quiet(NOW)).await;
    rig.fill(at("2026-11-17T07:00:00Z"), at("2026-11-20T05:50:00Z"), 300);
    let store = empty();
    let mut source = rig.source(vec![Tenant::Named("main".to_owned())]);
    source.start = Start::At(at("2001-11-20T00:00:00Z"));
    let job = rig.job_of(&store, vec![source]);
    let first = run_well(&job).await;
    let requests = first.sources[0].requests;
    assert_eq!(first.sources[0].counts.added, 300);
    // Eight pages of records, sought in 9,131 days.
    assert!(requests <= 80, "{requests}");
    let covered = &sound_lake(&store).await.coverage()[&(SOURCE.to_owned(), "main".to_owned())];
    assert_eq!(covered.windows().len(), 1);
    assert_eq!(covered.start(), Some(at("2001-11-20T00:00:00Z")));
}
