//! Trails in a bucket in memory.

use super::*;
use crate::source::conformance::{KnownFeed, check_feed, check_under_faults};
use crate::source::objects::ObjectFeed;
use crate::source::{Hole, HoleReason, Limits, Slice, SliceOutcome, Source, WindowRequest};
use crate::store::{StoreOptions, StorePurpose};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::StreamExt as _;
use std::io::Write as _;

const ACCOUNT: &str = "123456789012";
const REGION: &str = "eu-central-1";

fn feed() -> Tenant {
    Tenant::Named(format!("{ACCOUNT}/{REGION}"))
}

fn gzip(content: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn record(id: &str, service: &str) -> String {
    format!(
        r#"{{"eventVersion":"1.11","userIdentity":{{"type":"Root"}},"eventTime":"2026-11-01T08:00:00Z","eventSource":"{service}.amazonaws.com","eventName":"StartExecution","eventID":"{id}","recipientAccountId":"{ACCOUNT}"}}"#
    )
}

fn content(records: &[String]) -> String {
    format!(r#"{{"Records":[{}]}}"#, records.join(","))
}

/// The key of a file of a minute.
fn key(prefix: &str, minute: &str, unique: &str) -> String {
    let (date, _) = minute.split_once('T').unwrap();
    let (year, month, day) = (&date[..4], &date[4..6], &date[6..]);
    format!(
        "AWSLogs/{prefix}{ACCOUNT}/CloudTrail/{REGION}/{year}/{month}/{day}/{ACCOUNT}_CloudTrail_{REGION}_{minute}Z_{unique}.json.gz"
    )
}

/// A trail of two days, with what lies beside it.
struct Trail {
    bucket: Bucket,
}

impl Trail {
    fn new() -> Self {
        Self {
            bucket: Bucket::memory(),
        }
    }

    async fn put(&self, key: &str, stored: impl Into<Bytes>) {
        self.bucket.replace(key, stored.into()).await.unwrap();
    }

    /// A file with a record of Step Functions for each id, and one of another service.
    async fn deliver(&self, minute: &str, unique: &str, ids: &[&str]) -> String {
        let mut records: Vec<String> = ids.iter().map(|id| record(id, "states")).collect();
        records.insert(0, record(&format!("other-{unique}"), "s3"));
        let key = key("", minute, unique);
        self.put(&key, gzip(&content(&records))).await;
        key
    }

    async fn usual() -> Self {
        let trail = Self::new();
        trail.deliver("20261123T0000", "a", &["a1"]).await;
        trail.deliver("20261123T1015", "b", &["b1", "b2"]).await;
        trail.deliver("20261123T1015", "c", &["c1"]).await;
        trail.deliver("20261123T1020", "d", &[]).await;
        trail.deliver("20261124T2359", "e", &["e1"]).await;
        let day = format!("{REGION}/2026/11/23");
        let beside = [
            format!(
                "CloudTrail-Digest/{day}/{ACCOUNT}_CloudTrail-Digest_{REGION}_main_{REGION}_20261123T101500Z.json.gz"
            ),
            format!(
                "CloudTrail-Insight/{day}/{ACCOUNT}_CloudTrail-Insight_{REGION}_20261123T1015Z_x.json.gz"
            ),
            format!("CloudTrail/{day}/README"),
        ];
        for name in beside {
            let key = format!("AWSLogs/{ACCOUNT}/{name}");
            trail.put(&key, "not a trail file").await;
        }
        trail
    }

    fn source(&self) -> ObjectFeed<CloudTrail> {
        self.reading(EventSources::default(), feed())
    }

    fn reading(&self, wanted: EventSources, tenant: Tenant) -> ObjectFeed<CloudTrail> {
        let trail = CloudTrail::new(self.bucket.clone(), wanted, Wording::Kept, vec![tenant]);
        ObjectFeed::new(trail.unwrap())
    }

    /// Where the records of each id lie.
    fn known(&self, ids: &[(&str, &str)]) -> KnownFeed {
        let folder = FeedPlace::of(&feed()).unwrap();
        let mut known = KnownFeed {
            longest_hole: TimeDelta::microseconds(1),
            ..KnownFeed::default()
        };
        for (key, id) in ids {
            let date = key.split('_').nth(3).unwrap().split_once('T').unwrap().0;
            let date = NaiveDate::parse_from_str(date, "%Y%m%d").unwrap();
            let at = folder.position(date, key).unwrap();
            known.records.insert((*id).to_owned(), at);
        }
        known
    }
}

fn window(from: &str, to: &str) -> Window {
    Window::new(from.parse().unwrap(), to.parse().unwrap()).unwrap()
}

fn two_days() -> Window {
    window("2026-11-23T00:00:00Z", "2026-11-25T00:00:00Z")
}

async fn read(source: &dyn Source, window: Window) -> Vec<SliceOutcome> {
    let tenant = source.tenants()[0].clone();
    let request = WindowRequest {
        tenant,
        window,
        limits: Limits::default(),
    };
    source.read(request).map(Result::unwrap).collect().await
}

fn ids(outcomes: &[SliceOutcome]) -> Vec<String> {
    let records = outcomes.iter().flat_map(|outcome| match outcome {
        SliceOutcome::Slice(Slice { records, .. }) | SliceOutcome::Hole(Hole { records, .. }) => {
            records
        }
    });
    let mut ids: Vec<String> = records
        .map(|record| record.native_id().unwrap().to_owned())
        .collect();
    ids.sort_unstable();
    ids
}

fn holes(outcomes: &[SliceOutcome]) -> Vec<&Hole> {
    let mut holes = Vec::new();
    for outcome in outcomes {
        if let SliceOutcome::Hole(hole) = outcome {
            holes.push(hole);
        }
    }
    holes
}

fn objects(outcomes: &[SliceOutcome]) -> usize {
    let of = |outcome: &SliceOutcome| match outcome {
        SliceOutcome::Slice(Slice { objects, .. }) | SliceOutcome::Hole(Hole { objects, .. }) => {
            objects.len()
        }
    };
    outcomes.iter().map(of).sum()
}

#[tokio::test]
async fn a_trail_keeps_the_contract() {
    let trail = Trail::usual().await;
    let places = [
        (key("", "20261123T0000", "a"), "a1"),
        (key("", "20261123T1015", "b"), "b1"),
        (key("", "20261123T1015", "b"), "b2"),
        (key("", "20261123T1015", "c"), "c1"),
        (key("", "20261124T2359", "e"), "e1"),
    ];
    let places: Vec<(&str, &str)> = places.iter().map(|(key, id)| (&**key, *id)).collect();
    let mut known = trail.known(&places);
    let source = trail.source();
    check_feed(&source, &feed(), two_days(), &known)
        .await
        .unwrap();
    // A file that is no gzip costs nothing but its own records.
    trail.put(places[3].0, "no gzip").await;
    let lost = known.records.remove("c1").unwrap();
    let hole = Window::new(lost, lost + TimeDelta::microseconds(1)).unwrap();
    known.unreadable.push(hole);
    check_feed(&source, &feed(), two_days(), &known)
        .await
        .unwrap();
    check_under_faults(&source, &feed(), two_days(), &known)
        .await
        .unwrap();
}

#[tokio::test]
async fn files_of_other_services_count_as_read() {
    let trail = Trail::usual().await;
    let outcomes = read(&trail.source(), two_days()).await;
    assert_eq!(ids(&outcomes), ["a1", "b1", "b2", "c1", "e1"]);
    assert_eq!(objects(&outcomes), 5);
    assert!(holes(&outcomes).is_empty());
    let all = trail.reading(EventSources::All, feed());
    assert_eq!(ids(&read(&all, two_days()).await).len(), 10);
    let s3 = EventSources::Only(vec!["s3.amazonaws.com".into()]);
    let s3 = trail.reading(s3, feed());
    let found = ids(&read(&s3, two_days()).await);
    assert_eq!(
        found,
        ["other-a", "other-b", "other-c", "other-d", "other-e"]
    );
}

#[tokio::test]
async fn windows_are_of_the_time_of_delivery() {
    let trail = Trail::usual().await;
    let source = trail.source();
    for (from, to, expected) in [
        ("2026-11-23T00:00:00Z", "2026-11-23T00:01:00Z", &["a1"][..]),
        ("2026-11-23T00:01:00Z", "2026-11-23T10:15:00Z", &[]),
        (
            "2026-11-23T10:15:00Z",
            "2026-11-23T10:16:00Z",
            &["b1", "b2", "c1"],
        ),
        ("2026-11-23T10:16:00Z", "2026-11-24T23:59:00Z", &[]),
        ("2026-11-24T23:59:00Z", "2026-11-25T00:00:00Z", &["e1"]),
        // When the acts happened.
        ("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z", &[]),
    ] {
        assert_eq!(ids(&read(&source, window(from, to)).await), expected);
    }
}

#[tokio::test]
async fn files_that_come_late_or_again_are_found() {
    let trail = Trail::usual().await;
    let source = trail.source();
    trail.deliver("20261123T0500", "late", &["l1"]).await;
    // Delivered again under another key, and under the same one.
    trail.deliver("20261124T0000", "again", &["b1", "b2"]).await;
    trail.deliver("20261123T1015", "c", &["c1"]).await;
    let found = ids(&read(&source, two_days()).await);
    assert_eq!(found, ["a1", "b1", "b1", "b2", "b2", "c1", "e1", "l1"]);
}

#[tokio::test]
async fn what_cannot_be_read_is_a_hole() {
    for (stored, reason) in [
        (b"no gzip".to_vec(), HoleReason::NotUnderstood),
        (
            gzip(&content(&[record("c1", "states")]))[..40].to_vec(),
            HoleReason::CutOff,
        ),
        (gzip("{\"Records\":7}"), HoleReason::NotUnderstood),
        (gzip(&"x".repeat(40 << 20)), HoleReason::TooLarge),
    ] {
        let trail = Trail::usual().await;
        let broken = key("", "20261123T1015", "c");
        trail.put(&broken, stored).await;
        let outcomes = read(&trail.source(), two_days()).await;
        assert_eq!(ids(&outcomes), ["a1", "b1", "b2", "e1"]);
        let found = holes(&outcomes);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].reason, reason);
        assert!(found[0].detail.starts_with(&broken), "{}", found[0].detail);
        assert_eq!(found[0].window.duration(), TimeDelta::microseconds(1));
    }
}

