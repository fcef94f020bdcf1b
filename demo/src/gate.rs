//! Who may ask for what.

use base64::{Engine, engine::general_purpose::STANDARD};
use clap::Args;
use secrecy::{ExposeSecret, SecretString};

/// Who may ask.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Access")]
pub struct Access {
    /// API token of an instance owner, accepted for every tenant; with --token-requests repeat it
    /// to name the tokens that follow
    #[arg(
        hide_short_help = true,
        long = "token",
        value_name = "TOKEN",
        default_value = "demo-token"
    )]
    pub tokens: Vec<SecretString>,

    /// Let each token expire after this many requests; then only the next one is accepted
    #[arg(hide_short_help = true, long, value_name = "N")]
    pub token_requests: Option<u64>,

    /// API token that may read tenants but not search across them (403)
    #[arg(
        hide_short_help = true,
        long,
        value_name = "TOKEN",
        default_value = "demo-tenant-token"
    )]
    pub tenant_token: SecretString,

    /// API token that is valid and may read nothing (403)
    #[arg(
        hide_short_help = true,
        long,
        value_name = "TOKEN",
        default_value = "demo-powerless-token"
    )]
    pub powerless_token: SecretString,

    /// User name for basic authentication
    #[arg(
        hide_short_help = true,
        long,
        value_name = "NAME",
        default_value = "demo@acme.example"
    )]
    pub username: String,

    /// Password for basic authentication
    #[arg(
        hide_short_help = true,
        long,
        value_name = "TEXT",
        default_value = "demo-password"
    )]
    pub password: SecretString,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            tokens: vec!["demo-token".into()],
            token_requests: None,
            tenant_token: "demo-tenant-token".into(),
            powerless_token: "demo-powerless-token".into(),
            username: "demo@acme.example".to_owned(),
            password: "demo-password".into(),
        }
    }
}

/// How much of a platform a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// One part: a tenant.
    Part,
    /// All of it.
    Whole,
}

/// The credentials in force.
#[derive(Debug)]
pub(crate) struct Gate {
    access: Access,
    /// The token in force, by index; all before it have expired.
    current: usize,
    used: u64,
}

/// Why a request is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// No credentials, unknown ones or expired ones: 401.
    Unknown,
    /// Known, but without the permission: 403.
    Forbidden,
}

impl Gate {
    pub(crate) fn new(access: Access) -> Self {
        Self {
            access,
            current: 0,
            used: 0,
        }
    }

    /// Checks an `Authorization` header; counts the use of a token.
    pub(crate) fn admit(&mut self, header: Option<&str>, reach: Reach) -> Result<(), Denied> {
        let (scheme, credentials) = header
            .and_then(|header| header.split_once(' '))
            .ok_or(Denied::Unknown)?;
        if scheme.eq_ignore_ascii_case("basic") {
            return self.admit_basic(credentials);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Denied::Unknown);
        }
        let is = |secret: &SecretString| secret.expose_secret() == credentials;
        if is(&self.access.powerless_token) {
            return Err(Denied::Forbidden);
        }
        if is(&self.access.tenant_token) {
            return match reach {
                Reach::Part => Ok(()),
                Reach::Whole => Err(Denied::Forbidden),
            };
        }
        if !self.access.tokens.get(self.current).is_some_and(is) {
            return Err(Denied::Unknown);
        }
        self.used += 1;
        if self
            .access
            .token_requests
            .is_some_and(|most| self.used >= most)
        {
            self.expire();
        }
        Ok(())
    }

    fn admit_basic(&self, credentials: &str) -> Result<(), Denied> {
        let decoded = STANDARD.decode(credentials).map_err(|_| Denied::Unknown)?;
        let expected = format!(
            "{}:{}",
            self.access.username,
            self.access.password.expose_secret()
        );
        if decoded == expected.as_bytes() {
            Ok(())
        } else {
            Err(Denied::Unknown)
        }
    }

    /// The token in force is accepted no more; the next one is.
    pub(crate) fn expire(&mut self) {
        self.current += 1;
        self.used = 0;
    }

    /// Accepts this token, after those there are.
    pub(crate) fn add_token(&mut self, token: SecretString) {
        self.access.tokens.push(token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_credential_opens_what_it_should() {
        let basic = STANDARD.encode("demo@acme.example:demo-password");
        let wrong = STANDARD.encode("demo@acme.example:guess");
        for (header, tenant, all) in [
            (Some("Bearer demo-token".to_owned()), Ok(()), Ok(())),
            (Some("bearer demo-token".to_owned()), Ok(()), Ok(())),
            (Some(format!("Basic {basic}")), Ok(()), Ok(())),
            (
                Some("Bearer demo-tenant-token".to_owned()),
                Ok(()),
                Err(Denied::Forbidden),
            ),
            (
                Some("Bearer demo-powerless-token".to_owned()),
                Err(Denied::Forbidden),
                Err(Denied::Forbidden),
            ),
            (
                Some(format!("Basic {wrong}")),
                Err(Denied::Unknown),
                Err(Denied::Unknown),
            ),
            (
                Some("Basic %%%".to_owned()),
                Err(Denied::Unknown),
                Err(Denied::Unknown),
            ),
            (
                Some("Bearer other".to_owned()),
                Err(Denied::Unknown),
                Err(Denied::Unknown),
            ),
            (
                Some("demo-token".to_owned()),
                Err(Denied::Unknown),
                Err(Denied::Unknown),
            ),
            (None, Err(Denied::Unknown), Err(Denied::Unknown)),
        ] {
            let mut gate = Gate::new(Access::default());
            assert_eq!(
                gate.admit(header.as_deref(), Reach::Part),
                tenant,
                "{header:?}"
            );
            assert_eq!(
                gate.admit(header.as_deref(), Reach::Whole),
                all,
                "{header:?}"
            );
        }
    }

    #[test]
    fn tokens_expire_in_turn() {
        let mut gate = Gate::new(Access {
            tokens: vec!["one".into(), "two".into()],
            token_requests: Some(2),
            ..Access::default()
        });
        let mut ask = |token: &str| {
            gate.admit(Some(&format!("Bearer {token}")), Reach::Part)
                .is_ok()
        };
        assert_eq!(
            [
                ask("two"),
                ask("one"),
                ask("one"),
                ask("one"),
                ask("two"),
                ask("two"),
                ask("two")
            ],
            [false, true, true, false, true, true, false]
        );
    }

    #[test]
    fn a_new_token_follows_an_expired_one() {
        let mut gate = Gate::new(Access::default());
        gate.expire();
        assert!(gate.admit(Some("Bearer demo-token"), Reach::Part).is_err());
        gate.add_token("fresh".into());
        assert!(gate.admit(Some("Bearer fresh"), Reach::Part).is_ok());
    }
}
