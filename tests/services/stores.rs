//! The conformance suite of stores against servers that other people made. What no server of others
//! has, the preconditions of GCS, is tried on the double in `tests/gcs`.

use std::path::Path;

use bytes::Bytes;
use trailhouse::store::{
    Bucket, Keeps, Removal, StoreNonconformance, StoreOptions, check_objects, check_store,
    prove_create_once, prove_kept,
};

use crate::azurite::{Azurite, CREATE_ONLY, EVERYTHING};
use crate::gcs;
use crate::localbucket::LocalBucket;
use crate::missing::{Stop, Suite};
use crate::s3::{S3, moto};

pub(crate) fn add_to(suite: &mut Suite) {
    suite.add("stores::disk", disk);
    suite.add("stores::s3", s3);
    suite.add("stores::s3_with_object_lock", s3_with_object_lock);
    suite.add("stores::s3_with_versions", s3_with_versions);
    suite.add("stores::azure", azure);
    suite.add("stores::azure_by_create_only_account", azure_create_only);
    suite.add("stores::gcs_double", gcs_double);
    suite.add("stores::gcs_localbucket", gcs_localbucket);
    suite.add("stores::gcs_moto", gcs_moto);
}

/// The environment variable that holds the secret of a lake.
pub(crate) const SECRET: &str = "LAKE_SECRET";

