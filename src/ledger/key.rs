//! Signing and verifier keys in the text forms of C2SP signed-note (and Go's `sumdb/note`).
//!
//! A verifier key is `<name>+<hash>+<base64 key>`, a signing key
//! `PRIVATE+KEY+<name>+<hash>+<base64 seed>`, where the key bytes begin with the algorithm byte
//! `0x01` (Ed25519) and the hash is the first four bytes of SHA-256(name ‖ `\n` ‖ key bytes).

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ed25519_dalek::{Signer as _, Verifier as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

/// Algorithm byte of Ed25519 in C2SP signed-note.
const ED25519: u8 = 1;

/// Why a text is not a key, or a key cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The name cannot stand in a signature line.
    #[error("a key name must not be empty or contain spaces or plus signs")]
    Name,
    /// Not the three, or five, parts of a key.
    #[error("not a {0}: expected {1}")]
    Form(&'static str, &'static str),
    /// The base64 part does not decode, or to the wrong length.
    #[error("the key material is damaged")]
    Material,
    /// Another algorithm than Ed25519.
    #[error("key algorithm {0} is not supported, only 1 (Ed25519)")]
    Algorithm(u8),
    /// The hash in the text does not belong to name and key.
    #[error("the key hash does not match its name and key: the text was altered")]
    Hash,
    /// No randomness to be had.
    #[error("the operating system provided no randomness: {0}")]
    Randomness(String),
}

fn key_hash(name: &str, public: &[u8; 32]) -> u32 {
    let mut hasher = Sha256::new();
    hasher.update(name.as_bytes());
    hasher.update(b"\n");
    hasher.update([ED25519]);
    hasher.update(public);
    let digest: [u8; 32] = hasher.finalize().into();
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

fn check_name(name: &str) -> Result<(), KeyError> {
    let fits = !name.is_empty()
        && !name.contains('+')
        && !name.chars().any(|c| c.is_whitespace() || c.is_control());
    fits.then_some(()).ok_or(KeyError::Name)
}

fn material(text: &str) -> Result<[u8; 32], KeyError> {
    let bytes = BASE64.decode(text).map_err(|_| KeyError::Material)?;
    match bytes.split_first() {
        Some((&ED25519, key)) => key.try_into().map_err(|_| KeyError::Material),
        Some((&other, _)) => Err(KeyError::Algorithm(other)),
        None => Err(KeyError::Material),
    }
}

/// The public half of a key: enough to check a signature.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    hash: u32,
    key: ed25519_dalek::VerifyingKey,
}

impl VerifierKey {
    /// The name that stands in signature lines.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Name and hash, which tell keys apart: `<name>+<hash>`.
    pub fn short(&self) -> String {
        format!("{}+{:08x}", self.name, self.hash)
    }

    /// The key hash that stands in signature lines.
    pub fn hash(&self) -> u32 {
        self.hash
    }

    /// Whether the signature fits the text; weak keys and malleable signatures do not.
    pub fn verifies(&self, text: &[u8], signature: &[u8; 64]) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        // `verify` accepts what other libraries accept; `verify_strict` refuses low-order keys.
        self.key.verify(text, &signature).is_ok()
            && self.key.verify_strict(text, &signature).is_ok()
    }

    /// As [`Self::verifies`], for a text that is not held.
    ///
    /// # Errors
    /// Where the text cannot be read.
    pub(super) fn verifies_streamed(
        &self,
        mut text: impl Read,
        signature: &[u8; 64],
    ) -> io::Result<bool> {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        let verifier = self.key.verify_stream(&signature);
        let Some(mut verifier) = verifier.ok().filter(|_| !self.key.is_weak()) else {
            return Ok(false);
        };
        in_pieces(&mut text, |piece| verifier.update(piece))?;
        Ok(verifier.finalize_and_verify().is_ok())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![ED25519];
        bytes.extend_from_slice(self.key.as_bytes());
        write!(
            f,
            "{}+{:08x}+{}",
            self.name,
            self.hash,
            BASE64.encode(bytes)
        )
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let form = KeyError::Form("verifier key", "<name>+<hash>+<base64>");
        let mut parts = text.trim_end().splitn(3, '+');
        let (Some(name), Some(hash), Some(rest)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(form);
        };
        check_name(name)?;
        let hash = parse_hash(hash).ok_or(form)?;
        let bytes = material(rest)?;
        if key_hash(name, &bytes) != hash {
            return Err(KeyError::Hash);
        }
        let key =
            ed25519_dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::Material)?;
        Ok(Self {
            name: name.to_owned(),
            hash,
            key,
        })
    }
}

