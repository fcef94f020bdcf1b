//! What BigQuery takes at once: <https://cloud.google.com/bigquery/quotas>.

use crate::warehouse::contract::StatementLimits;

/// Limits of BigQuery, and where statements and jobs are cut before they are reached.
pub const LIMITS: StatementLimits = StatementLimits {
    // Source URIs of a job.
    load_files: 10_000,
    // Partitions that a job may modify.
    load_dates: 4_000,
    load_bytes: 15_000_000_000_000,
    // A statement modifies 4,000 partitions at once, too.
    statement_dates: 1_000,
    // Far below a megabyte of text.
    statement_batches: 2_000,
    loads_a_day: 100_000,
    // Of a table that is partitioned by a column.
    partition_changes_a_day: 30_000,
    fail_safe_days: 7,
};
