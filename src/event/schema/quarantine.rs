//! The columns of `audit_quarantine`.

use super::Classification::{Public, Secret};
use super::Column;
use super::ColumnType::{Bytes, Date, Integer, Text, Timestamp};

/// The columns of `audit_quarantine` in stored order: records that could not become events, with
/// their exact bytes. A record larger than one row may be is kept in several parts.
pub const QUARANTINE_COLUMNS: &[Column] = &[
    Column::new("record_uid", Text, Public)
        .required()
        .unique()
        .meaning("Unique name: source and the SHA-256 of the bytes"),
    Column::new("native_id", Text, Public)
        .unique()
        .without_range()
        .meaning("Id of the record on its platform, where it could be read"),
    Column::new("dt", Date, Public)
        .required()
        .compact()
        .meaning("UTC date of the record, or of the slice it was read in"),
    Column::new("event_time", Timestamp, Public)
        .compact()
        .meaning("When it happened, where it could be read"),
    Column::new("slice_from", Timestamp, Public)
        .required()
        .compact()
        .meaning("Start of the slice the record was read in"),
    Column::new("slice_to", Timestamp, Public)
        .required()
        .compact()
        .meaning("End of the slice the record was read in, exclusive"),
    Column::new("ingested_at", Timestamp, Public)
        .required()
        .compact()
        .meaning("The run's now when the record was read"),
    Column::new("batch_id", Text, Public)
        .required()
        .compact()
        .meaning("The ledger batch that added the row"),
    Column::new("platform", Text, Public)
        .required()
        .compact()
        .meaning("Platform that produced the record"),
    Column::new("source", Text, Public)
        .required()
        .compact()
        .meaning("Id of the configured source"),
    Column::new("tenant", Text, Public)
        .compact()
        .stated()
        .meaning("Tenant the record was read from"),
    Column::new("reason", Text, Public)
        .required()
        .compact()
        .stated()
        .meaning("Why it could not become an event: a stable code"),
    Column::new("reason_detail", Text, Public)
        .meaning("The same in words, without content of the record"),
    Column::new("record_sha256", Text, Public)
        .required()
        .unique()
        .without_range()
        .meaning("SHA-256 of all bytes of the record, hexadecimal"),
    Column::new("record_bytes", Integer, Public)
        .required()
        .compact()
        .meaning("Size of the whole record in bytes"),
    Column::new("part", Integer, Public)
        .required()
        .compact()
        .meaning("Which part of the record this row holds, from 0"),
    Column::new("parts", Integer, Public)
        .required()
        .compact()
        .meaning("How many parts the record was kept in"),
    Column::new("content", Bytes, Secret)
        .required()
        .unique()
        .without_range()
        .meaning("The bytes of this part, exactly as served"),
    Column::new("schema_version", Integer, Public)
        .required()
        .compact()
        .meaning("Version of this schema"),
    Column::new("mapping_version", Integer, Public)
        .required()
        .compact()
        .meaning("Version of the rules that refused the record"),
];
