//! Keys that sign digest files. Their private halves lie beside this file for everybody to see: they sign
//! nothing but what is made up here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use md5::{Digest as _, Md5};
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;

/// What stands before an `RSAPublicKey` of 270 bytes in a `SubjectPublicKeyInfo`.
const WRAPPING: [u8; 24] = [
    0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
    0x01, 0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00,
];

/// A key of CloudTrail's.
#[derive(Clone)]
pub struct DigestKey {
    pair: Arc<KeyPair>,
    /// Whether its public half is shown as a `SubjectPublicKeyInfo`, as some are.
    wrapped: bool,
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DigestKey({})", self.fingerprint())
    }
}

impl DigestKey {
    /// The key that the service signs with.
    pub fn of_service() -> Option<Self> {
        Self::of(include_bytes!("signing.pk8"))
    }

    /// A key that the service does not know.
    pub fn of_stranger() -> Option<Self> {
        Self::of(include_bytes!("other.pk8"))
    }

    fn of(pkcs8: &[u8]) -> Option<Self> {
        Some(Self {
            pair: Arc::new(KeyPair::from_pkcs8(pkcs8).ok()?),
            wrapped: false,
        })
    }

    /// The same key, whose public half is shown in the other form.
    #[must_use]
    pub fn wrapped(self) -> Self {
        Self {
            wrapped: true,
            ..self
        }
    }

    fn public(&self) -> Vec<u8> {
        let bare = self.pair.public_key().as_ref();
        match self.wrapped {
            true => [&WRAPPING[..], bare].concat(),
            false => bare.to_vec(),
        }
    }

    /// What digest files name it by.
    pub fn fingerprint(&self) -> String {
        hex::encode(Md5::digest(self.public()))
    }

    /// The hexadecimal signature over a text.
    pub fn sign(&self, text: &str) -> String {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        let signed = self.pair.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            text.as_bytes(),
            &mut signature,
        );
        match signed {
            Ok(()) => hex::encode(signature),
            Err(_) => String::new(),
        }
    }

    /// As `ListPublicKeys` shows it.
    pub fn listed(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Value {
        json!({
            "Value": STANDARD.encode(self.public()),
            "ValidityStartTime": from.timestamp(),
            "ValidityEndTime": to.timestamp(),
            "Fingerprint": self.fingerprint(),
        })
    }
}
