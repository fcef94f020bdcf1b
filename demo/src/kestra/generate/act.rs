//! The kinds of things that happen, how often, by whom and to what.

use super::super::options::Dialect;

/// Who does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// The platform itself: triggers, retries, housekeeping. No address.
    System,
    /// A service account with its API token.
    Service,
    /// A person.
    Person,
    /// One of the few who administer.
    Admin,
}

/// What it is done to; decides the fields of `detail`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    Execution,
    Flow,
    Trigger,
    Secret,
    Key,
    File,
    /// The acting person.
    Oneself,
    /// Another person.
    Person,
    Service,
    Group,
    Role,
    /// Something known by a random id only, in no namespace.
    Opaque,
    /// Something with a namespace and a random id.
    Placed,
    /// A tenant or the whole instance: belongs to no tenant.
    Instance,
}

/// Which RFC 6902 patches come with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patches {
    None,
    /// Execution state.
    State,
    /// A few lines of a flow.
    Edit,
    /// The whole new flow.
    Whole,
    /// Permissions of a role.
    Permissions,
    /// Members of a group.
    Members,
    /// A scalar.
    Value,
}

/// One kind of audit record.
#[derive(Debug)]
pub(super) struct Act {
    pub(super) action: &'static str,
    /// `detail.resourceType` of 2.x, and of 1.3 where that has no other name.
    resource: &'static str,
    /// `detail.permission` of 1.x and its `resourceType`, where they differ from `resource`.
    v1: Option<(&'static str, &'static str)>,
    /// Simple name of the Java class in `detail.type`, without `AuditLog`.
    pub(super) class: &'static str,
    pub(super) who: Who,
    pub(super) about: About,
    pub(super) patches: Patches,
    /// Weight among what machines do.
    pub(super) machine: f64,
    /// Weight among what people do.
    pub(super) human: f64,
}

impl Act {
    /// `detail.resourceType`.
    pub(super) fn resource(&self, dialect: Dialect) -> &'static str {
        match (dialect, self.v1) {
            (Dialect::V1, Some((_, resource_type))) => resource_type,
            _ => self.resource,
        }
    }

    /// `detail.permission` (1.x) or `detail.resource` (2.x).
    pub(super) fn permission(&self, dialect: Dialect) -> &'static str {
        match (dialect, self.v1) {
            (Dialect::V1, Some((permission, _))) => permission,
            _ => self.resource,
        }
    }
}

macro_rules! acts {
    ($($action:literal $resource:literal $(($permission:literal $type:literal))? $class:literal
       $who:ident $about:ident $patches:ident $machine:literal $human:literal;)*) => {
        /// Every kind. Weights are relative within a column.
        pub(super) static ACTS: &[Act] = &[$(Act {
            action: $action,
            resource: $resource,
            v1: acts!(@v1 $(($permission $type))?),
            class: $class,
            who: Who::$who,
            about: About::$about,
            patches: Patches::$patches,
            machine: $machine,
            human: $human,
        }),*];
    };
    (@v1) => { None };
    (@v1 ($permission:literal $type:literal)) => { Some(($permission, $type)) };
}