impl schemars::JsonSchema for VerifierKey {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "VerifierKey".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

impl Serialize for VerifierKey {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for VerifierKey {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

fn in_pieces(text: &mut impl Read, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        match text.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => take(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn parse_hash(text: &str) -> Option<u32> {
    (text.len() == 8)
        .then(|| u32::from_str_radix(text, 16).ok())
        .flatten()
}

/// A key that signs; its seed is wiped when dropped and never shown.
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
    verifier: VerifierKey,
}

impl SigningKey {
    /// Makes a new key from the operating system's randomness.
    ///
    /// # Errors
    /// A name that cannot stand in a signature line, or no randomness.
    pub fn generate(name: &str) -> Result<Self, KeyError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| KeyError::Randomness(error.to_string()))?;
        Self::from_seed(name, &seed)
    }

    /// Makes the key of a seed: the same seed, the same key.
    ///
    /// # Errors
    /// A name that cannot stand in a signature line.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        check_name(name)?;
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = key.verifying_key();
        let verifier = VerifierKey {
            name: name.to_owned(),
            hash: key_hash(name, public.as_bytes()),
            key: public,
        };
        Ok(Self { key, verifier })
    }

    /// Reads `PRIVATE+KEY+<name>+<hash>+<base64>`.
    ///
    /// # Errors
    /// A text of another form, or one that was altered. No error holds any of the text.
    pub fn parse(text: &SecretString) -> Result<Self, KeyError> {
        let form = KeyError::Form("signing key", "PRIVATE+KEY+<name>+<hash>+<base64>");
        let text = text.expose_secret().trim_end();
        let rest = text.strip_prefix("PRIVATE+KEY+").ok_or(form.clone())?;
        let mut parts = rest.splitn(3, '+');
        let (Some(name), Some(hash), Some(seed)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(form);
        };
        let key = Self::from_seed(name, &material(seed)?)?;
        if parse_hash(hash) != Some(key.verifier.hash) {
            return Err(KeyError::Hash);
        }
        Ok(key)
    }

    /// The text form of the private key: keep it secret.
    pub fn to_note_private(&self) -> SecretString {
        let mut bytes = vec![ED25519];
        bytes.extend_from_slice(self.key.as_bytes());
        let verifier = &self.verifier;
        format!(
            "PRIVATE+KEY+{}+{:08x}+{}",
            verifier.name,
            verifier.hash,
            BASE64.encode(bytes)
        )
        .into()
    }

    /// The public half.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Signs a text.
    pub fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.key.sign(text).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.verifier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_texts_round_trip() {
        let key = SigningKey::generate("acme/writer").unwrap();
        let again = SigningKey::parse(&key.to_note_private()).unwrap();
        assert_eq!(again.verifier(), key.verifier());
        let text = key.verifier().to_string();
        assert_eq!(&text.parse::<VerifierKey>().unwrap(), key.verifier());
    }

    /// The example key pair of the documentation of Go's golang.org/x/mod/sumdb/note.
    #[test]
    fn reads_the_keys_of_the_go_documentation() {
        let private =
            "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
        let public = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let key = SigningKey::parse(&private.to_owned().into()).unwrap();
        assert_eq!(key.verifier().to_string(), public);
    }

    #[test]
    fn altered_texts_are_refused() {
        let key = SigningKey::from_seed("w", &[7; 32]).unwrap();
        let good = key.verifier().to_string();
        assert_eq!(
            good.replace("w+", "x+").parse::<VerifierKey>(),
            Err(KeyError::Hash)
        );
        for bad in ["", "w", "w+00000000", "w w+00000000+AA==", "+00000000+AA=="] {
            assert!(bad.parse::<VerifierKey>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn no_secret_is_shown() {
        let key = SigningKey::from_seed("w", &[7; 32]).unwrap();
        let private = key.to_note_private();
        let seed = private.expose_secret().rsplit('+').next().unwrap();
        assert!(!format!("{key:?} {private:?}").contains(seed));
    }
}
