//! What Airflow's events mean in the common schema, as tables.
//!
//! Three families of names are written into one log:
//!
//! * calls: `post_variable` (Airflow 3: the function of the endpoint), `api.variable.create` and
//!   `api.patch_dag` (the API of Airflow 2), `variable.create`, `trigger` (its pages);
//! * `cli_` and the name of a command;
//! * states of tasks, and what the scheduler says of them. A page of Airflow 2 writes `success` and `failed` as well,
//!   for a person who marks a task; only the platform writes the number of the try beside it.
//!
//! A name of a call or command is a verb and a thing in either order, so that those which a release adds are known
//! without a row. A name without both is data: it stays in its column, and the event is [`Category::Other`]. Classes
//! and activities are those of OCSF 1.8.

use crate::event::{Category, Outcome};

use Category::{
    AccessControl, DataAccess, Execution, Other, ResourceManagement, SystemConfiguration,
};

/// What an event means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EventMeaning {
    pub(super) category: Category,
    /// OCSF activity and its name.
    pub(super) activity: (i64, &'static str),
    pub(super) severity_id: i64,
    pub(super) outcome: Outcome,
    pub(super) resource: Option<Resource>,
    /// Whether the platform says how a task stands: nobody has acted.
    pub(super) is_state: bool,
}

/// Kinds of thing that events are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource {
    Variable,
    Connection,
    Pool,
    Dag,
    DagRun,
    Task,
    Asset,
    Backfill,
    Xcom,
    User,
    Role,
}

use Resource::{Asset, Backfill, Connection, Dag, DagRun, Pool, Role, Task, User, Variable, Xcom};

impl Resource {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Variable => "variable",
            Connection => "connection",
            Pool => "pool",
            Dag => "dag",
            DagRun => "dag_run",
            Task => "task_instance",
            Asset => "asset",
            Backfill => "backfill",
            Xcom => "xcom",
            User => "user",
            Role => "role",
        }
    }

    /// Members of `extra` that name it, the usual one first.
    pub(super) const fn keys(self) -> &'static [&'static str] {
        match self {
            Variable => &["variable_key", "key"],
            Connection => &["connection_id"],
            Pool => &["pool_name", "name"],
            Asset => &["asset_id"],
            Backfill => &["backfill_id"],
            Xcom => &["xcom_key", "key"],
            User => &["username"],
            Role => &["name"],
            Dag | DagRun | Task => &[],
        }
    }

    const fn category(self) -> Category {
        match self {
            // Secrets, and what tasks hand each other.
            Variable | Connection | Xcom => DataAccess,
            Pool | Dag => ResourceManagement,
            DagRun | Task | Backfill | Asset => Execution,
            User | Role => AccessControl,
        }
    }
}

const CREATE: (i64, &str) = (1, "Create");
const READ: (i64, &str) = (2, "Read");
const UPDATE: (i64, &str) = (3, "Update");
const DELETE: (i64, &str) = (4, "Delete");
const TRIGGER: (i64, &str) = (99, "Trigger");
const CLEAR: (i64, &str) = (99, "Clear");

/// States of tasks.
const STATES: &[(&str, &str, Outcome)] = &[
    ("deferred", "Defer", Outcome::Unknown),
    ("failed", "Fail", Outcome::Failure),
    ("queued", "Queue", Outcome::Unknown),
    ("restarting", "Restart", Outcome::Unknown),
    ("running", "Start", Outcome::Unknown),
    ("scheduled", "Schedule", Outcome::Unknown),
    ("skipped", "Skip", Outcome::Unknown),
    ("success", "Succeed", Outcome::Success),
    ("up_for_reschedule", "Reschedule", Outcome::Unknown),
    ("up_for_retry", "Retry", Outcome::Failure),
    ("upstream_failed", "Skip", Outcome::Unknown),
];

/// How texts of the scheduler begin.
const OF_SCHEDULER: [&str; 3] = ["state mismatch", "heartbeat timeout", "stuck in queued"];

