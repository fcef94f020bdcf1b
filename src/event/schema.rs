//! The columns of `audit_events`: names, types, meaning and classification, in stored order.
//!
//! The schema is flat on purpose: BigQuery cannot load a Parquet list without a special option and
//! cannot load a `JSON` column from Parquet at all, so nested content stays JSON text. Names follow
//! OCSF 1.8 API Activity (class 6003), from which nested OCSF events can be made.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// Version of the stored event schema; part of every row and of every ledger entry.
pub const SCHEMA_VERSION: i64 = 1;

/// How sensitive the content of a column may be; redaction rules refer to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Classification {
    /// Says nothing about a person and nothing that opens a door.
    Public,
    /// Names or locates a person, or describes what they touched.
    Sensitive,
    /// May hold anything the platform was given, credentials included.
    Secret,
}

impl Classification {
    /// The name used in configuration and in `trailhouse schema events`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Sensitive => "sensitive",
            Self::Secret => "secret",
        }
    }
}

/// The type of a column, in the few types that every reader of the lake agrees on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8 text; BigQuery `STRING`.
    Text,
    /// Bytes; BigQuery `BYTES`.
    Bytes,
    /// 64-bit signed integer; BigQuery `INT64`.
    Integer,
    /// Calendar date in UTC; BigQuery `DATE`.
    Date,
    /// Microseconds since 1970-01-01T00:00:00Z; BigQuery `TIMESTAMP`.
    Timestamp,
}

impl ColumnType {
    /// The Arrow type in which the column is built and stored.
    pub fn arrow(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Bytes => DataType::Binary,
            Self::Integer => DataType::Int64,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }

    /// The GoogleSQL type name.
    pub const fn bigquery(self) -> &'static str {
        match self {
            Self::Text => "STRING",
            Self::Bytes => "BYTES",
            Self::Integer => "INT64",
            Self::Date => "DATE",
            Self::Timestamp => "TIMESTAMP",
        }
    }
}

/// One column of a stored table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Name, the same in Parquet, the embedded engine and the warehouse.
    pub name: &'static str,
    /// Type.
    pub kind: ColumnType,
    /// Whether every row has a value.
    pub required: bool,
    /// Sensitivity of the content.
    pub class: Classification,
    /// Meaning, in one sentence; becomes the column description in the warehouse.
    pub meaning: &'static str,
}

const fn column(
    name: &'static str,
    kind: ColumnType,
    required: bool,
    class: Classification,
    meaning: &'static str,
) -> Column {
    Column {
        name,
        kind,
        required,
        class,
        meaning,
    }
}

use Classification::{Public, Secret, Sensitive};
use ColumnType::{Bytes, Date, Integer, Text, Timestamp};

/// The columns of `audit_events` in stored order.
pub const EVENT_COLUMNS: &[Column] = &[
    column(
        "event_uid",
        Text,
        true,
        Public,
        "Unique name of the event: source, tenant and native id",
    ),
    column(
        "native_id",
        Text,
        false,
        Public,
        "Id of the record on its platform",
    ),
    column(
        "dt",
        Date,
        true,
        Public,
        "UTC date of event_time; the partition",
    ),
    column(
        "event_time",
        Timestamp,
        true,
        Public,
        "When it happened, in UTC, cut to microseconds",
    ),
    column(
        "event_time_text",
        Text,
        true,
        Public,
        "The time exactly as the platform wrote it",
    ),
    column(
        "ingested_at",
        Timestamp,
        true,
        Public,
        "The run's now when the record was read",
    ),
    column(
        "batch_id",
        Text,
        true,
        Public,
        "The ledger batch that added the row",
    ),
    column(
        "platform",
        Text,
        true,
        Public,
        "Platform that produced the record, such as kestra",
    ),
    column(
        "source",
        Text,
        true,
        Public,
        "Id of the configured source the record was read from",
    ),
    column(
        "tenant",
        Text,
        false,
        Public,
        "Tenant the record belongs to on its platform",
    ),
    column(
        "category",
        Text,
        true,
        Public,
        "authentication, access_control, resource_management, execution, data_access, system_configuration or other",
    ),
    column("class_uid", Integer, true, Public, "OCSF class"),
    column(
        "activity_id",
        Integer,
        true,
        Public,
        "OCSF activity within the class: 0 unknown, 99 other",
    ),
    column(
        "activity_name",
        Text,
        true,
        Public,
        "OCSF name of the activity",
    ),
    column(
        "action",
        Text,
        false,
        Public,
        "The platform's own name of the action, verbatim",
    ),
    column(
        "severity_id",
        Integer,
        true,
        Public,
        "OCSF severity: 1 informational to 6 fatal, 0 unknown",
    ),
    column(
        "outcome",
        Text,
        true,
        Public,
        "success, failure or unknown; never inferred from silence",
    ),
    column(
        "outcome_code",
        Text,
        false,
        Public,
        "The platform's code for the outcome",
    ),
    column(
        "outcome_detail",
        Text,
        false,
        Sensitive,
        "The platform's text about the outcome",
    ),
    column(
        "actor_uid",
        Text,
        false,
        Sensitive,
        "Id of who acted, on the platform",
    ),
    column(
        "actor_name",
        Text,
        false,
        Sensitive,
        "Name of who acted, as known when the record was read",
    ),
    column(
        "actor_email",
        Text,
        false,
        Sensitive,
        "Email of who acted, as known when the record was read",
    ),
    column(
        "actor_type",
        Text,
        true,
        Public,
        "user, service, system or unknown",
    ),
    column(
        "actor_impersonated_by",
        Text,
        false,
        Sensitive,
        "Id of who acted in the actor's name",
    ),
    column(
        "src_ip",
        Text,
        false,
        Sensitive,
        "Where the request came from, as written; not always an address",
    ),
    column("user_agent", Text, false, Sensitive, "Client software"),
    column(
        "resource_type",
        Text,
        false,
        Public,
        "Kind of thing acted upon, verbatim",
    ),
    column(
        "resource_uid",
        Text,
        false,
        Sensitive,
        "Id of the thing acted upon",
    ),
    column(
        "resource_name",
        Text,
        false,
        Sensitive,
        "Name of the thing acted upon",
    ),
    column(
        "namespace",
        Text,
        false,
        Public,
        "Namespace, folder or project of the thing acted upon",
    ),
    column(
        "workflow",
        Text,
        false,
        Public,
        "Flow, DAG, process, state machine or pipeline",
    ),
    column("execution_uid", Text, false, Public, "Run of the workflow"),
    column(
        "revision",
        Text,
        false,
        Public,
        "Revision of the workflow, as written",
    ),
    column(
        "correlation_uid",
        Text,
        false,
        Public,
        "What the platform uses to tie records together",
    ),
    column("region", Text, false, Public, "Cloud region"),
    column(
        "account",
        Text,
        false,
        Public,
        "Cloud account, project or subscription",
    ),
    column(
        "detail",
        Text,
        false,
        Secret,
        "The platform's detail object, verbatim JSON text",
    ),
    column(
        "raw",
        Text,
        true,
        Secret,
        "The record as kept: exact bytes as served unless redaction was configured",
    ),
    column(
        "schema_version",
        Integer,
        true,
        Public,
        "Version of this schema",
    ),
    column(
        "mapping_version",
        Integer,
        true,
        Public,
        "Version of the rules that made the columns from raw",
    ),
];

