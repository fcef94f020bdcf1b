//! Looking around in a bucket that others write: its folders, and objects with what tells their versions apart.

use bytes::Bytes;
use object_store::ObjectMeta;

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

    /// Reads a whole object of at most `limit` bytes, as it is now: it may have been replaced since it was
    /// listed.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn read_version(
        &self,
        name: &str,
        limit: u64,
    ) -> Result<(StoredObject, Bytes), StoreError> {
        let got = self.get(name).await?;
        if got.meta.size > limit {
            return Err(StoreError::TooLarge {
                object: self.url_of(name),
                bytes: got.meta.size,
                limit,
            });
        }
        let listed = StoredObject::from(got.meta.clone());
        let content = got.bytes().await;
        let content = content.map_err(|cause| self.error("read", name, &cause))?;
        Ok((listed, content))
    }
}
