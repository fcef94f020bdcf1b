//! The entry: the only thing that makes anything true. One signed note per entry, its text one
//! line of JSON, so that `head -1 | jq` reads it.
//!
//! An entry is small, since a chunk is bounded, and holds no personal data: counts, names of
//! files and their digests, windows, and ids of records that changed.

mod body;
mod clock;
mod file;
mod objects;
mod receipt;
mod remap;
mod retention;
mod span;
mod version;
mod warehouse;

pub use body::{
    Body, Changed, Counts, CoverageAxis, Covered, DayCount, EntryKind, Genesis, HoleEntry,
    HoleReasonCode, ImportedFile, Ingest, KeyGrant, RedactionApplied, Role, StoreProof,
};
pub use clock::ClockConfirmation;
pub use file::{FileEntry, NoFacts, StatedRange, StatedStatistics};
pub use objects::{DayObjects, ObjectSet, ObjectsCompared};
pub use receipt::{Future, Horizon, Receipt, Recount, RecountVerdict, SourceOutcome, VerdictBy};
pub use remap::{Remap, Remapped, RemappedWarehouse, ReplacedFile};
pub use retention::{
    ExpiredPart, FilesExpired, GivenUp, Recoverable, RecoverableBy, RefusedFile, Release, Retained,
    Retention, StoredPlace, SweepBody, SweptObject, TableExpired, WarehouseExpired,
};
// Stated in entries, and known to others without them.
pub use crate::lake::InstantRange;
pub use crate::origin::{OriginChain, OriginCheck, OriginFault, OriginFinding};
pub use crate::policy::Hold;
pub use span::Span;
pub use warehouse::{
    Done, DoneOutcome, ExpiringTable, FailedLoad, RebuildBody, RowsCounted, TableOutcome,
    WarehouseOutcome,
};

use super::digest::Digest;
use super::key::{SigningKey, VerifierKey};
use super::note::{self, Note, NoteError, StreamedNote};
use crate::clock::Witness;
use crate::window::instant;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::io::{self, Read};

/// Newest version of the entry format. This program reads all of them.
///
/// 2 says what bore the time of an entry out. 3 is written where an entry says anything of objects or of their origin,
/// or that its windows are of arrival ([`CoverageAxis`]), and only there: a ledger without such feeds can still be read by
/// programs that know version 2. 4 is written where an entry says anything of columns that were derived again.
pub const FORMAT_VERSION: u32 = 4;

/// The version of entries about objects, imported files and windows of arrival.
const OBJECTS_VERSION: u32 = 3;

/// The version of entries that say nothing which needs a newer one.
const COMMON_VERSION: u32 = 2;

/// One entry of the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Position in the ledger; genesis is 0 and there are no holes.
    pub sequence: u64,
    /// Digest of the entry file before this one; only genesis has none.
    pub previous: Option<Digest>,
    /// The run that wrote it.
    pub run_id: String,
    /// The run's *now* when it was written; see [`crate::clock`].
    pub written_at: DateTime<Utc>,
    /// Whose clocks bore that out; empty where none did. `None` for an entry of format version 1, which
    /// does not say.
    pub witnesses: Option<Vec<Witness>>,
    /// Program and version that wrote it.
    pub writer: String,
    /// Digest of the configuration file in force.
    pub config_sha256: Digest,
    /// What it says.
    pub body: Body,
}

/// Why bytes are not an entry to be folded.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// The signed note around it is bad.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The JSON is not that of an entry.
    #[error("the text is not an entry: {0}")]
    Json(#[from] serde_json::Error),
    /// Written by a program that knows more.
    #[error("format version {0} is newer than the {FORMAT_VERSION} that this program supports")]
    Version(u32),
    /// A kind that this program does not know; skipping it would make the state a lie.
    #[error("entry kind {0:?} is unknown: this program is too old for the ledger")]
    Kind(String),
    /// More or less than one line.
    #[error("the text of an entry must be exactly one line")]
    Lines,
}

/// The JSON of an entry, its body still verbatim.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryEnvelope {
    version: u32,
    sequence: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<Digest>,
    kind: String,
    run_id: String,
    #[serde(with = "instant")]
    written_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    witnesses: Option<Vec<Witness>>,
    writer: String,
    config_sha256: Digest,
    body: Box<RawValue>,
}