/// The columns of `audit_quarantine` in stored order: records that could not become events, with
/// their exact bytes. A record larger than one row may be is kept in several parts.
pub const QUARANTINE_COLUMNS: &[Column] = &[
    column(
        "record_uid",
        Text,
        true,
        Public,
        "Unique name: source, tenant and the SHA-256 of the bytes",
    ),
    column(
        "native_id",
        Text,
        false,
        Public,
        "Id of the record on its platform, where it could be read",
    ),
    column(
        "dt",
        Date,
        true,
        Public,
        "UTC date of the record, or of the slice it was read in",
    ),
    column(
        "event_time",
        Timestamp,
        false,
        Public,
        "When it happened, where it could be read",
    ),
    column(
        "slice_from",
        Timestamp,
        true,
        Public,
        "Start of the slice the record was read in",
    ),
    column(
        "slice_to",
        Timestamp,
        true,
        Public,
        "End of the slice the record was read in, exclusive",
    ),
    column(
        "ingested_at",
        Timestamp,
        true,
        Public,
        "The run's now when the record was read",
    ),
    column(
        "batch_id",
        Text,
        true,
        Public,
        "The ledger batch that added the row",
    ),
    column(
        "platform",
        Text,
        true,
        Public,
        "Platform that produced the record",
    ),
    column("source", Text, true, Public, "Id of the configured source"),
    column(
        "tenant",
        Text,
        false,
        Public,
        "Tenant the record was read from",
    ),
    column(
        "reason",
        Text,
        true,
        Public,
        "Why it could not become an event: a stable code",
    ),
    column(
        "reason_detail",
        Text,
        false,
        Public,
        "The same in words, without content of the record",
    ),
    column(
        "record_sha256",
        Text,
        true,
        Public,
        "SHA-256 of all bytes of the record, hexadecimal",
    ),
    column(
        "record_bytes",
        Integer,
        true,
        Public,
        "Size of the whole record in bytes",
    ),
    column(
        "part",
        Integer,
        true,
        Public,
        "Which part of the record this row holds, from 0",
    ),
    column(
        "parts",
        Integer,
        true,
        Public,
        "How many parts the record was kept in",
    ),
    column(
        "content",
        Bytes,
        true,
        Secret,
        "The bytes of this part, exactly as served",
    ),
    column(
        "schema_version",
        Integer,
        true,
        Public,
        "Version of this schema",
    ),
    column(
        "mapping_version",
        Integer,
        true,
        Public,
        "Version of the rules that refused the record",
    ),
];

fn arrow_schema(columns: &[Column]) -> SchemaRef {
    let fields: Vec<Field> = columns
        .iter()
        .map(|column| Field::new(column.name, column.kind.arrow(), !column.required))
        .collect();
    Arc::new(Schema::new(fields))
}

static EVENTS: LazyLock<SchemaRef> = LazyLock::new(|| arrow_schema(EVENT_COLUMNS));
static QUARANTINE: LazyLock<SchemaRef> = LazyLock::new(|| arrow_schema(QUARANTINE_COLUMNS));

/// Arrow schema of `audit_events`.
pub fn event_schema() -> SchemaRef {
    Arc::clone(&EVENTS)
}

/// Arrow schema of `audit_quarantine`.
pub fn quarantine_schema() -> SchemaRef {
    Arc::clone(&QUARANTINE)
}
