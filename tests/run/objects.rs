//! Runs over a feed that is delivered as objects: the files of a trail in a bucket.

use super::harness::{at, empty, job_at, run, run_well, sound_lake};
use super::lake::{Lake, columns};
use crate::faulty_store::FaultyStore;
use arrow::array::AsArray as _;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use trailhouse::clock::Clock;
use trailhouse::config::Start;
use trailhouse::event::redact::Redaction;
use trailhouse::lake::FileReader;
use trailhouse::lake::layout::Table;
use trailhouse::ledger::digest::Digest;
use trailhouse::ledger::entry::{Body, RecountVerdict, Retention, VerdictBy};
use trailhouse::ledger::log::{Commit, EntryDraft};
use trailhouse::ledger::state::FeedState;
use trailhouse::policy::{AsOf, Policy};
use trailhouse::retention::plan;
use trailhouse::run::{Job, JobSource, Summary};
use trailhouse::source::objects::{
    ListedObject, ObjectContent, ObjectFeed, ObjectTiming, Objects, ReadFailure,
};
use trailhouse::source::platform::cloudtrail::{CloudTrail, EventSources};
use trailhouse::source::{ClockReading, Mapping, SourceError, Tenant, Wording};
use trailhouse::store::Bucket;
use trailhouse::window::Window;

const SOURCE: &str = "aws-states";
const ACCOUNT: &str = "123456789012";
const REGION: &str = "eu-central-1";

/// The time, which only tests move.
#[derive(Clone)]
struct Hands(Arc<Mutex<DateTime<Utc>>>);

impl Clock for Hands {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// A trail whose service has a clock, which bears out the time of a run.
struct Witnessed {
    trail: CloudTrail,
    hands: Hands,
}

#[async_trait]
impl Objects for Witnessed {
    fn timing(&self) -> &ObjectTiming {
        self.trail.timing()
    }

    fn tenants(&self) -> &[Tenant] {
        self.trail.tenants()
    }

    fn mapping(&self) -> &dyn Mapping {
        self.trail.mapping()
    }

    async fn list(
        &self,
        tenant: &Tenant,
        window: Window,
    ) -> Result<Vec<ListedObject>, SourceError> {
        self.trail.list(tenant, window).await
    }

    async fn read(
        &self,
        tenant: &Tenant,
        object: &ListedObject,
        most: u64,
    ) -> Result<ObjectContent, ReadFailure> {
        self.trail.read(tenant, object, most).await
    }

    async fn oldest(
        &self,
        tenant: &Tenant,
        until: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, SourceError> {
        self.trail.oldest(tenant, until).await
    }

    fn clock(&self) -> Option<ClockReading> {
        let now = self.hands.now();
        Some(ClockReading {
            theirs: now,
            ours: now,
        })
    }

    fn requests(&self) -> u64 {
        self.trail.requests()
    }
}

/// A trail, and a lake that it is read into.
struct Stand {
    trail: Bucket,
    store: FaultyStore,
    hands: Hands,
}

impl Stand {
    fn new(now: &str) -> Self {
        Self {
            trail: Bucket::memory(),
            store: empty(),
            hands: Hands(Arc::new(Mutex::new(at(now)))),
        }
    }

    fn set(&self, now: &str) {
        *self.hands.0.lock().unwrap() = at(now);
    }

    fn key(minute: &str, unique: &str) -> String {
        let (year, month, day) = (&minute[..4], &minute[4..6], &minute[6..8]);
        format!(
            "AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/{year}/{month}/{day}/{ACCOUNT}_CloudTrail_{REGION}_{minute}Z_{unique}.json.gz"
        )
    }

    /// A file of acts, each an id and a time.
    async fn deliver(&self, minute: &str, unique: &str, acts: &[(&str, &str)]) {
        let records: Vec<String> = acts
            .iter()
            .map(|(id, time)| {
                format!(
                    r#"{{"eventVersion":"1.11","userIdentity":{{"type":"IAMUser","userName":"anna"}},"eventTime":"{time}","eventSource":"states.amazonaws.com","eventName":"StartExecution","eventID":"{id}","recipientAccountId":"{ACCOUNT}"}}"#
                )
            })
            .collect();
        let content = format!(r#"{{"Records":[{}]}}"#, records.join(","));
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content.as_bytes()).unwrap();
        self.put(minute, unique, encoder.finish().unwrap()).await;
    }

