//! BigQuery refuses a row above 50 MB, and with it the whole load. No row of ours is that large.

use crate::event::quarantine::PART_BYTES;
use crate::event::unfit::MAX_ROW_BYTES;

/// Largest row of a Parquet file that BigQuery loads.
const MOST: usize = 50_000_000;
/// Numbers, times and names that a run adds to a row; ids of sources have 63 characters at most.
const ADDED: usize = 4_096;

const _: () = assert!(MAX_ROW_BYTES + ADDED < MOST);
// A part, and an id of at most a MiB beside it.
const _: () = assert!(PART_BYTES + (1 << 20) + ADDED < MOST);
