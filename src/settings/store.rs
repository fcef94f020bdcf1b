//! Where a store is and with which options it is opened, as it is written in any table of a document.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;

use super::checks::Checks;
use super::problem::SettingPlace;
use super::tables::SecretTable;
use super::{NamedSecret, SecretError, SecretRef};
use crate::store::{
    Bucket, OpenError, StoreKind, StoreOptions, StorePurpose, has_option, service_url,
};
use crate::text::TextKind;

/// Value of an object store option, as it is written.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum OptionValue {
    /// Text that is not a secret.
    Text(String),
    /// A switch.
    Flag(bool),
    /// Where a secret is.
    Secret(SecretTable),
}

/// A bucket that a source is read from, as it is written.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BucketTable {
    /// Bucket and prefix, or a local directory: `gs://`, `s3://`, `az://` or `file:///`.
    #[schemars(example = "s3://acme-trails/prefix")]
    pub(crate) url: String,
    /// Options of the object store, by their names in the Rust crate object_store.
    ///
    /// Credentials are usually found without any option. Secrets are given by reference.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = json!({ "aws_region": "eu-central-1" }))]
    pub(crate) options: BTreeMap<String, OptionValue>,
}

impl BucketTable {
    /// What it says; `None` where a problem was reported.
    pub(crate) fn check(
        &self,
        checks: &mut Checks<'_, '_>,
        place: &SettingPlace,
    ) -> Option<StoreLocation> {
        let url = check_url(checks, &self.url, &place.key("url"));
        let scheme = url.as_ref().map(Url::scheme);
        let kind = scheme.and_then(StoreKind::from_scheme);
        let options = check_options(checks, &self.options, kind, &place.key("options"));
        Some(StoreLocation {
            url: url?,
            options: options?,
        })
    }
}

/// Where a store is, and its options.
#[derive(Debug, Clone)]
pub struct StoreLocation {
    /// `file:///…`, `gs://…`, `s3://…`, `az://…` or `memory:///`; never with credentials or query.
    pub url: Url,
    /// Options of the object store by name, all known to that store.
    pub options: BTreeMap<String, StoreOption>,
}

/// Value of an object store option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreOption {
    /// Text that is no secret.
    Text(String),
    /// Where a secret is.
    Secret(SecretRef),
}

impl StoreLocation {
    /// The options with their secrets read, ready for the object store.
    ///
    /// # Errors
    /// A secret that cannot be read.
    pub fn load_options(&self) -> Result<Vec<(String, SecretString)>, SecretError> {
        load_options(&self.options)
    }

    /// Opens it. Secrets come first: without them there is nothing to open it with.
    ///
    /// # Errors
    /// A secret that cannot be read; inside, what [`Bucket::open`] refuses.
    pub fn open_for(
        &self,
        purpose: StorePurpose,
    ) -> Result<Result<Bucket, OpenError>, SecretError> {
        let options = exposed(self.load_options()?);
        Ok(Bucket::open_for(purpose, self.url.as_str(), &options))
    }

    /// Where its service answers, as far as that can be told without opening it; `None` for a directory.
    pub(crate) fn service_url(&self) -> Option<Url> {
        service_url(&self.url, |name| match self.options.get(name) {
            Some(StoreOption::Text(text)) => Some(text.clone()),
            Some(StoreOption::Secret(_)) | None => None,
        })
    }
}

/// Options with their secrets read.
///
/// # Errors
/// A secret that cannot be read.
pub(crate) fn load_options(
    options: &BTreeMap<String, StoreOption>,
) -> Result<Vec<(String, SecretString)>, SecretError> {
    let loaded = options.iter().map(|(name, value)| {
        let value = match value {
            StoreOption::Text(text) => SecretString::from(text.as_str()),
            StoreOption::Secret(place) => place.load(option_kind(name))?,
        };
        Ok((name.clone(), value))
    });
    loaded.collect()
}

/// The same, as a store takes them.
pub(crate) fn exposed(options: Vec<(String, SecretString)>) -> StoreOptions {
    let options = options.into_iter();
    options
        .map(|(name, value)| (name, value.expose_secret().to_owned()))
        .collect()
}

/// The secrets that options name.
pub(crate) fn secrets_of(options: &BTreeMap<String, StoreOption>) -> Vec<NamedSecret> {
    let secrets = options.iter().filter_map(|(name, value)| match value {
        StoreOption::Text(_) => None,
        StoreOption::Secret(place) => Some(NamedSecret {
            noun: name.clone(),
            place: place.clone(),
            kind: option_kind(name),
        }),
    });
    secrets.collect()
}

