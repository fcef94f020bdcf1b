//! Signing requests in whichever way is configured.

use super::aws::AwsCredentials;
use super::google::GoogleTokens;
use super::issued::IssuedTokens;
use super::proof::{CredentialError, Proof, ProofKind, Provider, bearer_text};
use super::ways::{Auth, LazySecret};
use crate::foreign::Secrets;
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderName};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Signs requests. Clones share what they have read.
#[derive(Clone)]
pub(crate) struct Signer {
    secrets: Secrets,
    provider: Option<Arc<dyn Provider>>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(…)")
    }
}

impl Signer {
    /// Reads no secret and connects to nothing yet. Whoever gives tokens has `patience` to do so.
    pub(crate) fn new(auth: &Auth, patience: Duration) -> Self {
        let provider: Option<Arc<dyn Provider>> = match auth.clone() {
            Auth::None => None,
            Auth::Bearer(token) => Some(KeptHeader::provider(AUTHORIZATION, move |secrets| {
                bearer(&token, secrets)
            })),
            Auth::Basic { username, password } => {
                Some(KeptHeader::provider(AUTHORIZATION, move |secrets| {
                    basic(&username, &password, secrets)
                }))
            }
            Auth::Header { name, key } => Some(KeptHeader::provider(name, move |secrets| {
                let key = key.reveal()?;
                secrets.learn(key.expose_secret());
                Ok(key)
            })),
            Auth::Password(login) => Some(Arc::new(IssuedTokens::new(login, patience))),
            Auth::ClientCredentials(client) => Some(Arc::new(IssuedTokens::new(client, patience))),
            Auth::Google(google) => Some(Arc::new(GoogleTokens::new(google, patience))),
            Auth::Aws(aws) => Some(Arc::new(AwsCredentials::new(aws))),
        };
        Self {
            secrets: Secrets::default(),
            provider,
        }
    }

    /// What the service may send back and nobody may see: all readings so far, since a slow response may
    /// name one that was replaced, and what credentials hold, as far as they are read here.
    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// A proof that is still good, as far as we know.
    pub(crate) async fn proof(&self) -> Result<Proof, CredentialError> {
        self.newer_than(0).await
    }

    /// A proof from a newer reading of the credential than `refused`.
    pub(in crate::http) async fn renewed(&self, refused: &Proof) -> Result<Proof, CredentialError> {
        self.newer_than(refused.reading).await
    }

    async fn newer_than(&self, reading: u64) -> Result<Proof, CredentialError> {
        match &self.provider {
            Some(provider) => provider.newer_than(reading, &self.secrets).await,
            None => Ok(Proof {
                reading,
                kind: ProofKind::None,
            }),
        }
    }
}

/// A header that is made from one secret and kept until it is refused.
struct KeptHeader<F> {
    name: HeaderName,
    /// The text of the header, from the secret as it is now.
    read: F,
    kept: Mutex<Option<Proof>>,
}

impl<F> KeptHeader<F>
where
    F: Fn(&Secrets) -> Result<SecretString, CredentialError> + Send + Sync + 'static,
{
    fn provider(name: HeaderName, read: F) -> Arc<dyn Provider> {
        Arc::new(Self {
            name,
            read,
            kept: Mutex::default(),
        })
    }
}

#[async_trait]
impl<F> Provider for KeptHeader<F>
where
    F: Fn(&Secrets) -> Result<SecretString, CredentialError> + Send + Sync,
{
    async fn newer_than(&self, reading: u64, secrets: &Secrets) -> Result<Proof, CredentialError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(proof) = kept.as_ref().filter(|proof| proof.reading > reading) {
            return Ok(proof.clone());
        }
        let text = (self.read)(secrets)?;
        let proof = Proof::in_header(reading + 1, self.name.clone(), &text)?;
        *kept = Some(proof.clone());
        Ok(proof)
    }
}

fn bearer(token: &LazySecret, secrets: &Secrets) -> Result<SecretString, CredentialError> {
    let token = token.reveal()?;
    secrets.learn(token.expose_secret());
    Ok(bearer_text(token.expose_secret()))
}

