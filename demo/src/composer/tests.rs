//! The double against a plain client.

use super::*;
use crate::faults::{Fault, RetryAfter};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::net::TcpListener;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

struct Reader {
    logging: CloudLogging,
    serving: crate::Serving,
}

impl Reader {
    async fn new(options: &Options) -> Self {
        let logging = CloudLogging::new(options);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let serving = logging.serve(listener).unwrap();
        Self { logging, serving }
    }

    async fn ask(&self, question: &Value) -> (u16, Value) {
        let response = reqwest::Client::new()
            .post(format!("{}/v2/entries:list", self.serving.url()))
            .header("authorization", "Bearer demo-token")
            .body(question.to_string())
            .send()
            .await
            .unwrap();
        let status = response.status().as_u16();
        let body = response.text().await.unwrap();
        (status, serde_json::from_str(&body).unwrap_or(Value::Null))
    }

    /// All entries of a filter, and how many responses it took.
    async fn all(&self, filter: &str, size: u32) -> (Vec<Value>, usize) {
        let mut question = question(filter, size);
        let mut entries = Vec::new();
        for responses in 1..1_000 {
            let (status, body) = self.ask(&question).await;
            assert_eq!(status, 200, "{body}");
            entries.extend(body["entries"].as_array().cloned().unwrap_or_default());
            match body["nextPageToken"].as_str() {
                Some(token) => question["pageToken"] = token.into(),
                None => return (entries, responses),
            }
        }
        panic!("no end");
    }
}

fn question(filter: &str, size: u32) -> Value {
    json!({
        "resourceNames": ["projects/acme-data"],
        "filter": filter,
        "orderBy": "timestamp asc",
        "pageSize": size,
    })
}

fn options(entries: u32) -> Options {
    Options {
        entries,
        now: Some(at("2026-11-23T12:00:00Z")),
        ..Options::default()
    }
}

#[tokio::test]
async fn pages_are_the_entries_in_order() {
    let reader = Reader::new(&options(120)).await;
    let (entries, responses) = reader.all("", 7).await;
    let texts: Vec<String> = entries.iter().map(Value::to_string).collect();
    assert_eq!(texts, reader.logging.texts());
    assert!(texts.len() > 90, "some arrive later: {}", texts.len());
    assert_eq!(responses, texts.len().div_ceil(7));
    let times: Vec<_> = entries
        .iter()
        .map(|it| at(it["timestamp"].as_str().unwrap()))
        .collect();
    assert!(times.is_sorted());
    let window =
        "receiveTimestamp>=\"2026-11-20T00:00:00Z\" receiveTimestamp<\"2026-11-21T00:00:00Z\"";
    let (some, _) = reader.all(window, 1_000).await;
    let inside = |received: &&DateTime<Utc>| {
        at("2026-11-20T00:00:00Z") <= **received && **received < at("2026-11-21T00:00:00Z")
    };
    let received = reader.logging.received();
    assert_eq!(some.len(), received.values().filter(inside).count());
    assert!(!some.is_empty());
}

#[tokio::test]
async fn an_entry_is_there_once_it_was_received() {
    let reader = Reader::new(&options(0)).await;
    let now = reader.logging.now();
    reader.logging.push(NewEntry {
        received: now + TimeDelta::hours(1),
        ..NewEntry::at("late", now - TimeDelta::days(2))
    });
    assert_eq!(reader.all("", 10).await.0.len(), 0);
    reader.logging.set_now(now + TimeDelta::hours(1));
    assert_eq!(reader.all("", 10).await.0.len(), 1);
}

#[tokio::test]
async fn what_the_service_refuses_is_refused() {
    let reader = Reader::new(&options(50)).await;
    let good = question("", 5);
    let (_, first) = reader.ask(&good).await;
    let token = first["nextPageToken"].clone();
    for (change, status) in [
        (json!({"pageSize": 1001}), 400),
        (json!({"pageSize": -1}), 400),
        (json!({"orderBy": "receiveTimestamp asc"}), 400),
        (json!({"filter": "severity=ERROR"}), 400),
        (json!({"resourceNames": []}), 400),
        (json!({"resourceNames": ["projects/other"]}), 403),
        (json!({"pagesize": 5}), 400),
        (json!({"pageToken": "x"}), 400),
        (json!({"pageToken": token, "pageSize": 6}), 400),
        (json!({"pageToken": token}), 200),
    ] {
        let mut question = good.clone();
        for (name, value) in change.as_object().unwrap() {
            question[name] = value.clone();
        }
        assert_eq!(reader.ask(&question).await.0, status, "{change}");
    }
}

#[tokio::test]
async fn trouble_comes_as_it_was_ordered() {
    let reader = Reader::new(&options(100)).await;
    reader.logging.set_trouble(|_, trouble| trouble.empty = 0.5);
    let (entries, responses) = reader.all("", 10).await;
    assert_eq!(entries.len(), reader.logging.texts().len());
    assert!(responses > entries.len().div_ceil(10));
    reader.logging.set_trouble(|_, trouble| {
        trouble.empty = 0.0;
        trouble.dead = 1.0;
    });
    let (_, first) = reader.ask(&question("", 10)).await;
    let mut next = question("", 10);
    next["pageToken"] = first["nextPageToken"].clone();
    let (status, body) = reader.ask(&next).await;
    assert_eq!(
        (status, &body["error"]["status"]),
        (400, &json!("INVALID_ARGUMENT"))
    );
    let busy = Fault::Status {
        code: 429,
        retry_after: RetryAfter::Seconds,
    };
    reader.logging.queue(busy, 1);
    let (status, body) = reader.ask(&question("", 10)).await;
    assert_eq!(
        (status, &body["error"]["status"]),
        (429, &json!("RESOURCE_EXHAUSTED"))
    );
    reader.logging.queue(Fault::Duplicate, 1);
    let (_, body) = reader.ask(&question("", 10)).await;
    assert_eq!(body["entries"].as_array().unwrap().len(), 11);
}
