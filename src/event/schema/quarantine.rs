//! The columns of `audit_quarantine`.

use super::Classification::{Public, Secret};
use super::Column;
use super::ColumnType::{Bytes, Integer, Text, Timestamp};
use super::common;

/// The columns of `audit_quarantine` in stored order: records that could not become events, with
/// their exact bytes. A record larger than one row may be is kept in several parts.
pub const QUARANTINE_COLUMNS: &[Column] = &[
    Column::new("record_uid", Text, Public)
        .required()
        .unique()
        .meaning("Unique name: source and the SHA-256 of the bytes"),
    common::NATIVE_ID.meaning("Id of the record on its platform, where it could be read"),
    common::DT.meaning("UTC date of the record, or of the slice it was read in"),
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
    common::INGESTED_AT,
    common::BATCH_ID,
    common::PLATFORM.meaning("Platform that produced the record"),
    common::SOURCE,
    common::TENANT.meaning("Tenant the record was read from"),
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
    common::SCHEMA_VERSION,
    common::MAPPING_VERSION.meaning("Version of the rules that refused the record"),
];
