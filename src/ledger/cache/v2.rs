//! Caches of version 2, which are only read: a note whose text is one line of JSON, compressed with zstd.
//!
//! The signature covers the whole text and stands behind it, so a cache is gone through three times: to
//! find the signatures, to check them, and only then to believe what it says.

use super::{BUFFER, CacheError, text_of, version};
use crate::ledger::entry::Trust;
use crate::ledger::note::StreamedNote;
use crate::ledger::state::State;
use serde::Deserialize;
use std::io::BufReader;

const VERSION: u32 = 2;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CacheV2Reader {
    #[serde(rename = "version")]
    _version: u32,
    state: State,
}

pub(super) fn decode(bytes: &[u8], trust: &Trust, most: u64) -> Result<State, CacheError> {
    let note = StreamedNote::scan::<CacheError>(text_of(bytes, u64::MAX)?, most)?;
    let note = note.ok_or(CacheError::TooLong)?;
    trust.check_streamed::<_, CacheError>(&note, || text_of(bytes, note.text_bytes()))?;
    let version = version(text_of(bytes, note.text_bytes())?)?;
    if version != VERSION {
        return Err(CacheError::Version(version));
    }
    let text = BufReader::with_capacity(BUFFER, text_of(bytes, note.text_bytes())?);
    let reading: CacheV2Reader = serde_json::from_reader(text)?;
    Ok(reading.state)
}

#[cfg(test)]
mod tests {
    use super::super::MAX_BYTES;
    use super::*;
    use crate::ledger::key::SigningKey;
    use crate::ledger::note::{NoteError, sign};

    fn key() -> SigningKey {
        SigningKey::from_seed("test/writer", &[1; 32]).unwrap()
    }

    fn refused(text: &str) -> CacheError {
        let file = zstd::encode_all(text.as_bytes(), 1).unwrap();
        let trust = Trust::Keys(vec![key().verifier().clone()]);
        decode(&file, &trust, MAX_BYTES).unwrap_err()
    }

    #[test]
    fn what_was_not_signed_so_is_refused() {
        let text = "{\"version\":2,\"state\":7}\n";
        let whole = sign(text.to_owned(), Some(&key())).unwrap();
        assert!(matches!(refused(&whole), CacheError::Json(_)));
        let altered = refused(&whole.replace(":7}", ":8}"));
        assert!(
            matches!(altered, CacheError::Note(NoteError::Forged(_))),
            "{altered}"
        );
        let bare = refused(&format!("{text}\n"));
        assert!(
            matches!(bare, CacheError::Note(NoteError::Unsigned(_))),
            "{bare}"
        );
        let cut = refused(text);
        assert!(matches!(cut, CacheError::Note(NoteError::Form(_))), "{cut}");
    }

    /// A few bytes that become very many are no reason to allocate them.
    #[test]
    fn a_bomb_is_passed_over() {
        let bomb = zstd::encode_all(&*vec![b' '; 64 << 20], 19).unwrap();
        let trust = Trust::Keys(vec![key().verifier().clone()]);
        assert!(decode(&bomb, &trust, 1 << 20).unwrap_err().is_harmless());
    }
}
