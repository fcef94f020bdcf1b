//! From a URL and options to an open store.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{
    AmazonS3Builder, AmazonS3ConfigKey, AwsCredentialProvider, Checksum, S3ConditionalPut,
};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::client::StaticCredentialProvider;
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{BackoffConfig, ClientConfigKey, ObjectStore, RetryConfig};
use url::Url;

use super::directory;
use super::disk::DiskStore;
use super::error::OpenError;
use super::http::RequestObserver;
use super::kind::StoreKind;
use super::location::Location;
use super::purpose::StorePurpose;
use super::said::learn;
use crate::foreign::credentials_in;
use crate::http::is_loopback;

/// Options of a store by name, as `object_store` names them.
pub type StoreOptions = BTreeMap<String, String>;

/// A token that somebody else fetched, such as that of `gcloud auth print-access-token`. The names are
/// those of later versions of `object_store`, which has no such option yet.
const GOOGLE_BEARER_TOKEN: [&str; 2] = ["google_bearer_token", "bearer_token"];

/// Whether a store of this kind has an option of that name.
pub(crate) fn has_option(kind: StoreKind, name: &str) -> bool {
    match kind {
        StoreKind::Gcs => {
            GOOGLE_BEARER_TOKEN.contains(&name) || name.parse::<GoogleConfigKey>().is_ok()
        }
        StoreKind::S3 => name.parse::<AmazonS3ConfigKey>().is_ok(),
        StoreKind::Azure => name.parse::<AzureConfigKey>().is_ok(),
        StoreKind::Disk | StoreKind::Memory => false,
    }
}

/// How long one request may take, body included: enough for the largest data file at 5 Mbit/s.
const REQUEST_TIMEOUT: &str = "120 seconds";
const CONNECT_TIMEOUT: &str = "10 seconds";

/// Retries below the level at which a run decides anything. A run has a deadline of its own, so an
/// answer must come within minutes.
const RETRIES: RetryConfig = RetryConfig {
    backoff: BackoffConfig {
        init_backoff: Duration::from_millis(200),
        max_backoff: Duration::from_secs(15),
        base: 2.0,
    },
    max_retries: 6,
    retry_timeout: Duration::from_secs(90),
};

pub(super) struct OpenedLocation {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) kind: StoreKind,
    /// For people: no credentials, no slash at the end.
    pub(super) url: String,
}

pub(super) fn open(
    purpose: StorePurpose,
    url: &str,
    options: &StoreOptions,
    observer: &RequestObserver,
) -> Result<OpenedLocation, OpenError> {
    let location = Location::parse(url)?;
    // Options may hold addresses, and these a password.
    let addresses = options.values().flat_map(|value| credentials_in(value));
    learn(&observer.secrets, addresses);
    let store = match location.kind {
        StoreKind::Disk => open_directory(purpose, &location, options, observer)?,
        StoreKind::Gcs => open_gcs(&location, options, observer)?,
        StoreKind::S3 => open_s3(purpose, &location, options, observer)?,
        StoreKind::Azure => open_azure(&location, options, observer)?,
        StoreKind::Memory => {
            refuse_all(&location, options)?;
            Arc::new(object_store::memory::InMemory::new())
        }
    };
    Ok(OpenedLocation {
        store,
        kind: location.kind,
        url: location.url,
    })
}

fn refuse_all(location: &Location, options: &StoreOptions) -> Result<(), OpenError> {
    match options.keys().next() {
        None => Ok(()),
        Some(option) => Err(OpenError::UnknownOption {
            url: location.url.clone(),
            option: option.clone(),
        }),
    }
}

fn open_directory(
    purpose: StorePurpose,
    location: &Location,
    options: &StoreOptions,
    observer: &RequestObserver,
) -> Result<Arc<dyn ObjectStore>, OpenError> {
    refuse_all(location, options)?;
    let path = location.directory()?;
    let usable = std::fs::read_dir(&path).map(drop);
    usable.map_err(|error| directory::unusable(purpose, &path, &error))?;
    let store =
        DiskStore::open(&path).map_err(|error| location.settings(&error, &observer.secrets))?;
    Ok(Arc::new(store))
}

