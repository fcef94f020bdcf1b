//! What is loaded is what the ledger signed for, wherever it is loaded from.

use super::stand::{EVENTS, Stand, settings, try_load};
use crate::faulty_warehouse::{Fault, On};
use futures::TryStreamExt as _;
use object_store::{ObjectStore, ObjectStoreExt as _};
use std::path::PathBuf;
use std::sync::Arc;
use trailhouse::clock::SystemClock;
use trailhouse::run::Job;
use trailhouse::warehouse::{Projection, Staging, WarehouseFailure};

/// Copies the lake to where the service reads it itself, and gives a job that loads it from there.
async fn direct(stand: &Stand) -> (Job, PathBuf) {
    let lake = stand.staging();
    let mut listed = stand.store.list(None);
    while let Some(object) = listed.try_next().await.unwrap() {
        let name = object.location;
        let content = stand.store.get(&name).await.unwrap().bytes().await.unwrap();
        lake.create(name.as_ref(), content).await.unwrap();
    }
    let staging = Staging::new(None, "bq");
    let warehouse = Arc::new(stand.faulty.clone());
    let projection = Projection::new("bq".to_owned(), warehouse, staging, settings());
    let job = Job {
        bucket: lake,
        // The store tells the time.
        clock: Arc::new(SystemClock),
        ..stand.rig.job_of(&stand.store, Vec::new())
    };
    let folder = stand.buckets.path().join("staging/copies");
    (job.with_warehouses(vec![projection]), folder)
}

/// Changes one byte in the middle of a file, as somebody with access to the bucket does.
fn alter(file: &PathBuf) {
    let mut content = std::fs::read(file).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    std::fs::write(file, content).unwrap();
}

async fn first_file(stand: &Stand) -> String {
    let state = stand.state().await;
    state.live_files().next().unwrap().file.path.to_string()
}

async fn failure_of(job: &Job) -> WarehouseFailure {
    let loaded = try_load(job, &[]).await.unwrap();
    loaded.warehouses[0].failure.clone().unwrap()
}

#[tokio::test]
async fn files_that_the_service_reads_itself_are_checked_by_what_the_store_says() {
    let stand = Stand::new().await;
    let (job, _) = direct(&stand).await;
    let before = job.bucket.requests();
    let loaded = try_load(&job, &[]).await.unwrap();
    let tables = &loaded.warehouses[0].tables;
    let by_store: u64 = tables.iter().map(|table| table.checked.by_store).sum();
    let by_bytes: u64 = tables.iter().map(|table| table.checked.by_bytes).sum();
    let files = stand.state().await.live_files().count() as u64;
    assert_eq!((by_store, by_bytes), (files, 0));
    // Once before and once after each job.
    assert_eq!(job.bucket.requests().head - before.head, 2 * files);
}

#[tokio::test]
async fn a_file_that_somebody_altered_is_not_loaded_from_where_it_is() {
    let stand = Stand::new().await;
    let (job, folder) = direct(&stand).await;
    let name = first_file(&stand).await;
    alter(&folder.join(&name));
    let failure = failure_of(&job).await;
    assert_eq!(failure.code, "altered", "{failure:?}");
    assert!(
        failure.integrity && failure.message.contains(&name),
        "{failure:?}"
    );
    let state = stand.state().await;
    let sequence = state.live_files().next().unwrap().sequence;
    let mut batches = state.batches.iter();
    let batch = batches.find(|batch| batch.sequence == sequence).unwrap();
    let batch = Some(batch.batch_id.as_str());
    let rows = stand.fake.rows(EVENTS);
    assert!(
        rows.iter().all(|row| row.batch_id.as_deref() != batch),
        "of the altered file's entry"
    );
    // One that is shorter, and one that is gone.
    std::fs::write(folder.join(&name), "short").unwrap();
    assert_eq!(failure_of(&job).await.code, "altered");
    std::fs::remove_file(folder.join(&name)).unwrap();
    let failure = failure_of(&job).await;
    assert_eq!(
        (failure.code.as_str(), failure.integrity),
        ("missing", true)
    );
}

/// Between the check and the end of the job the service reads whatever is there.
#[tokio::test]
async fn a_file_that_is_exchanged_while_it_is_loaded_is_found() {
    let stand = Stand::new().await;
    let (job, folder) = direct(&stand).await;
    let state = stand.state().await;
    stand
        .faulty
        .next(On::Start, "trailhouse_load_events", Fault::Pause);
    let loading = failure_of(&job);
    let exchanging = async {
        stand.faulty.hung().await;
        // Also by the same bytes: nobody knows what was there in between. Entries are loaded side by side, so
        // the job that waits may be about any file.
        for live in state.live_files() {
            let name = live.file.path.to_string();
            let content = std::fs::read(folder.join(&name)).unwrap();
            job.bucket.delete(&name).await.unwrap();
            job.bucket.create(&name, content.into()).await.unwrap();
        }
        stand.faulty.resume();
    };
    let (failure, ()) = tokio::join!(loading, exchanging);
    assert_eq!(failure.code, "altered", "{failure:?}");
    assert!(
        failure.message.contains("replaced while it was loaded"),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_copy_that_is_not_the_file_is_made_anew() {
    let stand = Stand::new().await;
    let loader = stand.loader();
    // Copies are left by a loader that is killed before its first job.
    stand
        .faulty
        .next(On::Start, "trailhouse_load", Fault::HangBefore);
    assert!(!stand.load_until_hung(&[]).await);
    let staged = stand.staging();
    let copies: Vec<String> = staged
        .list("", None)
        .map_ok(|listed| listed.name)
        .try_collect()
        .await
        .unwrap();
    assert!(!copies.is_empty());
    for copy in &copies {
        alter(&stand.buckets.path().join("staging/copies").join(copy));
    }
    stand.faulty.calm();
    let loaded = try_load(&loader, &[]).await.unwrap();
    assert!(loaded.warehouses[0].failure.is_none(), "{loaded:?}");
    stand.assert_level("after copies were altered").await;
}
