use crate::event::schema::ColumnType;
use crate::warehouse::projection::difference::{additions, conflicts, obstacles};
use crate::warehouse::{ColumnFound, TableFound, TableKind, TableShape};
use std::collections::BTreeMap;

fn shape() -> TableShape {
    TableShape {
        description: "what it is".to_owned(),
        columns: TableKind::Quarantine.columns(),
        partition: Some("dt"),
        clustering: vec!["source".to_owned()],
        require_partition_filter: true,
        expires_at: None,
    }
}

fn labels() -> BTreeMap<String, String> {
    BTreeMap::from([("trailhouse-lake".to_owned(), "lake-0".to_owned())])
}

/// The words of a service of our own.
fn type_name(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Text => "text",
        ColumnType::Bytes => "blob",
        ColumnType::Integer => "number",
        ColumnType::Date => "day",
        ColumnType::Timestamp => "instant",
    }
}

fn added(found: &TableFound) -> Vec<String> {
    additions(found, &shape(), &labels(), &type_name)
}

fn conflicting(found: &TableFound) -> Vec<String> {
    conflicts(found, &shape(), &type_name)
}

fn hindering(found: &TableFound) -> Vec<String> {
    obstacles(found, &shape(), &type_name)
}

/// A table that is exactly as it should be.
fn found() -> TableFound {
    let shape = shape();
    TableFound {
        name: "audit_quarantine".to_owned(),
        incarnation: 1,
        rows: 0,
        labels: labels(),
        description: shape.description.clone(),
        columns: shape
            .columns
            .iter()
            .map(|column| ColumnFound {
                name: column.name.to_owned(),
                kind: type_name(column.kind).to_owned(),
                mode: if column.required {
                    "REQUIRED"
                } else {
                    "NULLABLE"
                }
                .to_owned(),
                description: column.meaning.to_owned(),
            })
            .collect(),
        partition: Some("dt".to_owned()),
        partition_expiration: None,
        expires_at: None,
        clustering: shape.clustering,
        require_partition_filter: true,
        kind: "TABLE".to_owned(),
        view: None,
        told: serde_json::Value::Null,
    }
}

#[test]
fn a_table_as_it_should_be_differs_in_nothing() {
    assert!(added(&found()).is_empty());
    assert!(conflicting(&found()).is_empty());
    assert!(hindering(&found()).is_empty());
}

#[test]
fn what_is_missing_is_added() {
    let mut found = found();
    found.columns.retain(|column| column.name != "tenant");
    found.columns[0].description.clear();
    found.require_partition_filter = false;
    found.labels.clear();
    found.description.clear();
    let added = added(&found);
    assert_eq!(added.len(), 5, "{added:?}");
    assert!(added.contains(&"add column tenant text".to_owned()));
    assert!(conflicting(&found).is_empty());
    assert_eq!(hindering(&found), ["column tenant is missing"]);
}

#[test]
fn each_thing_that_cannot_be_added_is_named() {
    let mut found = found();
    for column in &mut found.columns {
        match column.name.as_str() {
            "tenant" => column.kind = "number".to_owned(),
            "source" => column.mode = "NULLABLE".to_owned(),
            "content" => column.mode = "REPEATED".to_owned(),
            _ => {}
        }
    }
    found.columns.push(ColumnFound {
        name: "theirs".to_owned(),
        kind: "text".to_owned(),
        mode: "REQUIRED".to_owned(),
        description: String::new(),
    });
    found.partition = None;
    found.clustering = vec!["tenant".to_owned()];
    let named = conflicting(&found);
    assert_eq!(
        named,
        [
            "column source is NULLABLE, not REQUIRED",
            "column tenant is number, not text",
            "column content is REPEATED, not REQUIRED",
            "column theirs is REQUIRED, and trailhouse does not write it",
            "it is partitioned by nothing, not by dt",
            "it is clustered by tenant, not by source",
        ]
    );
    // Other clustering costs money and keeps no row out.
    assert_eq!(hindering(&found).len(), 5);
    found.kind = "VIEW".to_owned();
    assert_eq!(conflicting(&found), ["it is a view, not a table"]);
}

#[test]
fn names_in_other_case_are_the_same_column() {
    let mut found = found();
    found.columns[0].name = found.columns[0].name.to_uppercase();
    assert!(hindering(&found).is_empty());
}
