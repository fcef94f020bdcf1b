//! Every kind of store against what lake and ledger rely on.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt as _;
use url::Url;

use crate::store::{
    Bucket, CreateError, Created, Patience, StoreError, StoreNonconformance, StoreOptions,
    StoredObject, check_store, create, prove_create_once, prove_kept,
};

use super::fake_cloud;
use super::faulty::{Fault, Faulty};

const AT_ONCE: Patience = Patience {
    attempts: 3,
    wait: Duration::ZERO,
};

pub(super) fn on_disk(directory: &std::path::Path) -> Bucket {
    let url = Url::from_directory_path(directory).unwrap();
    Bucket::open(url.as_str(), &StoreOptions::new()).unwrap()
}

fn options(pairs: &[(&str, String)]) -> StoreOptions {
    let own = |(name, value): &(&str, String)| ((*name).to_owned(), value.clone());
    pairs.iter().map(own).collect()
}

pub(super) async fn s3() -> (Arc<fake_cloud::Cloud>, Bucket) {
    let (cloud, address) = fake_cloud::serve().await;
    let options = options(&[
        ("aws_endpoint", format!("http://{address}")),
        ("aws_region", "eu-central-1".to_owned()),
        ("access_key_id", "key-id".to_owned()),
        ("secret_access_key", "hunter2-secret".to_owned()),
    ]);
    (
        cloud,
        Bucket::open("s3://bucket/some/lake", &options).unwrap(),
    )
}

pub(super) async fn azure(credential: (&str, &str)) -> (Arc<fake_cloud::Cloud>, Bucket) {
    let (cloud, address) = fake_cloud::serve().await;
    let options = options(&[
        ("azure_endpoint", format!("http://{address}")),
        ("account_name", "acme".to_owned()),
        (credential.0, credential.1.to_owned()),
    ]);
    (cloud, Bucket::open("az://bucket", &options).unwrap())
}

pub(super) async fn gcs() -> (Arc<fake_cloud::Cloud>, Bucket) {
    let (cloud, address) = fake_cloud::serve().await;
    let options = options(&[("google_base_url", format!("http://{address}"))]);
    (cloud, Bucket::open("gs://bucket", &options).unwrap())
}

#[tokio::test]
async fn every_store_does_what_the_ledger_needs() {
    let directory = tempfile::tempdir().unwrap();
    check_store(&Bucket::memory(), "doctor/1").await.unwrap();
    check_store(&on_disk(directory.path()), "doctor/1")
        .await
        .unwrap();
    check_store(&s3().await.1, "doctor/1").await.unwrap();
    check_store(&gcs().await.1, "doctor/1").await.unwrap();
}

/// A store that ignores the condition of a create, as old S3 work-alikes do.
#[tokio::test]
async fn a_store_that_overwrites_is_found_out() {
    let found = proof(&[Fault::Overwrite; 2]).await;
    assert!(
        matches!(found, Err(StoreNonconformance::Broken { .. })),
        "{found:?}"
    );
}

/// What was asked for and not done is done here: a ledger would seem to have lost entries.
#[tokio::test]
async fn a_listing_that_begins_too_early_is_cut() {
    let bucket = Bucket::around(Arc::new(Faulty::new([Fault::IgnoreOffset])));
    for name in ["a/1", "a/2", "a/3"] {
        bucket.create(name, Bytes::from_static(b"x")).await.unwrap();
    }
    let listed: Vec<StoredObject> = bucket.list("a", Some("a/1")).try_collect().await.unwrap();
    let names: Vec<&str> = listed.iter().map(|listed| listed.name.as_str()).collect();
    assert_eq!(names, ["a/2", "a/3"]);
}

async fn proof(script: &[Fault]) -> Result<(), StoreNonconformance> {
    let bucket = Bucket::around(Arc::new(Faulty::new(script.iter().copied())));
    let (first, second) = (Bytes::from_static(b"first"), Bytes::from_static(b"second"));
    prove_create_once(&bucket, "probe", &first, &second).await
}

