//! Microsoft's emulator of Azure Blob Storage.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::{TimeDelta, Utc};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::missing::Stop;
use crate::node::Packages;
use crate::process::Server;
use crate::stores::{Place, runtime};

/// The account and the key that every Azurite has.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const CONTAINER: &str = "lake";

/// What a signature allows on blobs: all of it.
pub(crate) const EVERYTHING: &str = "racwdl";
/// Read, create and list: neither write over nor delete.
pub(crate) const CREATE_ONLY: &str = "rcl";

/// The version of the interface whose signatures are made here.
const VERSION: &str = "2018-11-09";

/// A running Azurite with one empty container.
pub(crate) struct Azurite {
    server: Server,
}

impl Azurite {
    /// Starts Azurite and makes the container.
    pub(crate) fn start() -> Result<Self, Stop> {
        let mut command = Packages::new("azurite")?.program("azurite-blob");
        command
            .args(["--blobHost", "127.0.0.1", "--blobPort", "0", "--silent"])
            .args(["--inMemoryPersistence", "--disableTelemetry"])
            // It refuses versions of the interface that are newer than itself.
            .arg("--skipApiVersionCheck");
        let azurite = Self {
            server: Server::start(command)?,
        };
        let sas = for_containers()?;
        let url = format!("{}/{CONTAINER}?restype=container&{sas}", azurite.endpoint());
        let create = reqwest::Client::new()
            .put(url)
            .header("content-length", 0)
            .send();
        runtime()?.block_on(create)?.error_for_status()?;
        Ok(azurite)
    }

    fn endpoint(&self) -> String {
        format!("{}/{ACCOUNT}", self.server.url())
    }

    fn place(&self) -> Place {
        Place::new(
            format!("az://{CONTAINER}/trailhouse"),
            &[
                ("azure_endpoint", &self.endpoint()),
                ("azure_storage_account_name", ACCOUNT),
            ],
        )
    }

    /// A lake in the container, opened with the key of the account.
    pub(crate) fn by_key(&self) -> Place {
        self.place().with_secret("azure_storage_account_key", KEY)
    }

    /// A lake in the container, opened with a signature that allows so much.
    pub(crate) fn by_signature(&self, permissions: &str) -> Result<Place, Stop> {
        let sas = for_blobs(permissions)?;
        Ok(self.place().with_secret("azure_storage_sas_token", &sas))
    }
}

/// A signature that allows to create containers, as the query of a URL.
fn for_containers() -> Result<String, Stop> {
    let expiry = expiry();
    let signed = format!("{ACCOUNT}\nc\nb\nc\n\n{expiry}\n\n\n{VERSION}\n");
    query(
        &signed,
        &[("ss", "b"), ("srt", "c"), ("sp", "c"), ("se", &expiry)],
    )
}

/// A signature that allows so much in the container. One of the account would do as well, but Azurite
/// knows no list of deletes under one.
fn for_blobs(permissions: &str) -> Result<String, Stop> {
    let expiry = expiry();
    let container = format!("/blob/{ACCOUNT}/{CONTAINER}");
    let signed = format!("{permissions}\n\n{expiry}\n{container}\n\n\n\n{VERSION}\nc\n\n\n\n\n\n");
    query(
        &signed,
        &[("sr", "c"), ("sp", permissions), ("se", &expiry)],
    )
}

fn expiry() -> String {
    let expiry = Utc::now() + TimeDelta::hours(1);
    expiry.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn query(signed: &str, parameters: &[(&str, &str)]) -> Result<String, Stop> {
    let key = BASE64_STANDARD.decode(KEY)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key)?;
    mac.update(signed.as_bytes());
    let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .append_pair("sv", VERSION)
        .append_pair("sig", &signature)
        .finish();
    Ok(query)
}
