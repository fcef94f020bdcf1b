//! The state cache: a signed copy of the folded state, so that a run need not read every entry.
//!
//! A cache is a note whose text is one line of JSON, compressed with zstd. It is written once under
//! the sequence it stands at, is never load-bearing and may be deleted at any time.
//!
//! Its text is many times larger than the state in memory, so nothing ever holds it: it is written into
//! the compressor and parsed out of the decompressor, value by value. A signature covers the whole text
//! and stands behind it, so a cache is gone through three times: to find the signatures, to check them,
//! and only then to believe what it says.

use super::entry::Trust;
use super::key::SigningKey;
use super::note::{MAX_BYTES, NoteError, StreamedNote, signature_block};
use super::state::State;
use serde::{Deserialize, Serialize};
use std::io::{self, BufReader, BufWriter, Read, Write};

/// Version of the cache format that this program writes.
pub const FORMAT_VERSION: u32 = 2;

const ZSTD_LEVEL: i32 = 3;
const BUFFER: usize = 64 << 10;

/// Why a cache cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The signed note in it is bad.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The compression is damaged.
    #[error("the state cache cannot be decompressed: {0}")]
    Compression(#[from] io::Error),
    /// The JSON is not that of a state.
    #[error("the state cache does not contain a valid state: {0}")]
    Json(#[from] serde_json::Error),
    /// Another version, which is no harm: the entries tell the same.
    #[error("the state cache has format version {0}, not {FORMAT_VERSION}")]
    Version(u32),
    /// It is not written, and where it was it is not read; the entries tell the same.
    #[error("the state cache would be larger than {MAX_BYTES} bytes")]
    TooLong,
}

impl CacheError {
    /// Whether it says nothing against the cache but that this program does not use it. Then it is passed
    /// over: the entries tell the same, only slower.
    pub(super) const fn is_harmless(&self) -> bool {
        matches!(self, Self::Version(_) | Self::TooLong)
    }
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

/// Writes the state as a cache file.
///
/// # Errors
/// [`CacheError::TooLong`] for a state whose cache would not be read again. Else only what none of our
/// states does: one that cannot be written as JSON or compressed.
pub fn encode(state: &State, key: Option<&SigningKey>) -> Result<Vec<u8>, CacheError> {
    encode_within(state, key, MAX_BYTES)
}

fn encode_within(
    state: &State,
    key: Option<&SigningKey>,
    most: u64,
) -> Result<Vec<u8>, CacheError> {
    let compressor = zstd::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
    let mut text = BufWriter::with_capacity(BUFFER, Bounded::new(compressor, most));
    let written = serde_json::to_writer(
        &mut text,
        &Writing {
            version: FORMAT_VERSION,
            state,
        },
    );
    let written = written.map_err(CacheError::from);
    let written = written.and_then(|()| Ok(text.write_all(b"\n").and_then(|()| text.flush())?));
    if text.get_ref().is_over() {
        return Err(CacheError::TooLong);
    }
    written?;
    let Bounded { inner, passed, .. } =
        text.into_inner().map_err(io::IntoInnerError::into_error)?;
    let mut file = inner.finish()?;
    let signatures = signature_block(key, || text_of(&file, u64::MAX))?;
    if passed + signatures.len() as u64 > most {
        return Err(CacheError::TooLong);
    }
    // A second frame: the first had to be complete to be signed.
    file.extend(zstd::encode_all(signatures.as_bytes(), ZSTD_LEVEL)?);
    Ok(file)
}

/// Reads a cache file that `trust` accepts.
///
/// # Errors
/// A file that is damaged, foreign, forged, too long or of another version.
pub fn decode(bytes: &[u8], trust: &Trust) -> Result<State, CacheError> {
    decode_within(bytes, trust, MAX_BYTES)
}

fn decode_within(bytes: &[u8], trust: &Trust, most: u64) -> Result<State, CacheError> {
    let note = StreamedNote::scan::<CacheError>(text_of(bytes, u64::MAX)?, most)?;
    let note = note.ok_or(CacheError::TooLong)?;
    trust.check_streamed::<_, CacheError>(&note, || text_of(bytes, note.text_bytes()))?;
    let version = version(text_of(bytes, note.text_bytes())?)?;
    if version != FORMAT_VERSION {
        return Err(CacheError::Version(version));
    }
    let text = BufReader::with_capacity(BUFFER, text_of(bytes, note.text_bytes())?);
    let reading: Reading = serde_json::from_reader(text)?;
    Ok(reading.state)
}

/// The first bytes of what a file decompresses to.
fn text_of(file: &[u8], most: u64) -> io::Result<impl Read> {
    Ok(zstd::Decoder::with_buffer(file)?.take(most))
}

/// The version, which stands first: a state of another version need not be understood.
fn version(mut text: impl Read) -> Result<u32, CacheError> {
    let mut start = Vec::new();
    text.by_ref().take(64).read_to_end(&mut start)?;
    let digits = start.strip_prefix(b"{\"version\":").unwrap_or_default();
    let end = digits.iter().position(|byte| !byte.is_ascii_digit());
    let digits = digits.get(..end.unwrap_or_default()).unwrap_or_default();
    Ok(serde_json::from_slice(digits)?)
}

/// Hands on so many bytes and fails with the next.
struct Bounded<W> {
    inner: W,
    passed: u64,
    most: u64,
}

impl<W> Bounded<W> {
    const fn new(inner: W, most: u64) -> Self {
        Self {
            inner,
            passed: 0,
            most,
        }
    }

    const fn is_over(&self) -> bool {
        self.passed > self.most
    }
}

impl<W: Write> Write for Bounded<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.passed += bytes.len() as u64;
        if self.is_over() {
            return Err(io::Error::other("too long"));
        }
        self.inner.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SigningKey {
        SigningKey::from_seed("test/writer", &[1; 32]).unwrap()
    }

    fn trust() -> Trust {
        Trust::Keys(vec![key().verifier().clone()])
    }

    fn state() -> State {
        let mut state = State::empty();
        state.swept = (0..2_000).map(|nth| format!("file {nth}")).collect();
        state
    }

    #[test]
    fn what_is_written_in_pieces_is_a_signed_note_in_one() {
        let file = encode(&state(), Some(&key())).unwrap();
        let whole = zstd::decode_all(&*file).unwrap();
        let note = super::super::note::Note::parse(&whole).unwrap();
        trust().check(&note).unwrap();
        assert_eq!(note.text.lines().count(), 1);
        assert_eq!(decode(&file, &trust()).unwrap(), state());
        // However it was compressed.
        let again = zstd::encode_all(&*whole, 1).unwrap();
        assert_eq!(decode(&again, &trust()).unwrap(), state());
        let bare = encode(&state(), None).unwrap();
        assert_eq!(decode(&bare, &Trust::Unsigned).unwrap(), state());
    }

    #[test]
    fn what_was_not_signed_so_is_refused() {
        let file = encode(&state(), Some(&key())).unwrap();
        let whole = String::from_utf8(zstd::decode_all(&*file).unwrap()).unwrap();
        let refused = |text: &str| {
            let file = zstd::encode_all(text.as_bytes(), 1).unwrap();
            decode(&file, &trust()).unwrap_err()
        };
        let altered = refused(&whole.replace("file 1999", "file 2999"));
        assert!(
            matches!(altered, CacheError::Note(NoteError::Forged(_))),
            "{altered}"
        );
        let (text, _) = whole.split_once("\n\n").unwrap();
        let bare = refused(&format!("{text}\n\n"));
        assert!(
            matches!(bare, CacheError::Note(NoteError::Unsigned(_))),
            "{bare}"
        );
        let cut = refused(text);
        assert!(matches!(cut, CacheError::Note(NoteError::Form(_))), "{cut}");
        for end in [0, 1, file.len() / 2, file.len() - 1] {
            decode(&file[..end], &trust()).unwrap_err();
        }
        let other = SigningKey::from_seed("test/writer", &[2; 32]).unwrap();
        let foreign = encode(&state(), Some(&other)).unwrap();
        decode(&foreign, &trust()).unwrap_err();
    }

    /// Both sides ask the same bound, and what cannot be used says nothing against the ledger.
    #[test]
    fn a_cache_that_would_not_be_read_is_not_written() {
        let file = encode(&state(), Some(&key())).unwrap();
        let bytes = zstd::decode_all(&*file).unwrap().len() as u64;
        assert_eq!(encode_within(&state(), Some(&key()), bytes).unwrap(), file);
        assert_eq!(decode_within(&file, &trust(), bytes).unwrap(), state());
        for most in [bytes - 1, bytes - 200, 10] {
            let unwritten = encode_within(&state(), Some(&key()), most).unwrap_err();
            assert!(matches!(unwritten, CacheError::TooLong), "{unwritten}");
            let unread = decode_within(&file, &trust(), most).unwrap_err();
            assert!(
                matches!(unread, CacheError::TooLong) && unread.is_harmless(),
                "{unread}"
            );
        }
        // A few bytes that become very many are no reason to allocate them.
        let bomb = zstd::encode_all(&*vec![b' '; 64 << 20], 19).unwrap();
        assert!(
            decode_within(&bomb, &trust(), 1 << 20)
                .unwrap_err()
                .is_harmless()
        );
    }

    #[test]
    fn another_version_is_told_without_understanding_the_state() {
        let of = |text: &str| {
            let note = super::super::note::sign(format!("{text}\n"), Some(&key())).unwrap();
            decode(&zstd::encode_all(note.as_bytes(), 1).unwrap(), &trust()).unwrap_err()
        };
        assert!(matches!(
            of("{\"version\":1,\"state\":7}"),
            CacheError::Version(1)
        ));
        assert!(matches!(of("{\"version\":3}"), CacheError::Version(3)));
        assert!(matches!(
            of("{\"version\":2,\"state\":7}"),
            CacheError::Json(_)
        ));
        assert!(matches!(of("{\"state\":7}"), CacheError::Json(_)));
    }
}
