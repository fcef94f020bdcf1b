//! A file as the ledger signed for it, and what is remembered of objects that were found to be one.

use md5::Md5;
use object_store::GetResult;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

use crate::merkle::Hash;

/// MD5 of an object: no proof of anything by itself, but the one hash that stores compute themselves.
pub type Md5Sum = [u8; 16];

/// MD5 of some bytes.
pub fn md5_of(content: &[u8]) -> Md5Sum {
    Md5::digest(content).into()
}

/// A file as its entry states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedFile {
    /// Name in the bucket.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the object.
    pub sha256: Hash,
    /// MD5 of the object; `None` in entries of version 1.
    pub md5: Option<Md5Sum>,
}

impl SignedFile {
    /// Whether some bytes are this file.
    pub(super) fn is(&self, content: &[u8]) -> bool {
        content.len() as u64 == self.bytes && Hash::from(Sha256::digest(content)) == self.sha256
    }
}

/// How an object was found to be the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckedBy {
    /// The store's own checksum of it.
    Store,
    /// All of its bytes.
    Bytes,
}

/// An object that was found to be the file that the ledger signed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedObject {
    /// How.
    pub by: CheckedBy,
    /// What tells this object from one that takes its place.
    pub(super) stamp: Stamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) e_tag: Option<String>,
    pub(super) version: Option<String>,
}

impl CheckedObject {
    /// An object all of whose bytes are being hashed.
    pub(super) fn of_all_bytes(object: &GetResult) -> Self {
        Self {
            by: CheckedBy::Bytes,
            stamp: stamp(object),
        }
    }

    /// The entity tag to name when the object is read: only a strong one can be compared.
    pub(super) fn e_tag(&self) -> Option<&str> {
        let e_tag = self.stamp.e_tag.as_deref();
        e_tag.filter(|e_tag| !e_tag.starts_with("W/"))
    }
}

/// Files that were checked, so that each is checked once; shared by the clones of a bucket.
#[derive(Debug, Clone, Default)]
pub(super) struct CheckedFiles(Arc<Mutex<HashMap<String, Arc<OnceCell<CheckedObject>>>>>);

/// So many are remembered; after that all are checked again.
const REMEMBERED: usize = 10_000;

impl CheckedFiles {
    pub(super) fn of(&self, file: &SignedFile) -> Arc<OnceCell<CheckedObject>> {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if files.len() >= REMEMBERED {
            files.clear();
        }
        Arc::clone(files.entry(file.name.clone()).or_default())
    }
}

pub(super) fn stamp(of: &GetResult) -> Stamp {
    Stamp {
        e_tag: of.meta.e_tag.clone(),
        version: of.meta.version.clone(),
    }
}
