//! Whether an object is the file that the ledger signed for.
//!
//! **Rule.** Nothing of a data file is loaded, queried or compared with before the object was found to be the
//! one that its entry states; another one is [`StoreError::Altered`], exit code 6, and nothing of it is used.
//! In this order:
//!
//! 1. What is read whole is hashed: SHA-256, as the entry states it.
//! 2. The store's own MD5 of the object equals the one in the entry. Only values that no client can set count:
//!    `x-goog-hash` of GCS, and an `ETag` of GCS or S3 that is an MD5 and equal. Azure keeps whatever MD5 it
//!    was told, so there it does not.
//! 3. Otherwise all bytes are read, a piece at a time, and hashed. So is a file of an entry that states no
//!    MD5, as those of version 1 do.
//!
//! What is read after a check names the entity tag that was checked (`If-Match`), so an object that is
//! exchanged in between is found, too. Whoever hands an object to somebody else to read, such as a warehouse,
//! compares before and after ([`Bucket::is_still`]).

use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use object_store::{GetOptions, GetResult};
use sha2::{Digest as _, Sha256};
use std::ops::Range;

use super::bucket::Bucket;
use super::error::StoreError;
use super::http::Aside;
use super::kind::StoreKind;
use super::present::PresenceQuestion;
use super::signed::{CheckedBy, CheckedObject, Md5Sum, SignedFile, stamp};
use crate::merkle::Hash;

/// What an object was found to hold.
#[derive(Debug)]
pub(crate) struct Content {
    /// Its size in bytes.
    pub(crate) bytes: u64,
    /// SHA-256 of its bytes; `None` where the size differs from the stated one, so that they were not read.
    pub(crate) sha256: Option<Hash>,
    /// The bytes themselves, where they are few enough.
    pub(crate) kept: Option<Bytes>,
}

impl Bucket {
    /// Checks an object that must exist.
    ///
    /// # Errors
    /// [`StoreError::Altered`] where it is another one, [`StoreError::Missing`] where it is absent; otherwise any
    /// [`StoreError`] of reading, which says nothing about it.
    pub async fn check(&self, file: &SignedFile) -> Result<CheckedObject, StoreError> {
        let mut asking = PresenceQuestion::begin();
        loop {
            match self.compare(file).await {
                Err(error) => asking.again(error).await?,
                checked => return checked,
            }
        }
    }

    /// The same, once for each file that this bucket and its clones are asked about: later reads name the
    /// entity tag that was checked.
    async fn checked_once(&self, file: &SignedFile) -> Result<CheckedObject, StoreError> {
        let cell = self.checked_files().of(file);
        let checked = cell.get_or_try_init(|| self.check(file)).await;
        checked.cloned()
    }

    /// Checks an object that may be absent, which is [`StoreError::NotFound`].
    ///
    /// # Errors
    /// As [`Self::check`].
    pub(crate) async fn compare(&self, file: &SignedFile) -> Result<CheckedObject, StoreError> {
        let (head, told) = self.head_of(&file.name).await?;
        if head.meta.size != file.bytes {
            let said = format!("it has {} bytes, not {}", head.meta.size, file.bytes);
            return Err(self.altered(file, said));
        }
        if file.md5.is_some() && self.md5_told(&head, &told) == file.md5 {
            return Ok(CheckedObject {
                by: CheckedBy::Store,
                stamp: stamp(&head),
            });
        }
        self.hash(file).await
    }

    /// Whether an object that was checked is in its place still.
    ///
    /// # Errors
    /// As [`Bucket::size`].
    pub(crate) async fn is_still(
        &self,
        file: &SignedFile,
        checked: &CheckedObject,
    ) -> Result<bool, StoreError> {
        let (head, _) = self.head_of(&file.name).await?;
        Ok(stamp(&head) == checked.stamp)
    }

    async fn head_of(&self, name: &str) -> Result<(GetResult, Aside), StoreError> {
        let path = self.path(name)?;
        let told = Aside::default();
        let mut options = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        options.extensions.insert(told.clone());
        let head = self.store().get_opts(&path, options).await;
        let head = head.map_err(|cause| self.error("check", name, &cause))?;
        Ok((head, told))
    }

    fn md5_told(&self, head: &GetResult, told: &Aside) -> Option<Md5Sum> {
        let of_tag = || {
            let tag = head.meta.e_tag.as_deref()?.trim_matches('"');
            let mut md5 = Md5Sum::default();
            hex::decode_to_slice(tag, &mut md5).ok()?;
            Some(md5)
        };
        match self.kind() {
            StoreKind::Gcs => told.md5().or_else(of_tag),
            StoreKind::S3 => of_tag(),
            StoreKind::Azure | StoreKind::Disk | StoreKind::Memory => None,
        }
    }

    /// Reads all bytes, a piece at a time.
    async fn hash(&self, file: &SignedFile) -> Result<CheckedObject, StoreError> {
        let (found, checked) = self.hashed(file, 0).await?;
        let said = match found.sha256 {
            Some(sha256) if sha256 == file.sha256 => return Ok(checked),
            Some(sha256) => format!("its SHA-256 is {}", hex::encode(sha256)),
            None => format!("it has {} bytes, not {}", found.bytes, file.bytes),
        };
        Err(self.altered(file, said))
    }

