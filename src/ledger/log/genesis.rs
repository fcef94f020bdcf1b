//! Entry 0: founding a lake in a bucket that has shown that it can hold a ledger.

use super::{Log, LogError};
use crate::clock::Witness;
use crate::failpoint;
use crate::ledger::digest::Digest;
use crate::ledger::entry::{Body, Entry, Genesis, KeyGrant, Role, StoreProof};
use crate::ledger::invariants::Violation;
use crate::ledger::key::VerifierKey;
use crate::ledger::names::{entry_name, proof_name};
use crate::ledger::state::State;
use crate::store::{Bucket, prove_create_once};
use bytes::Bytes;
use chrono::{DateTime, Utc};

/// What a genesis needs to know.
#[derive(Debug, Clone)]
pub struct Founding {
    /// The run that founds the lake.
    pub run_id: String,
    /// Its now.
    pub now: DateTime<Utc>,
    /// Whose clocks bear that out.
    pub witnesses: Vec<Witness>,
    /// Digest of the configuration file in force.
    pub config_sha256: Digest,
    /// Ids of the configured sources.
    pub sources: Vec<String>,
}

impl Log {
    /// Founds the lake: proves the store, writes entry 0 and returns the state. Where another run
    /// founds it at the same time, one of the two wins and both return its state.
    ///
    /// # Errors
    /// A store that lets a second create of one name succeed or change anything is
    /// [`LogError::Unfit`]; otherwise as [`Log::commit`].
    pub async fn found(&self, founding: &Founding) -> Result<State, LogError> {
        let signer = self.signer()?;
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| LogError::Randomness(error.to_string()))?;
        let lake_id = format!("lake-{}", hex::encode(random));
        let store_proof = prove(&self.bucket, &lake_id).await?;
        let all_roles = vec![Role::Root, Role::Writer, Role::Officer];
        let keys = signer.iter().map(|key| KeyGrant {
            key: key.verifier().clone(),
            roles: all_roles.clone(),
        });
        let entry = Entry {
            sequence: 0,
            previous: None,
            run_id: founding.run_id.clone(),
            written_at: founding.now,
            witnesses: Some(founding.witnesses.clone()),
            writer: super::super::WRITER.to_owned(),
            config_sha256: founding.config_sha256,
            body: Body::Genesis(Genesis {
                lake_id,
                keys: keys.collect(),
                sources: founding.sources.clone(),
                store_proof,
            }),
        };
        let path = entry_name(0);
        let encoded = entry.encode(signer);
        let file = encoded.map_err(|source| LogError::unwritten(path, source))?;
        failpoint::hit("ledger.genesis.before");
        self.send(0, &file.into()).await?;
        failpoint::hit("ledger.genesis.after");
        // Whoever won: what is in the bucket now is the ledger.
        let mut state = None;
        self.follow(&mut state, Some(0), drop).await?;
        state.ok_or(LogError::Missing(0))
    }
}

/// Lets the store show that it can hold a ledger; the object stays as evidence.
async fn prove(bucket: &Bucket, lake_id: &str) -> Result<StoreProof, LogError> {
    let path = proof_name(lake_id);
    let kept = Bytes::from(format!("{lake_id} first\n"));
    let refused = Bytes::from(format!("{lake_id} second\n"));
    prove_create_once(bucket, &path, &kept, &refused).await?;
    Ok(StoreProof {
        path,
        kept_sha256: Digest::of(&kept),
        refused_sha256: Digest::of(&refused),
    })
}

/// A genesis is only believed where the key that signed it is one that it names itself, and an
/// unsigned one only where it names none.
pub(super) fn names_its_signer(
    state: &State,
    signer: Option<&VerifierKey>,
) -> Result<(), Violation> {
    let fits = match signer {
        Some(signer) => state.keys.iter().any(|grant| &grant.key == signer),
        None => state.keys.is_empty(),
    };
    fits.then_some(()).ok_or_else(|| Violation::RoleMissing {
        sequence: 0,
        kind: "genesis",
        key: signer.map_or_else(|| "nobody".to_owned(), |key| key.name().to_owned()),
    })
}
