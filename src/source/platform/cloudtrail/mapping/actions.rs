//! What actions of AWS services mean in the common schema, as tables.
//!
//! The actions of Step Functions each have a row. Of other services only those have a category that are about
//! logging in or about permissions. A name without a row is data: it stays in its column, and the event is
//! [`Category::Other`]. Classes and activities are those of OCSF 1.8.

use crate::event::Category;
use Category::{AccessControl, Authentication, DataAccess, Execution, Other, ResourceManagement};

/// OCSF class Authentication.
const AUTHENTICATION: i64 = 3002;
/// OCSF class API Activity.
const API_ACTIVITY: i64 = 6003;

/// What an action means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ActionMeaning {
    pub(super) category: Category,
    pub(super) class_uid: i64,
    pub(super) activity_id: i64,
    pub(super) activity_name: &'static str,
}

const STEP_FUNCTIONS: &str = "states.amazonaws.com";

/// The service at which people sign in.
const SIGN_IN: &str = "signin.amazonaws.com";

/// Actions of Step Functions.
const ACTIONS: &[(&str, Category)] = &[
    ("CreateActivity", ResourceManagement),
    ("CreateStateMachine", ResourceManagement),
    ("CreateStateMachineAlias", ResourceManagement),
    ("DeleteActivity", ResourceManagement),
    ("DeleteStateMachine", ResourceManagement),
    ("DeleteStateMachineAlias", ResourceManagement),
    ("DeleteStateMachineVersion", ResourceManagement),
    ("DescribeActivity", DataAccess),
    ("DescribeExecution", DataAccess),
    ("DescribeMapRun", DataAccess),
    ("DescribeStateMachine", DataAccess),
    ("DescribeStateMachineAlias", DataAccess),
    ("DescribeStateMachineForExecution", DataAccess),
    ("GetActivityTask", Execution),
    ("GetExecutionHistory", DataAccess),
    ("InvokeHTTPEndpoint", Execution),
    ("ListActivities", DataAccess),
    ("ListExecutions", DataAccess),
    ("ListMapRuns", DataAccess),
    ("ListStateMachineAliases", DataAccess),
    ("ListStateMachineVersions", DataAccess),
    ("ListStateMachines", DataAccess),
    ("ListTagsForResource", DataAccess),
    ("PublishStateMachineVersion", ResourceManagement),
    ("RedriveExecution", Execution),
    ("SendTaskFailure", Execution),
    ("SendTaskHeartbeat", Execution),
    ("SendTaskSuccess", Execution),
    ("StartExecution", Execution),
    ("StartSyncExecution", Execution),
    ("StopExecution", Execution),
    ("TagResource", ResourceManagement),
    ("TestState", Execution),
    ("UntagResource", ResourceManagement),
    ("UpdateMapRun", Execution),
    ("UpdateStateMachine", ResourceManagement),
    ("UpdateStateMachineAlias", ResourceManagement),
    ("ValidateStateMachineDefinition", ResourceManagement),
];

/// Services whose actions are all of one category.
const SERVICES: &[(&str, Category)] = &[
    ("iam.amazonaws.com", AccessControl),
    (SIGN_IN, Authentication),
    ("sso-directory.amazonaws.com", AccessControl),
    ("sso.amazonaws.com", AccessControl),
];

/// Activities by the verb that an action begins with.
const VERBS: &[(&str, i64, &str)] = &[
    ("Create", 1, "Create"),
    ("Delete", 4, "Delete"),
    ("Describe", 2, "Read"),
    ("Get", 2, "Read"),
    ("Invoke", 99, "Invoke"),
    ("List", 2, "Read"),
    ("Lookup", 2, "Read"),
    ("Publish", 1, "Create"),
    ("Put", 3, "Update"),
    ("Redrive", 99, "Redrive"),
    ("Send", 99, "Report"),
    ("Start", 99, "Start"),
    ("Stop", 99, "Stop"),
    ("Tag", 3, "Update"),
    ("Test", 99, "Test"),
    ("Untag", 3, "Update"),
    ("Update", 3, "Update"),
    ("Validate", 99, "Validate"),
];

