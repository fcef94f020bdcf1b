//! Looking around in a bucket that others write: its folders, and what tells versions of objects apart.

use std::collections::BTreeMap;

use bytes::Bytes;
use object_store::{Attribute, ObjectMeta};

use super::bucket::{Bucket, StoredObject};
use super::error::StoreError;

impl From<ObjectMeta> for StoredObject {
    fn from(meta: ObjectMeta) -> Self {
        Self {
            name: meta.location.into(),
            bytes: meta.size,
            modified: meta.last_modified,
            tag: meta.e_tag,
        }
    }
}

impl Bucket {
    /// Reads a whole object of at most `limit` bytes, with the metadata that whoever wrote it added; none where the store
    /// keeps none.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn read_with_metadata(
        &self,
        name: &str,
        limit: u64,
    ) -> Result<(Bytes, BTreeMap<String, String>), StoreError> {
        let got = self.get(name).await?;
        if got.meta.size > limit {
            return Err(StoreError::TooLarge {
                object: self.url_of(name),
                bytes: got.meta.size,
                limit,
            });
        }
        let metadata = got
            .attributes
            .iter()
            .filter_map(|(attribute, value)| match attribute {
                Attribute::Metadata(name) => Some((name.to_string(), value.to_string())),
                _ => None,
            });
        let metadata = metadata.collect();
        let content = got.bytes().await;
        let content = content.map_err(|cause| self.error("read", name, &cause))?;
        Ok((content, metadata))
    }

    /// The names of the folders in a folder, in order. None where there is no such folder.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn folders(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let prefix = self.path(folder)?;
        let found = self.store().list_with_delimiter(Some(&prefix)).await;
        let found = found.map_err(|cause| self.error("list", folder, &cause))?;
        let last = |path: &object_store::path::Path| path.filename().map(str::to_owned);
        let mut names: Vec<String> = found.common_prefixes.iter().filter_map(last).collect();
        names.sort_unstable();
        Ok(names)
    }
}
