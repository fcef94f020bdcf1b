//! What UiPath's actions mean in the common schema, as tables.
//!
//! The enums of Orchestrator grow with every release, and the unified audit names services and acts in words, so a
//! name without a row is data: it stays in its column, and its event is [`Category::Other`]. Classes and activities
//! are those of OCSF 1.8. Severity is 1 (informational) unless a rule says otherwise; it grades the kind of act.

use crate::event::{Category, Outcome};
use Category::{
    AccessControl, Authentication, DataAccess, Execution, Other, ResourceManagement,
    SystemConfiguration,
};

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
    pub(super) severity_id: i64,
}

/// Components of Orchestrator.
const COMPONENTS: &[(&str, Category)] = &[
    ("Alerts", SystemConfiguration),
    ("ApiTriggers", Execution),
    ("Assets", DataAccess),
    ("Audit", DataAccess),
    ("BucketFiles", DataAccess),
    ("Buckets", DataAccess),
    ("Calendars", ResourceManagement),
    ("Comments", ResourceManagement),
    ("CredentialStores", DataAccess),
    ("Dashboards", ResourceManagement),
    ("DirectoryService", AccessControl),
    ("Environments", ResourceManagement),
    ("ExecutionMedia", DataAccess),
    ("Folders", ResourceManagement),
    ("Groups", AccessControl),
    ("Jobs", Execution),
    ("Libraries", ResourceManagement),
    ("License", SystemConfiguration),
    ("Machines", SystemConfiguration),
    ("Packages", ResourceManagement),
    ("PersonalWorkspaces", ResourceManagement),
    ("Processes", ResourceManagement),
    ("QueueItems", DataAccess),
    ("Queues", DataAccess),
    ("Robots", SystemConfiguration),
    ("Roles", AccessControl),
    ("Schedules", Execution),
    ("Sessions", Execution),
    ("Settings", SystemConfiguration),
    ("TaskCatalogs", ResourceManagement),
    ("Tasks", DataAccess),
    ("Tenants", SystemConfiguration),
    ("TestDataQueues", DataAccess),
    ("TestSets", ResourceManagement),
    ("Units", ResourceManagement),
    ("Users", AccessControl),
    ("Webhooks", SystemConfiguration),
];

/// Activities by the verb that an action of Orchestrator begins with.
const VERBS: &[(&str, i64, &str)] = &[
    ("Assign", 3, "Update"),
    ("Associate", 3, "Update"),
    ("BulkComplete", 99, "Complete"),
    ("BulkUpload", 1, "Create"),
    ("Create", 1, "Create"),
    ("Delete", 4, "Delete"),
    ("Download", 2, "Read"),
    ("Export", 2, "Read"),
    ("Read", 2, "Read"),
    ("Restart", 99, "Restart"),
    ("Resume", 99, "Resume"),
    ("Start", 99, "Start"),
    ("Stop", 99, "Stop"),
    ("Toggle", 3, "Update"),
    ("Update", 3, "Update"),
    ("Upload", 1, "Create"),
];

/// Services of the unified audit, as it names them.
const SERVICES: &[(&str, Category)] = &[
    ("AI Center", ResourceManagement),
    ("Agents", Execution),
    ("Apps", ResourceManagement),
    ("Data Fabric", DataAccess),
    ("Data Service", DataAccess),
    ("Document Understanding", ResourceManagement),
    ("Governance", SystemConfiguration),
    ("Identity", AccessControl),
    ("Insights", DataAccess),
    ("Integration Service", ResourceManagement),
    ("Licensing", SystemConfiguration),
    ("Maestro", Execution),
    ("Organization Management", AccessControl),
    ("Studio Web", ResourceManagement),
    ("Tenant Management", SystemConfiguration),
];

/// Activities by a word in the name of an event, the first that is found.
const WORDS: &[(&str, i64, &str)] = &[
    ("added", 1, "Create"),
    ("created", 1, "Create"),
    ("invited", 1, "Create"),
    ("deleted", 4, "Delete"),
    ("removed", 4, "Delete"),
    ("revoked", 4, "Delete"),
    ("changed", 3, "Update"),
    ("disabled", 3, "Update"),
    ("edited", 3, "Update"),
    ("enabled", 3, "Update"),
    ("modified", 3, "Update"),
    ("updated", 3, "Update"),
    ("downloaded", 2, "Read"),
    ("exported", 2, "Read"),
    ("viewed", 2, "Read"),
    ("started", 99, "Start"),
    ("stopped", 99, "Stop"),
];

