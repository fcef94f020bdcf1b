//! How requests prove who sends them. Secrets are read when they are needed and read again when
//! the platform refuses them, so that a rotated file is picked up in the middle of a run.

use crate::foreign::Secrets;
use crate::source::SourceError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A secret by reference: each call of `reveal` reads it where it is kept.
#[derive(Clone)]
pub struct Secret(Arc<dyn Fn() -> Result<SecretString, String> + Send + Sync>);

impl Secret {
    /// A secret that `read` fetches; its error names the place and the reason, never the value.
    pub fn new(read: impl Fn() -> Result<SecretString, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    fn reveal(&self) -> Result<SecretString, SourceError> {
        (self.0)().map_err(|message| SourceError::Credential { message })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How requests prove who sends them.
#[derive(Debug, Clone)]
pub enum Auth {
    /// Not at all.
    None,
    /// `Authorization: Bearer` (RFC 6750).
    Bearer(Secret),
    /// `Authorization: Basic` (RFC 7617).
    Basic {
        /// User name.
        username: String,
        /// Password.
        password: Secret,
    },
}

/// The header that goes with a request, and which reading of the secret it was made from.
#[derive(Clone)]
pub(super) struct Proof {
    reading: u64,
    pub(super) header: Option<HeaderValue>,
}

/// Keeps the header between requests.
pub(super) struct Prover {
    auth: Auth,
    secrets: Secrets,
    kept: Mutex<Option<Proof>>,
}

impl Prover {
    pub(super) fn new(auth: Auth) -> Self {
        Self {
            auth,
            secrets: Secrets::default(),
            kept: Mutex::new(None),
        }
    }

    /// All readings of the secret so far: a slow answer may name one that was replaced since.
    pub(super) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The header as it was last made; the secret is read at the first call only.
    pub(super) fn proof(&self) -> Result<Proof, SourceError> {
        self.newer_than(0)
    }

    /// A header from a newer reading of the secret than `refused`. Where another request has
    /// read it again in the meantime, that reading serves.
    pub(super) fn renewed(&self, refused: &Proof) -> Result<Proof, SourceError> {
        self.newer_than(refused.reading)
    }

    fn newer_than(&self, reading: u64) -> Result<Proof, SourceError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(proof) = kept.as_ref().filter(|proof| proof.reading > reading) {
            return Ok(proof.clone());
        }
        let proof = Proof {
            reading: reading + 1,
            header: self.header()?,
        };
        *kept = Some(proof.clone());
        Ok(proof)
    }

    fn header(&self) -> Result<Option<HeaderValue>, SourceError> {
        let text = match &self.auth {
            Auth::None => return Ok(None),
            Auth::Bearer(token) => {
                let token = token.reveal()?;
                self.secrets.learn(token.expose_secret());
                SecretString::from(format!("Bearer {}", token.expose_secret()))
            }
            Auth::Basic { username, password } => {
                let password = password.reveal()?;
                let pair = SecretString::from(format!("{username}:{}", password.expose_secret()));
                let encoded = SecretString::from(STANDARD.encode(pair.expose_secret()));
                for secret in [&password, &pair, &encoded] {
                    self.secrets.learn(secret.expose_secret());
                }
                SecretString::from(format!("Basic {}", encoded.expose_secret()))
            }
        };
        let mut value =
            HeaderValue::from_str(text.expose_secret()).map_err(|_| SourceError::Credential {
                message: "it contains characters that are not allowed in an HTTP header".to_owned(),
            })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn counting() -> Secret {
        let reads = AtomicU32::new(0);
        Secret::new(move || {
            let read = reads.fetch_add(1, Ordering::Relaxed) + 1;
            Ok(SecretString::from(format!("token{read}")))
        })
    }

    fn shown(proof: &Proof) -> &str {
        proof.header.as_ref().unwrap().to_str().unwrap()
    }

    #[test]
    fn a_refused_reading_is_renewed_once_for_all() {
        let prover = Prover::new(Auth::Bearer(counting()));
        let first = prover.proof().unwrap();
        assert_eq!(shown(&first), "Bearer token1");
        assert_eq!(shown(&prover.proof().unwrap()), "Bearer token1");
        assert_eq!(shown(&prover.renewed(&first).unwrap()), "Bearer token2");
        assert_eq!(
            shown(&prover.renewed(&first).unwrap()),
            "Bearer token2",
            "another request that was refused with the first reading"
        );
        assert_eq!(shown(&prover.proof().unwrap()), "Bearer token2");
    }

    #[test]
    fn basic_is_user_and_password_in_base64() {
        let prover = Prover::new(Auth::Basic {
            username: "Aladdin".into(),
            password: Secret::new(|| Ok(SecretString::from("open sesame"))),
        });
        assert_eq!(
            shown(&prover.proof().unwrap()),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
    }

    #[test]
    fn no_header_without_auth() {
        assert!(Prover::new(Auth::None).proof().unwrap().header.is_none());
    }

    #[test]
    fn a_credential_that_no_header_can_carry_is_refused_without_showing_it() {
        let prover = Prover::new(Auth::Bearer(Secret::new(|| {
            Ok(SecretString::from("s3cret\nx"))
        })));
        let error = prover.proof().err().unwrap();
        assert!(!format!("{error} {error:?}").contains("s3cret"));
    }

    #[test]
    fn nothing_shows_the_secret() {
        let auth = Auth::Bearer(counting());
        assert_eq!(format!("{auth:?}"), "Bearer(Secret(…))");
        let prover = Prover::new(auth);
        let proof = prover.proof().unwrap();
        assert!(!format!("{:?}", proof.header).contains("token1"));
        let said = prover.secrets().line("bad token token1!");
        assert_eq!(said, "bad token [credential]!");
        prover.renewed(&proof).unwrap();
        let said = prover.secrets().line("token1 was replaced by token2");
        assert_eq!(said, "[credential] was replaced by [credential]");
    }
}
