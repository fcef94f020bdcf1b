//! C2SP signed notes: a text, an empty line, and one line per signature.
//!
//! The text ends with a newline and holds no control characters but newlines. A signature line is
//! `— <key name> <base64(key hash ‖ signature)>`. Source: c2sp.org/signed-note.
//!
//! **Limits.** Whatever is read into memory has a limit, and whoever writes it asks the same one before
//! anything is sent, so that nobody finds out by reading. For all notes (entries, state caches, copies of
//! the id index, certificates) that limit is `MAX_BYTES`, and [`sign`] and
//! [`cache::encode`](super::cache::encode) ask it. An entry or a certificate that would be longer is
//! refused; what is there for speed only is not written, which is a warning, and where it lies it is
//! passed over. A longer entry that lies in a ledger was not written by this program.

use super::key::{SigningKey, VerifierKey};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use std::io::{self, Read};

/// Longest note that is written and read, signatures included. An entry is bounded by its chunk; a state
/// cache is by far the longest note there is.
pub(crate) const MAX_BYTES: u64 = 1 << 30;

/// Bytes at the end of a streamed note in which its signatures must be: far more than they can have.
const TAIL: usize = 64 << 10;

/// Signature lines that are looked at; more is not a note of ours.
const MAX_SIGNATURES: usize = 100;

/// Why bytes are not a note that can be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not the form of a signed note.
    #[error("not a signed note: {0}")]
    Form(&'static str),
    /// Nothing would read it.
    #[error("the note would have {0} bytes; the limit is {MAX_BYTES}")]
    TooLong(u64),
    /// No signature by any of the keys that would be accepted.
    #[error("no signature by an accepted key; signed by {}", signers(.0))]
    Unsigned(Vec<String>),
    /// A signature under an accepted key's name and hash that does not fit.
    #[error(
        "the signature of {0} does not match the text: the bytes were changed, or the signature is forged"
    )]
    Forged(String),
}

fn signers(names: &[String]) -> String {
    if names.is_empty() {
        "no key".to_owned()
    } else {
        names.join(", ")
    }
}

/// A note that was taken apart, its signatures not yet checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note<'a> {
    /// The signed text, its last newline included.
    pub text: &'a str,
    signatures: Vec<Signature<'a>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Signature<'a> {
    name: &'a str,
    hash: u32,
    /// What follows the hash; 64 bytes for Ed25519, but unknown algorithms are allowed.
    bytes: Vec<u8>,
}

impl<'a> Note<'a> {
    /// Takes a note apart.
    ///
    /// # Errors
    /// [`NoteError::Form`] for anything that is not a note. A note without any signature is
    /// accepted here and by nobody who checks signatures.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, NoteError> {
        if bytes.len() as u64 > MAX_BYTES {
            return Err(NoteError::Form("it is longer than the limit"));
        }
        let whole =
            std::str::from_utf8(bytes).map_err(|_| NoteError::Form("it is not valid UTF-8"))?;
        if whole
            .bytes()
            .any(|byte| (byte < 0x20 && byte != b'\n') || byte == 0x7f)
        {
            return Err(NoteError::Form("it contains a control character"));
        }
        let split = whole.rfind("\n\n").ok_or(NoteError::Form(
            "there is no empty line before the signatures",
        ))?;
        let (text, lines) = (&whole[..=split], &whole[split + 2..]);
        let signatures = signatures(lines)?;
        Ok(Self { text, signatures })
    }

    /// Name and hash of the keys that its signature lines claim, none of them checked.
    pub(super) fn signers(&self) -> Vec<String> {
        self.signatures.iter().map(Signature::signer).collect()
    }

    /// The first of `accepted` that signed the text.
    ///
    /// # Errors
    /// [`NoteError::Forged`] where a signature claims an accepted key and does not fit, whatever
    /// other signatures there are; [`NoteError::Unsigned`] where no accepted key is claimed.
    pub fn verify<'k>(
        &self,
        accepted: impl IntoIterator<Item = &'k VerifierKey>,
    ) -> Result<&'k VerifierKey, NoteError> {
        verify(&self.signatures, accepted, |key, signature| {
            Ok(key.verifies(self.text.as_bytes(), signature))
        })
    }
}

