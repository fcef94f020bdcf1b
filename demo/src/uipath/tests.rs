//! The double against a plain client.

use super::*;
use crate::faults::{Fault, RetryAfter};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tokio::net::TcpListener;
use url::form_urlencoded::Serializer;

const LIST: &str = "/acme/production/orchestrator_/odata/AuditLogs";
const EVENTS: &str = "/acme/production/tenantaudit_/api/query/events";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

struct Reader {
    platform: UiPath,
    serving: crate::Serving,
    token: String,
}

impl Reader {
    async fn new(change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options {
            records: 60,
            events: 120,
            now: Some(at("2026-11-23T12:00:00Z")),
            ..Options::default()
        };
        change(&mut options);
        let platform = UiPath::new(&options);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let serving = platform.serve(listener).unwrap();
        Self {
            platform,
            serving,
            token: "demo-token".to_owned(),
        }
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let response = reqwest::Client::new()
            .get(format!("{}{path}", self.serving.url()))
            .header("authorization", format!("Bearer {}", self.token))
            .send()
            .await
            .unwrap();
        let status = response.status().as_u16();
        let body = response.text().await.unwrap();
        (status, serde_json::from_str(&body).unwrap_or(Value::Null))
    }

    async fn ask(&self, path: &str, pairs: &[(&str, &str)]) -> (u16, Value) {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(pairs);
        self.get(&format!("{path}?{}", query.finish())).await
    }

    /// All events from the newest to the oldest, and how many pages it took.
    async fn all_events(&self, pairs: &[(&str, &str)]) -> (Vec<Value>, usize) {
        let (status, mut page) = self.ask(EVENTS, pairs).await;
        assert_eq!(status, 200, "{page}");
        let mut events = Vec::new();
        for pages in 1..100 {
            events.extend(page["auditEvents"].as_array().cloned().unwrap());
            let Some(previous) = page["previous"].as_str() else {
                return (events, pages);
            };
            page = self.get(previous).await.1;
        }
        panic!("no end");
    }
}

fn ids(page: &Value) -> Vec<i64> {
    let records = page["value"].as_array().unwrap().iter();
    records
        .map(|record| record["Id"].as_i64().unwrap())
        .collect()
}

#[tokio::test]
async fn the_list_is_in_order_of_ids_and_continues_by_them() {
    let reader = Reader::new(|_| {}).await;
    let mut read = Vec::new();
    loop {
        let filter = format!("Id gt {}", read.last().unwrap_or(&0));
        let pairs = [
            ("$filter", filter.as_str()),
            ("$orderby", "Id asc"),
            ("$top", "7"),
            ("$count", "true"),
        ];
        let (status, page) = reader.ask(LIST, &pairs).await;
        assert_eq!(status, 200, "{page}");
        let found = ids(&page);
        let left = page["@odata.count"].as_u64().unwrap() as usize;
        assert_eq!(left + read.len(), reader.platform.records().len());
        if found.is_empty() {
            break;
        }
        read.extend(found);
    }
    assert!(read.is_sorted());
    let mut known: Vec<i64> = reader
        .platform
        .records()
        .keys()
        .map(|id| id.parse().unwrap())
        .collect();
    known.sort_unstable();
    assert_eq!(read, known);
}

/// Ids follow the end of a call, and times its beginning.
#[tokio::test]
async fn ids_and_times_have_other_orders() {
    let reader = Reader::new(|options| options.records = 0).await;
    let now = reader.platform.now();
    let long = NewRecord {
        written: now + TimeDelta::minutes(2),
        ..NewRecord::at(now - TimeDelta::minutes(3))
    };
    reader
        .platform
        .push_record(&NewRecord::at(now - TimeDelta::minutes(1)));
    reader.platform.push_record(&long);
    assert_eq!(ids(&reader.ask(LIST, &[]).await.1).len(), 1);
    reader.platform.set_now(now + TimeDelta::minutes(2));
    let by_time = ids(&reader
        .ask(LIST, &[("$orderby", "ExecutionTime asc")])
        .await
        .1);
    assert!(by_time.len() == 2 && !by_time.is_sorted());
}

