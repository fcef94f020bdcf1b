//! Looking around in a bucket that others write: its folders, and what tells versions of objects apart.

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
}
