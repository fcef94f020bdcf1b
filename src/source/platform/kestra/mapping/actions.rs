//! What Kestra's actions and resources mean in the common schema, as tables.
//!
//! Kestra's enums grow with every release and differ between its lines (`KV_STORE` and `KVSTORE`,
//! `APP_EXECUTION` and `APPEXECUTION`), so every spelling seen in EE 0.2x to 2.x has its row, and
//! a name without one is data: it stays in its column, and the event is [`Category::Other`].
//!
//! Classes and activities are those of OCSF 1.8. Severity is 1 (informational) unless a row says
//! otherwise; it grades the kind of act, not its danger in the case at hand.

use crate::event::{Category, Outcome};

use Category::{
    AccessControl, Authentication, DataAccess, Execution, Other, ResourceManagement,
    SystemConfiguration,
};

/// OCSF class Account Change.
const ACCOUNT_CHANGE: i64 = 3001;
/// OCSF class Authentication.
const AUTHENTICATION: i64 = 3002;
/// OCSF class User Access Management.
const USER_ACCESS: i64 = 3005;
/// OCSF class API Activity.
const API_ACTIVITY: i64 = 6003;

const INFORMATIONAL: i64 = 1;
const LOW: i64 = 2;
const MEDIUM: i64 = 3;

/// What an action on a resource means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KestraMeaning {
    pub(super) category: Category,
    pub(super) class_uid: i64,
    pub(super) activity_id: i64,
    pub(super) activity_name: &'static str,
    pub(super) severity_id: i64,
    pub(super) outcome: Outcome,
}

const fn session(
    activity_id: i64,
    activity_name: &'static str,
    severity_id: i64,
    outcome: Outcome,
) -> KestraMeaning {
    KestraMeaning {
        category: Authentication,
        class_uid: AUTHENTICATION,
        activity_id,
        activity_name,
        severity_id,
        outcome,
    }
}

/// Actions that are about a session, whatever resource the record names. These alone state how
/// they ended.
const SESSION_ACTIONS: &[(&str, KestraMeaning)] = &[
    (
        "LOGIN",
        session(1, "Logon", INFORMATIONAL, Outcome::Success),
    ),
    (
        "LOGOUT",
        session(2, "Logoff", INFORMATIONAL, Outcome::Unknown),
    ),
    ("LOGIN_FAILURE", session(1, "Logon", LOW, Outcome::Failure)),
    (
        "ACCOUNT_LOCKED",
        session(99, "Account Locked", MEDIUM, Outcome::Failure),
    ),
    (
        "IMPERSONATE",
        session(7, "Account Switch", MEDIUM, Outcome::Unknown),
    ),
];

/// What a change of the resource is in OCSF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ActionSubject {
    /// A user or service account.
    Account,
    /// Something that gives its bearer privileges by being there.
    Grant,
    /// Something that says which privileges there are.
    Rights,
    /// Anything else.
    Thing,
}

use ActionSubject::{Account, Grant, Rights, Thing};

const RESOURCES: &[(&str, Category, ActionSubject)] = &[
    ("APP", ResourceManagement, Thing),
    ("APPEXECUTION", Execution, Thing),
    ("APP_EXECUTION", Execution, Thing),
    ("ASSET", ResourceManagement, Thing),
    ("AUDITLOG", DataAccess, Thing),
    ("BANNER", SystemConfiguration, Thing),
    ("BINDING", AccessControl, Grant),
    ("BLUEPRINT", ResourceManagement, Thing),
    ("CASE", ResourceManagement, Thing),
    ("CASE_TEMPLATE", ResourceManagement, Thing),
    ("CREDENTIAL", DataAccess, Thing),
    ("DASHBOARD", ResourceManagement, Thing),
    ("EXECUTION", Execution, Thing),
    ("FLOW", ResourceManagement, Thing),
    ("GROUP", AccessControl, Thing),
    ("GROUP_MEMBERSHIP", AccessControl, Thing),
    ("IMPERSONATE", AccessControl, Thing),
    ("INFRASTRUCTURE", SystemConfiguration, Thing),
    ("INSTANCE", SystemConfiguration, Thing),
    ("INVITATION", AccessControl, Thing),
    ("KILL_SWITCH", SystemConfiguration, Thing),
    ("KVSTORE", DataAccess, Thing),
    ("KV_STORE", DataAccess, Thing),
    ("MCP_SERVER", SystemConfiguration, Thing),
    ("NAMESPACE", ResourceManagement, Thing),
    ("NAMESPACE_FILE", ResourceManagement, Thing),
    ("POLICY", AccessControl, Rights),
    ("PROMOTION_TARGET", ResourceManagement, Thing),
    ("REUSABLE_INPUTS", ResourceManagement, Thing),
    ("ROLE", AccessControl, Rights),
    ("SECRET", DataAccess, Thing),
    ("SECURITY_INTEGRATION", AccessControl, Thing),
    ("SERVICE_ACCOUNT", AccessControl, Account),
    ("SETTING", SystemConfiguration, Thing),
    ("SUPPORT", SystemConfiguration, Thing),
    ("SYSTEM_SETTINGS", SystemConfiguration, Thing),
    ("TEMPLATE", ResourceManagement, Thing),
    ("TENANT", SystemConfiguration, Thing),
    ("TENANT_ACCESS", AccessControl, Grant),
    ("TENANT_SETTINGS", SystemConfiguration, Thing),
    ("TEST", ResourceManagement, Thing),
    ("TESTSUITE", ResourceManagement, Thing),
    ("TESTSUITE_RUN", Execution, Thing),
    ("TRIGGER", Execution, Thing),
    ("USER", AccessControl, Account),
    ("VERSIONED_PLUGIN", SystemConfiguration, Thing),
    ("WORKER_GROUP", SystemConfiguration, Thing),
    ("WORKER_QUEUE", SystemConfiguration, Thing),
];