/// Unclear answers prove nothing, and speak for nothing either.
#[tokio::test]
async fn a_store_in_trouble_is_neither_fit_nor_unfit() {
    for lost in [Fault::LoseAnswer, Fault::SayExists] {
        // It took place, so the second create is refused and the first content is there.
        assert!(proof(&[lost]).await.is_ok(), "{lost:?}");
    }
    for script in [
        &[Fault::Reject][..],
        &[Fault::Reject; 2],
        &[Fault::FailRead],
    ] {
        let found = proof(script).await;
        assert!(
            matches!(found, Err(StoreNonconformance::Store(_))),
            "{script:?}: {found:?}"
        );
    }
}

/// A store that knows no condition of a create says so in one of several ways, for good.
#[tokio::test]
async fn a_store_that_refuses_the_condition_is_unfit_and_not_in_trouble() {
    let (first, second) = (Bytes::from_static(b"first"), Bytes::from_static(b"second"));
    for (cloud, bucket) in [s3().await, gcs().await] {
        // Below us, 501 is asked again a few times.
        for (status, times) in [(400, 1), (405, 1), (501, 7)] {
            let answers = std::iter::repeat_n((status, false), times);
            cloud.unclear.lock().unwrap().extend(answers);
            let name = format!("ledger/proof/{status}");
            let found = prove_create_once(&bucket, &name, &first, &second).await;
            assert!(
                matches!(found, Err(StoreNonconformance::Broken { .. })),
                "{status}: {found:?}"
            );
            cloud.unclear.lock().unwrap().clear();
        }
        // What is refused without a condition too says nothing about conditions.
        cloud.unclear.lock().unwrap().extend([(400, false); 2]);
        let found = prove_create_once(&bucket, "ledger/proof/all", &first, &second).await;
        assert!(
            matches!(
                found,
                Err(StoreNonconformance::Store(StoreError::Refused { .. }))
            ),
            "{found:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_creators_one_wins() {
    let directory = tempfile::tempdir().unwrap();
    for bucket in [on_disk(directory.path()), Bucket::memory()] {
        for round in 0..20 {
            let name = format!("ledger/entry/{round:020}.note");
            let creators = (0..8).map(|who| {
                let (bucket, name) = (bucket.clone(), name.clone());
                let content = Bytes::from(format!("creator {who}"));
                tokio::spawn(async move {
                    let made = create(&bucket, &name, &content, AT_ONCE).await;
                    made.is_ok().then_some(content)
                })
            });
            let made = futures::future::join_all(creators).await;
            let winners: Vec<Bytes> = made.into_iter().filter_map(Result::unwrap).collect();
            assert_eq!(winners.len(), 1, "{winners:?}");
            assert_eq!(bucket.read(&name, 99).await.unwrap(), winners[0]);
        }
    }
    let left = std::fs::read_dir(directory.path().join("ledger/entry")).unwrap();
    assert_eq!(left.count(), 20, "temporary files are left");
}

#[tokio::test]
async fn a_prefix_stays_out_of_sight() {
    let (_, bucket) = s3().await;
    bucket
        .create("ledger/entry/1", Bytes::from_static(b"x"))
        .await
        .unwrap();
    let listed: Vec<StoredObject> = bucket
        .list("ledger/entry", None)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].name.as_str(), listed[0].bytes),
        ("ledger/entry/1", 1)
    );
    assert_eq!(bucket.url_of("a"), "s3://bucket/some/lake/a");
    let absent = bucket.read("nothing", 9).await.unwrap_err().to_string();
    assert_eq!(
        absent,
        "s3://bucket/some/lake/nothing does not exist: 404 Not Found: NoSuchKey: not there"
    );
}

#[tokio::test]
async fn puts_carry_a_checksum_and_a_condition() {
    let (cloud, bucket) = s3().await;
    bucket.create("a", Bytes::from_static(b"x")).await.unwrap();
    bucket.replace("a", Bytes::from_static(b"y")).await.unwrap();
    let puts = cloud.puts.lock().unwrap();
    assert_eq!(puts.len(), 2);
    for checksum in ["x-amz-checksum-sha256", "content-md5"] {
        assert!(puts.iter().all(|put| put.contains_key(checksum)));
    }
    assert_eq!(puts[0].get("if-none-match").unwrap(), "*");
    assert!(!puts[1].contains_key("if-none-match"));
}