acts! {
    "CREATE" "EXECUTION" "Execution" System Execution None 560.0 0.0;
    "UPDATE" "EXECUTION" "Execution" System Execution State 200.0 0.0;
    "DELETE" "EXECUTION" "Execution" System Execution None 50.0 0.0;
    "UPDATE" "TRIGGER" "Trigger" System Trigger Value 40.0 0.0;
    "CREATE" "EXECUTION" "Execution" Service Execution None 60.0 0.0;
    "READ" "SECRET" "Secret" Service Secret None 25.0 0.0;
    "UPDATE" "KVSTORE" ("KVSTORE" "KV_STORE") "KVStore" Service Key Value 35.0 0.0;
    "READ" "KVSTORE" ("KVSTORE" "KV_STORE") "KVStore" Service Key None 20.0 0.0;
    "UPDATE" "FLOW" "Flow" Service Flow Edit 8.0 0.0;
    "UPDATE" "NAMESPACE_FILE" ("NAMESPACE" "NAMESPACE_FILE") "NamespaceFile" Service File None 8.0 0.0;
    "CREATE" "ASSET" "Asset" System Placed None 6.0 0.0;
    "CREATE" "TESTSUITE_RUN" ("TEST" "TESTSUITE_RUN") "TestSuiteRun" Service Placed None 4.0 0.0;

    "LOGIN" "USER" "User" Person Oneself None 0.0 90.0;
    "LOGIN_FAILURE" "USER" "User" Person Oneself None 0.0 14.0;
    "ACCOUNT_LOCKED" "USER" "User" Person Oneself None 0.0 0.6;
    "LOGOUT" "USER" "User" Person Oneself None 0.0 45.0;
    "IMPERSONATE" "USER" ("IMPERSONATE" "USER") "User" Admin Person None 0.0 1.0;
    "CREATE" "EXECUTION" "Execution" Person Execution None 0.0 170.0;
    "UPDATE" "EXECUTION" "Execution" Person Execution State 0.0 90.0;
    "READ" "FLOW" "Flow" Person Flow None 0.0 120.0;
    "CREATE" "FLOW" "Flow" Person Flow Whole 0.0 14.0;
    "UPDATE" "FLOW" "Flow" Person Flow Edit 0.0 110.0;
    "DELETE" "FLOW" "Flow" Person Flow None 0.0 5.0;
    "READ" "SECRET" "Secret" Person Secret None 0.0 26.0;
    "CREATE" "SECRET" "Secret" Person Secret None 0.0 5.0;
    "UPDATE" "SECRET" "Secret" Person Secret None 0.0 7.0;
    "DELETE" "SECRET" "Secret" Person Secret None 0.0 2.0;
    "READ" "KVSTORE" ("KVSTORE" "KV_STORE") "KVStore" Person Key None 0.0 24.0;
    "UPDATE" "KVSTORE" ("KVSTORE" "KV_STORE") "KVStore" Person Key Value 0.0 14.0;
    "DELETE" "KVSTORE" ("KVSTORE" "KV_STORE") "KVStore" Person Key None 0.0 2.0;
    "CREATE" "NAMESPACE_FILE" ("NAMESPACE" "NAMESPACE_FILE") "NamespaceFile" Person File None 0.0 10.0;
    "UPDATE" "NAMESPACE_FILE" ("NAMESPACE" "NAMESPACE_FILE") "NamespaceFile" Person File None 0.0 24.0;
    "UPDATE" "NAMESPACE" "Namespace" Admin Placed Value 0.0 3.0;
    "CREATE" "USER" "User" Admin Person None 0.0 1.5;
    "UPDATE" "USER" "User" Admin Person Value 0.0 4.0;
    "DELETE" "USER" "User" Admin Person None 0.0 0.5;
    "CREATE" "INVITATION" "Invitation" Admin Opaque None 0.0 2.5;
    "UPDATE" "GROUP" "Group" Admin Group Members 0.0 5.0;
    "CREATE" "ROLE" "Role" Admin Role Permissions 0.0 0.7;
    "UPDATE" "ROLE" "Role" Admin Role Permissions 0.0 3.0;
    "CREATE" "BINDING" "Binding" Admin Opaque None 0.0 4.0;
    "DELETE" "BINDING" "Binding" Admin Opaque None 0.0 2.0;
    "CREATE" "SERVICE_ACCOUNT" ("SERVICE_ACCOUNT" "USER") "ServiceAccount" Admin Service None 0.0 0.4;
    "CREATE" "CREDENTIAL" "ApiToken" Admin Service None 0.0 1.2;
    "DELETE" "CREDENTIAL" "ApiToken" Admin Service None 0.0 0.6;
    "UPDATE" "TENANT_ACCESS" "TenantAccess" Admin Person None 0.0 1.0;
    "READ" "AUDITLOG" "AuditLog" Admin Opaque None 0.0 6.0;
    "UPDATE" "DASHBOARD" "Dashboard" Person Opaque Value 0.0 16.0;
    "CREATE" "APP_EXECUTION" ("APPEXECUTION" "APP_EXECUTION") "AppEvent" Person Placed None 0.0 30.0;
    "UPDATE" "APP" "AppSource" Person Placed Value 0.0 5.0;
    "CREATE" "BLUEPRINT" "Blueprint" Person Opaque None 0.0 2.0;
    "UPDATE" "SYSTEM_SETTINGS" ("SETTING" "SETTING") "Setting" Admin Opaque Value 0.0 1.0;
    "UPDATE" "SECURITY_INTEGRATION" ("SETTING" "SECURITY_INTEGRATION") "SecurityIntegration" Admin Opaque Value 0.0 0.5;
    "UPDATE" "WORKER_GROUP" ("SETTING" "WORKER_GROUP") "WorkerGroup" Admin Instance Value 0.0 2.0;
    "UPDATE" "TENANT" ("SETTING" "TENANT") "Tenant" Admin Instance Value 0.0 1.0;

    // Newer than any published list: enums grow with every release.
    "PROMOTE" "FLOW" "Flow" Person Flow None 0.0 3.0;
    "ARCHIVE" "CASE" ("CASE" "CASE") "CaseFile" Person Opaque None 0.0 2.0;
    "CREATE" "AGENT_SESSION" ("AI_AGENT" "AGENT_SESSION") "AgentSession" Person Placed None 0.0 4.0;
    "UNKNOWN" "UNKNOWN" "Unknown" System Opaque None 0.8 0.0;
}

/// The index of the first act with this action and (2.x) resource; 0 where there is none.
pub(super) fn act(action: &str, resource: &str) -> usize {
    ACTS.iter()
        .position(|act| act.action == action && act.resource == resource)
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_of_an_act_fits_a_byte() {
        assert!(ACTS.len() <= usize::from(u8::MAX));
    }

    #[test]
    fn names_differ_between_the_dialects_where_they_did() {
        let key = &ACTS[act("UPDATE", "KVSTORE")];
        assert_eq!(key.resource(Dialect::V1), "KV_STORE");
        assert_eq!(key.permission(Dialect::V1), "KVSTORE");
        assert_eq!(key.resource(Dialect::V2), "KVSTORE");
    }

    #[test]
    fn executions_dominate_what_machines_do() {
        let weight = |only: &dyn Fn(&Act) -> bool| -> f64 {
            ACTS.iter()
                .filter(|act| only(act))
                .map(|act| act.machine)
                .sum()
        };
        assert!(weight(&|act| act.about == About::Execution) > 0.8 * weight(&|_| true));
    }
}