    /// Reads all bytes of an object that has the stated size, and returns what they are. An object with the stated
    /// bytes counts as checked from then on. Content of at most `keep` bytes is returned too.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or any other [`StoreError`] of reading.
    pub(crate) async fn content(
        &self,
        file: &SignedFile,
        keep: u64,
    ) -> Result<Content, StoreError> {
        let (found, checked) = self.hashed(file, keep).await?;
        if found.sha256 == Some(file.sha256) {
            // An earlier check of the same file is as good.
            let _ = self.checked_files().of(file).set(checked);
        }
        Ok(found)
    }

    async fn hashed(
        &self,
        file: &SignedFile,
        keep: u64,
    ) -> Result<(Content, CheckedObject), StoreError> {
        let got = self.get(&file.name).await?;
        let checked = CheckedObject::of_all_bytes(&got);
        if got.meta.size != file.bytes {
            let content = Content {
                bytes: got.meta.size,
                sha256: None,
                kept: None,
            };
            return Ok((content, checked));
        }
        let mut kept = (got.meta.size <= keep).then(BytesMut::new);
        let mut hasher = Sha256::new();
        let mut bytes = 0;
        let mut pieces = got.into_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|cause| self.error("read", &file.name, &cause))?;
            hasher.update(&piece);
            bytes += piece.len() as u64;
            if let Some(kept) = &mut kept {
                kept.extend_from_slice(&piece);
            }
        }
        let content = Content {
            bytes,
            sha256: (bytes == file.bytes).then(|| hasher.finalize().into()),
            kept: kept.map(BytesMut::freeze),
        };
        Ok((content, checked))
    }

    /// Reads parts of a file, which is checked before the first of them.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub(crate) async fn read_checked(
        &self,
        file: &SignedFile,
        ranges: &[Range<u64>],
    ) -> Result<Vec<Bytes>, StoreError> {
        let checked = self.checked_once(file).await?;
        self.read_ranges(&file.name, ranges, checked.e_tag()).await
    }

    /// Reads a small file whole, which checks it as well.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub(crate) async fn read_whole(&self, file: &SignedFile) -> Result<Bytes, StoreError> {
        let all = 0..file.bytes;
        match self.read_ranges(&file.name, &[all], None).await {
            Ok(mut parts) => match parts.pop() {
                Some(whole) if file.is(&whole) => Ok(whole),
                _ => Err(self.altered(file, "its content differs".to_owned())),
            },
            Err(error) => match self.check(file).await {
                // Shorter than stated, for example: no store has a clear answer to that.
                Err(altered @ StoreError::Altered { .. }) => Err(altered),
                _ => Err(error),
            },
        }
    }

    fn altered(&self, file: &SignedFile, said: String) -> StoreError {
        StoreError::Altered {
            object: self.url_of(&file.name),
            said,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::signed::{Stamp, md5_of};
    use super::*;
    use bytes::Bytes;

    fn signed(content: &[u8], md5: bool) -> SignedFile {
        SignedFile {
            name: "events/x".to_owned(),
            bytes: content.len() as u64,
            sha256: Sha256::digest(content).into(),
            md5: md5.then(|| md5_of(content)),
        }
    }

    #[tokio::test]
    async fn bytes_decide_where_the_store_says_nothing() {
        let bucket = Bucket::memory();
        let content = Bytes::from_static(b"as signed");
        bucket.create("events/x", content.clone()).await.unwrap();
        for md5 in [true, false] {
            let file = signed(&content, md5);
            let checked = bucket.check(&file).await.unwrap();
            assert_eq!(checked.by, CheckedBy::Bytes);
            assert!(bucket.is_still(&file, &checked).await.unwrap());
        }
        for other in [&b"as forged"[..], b"shorter", b"longer than it"] {
            let error = bucket.check(&signed(other, true)).await.unwrap_err();
            assert!(matches!(error, StoreError::Altered { .. }), "{error}");
            assert!(error.is_integrity());
        }
    }

    #[tokio::test]
    async fn what_is_exchanged_after_the_check_is_not_read() {
        let bucket = Bucket::memory();
        let content = Bytes::from_static(b"as signed");
        bucket.create("events/x", content.clone()).await.unwrap();
        let file = signed(&content, true);
        let checked = bucket.checked_once(&file).await.unwrap();
        let read = |e_tag: Option<String>| {
            let bucket = bucket.clone();
            async move {
                bucket
                    .read_ranges("events/x", &[0..2, 3..9], e_tag.as_deref())
                    .await
            }
        };
        let e_tag = checked.e_tag().map(str::to_owned);
        assert_eq!(read(e_tag.clone()).await.unwrap()[1], "signed");
        bucket
            .replace("events/x", "as forged".into())
            .await
            .unwrap();
        let error = read(e_tag).await.unwrap_err();
        assert!(matches!(error, StoreError::Altered { .. }), "{error}");
        assert!(!bucket.is_still(&file, &checked).await.unwrap());
    }

    #[test]
    fn a_weak_tag_is_not_compared() {
        let checked = |e_tag: &str| CheckedObject {
            by: CheckedBy::Store,
            stamp: Stamp {
                e_tag: Some(e_tag.to_owned()),
                version: None,
            },
        };
        assert_eq!(checked("W/\"x\"").e_tag(), None);
        assert_eq!(checked("\"x\"").e_tag(), Some("\"x\""));
    }
}
