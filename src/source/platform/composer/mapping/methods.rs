//! What the methods of Cloud Composer's API mean in the common schema, as a table.
//!
//! A method is named `google.cloud.orchestration.airflow.service.v1.Environments.UpdateEnvironment`; its
//! last part decides, since there are several versions of the API. A method without a row is data: it
//! stays in its column, and its event is [`Category::Other`] with the activity that its verb says.
//!
//! Classes and activities are those of OCSF 1.8.

use crate::event::Category;

use Category::{DataAccess, Execution, Other, ResourceManagement, SystemConfiguration};

/// OCSF class API Activity.
const API_ACTIVITY: i64 = 6003;

/// What a method means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MethodMeaning {
    pub(super) category: Category,
    pub(super) class_uid: i64,
    pub(super) activity_id: i64,
    pub(super) activity_name: &'static str,
}

const CREATE: (i64, &str) = (1, "Create");
const READ: (i64, &str) = (2, "Read");
const UPDATE: (i64, &str) = (3, "Update");
const DELETE: (i64, &str) = (4, "Delete");
const UNKNOWN: (i64, &str) = (0, "Unknown");

const METHODS: &[(&str, Category, (i64, &str))] = &[
    ("CheckUpgrade", SystemConfiguration, (99, "Check Upgrade")),
    ("CreateEnvironment", SystemConfiguration, CREATE),
    ("DatabaseFailover", SystemConfiguration, (99, "Failover")),
    ("DeleteEnvironment", SystemConfiguration, DELETE),
    ("DeleteOperation", SystemConfiguration, DELETE),
    ("ExecuteAirflowCommand", Execution, (99, "Execute")),
    ("FetchDatabaseProperties", SystemConfiguration, READ),
    ("GetEnvironment", SystemConfiguration, READ),
    ("GetOperation", SystemConfiguration, READ),
    ("ListEnvironments", SystemConfiguration, READ),
    ("ListImageVersions", SystemConfiguration, READ),
    ("ListOperations", SystemConfiguration, READ),
    ("ListWorkloads", Execution, READ),
    ("LoadSnapshot", SystemConfiguration, (99, "Restore")),
    ("PollAirflowCommand", Execution, READ),
    ("RestartWebServer", SystemConfiguration, (99, "Restart")),
    ("SaveSnapshot", SystemConfiguration, (99, "Back Up")),
    ("StopAirflowCommand", Execution, (99, "Stop")),
    ("UpdateEnvironment", SystemConfiguration, UPDATE),
];

/// Kinds of thing that several verbs are about.
const THINGS: &[(&str, Category)] = &[
    ("UserWorkloadsConfigMap", ResourceManagement),
    ("UserWorkloadsConfigMaps", ResourceManagement),
    ("UserWorkloadsSecret", DataAccess),
    ("UserWorkloadsSecrets", DataAccess),
];

/// What verbs do.
const VERBS: &[(&str, (i64, &str))] = &[
    ("Create", CREATE),
    ("Delete", DELETE),
    ("Get", READ),
    ("List", READ),
    ("Update", UPDATE),
];

/// What a method means.
pub(super) fn meaning(method: Option<&str>) -> MethodMeaning {
    let name = method.unwrap_or_default();
    let name = name.rsplit_once('.').map_or(name, |(_, name)| name);
    let (category, (activity_id, activity_name)) = find(name);
    MethodMeaning {
        category,
        class_uid: API_ACTIVITY,
        activity_id,
        activity_name,
    }
}

fn find(name: &str) -> (Category, (i64, &'static str)) {
    if let Some((_, category, activity)) = METHODS.iter().find(|(known, ..)| *known == name) {
        return (*category, *activity);
    }
    let verb = VERBS.iter().find_map(|(verb, activity)| {
        let thing = name.strip_prefix(verb)?;
        Some((thing, *activity))
    });
    let Some((thing, activity)) = verb else {
        return (Other, UNKNOWN);
    };
    let known = THINGS.iter().find(|(known, _)| *known == thing);
    (known.map_or(Other, |(_, category)| *category), activity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_of_every_version_mean_the_same() {
        let v1 = "google.cloud.orchestration.airflow.service.v1";
        for (method, category, activity) in [
            (".Environments.UpdateEnvironment", SystemConfiguration, 3),
            (".Environments.ExecuteAirflowCommand", Execution, 99),
            (".Environments.CreateUserWorkloadsSecret", DataAccess, 1),
            (
                ".Environments.DeleteUserWorkloadsConfigMap",
                ResourceManagement,
                4,
            ),
            (".Environments.GetHovercraft", Other, 2),
            (".Environments.Levitate", Other, 0),
            ("", Other, 0),
        ] {
            for version in ["", "beta1"] {
                let found = meaning(Some(&format!("{v1}{version}{method}")));
                assert_eq!(
                    (found.category, found.activity_id),
                    (category, activity),
                    "{method}"
                );
            }
        }
        let found = meaning(Some("google.longrunning.Operations.DeleteOperation"));
        assert_eq!(
            (found.category, found.activity_id),
            (SystemConfiguration, 4)
        );
        assert_eq!(meaning(None).category, Other);
        assert!(METHODS.is_sorted_by_key(|(name, ..)| *name));
    }
}