fn basic(
    username: &str,
    password: &LazySecret,
    secrets: &Secrets,
) -> Result<SecretString, CredentialError> {
    let password = password.reveal()?;
    let pair = SecretString::from(format!("{username}:{}", password.expose_secret()));
    let encoded = SecretString::from(STANDARD.encode(pair.expose_secret()));
    for secret in [&password, &pair, &encoded] {
        secrets.learn(secret.expose_secret());
    }
    Ok(SecretString::from(format!(
        "Basic {}",
        encoded.expose_secret()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn counting() -> LazySecret {
        let reads = AtomicU32::new(0);
        LazySecret::new(move || {
            let read = reads.fetch_add(1, Ordering::Relaxed) + 1;
            Ok(SecretString::from(format!("token{read}")))
        })
    }

    fn signer(auth: &Auth) -> Signer {
        Signer::new(auth, Duration::from_secs(1))
    }

    fn shown(proof: &Proof) -> &str {
        proof.header().unwrap().to_str().unwrap()
    }

    #[tokio::test]
    async fn a_refused_reading_is_renewed_once_for_all() {
        let signer = signer(&Auth::Bearer(counting()));
        let first = signer.proof().await.unwrap();
        assert_eq!(shown(&first), "Bearer token1");
        assert_eq!(shown(&signer.proof().await.unwrap()), "Bearer token1");
        assert_eq!(
            shown(&signer.renewed(&first).await.unwrap()),
            "Bearer token2"
        );
        assert_eq!(
            shown(&signer.renewed(&first).await.unwrap()),
            "Bearer token2",
            "another request that was refused with the first reading"
        );
        assert_eq!(shown(&signer.proof().await.unwrap()), "Bearer token2");
    }

    #[tokio::test]
    async fn basic_is_user_and_password_in_base64() {
        let signer = signer(&Auth::Basic {
            username: "Aladdin".into(),
            password: LazySecret::new(|| Ok(SecretString::from("open sesame"))),
        });
        assert_eq!(
            shown(&signer.proof().await.unwrap()),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
    }

    #[tokio::test]
    async fn a_key_goes_in_the_header_that_is_named() {
        let name = HeaderName::from_static("x-api-key");
        let key = counting();
        let signer = signer(&Auth::Header { name, key });
        let proof = signer.proof().await.unwrap();
        let mut headers = reqwest::header::HeaderMap::new();
        let request = crate::http::HttpRequest::get("http://x/".parse().unwrap());
        proof.sign(&request, &mut headers).unwrap();
        assert_eq!(headers.len(), 1);
        assert_eq!(headers["x-api-key"], "token1");
        assert!(headers["x-api-key"].is_sensitive());
        assert_eq!(signer.secrets().line("bad token1"), "bad [credential]");
        assert!(proof.token().is_none());
    }

    #[tokio::test]
    async fn no_header_without_auth() {
        assert!(signer(&Auth::None).proof().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_credential_that_no_header_can_carry_is_refused_without_showing_it() {
        let signer = signer(&Auth::Bearer(LazySecret::new(|| {
            Ok(SecretString::from("s3cret\nx"))
        })));
        let error = signer.proof().await.err().unwrap();
        assert!(!format!("{error:?}").contains("s3cret"));
    }

    #[tokio::test]
    async fn nothing_shows_the_secret() {
        let auth = Auth::Bearer(counting());
        assert_eq!(format!("{auth:?}"), "Bearer(Secret(…))");
        let signer = signer(&auth);
        let proof = signer.proof().await.unwrap();
        assert!(!format!("{:?}", proof.header()).contains("token1"));
        let said = signer.secrets().line("bad token token1!");
        assert_eq!(said, "bad token [credential]!");
        signer.renewed(&proof).await.unwrap();
        let said = signer.secrets().line("token1 was replaced by token2");
        assert_eq!(said, "[credential] was replaced by [credential]");
    }
}
