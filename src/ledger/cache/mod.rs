//! The state cache: a signed copy of the folded state, so that a run need not read every entry.
//!
//! It is written once under the sequence it stands at, is never load-bearing and may be deleted at any
//! time. Version 3 is two frames of zstd:
//!
//! 1. a skippable frame, which any other program passes over, with what is cached, compressed in turn: the
//!    table of files, and the rest of the state as JSON;
//! 2. a signed note of one line of JSON: the version, and size and SHA-256 of what is in the first frame.
//!
//! So the signature is checked over a line, the content once as it lies there, and only then is anything
//! unpacked. Version 2 was a note whose text was the whole state as JSON, and is still read.
//!
//! What is cached is several times larger than the state in memory, so nothing ever holds it: it is written
//! into the compressor and parsed out of the decompressor.

mod files;
mod v2;

use super::digest::Digest;
use super::entry::Trust;
use super::key::SigningKey;
use super::note::{MAX_BYTES, Note, NoteError, sign};
use super::state::State;
use serde::{Deserialize, Serialize};
use std::io::{self, BufReader, BufWriter, Read, Write};

/// Version of the cache format that this program writes.
pub const FORMAT_VERSION: u32 = 3;

/// What a skippable frame begins with; its length follows.
const SKIPPED: [u8; 4] = 0x184d_2a50_u32.to_le_bytes();
/// Magic and length.
const FRAME_HEAD: usize = 8;

/// No note of a cache is longer.
const LONGEST_NOTE: u64 = 64 << 10;

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
    /// The table of files has another form.
    #[error("the state cache does not contain a valid table of files")]
    Files,
    /// Its content is not what was signed.
    #[error("the content of the state cache is not what its signature is about")]
    Content,
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

/// What is signed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CacheHeader {
    version: u32,
    /// Size of the content as it lies there.
    bytes: u64,
    /// Digest of the same.
    sha256: Digest,
    /// Size of the content when it is unpacked.
    unpacked: u64,
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
    // Room for the length, which is known at the end.
    let start = [SKIPPED, [0; 4]].concat();
    let compressor = zstd::Encoder::new(start, ZSTD_LEVEL)?;
    let mut content = BufWriter::with_capacity(BUFFER, Bounded::new(compressor, most));
    let written = write(state, &mut content);
    if content.get_ref().is_over() {
        return Err(CacheError::TooLong);
    }
    written?;
    let Bounded { inner, passed, .. } = content
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    let mut file = inner.finish()?;
    let content = file.get(FRAME_HEAD..).unwrap_or_default();
    let length = u32::try_from(content.len()).map_err(|_| CacheError::TooLong)?;
    let header = serde_json::to_string(&CacheHeader {
        version: FORMAT_VERSION,
        bytes: u64::from(length),
        sha256: Digest::of(content),
        unpacked: passed,
    })?;
    if let Some(place) = file.get_mut(SKIPPED.len()..FRAME_HEAD) {
        place.copy_from_slice(&length.to_le_bytes());
    }
    let note = sign(format!("{header}\n"), key)?;
    file.extend(zstd::encode_all(note.as_bytes(), ZSTD_LEVEL)?);
    Ok(file)
}

fn write(state: &State, mut to: &mut impl Write) -> Result<(), CacheError> {
    files::write(&state.files, &mut to)?;
    serde_json::to_writer(&mut to, state)?;
    Ok(to.flush()?)
}

/// Reads a cache file that `trust` accepts.
///
/// # Errors
/// A file that is damaged, foreign, forged, too long or of another version.
pub fn decode(bytes: &[u8], trust: &Trust) -> Result<State, CacheError> {
    decode_within(bytes, trust, MAX_BYTES)
}

fn decode_within(bytes: &[u8], trust: &Trust, most: u64) -> Result<State, CacheError> {
    let Some((content, note)) = frames(bytes) else {
        return v2::decode(bytes, trust, most);
    };
    let mut signed = Vec::new();
    text_of(note, LONGEST_NOTE)?.read_to_end(&mut signed)?;
    let note = Note::parse(&signed)?;
    trust.check(&note)?;
    let version = version(note.text.as_bytes())?;
    if version != FORMAT_VERSION {
        return Err(CacheError::Version(version));
    }
    let header: CacheHeader = serde_json::from_str(note.text)?;
    if header.bytes != content.len() as u64 || header.sha256 != Digest::of(content) {
        return Err(CacheError::Content);
    }
    if header.unpacked > most {
        return Err(CacheError::TooLong);
    }
    let mut content = BufReader::with_capacity(BUFFER, text_of(content, header.unpacked)?);
    let files = files::read(&mut content)?;
    let mut state: State = serde_json::from_reader(content)?;
    state.files = files;
    Ok(state)
}

