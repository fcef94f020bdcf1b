//! The columns of the tables that are made from the ledger, wherever they are shown: in the embedded
//! engine and in a warehouse.

use crate::event::schema::ColumnType::{self, Integer, Text, Timestamp};
use crate::event::schema::{Classification, Column};

/// A column that holds nothing but times, numbers, codes and names from the configuration.
const fn column(
    name: &'static str,
    kind: ColumnType,
    required: bool,
    meaning: &'static str,
) -> Column {
    let column = Column::new(name, kind, Classification::Public).meaning(meaning);
    if required { column.required() } else { column }
}

/// The columns of `audit_batches`: one row for each `ingest` entry. Nothing is left over:
/// `returned = source_duplicates + known + added + quarantined + expired`.
pub const BATCH_COLUMNS: &[Column] = &[
    column(
        "batch_id",
        Text,
        true,
        "Id that the rows of the batch carry",
    ),
    column(
        "sequence",
        Integer,
        true,
        "Number of the ledger entry that added the batch",
    ),
    column("run_id", Text, true, "Run that wrote the entry"),
    column("source", Text, true, "Id of the configured source"),
    column(
        "written_at",
        Timestamp,
        true,
        "When the entry was written, in UTC",
    ),
    column(
        "returned",
        Integer,
        true,
        "Records that the source returned",
    ),
    column(
        "source_duplicates",
        Integer,
        true,
        "Of these, repetitions within what the source returned at once",
    ),
    column(
        "known",
        Integer,
        true,
        "Of these, records that the lake held already",
    ),
    column("added", Integer, true, "Of these, new rows of audit_events"),
    column(
        "quarantined",
        Integer,
        true,
        "Of these, new records in audit_quarantine",
    ),
    column(
        "expired",
        Integer,
        // A table that was there before this column gets it as one that may be null.
        false,
        "Of these, records of what was deleted by rule, which are not kept",
    ),
    column(
        "late",
        Integer,
        true,
        "Of the added and quarantined, those that appeared after their instant was covered",
    ),
    column(
        "changed",
        Integer,
        true,
        "Of the known, those whose content had a value changed or gone for the first time",
    ),
    column(
        "drifted",
        Integer,
        true,
        "Of the known, those that only gained fields",
    ),
    column("files", Integer, true, "Files that the entry added"),
    column("bytes", Integer, true, "Size of these files in bytes"),
];

/// The columns of `audit_coverage`: what has been read completely, and the holes.
pub const COVERAGE_COLUMNS: &[Column] = &[
    column("source", Text, true, "Id of the configured source"),
    column(
        "tenant",
        Text,
        true,
        "Tenant, or * for a source read across tenants",
    ),
    column(
        "kind",
        Text,
        true,
        "covered: read completely; hole: could not be read",
    ),
    column("window_from", Timestamp, true, "First instant inside"),
    column("window_to", Timestamp, true, "First instant after"),
    column(
        "reason",
        Text,
        false,
        "Why a hole could not be read: a stable code",
    ),
    Column {
        // It ends with the platform's own words where no redaction is configured, which may cite anything.
        class: Classification::Secret,
        ..column(
            "detail",
            Text,
            false,
            "The same in words; without redaction what the platform said follows",
        )
    },
    column(
        "first_seen",
        Timestamp,
        false,
        "When the hole was first named",
    ),
    column(
        "tries",
        Integer,
        false,
        "How often reading the hole was tried",
    ),
];