/// An account key signs the place of the header before the client lets us add one.
#[tokio::test]
async fn puts_to_gcs_and_azure_carry_a_checksum_where_the_signature_lets_them() {
    const MD5_OF_X: &str = "ndTkYSaMgDT1yFZOFVxnpg==";
    for ((cloud, bucket), sum) in [
        (gcs().await, Some(MD5_OF_X)),
        (
            azure(("azure_storage_token", "some-token")).await,
            Some(MD5_OF_X),
        ),
        (azure(("account_key", "a2V5")).await, None),
    ] {
        bucket.create("a", Bytes::from_static(b"x")).await.unwrap();
        let puts = cloud.puts.lock().unwrap();
        let sent = puts[0].get("content-md5").map(|sum| sum.to_str().unwrap());
        assert_eq!(sent, sum, "{bucket:?}");
    }
}

/// The client of S3 deletes by lists only, and gives a refusal of one of them no kind of its own.
#[tokio::test]
async fn a_refused_delete_is_a_refusal() {
    let (cloud, bucket) = s3().await;
    cloud.keeps.store(true, Ordering::SeqCst);
    let (content, other) = (Bytes::from_static(b"x"), Bytes::from_static(b"y"));
    bucket.create("a", content.clone()).await.unwrap();
    let refused = bucket.delete("a").await.unwrap_err();
    assert!(matches!(refused, StoreError::Denied { .. }), "{refused:?}");
    assert!(refused.to_string().contains("kept"), "{refused}");
    check_store(&bucket, "doctor/1").await.unwrap();
    // It keeps nothing, for it lets everything be written over.
    let kept = prove_kept(&bucket, "b", &content, &other).await;
    assert!(
        matches!(kept, Err(StoreNonconformance::Broken { .. })),
        "{kept:?}"
    );
}

#[tokio::test]
async fn requests_are_counted_and_the_clock_is_read() {
    let (_, bucket) = s3().await;
    assert_eq!(bucket.clock().now(), None);
    bucket.create("a", Bytes::from_static(b"x")).await.unwrap();
    bucket.size("a").await.unwrap();
    bucket.read("a", 9).await.unwrap();
    let requests = bucket.clone().requests();
    assert_eq!((requests.put, requests.head, requests.get), (1, 1, 1));
    assert_eq!(requests.total(), 3);
    let date: DateTime<Utc> = "2026-11-23T10:00:00Z".parse().unwrap();
    let ahead = bucket.clock().now().unwrap() - date;
    assert!(ahead >= TimeDelta::zero() && ahead < TimeDelta::hours(1));

    let memory = Bucket::memory();
    memory.create("a", Bytes::from_static(b"x")).await.unwrap();
    memory.size("a").await.unwrap();
    assert_eq!((memory.requests().put, memory.requests().head), (1, 1));
    assert_eq!(memory.clock().now(), None);
}

/// The client below repeats a put whose answer was lost, and is told that the object exists.
#[tokio::test]
async fn a_lost_answer_is_recognised_as_our_own_success() {
    for (cloud, bucket) in [s3().await, gcs().await] {
        cloud.unclear.lock().unwrap().push_back((503, true));
        let content = Bytes::from_static(b"entry");
        let created = create(&bucket, "e", &content, AT_ONCE).await.unwrap();
        assert_eq!(created, Created::ReadBack);
        assert_eq!(bucket.requests().put, 2);
    }
}

