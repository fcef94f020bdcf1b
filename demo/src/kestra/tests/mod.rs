//! The platform over HTTP, as a reader sees it.

mod reader;
mod trouble;

use super::*;
use crate::{Access, Fault, Faults, RetryAfter, Serving, listen};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use secrecy::ExposeSecret;
use serde_json::Value;
use std::collections::HashSet;
use std::time::Duration;
use tokio::net::TcpListener;

const END: &str = "2026-11-20T12:00:00Z";
const SEARCH: &str = "/api/v1/main/auditlogs/search";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// An instant as a filter has it.
pub(super) fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn options() -> Options {
    Options {
        events: 3_000,
        days: 4,
        end: Some(at(END)),
        clock: Some(at(END)),
        oracle: true,
        ..Options::default()
    }
}

struct Rig {
    platform: Platform,
    serving: Serving,
    client: reqwest::Client,
}

struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn ids(&self) -> Vec<String> {
        let value = self.json();
        let results = value["results"].as_array().unwrap().clone();
        let id = |item: &Value| item["auditLog"]["id"].as_str().unwrap().to_owned();
        results.iter().map(id).collect()
    }

    fn total(&self) -> u64 {
        self.json()["total"].as_u64().unwrap()
    }
}

impl Rig {
    async fn new(options: Options) -> Self {
        let platform = Platform::new(&options).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let serving = platform.serve(listener).unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            platform,
            serving,
            client,
        }
    }

    async fn ask(&self, path: &str, token: &str) -> Result<Answer, reqwest::Error> {
        let request = self.client.get(format!("{}{path}", self.serving.url()));
        let response = request.bearer_auth(token).send().await?;
        Ok(Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await?.to_vec(),
        })
    }

    async fn search(&self, query: &str) -> Answer {
        self.ask(&format!("{SEARCH}?{query}"), "demo-token")
            .await
            .unwrap()
    }
}

fn window(from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    format!(
        "filters[startDate][GREATER_THAN_OR_EQUAL_TO]={}&filters[startDate][LESS_THAN]={}",
        rfc3339(from),
        rfc3339(to)
    )
}

#[tokio::test]
async fn pages_hold_everything_once() {
    let rig = Rig::new(options()).await;
    let mut ids = Vec::new();
    for page in 1..=4 {
        let answer = rig
            .search(&format!("sort=date:asc&size=1000&page={page}"))
            .await;
        assert_eq!((answer.status, answer.total()), (200, 3_000));
        ids.extend(answer.ids());
    }
    assert_eq!(ids, rig.platform.ids(Some("main")));
    let shown = rig.platform.shown();
    assert_eq!(shown.len(), 3_000);
    let first = rig.platform.current(&shown[0].id).unwrap();
    assert_eq!(shown[0].versions, [first]);
    let counts = rig.platform.counts();
    assert_eq!(
        (counts.searches, counts.rows, counts.status(200)),
        (4, 3_000, 4)
    );
    assert_eq!(rig.platform.requests()[3].rows, 0);
    rig.serving.shutdown().await.unwrap();
}

#[tokio::test]
async fn the_first_dialect_answers_its_own_parameters_only() {
    let rig = Rig::new(Options {
        dialect: Dialect::V1,
        ..options()
    })
    .await;
    let edge = at("2026-11-19T08:00:00Z");
    for _ in 0..2 {
        rig.platform.push(NewEvent::at(edge));
    }
    let text = rfc3339(edge);
    let closed = rig
        .search(&format!("startDate={text}&endDate={text}&size=2000"))
        .await;
    assert!(closed.total() >= 2);
    let value = closed.json();
    assert!(value["results"][0]["auditLog"]["detail"]["permission"].is_string());
    let ignored = rig.search(&window(edge, edge)).await;
    assert_eq!(ignored.total(), 3_002);
}

#[tokio::test]
async fn who_may_ask_for_what() {
    let rig = Rig::new(Options {
        tenants: vec!["main".to_owned(), "finance team".to_owned()],
        ..options()
    })
    .await;
    let all = "/api/v1/auditlogs/search";
    for (path, token, status) in [
        (SEARCH, "demo-token", 200),
        (SEARCH, "demo-tenant-token", 200),
        (SEARCH, "demo-powerless-token", 403),
        (SEARCH, "other", 401),
        (all, "demo-token", 200),
        (all, "demo-tenant-token", 403),
        ("/api/v1/finance%20team/auditlogs/search", "demo-token", 200),
        ("/api/v1/nobody/auditlogs/search", "demo-token", 404),
        ("/api/v1/nobody/auditlogs/search", "other", 401),
        ("/api/v1/main/auditlogs/export", "demo-token", 404),
        ("/api/v1/main/auditlogs/x/diff", "demo-token", 404),
        ("/", "demo-token", 404),
    ] {
        let answer = rig.ask(path, token).await.unwrap();
        assert_eq!(answer.status, status, "{path} {token}");
        assert_eq!(answer.header("date"), Some("Fri, 20 Nov 2026 12:00:00 GMT"));
        if status != 200 {
            assert!(answer.json()["message"].is_string());
            assert_eq!(answer.json()["_links"]["self"]["href"], path);
        }
    }
    let basic = rig.client.get(format!("{}{SEARCH}", rig.serving.url()));
    let access = Access::default();
    let basic = basic.basic_auth(access.username, Some(access.password.expose_secret()));
    assert_eq!(basic.send().await.unwrap().status(), 200);
    let across = rig.ask(all, "demo-token").await.unwrap().total();
    assert_eq!(across, 3_000);
    let (main, finance) = (
        rig.platform.total(Some("main")),
        rig.platform.total(Some("finance team")),
    );
    assert!(main + finance < 3_000 && finance > 100);
}

#[tokio::test]
async fn a_page_over_the_cap_is_refused_in_kestras_words() {
    let rig = Rig::new(options()).await;
    let answer = rig.search("size=1001").await;
    assert_eq!(answer.status, 422);
    let message = answer.json()["message"].as_str().unwrap().to_owned();
    assert!(message.ends_with("size: must be less than or equal to 1000"));
    assert_eq!(rig.search("page=9&size=1000").await.ids().len(), 0);
}

#[tokio::test]
async fn serving_until_told_to_stop() {
    let platform = Platform::new(&Options {
        events: 10,
        ..Options::default()
    });
    let listener = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let serving = platform.unwrap().serve(listener).unwrap();
    assert!(serving.address().port() > 0);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = tokio::spawn(serving.until(async move { stopped.await.unwrap_or(()) }));
    stop.send(()).unwrap();
    served.await.unwrap().unwrap();
}

#[test]
fn settings_that_make_no_platform() {
    let with = |tenants: &[&str]| {
        let options = Options {
            tenants: tenants.iter().map(|name| (*name).to_owned()).collect(),
            events: 0,
            ..Options::default()
        };
        Platform::new(&options).err()
    };
    assert_eq!(with(&[]), Some(OptionsError::NoTenant));
    assert_eq!(
        with(&["a", "a"]),
        Some(OptionsError::Tenant("a".to_owned()))
    );
    assert_eq!(with(&[""]), Some(OptionsError::Tenant(String::new())));
    assert_eq!(with(&["a"]), None);
}
