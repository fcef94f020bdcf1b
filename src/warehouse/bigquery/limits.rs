//! What BigQuery takes at once: <https://cloud.google.com/bigquery/quotas>.

use crate::event::quarantine::PART_BYTES;
use crate::event::unfit::MAX_ROW_BYTES;
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

/// Largest row of a Parquet file that BigQuery loads; it refuses a larger one, and with it the whole load. No row of
/// ours is that large.
const ROW_BYTES: usize = 50_000_000;

/// Numbers, times and names that a run adds to a row; ids of sources have 63 characters at most.
const ADDED: usize = 4_096;

const _: () = assert!(MAX_ROW_BYTES + ADDED < ROW_BYTES);
// A part, and an id of at most a MiB beside it.
const _: () = assert!(PART_BYTES + (1 << 20) + ADDED < ROW_BYTES);
