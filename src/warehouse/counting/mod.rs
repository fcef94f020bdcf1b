//! How many rows a table has of each batch, against the number that the ledger says: one query, and a pure
//! comparison. Changes nothing.

mod reconcile;

mod count;

pub(super) mod compare;

pub(crate) use compare::CompareScope;
pub use compare::{CompareCell, Difference, RowCounts, RowTally, TableComparison};
pub use count::DoubledEvent;
pub(crate) use count::{compare_now, compare_within, count};
pub use reconcile::{Reconciliation, TablePartition, TableReconciliation, reconcile};
