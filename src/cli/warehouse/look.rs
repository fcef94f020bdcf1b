//! What a command works with that asks warehouses and changes nothing.

use tokio::sync::watch;

use super::state_of;
use crate::cli::failure::Failure;
use crate::lake::layout::RunId;
use crate::ledger::log::Log;
use crate::ledger::state::State;
use crate::run::{Job, RunError};
use crate::store::Bucket;
use crate::warehouse::Filling;

/// A lake as it is, and a name for jobs that only read.
pub(super) struct WarehouseLook<'j> {
    /// The ledger's state.
    pub(super) state: State,
    log: Log,
    lake: &'j Bucket,
    run_id: String,
    stop: watch::Receiver<bool>,
    // Held for as long as it is listened to: nobody asks to stop.
    _tell: watch::Sender<bool>,
}

impl<'j> WarehouseLook<'j> {
    pub(super) async fn new(job: &'j Job) -> Result<Self, Failure> {
        let run_id = RunId::draw(chrono::Utc::now()).map_err(RunError::from)?;
        let (tell, stop) = watch::channel(false);
        Ok(Self {
            state: state_of(job).await?,
            log: job.log(),
            lake: &job.bucket,
            run_id: run_id.to_string(),
            stop,
            _tell: tell,
        })
    }

    pub(super) fn filling<'a>(&'a self, say: &'a (dyn Fn(&str) + Sync)) -> Filling<'a> {
        Filling {
            state: &self.state,
            log: &self.log,
            lake: self.lake,
            run_id: &self.run_id,
            stop: &self.stop,
            say,
        }
    }
}
