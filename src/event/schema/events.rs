//! The columns of `audit_events`: one row of this table for each, and everything else follows from it.

use super::Classification::{Public, Secret, Sensitive};
use super::Column;
use super::ColumnType::{Integer, Text as Characters, Timestamp};
use super::common;
use crate::event::Event;
use crate::event::context::RowContext;
use arrow::array::ArrayRef;

/// A column of `audit_events`, and where its values come from.
#[derive(Debug, Clone, Copy)]
pub(in crate::event) struct EventColumn {
    pub(in crate::event) column: Column,
    pub(in crate::event) value: ColumnValue,
    /// What a value of text usually takes, in bytes; 0 where most rows have none. Room that is there
    /// from the start need not be made, and copied, again and again.
    pub(in crate::event) usual_bytes: usize,
}

/// Where the values of a column come from.
#[derive(Debug, Clone, Copy)]
pub(in crate::event) enum ColumnValue {
    /// Text of the event: see [`event_texts`].
    Text,
    /// A number of the event.
    Number(fn(&Event<'_>) -> i64),
    /// The UTC date of its time.
    Day,
    /// Its time.
    Time,
    /// The run, and so the same in every row.
    Run(fn(&RowContext, usize) -> ArrayRef),
}

const fn of(
    column: Column,
    value: ColumnValue,
    usual_bytes: usize,
    meaning: &'static str,
) -> EventColumn {
    EventColumn {
        column: column.meaning(meaning),
        value,
        usual_bytes,
    }
}

/// What a row of the table says of text: the name of the event (`Uid`), what the record says (`Text`), or one of our own
/// names for it (`Name`). Known while this is compiled: a call through a pointer for each column of each row took a
/// tenth of the conversion.
macro_rules! text_of {
    ($event:ident, $uid:ident, Uid) => {
        Some($uid)
    };
    ($event:ident, $uid:ident, Text(|$own:ident| $text:expr)) => {{
        let $own = $event;
        $text
    }};
    ($event:ident, $uid:ident, Name(|$own:ident| $name:expr)) => {{
        let $own = $event;
        Some($name)
    }};
    ($event:ident, $uid:ident, $other:ident $($rest:tt)*) => {
        None
    };
}

/// Where the values of a row of the table come from.
macro_rules! value_of {
    (Uid) => {
        ColumnValue::Text
    };
    (Text($($text:tt)*)) => {
        ColumnValue::Text
    };
    (Name($($name:tt)*)) => {
        ColumnValue::Text
    };
    ($other:ident $($how:tt)*) => {
        ColumnValue::$other $($how)*
    };
}

/// Declares the table, and what its columns of text hold of an event.
macro_rules! event_table {
    ($count:literal: $(
        of($column:expr, $kind:ident $(($($how:tt)*))?, $usual_bytes:expr, $meaning:expr $(,)?),
    )+) => {
        /// The columns of `audit_events` in stored order, with their values.
        pub(in crate::event) static EVENT_TABLE: [EventColumn; $count] = [
            $(of($column, value_of!($kind $(($($how)*))?), $usual_bytes, $meaning),)+
        ];

        /// The text of each column of an event whose name is `uid`; `None` where it has none or is no text.
        #[inline]
        pub(in crate::event) fn event_texts<'e>(
            event: &'e Event<'_>,
            uid: &'e str,
        ) -> [Option<&'e str>; $count] {
            [$(text_of!(event, uid, $kind $(($($how)*))?),)+]
        }
    };
}

event_table! { 40:
    of(
        Column::new("event_uid", Characters, Public)
            .required()
            .unique()
            .without_range()
            .searched(),
        Uid,
        48,
        "Unique name of the event: source, tenant and native id",
    ),
    of(
        common::NATIVE_ID,
        Text(|event| event.native_id.as_deref()),
        24,
        "Id of the record on its platform",
    ),
    of(common::DT, Day, 0, "UTC date of event_time; the partition"),
    of(
        Column::new("event_time", Timestamp, Public)
            .required()
            .compact(),
        Time,
        0,
        "When it happened, in UTC, cut to microseconds",
    ),
    of(
        Column::new("event_time_text", Characters, Public)
            .required()
            .unique()
            .without_range(),
        Text(|event| Some(&event.time_text)),
        28,
        "The time exactly as the platform wrote it",
    ),
    of(
        common::INGESTED_AT,
        Run(RowContext::ingested_at),
        0,
        "The run's now when the record was read",
    ),
    of(
        common::BATCH_ID,
        Run(RowContext::batch_id),
        0,
        "The ledger batch that added the row",
    ),
    of(
        common::PLATFORM,
        Run(RowContext::platform),
        0,
        "Platform that produced the record, such as kestra",
    ),
    of(
        common::SOURCE,
        Run(RowContext::source),
        0,
        "Id of the configured source the record was read from",
    ),
    of(
        common::TENANT,
        Text(|event| event.tenant.as_deref()),
        8,
        "Tenant the record belongs to on its platform",
    ),
    of(
        Column::new("category", Characters, Public)
            .required()
            .compact(),
        Name(|event| event.category.name()),
        20,
        "authentication, access_control, resource_management, execution, data_access, \
system_configuration or other",
    ),
    of(
        Column::new("class_uid", Integer, Public)
            .required()
            .compact(),
        Number(|event| event.class_uid),
        0,
        "OCSF class",
    ),
    of(
        Column::new("activity_id", Integer, Public)
            .required()
            .compact(),
        Number(|event| event.activity_id),
        0,
        "OCSF activity within the class: 0 unknown, 99 other",
    ),
    of(
        Column::new("activity_name", Characters, Public)
            .required()
            .compact(),
        Text(|event| Some(&event.activity_name)),
        8,
        "OCSF name of the activity",
    ),
    of(
        Column::new("action", Characters, Public).compact().stated(),
        Text(|event| event.action.as_deref()),
        8,
        "The platform's own name of the action, verbatim",
    ),
    of(
        Column::new("severity_id", Integer, Public)
            .required()
            .compact(),
        Number(|event| event.severity_id),
        0,
        "OCSF severity: 1 informational to 6 fatal, 0 unknown",
    ),
    of(
        Column::new("outcome", Characters, Public)
            .required()
            .compact()
            .stated(),
        Name(|event| event.outcome.name()),
        8,
        "success, failure or unknown; never inferred from silence",
    ),
    of(
        Column::new("outcome_code", Characters, Public).compact(),
        Text(|event| event.outcome_code.as_deref()),
        0,
        "The platform's code for the outcome",
    ),
    of(
        Column::new("outcome_detail", Characters, Sensitive),
        Text(|event| event.outcome_detail.as_deref()),
        0,
        "The platform's text about the outcome",
    ),
    of(
        Column::new("actor_uid", Characters, Sensitive).without_range(),
        Text(|event| event.actor_uid.as_deref()),
        24,
        "Id of who acted, on the platform",
    ),
    of(
        Column::new("actor_name", Characters, Sensitive)
            .without_range()
            .searched(),
        Text(|event| event.actor_name.as_deref()),
        0,
        "Name of who acted, as known when the record was read",
    ),
    of(
        Column::new("actor_email", Characters, Sensitive).without_range(),
        Text(|event| event.actor_email.as_deref()),
        0,
        "Email of who acted, as known when the record was read",
    ),
    of(
        Column::new("actor_type", Characters, Public)
            .required()
            .compact(),
        Name(|event| event.actor_type.name()),
        8,
        "user, service, system or unknown",
    ),
    of(
        Column::new("actor_impersonated_by", Characters, Sensitive),
        Text(|event| event.actor_impersonated_by.as_deref()),
        0,
        "Id of who acted in the actor's name",
    ),
    of(
        Column::new("src_ip", Characters, Sensitive).without_range(),
        Text(|event| event.src_ip.as_deref()),
        16,
        "Where the request came from, as written; not always an address",
    ),
    of(
        Column::new("user_agent", Characters, Sensitive).without_range(),
        Text(|event| event.user_agent.as_deref()),
        0,
        "Client software",
    ),
    of(
        Column::new("resource_type", Characters, Public)
            .compact()
            .stated(),
        Text(|event| event.resource_type.as_deref()),
        12,
        "Kind of thing acted upon, verbatim",
    ),
    of(
        Column::new("resource_uid", Characters, Sensitive)
            .unique()
            .without_range(),
        Text(|event| event.resource_uid.as_deref()),
        24,
        "Id of the thing acted upon",
    ),
    of(
        Column::new("resource_name", Characters, Sensitive).without_range(),
        Text(|event| event.resource_name.as_deref()),
        0,
        "Name of the thing acted upon",
    ),
    of(
        Column::new("namespace", Characters, Public).stated(),
        Text(|event| event.namespace.as_deref()),
        24,
        "Namespace, folder or project of the thing acted upon",
    ),
    of(
        Column::new("workflow", Characters, Public)
            .without_range()
            .stated(),
        Text(|event| event.workflow.as_deref()),
        24,
        "Flow, DAG, process, state machine or pipeline",
    ),
    of(
        Column::new("execution_uid", Characters, Public)
            .unique()
            .without_range()
            .searched(),
        Text(|event| event.execution_uid.as_deref()),
        24,
        "Run of the workflow",
    ),
    of(
        Column::new("revision", Characters, Public).without_range(),
        Text(|event| event.revision.as_deref()),
        4,
        "Revision of the workflow, as written",
    ),
    of(
        Column::new("correlation_uid", Characters, Public)
            .unique()
            .without_range(),
        Text(|event| event.correlation_uid.as_deref()),
        0,
        "What the platform uses to tie records together",
    ),
    of(
        Column::new("region", Characters, Public).compact(),
        Text(|event| event.region.as_deref()),
        0,
        "Cloud region",
    ),
    of(
        Column::new("account", Characters, Public).compact(),
        Text(|event| event.account.as_deref()),
        0,
        "Cloud account, project or subscription",
    ),
    of(
        Column::new("detail", Characters, Secret)
            .unique()
            .without_range(),
        Text(|event| event.detail.as_deref()),
        256,
        "The platform's detail object, verbatim JSON text",
    ),
    of(
        Column::new("raw", Characters, Secret)
            .required()
            .unique()
            .without_range(),
        Text(|event| Some(event.raw)),
        512,
        "The record as kept: exact bytes as served unless redaction was configured",
    ),
    of(
        common::SCHEMA_VERSION,
        Run(RowContext::schema_version),
        0,
        "Version of this schema",
    ),
    of(
        common::MAPPING_VERSION,
        Run(RowContext::mapping_version),
        0,
        "Version of the rules that made the columns from raw",
    ),
}

/// The columns of `audit_events` in stored order.
pub const EVENT_COLUMNS: &[Column] = &{
    let mut columns = [EVENT_TABLE[0].column; EVENT_TABLE.len()];
    let mut at = 0;
    while at < columns.len() {
        columns[at] = EVENT_TABLE[at].column;
        at += 1;
    }
    columns
};
