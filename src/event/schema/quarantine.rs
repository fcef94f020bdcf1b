//! The columns of `audit_quarantine`.

use super::Classification::{Public, Secret};
use super::ColumnType::{Bytes, Date, Integer, Text, Timestamp};
use super::{Column, column};

/// The columns of `audit_quarantine` in stored order: records that could not become events, with
/// their exact bytes. A record larger than one row may be is kept in several parts.
pub const QUARANTINE_COLUMNS: &[Column] = &[
    column(
        "record_uid",
        Text,
        true,
        Public,
        "Unique name: source and the SHA-256 of the bytes",
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