/// GCS allows about one change a second to one name and answers 429, whether the change took place
/// or not; others say 409 where two creates met, or fail in their own ways.
#[tokio::test]
async fn whatever_a_create_is_answered_it_is_known_whose_the_object_is() {
    let (content, other) = (Bytes::from_static(b"ours"), Bytes::from_static(b"theirs"));
    for (cloud, bucket) in [s3().await, gcs().await] {
        for status in [408, 409, 429, 500, 503] {
            for takes_place in [true, false] {
                let name = format!("{status}-{takes_place}");
                let answer = (status, takes_place);
                cloud.unclear.lock().unwrap().push_back(answer);
                let made = create(&bucket, &name, &content, AT_ONCE).await;
                assert!(made.is_ok(), "{answer:?}: {made:?}");
                assert_eq!(bucket.read(&name, 9).await.unwrap(), content, "{answer:?}");

                // The same where somebody else was first.
                let theirs = format!("{name}-theirs");
                bucket.create(&theirs, other.clone()).await.unwrap();
                cloud.unclear.lock().unwrap().push_back((status, false));
                let made = create(&bucket, &theirs, &content, AT_ONCE).await;
                cloud.unclear.lock().unwrap().clear();
                assert!(matches!(made, Err(CreateError::Taken { .. })), "{made:?}");
                assert_eq!(bucket.read(&theirs, 9).await.unwrap(), other);
            }
        }
    }
}

#[tokio::test]
async fn secrets_stay_out_of_errors() {
    let (cloud, bucket) = s3().await;
    cloud.refuse.store(1, Ordering::SeqCst);
    let error = bucket.read("a", 9).await.unwrap_err();
    assert!(matches!(error, StoreError::Denied { .. }));
    assert_eq!(
        error.to_string(),
        "permission denied: cannot read s3://bucket/some/lake/a: 403 Forbidden: AccessDenied: key [credential] may not"
    );
    for text in [format!("{error:?}"), format!("{bucket:?}")] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn unclear_creates_are_read_back() {
    use Fault::{FailRead, LoseAnswer, Reject, SayExists};
    type Expected = fn(&Result<Created, CreateError>) -> bool;
    let plain: Expected = |made| matches!(made, Ok(Created::Plainly));
    let read_back: Expected = |made| matches!(made, Ok(Created::ReadBack));
    let failed: Expected =
        |made| matches!(made, Err(CreateError::Store(StoreError::Unclear { .. })));
    let table: [(&[Fault], Expected); 8] = [
        (&[], plain),
        (&[LoseAnswer], read_back),
        (&[SayExists], read_back),
        (&[Reject], plain),
        (&[Reject, Reject], plain),
        (&[Reject, LoseAnswer], read_back),
        (&[LoseAnswer, FailRead], read_back),
        (&[Reject, Reject, Reject], failed),
    ];
    for (script, expected) in table {
        let bucket = Bucket::around(Arc::new(Faulty::new(script.iter().copied())));
        let content = Bytes::from_static(b"ours");
        let made = create(&bucket, "a", &content, AT_ONCE).await;
        assert!(expected(&made), "{script:?}: {made:?}");
        if made.is_ok() {
            assert_eq!(bucket.read("a", 9).await.unwrap(), content);
        }
    }
}

#[tokio::test]
async fn somebody_elses_object_is_theirs() {
    for theirs in ["them", "longer than ours", ""] {
        let bucket = Bucket::memory();
        bucket.create("a", Bytes::from(theirs)).await.unwrap();
        let made = create(&bucket, "a", &Bytes::from_static(b"ours"), AT_ONCE).await;
        assert!(matches!(made, Err(CreateError::Taken { .. })), "{made:?}");
        assert_eq!(bucket.read("a", 99).await.unwrap(), theirs);
    }
}

#[tokio::test]
async fn reads_are_bounded_and_names_are_checked() {
    let bucket = Bucket::memory();
    bucket
        .create("a", Bytes::from_static(b"0123456789"))
        .await
        .unwrap();
    assert!(bucket.read("a", 10).await.is_ok());
    let large = bucket.read("a", 9).await.unwrap_err();
    assert!(matches!(
        large,
        StoreError::TooLarge {
            bytes: 10,
            limit: 9,
            ..
        }
    ));
    let bad = bucket.read("a//b", 9).await.unwrap_err();
    assert!(matches!(bad, StoreError::Name { .. }));
    let listed: Result<Vec<StoredObject>, StoreError> =
        bucket.list("a//b", None).try_collect().await;
    assert!(matches!(listed, Err(StoreError::Name { .. })));
}
