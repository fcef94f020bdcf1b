//! What goes with a request to prove who sends it, and who makes it.

use crate::foreign::Secrets;
use crate::http::request::HttpRequest;
use async_trait::async_trait;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;

/// Why there is no credential to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CredentialError {
    /// What happened: names places, never values.
    pub(crate) said: String,
    /// Whether trying again may help.
    pub(crate) passes: bool,
}

impl CredentialError {
    pub(super) fn unusable(said: String) -> Self {
        Self {
            said,
            passes: false,
        }
    }
}

/// What goes with a request to prove who sends it, and which reading of the credential it was made from.
#[derive(Clone)]
pub(crate) struct Proof {
    pub(super) reading: u64,
    pub(super) kind: ProofKind,
}

#[derive(Clone)]
pub(super) enum ProofKind {
    /// Nothing.
    None,
    /// The value of a header, mostly `Authorization`, whatever the request.
    Header(HeaderName, HeaderValue),
    /// Headers that depend on the whole request.
    Signature(Arc<dyn SignRequest>),
}

/// Signs whole requests, with one reading of a credential.
pub(super) trait SignRequest: Send + Sync {
    /// Adds the signature to the headers that go with a request.
    fn sign(&self, request: &HttpRequest, headers: &mut HeaderMap) -> Result<(), CredentialError>;
}

impl Proof {
    /// `Authorization` from text. It is marked as sensitive.
    pub(super) fn new(reading: u64, text: &SecretString) -> Result<Self, CredentialError> {
        Self::in_header(reading, AUTHORIZATION, text)
    }

    /// The same of any header.
    pub(super) fn in_header(
        reading: u64,
        name: HeaderName,
        text: &SecretString,
    ) -> Result<Self, CredentialError> {
        let mut value = HeaderValue::from_str(text.expose_secret()).map_err(|_| {
            let said = "it contains characters that are not allowed in an HTTP header";
            CredentialError::unusable(said.to_owned())
        })?;
        value.set_sensitive(true);
        Ok(Self {
            reading,
            kind: ProofKind::Header(name, value),
        })
    }

    /// Whether it proves nothing.
    pub(in crate::http) fn is_none(&self) -> bool {
        matches!(self.kind, ProofKind::None)
    }

    /// Adds it to the headers that go with a request.
    ///
    /// # Errors
    /// The credential cannot sign it.
    pub(in crate::http) fn sign(
        &self,
        request: &HttpRequest,
        headers: &mut HeaderMap,
    ) -> Result<(), CredentialError> {
        match &self.kind {
            ProofKind::None => Ok(()),
            ProofKind::Header(name, value) => {
                headers.insert(name.clone(), value.clone());
                Ok(())
            }
            ProofKind::Signature(signature) => signature.sign(request, headers),
        }
    }

    /// The value of `Authorization`, where it is the same for every request.
    pub(super) fn header(&self) -> Option<&HeaderValue> {
        match &self.kind {
            ProofKind::Header(name, value) if *name == AUTHORIZATION => Some(value),
            ProofKind::Header(..) | ProofKind::None | ProofKind::Signature(_) => None,
        }
    }

    /// The token of a bearer, for libraries that write the header themselves.
    pub(crate) fn token(&self) -> Option<&str> {
        self.header()?.to_str().ok()?.strip_prefix("Bearer ")
    }
}

/// Something that makes proofs. Its readings are numbered from 1.
#[async_trait]
pub(super) trait Provider: Send + Sync {
    /// A proof from a reading newer than `reading`. Where another request has caused one in the meantime,
    /// that reading serves. Whatever nobody may see is added to `secrets`.
    async fn newer_than(&self, reading: u64, secrets: &Secrets) -> Result<Proof, CredentialError>;
}

pub(super) fn bearer_text(token: &str) -> SecretString {
    SecretString::from(format!("Bearer {token}"))
}