#[tokio::test]
async fn a_file_may_have_several_members() {
    let trail = Trail::new();
    let whole = content(&[record("m1", "states"), record("m2", "states")]);
    let (one, other) = whole.split_at(100);
    let stored = [gzip(one), gzip(other)].concat();
    trail.put(&key("", "20261123T1015", "m"), stored).await;
    let outcomes = read(&trail.source(), two_days()).await;
    assert_eq!(ids(&outcomes), ["m1", "m2"]);
}

#[tokio::test]
async fn feeds_are_found_by_their_folders() {
    let trail = Trail::usual().await;
    let of_organisation = key("o-abc123/", "20261123T1015", "x");
    let records = content(&[record("x1", "states")]);
    trail.put(&of_organisation, gzip(&records)).await;
    trail.put("AWSLogs/elsewhere/x", "no account").await;
    let found = CloudTrail::discover(&trail.bucket, Wording::Kept).await;
    let found = found.unwrap();
    let organisation = Tenant::Named(format!("o-abc123/{ACCOUNT}/{REGION}"));
    assert_eq!(found, [feed(), organisation.clone()]);
    let source = trail.reading(EventSources::default(), organisation);
    assert_eq!(ids(&read(&source, two_days()).await), ["x1"]);
    let nothing = Trail::new();
    let found = CloudTrail::discover(&nothing.bucket, Wording::Kept).await;
    assert_eq!(found.unwrap(), []);
}

