//! Told to stop, a loader starts nothing more; what is under way is adopted by the next one.

use super::stand::{Stand, only};
use crate::bigquery_fake::Call;
use std::time::Duration;
use tokio::sync::watch;
use trailhouse::run::{Unobserved, load};

#[tokio::test]
async fn told_to_stop_before_it_begins_it_starts_nothing() {
    let stand = Stand::new().await;
    let before = stand.fake.calls();
    let (stop, stopped) = watch::channel(true);
    let loaded = load(&stand.loader(), stopped, &Unobserved).await.unwrap();
    drop(stop);
    assert!(loaded.stopped);
    let warehouse = only(&loaded.warehouses);
    assert!(warehouse.failure.is_none(), "{:?}", warehouse.failure);
    assert_eq!(stand.fake.calls(), before, "nothing was even looked at");
    stand.load(&[]).await;
    stand.assert_level("after the next one").await;
}

#[tokio::test]
async fn told_to_stop_while_jobs_run_it_leaves_them_to_the_next() {
    let stand = Stand::new().await;
    // Jobs wait for longer than anybody asks.
    stand.fake.set(|options| options.pending = 1_000_000);
    let (stop, stopped) = watch::channel(false);
    let loader = stand.loader();
    let loading = load(&loader, stopped, &Unobserved);
    tokio::pin!(loading);
    tokio::select! {
        _ = &mut loading => panic!("its jobs wait"),
        () = tokio::time::sleep(Duration::from_millis(300)) => {}
    }
    stop.send(true).unwrap();
    let loaded = loading.await.unwrap();
    assert!(loaded.stopped);
    let started = stand.fake.count(Call::StartLoad);
    assert!(started > 0 && started <= 3, "{started}");
    let table = &only(&loaded.warehouses).tables[0];
    assert_eq!(table.entries, 0);
    assert!(table.entries_behind > 0);
    stand.fake.set(|options| options.pending = 1);
    stand.load(&[]).await;
    stand.assert_level("after the next one").await;
    // Those that were under way were adopted, and asked for a second time.
    assert!(stand.fake.count(Call::StartLoad) > stand.fake.job_ids().len() - 4);
}