/// Activities by what is changed and how: class, activity and its name.
const CHANGES: &[(ActionSubject, &str, i64, i64, &str)] = &[
    (Account, "CREATE", ACCOUNT_CHANGE, 1, "Create"),
    (Account, "UPDATE", ACCOUNT_CHANGE, 99, "Update"),
    (Account, "DELETE", ACCOUNT_CHANGE, 6, "Delete"),
    (Grant, "CREATE", USER_ACCESS, 1, "Assign Privileges"),
    (Grant, "UPDATE", USER_ACCESS, 99, "Update"),
    (Grant, "DELETE", USER_ACCESS, 2, "Revoke Privileges"),
    (Rights, "CREATE", USER_ACCESS, 99, "Create"),
    (Rights, "UPDATE", USER_ACCESS, 99, "Update"),
    (Rights, "DELETE", USER_ACCESS, 99, "Delete"),
    (Thing, "CREATE", API_ACTIVITY, 1, "Create"),
    (Thing, "UPDATE", API_ACTIVITY, 3, "Update"),
    (Thing, "DELETE", API_ACTIVITY, 4, "Delete"),
    (Thing, "PROMOTE", API_ACTIVITY, 99, "Promote"),
];

/// What `action` means on the first of `resources` that is known.
pub(super) fn meaning<'a>(
    action: Option<&str>,
    resources: impl IntoIterator<Item = &'a str>,
) -> KestraMeaning {
    let (category, subject) = resources
        .into_iter()
        .find_map(|name| RESOURCES.iter().find(|row| row.0 == name))
        .map_or((Other, Thing), |row| (row.1, row.2));
    let api = |activity_id, activity_name| KestraMeaning {
        category,
        class_uid: API_ACTIVITY,
        activity_id,
        activity_name,
        severity_id: INFORMATIONAL,
        outcome: Outcome::Unknown,
    };
    let action = match action {
        None | Some("UNKNOWN") => return api(0, "Unknown"),
        Some(action) => action,
    };
    if let Some((_, meaning)) = SESSION_ACTIONS.iter().find(|row| row.0 == action) {
        return *meaning;
    }
    if action == "READ" {
        return KestraMeaning {
            category: DataAccess,
            ..api(2, "Read")
        };
    }
    let change = CHANGES
        .iter()
        .find(|row| row.0 == subject && row.1 == action)
        .or_else(|| CHANGES.iter().find(|row| row.0 == Thing && row.1 == action));
    match change {
        Some(&(_, _, class_uid, activity_id, activity_name)) => KestraMeaning {
            class_uid,
            severity_id: if category == AccessControl {
                LOW
            } else {
                INFORMATIONAL
            },
            ..api(activity_id, activity_name)
        },
        None => api(99, "Other"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_without_doubles() {
        assert!(RESOURCES.is_sorted_by(|a, b| a.0 < b.0));
        for (number, row) in CHANGES.iter().enumerate() {
            let again = CHANGES[number + 1..].iter();
            assert_eq!(again.filter(|r| (r.0, r.1) == (row.0, row.1)).count(), 0);
        }
    }

    #[test]
    fn sessions_state_their_outcome_and_nothing_else_does() {
        for (action, activity, severity, outcome) in [
            ("LOGIN", 1, 1, Outcome::Success),
            ("LOGIN_FAILURE", 1, 2, Outcome::Failure),
            ("ACCOUNT_LOCKED", 99, 3, Outcome::Failure),
            ("LOGOUT", 2, 1, Outcome::Unknown),
            ("IMPERSONATE", 7, 3, Outcome::Unknown),
        ] {
            for resource in ["USER", "SERVICE_ACCOUNT", "FLOW", "never heard of"] {
                let meaning = meaning(Some(action), [resource]);
                assert_eq!(meaning.category, Authentication);
                assert_eq!(meaning.class_uid, 3002);
                assert_eq!(meaning.activity_id, activity);
                assert_eq!(meaning.severity_id, severity);
                assert_eq!(meaning.outcome, outcome);
            }
        }
        for (resource, _, _) in RESOURCES {
            for action in [
                "CREATE", "READ", "UPDATE", "DELETE", "PROMOTE", "UNKNOWN", "X",
            ] {
                let meaning = meaning(Some(action), [*resource]);
                assert_eq!(meaning.outcome, Outcome::Unknown);
            }
        }
    }

    #[test]
    fn categories_classes_and_activities() {
        for (action, resource, category, class, activity, name) in [
            ("CREATE", "FLOW", ResourceManagement, 6003, 1, "Create"),
            ("UPDATE", "FLOW", ResourceManagement, 6003, 3, "Update"),
            ("DELETE", "FLOW", ResourceManagement, 6003, 4, "Delete"),
            ("READ", "FLOW", DataAccess, 6003, 2, "Read"),
            ("PROMOTE", "FLOW", ResourceManagement, 6003, 99, "Promote"),
            ("CREATE", "EXECUTION", Execution, 6003, 1, "Create"),
            ("UPDATE", "APP_EXECUTION", Execution, 6003, 3, "Update"),
            ("UPDATE", "APPEXECUTION", Execution, 6003, 3, "Update"),
            ("UPDATE", "SECRET", DataAccess, 6003, 3, "Update"),
            ("UPDATE", "KV_STORE", DataAccess, 6003, 3, "Update"),
            ("UPDATE", "KVSTORE", DataAccess, 6003, 3, "Update"),
            ("READ", "SECRET", DataAccess, 6003, 2, "Read"),
            ("CREATE", "USER", AccessControl, 3001, 1, "Create"),
            ("UPDATE", "USER", AccessControl, 3001, 99, "Update"),
            ("DELETE", "USER", AccessControl, 3001, 6, "Delete"),
            ("READ", "USER", DataAccess, 6003, 2, "Read"),
            (
                "CREATE",
                "SERVICE_ACCOUNT",
                AccessControl,
                3001,
                1,
                "Create",
            ),
            (
                "CREATE",
                "BINDING",
                AccessControl,
                3005,
                1,
                "Assign Privileges",
            ),
            (
                "DELETE",
                "BINDING",
                AccessControl,
                3005,
                2,
                "Revoke Privileges",
            ),
            ("UPDATE", "ROLE", AccessControl, 3005, 99, "Update"),
            ("CREATE", "GROUP", AccessControl, 6003, 1, "Create"),
            ("CREATE", "TENANT", SystemConfiguration, 6003, 1, "Create"),
            (
                "UPDATE",
                "SYSTEM_SETTINGS",
                SystemConfiguration,
                6003,
                3,
                "Update",
            ),
            (
                "DELETE",
                "WORKER_GROUP",
                SystemConfiguration,
                6003,
                4,
                "Delete",
            ),
            ("UNKNOWN", "FLOW", ResourceManagement, 6003, 0, "Unknown"),
            ("TELEPORT", "FLOW", ResourceManagement, 6003, 99, "Other"),
            ("PROMOTE", "USER", AccessControl, 6003, 99, "Promote"),
            ("CREATE", "UNKNOWN", Other, 6003, 1, "Create"),
            ("CREATE", "HOVERCRAFT", Other, 6003, 1, "Create"),
            // Names are compared exactly: Kestra writes its enums in capitals.
            ("create", "flow", Other, 6003, 99, "Other"),
        ] {
            let meaning = meaning(Some(action), [resource]);
            assert_eq!(meaning.category, category, "{action} {resource}");
            assert_eq!(meaning.class_uid, class, "{action} {resource}");
            assert_eq!(meaning.activity_id, activity, "{action} {resource}");
            assert_eq!(meaning.activity_name, name, "{action} {resource}");
        }
    }

    #[test]
    fn the_first_resource_that_is_known_counts() {
        let found = meaning(Some("UPDATE"), ["UNKNOWN", "NEW", "SECRET", "FLOW"]);
        assert_eq!(found.category, DataAccess);
        assert_eq!(meaning(None, ["FLOW"]).category, ResourceManagement);
        assert_eq!(meaning(None, []).category, Other);
        assert_eq!(meaning(None, []).activity_name, "Unknown");
    }
}
