//! Loading what the ledger has and the tables have not.
//!
//! ```text
//! table as it is ─ as many rows as the receipts say? no: count by batch, and believe the counts
//! each entry that is not loaded: files ─ one job, started or adopted ─ rows as the entry says
//! audit_batches and audit_coverage, written as a whole
//! ```

mod fill;

mod tell;

mod load;

pub use fill::{Filled, RebuiltDates, TableSummary, WarehouseSummary, fill};
pub(crate) use load::{Loading, load};
