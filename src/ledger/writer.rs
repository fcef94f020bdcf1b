//! Adding entries: a ledger, the state that its entries make, and what the entries of one process have in
//! common.

use super::digest::Digest;
use super::entry::Body;
use super::log::{Commit, EntryDraft, Log, LogError};
use super::rebase::{Rebase, rebase};
use super::state::State;
use crate::clock::Now;
use crate::lake::layout::RunId;
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Instant;

/// What the entries of one process have in common.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The run.
    pub run_id: RunId,
    /// Its now.
    pub now: DateTime<Utc>,
    /// How far that is believed.
    pub clock: Now,
    /// Digest of the configuration.
    pub config_sha256: Digest,
    /// When the time was found out, by a clock that never jumps.
    began: Instant,
}

impl Attempt {
    /// One that begins now.
    pub fn new(run_id: RunId, clock: Now, config_sha256: Digest) -> Self {
        Self {
            run_id,
            now: clock.at(),
            clock,
            config_sha256,
            began: Instant::now(),
        }
    }

    /// The time now, however long the process has gone on: by what was found out at its beginning, since the
    /// machine's clock may have jumped meanwhile.
    pub fn later(&self) -> DateTime<Utc> {
        let passed = TimeDelta::from_std(self.began.elapsed()).unwrap_or_default();
        self.now + passed
    }

    /// An entry of it.
    pub fn draft(&self, body: Body) -> EntryDraft {
        EntryDraft {
            run_id: self.run_id.to_string(),
            written_at: self.now,
            witnesses: self.clock.witnesses().to_vec(),
            config_sha256: self.config_sha256,
            body,
        }
    }
}

/// Adds entries to a ledger, and keeps the state that all of them make: its own and those of others.
#[derive(Debug)]
pub struct Writer {
    /// The ledger.
    pub log: Log,
    /// Who writes.
    pub attempt: Attempt,
    /// The state after the newest entry that is known.
    pub state: State,
}

impl Writer {
    /// What time it is, as it stands with the entries that there are now.
    pub fn now(&self) -> Now {
        self.attempt.clock.again(&self.state.clock)
    }

    /// Commits an entry at whatever sequence is free, unless what others have written since it was planned
    /// touches it: then it has to be planned again.
    ///
    /// # Errors
    /// As [`Log::commit`].
    pub async fn commit(&mut self, draft: &EntryDraft) -> Result<Rebase, LogError> {
        let planned_at = self.now();
        let goes_by_time = matches!(draft.body, Body::Retention(_) | Body::Sweep(_));
        loop {
            match self.log.commit(&mut self.state, draft).await? {
                Commit::Done => return Ok(Rebase::Resequence),
                Commit::Lost(came) => {
                    // What came may have shown that it is earlier than was thought.
                    let other_time = goes_by_time && self.now() != planned_at;
                    if other_time || rebase(&draft.body, &came) == Rebase::CompareAgain {
                        return Ok(Rebase::CompareAgain);
                    }
                }
            }
        }
    }
}
