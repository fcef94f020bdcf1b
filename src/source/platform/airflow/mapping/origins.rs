//! Where the columns of an event come from, for redaction.
//!
//! It says of [`normalise`](super::normalise) what that does; a test holds the two together.

use crate::event::redact::Origin::Record;
use crate::event::redact::Origins;

/// Where the values of an event come from.
pub const ORIGINS: Origins = Origins {
    columns: &[
        ("action", &[Record("/event")]),
        ("actor_uid", &[Record("/owner")]),
        (
            "actor_name",
            &[Record("/owner_display_name"), Record("/owner")],
        ),
        ("resource_type", &[Record("/event")]),
        (
            "resource_uid",
            &[
                Record("/extra/variable_key"),
                Record("/extra/key"),
                Record("/extra/connection_id"),
                Record("/extra/pool_name"),
                Record("/extra/name"),
                Record("/extra/backfill_id"),
                Record("/extra/asset_id"),
                Record("/extra/xcom_key"),
                Record("/extra/username"),
                Record("/extra/task_id"),
                Record("/task_id"),
                Record("/extra/dag_run_id"),
                Record("/run_id"),
                Record("/dag_id"),
            ],
        ),
        ("workflow", &[Record("/dag_id")]),
        (
            "execution_uid",
            &[Record("/run_id"), Record("/extra/dag_run_id")],
        ),
        ("detail", &[Record("/extra")]),
    ],
    secret: &["/dag_display_name", "/task_display_name"],
    // The event decides the category, by which it is filed and retained.
    identity: &["/event_log_id", "/when", "/event"],
};