/// Checks the URL of a store; `None` where a problem was reported.
pub(crate) fn check_url(
    checks: &mut Checks<'_, '_>,
    text: &str,
    place: &SettingPlace,
) -> Option<Url> {
    const FORMS: &str = "write for example \"gs://bucket/prefix\", \"s3://bucket/prefix\", \
                         \"az://container/prefix\" or \"file:///absolute/path\"";
    let Ok(url) = Url::parse(text) else {
        checks.problem(place, "is not a URL", FORMS);
        return None;
    };
    let bucket = url.host_str().is_some_and(|host| !host.is_empty());
    let wrong = match StoreKind::from_scheme(url.scheme()) {
        Some(kind) if kind.is_remote() && !bucket => Some("has no bucket"),
        Some(StoreKind::Disk) if bucket => {
            Some("is a file URL with a host; the path of a file URL is absolute")
        }
        Some(StoreKind::Disk) if url.path() == "/" => Some("is the root of the file system"),
        Some(_) => None,
        None => Some("is not the URL of a supported store"),
    };
    let wrong = wrong.or_else(|| {
        let credentials = !url.username().is_empty() || url.password().is_some();
        if credentials {
            Some("contains credentials")
        } else if url.query().is_some() || url.fragment().is_some() {
            Some("contains a query or a fragment")
        } else {
            None
        }
    });
    if let Some(wrong) = wrong {
        checks.problem(place, wrong, FORMS);
        return None;
    }
    Some(url)
}

/// Checks the options of a store of this kind, where the kind is known; `None` where a problem was reported.
pub(crate) fn check_options(
    checks: &mut Checks<'_, '_>,
    written: &BTreeMap<String, OptionValue>,
    kind: Option<StoreKind>,
    place: &SettingPlace,
) -> Option<BTreeMap<String, StoreOption>> {
    let before = checks.problems.len();
    let mut options = BTreeMap::new();
    for (name, value) in written {
        let place = place.key(name);
        // The store would ignore it silently.
        if let Some(kind) = kind
            && !has_option(kind, name)
        {
            checks.problem(
                &place,
                format!("is not an option of a {}:// store", kind.scheme()),
                "remove it; the names are those of the Rust crate object_store 0.13",
            );
            continue;
        }
        let value = match value {
            OptionValue::Text(_) if is_secret(name) => {
                checks.problem(
                    &place,
                    "is a secret, which must not be in this file",
                    format!(
                        "write {name} = {{ env = \"{}\" }}, and replace the secret if others saw it",
                        name.to_ascii_uppercase()
                    ),
                );
                continue;
            }
            OptionValue::Text(text) => StoreOption::Text(text.clone()),
            OptionValue::Flag(flag) => StoreOption::Text(flag.to_string()),
            OptionValue::Secret(table) => match checks.secret(table, &place) {
                Some(secret) => StoreOption::Secret(secret),
                None => continue,
            },
        };
        options.insert(name.clone(), value);
    }
    (checks.problems.len() == before).then_some(options)
}

/// What the text of an option is that is kept as a secret.
fn option_kind(name: &str) -> TextKind {
    // A service account key is a file of JSON.
    if is_secret(name) && !name.contains("service_account_key") {
        TextKind::Token
    } else {
        TextKind::Document
    }
}

/// Whether an option holds something that opens a door, going by its name. The names of files,
/// addresses and ids that lead to a secret are none.
fn is_secret(name: &str) -> bool {
    let leads_to_one = ["_file", "_path", "_url", "_uri", "_id", "_host"]
        .iter()
        .any(|end| name.ends_with(end));
    let holds_one = [
        "secret",
        "password",
        "token",
        "sas_key",
        "service_account_key",
        "account_key",
        "access_key",
        "master_key",
        "customer_key",
    ]
    .iter()
    .any(|part| name.contains(part));
    holds_one && !leads_to_one
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_names() {
        for (name, secret) in [
            ("aws_secret_access_key", true),
            ("aws_access_key_id", false),
            ("aws_session_token", true),
            ("aws_web_identity_token_file", false),
            ("sse_customer_key_base64", true),
            ("sse_kms_key_id", false),
            ("google_service_account_key", true),
            ("google_service_account_path", false),
            ("azure_storage_account_key", true),
            ("azure_storage_sas_token", true),
            ("client_secret", true),
            ("azure_client_id", false),
            ("google_bearer_token", true),
            ("aws_region", false),
            ("fabric_token_service_url", false),
        ] {
            assert_eq!(is_secret(name), secret, "{name}");
        }
    }
}
