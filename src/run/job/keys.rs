//! The keys of a configuration: what a run signs with, and whose signatures a reader believes.

use crate::config::{Config, SecretRef, Signing, TextKind};
use crate::ledger::entry::Trust;
use crate::ledger::key::{SigningKey, VerifierKey};
use crate::run::error::JobError;
use std::sync::Arc;

/// How a job stands to the ledger.
#[derive(Debug, Clone)]
pub enum LedgerAccess {
    /// It adds entries and signs them with this key, which must be the one that signed genesis.
    Write(Arc<SigningKey>),
    /// It only reads, and believes what these have signed.
    Read(Trust),
    /// It adds entries without a signature: an experiment.
    Unsigned,
}

/// What a command that adds to the ledger needs.
///
/// # Errors
/// A configuration that can only read, keys that cannot be read or are none, or two that do not
/// belong together.
pub fn open_to_write(config: &Config) -> Result<LedgerAccess, JobError> {
    match &config.signing {
        Signing::Key { key, public_key } => {
            let key = signing_key(key)?;
            if let Some(place) = public_key {
                check_pair(&key, &verifier_key(place)?)?;
            }
            Ok(LedgerAccess::Write(Arc::new(key)))
        }
        Signing::PublicKey(_) => Err(JobError::NoSigningKey),
        Signing::Unsigned => Ok(LedgerAccess::Unsigned),
    }
}

/// Whose signatures a command that only reads believes. The signing key is touched only where no
/// public key is named: who reads need not be able to write.
///
/// # Errors
/// A key that cannot be read or is none.
pub fn open_to_read(config: &Config) -> Result<Trust, JobError> {
    let key = match &config.signing {
        Signing::Key {
            public_key: Some(place),
            ..
        }
        | Signing::PublicKey(place) => verifier_key(place)?,
        Signing::Key {
            key,
            public_key: None,
        } => signing_key(key)?.verifier().clone(),
        Signing::Unsigned => return Ok(Trust::Unsigned),
    };
    Ok(Trust::Keys(vec![key]))
}

fn signing_key(place: &SecretRef) -> Result<SigningKey, JobError> {
    Ok(SigningKey::parse(&place.load(TextKind::Key)?)?)
}

fn verifier_key(place: &SecretRef) -> Result<VerifierKey, JobError> {
    let unusable = |source| JobError::PublicKey {
        place: place.to_string(),
        source,
    };
    place.load_public(TextKind::Key)?.parse().map_err(unusable)
}

fn check_pair(key: &SigningKey, public: &VerifierKey) -> Result<(), JobError> {
    if key.verifier() == public {
        return Ok(());
    }
    Err(JobError::KeysDiffer {
        key: key.verifier().to_string(),
        public_key: public.to_string(),
    })
}