    async fn put(&self, minute: &str, unique: &str, stored: Vec<u8>) {
        let key = Self::key(minute, unique);
        self.trail.replace(&key, stored.into()).await.unwrap();
    }

    fn job(&self) -> Job {
        let tenant = Tenant::Named(format!("{ACCOUNT}/{REGION}"));
        let trail = CloudTrail::new(
            self.trail.clone(),
            EventSources::default(),
            Wording::Kept,
            vec![tenant],
        );
        let witnessed = Witnessed {
            trail: trail.unwrap(),
            hands: self.hands.clone(),
        };
        let source = JobSource {
            id: SOURCE.to_owned(),
            source: Arc::new(ObjectFeed::new(witnessed)),
            redaction: Arc::new(Redaction::none()),
            start: Start::Earliest,
            settle: TimeDelta::minutes(15),
            overlap: TimeDelta::minutes(30),
            limits: Default::default(),
        };
        job_at(Arc::new(self.hands.clone()), &self.store, vec![source])
    }

    /// The lake, verified, and what it knows of the feed.
    async fn lake(&self) -> (Lake, FeedState) {
        let lake = sound_lake(&self.store).await;
        let tenant = format!("{ACCOUNT}/{REGION}");
        let feed = lake.state.feed(SOURCE, &tenant).unwrap().clone();
        (lake, feed)
    }