/// Where a lake is, and what opens it.
#[derive(Clone)]
pub(crate) struct Place {
    url: String,
    options: Vec<(&'static str, String)>,
    secret: Option<(&'static str, String)>,
}

impl Place {
    pub(crate) fn new(url: String, options: &[(&'static str, &str)]) -> Self {
        let options = options.iter().map(|(name, value)| (*name, (*value).into()));
        Self {
            url,
            options: options.collect(),
            secret: None,
        }
    }

    pub(crate) fn with_secret(self, name: &'static str, value: &str) -> Self {
        Self {
            secret: Some((name, value.to_owned())),
            ..self
        }
    }

    pub(crate) fn on_disk(folder: &Path) -> Self {
        Self::new(format!("file://{}", folder.display()), &[])
    }

    /// A lake on the double of GCS, in its bucket `lake`.
    pub(crate) fn on_double(server: &gcs::Server, account: gcs::Account) -> Self {
        let [(base, url), (token, secret)] = server.options(account);
        Self::new("gs://lake/trailhouse".to_owned(), &[(base, &url)]).with_secret(token, &secret)
    }

    /// The lake opened here.
    fn bucket(&self) -> Result<Bucket, Stop> {
        let all = self.options.iter().chain(&self.secret);
        let options: StoreOptions = all
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        Ok(Bucket::open(&self.url, &options)?)
    }

    /// What stands under `[lake]` of a configuration. A secret in the file itself is refused.
    pub(crate) fn table(&self) -> String {
        let mut table = format!("url = \"{}\"\n[lake.options]\n", self.url);
        for (name, value) in &self.options {
            table.push_str(&format!("{name} = \"{value}\"\n"));
        }
        if let Some((name, _)) = &self.secret {
            table.push_str(&format!("{name} = {{ env = \"{SECRET}\" }}\n"));
        }
        table
    }

    /// The value of [`SECRET`].
    pub(crate) fn secret(&self) -> &str {
        self.secret.as_ref().map_or("", |(_, value)| value)
    }
}

pub(crate) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

fn contents() -> (Bytes, Bytes) {
    (Bytes::from_static(b"first"), Bytes::from_static(b"other"))
}

/// The whole suite.
fn conforms(place: &Place) -> Result<(), Stop> {
    let bucket = place.bucket()?;
    Ok(runtime()?.block_on(check_store(&bucket, "doctor/1"))?)
}

/// What is created is neither written over nor deleted.
fn keeps(place: &Place) -> Result<(), Stop> {
    let (content, other) = contents();
    let bucket = place.bucket()?;
    Ok(runtime()?.block_on(prove_kept(&bucket, "kept", &content, &other))?)
}

/// Everything is as it must be but the one thing that the ledger stands on, and that is found out.
fn lacks_create_if_absent(place: &Place) -> Result<(), Stop> {
    let bucket = place.bucket()?;
    let (content, other) = contents();
    runtime()?.block_on(async {
        check_objects(&bucket, "objects").await?;
        let proof = prove_create_once(&bucket, "once", &content, &other).await;
        let found = match proof {
            Err(StoreNonconformance::Broken { broken, .. }) => broken,
            other => return Err(Stop::Failed(format!("taken for fit: {other:?}"))),
        };
        assert!(found.contains("second create"), "{found}");
        Ok(())
    })
}

fn disk() -> Result<(), Stop> {
    let folder = tempfile::tempdir()?;
    conforms(&Place::on_disk(folder.path()))
}

fn s3() -> Result<(), Stop> {
    let s3 = S3::start()?;
    conforms(&s3.place())
}

/// In a bucket with object lock an overwrite and a delete are not refused: the first adds a version,
/// the second a mark. What is shown is that a put is accepted there, which takes a checksum; that a
/// create is still refused where there is an object; and that neither touches the version that was
/// created, which cannot be deleted.
fn s3_with_object_lock() -> Result<(), Stop> {
    let s3 = S3::start_locked()?;
    conforms(&s3.place())?;
    let bucket = s3.place().bucket()?;
    let (content, other) = contents();
    runtime()?.block_on(async {
        prove_create_once(&bucket, "entry", &content, &other).await?;
        bucket.replace("entry", other.clone()).await?;
        let keeps = bucket.keeps("entry").await?;
        assert_eq!(keeps.versions, Some(true));
        let locked = keeps.locked_until;
        assert!(locked.is_some_and(|until| until > chrono::Utc::now()));
        let removed = bucket.remove("entry").await?;
        assert_eq!(removed, Removal::Hidden { until: locked });
        assert_eq!(bucket.remove("entry").await?, Removal::Missing);

        let client = reqwest::Client::new();
        let versions = client.get(s3.url_of("?versions&prefix=trailhouse/entry"));
        let versions = versions.send().await?.error_for_status()?.text().await?;
        let ids: Vec<&str> = versions
            .split("<Version>")
            .skip(1)
            .filter_map(|version| version.split("<VersionId>").nth(1)?.split('<').next())
            .collect();
        assert_eq!(ids.len(), 2, "{versions}");
        assert!(versions.contains("<DeleteMarker>"), "{versions}");
        let mut kept = Vec::new();
        for id in ids {
            let url = s3.url_of(&format!("/trailhouse/entry?versionId={id}"));
            let deleted = client.delete(&url).send().await?;
            assert_eq!(deleted.status(), reqwest::StatusCode::FORBIDDEN, "{url}");
            kept.push(client.get(&url).send().await?.bytes().await?);
        }
        kept.sort();
        assert_eq!(kept, [content, other]);
        Ok(())
    })
}

/// Versions are kept from when they are asked for, and of an object that is older only the deletion
/// shows that it stays: this server does not even say that it has another version. A bucket whose
/// versioning is suspended is not tried, for the server then forgets versions that it should keep.
fn s3_with_versions() -> Result<(), Stop> {
    let s3 = S3::start()?;
    let bucket = s3.place().bucket()?;
    let (content, _) = contents();
    runtime()?.block_on(async {
        for name in ["plain", "older"] {
            bucket.create(name, content.clone()).await?;
            assert_eq!(bucket.keeps(name).await?.versions, Some(false));
        }
        assert_eq!(bucket.remove("plain").await?, Removal::Gone);
        s3.keep_versions().await?;
        bucket.create("newer", content).await?;
        for (name, versions) in [("older", Some(false)), ("newer", Some(true))] {
            assert_eq!(bucket.keeps(name).await?.versions, versions, "{name}");
            let removed = bucket.remove(name).await?;
            assert_eq!(removed, Removal::Hidden { until: None }, "{name}");
        }
        for name in ["plain", "older", "newer"] {
            assert_eq!(bucket.remove(name).await?, Removal::Missing, "{name}");
        }
        Ok(())
    })
}

/// By the key of the account, and by a signature, with which a checksum can be sent, which Azurite
/// compares. Azurite knows no policies that keep blobs.
fn azure() -> Result<(), Stop> {
    let azurite = Azurite::start()?;
    conforms(&azurite.by_key())?;
    let azurite = Azurite::start()?;
    let place = azurite.by_signature(EVERYTHING)?;
    conforms(&place)?;
    let bucket = place.bucket()?;
    let (content, _) = contents();
    runtime()?.block_on(async {
        bucket.create("removed", content).await?;
        // It has no versions, and does not say so.
        assert_eq!(bucket.keeps("removed").await?, Keeps::default());
        assert_eq!(bucket.remove("removed").await?, Removal::Gone);
        assert_eq!(bucket.remove("removed").await?, Removal::Missing);
        Ok(())
    })
}

fn azure_create_only() -> Result<(), Stop> {
    let azurite = Azurite::start()?;
    let place = azurite.by_signature(CREATE_ONLY)?;
    conforms(&place)?;
    keeps(&place)
}

fn gcs_double() -> Result<(), Stop> {
    for account in [gcs::Account::All, gcs::Account::CreateOnly] {
        let (_folder, server) = double()?;
        conforms(&Place::on_double(&server, account))?;
    }
    Ok(())
}

/// A double of GCS with an empty bucket `lake`, and the folder that it is in.
pub(crate) fn double() -> Result<(tempfile::TempDir, gcs::Server), Stop> {
    let folder = tempfile::tempdir()?;
    std::fs::create_dir(folder.path().join("lake"))?;
    let server = gcs::Server::start(folder.path())?;
    Ok((folder, server))
}

fn gcs_localbucket() -> Result<(), Stop> {
    let server = LocalBucket::start()?;
    lacks_create_if_absent(&server.place())
}

/// It lets nobody in without a token, and everybody with one.
fn gcs_moto() -> Result<(), Stop> {
    let server = moto()?;
    let create = reqwest::Client::new().put(format!("{}/lake", server.url()));
    runtime()?.block_on(create.send())?.error_for_status()?;
    let options = [("google_base_url", server.url())];
    let place = Place::new("gs://lake/trailhouse".to_owned(), &options);
    lacks_create_if_absent(&place.with_secret("google_bearer_token", "any-token"))
}
