//! How requests prove who sends them. Secrets are read when they are needed and read again when
//! the service refuses them, so that a rotated file is picked up in the middle of a run.

mod aws;
mod client_credentials;
mod google;
mod issued;
mod password;

use super::request::HttpRequest;
use crate::foreign::Secrets;
use async_trait::async_trait;
pub use aws::AwsAuth;
use aws::AwsCredentials;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use google::GoogleTokens;
use issued::IssuedTokens;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use url::Url;

/// A secret by reference: each call of `reveal` reads it where it is kept.
#[derive(Clone)]
pub struct LazySecret(Arc<dyn Fn() -> Result<SecretString, String> + Send + Sync>);

impl LazySecret {
    /// A secret that `read` fetches; its error names the place and the reason, never the value.
    pub fn new(read: impl Fn() -> Result<SecretString, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    fn reveal(&self) -> Result<SecretString, CredentialError> {
        (self.0)().map_err(CredentialError::unusable)
    }
}

impl fmt::Debug for LazySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How requests prove who sends them. `S` is a secret: the configuration has its place, a client reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth<S = LazySecret> {
    /// Not at all.
    None,
    /// `Authorization: Bearer` (RFC 6750), an API token.
    Bearer(S),
    /// `Authorization: Basic` (RFC 7617).
    Basic {
        /// User name, without a colon.
        username: String,
        /// Password.
        password: S,
    },
    /// A token that the platform gives for a user name and password.
    Password(PasswordLogin<S>),
    /// Tokens by the client credentials grant of OAuth 2.0 (RFC 6749 section 4.4).
    ClientCredentials(ClientCredentials<S>),
    /// Tokens of Google Cloud.
    Google(GoogleAuth<S>),
    /// Each request is signed as a whole, as AWS asks for it.
    Aws(AwsAuth),
}

/// How to get a token for a user name and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordLogin<S = LazySecret> {
    /// Where the platform gives tokens.
    pub url: Url,
    /// User name.
    pub username: String,
    /// Password.
    pub password: S,
}

/// How to get tokens for the id and secret of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCredentials<S = LazySecret> {
    /// The token endpoint.
    pub token_url: Url,
    /// Id of the application.
    pub client_id: String,
    /// Secret of the application.
    pub client_secret: S,
    /// What the token is for: scopes, separated by spaces.
    pub scope: Option<String>,
    /// Further fields of the request, none of which the grant has itself.
    pub extra: BTreeMap<String, String>,
}

/// How to sign in to Google Cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoogleAuth<S = LazySecret> {
    /// The JSON of a service account key, or of another kind that its `type` names: `external_account`
    /// (workload identity federation), `impersonated_service_account` or `authorized_user`. `None` means
    /// application default credentials: the file that `GOOGLE_APPLICATION_CREDENTIALS` names, the one of
    /// `gcloud auth application-default login`, or the metadata server of the machine.
    pub credentials: Option<S>,
    /// Service account to act as afterwards.
    pub impersonate: Option<String>,
}

impl<S> Auth<S> {
    /// Where it gets credentials, if a service gives them.
    pub fn sign_in_url(&self) -> Option<Url> {
        match self {
            Self::None | Self::Bearer(_) | Self::Basic { .. } | Self::Aws(_) => None,
            Self::Password(login) => Some(login.url.clone()),
            Self::ClientCredentials(client) => Some(client.token_url.clone()),
            Self::Google(_) => Url::parse(google::TOKENS).ok(),
        }
    }
}

/// Why there is no credential to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CredentialError {
    /// What happened: names places, never values.
    pub(crate) said: String,
    /// Whether trying again may help.
    pub(crate) passes: bool,
}

impl CredentialError {
    fn unusable(said: String) -> Self {
        Self {
            said,
            passes: false,
        }
    }
}

/// What goes with a request to prove who sends it, and which reading of the credential it was made from.
#[derive(Clone)]
pub(crate) struct Proof {
    reading: u64,
    kind: ProofKind,
}

