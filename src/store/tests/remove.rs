//! What is said to remain of a removed object, for every way in which stores tell it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::store::{Bucket, Keeps, Removal, StoreError, StoreKind};

use super::fake_cloud::Cloud;
use super::stores::{azure, gcs, on_disk, s3};

const VERSION: &str = "x-amz-version-id";
const UNTIL: &str = "x-amz-object-lock-retain-until-date";
/// Before and after the date of the fake's answers.
const BEFORE: &str = "2026-11-23T09:59:00Z";
const AFTER: &str = "2026-12-24T10:00:00Z";

fn instant(text: &str) -> Option<DateTime<Utc>> {
    Some(text.parse().unwrap())
}

/// Creates an object, asks what would remain of it, and removes it.
async fn removed(bucket: &Bucket) -> (Keeps, Result<Removal, StoreError>) {
    bucket.create("a", Bytes::from_static(b"x")).await.unwrap();
    (bucket.keeps("a").await.unwrap(), bucket.remove("a").await)
}

fn hidden(until: Option<DateTime<Utc>>) -> Result<Removal, StoreError> {
    Ok(Removal::Hidden { until })
}

fn keeps(versions: Option<bool>, locked_until: Option<DateTime<Utc>>) -> Keeps {
    Keeps {
        versions,
        locked_until,
    }
}

async fn versioned_s3(version: &'static str) -> (Arc<Cloud>, Bucket) {
    let (cloud, bucket) = s3().await;
    cloud.tell(VERSION, version);
    cloud.versioned.store(true, Ordering::SeqCst);
    (cloud, bucket)
}

#[tokio::test]
async fn where_there_are_no_versions_nothing_remains() {
    let directory = tempfile::tempdir().unwrap();
    let azure = azure(("azure_storage_token", "some-token")).await.1;
    for (bucket, versions) in [
        (on_disk(directory.path()), Some(false)),
        (Bucket::memory(), Some(false)),
        (s3().await.1, Some(false)),
        // These do not say whether they keep versions, and may keep what is gone out of sight.
        (gcs().await.1, None),
        (azure, None),
    ] {
        let kind = bucket.kind();
        assert_eq!(bucket.remove("a").await, Ok(Removal::Missing), "{kind:?}");
        let found = removed(&bucket).await;
        assert_eq!(
            found,
            (keeps(versions, None), Ok(Removal::Gone)),
            "{kind:?}"
        );
        assert_eq!(bucket.remove("a").await, Ok(Removal::Missing), "{kind:?}");
        let absent = bucket.keeps("a").await;
        assert!(matches!(absent, Err(StoreError::NotFound { .. })));
        assert_eq!(
            kind.may_soft_delete(),
            matches!(kind, StoreKind::Gcs | StoreKind::Azure)
        );
    }
}

#[tokio::test]
async fn a_delete_marker_is_no_deletion() {
    let (cloud, bucket) = versioned_s3("v1").await;
    assert_eq!(
        removed(&bucket).await,
        (keeps(Some(true), None), hidden(None))
    );
    assert_eq!(bucket.remove("a").await, Ok(Removal::Missing));

    // The lock of a version holds on; one that has passed is none.
    for (told, until) in [(AFTER, instant(AFTER)), (BEFORE, None)] {
        cloud.tell(UNTIL, told);
        let expected = (keeps(Some(true), until), hidden(until));
        assert_eq!(removed(&bucket).await, expected, "{told}");
    }

    // Who may not look at versions still knows that they are kept.
    *cloud.of_version.lock().unwrap() = Some(403);
    cloud.tell(UNTIL, AFTER);
    let (_, told) = removed(&bucket).await;
    assert_eq!(told, hidden(instant(AFTER)));
    *cloud.of_version.lock().unwrap() = Some(404);
    assert_eq!(removed(&bucket).await.1, Ok(Removal::Gone));
}

