//! What a table is against what it should be. Pure.

use crate::event::schema::ColumnType;
use crate::warehouse::contract::{ColumnFound, TableFound, TableShape};
use std::collections::BTreeMap;

/// The name of a column's type in the words of the service.
pub(crate) type TypeName<'a> = &'a dyn Fn(ColumnType) -> &'static str;

/// What can be added to a table without touching what is there, in words.
pub(crate) fn additions(
    found: &TableFound,
    shape: &TableShape,
    labels: &BTreeMap<String, String>,
    type_name: TypeName<'_>,
) -> Vec<String> {
    let mut additions = Vec::new();
    for column in shape.columns {
        match column_of(found, column.name) {
            None => additions.push(format!(
                "add column {} {}",
                column.name,
                type_name(column.kind)
            )),
            Some(there) if there.description != column.meaning => {
                additions.push(format!("describe column {}", column.name));
            }
            Some(_) => {}
        }
    }
    if found.description != shape.description {
        additions.push("describe the table".to_owned());
    }
    if shape.require_partition_filter && !found.require_partition_filter {
        additions.push("require a condition on dates in queries".to_owned());
    }
    for (key, value) in labels {
        match found.labels.get(key) {
            None => additions.push(format!("add label {key} = {value}")),
            Some(there) if there != value => {
                additions.push(format!("change label {key} from {there} to {value}"));
            }
            Some(_) => {}
        }
    }
    additions
}

/// What differs and cannot be added, in words, each naming what it is about.
pub(crate) fn conflicts(
    found: &TableFound,
    shape: &TableShape,
    type_name: TypeName<'_>,
) -> Vec<String> {
    let mut conflicts = Vec::new();
    if found.kind != "TABLE" {
        conflicts.push(format!(
            "it is a {}, not a table",
            found.kind.to_lowercase()
        ));
        return conflicts;
    }
    for column in shape.columns {
        let Some(there) = column_of(found, column.name) else {
            continue;
        };
        if !there.kind.eq_ignore_ascii_case(type_name(column.kind)) {
            conflicts.push(format!(
                "column {} is {}, not {}",
                column.name,
                there.kind,
                type_name(column.kind)
            ));
        }
        // A load says of each column whether it may be null, and is refused where the table says
        // otherwise.
        let wanted = if column.required {
            "REQUIRED"
        } else {
            "NULLABLE"
        };
        let mode_fits = there.mode == wanted;
        if !mode_fits {
            conflicts.push(format!(
                "column {} is {}, not {wanted}",
                column.name, there.mode
            ));
        }
    }
    for there in &found.columns {
        let ours = shape
            .columns
            .iter()
            .any(|column| same_name(column.name, &there.name));
        if !ours && there.mode == "REQUIRED" {
            conflicts.push(format!(
                "column {} is REQUIRED, and trailhouse does not write it",
                there.name
            ));
        }
    }
    let partition = found.partition.as_deref();
    if partition != shape.partition {
        conflicts.push(format!(
            "it is partitioned by {}, not by {}",
            partition.unwrap_or("nothing"),
            shape.partition.unwrap_or("nothing")
        ));
    }
    if found.clustering != shape.clustering {
        let words = |columns: &[String]| match columns {
            [] => "nothing".to_owned(),
            columns => columns.join(", "),
        };
        conflicts.push(format!(
            "it is clustered by {}, not by {}",
            words(&found.clustering),
            words(&shape.clustering)
        ));
    }
    conflicts
}

/// What keeps rows from being loaded: columns that are missing or are something else. Descriptions,
/// clustering and the like do not.
pub(crate) fn obstacles(
    found: &TableFound,
    shape: &TableShape,
    type_name: TypeName<'_>,
) -> Vec<String> {
    let mut obstacles: Vec<String> = shape
        .columns
        .iter()
        .filter(|column| column_of(found, column.name).is_none())
        .map(|column| format!("column {} is missing", column.name))
        .collect();
    let shape = TableShape {
        clustering: found.clustering.clone(),
        ..shape.clone()
    };
    obstacles.extend(conflicts(found, &shape, type_name));
    obstacles
}

fn column_of<'t>(found: &'t TableFound, name: &str) -> Option<&'t ColumnFound> {
    found
        .columns
        .iter()
        .find(|column| same_name(&column.name, name))
}

/// Services do not tell names of columns apart by case.
fn same_name(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}
