//! A table of ours as it is: whose it is, whether it can be loaded into, and what receipts say of it.

use super::difference::obstacles;
use super::error::ProjectionError;
use super::opened::Projection;
use crate::lake::layout::Table;
use crate::ledger::state::{State, TableState};
use crate::warehouse::contract::{LAKE_LABEL, TableFound, TableKind};

/// The table as it is, if it is ours and can be loaded into.
pub(crate) async fn open_table(
    projection: &Projection,
    state: &State,
    kind: TableKind,
) -> Result<TableFound, ProjectionError> {
    let warehouse = &*projection.warehouse;
    let target = || warehouse.target().to_owned();
    let Some(found) = warehouse.table(kind.table()).await? else {
        return Err(ProjectionError::NoTable {
            target: target(),
            table: kind.table(),
        });
    };
    check_owner(&found, &target(), &state.lake_id)?;
    let differences = obstacles(&found, &projection.shape(kind), &|kind| {
        warehouse.type_name(kind)
    });
    if !differences.is_empty() {
        return Err(ProjectionError::Shape {
            target: target(),
            table: kind.table().to_owned(),
            differences,
        });
    }
    Ok(found)
}

/// Refuses a table that is not labelled as this lake's.
pub(crate) fn check_owner(
    found: &TableFound,
    target: &str,
    lake_id: &str,
) -> Result<(), ProjectionError> {
    let owner = found.labels.get(LAKE_LABEL);
    if owner.is_some_and(|owner| owner == lake_id) {
        return Ok(());
    }
    Err(ProjectionError::Foreign {
        target: target.to_owned(),
        table: found.name.clone(),
        owner: owner.map_or_else(|| "no lake".to_owned(), Clone::clone),
        lake_id: lake_id.to_owned(),
    })
}

/// What receipts say of a table, if they speak of this incarnation of it.
pub(crate) fn known_of(
    projection: &Projection,
    state: &State,
    table: Table,
    incarnation: u64,
) -> TableState {
    let warehouse = &*projection.warehouse;
    state
        .warehouses
        .get(&projection.name)
        .filter(|known| {
            known.target == warehouse.target() && known.location == warehouse.location()
        })
        .and_then(|known| known.tables.get(&table))
        .filter(|known| known.incarnation == incarnation)
        .cloned()
        .unwrap_or_else(|| TableState {
            incarnation,
            ..TableState::default()
        })
}