/// Of an object that is older than the versioning of its bucket, or was written while that was
/// suspended, only the deletion itself shows what remains.
#[tokio::test]
async fn an_object_without_a_version_of_its_own_may_remain_or_not() {
    let (cloud, bucket) = versioned_s3("null").await;
    assert_eq!(removed(&bucket).await, (keeps(None, None), hidden(None)));
    *cloud.of_version.lock().unwrap() = Some(405);
    assert_eq!(removed(&bucket).await.1, Ok(Removal::Gone));
    // Not known, and not said to be.
    *cloud.of_version.lock().unwrap() = Some(403);
    let (_, told) = removed(&bucket).await;
    assert!(matches!(told, Err(StoreError::Unclear { .. })), "{told:?}");

    // A work-alike that does not name the version of an object older than its versioning.
    let (cloud, bucket) = s3().await;
    cloud.versioned.store(true, Ordering::SeqCst);
    assert_eq!(removed(&bucket).await.1, hidden(None));
    for status in [400, 403, 405] {
        *cloud.of_version.lock().unwrap() = Some(status);
        assert_eq!(removed(&bucket).await.1, Ok(Removal::Gone), "{status}");
    }

    let (cloud, bucket) = versioned_s3("v1").await;
    *cloud.of_version.lock().unwrap() = Some(405);
    assert_eq!(removed(&bucket).await.1, hidden(None));
}

/// S3 has one code for a lock and for a missing permission.
#[tokio::test]
async fn a_refusal_of_s3_is_a_lock_where_the_object_says_so() {
    let (cloud, bucket) = s3().await;
    cloud.keeps.store(true, Ordering::SeqCst);
    let refused = removed(&bucket).await.1;
    assert!(
        matches!(refused, Err(StoreError::Denied { .. })),
        "{refused:?}"
    );
    for (name, value, expected) in [
        (UNTIL, BEFORE, None),
        (UNTIL, AFTER, Some(instant(AFTER))),
        ("x-amz-object-lock-legal-hold", "OFF", None),
        ("x-amz-object-lock-legal-hold", "ON", Some(None)),
    ] {
        cloud.about.lock().unwrap().clear();
        cloud.tell(name, value);
        match (bucket.remove("a").await, expected) {
            (Ok(Removal::Locked { until, said }), Some(expected)) => {
                assert_eq!(until, expected, "{name} {value}");
                assert!(said.contains("kept"), "{said}");
            }
            (Err(StoreError::Denied { .. }), None) => {}
            (told, _) => panic!("{name} {value}: {told:?}"),
        }
    }
    assert_eq!(bucket.read("a", 9).await.unwrap(), "x");
}

#[tokio::test]
async fn azure_names_its_locks() {
    let (cloud, bucket) = azure(("azure_storage_token", "some-token")).await;
    bucket.create("a", Bytes::from_static(b"x")).await.unwrap();
    const POLICY: &str =
        "This operation is not permitted as the blob is immutable due to a policy.";
    const HELD: &str =
        "This operation is not permitted as the blob is immutable due to one or more legal holds.";
    let dated = (
        "x-ms-immutability-policy-until-date",
        "Thu, 24 Dec 2026 10:00:00 GMT",
    );
    for (said, header, until) in [
        (POLICY, ("x-nothing", "x"), None),
        (POLICY, dated, instant(AFTER)),
        (HELD, ("x-ms-legal-hold", "true"), None),
    ] {
        cloud.about.lock().unwrap().clear();
        cloud.tell(header.0, header.1);
        *cloud.conflict.lock().unwrap() = Some(said);
        let told = bucket.remove("a").await;
        let Ok(Removal::Locked {
            until: found,
            said: words,
        }) = told
        else {
            panic!("{said}: {told:?}");
        };
        assert_eq!(found, until, "{said}");
        assert!(words.contains("immutable"), "{words}");
    }
    cloud.about.lock().unwrap().clear();
    *cloud.conflict.lock().unwrap() =
        Some("This operation is not permitted because the blob has snapshots.");
    let told = bucket.remove("a").await;
    assert!(matches!(told, Err(StoreError::Denied { .. })), "{told:?}");

    *cloud.conflict.lock().unwrap() = None;
    cloud.versioned.store(true, Ordering::SeqCst);
    cloud.tell("x-ms-version-id", "2026-11-23T10:00:00.0000000Z");
    assert_eq!(bucket.keeps("a").await, Ok(keeps(Some(true), None)));
    assert_eq!(bucket.remove("a").await, hidden(None));
}

#[tokio::test]
async fn the_lock_of_an_object_of_gcs_has_a_date() {
    let (cloud, bucket) = gcs().await;
    cloud.tell("x-goog-generation", "1764061200000000");
    cloud.tell("x-goog-object-lock-retain-until-date", AFTER);
    cloud.versioned.store(true, Ordering::SeqCst);
    let until = instant(AFTER);
    assert_eq!(removed(&bucket).await, (keeps(None, until), hidden(until)));
}
