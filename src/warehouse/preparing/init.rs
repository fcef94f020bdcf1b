//! Making the dataset, tables and views of a warehouse, and adding to them what newer versions of this
//! program have.

use super::expiration::{has_default_expiration, lift, unwanted};
use super::remake::{is_told, remake};
use crate::warehouse::contract::{Class, LAKE_LABEL, TableFound, TableKind, ViewShape};
use crate::warehouse::projection::{
    Projection, ProjectionError, additions, check_owner, conflicts,
};
use schemars::JsonSchema;
use serde::Serialize;

/// What `warehouse init` does, or would do, in one warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Preparation {
    /// Configured name of the warehouse.
    pub warehouse: String,
    /// Project and dataset of the warehouse, as in `acme-audit.audit`.
    pub target: String,
    /// The steps in order; empty if everything is there.
    pub steps: Vec<InitStep>,
}

/// A change to a dataset, table or view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InitStep {
    /// What is changed, as in `table audit_events`.
    pub what: String,
    /// The changes, in words.
    pub changes: Vec<String>,
}

/// A step with what it needs.
#[derive(Debug)]
enum InitAction {
    Dataset,
    Create(TableKind),
    Extend(TableKind, Box<TableFound>),
    /// Makes one anew that is written as a whole each time.
    Remake(TableKind),
    /// Lifts an expiration that nobody asked for, of a table or view by name.
    Lift(String),
    View(ViewShape),
}

/// What a warehouse lacks.
#[derive(Debug)]
pub struct Preparing {
    /// For people and programs.
    pub preparation: Preparation,
    actions: Vec<InitAction>,
}

impl Preparing {
    /// Whether all tables and views are up to date.
    pub fn is_nothing(&self) -> bool {
        self.actions.is_empty()
    }
}

/// Looks at what is there and says what is missing. Changes nothing.
///
/// # Errors
/// The service; a dataset or table of another lake, or at another location; a table that differs in
/// what cannot be added, with every such column.
pub async fn prepare(projection: &Projection, lake_id: &str) -> Result<Preparing, ProjectionError> {
    let warehouse = &*projection.warehouse;
    let target = warehouse.target();
    let type_name = |kind| warehouse.type_name(kind);
    let mut preparing = Preparing {
        preparation: Preparation {
            warehouse: projection.name.clone(),
            target: target.to_owned(),
            steps: Vec::new(),
        },
        actions: Vec::new(),
    };
    let mut step = |what: String, changes: Vec<String>, action: InitAction| {
        preparing.preparation.steps.push(InitStep { what, changes });
        preparing.actions.push(action);
    };
    let dataset = warehouse.dataset().await?;
    match &dataset {
        None => {
            let made = vec![format!("make it in {}", warehouse.location())];
            step(format!("dataset {target}"), made, InitAction::Dataset);
        }
        Some(found) => {
            let owner = found.labels.get(LAKE_LABEL);
            if let Some(owner) = owner.filter(|owner| *owner != lake_id) {
                return Err(ProjectionError::Foreign {
                    target: target.to_owned(),
                    table: "the dataset".to_owned(),
                    owner: owner.clone(),
                    lake_id: lake_id.to_owned(),
                });
            }
            if !found.location.eq_ignore_ascii_case(warehouse.location()) {
                return Err(ProjectionError::Location {
                    target: target.to_owned(),
                    found: found.location.clone(),
                    configured: warehouse.location().to_owned(),
                });
            }
        }
    }
    let labels = projection.labels(lake_id);
    // Of all tables, so that one look says everything that has to be mended.
    let mut wrong: Vec<(&str, Vec<String>)> = Vec::new();
    for kind in TableKind::ALL {
        let shape = projection.shape(kind);
        let found = match &dataset {
            Some(_) => warehouse.table(kind.table()).await?,
            None => None,
        };
        let name = format!("table {}", kind.table());
        let Some(found) = found else {
            let mut changes = vec![format!("make it with {} columns", shape.columns.len())];
            if let Some(column) = shape.partition {
                changes.push(format!("partition it by the days of {column}"));
            }
            if !shape.clustering.is_empty() {
                changes.push(format!("cluster it by {}", shape.clustering.join(", ")));
            }
            if shape.require_partition_filter {
                changes.push("require a condition on dates in queries".to_owned());
            }
            if dataset.as_ref().is_some_and(has_default_expiration) {
                changes.push(NO_DEFAULT.to_owned());
            }
            step(name, changes, InitAction::Create(kind));
            continue;
        };
        check_owner(&found, target, lake_id)?;
        let differences = conflicts(&found, &shape, &type_name);
        if !differences.is_empty() && is_told(kind) {
            let mut changes = vec!["recreate it: it is rewritten as a whole each time".to_owned()];
            changes.extend(differences);
            step(name, changes, InitAction::Remake(kind));
            continue;
        }
        if !differences.is_empty() {
            wrong.push((kind.table(), differences));
            continue;
        }
        let changes = additions(&found, &shape, &labels, &type_name);
        let unwanted = unwanted(&found, projection);
        if !changes.is_empty() {
            step(
                name.clone(),
                changes,
                InitAction::Extend(kind, Box::new(found)),
            );
        }
        if !unwanted.is_empty() {
            step(name, unwanted, InitAction::Lift(kind.table().to_owned()));
        }
    }
    if let Some(error) = all_wrong(target, wrong) {
        return Err(error);
    }
    for view in warehouse.views() {
        let found = match &dataset {
            Some(_) => warehouse.table(&view.name).await?,
            None => None,
        };
        let name = format!("view {}", view.name);
        let change = match &found {
            None => match dataset.as_ref().is_some_and(has_default_expiration) {
                true => vec!["make it".to_owned(), NO_DEFAULT.to_owned()],
                false => vec!["make it".to_owned()],
            },
            Some(found) if found.kind != "VIEW" => {
                return Err(ProjectionError::Shape {
                    target: target.to_owned(),
                    table: view.name,
                    differences: vec![format!("it is a {}, not a view", found.kind.to_lowercase())],
                });
            }
            Some(found) => {
                check_owner(found, target, lake_id)?;
                let unwanted = unwanted(found, projection);
                if !unwanted.is_empty() {
                    step(name.clone(), unwanted, InitAction::Lift(view.name.clone()));
                }
                if found.view.as_ref() == Some(&view.sql) && found.description == view.description {
                    continue;
                }
                vec!["replace it".to_owned()]
            }
        };
        step(name, change, InitAction::View(view));
    }
    Ok(preparing)
}