#[tokio::test]
async fn what_is_not_read_is_remarked() {
    let trail = Trail::usual().await;
    let remarks = |source: ObjectFeed<CloudTrail>| async move { source.remarks().await.unwrap() };
    assert_eq!(remarks(trail.source()).await, []);
    for region in 0..12 {
        let region = format!("region-{region}");
        let other = key("", "20261123T1015", "x").replace(REGION, &region);
        trail.put(&other, gzip("{\"Records\":[]}")).await;
    }
    let said = remarks(trail.source()).await;
    let said = &said[0].said;
    assert!(
        said.contains("12 other feeds") && said.ends_with(" and 2 more"),
        "{said}"
    );
    let quiet = CloudTrail::new(
        trail.bucket.clone(),
        EventSources::default(),
        Wording::Kept,
        vec![feed()],
    );
    let quiet = ObjectFeed::new(quiet.unwrap().without_remarks());
    assert_eq!(remarks(quiet).await, []);
    let nothing = remarks(Trail::new().source()).await;
    assert!(nothing[0].action.contains("what stands before AWSLogs"));
}

#[tokio::test]
async fn the_oldest_file_is_found() {
    let trail = Trail::usual().await;
    let source = trail.source();
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let found = source.oldest(&feed(), at("2026-12-01T00:00:00Z")).await;
    let found = found.unwrap().unwrap();
    assert!(window("2026-11-23T00:00:00Z", "2026-11-23T00:01:00Z").contains(found));
    for until in ["2026-11-23T00:00:00Z", "2020-01-01T00:00:00Z"] {
        assert_eq!(source.oldest(&feed(), at(until)).await, Ok(None));
    }
}

