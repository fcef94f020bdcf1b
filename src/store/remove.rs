//! Removing an object, and what its store says of what remains of it.
//!
//! ```text
//! HEAD ─ not there: missing
//! DELETE ─ refused: locked, or no permission
//! HEAD of the version that the first HEAD named ─ there: hidden; not there: gone
//! ```
//!
//! Between the last two the answer may be lost. What is then asked again is missing, whatever remains of
//! its versions, so whoever must know asks [`Bucket::keeps`] before.

use chrono::{DateTime, Utc};
use object_store::{Error as Cause, GetOptions, ObjectStoreExt as _};

use super::bucket::Bucket;
use super::error::StoreError;
use super::http::Aside;
use super::kind::StoreKind;
use super::said::{deepest, locked_until, names_a_lock};

/// How S3 calls the version of an object that was written without versioning.
const NULL: &str = "null";

/// What came of a removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// It is not there any more, and the version that it was is not either. Where
    /// [`StoreKind::may_soft_delete`] holds, the store may keep it out of sight for some days more.
    Gone,
    /// It was not there. Older versions of it may be: without the object nothing says of which ones.
    Missing,
    /// The store keeps it as an older version, behind a mark that it was deleted.
    Hidden {
        /// Until when a lock keeps that version from being deleted too; nothing where no lock is known.
        until: Option<DateTime<Utc>>,
    },
    /// The store does not let it go yet, and nothing has changed.
    Locked {
        /// The earliest instant at which it may; nothing where nobody says, as for a hold.
        until: Option<DateTime<Utc>>,
        /// The store's words, on one line, without secrets.
        said: String,
    },
}

/// What a store says by itself of what would remain of an object after its removal. That an account of
/// GCS or Azure has soft delete, and for how many days, cannot be asked where objects are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keeps {
    /// Whether it stays as an older version; nothing where the store does not say: GCS gives every
    /// object a generation, with versioning or without, and S3 and Azure do not say of objects that are
    /// older than their versioning. Of those some work-alikes of S3 say what they say where they keep no
    /// versions; their removal shows it.
    pub versions: Option<bool>,
    /// Until when a lock keeps it; nothing where none is known. S3 says so only to who may read locks,
    /// and GCS and Azure say nothing of policies of a whole bucket before a deletion is refused.
    pub locked_until: Option<DateTime<Utc>>,
}

/// What a HEAD showed.
struct RemovalLook {
    /// The version by which the object can be asked for.
    version: Option<String>,
    aside: Aside,
}

impl RemovalLook {
    /// Until when the object is locked, if that is still ahead.
    fn locked_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.aside.locked_until().filter(|until| *until > now)
    }
}

impl StoreKind {
    /// Whether such a store may keep what was deleted out of sight for some days (soft delete), which
    /// only its owner can see and change.
    pub const fn may_soft_delete(self) -> bool {
        match self {
            Self::Gcs | Self::Azure => true,
            Self::Disk | Self::S3 | Self::Memory => false,
        }
    }
}

impl Bucket {
    /// Removes an object, durably, and says what came of it.
    ///
    /// # Errors
    /// [`StoreError::Denied`] where permission is missing, to read what is to be removed, too; then it
    /// is still there. After [`StoreError::Unclear`] it may be gone, or hidden, all the same. Never
    /// [`StoreError::NotFound`] or [`StoreError::AlreadyExists`].
    pub async fn remove(&self, name: &str) -> Result<Removal, StoreError> {
        let path = self.path(name)?;
        let before = match self.look(name, None).await {
            Ok(look) => look,
            Err((StoreError::NotFound { .. }, _)) => return Ok(Removal::Missing),
            Err((error, _)) => return Err(error),
        };
        match self.store().delete(&path).await {
            Ok(()) | Err(Cause::NotFound { .. }) => {}
            Err(cause) => return self.refused(name, &before, &cause),
        }
        let hidden = |look: &RemovalLook| {
            let until = look.locked_until(self.now());
            Ok(Removal::Hidden { until })
        };
        let version = match (self.kind(), before.version.as_deref()) {
            (_, Some(version)) => version,
            // Some work-alikes do not name this version of an object older than their versioning.
            (StoreKind::S3, None) => NULL,
            (_, None) => return Ok(Removal::Gone),
        };
        match self.look(name, Some(version)).await {
            Ok(after) => hidden(&after),
            Err((StoreError::NotFound { .. }, _)) => Ok(Removal::Gone),
            // Where versioning is suspended, the mark has taken the place of the object.
            Err((_, Some(405))) if self.kind() == StoreKind::S3 && version == NULL => {
                Ok(Removal::Gone)
            }
            // What names no version and does not know the question, or this account, keeps none.
            Err((_, Some(400 | 403 | 405 | 501))) if before.version.is_none() => Ok(Removal::Gone),
            // That versions are kept is known without a look, which not everybody may take.
            Err(_) if self.keeps_version(&before) == Some(true) => hidden(&before),
            // A refusal to show it is none to delete it: that has happened.
            Err((StoreError::Denied { object, said, .. }, _)) => Err(StoreError::Unclear {
                action: "check what remains of",
                object,
                said,
            }),
            Err((error, _)) => Err(error),
        }
    }

    /// What would remain of an object after its removal, by one HEAD request.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn keeps(&self, name: &str) -> Result<Keeps, StoreError> {
        let look = self.look(name, None).await.map_err(|(error, _)| error)?;
        Ok(Keeps {
            versions: self.keeps_version(&look),
            locked_until: look.locked_until(self.now()),
        })
    }

    fn keeps_version(&self, look: &RemovalLook) -> Option<bool> {
        match (self.kind(), look.version.as_deref()) {
            (StoreKind::Disk | StoreKind::Memory, _) | (StoreKind::S3, None) => Some(false),
            // Older than the versioning of the bucket, or written while it was suspended.
            (StoreKind::S3, Some(NULL)) => None,
            (StoreKind::S3 | StoreKind::Azure, Some(_)) => Some(true),
            (StoreKind::Gcs, _) | (StoreKind::Azure, None) => None,
        }
    }

    /// A HEAD of an object, or of one version of it; an error comes with the status of the answer.
    async fn look(
        &self,
        name: &str,
        version: Option<&str>,
    ) -> Result<RemovalLook, (StoreError, Option<u16>)> {
        let path = self.path(name).map_err(|error| (error, None))?;
        let aside = Aside::default();
        let mut options = GetOptions {
            head: true,
            version: version.map(str::to_owned),
            ..GetOptions::default()
        };
        options.extensions.insert(aside.clone());
        match self.store().get_opts(&path, options).await {
            Ok(head) => Ok(RemovalLook {
                version: head.meta.version,
                aside,
            }),
            Err(cause) => Err((self.error("check", name, &cause), aside.status())),
        }
    }

    /// A refused deletion. A lock and a missing permission may have the same code; then what the object
    /// itself says of locks decides.
    fn refused(
        &self,
        name: &str,
        before: &RemovalLook,
        cause: &Cause,
    ) -> Result<Removal, StoreError> {
        let error = self.delete_error(name, cause);
        let StoreError::Denied { said, .. } = error else {
            return Err(error);
        };
        let words = deepest(cause);
        let until = before.locked_until(self.now());
        let until = until.or_else(|| locked_until(&words));
        if until.is_some() || before.aside.is_held() || names_a_lock(&words) {
            return Ok(Removal::Locked { until, said });
        }
        Err(StoreError::Denied {
            action: "delete",
            object: self.url_of(name),
            said,
        })
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock().now().unwrap_or_else(Utc::now)
    }
}
