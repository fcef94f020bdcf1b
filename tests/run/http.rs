//! Described APIs: the contract of feeds on their doubles, whole runs into a lake, what such APIs do to their readers,
//! and Kestra described beside Kestra.

use super::harness::{
    Rig, SOURCE, at, bearer, empty, hasty, job_at, quiet, run, run_well, sound_lake,
};
use super::lake::cells;
use crate::faulty_store::FaultyStore;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use trailhouse::clock::Clock;
use trailhouse::config::{Config, Start};
use trailhouse::event::redact::Redaction;
use trailhouse::run::{Job, JobSource, Summary};
use trailhouse::source::conformance::{KnownFeed, check_feed, check_under_faults};
use trailhouse::source::cursor::Cursor;
use trailhouse::source::http::{Auth, Client, HttpSettings, LazySecret};
use trailhouse::source::platform::Platform as _;
use trailhouse::source::platform::http::{DescribedApi, DescribedFeed};
use trailhouse::source::{ProofLimit, Source, Tenant, Wording};
use trailhouse::window::Window;
use trailhouse_demo::http::{AuditApi, Dialect, Options, Paging, Record};
use trailhouse_demo::{Fault, Faults, Serving};

const NOW: &str = "2026-11-20T06:00:00Z";

/// The API of a sample, in small pages.
fn sample(name: &str) -> DescribedApi {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/http");
    small(&Config::load(&path.join(name)).unwrap())
}

/// [`Dialect::Plain`] with pages as these lines describe them.
fn plain(paging: &str) -> DescribedApi {
    let text = format!(
        r#"
version = 1
[lake]
url = "file:///lake"
[signing]
key = {{ env = "K" }}
[[source]]
id = "plain"
platform = "http"
url = "https://api.example.com"
auth = {{ bearer = {{ env = "T" }} }}
start = "earliest"
request = {{ path = "/records" }}
window = {{ from = {{ query = "from" }}, to = {{ query = "until" }}, digits = 6 }}
paging = {{ size = {{ query = "limit" }}, {paging} }}
records = {{ items = "/list", id = "/key", time = "/at", time_format = "micros", total = "/found" }}
columns = {{ action = "/what", actor_email = "/who/mail" }}
"#
    );
    small(&Config::parse(text.as_bytes(), Path::new("/etc/trailhouse.toml")).unwrap())
}

fn small(config: &Config) -> DescribedApi {
    let api = config.sources[0].platform.as_any();
    let mut api = api.downcast_ref::<DescribedApi>().unwrap().clone();
    api.description.paging.page_size = 7;
    api
}

/// Every kind of paging, with its double.
fn kinds() -> Vec<(Dialect, DescribedApi)> {
    let token =
        "kind = \"token\", token = { header = \"X-Next\" }, send = { header = \"X-Continue\" }";
    let next_url = "kind = \"next_url\", token = { body = \"/next\" }";
    let offset = "kind = \"offset\", send = { query = \"offset\" }";
    let page = "kind = \"page\", send = { query = \"page\" }";
    vec![
        (Dialect::Dagster, sample("dagster.toml")),
        (Dialect::Temporal, sample("temporal.toml")),
        (Dialect::Astronomer, sample("astronomer.toml")),
        (Dialect::Plain(Paging::Offset), plain(offset)),
        (Dialect::Plain(Paging::Page), plain(page)),
        (Dialect::Plain(Paging::TokenInHeader), plain(token)),
        (Dialect::Plain(Paging::Link), plain("kind = \"link\"")),
        (Dialect::Plain(Paging::NextUrl), plain(next_url)),
    ]
}

/// Time as the API tells it.
struct ApiClock(AuditApi);

impl Clock for ApiClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }
}

/// A described API being served.
struct Described {
    log: AuditApi,
    serving: Serving,
    api: DescribedApi,
}

