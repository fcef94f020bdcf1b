//! Who may ask for what.

use super::options::Access;
use super::store::Scope;
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};

/// The credentials in force.
#[derive(Debug)]
pub(super) struct Gate {
    access: Access,
    /// The token in force, by index; all before it have expired.
    current: usize,
    used: u64,
}

/// Why a request is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denied {
    /// No credentials, unknown ones or expired ones: 401.
    Unknown,
    /// Known, but without the permission: 403.
    Forbidden,
}

impl Gate {
    pub(super) fn new(access: Access) -> Self {
        Self {
            access,
            current: 0,
            used: 0,
        }
    }

    /// Checks an `Authorization` header; counts the use of a token.
    pub(super) fn admit(&mut self, header: Option<&str>, scope: Scope) -> Result<(), Denied> {
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
            return match scope {
                Scope::Tenant(_) => Ok(()),
                Scope::All => Err(Denied::Forbidden),
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
    pub(super) fn expire(&mut self) {
        self.current += 1;
        self.used = 0;
    }

    /// Accepts this token, after those there are.
    pub(super) fn add_token(&mut self, token: SecretString) {
        self.access.tokens.push(token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: Scope = Scope::Tenant(0);

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
            assert_eq!(gate.admit(header.as_deref(), TENANT), tenant, "{header:?}");
            assert_eq!(gate.admit(header.as_deref(), Scope::All), all, "{header:?}");
        }
    }

    #[test]
    fn tokens_expire_in_turn() {
        let mut gate = Gate::new(Access {
            tokens: vec!["one".into(), "two".into()],
            token_requests: Some(2),
            ..Access::default()
        });
        let mut ask = |token: &str| gate.admit(Some(&format!("Bearer {token}")), TENANT).is_ok();
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
        assert!(gate.admit(Some("Bearer demo-token"), TENANT).is_err());
        gate.add_token("fresh".into());
        assert!(gate.admit(Some("Bearer fresh"), TENANT).is_ok());
    }
}
