//! Why a verification ends early.

use crate::lake::ReadError;
use crate::ledger::log::LogError;
use crate::store::StoreError;

/// Why a verification could not be done, which says nothing about the lake.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A file could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// There is no ledger.
    #[error("there is no ledger in {0}")]
    NoLedger(String),
}