/// What an action on a component of Orchestrator means.
pub(super) fn of_orchestrator(component: Option<&str>, action: Option<&str>) -> ActionMeaning {
    let category = component.and_then(|name| category(COMPONENTS, name));
    let action = action.unwrap_or_default();
    let verb = VERBS.iter().find(|row| action.starts_with(row.0));
    let activity = verb.map(|row| (row.1, row.2));
    api(category.unwrap_or(Other), activity)
}

/// What an event of the unified audit means.
pub(super) fn of_audit(
    service: Option<&str>,
    target: Option<&str>,
    action: Option<&str>,
    outcome: Outcome,
) -> ActionMeaning {
    let words = |text: Option<&str>| text.unwrap_or_default().to_lowercase();
    let (action, target) = (words(action), words(target));
    let has = |word: &str| action.split(' ').any(|other| other == word);
    if target == "sign in" || has("login") || has("logout") {
        let (activity_id, activity_name) = match has("logout") {
            true => (2, "Logoff"),
            false => (1, "Logon"),
        };
        return ActionMeaning {
            category: Authentication,
            class_uid: AUTHENTICATION,
            activity_id,
            activity_name,
            severity_id: if outcome == Outcome::Failure { 2 } else { 1 },
        };
    }
    let category = service.and_then(|name| category(SERVICES, name));
    let word = WORDS.iter().find(|row| has(row.0));
    api(category.unwrap_or(Other), word.map(|row| (row.1, row.2)))
}

fn category(table: &[(&str, Category)], name: &str) -> Option<Category> {
    let mut rows = table.iter();
    rows.find(|row| row.0 == name).map(|row| row.1)
}

fn api(category: Category, activity: Option<(i64, &'static str)>) -> ActionMeaning {
    let (activity_id, activity_name) = activity.unwrap_or((0, "Unknown"));
    ActionMeaning {
        category,
        class_uid: API_ACTIVITY,
        activity_id,
        activity_name,
        severity_id: match category {
            AccessControl if activity_id != 2 => 2,
            _ => 1,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_orchestrator_does() {
        for (component, action, category, activity) in [
            ("Assets", "Update", DataAccess, 3),
            ("Jobs", "StartJob", Execution, 99),
            ("Queues", "BulkUpload", DataAccess, 1),
            ("Packages", "Download", ResourceManagement, 2),
            ("Users", "Create", AccessControl, 1),
            ("Folders", "AssignUsers", ResourceManagement, 3),
            ("AgentMemories", "Recall", Other, 0),
            ("", "", Other, 0),
        ] {
            let meaning = of_orchestrator(Some(component), Some(action));
            let found = (meaning.category, meaning.activity_id);
            assert_eq!(found, (category, activity), "{component} {action}");
            assert_eq!(meaning.class_uid, API_ACTIVITY);
        }
        assert_eq!(
            of_orchestrator(Some("Roles"), Some("Update")).severity_id,
            2
        );
        assert_eq!(of_orchestrator(None, None).category, Other);
    }

    #[test]
    fn what_the_other_services_do() {
        for (service, target, action, category, activity) in [
            (
                "Governance",
                "Policy management",
                "Edited policy",
                SystemConfiguration,
                3,
            ),
            ("Identity", "Sign in", "User login", Authentication, 1),
            ("Identity", "Sessions", "User logout", Authentication, 2),
            (
                "Licensing",
                "User licenses",
                "License Updated",
                SystemConfiguration,
                3,
            ),
            ("Data Fabric", "Entities", "Exported Records", DataAccess, 2),
            ("Agents", "Agent runs", "Agent Woke Up", Execution, 0),
            ("Hovercraft", "", "Levitated", Other, 0),
        ] {
            let meaning = of_audit(Some(service), Some(target), Some(action), Outcome::Failure);
            let found = (meaning.category, meaning.activity_id);
            assert_eq!(found, (category, activity), "{service} {action}");
            let is_session = meaning.class_uid == AUTHENTICATION;
            assert_eq!(is_session, category == Authentication);
            assert_eq!(meaning.severity_id, if is_session { 2 } else { 1 });
        }
    }

    #[test]
    fn every_name_has_one_row() {
        assert!(COMPONENTS.is_sorted_by(|one, other| one.0 < other.0));
        assert!(SERVICES.is_sorted_by(|one, other| one.0 < other.0));
        assert!(VERBS.is_sorted_by(|one, other| one.0 < other.0));
    }
}
