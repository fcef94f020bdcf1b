//! Checking signatures of version 4 (AWS Signature Version 4 for API requests).

use axum::http::HeaderMap;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

/// Whose request is let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// The id that requests name.
    pub id: String,
    /// The secret that they are signed with.
    pub secret: String,
    /// The token that must come along; `None` where none may.
    pub session: Option<String>,
    /// Whether it may call anything.
    pub allowed: bool,
}

impl AccessKey {
    /// A key that may call everything.
    pub fn new(id: &str, secret: &str) -> Self {
        Self {
            id: id.to_owned(),
            secret: secret.to_owned(),
            session: None,
            allowed: true,
        }
    }
}

/// What the header of a signed request says.
struct Authorization<'a> {
    key: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    signed: &'a str,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    fn parse(header: &'a str) -> Option<Self> {
        let rest = header.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let mut parts = rest.split(',').map(str::trim);
        let mut part = |name: &str| parts.next()?.strip_prefix(name)?.strip_prefix('=');
        let (scope, signed, signature) = (
            part("Credential")?,
            part("SignedHeaders")?,
            part("Signature")?,
        );
        let mut scope = scope.split('/');
        let (key, date, region, service) =
            (scope.next()?, scope.next()?, scope.next()?, scope.next()?);
        (scope.next() == Some("aws4_request")).then_some(Self {
            key,
            date,
            region,
            service,
            signed,
            signature,
        })
    }
}

/// The error that AWS answers, where a POST to `/` is not let through.
pub(super) fn check(
    keys: &[AccessKey],
    headers: &HeaderMap,
    body: &[u8],
) -> Result<String, &'static str> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(authorization) = header("authorization") else {
        return Err("MissingAuthenticationTokenException");
    };
    let Some(claimed) = Authorization::parse(authorization) else {
        return Err("IncompleteSignatureException");
    };
    let Some(key) = keys.iter().find(|key| key.id == claimed.key) else {
        return Err("UnrecognizedClientException");
    };
    if header("x-amz-security-token") != key.session.as_deref() {
        return Err("UnrecognizedClientException");
    }
    let Some(time) = header("x-amz-date").filter(|time| time.starts_with(claimed.date)) else {
        return Err("IncompleteSignatureException");
    };
    let digest = hex::encode(Sha256::digest(body));
    if header("x-amz-content-sha256").is_some_and(|stated| stated != digest) {
        return Err("InvalidSignatureException");
    }
    let mut canonical = String::from("POST\n/\n\n");
    for name in claimed.signed.split(';') {
        let value = header(name).unwrap_or_default();
        let words: Vec<&str> = value.split_whitespace().collect();
        canonical.push_str(&format!("{name}:{}\n", words.join(" ")));
    }
    canonical.push_str(&format!("\n{}\n{digest}", claimed.signed));
    let Authorization {
        date,
        region,
        service,
        ..
    } = claimed;
    let scope = format!("{date}/{region}/{service}/aws4_request");
    let text = format!(
        "AWS4-HMAC-SHA256\n{time}\n{scope}\n{}",
        hex::encode(Sha256::digest(&canonical))
    );
    let mut secret = format!("AWS4{}", key.secret).into_bytes();
    for part in [date, region, service, "aws4_request"] {
        secret = hmac(&secret, part.as_bytes());
    }
    let is_whole = ["host", "x-amz-date"]
        .iter()
        .all(|name| claimed.signed.split(';').any(|signed| signed == *name));
    if !is_whole || hex::encode(hmac(&secret, text.as_bytes())) != claimed.signature {
        return Err("InvalidSignatureException");
    }
    match key.allowed {
        true => Ok(region.to_owned()),
        false => Err("AccessDeniedException"),
    }
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mut mac) => {
            mac.update(text);
            mac.finalize().into_bytes().to_vec()
        }
        // Keys have any length.
        Err(_) => Vec::new(),
    }
}