/// What an action of a service means.
pub(super) fn meaning(service: Option<&str>, action: Option<&str>) -> ActionMeaning {
    let named = |table: &[(&str, Category)], name: &str| {
        let mut rows = table.iter();
        rows.find(|row| row.0 == name).map(|row| row.1)
    };
    let category = match service {
        Some(STEP_FUNCTIONS) => action.and_then(|action| named(ACTIONS, action)),
        Some(service) => named(SERVICES, service),
        None => None,
    };
    let category = category.unwrap_or(Other);
    if action == Some("ConsoleLogin") {
        return ActionMeaning {
            category,
            class_uid: AUTHENTICATION,
            activity_id: 1,
            activity_name: "Logon",
        };
    }
    let (activity_id, activity_name) = activity(action);
    // What verbs mean is said of API Activity.
    if service == Some(SIGN_IN) {
        return ActionMeaning {
            category,
            class_uid: AUTHENTICATION,
            activity_id: 99,
            activity_name: "Other",
        };
    }
    ActionMeaning {
        category,
        class_uid: API_ACTIVITY,
        activity_id,
        activity_name,
    }
}

fn activity(action: Option<&str>) -> (i64, &'static str) {
    let Some(action) = action else {
        return (0, "Unknown");
    };
    let rest = action.get(1..).unwrap_or_default();
    let end = rest.find(|c: char| c.is_ascii_uppercase());
    let verb = end.and_then(|end| action.get(..=end)).unwrap_or(action);
    let row = VERBS.iter().find(|row| row.0 == verb);
    row.map_or((99, "Other"), |row| (row.1, row.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_without_doubles() {
        assert!(ACTIONS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(SERVICES.is_sorted_by(|a, b| a.0 < b.0));
        assert!(VERBS.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn every_action_of_step_functions_has_an_activity() {
        for (action, _) in ACTIONS {
            let found = meaning(Some(STEP_FUNCTIONS), Some(action));
            assert_ne!(found.activity_name, "Other", "{action}");
            assert_ne!(found.category, Other, "{action}");
        }
    }

    #[test]
    fn categories_classes_and_activities() {
        let states = Some(STEP_FUNCTIONS);
        for (service, action, category, class, activity, name) in [
            (states, Some("StartExecution"), Execution, 6003, 99, "Start"),
            (
                states,
                Some("CreateStateMachine"),
                ResourceManagement,
                6003,
                1,
                "Create",
            ),
            (
                states,
                Some("GetExecutionHistory"),
                DataAccess,
                6003,
                2,
                "Read",
            ),
            (states, Some("PlayChess"), Other, 6003, 99, "Other"),
            (states, None, Other, 6003, 0, "Unknown"),
            (
                Some("iam.amazonaws.com"),
                Some("CreateUser"),
                AccessControl,
                6003,
                1,
                "Create",
            ),
            (
                Some("signin.amazonaws.com"),
                Some("ConsoleLogin"),
                Authentication,
                3002,
                1,
                "Logon",
            ),
            (
                Some("signin.amazonaws.com"),
                Some("CredentialChallenge"),
                Authentication,
                3002,
                99,
                "Other",
            ),
            (
                Some("ec2.amazonaws.com"),
                Some("StartInstances"),
                Other,
                6003,
                99,
                "Start",
            ),
            (None, Some("Start"), Other, 6003, 99, "Start"),
            (None, Some(""), Other, 6003, 99, "Other"),
            (None, Some("Überwachen"), Other, 6003, 99, "Other"),
        ] {
            let found = meaning(service, action);
            assert_eq!(found.category, category, "{action:?}");
            assert_eq!(found.class_uid, class, "{action:?}");
            assert_eq!(
                (found.activity_id, found.activity_name),
                (activity, name),
                "{action:?}"
            );
        }
    }
}
