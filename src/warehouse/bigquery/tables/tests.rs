use super::*;
use crate::event::schema::{Classification, Column, ColumnType};

const COLUMNS: &[Column] = &[
    column("dt", ColumnType::Date, true),
    column("count", ColumnType::Integer, false),
    column("raw", ColumnType::Text, false),
];

const fn column(name: &'static str, kind: ColumnType, required: bool) -> Column {
    let column = Column::new(name, kind, Classification::Public).meaning("what it means");
    if required { column.required() } else { column }
}

fn shape() -> TableShape {
    TableShape {
        description: "Events".to_owned(),
        columns: COLUMNS,
        partition: Some("dt"),
        clustering: vec!["raw".to_owned()],
        require_partition_filter: true,
        expires_at: None,
    }
}

fn lake() -> BTreeMap<String, String> {
    BTreeMap::from([("trailhouse-lake".to_owned(), "l1".to_owned())])
}

fn reference() -> Value {
    json!({"projectId": "p", "datasetId": "d", "tableId": "t"})
}

/// As the service tells a table that others have worked on.
fn told() -> Value {
    json!({
        "kind": "bigquery#table",
        "etag": "e1",
        "type": "TABLE",
        "creationTime": "1764061200123",
        "numRows": "12",
        "description": "ours, says the data office",
        "labels": {"team": "audit"},
        "schema": {
            "foreignTypeInfo": {"typeSystem": "HIVE"},
            "fields": [
                {"name": "dt", "type": "DATE", "mode": "REQUIRED", "description": "day"},
                {"name": "raw", "type": "STRING", "policyTags": {"names": ["projects/p/x"]},
                 "defaultValueExpression": "''", "tomorrow": [1, 2]},
                {"name": "price", "type": "NUMERIC", "roundingMode": "ROUND_HALF_EVEN",
                 "description": "added by hand"},
                {"name": "span", "type": "RANGE", "rangeElementType": {"type": "DATE"},
                 "description": "a type that no client of ours knows"}
            ]
        },
        "timePartitioning": {"type": "DAY", "field": "dt", "expirationMs": "5184000000"},
        "clustering": {"fields": ["raw"]},
        "maxStaleness": "0-0 0 4:0:0",
        "resourceTags": {"p/env": "prod"}
    })
}

#[test]
fn what_the_service_tells_is_understood() {
    let found = found("t", told()).unwrap();
    assert_eq!(found.incarnation, 1_764_061_200_123);
    assert_eq!(found.rows, 12);
    assert_eq!(found.partition.as_deref(), Some("dt"));
    assert_eq!(found.partition_expiration, Some(5_184_000_000));
    assert!(!found.require_partition_filter);
    assert_eq!(found.clustering, ["raw"]);
    assert_eq!(found.columns[1].mode, "NULLABLE", "the default is not told");
    assert_eq!(found.columns[3].kind, "RANGE");
    assert_eq!(found.told, told());
}

#[test]
fn type_names_are_those_of_sql() {
    let mut value = told();
    value["schema"]["fields"] = json!([
        {"name": "a", "type": "INTEGER"}, {"name": "b", "type": "INT64"},
        {"name": "c", "type": "BOOLEAN"}, {"name": "d", "type": "RECORD"},
    ]);
    let found = found("t", value).unwrap();
    let kinds: Vec<_> = found
        .columns
        .iter()
        .map(|column| column.kind.as_str())
        .collect();
    assert_eq!(kinds, ["INT64", "INT64", "BOOL", "STRUCT"]);
}

#[test]
fn an_answer_that_lacks_what_matters_is_no_table() {
    for (pointer, value) in [
        ("creationTime", Value::Null),
        ("creationTime", json!("today")),
        ("numRows", Value::Null),
        ("numRows", json!("-1")),
        ("numRows", json!(1.5)),
        ("type", Value::Null),
    ] {
        let mut broken = told();
        broken[pointer] = value.clone();
        assert!(found("t", broken).is_err(), "{pointer} {value}");
    }
    // A view has no rows of its own.
    let mut view = told();
    view["type"] = json!("VIEW");
    view.as_object_mut().unwrap().remove("numRows");
    assert_eq!(found("t", view).unwrap().rows, 0);
}

#[test]
fn partitions_of_hours_or_of_ingestion_are_not_days_of_a_column() {
    for partitioning in [
        json!({"type": "HOUR", "field": "dt"}),
        json!({"type": "DAY"}),
        Value::Null,
    ] {
        let mut value = told();
        value["timePartitioning"] = partitioning;
        assert_eq!(found("t", value).unwrap().partition, None);
    }
}

#[test]
fn a_change_keeps_every_property_that_we_do_not_know() {
    let told = told();
    let changes = to_extend(&told, &shape(), &lake()).unwrap();
    let sent: Vec<_> = changes.as_object().unwrap().keys().collect();
    assert_eq!(sent, ["labels", "requirePartitionFilter", "schema"]);
    assert_eq!(
        changes["labels"],
        json!({"team": "audit", "trailhouse-lake": "l1"})
    );
    let fields = changes["schema"]["fields"].as_array().unwrap();
    let before = told["schema"]["fields"].as_array().unwrap();
    assert_eq!(fields.len(), before.len() + 1);
    assert_eq!(fields[0], before[0]);
    assert_eq!(fields[2], before[2]);
    assert_eq!(fields[3], before[3]);
    let mut described = before[1].clone();
    described["description"] = json!("what it means");
    assert_eq!(fields[1], described, "only the description is added");
    assert_eq!(
        fields[4],
        json!({"name": "count", "type": "INT64", "mode": "NULLABLE", "description": "what it means"})
    );
    assert_eq!(
        changes["schema"]["foreignTypeInfo"],
        told["schema"]["foreignTypeInfo"]
    );
}

