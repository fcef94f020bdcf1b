//! Tables, views and partitions that the service would remove because the dataset has it so by default.

use super::stand::Stand;
use serde_json::json;
use std::collections::BTreeMap;
use trailhouse::warehouse::bigquery::LIMITS;
use trailhouse::warehouse::{Warehouse as _, WarehouseStanding, carry_out_preparation, prepare};

const DAY: u64 = 86_400_000;

/// A dataset that somebody else made, whose tables or partitions expire.
async fn dataset_with(stand: &Stand, default: &str) {
    let client = stand.fake.client().await;
    client
        .create_dataset("somebody's", &BTreeMap::new())
        .await
        .unwrap();
    stand
        .fake
        .edit_dataset(|told| told[default] = json!((30 * DAY).to_string()));
}

fn expiring(stand: &Stand) -> Vec<String> {
    let mut tables = stand.fake.tables();
    tables.retain(|table| {
        let told = stand.fake.told(table).unwrap();
        !told["expirationTime"].is_null() || !told["timePartitioning"]["expirationMs"].is_null()
    });
    tables
}

#[tokio::test]
async fn the_first_init_lifts_what_the_dataset_gives_by_default() {
    for default in ["defaultTableExpirationMs", "defaultPartitionExpirationMs"] {
        let stand = Stand::without_tables().await;
        dataset_with(&stand, default).await;
        let (bq, lake_id) = (stand.bq(), stand.state().await.lake_id);
        let preparing = prepare(&bq, &lake_id).await.unwrap();
        let steps = &preparing.preparation.steps;
        assert!(
            steps.iter().all(|step| step
                .changes
                .iter()
                .any(|it| it.contains("remove the expiration"))),
            "{default}: {steps:?}"
        );
        carry_out_preparation(&bq, &lake_id, &preparing)
            .await
            .unwrap();
        assert_eq!(expiring(&stand), [""; 0], "{default}");
        assert!(prepare(&bq, &lake_id).await.unwrap().is_nothing());
        stand.run().await;
        stand.assert_level(default).await;
        assert_eq!(expiring(&stand), [""; 0], "{default}: after loading");
    }
}

#[tokio::test]
async fn each_run_names_what_expires_until_init_lifts_it() {
    let stand = Stand::new().await;
    // 2026-05-01: a table, a small one that is written as a whole, and a view.
    let at = 1_777_593_600_000_u64;
    let named = ["audit_coverage", "audit_events", "failed_logins"];
    for table in named {
        stand
            .fake
            .edit(table, |told| told["expirationTime"] = json!(at.to_string()));
    }
    let summary = stand.run().await;
    let told = &summary.warehouses[0].expiring;
    let names: Vec<&str> = told.iter().map(|it| it.table.as_str()).collect();
    assert_eq!(names, named);
    assert!(told.iter().all(|it| {
        it.at
            == "2026-05-01T00:00:00Z"
                .parse::<chrono::DateTime<chrono::Utc>>()
                .unwrap()
    }));
    assert!(summary.warehouses[0].failure.is_none(), "it is a warning");
    assert_eq!(expiring(&stand), named, "a run lifts nothing");
    // Whoever asks the ledger alone is told, too.
    let standing = WarehouseStanding::of(&stand.state().await, "bq", &LIMITS);
    assert_eq!(&standing.expiring, told);

    let (bq, lake_id) = (stand.bq(), stand.state().await.lake_id);
    let preparing = prepare(&bq, &lake_id).await.unwrap();
    let steps = &preparing.preparation.steps;
    assert_eq!(steps.len(), 3, "{steps:?}");
    let said = "remove its expiration: the service would remove it at 2026-05-01T00:00:00Z";
    assert!(steps.iter().all(|step| step.changes == [said]), "{steps:?}");
    carry_out_preparation(&bq, &lake_id, &preparing)
        .await
        .unwrap();
    assert_eq!(expiring(&stand), [""; 0]);
    stand.run().await;
    assert!(
        WarehouseStanding::of(&stand.state().await, "bq", &LIMITS)
            .expiring
            .is_empty()
    );
}

/// The table of a rebuild is to go: it says when, and no default shortens that.
#[tokio::test]
async fn a_table_that_states_when_it_expires_is_not_touched() {
    let stand = Stand::new().await;
    stand.run().await;
    stand
        .fake
        .edit_dataset(|told| told["defaultTableExpirationMs"] = json!("3600000"));
    stand
        .fake
        .edit_rows(super::stand::EVENTS, |rows| rows.truncate(100));
    let decisions = stand
        .decisions(trailhouse::warehouse::RebuildChoice::Differing)
        .await;
    stand.load(&decisions).await;
    stand
        .assert_level("after a rebuild in a dataset with a default")
        .await;
}
