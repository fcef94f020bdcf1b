//! Signatures of AWS (Signature Version 4): each request is signed as a whole, so nothing but the request itself
//! can be sent with it.

use super::proof::{CredentialError, Proof, ProofKind, Provider, SignRequest};
use crate::foreign::Secrets;
use crate::http::causes::causes;
use crate::http::request::HttpRequest;
use async_trait::async_trait;
use bytes::Bytes;
use object_store::aws::{AwsAuthorizer, AwsCredential, AwsCredentialProvider};
use object_store::client::HttpRequest as UnsignedRequest;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use std::fmt;
use std::sync::Arc;

/// How to sign requests to a service of AWS.
#[derive(Clone)]
pub struct AwsAuth {
    /// Who gives credentials: it keeps them, and gets others before they end.
    pub credentials: AwsCredentialProvider,
    /// The service, as signatures name it: `cloudtrail`.
    pub service: String,
    /// The region.
    pub region: String,
}

impl fmt::Debug for AwsAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsAuth")
            .field("service", &self.service)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

impl PartialEq for AwsAuth {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.credentials, &other.credentials)
            && (&self.service, &self.region) == (&other.service, &other.region)
    }
}

impl Eq for AwsAuth {}

/// The credentials as they are now.
pub(super) struct AwsCredentials(AwsAuth);

impl AwsCredentials {
    pub(super) fn new(auth: AwsAuth) -> Self {
        Self(auth)
    }
}

#[async_trait]
impl Provider for AwsCredentials {
    async fn newer_than(&self, reading: u64, secrets: &Secrets) -> Result<Proof, CredentialError> {
        let Self(auth) = self;
        let credential = auth.credentials.get_credential().await;
        let credential = credential.map_err(|error| CredentialError {
            said: format!(
                "no credentials of AWS were found: {}",
                secrets.line(&causes(&error))
            ),
            // They come from a service of the machine or of the cloud, where they are not fixed.
            passes: true,
        })?;
        secrets.learn(&credential.secret_key);
        if let Some(token) = &credential.token {
            secrets.learn(token);
        }
        let fits = |text: &String| HeaderValue::from_str(text).is_ok();
        if !fits(&credential.key_id) || !credential.token.as_ref().is_none_or(fits) {
            let said = "it contains characters that are not allowed in an HTTP header";
            return Err(CredentialError::unusable(said.to_owned()));
        }
        let signature = AwsSignature {
            credential,
            service: auth.service.clone(),
            region: auth.region.clone(),
        };
        Ok(Proof {
            reading: reading + 1,
            kind: ProofKind::Signature(Arc::new(signature)),
        })
    }
}

struct AwsSignature {
    credential: Arc<AwsCredential>,
    service: String,
    region: String,
}

impl SignRequest for AwsSignature {
    fn sign(&self, request: &HttpRequest, headers: &mut HeaderMap) -> Result<(), CredentialError> {
        let (kind, content) = match &request.content {
            Some((kind, content)) => (Some(kind), content.clone()),
            None => (None, Bytes::new()),
        };
        let unusable = |said: &str| CredentialError::unusable(said.to_owned());
        let mut unsigned = UnsignedRequest::new(content.into());
        *unsigned.method_mut() = request.method.clone();
        let url = request.url.as_str().parse();
        *unsigned.uri_mut() = url.map_err(|_| unusable("the address cannot be signed"))?;
        // What says how to transfer the response is not signed: a proxy may change it.
        *unsigned.headers_mut() = request.headers.clone();
        if let Some(kind) = kind {
            let kind = HeaderValue::from_str(kind);
            let kind = kind.map_err(|_| unusable("the type of the content cannot be signed"))?;
            unsigned.headers_mut().insert(CONTENT_TYPE, kind);
        }
        AwsAuthorizer::new(&self.credential, &self.service, &self.region)
            .authorize(&mut unsigned, None);
        for (name, value) in unsigned.headers() {
            // The library that sends the request writes these by itself.
            if name == HOST || name == CONTENT_TYPE {
                continue;
            }
            let mut value = value.clone();
            value.set_sensitive(name == AUTHORIZATION || name == "x-amz-security-token");
            headers.insert(name.clone(), value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Auth, Signer};
    use super::*;
    use object_store::client::StaticCredentialProvider;
    use std::time::Duration;

    fn signer(key_id: &str, token: Option<&str>) -> Signer {
        let credential = AwsCredential {
            key_id: key_id.to_owned(),
            secret_key: "hunter2-secret".to_owned(),
            token: token.map(str::to_owned),
        };
        let auth = Auth::Aws(AwsAuth {
            credentials: Arc::new(StaticCredentialProvider::new(credential)),
            service: "cloudtrail".to_owned(),
            region: "eu-central-1".to_owned(),
        });
        assert!(!format!("{auth:?}").contains("hunter2"));
        Signer::new(&auth, Duration::from_secs(1))
    }

    fn request(content: &'static str) -> HttpRequest {
        let url = "https://cloudtrail.eu-central-1.amazonaws.com/";
        let kind = "application/x-amz-json-1.1";
        HttpRequest::post(url.parse().unwrap(), kind, Bytes::from(content))
    }

    #[tokio::test]
    async fn a_signature_covers_the_whole_request() {
        let signer = signer("AKIATEST", Some("session-token"));
        let proof = signer.proof().await.unwrap();
        assert!(!proof.is_none() && proof.token().is_none());
        let signed = |request: &HttpRequest| {
            let mut headers = HeaderMap::new();
            proof.sign(request, &mut headers).unwrap();
            headers
        };
        let one = signed(&request("{}"));
        let text = one[AUTHORIZATION].to_str().unwrap();
        assert!(
            text.contains("Credential=AKIATEST/")
                && text.contains("/eu-central-1/cloudtrail/aws4_request")
                && text.contains("SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token"),
            "{text}"
        );
        assert_eq!(one["x-amz-security-token"], "session-token");
        assert!(one[AUTHORIZATION].is_sensitive() && one["x-amz-security-token"].is_sensitive());
        assert!(!one.contains_key(HOST) && !one.contains_key(CONTENT_TYPE));
        let other = signed(&request("{\"a\":1}"));
        assert_ne!(one["x-amz-content-sha256"], other["x-amz-content-sha256"]);
        let said = signer.secrets().line("hunter2-secret, session-token");
        assert_eq!(said, "[credential], [credential]");
    }

    #[tokio::test]
    async fn a_credential_that_no_header_can_carry_is_refused() {
        for signer in [signer("AKIA\nX", None), signer("AKIA", Some("a\nb"))] {
            let error = signer.proof().await.err().unwrap();
            assert!(!error.passes);
            assert!(error.said.contains("not allowed in an HTTP header"));
        }
    }
}