impl Entry {
    /// The entry file: the JSON line as a note signed by `key`, or unsigned without one.
    ///
    /// # Errors
    /// [`NoteError::TooLong`] for one that nobody would read again; a body that cannot be written as JSON,
    /// which no body of ours is.
    pub fn encode(&self, key: Option<&SigningKey>) -> Result<String, EntryError> {
        let envelope = EntryEnvelope {
            version: self.body.version(),
            sequence: self.sequence,
            previous: self.previous,
            kind: self.body.kind().name().to_owned(),
            run_id: self.run_id.clone(),
            written_at: self.written_at,
            witnesses: Some(self.stated_witnesses().to_vec()),
            writer: self.writer.clone(),
            config_sha256: self.config_sha256,
            body: self.body.to_json()?,
        };
        let mut text = serde_json::to_string(&envelope)?;
        text.push('\n');
        Ok(note::sign(text, key)?)
    }

    /// Whose clocks bore its time out; empty where none did, or where it does not say.
    pub fn stated_witnesses(&self) -> &[Witness] {
        self.witnesses.as_deref().unwrap_or_default()
    }

    /// Reads an entry file without asking who signed it. Only for finding out who may have signed
    /// it (genesis names the keys); nothing that this returns may be folded before
    /// [`Trust::check`] has accepted the same bytes.
    ///
    /// # Errors
    /// Bytes that are no entry of a version and kind this program knows.
    pub fn decode_unverified(bytes: &[u8]) -> Result<Self, EntryError> {
        Self::from_text(Note::parse(bytes)?.text)
    }

    /// Reads an entry file that `trust` accepts, and says who signed it.
    ///
    /// # Errors
    /// As [`Self::decode_unverified`], and a signature that is missing, foreign or forged.
    pub fn decode(bytes: &[u8], trust: &Trust) -> Result<(Self, Option<VerifierKey>), EntryError> {
        let note = Note::parse(bytes)?;
        let signer = trust.check(&note)?;
        Ok((Self::from_text(note.text)?, signer))
    }

    fn from_text(text: &str) -> Result<Self, EntryError> {
        let line = text.strip_suffix('\n').ok_or(EntryError::Lines)?;
        if line.contains('\n') {
            return Err(EntryError::Lines);
        }
        let probe: VersionProbe = serde_json::from_str(line)?;
        if probe.version > FORMAT_VERSION {
            return Err(EntryError::Version(probe.version));
        }
        let envelope: EntryEnvelope = serde_json::from_str(line)?;
        let kind = EntryKind::from_name(&envelope.kind)
            .ok_or_else(|| EntryError::Kind(envelope.kind.clone()))?;
        Ok(Self {
            sequence: envelope.sequence,
            previous: envelope.previous,
            run_id: envelope.run_id,
            written_at: envelope.written_at,
            witnesses: match envelope.version {
                1 => None,
                _ => Some(envelope.witnesses.unwrap_or_default()),
            },
            writer: envelope.writer,
            config_sha256: envelope.config_sha256,
            body: Body::from_json(kind, &envelope.body)?,
        })
    }
}

/// What is read before anything else: a newer format must be reported as that, not as bad JSON.
#[derive(Deserialize)]
struct VersionProbe {
    version: u32,
}

/// Whose signatures count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Those of the given keys.
    Keys(Vec<VerifierKey>),
    /// Nobody's: an experiment that was created `unsigned` and says so at every turn.
    Unsigned,
}

impl Trust {
    /// Who signed the note, if anybody must have.
    ///
    /// # Errors
    /// As [`Note::verify`].
    pub fn check(&self, note: &Note<'_>) -> Result<Option<VerifierKey>, NoteError> {
        match self {
            Self::Keys(keys) => note.verify(keys).cloned().map(Some),
            Self::Unsigned => Ok(None),
        }
    }

    /// The same for a note whose text `text` gives as often as it is asked.
    ///
    /// # Errors
    /// As [`Self::check`], and where the text cannot be read.
    pub(super) fn check_streamed<R: Read, E>(
        &self,
        note: &StreamedNote,
        text: impl Fn() -> io::Result<R>,
    ) -> Result<(), E>
    where
        E: From<NoteError> + From<io::Error>,
    {
        match self {
            Self::Keys(keys) => note.verify(keys, text).map(drop),
            Self::Unsigned => Ok(()),
        }
    }
}
