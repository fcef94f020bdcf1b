//! What the URL of a bucket says.

use std::path::PathBuf;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use url::Url;

use super::directory::unusable;
use super::disk;
use super::error::OpenError;
use super::kind::StoreKind;
use super::purpose::StorePurpose;
use super::said::{clean, deepest};
use crate::foreign::Secrets;

const FORMS: &str = "use file://, gs://, s3:// or az://";

/// A bucket URL taken apart.
#[derive(Debug)]
pub(super) struct Location {
    pub(super) kind: StoreKind,
    /// For people: no credentials, no slash at the end.
    pub(super) url: String,
    /// The bucket or container; empty for a directory.
    pub(super) host: String,
    prefix: Path,
}

impl Location {
    pub(super) fn parse(text: &str) -> Result<Self, OpenError> {
        let parsed = Url::parse(text).map_err(|error| OpenError::Url {
            url: without_credentials(text),
            reason: error.to_string(),
        })?;
        let mut shown = parsed.clone();
        shown.set_query(None);
        shown.set_fragment(None);
        // Fails only for URLs that cannot have a user name, which then show none.
        let _ = shown.set_username("").and(shown.set_password(None));
        let url = match shown.as_str() {
            _ if shown.cannot_be_a_base() => without_credentials(text),
            shown if shown.ends_with("://") => shown.to_owned(),
            shown => shown.trim_end_matches('/').to_owned(),
        };
        let wrong = |reason: &str| OpenError::Url {
            url: url.clone(),
            reason: reason.to_owned(),
        };
        if shown != parsed {
            return Err(wrong(
                "remove the user name, password, query or fragment; credentials come from the \
                 environment or from options",
            ));
        }
        let kind = match StoreKind::from_scheme(parsed.scheme()) {
            None => return Err(wrong(FORMS)),
            Some(StoreKind::Memory) if !cfg!(debug_assertions) => return Err(wrong(FORMS)),
            Some(kind) => kind,
        };
        let host = parsed.host_str().unwrap_or_default().to_owned();
        match kind {
            StoreKind::Disk if !host.is_empty() => {
                return Err(wrong("a file URL needs three slashes and an absolute path"));
            }
            StoreKind::Disk | StoreKind::Memory => {}
            StoreKind::Gcs | StoreKind::S3 | StoreKind::Azure if parsed.port().is_some() => {
                return Err(wrong(
                    "a bucket URL has no port; set the endpoint as an option",
                ));
            }
            StoreKind::Gcs | StoreKind::S3 | StoreKind::Azure if host.is_empty() => {
                return Err(wrong("the name of the bucket is missing"));
            }
            StoreKind::Gcs | StoreKind::S3 | StoreKind::Azure => {}
        }
        let prefix =
            Path::from_url_path(parsed.path()).map_err(|error| wrong(&error.to_string()))?;
        let url = match kind {
            StoreKind::Disk if prefix.as_ref().is_empty() => "file:///".to_owned(),
            _ => url,
        };
        Ok(Self {
            kind,
            url,
            host,
            prefix,
        })
    }

    pub(super) fn directory(&self) -> Result<PathBuf, OpenError> {
        Url::parse(&self.url)
            .ok()
            .and_then(|url| url.to_file_path().ok())
            .ok_or_else(|| OpenError::Url {
                url: self.url.clone(),
                reason: "it is not an absolute path on this system".to_owned(),
            })
    }

    /// The store as seen from the prefix.
    pub(super) fn with_prefix(&self, store: impl ObjectStore) -> Arc<dyn ObjectStore> {
        if self.prefix.as_ref().is_empty() {
            Arc::new(store)
        } else {
            Arc::new(PrefixStore::new(store, self.prefix.clone()))
        }
    }

    pub(super) fn settings(&self, error: &object_store::Error, secrets: &Secrets) -> OpenError {
        OpenError::Settings {
            url: self.url.clone(),
            said: clean(secrets, &deepest(error)),
        }
    }
}

/// Text that is no URL of a bucket, cut before anything that could be a credential.
fn without_credentials(text: &str) -> String {
    let stop: &[char] = if text.contains('@') {
        &[':', '@', '?', '#']
    } else {
        &['?', '#']
    };
    let end = text.find(stop).unwrap_or(text.len());
    text[..end].chars().filter(|c| !c.is_control()).collect()
}

/// The directory that a `file://` URL names; `None` for other stores.
fn directory(url: &str) -> Result<Option<PathBuf>, OpenError> {
    let location = Location::parse(url)?;
    match location.kind {
        StoreKind::Disk => location.directory().map(Some),
        _ => Ok(None),
    }
}

/// Makes the directory that a `file://` URL names; nothing for other stores.
pub(super) fn prepare(url: &str) -> Result<(), OpenError> {
    let Some(path) = directory(url)? else {
        return Ok(());
    };
    disk::create_root(&path).map_err(|error| unusable(StorePurpose::Lake, &path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Bucket, StoreKind, StoreOptions};

    #[test]
    fn a_directory_must_exist_or_be_prepared() {
        let parent = tempfile::tempdir().unwrap();
        let url = Url::from_directory_path(parent.path().join("a/lake with space")).unwrap();
        assert!(Bucket::open(url.as_str(), &StoreOptions::new()).is_err());
        prepare(url.as_str()).unwrap();
        prepare(url.as_str()).unwrap();
        let opened = Bucket::open(url.as_str(), &StoreOptions::new()).unwrap();
        assert_eq!(opened.kind(), StoreKind::Disk);
        assert!(opened.url().ends_with("/a/lake%20with%20space"));
        assert_eq!(directory("s3://b").unwrap(), None);
    }
}