/// The content, and the frame with the note, of a cache that has a content of its own.
fn frames(file: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = file.strip_prefix(&SKIPPED)?;
    let (length, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    rest.split_at_checked(length)
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
        state.files = files::tests::files();
        state
    }

    #[test]
    fn a_state_comes_back() {
        let file = encode(&state(), Some(&key())).unwrap();
        assert_eq!(decode(&file, &trust()).unwrap(), state());
        let bare = encode(&state(), None).unwrap();
        assert_eq!(decode(&bare, &Trust::Unsigned).unwrap(), state());
    }

    /// A program of an earlier release passes over it, as over any other version.
    #[test]
    fn other_programs_see_a_note_of_one_line() {
        let file = encode(&state(), Some(&key())).unwrap();
        let whole = zstd::decode_all(&*file).unwrap();
        let note = Note::parse(&whole).unwrap();
        trust().check(&note).unwrap();
        assert!(note.text.starts_with("{\"version\":3,") && note.text.lines().count() == 1);
        let earlier = v2::decode(&file, &trust(), MAX_BYTES).unwrap_err();
        assert!(matches!(earlier, CacheError::Version(3)), "{earlier}");
    }

    #[test]
    fn what_was_not_signed_so_is_refused() {
        let file = encode(&state(), Some(&key())).unwrap();
        for at in [FRAME_HEAD + 100, file.len() / 2] {
            let mut altered = file.clone();
            altered[at] ^= 1;
            let error = decode(&altered, &trust()).unwrap_err();
            assert!(matches!(error, CacheError::Content), "{error}");
        }
        let other = encode(&State::empty(), Some(&key())).unwrap();
        let (content, _) = frames(&other).unwrap();
        let (_, note) = frames(&file).unwrap();
        let length = u32::try_from(content.len()).unwrap().to_le_bytes();
        let swapped = [&SKIPPED, &length, content, note].concat();
        let error = decode(&swapped, &trust()).unwrap_err();
        assert!(matches!(error, CacheError::Content), "{error}");
        let bare = encode(&state(), None).unwrap();
        let error = decode(&bare, &trust()).unwrap_err();
        assert!(
            matches!(error, CacheError::Note(NoteError::Unsigned(_))),
            "{error}"
        );
        let foreign = SigningKey::from_seed("test/writer", &[2; 32]).unwrap();
        let foreign = encode(&state(), Some(&foreign)).unwrap();
        decode(&foreign, &trust()).unwrap_err();
        for end in [0, 1, 7, 8, 100, file.len() / 2, file.len() - 1] {
            let error = decode(&file[..end], &trust()).unwrap_err();
            assert!(!error.is_harmless(), "{end}: {error}");
        }
    }

    /// Both sides ask the same bound, and what cannot be used says nothing against the ledger.
    #[test]
    fn a_cache_that_would_not_be_read_is_not_written() {
        let file = encode(&state(), Some(&key())).unwrap();
        let (content, _) = frames(&file).unwrap();
        let bytes = zstd::decode_all(content).unwrap().len() as u64;
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
    }

    #[test]
    fn another_version_is_told_without_understanding_the_state() {
        let of = |text: &str| {
            let note = sign(format!("{text}\n"), Some(&key())).unwrap();
            let note = zstd::encode_all(note.as_bytes(), 1).unwrap();
            let alone = decode(&note, &trust()).unwrap_err();
            let content = [&SKIPPED[..], &3u32.to_le_bytes(), b"abc", &note].concat();
            (alone, decode(&content, &trust()).unwrap_err())
        };
        for (text, version) in [("{\"version\":1,\"state\":7}", 1), ("{\"version\":4}", 4)] {
            let (alone, with_content) = of(text);
            assert!(matches!(alone, CacheError::Version(found) if found == version));
            assert!(matches!(with_content, CacheError::Version(found) if found == version));
        }
        let (alone, with_content) = of("{\"version\":3}");
        assert!(matches!(alone, CacheError::Version(3)), "{alone}");
        assert!(matches!(with_content, CacheError::Json(_)));
        assert!(matches!(of("{\"state\":7}").0, CacheError::Json(_)));
    }
}