/// Names that are no verb with a thing.
const CALLS: &[(&str, (i64, &str), Resource)] = &[
    ("clear", CLEAR, Task),
    ("confirm", (99, "Confirm"), Task),
    ("dag_run.create", TRIGGER, DagRun),
    ("dagrun_failed", (99, "Mark Failed"), DagRun),
    ("dagrun_queued", (99, "Queue"), DagRun),
    ("dagrun_success", (99, "Mark Success"), DagRun),
    ("delete", DELETE, Dag),
    ("failed", (99, "Mark Failed"), Task),
    // It is written for both directions.
    ("paused", UPDATE, Dag),
    ("post_dag_run", TRIGGER, DagRun),
    ("run", (99, "Run"), Task),
    ("success", (99, "Mark Success"), Task),
    ("trigger", TRIGGER, DagRun),
];

/// Pages of Airflow 2 on which people look at a DAG.
const VIEWS: [&str; 17] = [
    "calendar",
    "code",
    "dag_details",
    "duration",
    "extra_links",
    "gantt",
    "get_logs_with_metadata",
    "graph",
    "grid",
    "landing_times",
    "log",
    "rendered_k8s",
    "rendered_templates",
    "task",
    "tree",
    "tries",
    "xcom",
];

/// Commands that start a part of Airflow, or concern all of it.
const COMPONENTS: [&str; 9] = [
    "api_server",
    "dag_processor",
    "flower",
    "kerberos",
    "scheduler",
    "standalone",
    "triggerer",
    "webserver",
    "worker",
];

/// Things by a part of the name; the first that is there counts.
const THINGS: &[(&str, Resource)] = &[
    ("task_instance", Task),
    ("task_group", Task),
    ("hitl_detail", Task),
    ("xcom", Xcom),
    ("asset", Asset),
    ("dataset", Asset),
    ("backfill", Backfill),
    ("dag_run", DagRun),
    ("dagrun", DagRun),
    ("connection", Connection),
    ("variable", Variable),
    ("pool", Pool),
    ("user", User),
    ("role", Role),
    ("permission", Role),
    ("task", Task),
    ("dag", Dag),
];

/// What verbs do, as words of the name; the first that is there counts. Some say what an event is filed under,
/// whatever it is about.
const VERBS: &[(&str, (i64, &str), Option<Category>)] = &[
    ("clear", CLEAR, Some(Execution)),
    ("trigger", TRIGGER, Some(Execution)),
    ("materialize", (99, "Materialize"), Some(Execution)),
    ("run", (99, "Run"), Some(Execution)),
    ("bulk", (99, "Bulk Change"), None),
    ("pause", (99, "Pause"), None),
    ("unpause", (99, "Unpause"), None),
    ("cancel", (99, "Cancel"), None),
    ("reparse", (99, "Parse"), None),
    ("favorite", (99, "Favorite"), None),
    ("unfavorite", (99, "Unfavorite"), None),
    ("test", (99, "Test"), None),
    ("import", (99, "Import"), None),
    ("varimport", (99, "Import"), None),
    ("export", (99, "Export"), Some(DataAccess)),
    ("create", CREATE, None),
    ("post", CREATE, None),
    ("add", CREATE, None),
    ("delete", DELETE, None),
    ("remove", DELETE, None),
    ("patch", UPDATE, None),
    ("update", UPDATE, None),
    ("edit", UPDATE, None),
    ("set", UPDATE, None),
    ("get", READ, Some(DataAccess)),
    ("read", READ, Some(DataAccess)),
    ("list", READ, Some(DataAccess)),
    ("backfill", (99, "Backfill"), Some(Execution)),
];

