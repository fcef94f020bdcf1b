//! The commit of one entry.

use super::{Log, LogError};
use crate::clock::Witness;
use crate::failpoint;
use crate::ledger::digest::Digest;
use crate::ledger::entry::{Body, Entry};
use crate::ledger::invariants;
use crate::ledger::names::entry_name;
use crate::ledger::state::State;
use crate::store::{CreateError, create};
use bytes::Bytes;
use chrono::{DateTime, Utc};

/// An entry without its place in the ledger.
#[derive(Debug, Clone)]
pub struct EntryDraft {
    /// The run that writes it.
    pub run_id: String,
    /// The run's now.
    pub written_at: DateTime<Utc>,
    /// Whose clocks bear that out.
    pub witnesses: Vec<Witness>,
    /// Digest of the configuration file in force.
    pub config_sha256: Digest,
    /// What it says.
    pub body: Body,
}

/// How a commit ended.
#[derive(Debug)]
pub enum Commit {
    /// The entry is part of the ledger.
    Done,
    /// Others took the sequence. Their entries, now part of the state.
    Lost(Vec<Entry>),
}

impl Log {
    /// Commits a draft as the entry after the head of `state`.
    ///
    /// On [`Commit::Done`] the state includes the entry; on [`Commit::Lost`] it includes the
    /// entries of others and the caller asks [`rebase`](crate::ledger::rebase::rebase).
    ///
    /// # Errors
    /// A draft that breaks an invariant is refused before anything is sent. After
    /// [`LogError::Unclear`] the entry may or may not be there: the next run finds out.
    pub async fn commit(&self, state: &mut State, draft: &EntryDraft) -> Result<Commit, LogError> {
        let sequence = state.head.sequence + 1;
        let path = entry_name(sequence);
        let entry = Entry {
            sequence,
            previous: Some(state.head.sha256),
            run_id: draft.run_id.clone(),
            written_at: draft.written_at,
            witnesses: Some(draft.witnesses.clone()),
            writer: super::super::WRITER.to_owned(),
            config_sha256: draft.config_sha256,
            body: draft.body.clone(),
        };
        let encoded = entry.encode(self.signer()?);
        let file: Bytes = encoded
            .map_err(|source| LogError::unwritten(path.clone(), source))?
            .into();
        let violation = |source| LogError::Violation {
            path: path.clone(),
            source,
        };
        // Nothing that a later run would refuse to fold is ever sent.
        state.accepts(&entry).map_err(violation)?;
        let signer = self.key.as_ref().map(|key| key.verifier());
        invariants::role_fits(state, &entry, signer).map_err(violation)?;
        failpoint::hit("ledger.commit.before");
        let committed = self.send(sequence, &file).await?;
        failpoint::hit("ledger.commit.after");
        if committed {
            state.apply(&entry, Digest::of(&file)).map_err(violation)?;
            return Ok(Commit::Done);
        }
        let mut folded = Some(state.clone());
        // The name was taken, so there is an entry, also where no listing shows it yet.
        let mut entries = Vec::new();
        self.follow(&mut folded, Some(sequence), |entry| entries.push(entry))
            .await?;
        if let Some(folded) = folded {
            *state = folded;
        }
        Ok(Commit::Lost(entries))
    }

    /// Sends an entry file until it is known to be there (`true`) or another is (`false`).
    pub(super) async fn send(&self, sequence: u64, file: &Bytes) -> Result<bool, LogError> {
        match create(&self.bucket, &entry_name(sequence), file, self.patience).await {
            Ok(_) => Ok(true),
            Err(CreateError::Taken { .. }) => Ok(false),
            Err(source) => Err(LogError::Unclear { sequence, source }),
        }
    }
}
