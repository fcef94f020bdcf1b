//! The columns of the table of objects.

use super::Classification::{Public, Sensitive};
use super::Column;
use super::ColumnType::{Integer, Text, Timestamp};
use super::common;

/// Version of the columns of objects.
pub const OBJECT_SCHEMA_VERSION: i64 = 1;

/// The columns of what feeds of objects have read, in stored order: one row for each version of an object, and
/// one for each reason for which it could not be read.
pub const OBJECT_COLUMNS: &[Column] = &[
    Column::new("object_uid", Text, Public)
        .required()
        .unique()
        .without_range()
        .meaning("Unique name: SHA-256 of feed, key, version and status, hexadecimal"),
    Column::new("object_key", Text, Sensitive)
        .required()
        .unique()
        .without_range()
        .meaning("Name of the object in its bucket"),
    Column::new("version", Text, Public)
        .required()
        .unique()
        .without_range()
        .meaning("What tells its content from any other under this name: the entity tag"),
    common::DT.meaning("UTC date of the position"),
    Column::new("position", Timestamp, Public)
        .required()
        .compact()
        .meaning("The time that its name states"),
    Column::new("last_modified", Timestamp, Public)
        .required()
        .meaning("When its store says that it was written"),
    common::INGESTED_AT.meaning("The run's now when it was read"),
    common::BATCH_ID,
    common::PLATFORM.meaning("Platform that delivered the object"),
    common::SOURCE,
    common::TENANT.meaning("The feed that it belongs to"),
    Column::new("object_bytes", Integer, Public)
        .required()
        .meaning("Its size as stored"),
    Column::new("object_sha256", Text, Public)
        .unique()
        .without_range()
        .meaning("SHA-256 of its bytes as stored, hexadecimal; absent where it could not be read"),
    Column::new("records", Integer, Public)
        .meaning("How many wanted records it has; absent where it could not be read"),
    Column::new("status", Text, Public)
        .required()
        .compact()
        .meaning("`read`, or the stable code of why it could not be"),
    common::SCHEMA_VERSION,
];