#[test]
fn feeds_have_names_of_account_and_region() {
    for tenants in [
        vec![],
        vec![Tenant::All],
        vec![Tenant::Named("123456789012".to_owned())],
        vec![feed(), Tenant::Named("../x/y".to_owned())],
    ] {
        let wanted = EventSources::default();
        let refused = CloudTrail::new(Bucket::memory(), wanted, Wording::Kept, tenants);
        assert!(matches!(refused.err(), Some(SourceError::Settings { .. })));
    }
}

#[test]
fn what_the_bucket_refuses_is_a_matter_of_the_source_and_not_of_the_lake() {
    let (object, said) = ("s3://trail/AWSLogs".to_owned(), "AccessDenied".to_owned());
    let denied = StoreError::Denied {
        action: "list",
        object: object.clone(),
        said: said.clone(),
    };
    let absent = StoreError::NotFound { object, said };
    for (error, code, advice) in [
        (
            denied,
            "bucket_forbidden",
            "list and read the bucket of the source",
        ),
        (absent, "bucket_not_found", "the URL of the source's bucket"),
    ] {
        let failure = of_bucket(Wording::Kept, "feed", &error);
        assert_eq!(failure.code(), code);
        assert!(failure.advice().contains(advice), "{}", failure.advice());
        assert!(failure.to_string().ends_with(": AccessDenied"), "{failure}");
    }
}

/// The same on a disk, whose listings have other orders and tags.
#[tokio::test]
async fn a_trail_may_lie_on_a_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(key("", "20261123T1015", "x"));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, gzip(&content(&[record("x1", "states")]))).unwrap();
    let url = url::Url::from_directory_path(folder.path()).unwrap();
    let options = StoreOptions::new();
    let bucket = Bucket::open_for(StorePurpose::Source, url.as_str(), &options).unwrap();
    let found = CloudTrail::discover(&bucket, Wording::Kept).await.unwrap();
    assert_eq!(found, [feed()]);
    let trail = Trail { bucket };
    let source = trail.source();
    assert_eq!(ids(&read(&source, two_days()).await), ["x1"]);
    // A file that is gone after it was listed.
    let objects = CloudTrail::new(
        trail.bucket.clone(),
        EventSources::default(),
        Wording::Kept,
        vec![feed()],
    );
    let objects = objects.unwrap();
    let day = window("2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z");
    let listed = objects.list(&feed(), day).await.unwrap();
    std::fs::remove_file(&path).unwrap();
    let gone = objects.read(&feed(), &listed[0], 1000).await;
    assert!(
        matches!(
            gone,
            Err(ReadFailure::Object {
                reason: HoleReason::Gone,
                ..
            })
        ),
        "{gone:?}"
    );
}

#[tokio::test]
async fn what_the_feed_leaves_out_is_left_out_of_files() {
    let trail = Trail::new();
    let (states, s3) = (
        br#"{"eventSource":"states.amazonaws.com"}"#,
        br#"{"eventSource":"s3.amazonaws.com"}"#,
    );
    let some = trail.reading(EventSources::default(), feed());
    assert!(some.wants(states) && !some.wants(s3) && some.wants(b"{}"));
    let all = trail.reading(EventSources::All, feed());
    assert!(all.wants(states) && all.wants(s3));
}