/// A note whose text is too long to be held: its length, and its signatures, not yet checked.
#[derive(Debug)]
pub(super) struct StreamedNote {
    text_bytes: u64,
    /// What follows the text and the empty line.
    lines: String,
}

impl StreamedNote {
    /// Goes through a note once; `None` for one of more than `most` bytes.
    ///
    /// What is in the text is for whoever parses it: unlike [`Note::parse`] this does not look for control
    /// characters.
    ///
    /// # Errors
    /// As [`Note::parse`], and where the note cannot be read.
    pub(super) fn scan<E>(mut note: impl Read, most: u64) -> Result<Option<Self>, E>
    where
        E: From<NoteError> + From<io::Error>,
    {
        let mut tail = Vec::with_capacity(2 * TAIL);
        let mut length = 0;
        loop {
            let read = note.by_ref().take(TAIL as u64).read_to_end(&mut tail)?;
            length += read as u64;
            if length > most {
                return Ok(None);
            }
            if read < TAIL {
                break;
            }
            let surplus = tail.len().saturating_sub(TAIL);
            tail.drain(..surplus);
        }
        let split = memchr::memmem::rfind(&tail, b"\n\n");
        let split = split.ok_or(NoteError::Form(
            "there is no empty line before the signatures",
        ))?;
        let lines = tail.split_off(split + 2);
        let lines =
            String::from_utf8(lines).map_err(|_| NoteError::Form("it is not valid UTF-8"))?;
        if lines.chars().any(|c| c.is_control() && c != '\n') {
            return Err(NoteError::Form("it contains a control character").into());
        }
        Ok(Some(Self {
            text_bytes: length - lines.len() as u64 - 1,
            lines,
        }))
    }

    /// The length of the text.
    pub(super) const fn text_bytes(&self) -> u64 {
        self.text_bytes
    }

    /// As [`Note::verify`], over the text that `text` gives as often as it is asked.
    ///
    /// # Errors
    /// As [`Note::verify`], and where the text cannot be read.
    pub(super) fn verify<'k, R: Read, E>(
        &self,
        accepted: impl IntoIterator<Item = &'k VerifierKey>,
        text: impl Fn() -> io::Result<R>,
    ) -> Result<&'k VerifierKey, E>
    where
        E: From<NoteError> + From<io::Error>,
    {
        verify(&signatures(&self.lines)?, accepted, |key, signature| {
            Ok(key.verifies_streamed(text()?, signature)?)
        })
    }
}

/// The signatures in the lines after a text.
fn signatures(lines: &str) -> Result<Vec<Signature<'_>>, NoteError> {
    if !lines.is_empty() && !lines.ends_with('\n') {
        return Err(NoteError::Form("the last line has no newline"));
    }
    let mut signatures = Vec::new();
    for line in lines.split_terminator('\n') {
        if signatures.len() == MAX_SIGNATURES {
            return Err(NoteError::Form("it has too many signatures"));
        }
        signatures.push(Signature::parse(line)?);
    }
    Ok(signatures)
}

/// The first of `accepted` of which a signature fits.
fn verify<'k, E: From<NoteError>>(
    signatures: &[Signature<'_>],
    accepted: impl IntoIterator<Item = &'k VerifierKey>,
    fits: impl Fn(&VerifierKey, &[u8; 64]) -> Result<bool, E>,
) -> Result<&'k VerifierKey, E> {
    let mut signer = None;
    for key in accepted {
        for signature in signatures {
            if signature.name != key.name() || signature.hash != key.hash() {
                continue;
            }
            let bytes = <&[u8; 64]>::try_from(signature.bytes.as_slice());
            if !bytes.map_or(Ok(false), |bytes| fits(key, bytes))? {
                return Err(NoteError::Forged(key.name().to_owned()).into());
            }
            signer = signer.or(Some(key));
        }
    }
    signer.ok_or_else(|| {
        NoteError::Unsigned(signatures.iter().map(Signature::signer).collect()).into()
    })
}

impl<'a> Signature<'a> {
    /// Name and hash of the key that it claims.
    fn signer(&self) -> String {
        format!("{}+{:08x}", self.name, self.hash)
    }