#[test]
fn nothing_of_others_is_replaced() {
    let mut other = told();
    other["labels"]["trailhouse-lake"] = json!("another");
    let changes = to_extend(&other, &shape(), &lake()).unwrap();
    assert!(changes.get("labels").is_none(), "whose lake it is stays");
    assert!(changes.get("description").is_none());
}

#[test]
fn a_table_that_has_it_all_is_not_changed() {
    let mut made = to_create(&reference(), &shape(), &lake());
    made["etag"] = json!("e2");
    assert_eq!(to_extend(&made, &shape(), &lake()), None);
}

#[test]
fn a_dataset_is_understood() {
    let told = json!({
        "kind": "bigquery#dataset",
        "location": "EU",
        "labels": {"team": "audit"},
        "maxTimeTravelHours": "48",
        "tomorrow": [1, 2],
    });
    let found = dataset(&told).unwrap();
    assert_eq!(found.location, "EU");
    assert_eq!(found.labels["team"], "audit");
    assert_eq!(found.time_travel, Some(48));
    for (property, value, understood) in [
        ("location", Value::Null, false),
        ("location", json!(""), false),
        ("labels", Value::Null, true),
        ("maxTimeTravelHours", json!("a week"), false),
        ("maxTimeTravelHours", json!("4294967296"), false),
    ] {
        let mut odd = told.clone();
        odd[property] = value.clone();
        assert_eq!(dataset(&odd).is_ok(), understood, "{property} {value}");
    }
    let mut silent = told;
    silent.as_object_mut().unwrap().remove("maxTimeTravelHours");
    let window = dataset(&silent).unwrap().time_travel;
    assert_eq!(window, None, "what is not said is not known");
}

#[test]
fn only_when_partitions_expire_is_changed() {
    let sixty_days = Some(5_184_000_000);
    assert_eq!(to_expire(&told(), sixty_days), None);
    let mut older = told();
    older["timePartitioning"]["requirePartitionFilter"] = json!(true);
    for (after, sent) in [(Some(1), json!("1")), (None, Value::Null)] {
        assert_eq!(
            to_expire(&older, after),
            Some(json!({"timePartitioning": {
                "type": "DAY", "field": "dt", "requirePartitionFilter": true, "expirationMs": sent,
            }}))
        );
    }
    let mut stays = told();
    stays["timePartitioning"]["expirationMs"] = Value::Null;
    assert_eq!(to_expire(&stays, None), None);

    let mut found = found("t", told()).unwrap();
    assert_eq!(may_expire(&found, sixty_days), Ok(()));
    assert_eq!(may_expire(&found, None), Ok(()));
    assert!(may_expire(&found, Some(0)).is_err());
    found.partition = None;
    assert!(may_expire(&found, sixty_days).is_err());
}

/// Rows that are there would break the promise of a column that every row has a value in.
#[test]
fn a_column_that_is_added_demands_nothing() {
    let mut bare = told();
    bare["schema"]["fields"] = json!([]);
    let changes = to_extend(&bare, &shape(), &lake()).unwrap();
    let fields = changes["schema"]["fields"].as_array().unwrap();
    assert!(fields.iter().all(|field| field["mode"] == "NULLABLE"));
}

#[test]
fn a_table_is_made_whole() {
    let body = to_create(&reference(), &shape(), &lake());
    assert_eq!(
        body["timePartitioning"],
        json!({"type": "DAY", "field": "dt"}),
        "no expiration: only retention removes rows"
    );
    assert_eq!(body["requirePartitionFilter"], true);
    assert_eq!(body["clustering"]["fields"], json!(["raw"]));
    let fields = body["schema"]["fields"].as_array().unwrap();
    assert!(
        fields
            .iter()
            .all(|field| field["description"] == "what it means")
    );
    assert!(body.get("expirationTime").is_none());
    let staging = TableShape {
        expires_at: Some(1_764_061_200_123),
        partition: None,
        require_partition_filter: false,
        clustering: Vec::new(),
        ..shape()
    };
    let body = to_create(&reference(), &staging, &lake());
    assert_eq!(body["expirationTime"], "1764061200123");
    for property in ["timePartitioning", "clustering", "requirePartitionFilter"] {
        assert!(body.get(property).is_none(), "{property}");
    }
}

#[test]
fn a_view_is_replaced_only_where_it_differs() {
    let view = ViewShape {
        name: "v".to_owned(),
        description: "Answers".to_owned(),
        sql: "SELECT 1 AS one".to_owned(),
    };
    let mut told = to_create_view(&reference(), &view, &lake());
    assert_eq!(to_replace_view(&told, &view, &lake()), None);
    told["labels"]["team"] = json!("audit");
    told["view"]["privacyPolicy"] = json!({"x": 1});
    let newer = ViewShape {
        sql: "SELECT 2 AS two".to_owned(),
        ..view
    };
    let changes = to_replace_view(&told, &newer, &lake()).unwrap();
    assert_eq!(
        changes,
        json!({"view": {"query": "SELECT 2 AS two", "useLegacySql": false, "privacyPolicy": {"x": 1}}})
    );
    let moved = BTreeMap::from([("trailhouse-lake".to_owned(), "l2".to_owned())]);
    let changes = to_replace_view(&told, &newer, &moved).unwrap();
    assert_eq!(
        changes["labels"],
        json!({"team": "audit", "trailhouse-lake": "l2"})
    );
}