/// Parses every option and refuses those that are not the user's to set.
fn parse_options<K: FromStr + PartialEq>(
    location: &Location,
    options: &StoreOptions,
    fixed: &[(K, &'static str)],
) -> Result<Vec<(K, String)>, OpenError> {
    let mut parsed = Vec::with_capacity(options.len());
    for (option, value) in options {
        let url = location.url.clone();
        let option = option.clone();
        let Ok(key) = option.parse::<K>() else {
            return Err(OpenError::UnknownOption { url, option });
        };
        if let Some((_, reason)) = fixed.iter().find(|(fixed, _)| *fixed == key) {
            return Err(OpenError::FixedOption {
                url,
                option,
                reason,
            });
        }
        parsed.push((key, value.clone()));
    }
    Ok(parsed)
}

const BUCKET_IN_URL: &str = "it is part of the URL";

/// Whether what is sent there does not leave the machine.
fn stays_here(endpoint: Option<&str>) -> bool {
    let url = endpoint.and_then(|endpoint| Url::parse(endpoint).ok());
    url.as_ref().is_some_and(is_loopback)
}

/// An endpoint that was written with `http://` is meant so: it is an emulator or a private store.
fn is_plain_http(endpoint: Option<&str>) -> bool {
    endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"))
}

fn open_s3(
    purpose: StorePurpose,
    location: &Location,
    options: &StoreOptions,
    observer: &RequestObserver,
) -> Result<Arc<dyn ObjectStore>, OpenError> {
    let store = s3_builder(purpose, location, options, observer)?
        // A bucket with object lock refuses a put without checksum; some look for its MD5, which we add.
        .with_checksum_algorithm(Checksum::SHA256)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_retry(RETRIES)
        .with_http_connector(observer.clone())
        .build()
        .map_err(|error| location.settings(&error, &observer.secrets))?;
    Ok(location.with_prefix(store))
}

/// Who gives credentials of AWS, found as a bucket of S3 finds them: in its options, in the environment, from the
/// container or the machine. Nothing is asked yet.
///
/// # Errors
/// Options that cannot work.
pub(crate) fn aws_credentials(
    region: &str,
    options: &StoreOptions,
) -> Result<AwsCredentialProvider, OpenError> {
    // Credentials belong to no bucket, and only a bucket is asked for them.
    let location = Location::parse("s3://credentials")?;
    let observer = RequestObserver::default();
    let mut builder = s3_builder(StorePurpose::Source, &location, options, &observer)?;
    if builder
        .get_config_value(&AmazonS3ConfigKey::Region)
        .is_none()
    {
        builder = builder.with_region(region);
    }
    let store = builder
        .with_retry(RETRIES)
        .with_http_connector(observer.clone())
        .build()
        .map_err(|error| location.settings(&error, &observer.secrets))?;
    Ok(Arc::clone(store.credentials()))
}

fn s3_builder(
    purpose: StorePurpose,
    location: &Location,
    options: &StoreOptions,
    observer: &RequestObserver,
) -> Result<AmazonS3Builder, OpenError> {
    use AmazonS3ConfigKey as Key;
    let fixed = [
        (Key::Bucket, BUCKET_IN_URL),
        (Key::Checksum, purpose.why_fixed()),
        (Key::ConditionalPut, purpose.why_fixed()),
    ];
    let options = parse_options(location, options, &fixed)?;
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(&location.host)
        .with_config(Key::Client(ClientConfigKey::Timeout), REQUEST_TIMEOUT)
        .with_config(
            Key::Client(ClientConfigKey::ConnectTimeout),
            CONNECT_TIMEOUT,
        );
    for (key, value) in options {
        builder = builder.with_config(key, value);
    }
    if is_plain_http(builder.get_config_value(&Key::Endpoint).as_deref()) {
        builder = builder.with_allow_http(true);
    }
    let customer_key = "aws_sse_customer_key_base64".parse().ok();
    let secrets = [Some(Key::SecretAccessKey), Some(Key::Token), customer_key];
    let secrets = secrets.iter().flatten();
    let secrets = secrets.filter_map(|key| builder.get_config_value(key));
    learn(&observer.secrets, secrets);
    Ok(builder)
}

fn open_gcs(
    location: &Location,
    options: &StoreOptions,
    observer: &RequestObserver,
) -> Result<Arc<dyn ObjectStore>, OpenError> {
    use GoogleConfigKey as Key;
    let mut options = options.clone();
    let token = GOOGLE_BEARER_TOKEN.map(|name| Some((name, options.remove(name)?)));
    let token = token.into_iter().flatten().next();
    let options = parse_options(location, &options, &[(Key::Bucket, BUCKET_IN_URL)])?;
    let mut builder = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(&location.host)
        .with_config(Key::Client(ClientConfigKey::Timeout), REQUEST_TIMEOUT)
        .with_config(
            Key::Client(ClientConfigKey::ConnectTimeout),
            CONNECT_TIMEOUT,
        );
    for (key, value) in options {
        builder = builder.with_config(key, value);
    }
    let endpoint = builder.get_config_value(&Key::BaseUrl);
    let plain_http = is_plain_http(endpoint.as_deref());
    if plain_http {
        builder = builder.with_config(Key::Client(ClientConfigKey::AllowHttp), "true");
    }
    let skip = builder.get_config_value(&Key::SkipSignature);
    let bearer = match &token {
        Some((option, _)) if plain_http && !stays_here(endpoint.as_deref()) => {
            return Err(OpenError::FixedOption {
                url: location.url.clone(),
                option: (*option).to_owned(),
                reason: "tokens are never sent unencrypted, and the endpoint is http://",
            });
        }
        Some((_, token)) => Some(token.clone()),
        // Emulators take none. Skipping the signature is not enough, because the client looks for
        // credentials before a put all the same.
        None if plain_http || skip.as_deref() == Some("true") => {
            builder = builder.with_skip_signature(true);
            Some(String::new())
        }
        None => None,
    };
    if let Some(bearer) = bearer {
        let fixed = StaticCredentialProvider::new(GcpCredential { bearer });
        builder = builder.with_credentials(Arc::new(fixed));
    }
    let token = token.map(|(_, token)| token);
    let key = builder.get_config_value(&Key::ServiceAccountKey);
    // Of a key in JSON the values come back rather than the whole.
    let key_values = key
        .iter()
        .flat_map(|key| key.split('"'))
        .filter(|value| value.len() > 40);
    let key_values: Vec<String> = key_values.map(|value| value.replace("\\n", "\n")).collect();
    learn(&observer.secrets, key_values);
    learn(&observer.secrets, key.into_iter().chain(token));
    let store = builder
        .with_retry(RETRIES)
        .with_http_connector(observer.clone())
        .build()
        .map_err(|error| location.settings(&error, &observer.secrets))?;
    Ok(location.with_prefix(store))
}

fn open_azure(
    location: &Location,
    options: &StoreOptions,
    observer: &RequestObserver,
) -> Result<Arc<dyn ObjectStore>, OpenError> {
    use AzureConfigKey as Key;
    let options = parse_options(location, options, &[(Key::ContainerName, BUCKET_IN_URL)])?;
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_container_name(&location.host)
        .with_config(Key::Client(ClientConfigKey::Timeout), REQUEST_TIMEOUT)
        .with_config(
            Key::Client(ClientConfigKey::ConnectTimeout),
            CONNECT_TIMEOUT,
        );
    for (key, value) in options {
        builder = builder.with_config(key, value);
    }
    if is_plain_http(builder.get_config_value(&Key::Endpoint).as_deref()) {
        builder = builder.with_allow_http(true);
    }
    let secrets = [
        Key::AccessKey,
        Key::ClientSecret,
        Key::SasKey,
        Key::Token,
        Key::FabricSessionToken,
    ];
    let secrets = secrets
        .iter()
        .filter_map(|key| builder.get_config_value(key));
    learn(&observer.secrets, secrets);
    let store = builder
        .with_retry(RETRIES)
        .with_http_connector(observer.clone())
        .build()
        .map_err(|error| location.settings(&error, &observer.secrets))?;
    Ok(location.with_prefix(store))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(
        url: &str,
        options: &[(&str, &str)],
        observer: &RequestObserver,
    ) -> Result<OpenedLocation, OpenError> {
        let options = options
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        open(StorePurpose::Lake, url, &options, observer)
    }

    fn opened(url: &str, options: &[(&str, &str)]) -> Result<OpenedLocation, OpenError> {
        observed(url, options, &RequestObserver::default())
    }

    fn error(url: &str, options: &[(&str, &str)]) -> String {
        match opened(url, options) {
            Ok(opened) => panic!("{url} opened as {}", opened.url),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn wrong_urls_are_refused_in_plain_words_and_without_secrets() {
        let table: [(&str, &[&str]); 9] = [
            ("lake", &["lake is not a valid bucket URL"]),
            ("ftp://host/lake", &["use file://, gs://, s3:// or az://"]),
            ("file://lake", &["three slashes"]),
            ("s3:///lake", &["name of the bucket is missing"]),
            (
                "s3://127.0.0.1:9000/lake",
                &["set the endpoint as an option"],
            ),
            (
                "s3://key:hunter2@bucket/x",
                &["s3://bucket/x", "remove the user name"],
            ),
            ("az://c/x?sig=hunter2", &["az://c/x is not a valid"]),
            ("gs://bucket/a//b", &["is not a valid bucket URL"]),
            ("key:hunter2@bucket", &["is not a valid bucket URL"]),
        ];
        for (url, parts) in table {
            let text = error(url, &[]);
            for part in parts {
                assert!(text.contains(part), "{url}: {text}");
            }
            assert!(!text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn unknown_and_fixed_options_are_named() {
        let table = [
            (
                "s3://b",
                "google_base_url",
                "has no option \"google_base_url\"",
            ),
            (
                "s3://b",
                "conditional_put",
                "cannot be set: the ledger depends on its fixed value",
            ),
            ("s3://b", "checksum_algorithm", "cannot be set"),
            ("gs://b", "bucket", "it is part of the URL"),
            ("az://b", "azure_container_name", "it is part of the URL"),
            ("file:///tmp", "timeout", "has no option"),
        ];
        for (url, option, part) in table {
            let text = error(url, &[(option, "x")]);
            assert!(text.contains(part) && text.contains(url), "{text}");
        }
    }

    #[test]
    fn stores_open_with_options_and_a_prefix() {
        let observer = RequestObserver::default();
        let s3 = observed(
            "s3://bucket/a/b/",
            &[
                ("aws_endpoint", "http://127.0.0.1:9"),
                ("aws_region", "eu-central-1"),
                ("access_key_id", "key"),
                ("secret_access_key", "hunter2"),
                ("proxy_url", "http://anna:pr%2Fxy-pass@proxy.example"),
            ],
            &observer,
        );
        let s3 = s3.ok().unwrap();
        assert_eq!(
            (s3.url.as_str(), s3.kind),
            ("s3://bucket/a/b", StoreKind::S3)
        );
        let said = observer.secrets.line("is hunter2 it, or pr/xy-pass?");
        assert_eq!(said, "is [credential] it, or [credential]?");
        assert!(s3.store.to_string().contains("a/b"));

        let gcs = opened("gs://bucket", &[("google_base_url", "http://127.0.0.1:9")]);
        assert_eq!(gcs.ok().map(|gcs| gcs.kind), Some(StoreKind::Gcs));

        let azure = opened(
            "az://container/lake",
            &[("account_name", "acme"), ("use_azure_cli", "true")],
        );
        assert_eq!(
            azure.ok().map(|azure| azure.url),
            Some("az://container/lake".to_owned())
        );
        assert!(error("az://container/lake", &[]).contains("ccount"));
    }

    #[test]
    fn a_token_stays_on_the_machine_or_under_tls() {
        const TOKEN: (&str, &str) = ("google_bearer_token", "hunter2-token");
        for endpoint in [
            "http://127.0.0.1:9",
            "http://localhost:9",
            "http://[::1]:9",
            "https://storage.googleapis.com",
        ] {
            let observer = RequestObserver::default();
            let options = [("google_base_url", endpoint), TOKEN];
            observed("gs://bucket", &options, &observer).ok().unwrap();
            let said = observer.secrets.line("hunter2-token");
            assert_eq!(said, "[credential]", "{endpoint}");
        }
        for endpoint in ["http://storage.example.com", "http://10.0.0.1"] {
            let text = error("gs://bucket", &[("base_url", endpoint), TOKEN]);
            assert!(text.contains("\"google_bearer_token\""), "{text}");
            assert!(text.contains("never sent unencrypted"), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
        assert!(error("s3://bucket", &[TOKEN]).contains("has no option"));
    }
}
