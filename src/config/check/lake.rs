//! Checks `[lake]`: an address of a store that we know, and options that this store knows.

use std::collections::BTreeMap;

use url::Url;

use super::Checks;
use crate::config::file::{LakeTable, OptionValue};
use crate::config::{Lake, StoreOption};
use crate::settings::problem::SettingPlace;
use crate::store::has_option;
use crate::text::TextKind;

pub(super) fn check(checks: &mut Checks<'_, '_>, table: &LakeTable) -> Option<Lake> {
    check_at(checks, table, &SettingPlace::at("lake"))
}

/// Checks a table of the same form that stands elsewhere.
pub(super) fn check_at(
    checks: &mut Checks<'_, '_>,
    table: &LakeTable,
    place: &SettingPlace,
) -> Option<Lake> {
    let url_place = place.key("url");
    let url = address(checks, &table.url, &url_place).filter(|_| checks.is_written(&url_place));
    let options = options(checks, table, url.as_ref(), &place.key("options"));
    Some(Lake {
        url: url?,
        options: options?,
    })
}

/// The kind of store that the lake is in, where it is known.
pub(super) fn scheme(checks: &Checks<'_, '_>, table: &LakeTable) -> Option<String> {
    let written = checks.is_written(&SettingPlace::at("lake").key("url"));
    let url = Url::parse(&table.url).ok().filter(|_| written)?;
    SCHEMES
        .contains(&url.scheme())
        .then(|| url.scheme().to_owned())
}

const SCHEMES: [&str; 5] = ["gs", "s3", "az", "file", "memory"];

fn address(checks: &mut Checks<'_, '_>, text: &str, place: &SettingPlace) -> Option<Url> {
    const FORMS: &str = "write for example \"gs://bucket/prefix\", \"s3://bucket/prefix\", \
                         \"az://container/prefix\" or \"file:///absolute/path\"";
    let Ok(url) = Url::parse(text) else {
        checks.problem(place, "is not a URL", FORMS);
        return None;
    };
    let bucket = url.host_str().is_some_and(|host| !host.is_empty());
    let wrong = match url.scheme() {
        "gs" | "s3" | "az" if !bucket => Some("has no bucket"),
        "file" if bucket => Some("is a file URL with a host; the path of a file URL is absolute"),
        "file" if url.path() == "/" => Some("is the root of the file system"),
        scheme if SCHEMES.contains(&scheme) => None,
        _ => Some("is not the URL of a supported store"),
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
    if url.scheme() == "memory" {
        checks.warn(
            place,
            "a lake in memory is lost when the program ends",
            "use it in tests only",
        );
    }
    Some(url)
}

fn options(
    checks: &mut Checks<'_, '_>,
    table: &LakeTable,
    url: Option<&Url>,
    place: &SettingPlace,
) -> Option<BTreeMap<String, StoreOption>> {
    let before = checks.problems.len();
    let mut options = BTreeMap::new();
    for (name, value) in &table.options {
        let place = place.key(name);
        // The store would ignore it silently.
        if let Some(url) = url
            && !has_option(url.scheme(), name)
        {
            checks.problem(
                &place,
                format!("is not an option of a {}:// store", url.scheme()),
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
pub(in crate::config) fn option_kind(name: &str) -> TextKind {
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