/// One error for everything that cannot be added, whatever the number of tables.
fn all_wrong(target: &str, mut wrong: Vec<(&str, Vec<String>)>) -> Option<ProjectionError> {
    let (table, differences) = if wrong.len() == 1 {
        let (table, differences) = wrong.remove(0);
        (table.to_owned(), differences)
    } else {
        let tables: Vec<&str> = wrong.iter().map(|(table, _)| *table).collect();
        let tables = tables.join(", ");
        let of_all = wrong.into_iter().flat_map(|(table, differences)| {
            differences
                .into_iter()
                .map(move |what| format!("{table}: {what}"))
        });
        (tables, of_all.collect())
    };
    (!differences.is_empty()).then(|| ProjectionError::Shape {
        target: target.to_owned(),
        table,
        differences,
    })
}

/// Does what [`prepare`] found missing.
///
/// # Errors
/// The service. What was made stays; a second `init` goes on.
pub async fn carry_out_preparation(
    projection: &Projection,
    lake_id: &str,
    preparing: &Preparing,
) -> Result<(), ProjectionError> {
    let warehouse = &*projection.warehouse;
    let labels = projection.labels(lake_id);
    for action in &preparing.actions {
        let done = match action {
            InitAction::Dataset => warehouse.create_dataset(DATASET, &labels).await,
            InitAction::Create(kind) => {
                let shape = projection.shape(*kind);
                warehouse.create_table(kind.table(), &shape, &labels).await
            }
            InitAction::Extend(kind, found) => {
                let shape = projection.shape(*kind);
                warehouse.extend_table(found, &shape, &labels).await
            }
            InitAction::Remake(kind) => {
                remake(projection, *kind, lake_id).await?;
                Ok(())
            }
            InitAction::Lift(name) => lift(projection, name).await,
            InitAction::View(view) => warehouse.put_view(view, &labels).await,
        };
        match done {
            Ok(()) => {}
            // Somebody else is making it; whether it is as it should be shows the next `prepare`.
            Err(error) if error.class == Class::Exists => {}
            Err(error) => return Err(error.into()),
        }
        // No request that makes a table can keep a default of the dataset away.
        match action {
            InitAction::Create(kind) => lift(projection, kind.table()).await?,
            InitAction::View(view) => lift(projection, &view.name).await?,
            InitAction::Dataset
            | InitAction::Extend(..)
            | InitAction::Remake(_)
            | InitAction::Lift(_) => {}
        }
    }
    Ok(())
}

/// What a step adds that makes a table or view where the dataset has a default expiration.
const NO_DEFAULT: &str = "remove the expiration that the dataset gives by default";

const DATASET: &str = "Audit trail, loaded by trailhouse";
