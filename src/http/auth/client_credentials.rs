//! Tokens for the id and secret of an application (RFC 6749 section 4.4).

use super::issued::{Grant, TokenRequest};
use super::proof::CredentialError;
use super::ways::ClientCredentials;
use crate::foreign::Secrets;
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use url::form_urlencoded::Serializer;

impl Grant for ClientCredentials {
    fn url(&self) -> &Url {
        &self.token_url
    }

    /// The secret goes in the body, which the services that we know document; none of them asks for Basic.
    fn request(&self, secrets: &Secrets) -> Result<TokenRequest, CredentialError> {
        let secret = self.client_secret.reveal()?;
        secrets.learn(secret.expose_secret());
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &self.client_id)
            .append_pair("client_secret", secret.expose_secret());
        if let Some(scope) = &self.scope {
            form.append_pair("scope", scope);
        }
        form.extend_pairs(&self.extra);
        Ok(TokenRequest {
            content_type: "application/x-www-form-urlencoded",
            body: SecretString::from(form.finish()),
        })
    }

    fn url_setting(&self) -> &'static str {
        "`token_url` of `auth.client_credentials`"
    }

    fn refused_settings(&self, code: Option<&str>) -> &'static str {
        match code {
            Some("invalid_scope") => "`scope` of `auth.client_credentials`",
            _ => "`client_id` and `client_secret` of `auth.client_credentials`",
        }
    }
}
