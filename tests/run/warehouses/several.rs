//! Several warehouses, and what making one does.

use super::super::harness::run_well;
use super::stand::{EVENTS, Stand};
use crate::bigquery_fake::{Call, Fault};
use serde_json::{Value, json};
use trailhouse::warehouse::{carry_out_preparation, prepare};

#[tokio::test]
async fn one_that_is_down_stops_neither_the_lake_nor_the_others_and_catches_up() {
    let stand = Stand::new().await;
    let (other, second) = stand.second().await;
    for nth in 1..100 {
        other.fault(Call::GetTable, nth, Fault::Unavailable);
    }

    let job = stand.rig.job(&stand.store);
    let job = job.with_warehouses(vec![second, stand.bq()]);
    let summary = run_well(&job).await;
    let [down, up] = &summary.warehouses[..] else {
        panic!("{:?}", summary.warehouses);
    };
    assert!(down.failure.is_some());
    assert!(up.failure.is_none(), "{:?}", up.failure);
    stand.assert_level("beside one that is down").await;

    other.calm();
    stand.go_on();
    let summary = run_well(&job).await;
    for warehouse in &summary.warehouses {
        assert!(warehouse.failure.is_none(), "{:?}", warehouse.failure);
    }
    assert_eq!(other.rows(EVENTS), stand.fake.rows(EVENTS));
}

#[tokio::test]
async fn what_is_there_is_extended_and_nothing_else_is_touched() {
    let stand = Stand::new().await;
    let lake_id = stand.state().await.lake_id;
    stand.fake.edit(EVENTS, |told| {
        let fields = told["schema"]["fields"].as_array_mut().unwrap();
        fields.retain(|field| field["name"] != "region");
        fields[3]["policyTags"] = json!({ "names": ["projects/p/taxonomies/1/policyTags/2"] });
        fields[4].as_object_mut().unwrap().remove("description");
        fields.push(json!({ "name": "note", "type": "STRING", "mode": "NULLABLE" }));
        told["friendlyName"] = json!("somebody's");
    });
    let bq = stand.bq();
    let preparing = prepare(&bq, &lake_id).await.unwrap();
    let changes = &preparing.preparation.steps[0].changes;
    assert!(
        changes.contains(&"add column region STRING".to_owned()),
        "{changes:?}"
    );
    assert!(
        changes
            .iter()
            .any(|change| change.starts_with("describe column")),
        "{changes:?}"
    );
    carry_out_preparation(&bq, &lake_id, &preparing)
        .await
        .unwrap();
    let told = stand.fake.told(EVENTS).unwrap();
    let field = |name: &str| -> Value {
        let fields = told["schema"]["fields"].as_array().unwrap();
        fields
            .iter()
            .find(|field| field["name"] == name)
            .unwrap()
            .clone()
    };
    assert_eq!(field("region")["mode"], "NULLABLE");
    assert_eq!(told["friendlyName"], "somebody's");
    assert_eq!(field("note")["type"], "STRING");
    let tagged = told["schema"]["fields"][3]["policyTags"]["names"]
        .as_array()
        .unwrap();
    assert_eq!(tagged.len(), 1);
    stand.run().await;
    stand.assert_level("with a column of somebody else").await;
}

#[tokio::test]
async fn what_cannot_be_added_is_named_column_by_column() {
    let stand = Stand::new().await;
    let lake_id = stand.state().await.lake_id;
    stand.fake.edit(EVENTS, |told| {
        let fields = told["schema"]["fields"].as_array_mut().unwrap();
        for field in fields.iter_mut() {
            match field["name"].as_str().unwrap() {
                "actor_uid" => field["type"] = json!("INT64"),
                "region" => field["mode"] = json!("REQUIRED"),
                _ => {}
            }
        }
        told["clustering"] = json!({ "fields": ["tenant"] });
    });
    stand.fake.edit("audit_quarantine", |told| {
        let fields = told["schema"]["fields"].as_array_mut().unwrap();
        let source = fields.iter_mut().find(|field| field["name"] == "source");
        source.unwrap()["type"] = json!("BYTES");
    });
    let refused = prepare(&stand.bq(), &lake_id)
        .await
        .unwrap_err()
        .to_string();
    for words in [
        "audit_events: column actor_uid is INT64, not STRING",
        "audit_quarantine: column source is BYTES, not STRING",
        "column region is REQUIRED, not NULLABLE",
        "clustered by tenant, not by category, source, actor_name, resource_type",
    ] {
        assert!(refused.contains(words), "{refused}");
    }
    // Nor is anything loaded into it; other clustering alone would not matter.
    let summary = stand.run().await;
    let failure = summary.warehouses[0].failure.clone().unwrap();
    assert_eq!(failure.code, "shape");
    assert!(!failure.message.contains("clustered"), "{failure:?}");
}

#[tokio::test]
async fn without_tables_a_run_says_what_to_do() {
    let stand = Stand::without_tables().await;
    let summary = stand.run().await;
    let failure = summary.warehouses[0].failure.clone().unwrap();
    assert_eq!(failure.code, "no_table");
    stand.make_tables().await;
    stand.run().await;
    stand.assert_level("after init").await;
    let views: Vec<String> = stand.fake.tables();
    for view in ["failed_logins", "source_lag", "last_workflow_change"] {
        assert!(views.contains(&view.to_owned()), "{views:?}");
    }
}
