//! The state cache: a signed copy of the folded state, so that a run need not read every entry.
//!
//! A cache is a note whose text is one line of JSON, compressed with zstd. It is written once under
//! the sequence it stands at, is never load-bearing and may be deleted at any time.

use super::entry::Trust;
use super::key::SigningKey;
use super::note::{self, Note, NoteError};
use super::state::State;
use serde::{Deserialize, Serialize};
use std::io::Read as _;

/// Version of the cache format that this program writes.
pub const FORMAT_VERSION: u32 = 2;

const ZSTD_LEVEL: i32 = 3;

/// Why a cache cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The signed note in it is bad.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The compression is damaged.
    #[error("the state cache does not decompress: {0}")]
    Compression(#[from] std::io::Error),
    /// The JSON is not that of a state.
    #[error("the state cache does not hold a state: {0}")]
    Json(#[from] serde_json::Error),
    /// Another version, which is no harm: the entries tell the same.
    #[error("the state cache has format version {0}, not {FORMAT_VERSION}")]
    Version(u32),
}

#[derive(Serialize)]
struct Writing<'a> {
    version: u32,
    state: &'a State,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reading {
    #[serde(rename = "version")]
    _version: u32,
    state: State,
}

#[derive(Deserialize)]
struct VersionProbe {
    version: u32,
}

/// Writes the state as a cache file.
///
/// # Errors
/// A state that cannot be written as JSON or compressed, which none of ours is.
pub fn encode(state: &State, key: Option<&SigningKey>) -> Result<Vec<u8>, CacheError> {
    let mut text = serde_json::to_string(&Writing {
        version: FORMAT_VERSION,
        state,
    })?;
    text.push('\n');
    let note = note::sign(text, key);
    Ok(zstd::encode_all(note.as_bytes(), ZSTD_LEVEL)?)
}

/// Reads a cache file that `trust` accepts.
///
/// # Errors
/// A file that is damaged, foreign, forged or of another version.
pub fn decode(bytes: &[u8], trust: &Trust) -> Result<State, CacheError> {
    // Bounded, since a few bytes can decompress to very many.
    let limit = u64::try_from(note::MAX_BYTES).unwrap_or(u64::MAX);
    let mut whole = Vec::new();
    zstd::Decoder::new(bytes)?
        .take(limit)
        .read_to_end(&mut whole)?;
    let note = Note::parse(&whole)?;
    trust.check(&note)?;
    let VersionProbe { version } = serde_json::from_str(note.text)?;
    if version != FORMAT_VERSION {
        return Err(CacheError::Version(version));
    }
    let reading: Reading = serde_json::from_str(note.text)?;
    Ok(reading.state)
}
