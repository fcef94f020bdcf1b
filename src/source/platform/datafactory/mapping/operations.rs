//! What the operations of Data Factory mean in the common schema, as tables.
//!
//! An operation is named `Microsoft.DataFactory/factories/pipelines/createrun/action`, in any case: the provider, the
//! kinds of thing, and a verb, which has `action` behind it unless it is `read`, `write` or `delete`. A kind without a
//! row is data: it stays in its column, and its event is [`Category::Other`] with the activity that the verb says.
//! Activities are those of OCSF's API Activity.

use crate::event::Category;
use Category::{
    AccessControl, DataAccess, Execution, Other, ResourceManagement, SystemConfiguration,
};

/// What an operation means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OperationMeaning {
    pub(super) category: Category,
    pub(super) activity_id: i64,
    pub(super) activity_name: &'static str,
}

/// Kinds of thing of a factory, the last in the name of an operation.
const THINGS: &[(&str, Category)] = &[
    ("credentials", DataAccess),
    ("dataflows", ResourceManagement),
    ("datasets", ResourceManagement),
    ("debugpipelineruns", Execution),
    ("factories", SystemConfiguration),
    ("globalparameters", SystemConfiguration),
    ("integrationruntimes", SystemConfiguration),
    ("linkedservices", DataAccess),
    ("managedprivateendpoints", SystemConfiguration),
    ("managedvirtualnetworks", SystemConfiguration),
    ("pipelineruns", Execution),
    ("pipelines", ResourceManagement),
    ("privateendpointconnections", SystemConfiguration),
    ("roleassignments", AccessControl),
    ("sandboxpipelineruns", Execution),
    ("triggerruns", Execution),
    ("triggers", ResourceManagement),
];

/// Verbs that say more than the thing that they are about.
const VERBS: &[(&str, Option<Category>, i64, &str)] = &[
    ("cancel", Some(Execution), 99, "Cancel"),
    ("createrun", Some(Execution), 99, "Start"),
    ("delete", None, 4, "Delete"),
    ("getstatus", None, 2, "Read"),
    ("listauthkeys", Some(DataAccess), 2, "Read"),
    ("pipelinerun", Some(Execution), 99, "Start"),
    ("read", None, 2, "Read"),
    ("regenerateauthkey", Some(DataAccess), 3, "Update"),
    ("rerun", Some(Execution), 99, "Rerun"),
    ("sandbox", Some(Execution), 99, "Start"),
    ("start", Some(Execution), 99, "Start"),
    ("stop", Some(Execution), 99, "Stop"),
    ("write", None, 3, "Update"),
];

/// What an operation means.
pub(super) fn meaning(operation: Option<&str>) -> OperationMeaning {
    let (things, verb) = parts(operation.unwrap_or_default());
    let thing = things.rsplit('/').next().unwrap_or_default();
    let thing = THINGS.iter().find(|row| row.0 == thing).map(|row| row.1);
    let verb = VERBS.iter().find(|row| row.0 == verb);
    let of_verb = verb.and_then(|row| row.1);
    let (activity_id, activity_name) = verb.map_or((0, "Unknown"), |row| (row.2, row.3));
    OperationMeaning {
        category: of_verb.or(thing).unwrap_or(Other),
        activity_id,
        activity_name,
    }
}

/// The kinds of thing that an operation is about.
pub(super) fn thing(operation: &str) -> Option<String> {
    let (things, _) = parts(operation);
    (!things.is_empty()).then_some(things)
}

/// The kinds of thing behind the provider, and the verb, in small letters.
fn parts(operation: &str) -> (String, String) {
    let operation = operation.to_ascii_lowercase();
    let mut parts: Vec<&str> = operation.split('/').skip(1).collect();
    if parts.last() == Some(&"action") {
        parts.pop();
    }
    let verb = parts.pop().unwrap_or_default().to_owned();
    (parts.join("/"), verb)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_mean_the_same_in_any_case() {
        for (operation, category, activity) in [
            ("factories/write", SystemConfiguration, 3),
            ("factories/pipelines/delete", ResourceManagement, 4),
            ("factories/pipelines/createrun/action", Execution, 99),
            ("factories/pipelines/createRun/action", Execution, 99),
            ("factories/triggers/start/action", Execution, 99),
            ("factories/linkedServices/write", DataAccess, 3),
            ("factories/pipelineruns/cancel/action", Execution, 99),
            (
                "factories/integrationruntimes/listauthkeys/action",
                DataAccess,
                2,
            ),
            ("factories/hovercrafts/write", Other, 3),
            ("factories/levitate/action", SystemConfiguration, 0),
        ] {
            let operation = format!("Microsoft.DataFactory/{operation}");
            for spelled in [operation.clone(), operation.to_uppercase()] {
                let found = meaning(Some(&spelled));
                let found = (found.category, found.activity_id);
                assert_eq!(found, (category, activity), "{spelled}");
            }
        }
        assert_eq!(meaning(None).category, Other);
        let run = "MICROSOFT.DATAFACTORY/FACTORIES/PIPELINES/CREATERUN/ACTION";
        assert_eq!(thing(run).as_deref(), Some("factories/pipelines"));
        assert_eq!((thing("write"), thing("")), (None, None));
        assert!(THINGS.is_sorted_by(|one, other| one.0 < other.0));
        assert!(VERBS.is_sorted_by(|one, other| one.0 < other.0));
    }
}