/// A source of a description, whatever serves it.
fn source_of(settings: HttpSettings, api: &DescribedApi) -> Cursor<DescribedFeed> {
    let auth = match &api.auth {
        Auth::Header { name, .. } => Auth::Header {
            name: name.clone(),
            key: LazySecret::new(|| Ok("demo-token".into())),
        },
        _ => bearer("demo-token"),
    };
    let client = Client::new(HttpSettings { auth, ..settings }, Wording::Kept).unwrap();
    let (description, mapping) = (api.description.clone(), api.mapping.clone());
    Cursor::new(DescribedFeed::new(client, description, mapping, api.tenants()).unwrap())
}

fn job_source(id: &str, source: Cursor<DescribedFeed>) -> JobSource {
    JobSource {
        id: id.to_owned(),
        source: Arc::new(source),
        redaction: Arc::new(Redaction::none()),
        start: Start::Earliest,
        settle: TimeDelta::minutes(5),
        overlap: TimeDelta::minutes(30),
        limits: Default::default(),
    }
}

impl Described {
    async fn new(dialect: Dialect, api: DescribedApi, records: i64) -> Self {
        let log = AuditApi::new(&Options::new(dialect, at(NOW)));
        for n in 0..records {
            log.push(Record {
                action: ["LOGIN", "CREATE", "DELETE"][n as usize % 3].to_owned(),
                // A crowd at one instant, and the rest minutes apart.
                ..Record::at(
                    format!("r{n:03}"),
                    at(NOW) - TimeDelta::minutes(10 + 7 * (n - n % 4)),
                )
            });
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let serving = log.serve(listener).unwrap();
        Self { log, serving, api }
    }

    fn source(&self) -> Cursor<DescribedFeed> {
        let log = self.log.clone();
        let settings = hasty(&self.serving, Arc::new(move || log.now()));
        source_of(settings, &self.api)
    }

    fn tenant(&self) -> Tenant {
        self.api.tenants().remove(0)
    }

    fn known(&self) -> KnownFeed {
        let id_of = |id: String| match self.api.mapping.ids.len() {
            1 => id,
            _ => self
                .log
                .texts()
                .into_iter()
                .find(|text| text.contains(&id))
                .map_or(id, |text| {
                    let identity =
                        trailhouse::source::Mapping::identify(&*self.api.mapping, text.as_bytes());
                    identity.unwrap().native_id.into_owned()
                }),
        };
        let times = self.log.times().into_iter();
        KnownFeed {
            records: times.map(|(id, time)| (id_of(id), time)).collect(),
            ..KnownFeed::default()
        }
    }

    async fn check(&self) -> Result<(), String> {
        check_feed(&self.source(), &self.tenant(), window(), &self.known())
            .await
            .map_err(|broken| broken.to_string())
    }

    fn job(&self, store: &FaultyStore) -> Job {
        let clock = Arc::new(ApiClock(self.log.clone()));
        job_at(clock, store, vec![job_source("described", self.source())])
    }

    /// The lake holds every record that is there, once and to the byte.
    async fn holds_all(&self, store: &FaultyStore) {
        let lake = sound_lake(store).await;
        let rows = lake.rows();
        let kept: BTreeSet<&str> = rows.values().copied().collect();
        let texts = self.log.texts();
        let there: BTreeSet<&str> = texts.iter().map(String::as_str).collect();
        assert_eq!(kept, there);
        assert_eq!(rows.len(), there.len());
        assert!(lake.quarantine.is_empty());
    }
}

fn window() -> Window {
    Window::new(at("2026-11-19T00:00:00Z"), at(NOW) + TimeDelta::hours(1)).unwrap()
}

#[tokio::test]
async fn each_kind_of_paging_keeps_the_contract_of_feeds() {
    for (dialect, api) in kinds() {
        for records in [0, 60] {
            let described = Described::new(dialect, api.clone(), records).await;
            let checked = described.check().await;
            checked.unwrap_or_else(|broken| panic!("{dialect:?} {records}: {broken}"));
        }
    }
}

#[tokio::test]
async fn it_is_kept_under_faults() {
    let mut limited = 0;
    for (dialect, api) in kinds() {
        let described = Described::new(dialect, api, 60).await;
        let known = described.known();
        described.log.set_trouble(|faults, trouble| {
            *faults = Faults {
                rate_limit: 0.1,
                unavailable: 0.05,
                cut: 0.05,
                duplicate: 0.05,
                ..Faults::default()
            };
            trouble.page_cap = Some(3);
            trouble.empty_pages = 2;
        });
        let (source, tenant) = (described.source(), described.tenant());
        check_under_faults(&source, &tenant, window(), &known)
            .await
            .unwrap_or_else(|broken| panic!("{dialect:?}: {broken}"));
        limited += described.log.counts().status(429);
    }
    assert!(limited > 0, "nothing went wrong");
}

#[tokio::test]
async fn every_record_is_in_the_lake_once() {
    for (dialect, api) in kinds() {
        let described = Described::new(dialect, api, 60).await;
        let store = empty();
        let job = described.job(&store);
        let first = run_well(&job).await;
        assert_eq!(first.sources[0].counts.added, 60, "{dialect:?}");
        described.holds_all(&store).await;
        described.log.set_now(at(NOW) + TimeDelta::hours(2));
        described
            .log
            .push(Record::at("late", at(NOW) - TimeDelta::minutes(1)));
        let second = run_well(&job).await;
        assert_eq!(second.sources[0].counts.added, 1, "{dialect:?}");
        described.holds_all(&store).await;
    }
}

/// Dates that were counted in a run, and whether each count matched.
fn counted(summary: &Summary) -> usize {
    summary.sources[0].recounts.len()
}

#[tokio::test]
async fn a_total_is_counted_and_without_one_nothing_is() {
    let offset = "kind = \"offset\", send = { query = \"offset\" }";
    for (dialect, api, counts) in [
        (Dialect::Plain(Paging::Offset), plain(offset), true),
        (Dialect::Temporal, sample("temporal.toml"), false),
    ] {
        let described = Described::new(dialect, api, 30).await;
        let source = described.source();
        let count = source.count(&described.tenant(), window()).await.unwrap();
        assert_eq!(
            (count.exact, count.rows),
            (counts, if counts { 30 } else { 0 })
        );
        assert_eq!(source.capabilities().counts_trusted, counts);
        let limits = match counts {
            true => Vec::new(),
            false => vec![ProofLimit::NoTotal],
        };
        assert_eq!(described.api.limits(), limits);
        assert_eq!(source.capabilities().limits, limits);
        let summary = run_well(&described.job(&empty())).await;
        assert_eq!(
            counted(&summary) > 0,
            counts,
            "{:?}",
            summary.sources[0].recounts
        );
    }
}

/// What ended the source of a run.
async fn failure(described: &Described) -> String {
    let summary = run(&described.job(&empty())).await;
    let failure = summary.sources[0].failure.as_ref();
    format!("{:?}", failure.expect("the source failed"))
}

#[tokio::test]
async fn what_such_an_api_can_do_is_found_out() {
    let next_url = "kind = \"next_url\", token = { body = \"/next\" }";
    let offset = "kind = \"offset\", send = { query = \"offset\" }";
    // Filters that are ignored.
    let described = Described::new(Dialect::Temporal, sample("temporal.toml"), 20).await;
    described
        .log
        .set_trouble(|faults, _| faults.ignore_filters = true);
    assert!(
        described
            .check()
            .await
            .unwrap_err()
            .contains("ignores the filters")
    );
    // A server to which no credential may go.
    let described = Described::new(Dialect::Plain(Paging::NextUrl), plain(next_url), 20).await;
    let other = Described::new(Dialect::Plain(Paging::NextUrl), plain(next_url), 20).await;
    let server = other.serving.url();
    described
        .log
        .set_trouble(|_, trouble| trouble.next_server = Some(server));
    assert!(failure(&described).await.contains("another server"));
    assert_eq!(other.log.counts().requests, 0);
    // A place that is ignored.
    let described = Described::new(Dialect::Plain(Paging::Offset), plain(offset), 20).await;
    described
        .log
        .set_trouble(|_, trouble| trouble.ignores_place = true);
    assert!(failure(&described).await.contains("is ignored"));
    // A failure that comes as a success.
    let described = Described::new(Dialect::Dagster, sample("dagster.toml"), 20).await;
    described
        .log
        .set_trouble(|_, trouble| trouble.fails_in_body = true);
    let said = failure(&described).await;
    assert!(said.contains("unauthorized query"), "{said}");
    assert!(!said.contains("demo-token"), "{said}");
}

#[tokio::test]
async fn what_cannot_be_read_whole_is_a_hole_and_what_changes_is_read_again() {
    let offset = "kind = \"offset\", send = { query = \"offset\" }";
    let plain = || Described::new(Dialect::Plain(Paging::Offset), plain(offset), 30);
    // A record that comes or goes between two pages.
    for purges in [false, true] {
        let described = plain().await;
        described.log.set_trouble(|_, trouble| match purges {
            false => trouble.added = Some(Record::at("new", at(NOW) - TimeDelta::hours(3))),
            true => trouble.purged = Some("r020".to_owned()),
        });
        let store = empty();
        let summary = run_well(&described.job(&store)).await;
        assert_eq!(
            summary.sources[0].counts.added,
            if purges { 30 } else { 31 }
        );
    }
    // A total that never fits, and a token that never changes.
    let described = plain().await;
    described
        .log
        .set_trouble(|_, trouble| trouble.total_beyond = 1);
    let summary = run(&described.job(&empty())).await;
    assert!(!summary.sources[0].holes.is_empty());
    let mut api = sample("temporal.toml");
    // Four records at one instant are several pages, so no shorter window spares the token.
    api.description.paging.page_size = 1;
    let described = Described::new(Dialect::Temporal, api, 30).await;
    described
        .log
        .set_trouble(|_, trouble| trouble.repeats_token = true);
    let summary = run(&described.job(&empty())).await;
    let source = &summary.sources[0];
    assert!(source.failure.is_none() && !source.holes.is_empty());
    // A failure for a while.
    let described = Described::new(Dialect::Temporal, sample("temporal.toml"), 30).await;
    let fault = Fault::Status {
        code: 500,
        retry_after: trailhouse_demo::RetryAfter::Absent,
    };
    described.log.queue(fault, 2);
    run_well(&described.job(&empty())).await;
}

/// Rows of a lake by id, with these columns as text.
async fn rows_of(store: &FaultyStore, columns: &[&str]) -> BTreeMap<String, Vec<Option<String>>> {
    let rows = cells(store, columns).await;
    let rows = rows
        .into_iter()
        .map(|row| (row[0].clone().unwrap_or_default(), row));
    rows.collect()
}

#[tokio::test]
async fn kestra_described_gives_the_same_rows() {
    let rig = Rig::new(&trailhouse_demo::kestra::Options {
        events: 400,
        ..quiet(NOW)
    })
    .await;
    let main = || Tenant::Named("main".to_owned());
    let api = sample("kestra.toml");
    let described = job_source(SOURCE, source_of(rig.settings(), &api));
    let (ours, theirs) = (empty(), empty());
    let built_in = run_well(&rig.job_of(&ours, vec![rig.source(vec![main()])])).await;
    let read = run_well(&rig.job_of(&theirs, vec![described])).await;
    assert!(built_in.sources[0].counts.added > 100);
    assert_eq!(
        read.sources[0].counts.added,
        built_in.sources[0].counts.added
    );
    let mut columns = vec![
        "native_id",
        "event_uid",
        "event_time",
        "event_time_text",
        "tenant",
        "raw",
    ];
    columns.extend(api.mapping.columns.iter().map(|column| column.name));
    assert!(columns.len() > 18, "{columns:?}");
    let (ours, theirs) = (
        rows_of(&ours, &columns).await,
        rows_of(&theirs, &columns).await,
    );
    assert_eq!(ours.len(), theirs.len());
    for (id, row) in &ours {
        for ((name, one), other) in columns.iter().zip(row).zip(&theirs[id]) {
            assert_eq!(one, other, "{name} of {id}");
        }
    }
}
