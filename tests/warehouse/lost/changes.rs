//! Datasets, tables and views that are made, changed and removed while answers are lost.

use super::*;
use std::collections::BTreeMap;
use trailhouse::warehouse::ViewShape;

/// What was to be made is there after a lost answer, and nobody can tell by whom.
#[tokio::test]
async fn creations_in_trouble() {
    for (fault, made) in [
        (Fault::Limited("rateLimitExceeded"), Ok(())),
        (Fault::Unavailable, Ok(())),
        (Fault::LostRequest, Ok(())),
        (Fault::Page(502), Ok(())),
        (Fault::LostAnswer, Err(Class::Exists)),
        (Fault::UnavailableAfter, Err(Class::Exists)),
        (Fault::CutAnswer, Err(Class::Exists)),
    ] {
        let stand = Stand::new().await;
        let warehouse = stand.fake.client().await;
        stand.fake.fault(Call::CreateDataset, 1, fault.clone());
        let answer = warehouse.create_dataset("d", &labels()).await;
        assert_eq!(answer.map_err(|error| error.class), made, "{fault:?}");
        assert!(warehouse.dataset().await.unwrap().is_some());
        stand.fake.fault(Call::CreateTable, 1, fault.clone());
        let answer = warehouse
            .create_table(TABLE, &events_shape(), &labels())
            .await;
        assert_eq!(answer.map_err(|error| error.class), made, "{fault:?}");
        assert!(warehouse.table(TABLE).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn changes_and_removals_in_trouble_happen_once() {
    for fault in [
        Fault::Limited("rateLimitExceeded"),
        Fault::TooMany("0"),
        Fault::Unavailable,
        Fault::UnavailableAfter,
        Fault::Page(502),
        Fault::PageAfter,
        Fault::LostRequest,
        Fault::LostAnswer,
        Fault::CutAnswer,
    ] {
        let (stand, warehouse, _) = prepared().await;
        let found = warehouse.table(TABLE).await.unwrap().unwrap();
        let mut shape = events_shape();
        let more = BTreeMap::from([("more".to_owned(), "x".to_owned())]);
        stand.fake.fault(Call::PatchTable, 1, fault.clone());
        shape.require_partition_filter = true;
        warehouse.extend_table(&found, &shape, &more).await.unwrap();
        let labels_now = warehouse.table(TABLE).await.unwrap().unwrap().labels;
        assert_eq!(labels_now.len(), 2, "{fault:?}");

        let found = warehouse.table(TABLE).await.unwrap().unwrap();
        stand.fake.fault(Call::PatchTable, 1, fault.clone());
        let set = warehouse.set_partition_expiration(&found, Some(86_400_000));
        set.await.unwrap();

        let mut view = ViewShape {
            name: "v".to_owned(),
            description: String::new(),
            sql: "SELECT 1".to_owned(),
        };
        stand.fake.fault(Call::CreateTable, 1, fault.clone());
        warehouse.put_view(&view, &labels()).await.unwrap();
        view.sql = "SELECT 2".to_owned();
        stand.fake.fault(Call::PatchTable, 1, fault.clone());
        warehouse.put_view(&view, &labels()).await.unwrap();
        assert_eq!(stand.fake.told("v").unwrap()["view"]["query"], "SELECT 2");

        stand.fake.fault(Call::DeleteTable, 1, fault.clone());
        stand.fake.fault(Call::DeleteTable, 2, fault.clone());
        warehouse.drop_table(TABLE).await.unwrap();
        assert_eq!(stand.fake.tables(), ["v"], "{fault:?}");
    }
}

/// Somebody else's change between reading and changing is not undone, also where the answer was
/// lost.
#[tokio::test]
async fn a_change_of_another_is_a_conflict() {
    for fault in [None, Some(Fault::LostRequest), Some(Fault::Unavailable)] {
        let (stand, warehouse, _) = prepared().await;
        let found = warehouse.table(TABLE).await.unwrap().unwrap();
        stand
            .fake
            .edit(TABLE, |told| told["labels"]["team"] = "audit".into());
        if let Some(fault) = fault {
            stand.fake.fault(Call::PatchTable, 1, fault);
        }
        let more = BTreeMap::from([("more".to_owned(), "x".to_owned())]);
        let error = warehouse
            .extend_table(&found, &events_shape(), &more)
            .await
            .unwrap_err();
        assert_eq!(error.class, Class::Conflict, "{error}");
        assert!(
            stand.fake.told(TABLE).unwrap()["labels"]
                .get("more")
                .is_none()
        );
    }
}

/// Properties that no model of ours knows are still there after a change.
#[tokio::test]
async fn a_change_drops_no_property() {
    let (stand, warehouse, _) = prepared().await;
    stand.fake.edit(TABLE, |told| {
        told["resourceTags"] = serde_json::json!({"p/env": "prod"});
        told["maxStaleness"] = "0-0 0 4:0:0".into();
        told["timePartitioning"]["expirationMs"] = "5184000000".into();
        let fields = told["schema"]["fields"].as_array_mut().unwrap();
        fields[0]["policyTags"] = serde_json::json!({"names": ["projects/p/taxonomies/1"]});
        fields[0].as_object_mut().unwrap().remove("description");
        let span = serde_json::json!({
            "name": "span", "type": "RANGE", "rangeElementType": {"type": "DATE"},
        });
        fields.push(span);
    });
    let before = stand.fake.told(TABLE).unwrap();
    let found = warehouse.table(TABLE).await.unwrap().unwrap();
    assert_eq!(found.partition_expiration, Some(5_184_000_000));
    warehouse
        .extend_table(&found, &events_shape(), &labels())
        .await
        .unwrap();
    let mut after = stand.fake.told(TABLE).unwrap();
    let first = &mut after["schema"]["fields"][0];
    assert_eq!(first["description"], EVENT_COLUMNS[0].meaning);
    first.as_object_mut().unwrap().remove("description");
    after["etag"] = before["etag"].clone();
    assert_eq!(after, before);
}