    /// Key and status of each row of the table of objects, by the end of the key.
    async fn objects(&self) -> Vec<(String, String)> {
        let (lake, _) = self.lake().await;
        let bucket = Bucket::around(Arc::new(self.store.clone()));
        let mut rows = Vec::new();
        for live in lake.state.live_files() {
            if live.file.table != Table::Objects {
                continue;
            }
            let reader = FileReader::new(&bucket, live.file.signed()).unwrap();
            for batch in columns(&reader, &["object_key", "status"]).await {
                let keys = batch.column(0).as_string::<i32>();
                let statuses = batch.column(1).as_string::<i32>();
                for (key, status) in keys.iter().zip(statuses) {
                    let unique = key.unwrap().rsplit('_').next().unwrap();
                    let unique = unique.trim_end_matches(".json.gz").to_owned();
                    rows.push((unique, status.unwrap().to_owned()));
                }
            }
        }
        rows.sort();
        rows
    }
}

fn ids(lake: &Lake) -> Vec<&str> {
    let rows = lake.rows();
    let ids = rows.keys().map(|uid| uid.rsplit('/').next().unwrap());
    ids.collect()
}

/// The newest recount of a date in a summary.
fn recounted(summary: &Summary, date: &str) -> Option<(VerdictBy, RecountVerdict)> {
    let recounts = summary.sources[0].recounts.iter();
    let mut of_date = recounts.filter(|it| it.date.to_string() == date);
    of_date.next().map(|it| (it.by, it.verdict))
}

/// Three files of two dates; acts of one of them happened days before.
async fn usual() -> Stand {
    let stand = Stand::new("2026-11-24T12:00:00Z");
    let day = "2026-11-23T10:00:00Z";
    stand
        .deliver("20261123T1005", "a", &[("a1", day), ("a2", day)])
        .await;
    stand
        .deliver("20261123T1010", "b", &[("b1", "2026-11-20T08:00:00Z")])
        .await;
    stand
        .deliver("20261124T0905", "c", &[("c1", "2026-11-24T09:00:00Z")])
        .await;
    stand
}

#[tokio::test(flavor = "multi_thread")]
async fn every_record_is_there_once_and_a_second_run_adds_nothing() {
    let stand = usual().await;
    let job = stand.job();
    run_well(&job).await;
    let (lake, feed) = stand.lake().await;
    assert_eq!(ids(&lake), ["a1", "a2", "b1", "c1"]);
    let dates: Vec<String> = lake
        .state
        .live_files()
        .filter(|live| live.file.table == Table::Events)
        .map(|live| live.file.date.to_string())
        .collect();
    // Filed under the day of the act, counted under that of the arrival.
    assert!(dates.contains(&"2026-11-20".to_owned()), "{dates:?}");
    let day = &feed.days[&"2026-11-23".parse().unwrap()];
    assert_eq!(day.counts.added, 3);
    assert_eq!(day.objects.unwrap().count, 2);
    let read = |unique: &str| (unique.to_owned(), "read".to_owned());
    assert_eq!(stand.objects().await, [read("a"), read("b"), read("c")]);

    let before = lake.state.batches.len();
    let again = run_well(&job).await;
    let listed = Some((VerdictBy::Listing, RecountVerdict::Matched));
    assert_eq!(recounted(&again, "2026-11-23"), listed);
    let (lake, _) = stand.lake().await;
    assert_eq!(lake.state.batches.len(), before);
    assert_eq!(ids(&lake), ["a1", "a2", "b1", "c1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_object_is_found_by_the_next_listing() {
    let stand = usual().await;
    let job = stand.job();
    run_well(&job).await;
    let time = "2026-11-23T04:00:00Z";
    stand
        .deliver("20261123T0405", "late", &[("l1", time)])
        .await;
    // Delivered again under another key, and overwritten with one record more.
    stand
        .deliver("20261123T2300", "again", &[("a1", "2026-11-23T10:00:00Z")])
        .await;
    stand
        .deliver(
            "20261124T0905",
            "c",
            &[("c1", "2026-11-24T09:00:00Z"), ("c2", time)],
        )
        .await;
    let summary = run_well(&job).await;
    assert_eq!(
        recounted(&summary, "2026-11-23"),
        Some((VerdictBy::Id, RecountVerdict::Matched))
    );
    let (lake, feed) = stand.lake().await;
    assert_eq!(ids(&lake), ["a1", "a2", "b1", "c1", "c2", "l1"]);
    let count = |date: &str| feed.days[&date.parse().unwrap()].objects.unwrap().count;
    assert_eq!((count("2026-11-23"), count("2026-11-24")), (4, 1));
    let settled = run_well(&job).await;
    for date in ["2026-11-23", "2026-11-24"] {
        assert_eq!(
            recounted(&settled, date),
            Some((VerdictBy::Listing, RecountVerdict::Matched))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_object_is_a_hole_until_it_can_be_read() {
    let stand = usual().await;
    stand.put("20261123T1200", "x", b"no gzip".to_vec()).await;
    let job = stand.job();
    let summary = run(&job).await;
    let holes = &summary.sources[0].holes;
    assert_eq!(holes.len(), 1, "{holes:?}");
    assert_eq!(holes[0].reason, "not_understood");
    let key = Stand::key("20261123T1200", "x");
    assert!(holes[0].detail.starts_with(&key), "{}", holes[0].detail);
    let (lake, _) = stand.lake().await;
    assert_eq!(ids(&lake), ["a1", "a2", "b1", "c1"]);

    let again = run(&job).await;
    assert_eq!(again.sources[0].holes[0].tries, 2);
    stand
        .deliver("20261123T1200", "x", &[("x1", "2026-11-23T11:00:00Z")])
        .await;
    run_well(&job).await;
    let (lake, feed) = stand.lake().await;
    assert_eq!(ids(&lake), ["a1", "a2", "b1", "c1", "x1"]);
    assert!(feed.holes.is_empty());
    let statuses = stand.objects().await;
    let of_x: Vec<&str> = statuses
        .iter()
        .filter(|(unique, _)| unique == "x")
        .map(|(_, status)| status.as_str())
        .collect();
    assert_eq!(of_x, ["not_understood", "read"]);
    let settled = run_well(&job).await;
    assert_eq!(
        recounted(&settled, "2026-11-23"),
        Some((VerdictBy::Listing, RecountVerdict::Matched))
    );
}

/// Objects that go are fewer at first, and purged when they are still gone.
#[tokio::test(flavor = "multi_thread")]
async fn objects_that_go_are_purged_at_the_source() {
    let stand = usual().await;
    let job = stand.job();
    run_well(&job).await;
    let key = Stand::key("20261123T1010", "b");
    stand.trail.delete(&key).await.unwrap();
    let first = run_well(&job).await;
    assert_eq!(
        recounted(&first, "2026-11-23"),
        Some((VerdictBy::Listing, RecountVerdict::Fewer))
    );
    run_well(&job).await;
    let (lake, feed) = stand.lake().await;
    assert_eq!(ids(&lake), ["a1", "a2", "b1", "c1"]);
    let day = &feed.days[&"2026-11-23".parse().unwrap()];
    assert_eq!(
        day.recount.as_ref().unwrap().verdict,
        RecountVerdict::Purged
    );
    assert_eq!(day.objects.unwrap().count, 1);
}

/// A date that has settled is not read again where the listing is that of what was read.
#[tokio::test(flavor = "multi_thread")]
async fn a_settled_date_is_read_again_only_where_it_has_changed() {
    for changed in [false, true] {
        let stand = usual().await;
        let job = stand.job();
        run_well(&job).await;
        if changed {
            let time = "2026-11-23T04:00:00Z";
            stand
                .deliver("20261123T0405", "late", &[("l1", time)])
                .await;
        }
        stand.set("2026-11-27T12:00:00Z");
        let requests = stand.trail.requests().get;
        run_well(&job).await;
        let requests = stand.trail.requests().get - requests;
        let (lake, feed) = stand.lake().await;
        assert_eq!(ids(&lake).contains(&"l1"), changed);
        for date in ["2026-11-23", "2026-11-24"] {
            let day = &feed.days[&date.parse().unwrap()];
            assert!(day.read_again.is_some(), "{date} {changed}");
        }
        // Listings alone, where nothing has changed.
        assert!(changed || requests < 30, "{requests}");
    }
}

/// What is said of the objects of a date goes with it, and is not said again. Acts of that date that come
/// later are not kept, and their object is still named.
#[tokio::test(flavor = "multi_thread")]
async fn lists_of_objects_go_with_their_date() {
    let stand = usual().await;
    run_well(&stand.job()).await;
    stand.set("2027-03-01T12:00:00Z");
    let policy = Policy {
        rules: vec![],
        default: "30d".parse().unwrap(),
        platforms: [(SOURCE.to_owned(), "cloudtrail".to_owned())].into(),
    };
    let job = Job {
        retention: Some(policy.clone()),
        ..stand.job()
    };
    let log = job.log();
    let mut state = log.load().await.unwrap().unwrap();
    let as_of = at("2027-03-01T12:00:00Z").date_naive();
    let parts = plan(&state, &policy, AsOf::date(as_of)).due;
    let of_objects = parts.iter().filter(|part| part.table == Table::Objects);
    assert_eq!(of_objects.count(), 2);
    let decision = Retention {
        as_of,
        policy,
        parts,
        warehouses: vec![],
        plan: "plan".to_owned(),
        confirmed_by: Some("anna".to_owned()),
    };
    let draft = EntryDraft {
        run_id: "20270301T120000Z-00000000".into(),
        written_at: at("2027-03-01T12:00:00Z"),
        witnesses: Vec::new(),
        config_sha256: Digest::of(b"config"),
        body: Body::Retention(Box::new(decision)),
    };
    let committed = log.commit(&mut state, &draft).await.unwrap();
    assert!(matches!(committed, Commit::Done));

    stand
        .deliver("20270301T1000", "old", &[("o1", "2026-11-23T10:00:00Z")])
        .await;
    for _ in 0..2 {
        run_well(&job).await;
        let (lake, feed) = stand.lake().await;
        assert_eq!(ids(&lake), [""; 0]);
        let day = &feed.days[&as_of];
        assert_eq!((day.counts.expired, day.objects.unwrap().count), (1, 1));
        let old = ("old".to_owned(), "read".to_owned());
        assert_eq!(stand.objects().await, [old]);
    }
}
