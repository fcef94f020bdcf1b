//! Tokens that a platform gives for a user name and password: a JSON document with both, answered by one with
//! `access_token`, as Airflow 3 does.

use super::issued::{Grant, TokenRequest};
use super::proof::CredentialError;
use super::ways::PasswordLogin;
use crate::foreign::Secrets;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use url::Url;

impl Grant for PasswordLogin {
    fn url(&self) -> &Url {
        &self.url
    }

    fn request(&self, secrets: &Secrets) -> Result<TokenRequest, CredentialError> {
        let password = self.password.reveal()?;
        secrets.learn(password.expose_secret());
        let login = json!({ "username": self.username, "password": password.expose_secret() });
        Ok(TokenRequest {
            content_type: "application/json",
            body: SecretString::from(login.to_string()),
        })
    }

    fn url_setting(&self) -> &'static str {
        "the address of the platform, below which it gives tokens for `auth.password`"
    }

    fn refused_settings(&self, _: Option<&str>) -> &'static str {
        "`username` and `password` of `auth.password`"
    }
}
