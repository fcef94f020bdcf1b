//! What work on a warehouse needs besides the warehouse.

use crate::ledger::log::Log;
use crate::ledger::state::State;
use crate::store::Bucket;
use tokio::sync::watch;

/// What filling works with.
#[derive(Clone, Copy)]
pub struct Filling<'a> {
    /// The ledger's state.
    pub state: &'a State,
    /// The ledger, for what others add meanwhile.
    pub log: &'a Log,
    /// The lake.
    pub lake: &'a Bucket,
    /// The run, for ids of jobs that only read.
    pub run_id: &'a str,
    /// Whether to start nothing more.
    pub stop: &'a watch::Receiver<bool>,
    /// Told what is being done, for a progress bar.
    pub say: &'a (dyn Fn(&str) + Sync),
}
