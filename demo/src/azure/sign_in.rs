//! The token endpoint of Microsoft Entra, for applications with a secret.

use std::collections::HashMap;
use url::form_urlencoded;

/// The directory in the path of the endpoint.
pub(super) const DIRECTORY: &str = "acme.example";
/// The application that may sign in.
pub(super) const CLIENT_ID: &str = "b1c6a2f4-3a53-4a8e-9f2c-3d1f6f0f6f10";
/// Its secret.
pub(super) const CLIENT_SECRET: &str = "demo-secret~1";
/// What tokens have to be asked for.
const SCOPE: &str = "https://management.azure.com/.default";

/// A token that is good until it was used so often, or everything expired.
pub(super) const TOKEN: &str = "demo-token";
/// A token of an application without any role.
const POWERLESS: &str = "demo-powerless-token";

/// The tokens that were given.
#[derive(Debug)]
pub(super) struct Tokens {
    /// Requests that each token is good for.
    most_uses: Option<u64>,
    given: u64,
    /// Uses of each token that is good.
    good: HashMap<String, u64>,
    /// Whether no token is given.
    pub(super) is_closed: bool,
}

/// Why a request is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenDenied {
    /// No token, an unknown one or an expired one.
    Unknown,
    /// It may do nothing.
    Forbidden,
}

impl Tokens {
    pub(super) fn new(most_uses: Option<u64>) -> Self {
        Self {
            most_uses,
            given: 0,
            good: HashMap::from([(TOKEN.to_owned(), 0)]),
            is_closed: false,
        }
    }

    /// Checks an `Authorization` header; counts the use of a token.
    pub(super) fn admit(&mut self, header: Option<&str>) -> Result<(), TokenDenied> {
        let token = header.and_then(|header| header.strip_prefix("Bearer "));
        let token = token.ok_or(TokenDenied::Unknown)?;
        if token == POWERLESS {
            return Err(TokenDenied::Forbidden);
        }
        let uses = self.good.get_mut(token).ok_or(TokenDenied::Unknown)?;
        *uses += 1;
        if self.most_uses.is_some_and(|most| *uses >= most) {
            self.good.remove(token);
        }
        Ok(())
    }

    /// No token that was given is good any more.
    pub(super) fn expire(&mut self) {
        self.good.clear();
    }

    /// How many tokens were given.
    pub(super) fn given(&self) -> u64 {
        self.given
    }

    /// Answers a request for a token: its body, or status, code and words of a refusal.
    pub(super) fn give(
        &mut self,
        form: &[u8],
    ) -> Result<String, (u16, &'static str, &'static str)> {
        let form: HashMap<String, String> = form_urlencoded::parse(form).into_owned().collect();
        let is = |name: &str, value: &str| form.get(name).is_some_and(|found| found == value);
        if !is("grant_type", "client_credentials") {
            return Err((
                400,
                "unsupported_grant_type",
                "AADSTS70003: The app requested an unsupported grant type.",
            ));
        }
        if !is("scope", SCOPE) {
            return Err((
                400,
                "invalid_scope",
                "AADSTS1002012: The provided value for scope is not valid.",
            ));
        }
        if self.is_closed || !is("client_id", CLIENT_ID) || !is("client_secret", CLIENT_SECRET) {
            return Err((
                401,
                "invalid_client",
                "AADSTS7000215: Invalid client secret provided.",
            ));
        }
        self.given += 1;
        let token = format!("demo-token-{}", self.given);
        self.good.insert(token.clone(), 0);
        Ok(serde_json::json!({
            "token_type": "Bearer",
            "expires_in": 3_599,
            "ext_expires_in": 3_599,
            "access_token": token,
        })
        .to_string())
    }
}
