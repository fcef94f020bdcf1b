//! What the ledger needs from a store, tried out on the store itself. The same checks run as tests
//! of every kind of store and before a new ledger trusts a bucket.

use bytes::Bytes;
use futures::TryStreamExt as _;

use super::bucket::Bucket;
use super::error::StoreError;
use super::remove::Removal;

/// Why a store cannot hold a ledger.
#[derive(Debug, thiserror::Error)]
pub enum StoreNonconformance {
    /// The store did not do what it must.
    #[error("the store at {url} cannot be used: {broken}")]
    Broken {
        /// The bucket.
        url: String,
        /// What was seen.
        broken: &'static str,
    },
    /// The store failed, so nothing is proven.
    #[error("the store could not be tested: {0}")]
    Store(#[from] StoreError),
}

const HAS_NO_CREATE: &str = "it does not support create-if-absent";
const MUST_FAIL: &str = "it accepted a second create of the same name, so two writers would overwrite \
     each other";
const MUST_NOT_CHANGE: &str = "an object changed when it was created a second time";

fn broken(bucket: &Bucket, broken: &'static str) -> StoreNonconformance {
    StoreNonconformance::Broken {
        url: bucket.url().to_owned(),
        broken,
    }
}

fn demand(
    bucket: &Bucket,
    holds: bool,
    otherwise: &'static str,
) -> Result<(), StoreNonconformance> {
    if holds {
        Ok(())
    } else {
        Err(broken(bucket, otherwise))
    }
}

/// Proves that a create is the lock a ledger needs: creates `name`, creates it again with other
/// content, which must be refused, and reads the first content back. The object stays.
///
/// # Errors
/// The store lets the second create succeed or changes the object; or its answers are too unclear
/// to tell.
pub async fn prove_create_once(
    bucket: &Bucket,
    name: &str,
    content: &Bytes,
    other: &Bytes,
) -> Result<(), StoreNonconformance> {
    let first = bucket.create(name, content.clone()).await;
    if let Err(error @ StoreError::Refused { .. }) = first {
        // Whether it refuses the condition alone: without one it takes the object.
        return match bucket.replace(name, content.clone()).await {
            Ok(()) => Err(broken(bucket, HAS_NO_CREATE)),
            Err(_) => Err(error.into()),
        };
    }
    let second = bucket.create(name, other.clone()).await;
    let limit = content.len().max(other.len()) as u64;
    let found = bucket.read(name, limit).await;
    match (first, second, found) {
        (Err(StoreError::Unsupported { .. }), _, _) => Err(broken(bucket, HAS_NO_CREATE)),
        // Nothing is known of the first create, so the second one proves nothing.
        (Err(error @ StoreError::Unclear { .. }), Ok(()), _) => Err(error.into()),
        (_, Ok(()), _) => Err(broken(bucket, MUST_FAIL)),
        // A second create that failed for another reason does not show that it was refused.
        (
            _,
            Err(
                error @ (StoreError::Unclear { .. }
                | StoreError::Unsupported { .. }
                | StoreError::Refused { .. }
                | StoreError::Name { .. }),
            ),
            _,
        )
        | (Err(error), _, Err(_))
        | (_, _, Err(error)) => Err(error.into()),
        (_, Err(_), Ok(found)) => demand(bucket, found == content, MUST_NOT_CHANGE),
    }
}

/// Proves that what this account creates, it can neither write over nor delete, as in a bucket with a
/// retention policy or for an account that may only create. The object stays.
///
/// # Errors
/// Either succeeds or changes the object; or the store fails in another way than by refusing.
pub async fn prove_kept(
    bucket: &Bucket,
    name: &str,
    content: &Bytes,
    other: &Bytes,
) -> Result<(), StoreNonconformance> {
    bucket.create(name, content.clone()).await?;
    match bucket.replace(name, other.clone()).await {
        Ok(()) => {
            return Err(broken(
                bucket,
                "it allowed a locked object to be overwritten",
            ));
        }
        Err(StoreError::Denied { .. } | StoreError::AlreadyExists { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    demand(
        bucket,
        !remove(bucket, name).await?,
        "it allowed a locked object to be deleted",
    )?;
    still_there(bucket, name, content).await
}

/// Tries everything that lake and ledger rely on, under `folder`, which must be empty. Removes what
/// it made, if the store lets it.
///
/// # Errors
/// The first thing that does not hold; or a failure of the store.
pub async fn check_store(bucket: &Bucket, folder: &str) -> Result<(), StoreNonconformance> {
    let once = format!("{folder}/once");
    let (content, other) = (Bytes::from_static(b"first"), Bytes::from_static(b"other"));
    prove_create_once(bucket, &once, &content, &other).await?;
    check_objects(bucket, &format!("{folder}/objects")).await?;
    remove(bucket, &once).await?;
    Ok(())
}

/// The part of [`check_store`] that a store without create-if-absent passes too: objects are read as
/// they were written, listed in order of name, after a name where that is asked, and deleted.
///
/// # Errors
/// As for [`check_store`].
pub async fn check_objects(bucket: &Bucket, folder: &str) -> Result<(), StoreNonconformance> {
    let name = |leaf: &str| format!("{folder}/{leaf}");
    let content = Bytes::from_static(b"0123456\x00\xff\n");

    match bucket.read(&name("absent"), 64).await {
        Err(StoreError::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
        Ok(_) => return Err(broken(bucket, "it returned an object that does not exist")),
    }
    remove(bucket, &name("absent")).await?;

    // The names that sort around a folder, and around the digits of a sequence.
    let leaves = [
        "a/00000000000000000009.note",
        "a/00000000000000000010.note",
        "a/b/c",
        "a-",
        "a0",
    ];
    for leaf in leaves {
        bucket.create(&name(leaf), content.clone()).await?;
    }
    let found = bucket.read(&name("a/b/c"), 64).await?;
    demand(
        bucket,
        found == content,
        "it returned different bytes from those written",
    )?;
    let size = bucket.size(&name("a/b/c")).await?;
    demand(
        bucket,
        size == content.len() as u64,
        "it reported a different size from the one written",
    )?;

    let within = list(bucket, &name("a"), None).await?;
    let expected: Vec<String> = leaves[..3].iter().map(|leaf| name(leaf)).collect();
    demand(
        bucket,
        within == expected,
        "its listing of a folder is incomplete, inexact or not sorted by name",
    )?;
    // Also after a name that no object has.
    for (after, left) in [(leaves[0], &expected[1..]), ("a/0", &expected)] {
        let listed = list(bucket, &name("a"), Some(&name(after))).await?;
        demand(
            bucket,
            listed == left,
            "its listing after a given name is incomplete, inexact or not sorted by name",
        )?;
    }

    let removed = name("a0");
    match bucket.remove(&removed).await {
        Ok(Removal::Gone | Removal::Hidden { .. }) => {}
        Ok(Removal::Locked { .. }) | Err(StoreError::Denied { .. }) => {
            return still_there(bucket, &removed, &content).await;
        }
        Ok(Removal::Missing) => {
            return Err(broken(bucket, "it does not find an existing object"));
        }
        Err(error) => return Err(error.into()),
    }
    let gone = bucket.size(&removed).await;
    demand(
        bucket,
        matches!(gone, Err(StoreError::NotFound { .. })),
        "an object still exists after it was deleted",
    )?;
    demand(
        bucket,
        !list(bucket, folder, None).await?.contains(&removed),
        "an object is still listed after it was deleted",
    )?;
    demand(
        bucket,
        bucket.remove(&removed).await? == Removal::Missing,
        "an object can be deleted twice",
    )?;
    for leaf in leaves {
        remove(bucket, &name(leaf)).await?;
    }
    Ok(())
}

async fn still_there(
    bucket: &Bucket,
    name: &str,
    content: &Bytes,
) -> Result<(), StoreNonconformance> {
    let found = bucket.read(name, content.len() as u64).await?;
    demand(
        bucket,
        found == content,
        "an object changed although the store refused the change",
    )
}

/// Deletes an object; false if the store refuses, as one with a retention policy must.
async fn remove(bucket: &Bucket, name: &str) -> Result<bool, StoreError> {
    match bucket.delete(name).await {
        Ok(()) => Ok(true),
        Err(StoreError::Denied { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn list(
    bucket: &Bucket,
    folder: &str,
    after: Option<&str>,
) -> Result<Vec<String>, StoreError> {
    bucket
        .list(folder, after)
        .map_ok(|object| object.name)
        .try_collect()
        .await
}