#[tokio::test]
async fn what_the_services_refuse_is_refused() {
    let mut reader = Reader::new(|_| {}).await;
    for (pairs, status) in [
        (&[("$top", "1000")][..], 200),
        (&[("$top", "1001")], 400),
        (&[("$orderby", "UserName asc")], 400),
        (&[("$filter", "UserName eq 'anna'")], 400),
        (&[("$expand", "Everything")], 400),
        (&[("page", "1")], 400),
    ] {
        assert_eq!(reader.ask(LIST, pairs).await.0, status, "{pairs:?}");
    }
    for (pairs, status) in [
        (&[("maxCount", "9999")][..], 200),
        (&[("to", "yesterday")], 400),
        (&[("limit", "1")], 400),
    ] {
        assert_eq!(reader.ask(EVENTS, pairs).await.0, status, "{pairs:?}");
    }
    assert_eq!(reader.get(&LIST.replace("production", "test")).await.0, 404);
    assert_eq!(reader.get(&EVENTS.replace("acme", "other")).await.0, 404);
    reader.token = "demo-powerless-token".to_owned();
    assert_eq!(reader.get(LIST).await.0, 403);
    reader.token = "other".to_owned();
    assert_eq!(reader.get(EVENTS).await.0, 401);
}

#[tokio::test]
async fn events_come_newest_first_and_their_continuation_drops_the_lower_bound() {
    let reader = Reader::new(|options| options.events = 240).await;
    let known = reader.platform.events(Some("production"));
    let from = ("from", "2026-11-20T00:00:00Z");
    let inside = known
        .values()
        .filter(|time| **time >= at("2026-11-20T00:00:00Z"))
        .count();
    let (events, pages) = reader.all_events(&[from, ("maxCount", "10")]).await;
    assert_eq!(events.len(), known.len());
    assert!(pages >= known.len() / 10 && inside < known.len());
    let times: Vec<_> = events
        .iter()
        .map(|it| at(it["createdOn"].as_str().unwrap()))
        .collect();
    assert!(times.iter().rev().is_sorted());
    reader
        .platform
        .set_trouble(|_, trouble| trouble.keeps_from = true);
    let (events, _) = reader.all_events(&[from, ("maxCount", "10")]).await;
    assert_eq!(events.len(), inside);
    // Fewer than 10 are never sent, where there are more; and the upper bound is inclusive.
    let oldest = times.last().unwrap().to_rfc3339();
    let (_, page) = reader.ask(EVENTS, &[("maxCount", "1")]).await;
    assert_eq!(page["auditEvents"].as_array().unwrap().len(), 10);
    let (_, page) = reader.ask(EVENTS, &[("to", oldest.as_str())]).await;
    assert!(!page["auditEvents"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn events_are_shown_for_90_days() {
    let reader = Reader::new(|options| options.events = 30).await;
    let there = reader.all_events(&[]).await.0.len();
    assert!(there > 0);
    let later = reader.platform.now() + TimeDelta::days(100);
    reader.platform.set_now(later);
    assert_eq!(reader.all_events(&[]).await.0.len(), 0);
}

#[tokio::test]
async fn tokens_are_given_for_client_credentials() {
    let mut reader = Reader::new(|options| options.trouble.token_requests = Some(2)).await;
    let ask = async |body: &'static str| {
        let response = reqwest::Client::new()
            .post(format!("{}/identity_/connect/token", reader.serving.url()))
            .body(body)
            .send()
            .await
            .unwrap();
        let status = response.status().as_u16();
        let body = response.text().await.unwrap();
        (status, serde_json::from_str::<Value>(&body).unwrap())
    };
    let (status, given) = ask("grant_type=client_credentials&client_id=demo-application&client_secret=demo-secret&scope=OR.Audit.Read").await;
    assert_eq!(
        (status, &given["token_type"]),
        (200, &Value::from("Bearer"))
    );
    for wrong in [
        "grant_type=password",
        "grant_type=client_credentials&client_id=demo-application&client_secret=guess&scope=OR.Audit",
        "grant_type=client_credentials&client_id=demo-application&client_secret=demo-secret&scope=Everything",
    ] {
        assert_eq!(ask(wrong).await.0, 400, "{wrong}");
    }
    reader.token = given["access_token"].as_str().unwrap().to_owned();
    for status in [200, 200, 401] {
        assert_eq!(reader.get(LIST).await.0, status);
    }
}

#[tokio::test]
async fn trouble_comes_as_it_was_ordered() {
    let reader = Reader::new(|_| {}).await;
    reader.platform.set_trouble(|_, trouble| {
        trouble.no_id_filter = true;
        trouble.no_count = true;
        trouble.dead = 1.0;
    });
    let (status, _) = reader.ask(LIST, &[("$filter", "Id gt 1")]).await;
    assert_eq!(status, 400);
    let (_, page) = reader.ask(LIST, &[("$count", "true")]).await;
    assert_eq!(page["@odata.count"], Value::Null);
    let (_, page) = reader.ask(EVENTS, &[("maxCount", "10")]).await;
    let previous = page["previous"].as_str().unwrap();
    assert_eq!(reader.get(previous).await.0, 400);
    reader.platform.set_trouble(|_, trouble| {
        *trouble = Trouble {
            empty: 1.0,
            ..Trouble::default()
        };
    });
    let (_, page) = reader.ask(EVENTS, &[]).await;
    assert!(page["auditEvents"].as_array().unwrap().is_empty() && page["previous"].is_string());
    let busy = Fault::Status {
        code: 429,
        retry_after: RetryAfter::Seconds,
    };
    reader.platform.queue(busy, 1);
    assert_eq!(reader.get(LIST).await.0, 429);
    let before = reader.platform.record_texts();
    reader.platform.delete_user("anna");
    let changed = before
        .iter()
        .zip(reader.platform.record_texts())
        .filter(|(before, after)| *before != after)
        .count();
    assert!(0 < changed && changed < before.len());
}

#[tokio::test]
async fn the_long_term_store_has_whole_days_a_day_or_two_later() {
    let reader = Reader::new(|_| {}).await;
    let size = async |path: &str| {
        let response = reqwest::Client::new()
            .get(format!("{}{path}", reader.serving.url()))
            .header("authorization", "Bearer demo-token")
            .send()
            .await
            .unwrap();
        (
            response.status().as_u16(),
            response.bytes().await.unwrap().len(),
        )
    };
    let file = "/acme/orgaudit_/api/query/downloadeventsfromlongtermstore";
    let whole = size(&format!(
        "{file}?from=2026-11-18T00:00:00Z&to=2026-11-18T23:59:59Z"
    ))
    .await;
    let part = size(&format!(
        "{file}?from=2026-11-18T07:00:00Z&to=2026-11-18T08:00:00Z"
    ))
    .await;
    assert!(whole.0 == 200 && whole.1 > 500 && whole == part);
    // An empty ZIP file has 22 bytes.
    let today = size(&format!(
        "{file}?from=2026-11-23T00:00:00Z&to=2026-11-23T23:59:59Z"
    ))
    .await;
    assert_eq!(today, (200, 22));
    assert_eq!(
        size(&format!("{file}?from=2026-11-23T00:00:00Z")).await.0,
        400
    );
    let there = reader.platform.stored_texts(None).len();
    assert!(there > 10 && there < reader.platform.event_texts(None).len());
    let slow = reader
        .platform
        .stored_days(None)
        .into_values()
        .next()
        .unwrap();
    reader
        .platform
        .set_trouble(|_, trouble| trouble.slow_days = vec![slow]);
    assert_eq!(
        size(&format!("{file}?from={slow}T00:00:00Z&to={slow}T23:59:59Z"))
            .await
            .0,
        504
    );
}
