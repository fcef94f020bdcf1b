//! Files that live entries name, deleted behind our back.

use super::harness::{Rig, at, empty, quiet, run_well, try_run, verified};
use crate::faulty_store::FaultyStore;
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use std::sync::Arc;
use trailhouse::cli::failure::Failure;
use trailhouse::run::RunOptions;

async fn rig() -> Rig {
    let rig = Rig::new(&quiet("2026-11-20T06:00:00Z")).await;
    rig.fill(at("2026-11-18T22:00:00Z"), at("2026-11-20T05:54:00Z"), 40);
    rig.fill(at("2026-11-20T05:30:00Z"), at("2026-11-20T05:50:00Z"), 4);
    rig
}

async fn names(store: &FaultyStore, folder: &str) -> Vec<Path> {
    let listed = store.list(Some(&Path::from(folder)));
    let mut names: Vec<Path> = listed
        .map_ok(|meta| meta.location)
        .try_collect()
        .await
        .unwrap();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_the_ledger_names_is_missed_and_named() {
    let rig = rig().await;
    let store = empty();
    run_well(&rig.job(&store)).await;
    let gone = names(&store, "events/date=2026-11-20").await;
    for gone in &gone {
        store.delete(gone).await.unwrap();
    }
    // The overlap is compared with what the lake holds.
    let error = try_run(&rig.job(&store), &RunOptions::default())
        .await
        .unwrap_err();
    let failure = Failure::from(error);
    assert_eq!(failure.exit_code, 6, "{failure:?}");
    let named = |gone: &Path| failure.happened.contains(gone.as_ref());
    assert!(gone.iter().any(named), "{failure:?}");
    assert!(failure.action.unwrap().starts_with("do not rerun"));
    let problems = verified(&store).await.problems;
    let problems: Vec<&str> = problems.iter().map(|it| it.object.as_str()).collect();
    assert_eq!(problems, gone.iter().map(AsRef::as_ref).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_other_bytes_is_compared_with_nothing() {
    let rig = rig().await;
    let store = empty();
    run_well(&rig.job(&store)).await;
    for name in names(&store, "events/date=2026-11-20").await {
        let content = store.get(&name).await.unwrap().bytes().await.unwrap();
        let mut content = content.to_vec();
        let middle = content.len() / 2;
        content[middle] ^= 1;
        store.put(&name, content.into()).await.unwrap();
    }
    let error = try_run(&rig.job(&store), &RunOptions::default())
        .await
        .unwrap_err();
    let failure = Failure::from(error);
    assert_eq!(failure.exit_code, 6, "{failure:?}");
    assert!(
        failure
            .happened
            .contains("does not match what the ledger signed")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_entry_is_missed_by_the_next_run_and_by_verify() {
    let rig = rig().await;
    let store = empty();
    run_well(&rig.job(&store)).await;
    let newest = names(&store, "ledger/entry").await.pop().unwrap();
    store.delete(&newest).await.unwrap();
    let error = try_run(&rig.job(&store), &RunOptions::default())
        .await
        .unwrap_err();
    let failure = Failure::from(error);
    assert_eq!(failure.exit_code, 6, "{failure:?}");
    assert!(!verified(&store).await.problems.is_empty());
    // Without any state cache the copy of the id index still says how far the ledger went.
    let index = names(&store, "ledger/index").await.pop().unwrap();
    for cache in names(&store, "ledger/state").await {
        store.delete(&cache).await.unwrap();
    }
    let last = index.filename().unwrap().split('.').next().unwrap();
    for entry in names(&store, "ledger/entry").await {
        if entry.filename().unwrap() >= last {
            store.delete(&entry).await.unwrap();
        }
    }
    let problems = verified(&store).await.problems;
    assert!(problems[0].what.contains("is missing"), "{problems:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_run_goes_well_while_listings_lag() {
    let rig = rig().await;
    let store = empty();
    store.hide_from_listings("ledger/entry");
    run_well(&rig.job(&store)).await;
    run_well(&rig.job(&store)).await;
    let store = Arc::new(store);
    assert!(verified(&store).await.sequence.is_some());
}