#[derive(Clone)]
enum ProofKind {
    /// Nothing.
    None,
    /// The value of `Authorization`, whatever the request.
    Header(HeaderValue),
    /// Headers that depend on the whole request.
    Signature(Arc<dyn SignRequest>),
}

/// Signs whole requests, with one reading of a credential.
trait SignRequest: Send + Sync {
    /// Adds the signature to the headers that go with a request.
    fn sign(&self, request: &HttpRequest, headers: &mut HeaderMap) -> Result<(), CredentialError>;
}

impl Proof {
    /// A header from text. It is marked as sensitive.
    fn new(reading: u64, text: &SecretString) -> Result<Self, CredentialError> {
        let mut value = HeaderValue::from_str(text.expose_secret()).map_err(|_| {
            let said = "it contains characters that are not allowed in an HTTP header";
            CredentialError::unusable(said.to_owned())
        })?;
        value.set_sensitive(true);
        Ok(Self {
            reading,
            kind: ProofKind::Header(value),
        })
    }

    /// Whether it proves nothing.
    pub(super) fn is_none(&self) -> bool {
        matches!(self.kind, ProofKind::None)
    }

    /// Adds it to the headers that go with a request.
    ///
    /// # Errors
    /// The credential cannot sign it.
    pub(super) fn sign(
        &self,
        request: &HttpRequest,
        headers: &mut HeaderMap,
    ) -> Result<(), CredentialError> {
        match &self.kind {
            ProofKind::None => Ok(()),
            ProofKind::Header(header) => {
                headers.insert(AUTHORIZATION, header.clone());
                Ok(())
            }
            ProofKind::Signature(signature) => signature.sign(request, headers),
        }
    }

    /// The value of `Authorization`, where it is the same for every request.
    fn header(&self) -> Option<&HeaderValue> {
        match &self.kind {
            ProofKind::Header(header) => Some(header),
            ProofKind::None | ProofKind::Signature(_) => None,
        }
    }

    /// The token of a bearer, for libraries that write the header themselves.
    pub(crate) fn token(&self) -> Option<&str> {
        self.header()?.to_str().ok()?.strip_prefix("Bearer ")
    }
}

/// Something that makes proofs. Its readings are numbered from 1.
#[async_trait]
trait Provider: Send + Sync {
    /// A proof from a reading newer than `reading`. Where another request has caused one in the meantime,
    /// that reading serves. Whatever nobody may see is added to `secrets`.
    async fn newer_than(&self, reading: u64, secrets: &Secrets) -> Result<Proof, CredentialError>;
}

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
            Auth::Bearer(token) => {
                Some(KeptHeader::provider(move |secrets| bearer(&token, secrets)))
            }
            Auth::Basic { username, password } => Some(KeptHeader::provider(move |secrets| {
                basic(&username, &password, secrets)
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
    pub(super) async fn renewed(&self, refused: &Proof) -> Result<Proof, CredentialError> {
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
    /// The text of the header, from the secret as it is now.
    read: F,
    kept: Mutex<Option<Proof>>,
}

impl<F> KeptHeader<F>
where
    F: Fn(&Secrets) -> Result<SecretString, CredentialError> + Send + Sync + 'static,
{
    fn provider(read: F) -> Arc<dyn Provider> {
        Arc::new(Self {
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
        let proof = Proof::new(reading + 1, &(self.read)(secrets)?)?;
        *kept = Some(proof.clone());
        Ok(proof)
    }
}

fn bearer(token: &LazySecret, secrets: &Secrets) -> Result<SecretString, CredentialError> {
    let token = token.reveal()?;
    secrets.learn(token.expose_secret());
    Ok(bearer_text(token.expose_secret()))
}

fn bearer_text(token: &str) -> SecretString {
    SecretString::from(format!("Bearer {token}"))
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