/// What an event means; `is_of_task` where the number of a task's try stands beside it.
pub(super) fn meaning(event: &str, is_of_task: bool) -> EventMeaning {
    if is_of_task || OF_SCHEDULER.iter().any(|text| event.starts_with(text)) {
        return state(event);
    }
    let bare = EventMeaning {
        category: Other,
        activity: (0, "Unknown"),
        severity_id: 1,
        outcome: Outcome::Unknown,
        resource: None,
        is_state: false,
    };
    if let Some(command) = event.strip_prefix("cli_") {
        return match call(command) {
            _ if COMPONENTS.contains(&command) => EventMeaning {
                category: SystemConfiguration,
                activity: (99, "Start"),
                ..bare
            },
            Some((category, activity, resource)) => EventMeaning {
                category,
                activity,
                resource: Some(resource),
                ..bare
            },
            None => EventMeaning {
                category: SystemConfiguration,
                activity: (99, "Command"),
                ..bare
            },
        };
    }
    let name = event.strip_prefix("api.").unwrap_or(event);
    let found = if let Some((_, activity, resource)) = CALLS.iter().find(|(call, ..)| *call == name)
    {
        Some((resource.category(), *activity, *resource))
    } else if VIEWS.contains(&name) {
        Some((DataAccess, READ, Dag))
    } else {
        call(name)
    };
    match found {
        Some((category, activity, resource)) => EventMeaning {
            category,
            activity,
            resource: Some(resource),
            ..bare
        },
        None => bare,
    }
}

