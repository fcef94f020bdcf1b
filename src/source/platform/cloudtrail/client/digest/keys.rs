//! The public halves of the keys that CloudTrail signs digests with: each region has its own, for a while.

use super::super::api::{self, ApiAction};
use super::super::settings;
use crate::source::http::{Client, Misfit};
use crate::source::{SourceError, Tenant};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

/// Most responses to one question.
const PAGES: u32 = 100;

/// The object identifier of RSA with its parameters, in a `SubjectPublicKeyInfo`.
const RSA: [u8; 13] = [
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];

/// Who gives the keys, and those that were given.
pub struct PublicKeys {
    /// By region.
    clients: BTreeMap<String, Client>,
    /// By region and fingerprint.
    known: Mutex<HashMap<(String, String), Bytes>>,
}

/// A response of `ListPublicKeys`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyPage {
    public_key_list: Vec<ListedKey>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedKey {
    value: String,
    fingerprint: String,
}

impl PublicKeys {
    /// Asks the regions that these clients lead to, by name.
    pub fn new(clients: BTreeMap<String, Client>) -> Self {
        Self {
            clients,
            known: Mutex::default(),
        }
    }

    /// The key with this fingerprint that was in force at an instant; `None` where there is no such key.
    ///
    /// # Errors
    /// See [`SourceError`].
    pub(super) async fn key(
        &self,
        tenant: &Tenant,
        region: &str,
        fingerprint: &str,
        at: DateTime<Utc>,
    ) -> Result<Option<Bytes>, SourceError> {
        let name = (region.to_owned(), fingerprint.to_owned());
        if let Some(key) = self.known_key(&name) {
            return Ok(Some(key));
        }
        let client = self.clients.get(region);
        let client = client.ok_or_else(|| settings("the keys of a region cannot be asked for"))?;
        let mut question = json!({
            "StartTime": (at - TimeDelta::days(1)).timestamp(),
            "EndTime": (at + TimeDelta::hours(2)).timestamp(),
        });
        for _ in 0..PAGES {
            let action = ApiAction::ListPublicKeys;
            let page = api::call(client, action, &question, tenant, None, read).await?;
            self.keep(region, page.public_key_list);
            match page.next_token.filter(|token| !token.is_empty()) {
                Some(token) => question["NextToken"] = token.into(),
                None => break,
            }
        }
        Ok(self.known_key(&name))
    }

    fn known_key(&self, name: &(String, String)) -> Option<Bytes> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(name).cloned()
    }

    fn keep(&self, region: &str, listed: Vec<ListedKey>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for key in listed {
            if let Ok(der) = STANDARD.decode(&key.value) {
                let der = Bytes::copy_from_slice(bare(&der));
                known.insert((region.to_owned(), key.fingerprint), der);
            }
        }
    }
}

fn read(body: Bytes) -> Result<KeyPage, Misfit> {
    serde_json::from_slice(&body)
        .map_err(|error| Misfit::Foreign(format!("the response is no list of keys: {error}")))
}

/// The `RSAPublicKey` in a key: most are listed bare, some in a `SubjectPublicKeyInfo`.
fn bare(der: &[u8]) -> &[u8] {
    let found = der.windows(RSA.len()).take(16).position(|it| it == RSA);
    let rest = found.and_then(|at| der.get(at + RSA.len()..));
    match rest {
        // A bit string without unused bits.
        Some([0x03, 0x82, _, _, 0x00, key @ ..] | [0x03, 0x81, _, 0x00, key @ ..]) => key,
        _ => der,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_be_wrapped() {
        let key = [0x30, 0x82, 0x01, 0x0a, 0x02, 0x82];
        assert_eq!(bare(&key), key);
        let wrapped = [
            &[0x30, 0x82, 0x01, 0x22, 0x30, 0x0d][..],
            &RSA,
            &[0x03, 0x82, 0x01, 0x0f, 0x00],
            &key,
        ]
        .concat();
        assert_eq!(bare(&wrapped), key);
        assert_eq!(bare(&[]), [0; 0]);
    }

    #[test]
    fn a_list_of_keys_is_read() {
        let page = r#"{"PublicKeyList":[{"Value":"AAEC","ValidityStartTime":1.0,"ValidityEndTime":2.0,"Fingerprint":"f"}]}"#;
        let page = read(Bytes::from(page)).unwrap();
        let keys = PublicKeys::new(BTreeMap::new());
        keys.keep("eu-central-1", page.public_key_list);
        let name = |region: &str| (region.to_owned(), "f".to_owned());
        assert_eq!(
            keys.known_key(&name("eu-central-1")).unwrap()[..],
            [0, 1, 2]
        );
        assert_eq!(keys.known_key(&name("us-east-1")), None);
        assert!(read(Bytes::from("{}")).is_err());
    }
}