    fn parse(line: &'a str) -> Result<Self, NoteError> {
        let form = NoteError::Form("a line after the text is not a signature");
        let rest = line.strip_prefix("— ").ok_or(form.clone())?;
        let (name, encoded) = rest.split_once(' ').ok_or(form.clone())?;
        let decoded = BASE64.decode(encoded).map_err(|_| form.clone())?;
        let (hash, bytes) = decoded.split_first_chunk::<4>().ok_or(form.clone())?;
        if name.is_empty() || name.contains('+') || bytes.is_empty() {
            return Err(form);
        }
        Ok(Self {
            name,
            hash: u32::from_be_bytes(*hash),
            bytes: bytes.to_vec(),
        })
    }
}

/// Makes a text, which must end with a newline, a note signed by `key`; without a key the note has no
/// signature line, which only a ledger that was created unsigned accepts. The text is not copied.
///
/// # Errors
/// [`NoteError::TooLong`] for a note that nothing would read.
pub fn sign(text: impl Into<String>, key: Option<&SigningKey>) -> Result<String, NoteError> {
    let mut note = text.into();
    debug_assert!(
        note.ends_with('\n'),
        "the text of a note ends its last line"
    );
    let signature = key.map(|key| (key.verifier(), key.sign(note.as_bytes())));
    note.push_str(&block(signature));
    let bytes = note.len() as u64;
    match bytes > MAX_BYTES {
        true => Err(NoteError::TooLong(bytes)),
        false => Ok(note),
    }
}

fn block(signature: Option<(&VerifierKey, [u8; 64])>) -> String {
    let mut block = "\n".to_owned();
    if let Some((verifier, signature)) = signature {
        let mut bytes = verifier.hash().to_be_bytes().to_vec();
        bytes.extend_from_slice(&signature);
        block.push_str("— ");
        block.push_str(verifier.name());
        block.push(' ');
        block.push_str(&BASE64.encode(bytes));
        block.push('\n');
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed("acme/writer", &[seed; 32]).unwrap()
    }

    #[test]
    fn a_signed_text_verifies_and_an_altered_one_does_not() {
        let key = key(1);
        let note = sign("{\"a\":1}\n", Some(&key)).unwrap();
        let parsed = Note::parse(note.as_bytes()).unwrap();
        assert_eq!(parsed.text, "{\"a\":1}\n");
        assert_eq!(parsed.verify([key.verifier()]), Ok(key.verifier()));

        let altered = note.replace("1}", "2}");
        let parsed = Note::parse(altered.as_bytes()).unwrap();
        assert_eq!(
            parsed.verify([key.verifier()]),
            Err(NoteError::Forged("acme/writer".into()))
        );
    }

    #[test]
    fn other_keys_and_no_keys_are_not_accepted() {
        let (mine, other) = (key(1), key(2));
        let note = sign("x\n", Some(&other)).unwrap();
        let parsed = Note::parse(note.as_bytes()).unwrap();
        assert!(matches!(
            parsed.verify([mine.verifier()]),
            Err(NoteError::Unsigned(_))
        ));
        let bare = sign("x\n", None).unwrap();
        let parsed = Note::parse(bare.as_bytes()).unwrap();
        assert_eq!(
            parsed.verify([mine.verifier()]),
            Err(NoteError::Unsigned(vec![]))
        );
    }

    /// The independent judge: another implementation of the same specification.
    #[test]
    fn an_independent_implementation_accepts_our_notes() {
        let key = key(3);
        let note = sign("{\"sequence\":7}\n", Some(&key)).unwrap();
        let theirs = signed_note::Note::from_bytes(note.as_bytes()).unwrap();
        let verifier = signed_note::StandardVerifier::new(&key.verifier().to_string()).unwrap();
        let known = signed_note::VerifierList::new(vec![Box::new(verifier)]);
        let (verified, unverified) = theirs.verify(&known).unwrap();
        assert_eq!((verified.len(), unverified.len()), (1, 0));
    }

    #[test]
    fn what_is_not_a_note_is_refused() {
        for bad in [
            &b"x\n"[..],
            b"x",
            b"x\n\ny\n",
            b"x\n\n\xe2\x80\x94 name AAAA",
            b"x\n\n\xe2\x80\x94 name !!!!\n",
            b"x\r\n\n",
            b"\xff\n\n",
        ] {
            assert!(Note::parse(bad).is_err(), "{bad:?}");
        }
    }
}
