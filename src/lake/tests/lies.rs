//! Files that are not what is stated about them.

use bytes::Bytes;
use chrono::NaiveDate;

use crate::event::Category;
use crate::lake::layout::Partition;
use crate::lake::{Belonging, FileFacts, FileWriter, Mismatch, verify_file};
use crate::store::Bucket;

use super::files::{SALT, encode, quarantine_file};
use super::sample::{self, belonging, date};

async fn mismatches(content: Bytes, facts: &FileFacts, belonging: &Belonging) -> Vec<Mismatch> {
    let bucket = Bucket::memory();
    bucket
        .create(&facts.file.to_string(), content)
        .await
        .unwrap();
    verify_file(&bucket, facts, belonging).await.unwrap()
}

/// Every fact that is stated wrongly is named, and nothing else is.
#[tokio::test]
async fn every_lie_about_a_file_is_named() {
    let file = encode(&[sample::events(date(), 50, 1)]);
    let facts = &file.facts;
    let ours = belonging();
    let empty = Bucket::memory();
    let missing = verify_file(&empty, facts, &ours).await.unwrap();
    assert_eq!(missing, [Mismatch::Missing]);

    let check = |change: fn(&mut FileFacts)| {
        let mut stated = facts.clone();
        change(&mut stated);
        let (content, ours) = (file.content.clone(), ours.clone());
        async move { mismatches(content, &stated, &ours).await }
    };
    assert!(matches!(
        check(|f| f.bytes += 1).await[..],
        [Mismatch::Size { .. }]
    ));
    assert!(matches!(
        check(|f| f.sha256[0] ^= 1).await[..],
        [Mismatch::Content { .. }]
    ));
    assert!(matches!(
        check(|f| f.rows += 1).await[..],
        [Mismatch::Rows {
            stated: 51,
            found: 50
        }]
    ));
    assert!(matches!(
        check(|f| f.records_root[0] ^= 1).await[..],
        [Mismatch::Root { .. }]
    ));
    assert!(matches!(
        check(|f| f.times = None).await[..],
        [Mismatch::Times { .. }]
    ));
    assert!(matches!(
        check(|f| f.statistics.kept_bytes += 1).await[..],
        [Mismatch::Statistics]
    ));
    let renamed = check(|f| {
        let date: NaiveDate = "2026-11-22".parse().unwrap();
        f.file.partition = Partition::events(date, Category::Execution, "kestra-prod").unwrap();
    });
    assert!(matches!(
        renamed.await[..],
        [Mismatch::Partition {
            row: 0,
            column: "dt"
        }]
    ));

    let other = Belonging {
        lake_id: "another".to_owned(),
        ..ours.clone()
    };
    let foreign = mismatches(file.content.clone(), facts, &other).await;
    assert!(matches!(&foreign[..], [Mismatch::Footer { key, .. }] if *key == "trailhouse.lake_id"));
}

/// Bytes that somebody states truly but that are no file of ours.
#[tokio::test]
async fn content_that_is_no_data_file_is_named() {
    let file = encode(&[sample::events(date(), 50, 1)]);
    let quarantine = {
        let mut writer = FileWriter::new(quarantine_file(), belonging(), SALT);
        writer.push(&sample::quarantine(date(), 5)).unwrap();
        writer.finish().unwrap()
    };
    let truly = |content: &Bytes| {
        let mut facts = file.facts.clone();
        facts.bytes = content.len() as u64;
        facts.sha256 = <sha2::Sha256 as sha2::Digest>::digest(content).into();
        facts
    };
    let garbage = Bytes::from_static(b"PAR1 but no more");
    let found = mismatches(garbage.clone(), &truly(&garbage), &belonging()).await;
    assert!(
        matches!(found[..], [Mismatch::Undecodable { .. }]),
        "{found:?}"
    );
    let empty = Bytes::new();
    let found = mismatches(empty.clone(), &truly(&empty), &belonging()).await;
    assert!(
        matches!(found[..], [Mismatch::Undecodable { .. }]),
        "{found:?}"
    );
    let other = quarantine.content;
    let found = mismatches(other.clone(), &truly(&other), &belonging()).await;
    assert!(matches!(found[..], [Mismatch::Schema { .. }]), "{found:?}");
}