/// A name that is a verb with a thing.
fn call(name: &str) -> Option<(Category, (i64, &'static str), Resource)> {
    let (_, resource) = THINGS.iter().find(|(thing, _)| name.contains(thing))?;
    let has = |verb: &str| name.split(['_', '.']).any(|word| word == verb);
    // `dag_run` is a thing.
    let is_verb = |verb: &str| verb != "run" || !name.contains("dag_run");
    let mut verbs = VERBS.iter();
    let (_, activity, category) = verbs.find(|(verb, ..)| has(verb) && is_verb(verb))?;
    let category = category.unwrap_or(resource.category());
    Some((category, *activity, *resource))
}

fn state(event: &str) -> EventMeaning {
    let known = STATES.iter().find(|(state, ..)| *state == event);
    let (name, outcome) = known.map_or(("Task Event", Outcome::Unknown), |(_, name, outcome)| {
        (*name, *outcome)
    });
    EventMeaning {
        category: Execution,
        activity: (99, name),
        severity_id: match outcome {
            Outcome::Failure => 2,
            Outcome::Success | Outcome::Unknown => 1,
        },
        outcome,
        resource: Some(Task),
        is_state: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The platform's events, of both generations, and what becomes of them.
    #[test]
    fn events_mean_what_they_say() {
        for (event, category, activity, resource) in [
            ("post_variable", DataAccess, CREATE, Some(Variable)),
            ("api.variable.create", DataAccess, CREATE, Some(Variable)),
            ("variable.edit", DataAccess, UPDATE, Some(Variable)),
            ("patch_variable", DataAccess, UPDATE, Some(Variable)),
            ("delete_variable", DataAccess, DELETE, Some(Variable)),
            (
                "bulk_variables",
                DataAccess,
                (99, "Bulk Change"),
                Some(Variable),
            ),
            (
                "variable.varimport",
                DataAccess,
                (99, "Import"),
                Some(Variable),
            ),
            ("post_connection", DataAccess, CREATE, Some(Connection)),
            (
                "api.connection.delete",
                DataAccess,
                DELETE,
                Some(Connection),
            ),
            (
                "enqueue_connection_test",
                DataAccess,
                (99, "Test"),
                Some(Connection),
            ),
            (
                "create_default_connections",
                DataAccess,
                CREATE,
                Some(Connection),
            ),
            ("post_pool", ResourceManagement, CREATE, Some(Pool)),
            ("api.patch_pool", ResourceManagement, UPDATE, Some(Pool)),
            (
                "bulk_pools",
                ResourceManagement,
                (99, "Bulk Change"),
                Some(Pool),
            ),
            ("patch_dag", ResourceManagement, UPDATE, Some(Dag)),
            ("api.patch_dags", ResourceManagement, UPDATE, Some(Dag)),
            ("paused", ResourceManagement, UPDATE, Some(Dag)),
            (
                "favorite_dag",
                ResourceManagement,
                (99, "Favorite"),
                Some(Dag),
            ),
            (
                "reparse_dag_file",
                ResourceManagement,
                (99, "Parse"),
                Some(Dag),
            ),
            ("delete_dag", ResourceManagement, DELETE, Some(Dag)),
            ("delete", ResourceManagement, DELETE, Some(Dag)),
            ("trigger", Execution, TRIGGER, Some(DagRun)),
            ("trigger_dag_run", Execution, TRIGGER, Some(DagRun)),
            ("api.post_dag_run", Execution, TRIGGER, Some(DagRun)),
            ("patch_dag_run", Execution, UPDATE, Some(DagRun)),
            ("delete_dag_run", Execution, DELETE, Some(DagRun)),
            (
                "bulk_dag_runs",
                Execution,
                (99, "Bulk Change"),
                Some(DagRun),
            ),
            ("clear_dag_run", Execution, CLEAR, Some(DagRun)),
            ("clear", Execution, CLEAR, Some(Task)),
            (
                "dagrun_failed",
                Execution,
                (99, "Mark Failed"),
                Some(DagRun),
            ),
            ("post_clear_task_instances", Execution, CLEAR, Some(Task)),
            ("patch_task_instance", Execution, UPDATE, Some(Task)),
            ("patch_task_group_instances", Execution, UPDATE, Some(Task)),
            ("update_hitl_detail", Execution, UPDATE, Some(Task)),
            ("create_asset_event", Execution, CREATE, Some(Asset)),
            (
                "materialize_asset",
                Execution,
                (99, "Materialize"),
                Some(Asset),
            ),
            (
                "delete_dag_asset_queued_event",
                Execution,
                DELETE,
                Some(Asset),
            ),
            ("create_backfill", Execution, CREATE, Some(Backfill)),
            ("cancel_backfill", Execution, (99, "Cancel"), Some(Backfill)),
            (
                "cli_dag_backfill",
                Execution,
                (99, "Backfill"),
                Some(Backfill),
            ),
            ("create_xcom_entry", DataAccess, CREATE, Some(Xcom)),
            ("graph", DataAccess, READ, Some(Dag)),
            ("get_logs_with_metadata", DataAccess, READ, Some(Dag)),
            ("cli_users_create", AccessControl, CREATE, Some(User)),
            ("cli_variables_set", DataAccess, UPDATE, Some(Variable)),
            (
                "cli_connections_export",
                DataAccess,
                (99, "Export"),
                Some(Connection),
            ),
            ("cli_dag_trigger", Execution, TRIGGER, Some(Dag)),
            (
                "cli_dag_unpause",
                ResourceManagement,
                (99, "Unpause"),
                Some(Dag),
            ),
            ("cli_task_run", Execution, (99, "Run"), Some(Task)),
            (
                "cli_dag_processor",
                SystemConfiguration,
                (99, "Start"),
                None,
            ),
            ("cli_migratedb", SystemConfiguration, (99, "Command"), None),
            ("levitate", Other, (0, "Unknown"), None),
            ("", Other, (0, "Unknown"), None),
        ] {
            let found = meaning(event, false);
            assert_eq!(
                (found.category, found.activity, found.resource),
                (category, activity, resource),
                "{event}"
            );
            // A call is logged before it is carried out, and whatever becomes of it.
            assert_eq!(found.outcome, Outcome::Unknown, "{event}");
            assert!(!found.is_state, "{event}");
        }
    }

    #[test]
    fn only_the_platform_says_how_a_task_ended() {
        for (event, of_task, outcome, activity) in [
            ("success", true, Outcome::Success, "Succeed"),
            ("success", false, Outcome::Unknown, "Mark Success"),
            ("failed", true, Outcome::Failure, "Fail"),
            ("failed", false, Outcome::Unknown, "Mark Failed"),
            ("up_for_retry", true, Outcome::Failure, "Retry"),
            ("running", true, Outcome::Unknown, "Start"),
            ("state mismatch", false, Outcome::Unknown, "Task Event"),
            (
                "stuck in queued reschedule",
                true,
                Outcome::Unknown,
                "Task Event",
            ),
        ] {
            let found = meaning(event, of_task);
            assert_eq!(
                (found.outcome, found.activity.1, found.category),
                (outcome, activity, Execution),
                "{event}"
            );
        }
        assert!(STATES.is_sorted_by_key(|(state, ..)| *state));
        assert!(CALLS.is_sorted_by_key(|(call, ..)| *call));
    }
}
