//! Reading entries again by their numbers, for whoever needs more of them than the state tells.

use super::{FETCHES, Log, LogError};
use crate::ledger::digest::Digest;
use crate::ledger::entry::Entry;
use crate::ledger::invariants::{self, Violation};
use crate::ledger::names::{entry_name, state_name};
use crate::ledger::state::State;
use futures::{StreamExt as _, TryStreamExt as _};
use std::collections::{BTreeMap, BTreeSet};

/// An entry that was read again.
#[derive(Debug, Clone)]
pub struct ReadEntry {
    /// What it says.
    pub entry: Entry,
    /// Digest of its file.
    pub sha256: Digest,
}

impl Log {
    /// Reads entries by their numbers, none of them after the head of `state`.
    ///
    /// What they say rests on this: each has the number it was asked for and is signed by a key in
    /// force that may sign its kind; the entry after it is read too, is signed as well, and names its
    /// digest; the one at the head has the digest of the state's head. The entries further on are not
    /// read again: that the chain goes on from there to the head is what the fold has seen that made
    /// the state, or the signed state cache that it began with. `verify` looks at all of it.
    ///
    /// # Errors
    /// As [`Log::load`], where an entry is missing, damaged, forged, or not the one that is chained.
    pub async fn entries(
        &self,
        state: &State,
        sequences: &BTreeSet<u64>,
    ) -> Result<BTreeMap<u64, ReadEntry>, LogError> {
        let (head, trust) = (&state.head, state.trust());
        let mut all = sequences.clone();
        let before_head = sequences.iter().filter(|it| **it < head.sequence);
        all.extend(before_head.map(|sequence| sequence + 1));
        let mut files = futures::stream::iter(all)
            .map(|sequence| async move {
                if sequence > head.sequence {
                    return Err(LogError::Missing(sequence));
                }
                Ok((sequence, self.entry(sequence).await?))
            })
            .buffered(FETCHES);
        let mut read = BTreeMap::new();
        let mut before: Option<(u64, Digest)> = None;
        while let Some((sequence, bytes)) = files.try_next().await? {
            let path = entry_name(sequence);
            let violation = |source| LogError::Violation {
                path: path.clone(),
                source,
            };
            let (entry, signer) =
                Entry::decode(&bytes, &trust).map_err(|source| LogError::Entry {
                    path: path.clone(),
                    source,
                })?;
            if entry.sequence != sequence {
                return Err(violation(Violation::Sequence {
                    expected: sequence,
                    found: entry.sequence,
                }));
            }
            invariants::role_fits(state, &entry, signer.as_ref()).map_err(violation)?;
            if let Some((last, expected)) = before
                && last + 1 == sequence
                && entry.previous != Some(expected)
            {
                return Err(violation(Violation::Chain {
                    sequence,
                    expected,
                    found: entry.previous,
                }));
            }
            let sha256 = Digest::of(&bytes);
            if sequence == head.sequence && sha256 != head.sha256 {
                return Err(LogError::CacheDisagrees {
                    path: state_name(sequence),
                    what: "the entry at its head has a different digest",
                });
            }
            before = Some((sequence, sha256));
            if sequences.contains(&sequence) {
                read.insert(sequence, ReadEntry { entry, sha256 });
            }
        }
        Ok(read)
    }
}
