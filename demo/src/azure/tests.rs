//! The double against a plain client.

use super::*;
use crate::faults::{Fault, RetryAfter};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tokio::net::TcpListener;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

struct Reader {
    azure: Azure,
    serving: crate::Serving,
    token: String,
}

impl Reader {
    async fn new(options: &Options) -> Self {
        let azure = Azure::new(options);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let serving = azure.serve(listener).unwrap();
        let token = Azure::token().to_owned();
        Self {
            azure,
            serving,
            token,
        }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let request = request.header("authorization", format!("Bearer {}", self.token));
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body = response.text().await.unwrap();
        (status, serde_json::from_str(&body).unwrap_or(Value::Null))
    }

    async fn get(&self, url: &str) -> (u16, Value) {
        self.send(reqwest::Client::new().get(url)).await
    }

    fn events_url(&self, filter: &str) -> String {
        let mut url = url::Url::parse(&self.serving.url()).unwrap();
        let id = self.azure.subscription();
        url.set_path(&format!(
            "/subscriptions/{id}/providers/Microsoft.Insights/eventtypes/management/values"
        ));
        url.query_pairs_mut()
            .append_pair("api-version", "2015-04-01")
            .append_pair("$filter", filter);
        url.into()
    }

    async fn runs(&self, question: &Value) -> (u16, Value) {
        let url = format!(
            "{}{}/queryPipelineRuns?api-version=2018-06-01",
            self.serving.url(),
            self.azure.factory_id()
        );
        let request = reqwest::Client::new().post(url).body(question.to_string());
        self.send(request).await
    }

    /// All events of a filter, and how many responses it took.
    async fn all(&self, filter: &str) -> (Vec<Value>, usize) {
        let mut url = self.events_url(filter);
        let mut events = Vec::new();
        for responses in 1..1_000 {
            let (status, body) = self.get(&url).await;
            assert_eq!(status, 200, "{body}");
            events.extend(body["value"].as_array().cloned().unwrap());
            match body["nextLink"].as_str() {
                Some(link) => url = link.to_owned(),
                None => return (events, responses),
            }
        }
        panic!("no end");
    }
}

const NOW: &str = "2026-11-20T06:00:00Z";
const SPAN: &str =
    "eventTimestamp ge '2026-11-01T00:00:00Z' and eventTimestamp le '2026-11-20T06:00:00Z'";

fn options(events: u32) -> Options {
    Options {
        events,
        runs: 30,
        page: 7,
        now: Some(at(NOW)),
        ..Options::default()
    }
}

#[tokio::test]
async fn pages_are_the_events_newest_first() {
    let reader = Reader::new(&options(60)).await;
    let (events, responses) = reader.all(SPAN).await;
    let texts: BTreeSet<String> = events.iter().map(Value::to_string).collect();
    assert_eq!(texts, reader.azure.texts().into_iter().collect());
    assert!(texts.len() > 50, "some are shown later: {}", texts.len());
    assert_eq!(responses, texts.len().div_ceil(7));
    let times: Vec<_> = events
        .iter()
        .map(|it| at(it["eventTimestamp"].as_str().unwrap()))
        .collect();
    assert!(times.iter().rev().is_sorted());
    let provider = format!("{SPAN} and resourceProvider eq 'microsoft.datafactory'");
    assert_eq!(reader.all(&provider).await.0.len(), texts.len());
    let other = format!("{SPAN} and resourceProvider eq 'Microsoft.Storage'");
    assert_eq!(reader.all(&other).await.0.len(), 0);
}

#[tokio::test]
async fn both_edges_are_included() {
    let reader = Reader::new(&options(0)).await;
    let edge = at("2026-11-19T12:00:00Z");
    for (nth, time) in [edge, edge + TimeDelta::nanoseconds(100)]
        .into_iter()
        .enumerate()
    {
        reader.azure.push(NewActivity::at(format!("e{nth}"), time));
    }
    for (filter, count) in [
        (
            "ge '2026-11-19T11:00:00Z' and eventTimestamp le '2026-11-19T12:00:00Z'",
            1,
        ),
        (
            "ge '2026-11-19T12:00:00Z' and eventTimestamp le '2026-11-19T13:00:00Z'",
            2,
        ),
        (
            "ge '2026-11-19T12:00:00.0000001Z' and eventTimestamp le '2026-11-19T13:00:00Z'",
            1,
        ),
    ] {
        let (events, _) = reader.all(&format!("eventTimestamp {filter}")).await;
        assert_eq!(events.len(), count, "{filter}");
    }
}

#[tokio::test]
async fn an_event_is_there_once_it_was_submitted_and_for_90_days() {
    let reader = Reader::new(&options(0)).await;
    let now = reader.azure.now();
    reader.azure.push(NewActivity {
        submitted: now + TimeDelta::hours(1),
        ..NewActivity::at("late", now - TimeDelta::days(2))
    });
    assert_eq!(reader.all(SPAN).await.0.len(), 0);
    reader.azure.set_now(now + TimeDelta::hours(1));
    assert_eq!(reader.all(SPAN).await.0.len(), 1);
    reader.azure.set_now(now + TimeDelta::days(89));
    assert_eq!(reader.azure.happened().len(), 0);
    let (status, body) = reader.get(&reader.events_url(SPAN)).await;
    assert_eq!(status, 400);
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.contains("90 day"), "{message}");
}

#[tokio::test]
async fn what_the_service_refuses_is_refused() {
    let reader = Reader::new(&options(50)).await;
    let (_, first) = reader.get(&reader.events_url(SPAN)).await;
    let link = first["nextLink"].as_str().unwrap();
    let again = format!("{link}&$filter=x");
    let other_version = reader.events_url(SPAN).replace("2015", "2016");
    for (url, status) in [
        (link, 200),
        (&again, 400),
        (&other_version, 400),
        (
            &reader.events_url("eventTimestamp ge '2026-11-01T00:00:00Z'"),
            400,
        ),
        (&format!("{}&$top=5", reader.events_url(SPAN)), 400),
        (
            &reader.events_url(SPAN).replace("aaaa0a0a", "bbbb0a0a"),
            404,
        ),
        (&format!("{}/elsewhere", reader.serving.url()), 404),
    ] {
        assert_eq!(reader.get(url).await.0, status, "{url}");
    }
    let good = json!({
        "lastUpdatedAfter": "2026-11-01T00:00:00Z",
        "lastUpdatedBefore": "2026-11-20T06:00:00Z",
    });
    let (_, first) = reader.runs(&good).await;
    let token = first["continuationToken"].clone();
    for (change, status) in [
        (json!({"continuationToken": token}), 200),
        (json!({"continuationToken": "x"}), 400),
        (
            json!({"continuationToken": token, "lastUpdatedAfter": "2026-11-02T00:00:00Z"}),
            400,
        ),
        (json!({"lastUpdatedBefore": null}), 400),
        (json!({"top": 5}), 400),
    ] {
        let mut question = good.clone();
        for (name, value) in change.as_object().unwrap() {
            question[name] = value.clone();
        }
        assert_eq!(reader.runs(&question).await.0, status, "{change}");
    }
}

#[tokio::test]
async fn a_run_is_shown_as_it_is_now() {
    let reader = Reader::new(&Options {
        runs: 0,
        ..options(0)
    })
    .await;
    let start = at("2026-11-20T05:00:00Z");
    let states = [
        (start, "InProgress"),
        (start + TimeDelta::minutes(90), "Succeeded"),
    ];
    reader.azure.push_run(NewRun::through("r", &states));
    let question = json!({
        "lastUpdatedAfter": "2026-11-20T05:00:00Z",
        "lastUpdatedBefore": "2026-11-20T06:00:00Z",
    });
    let (_, body) = reader.runs(&question).await;
    assert_eq!(body["value"][0]["status"], "InProgress");
    assert_eq!(body["value"][0]["runEnd"], Value::Null);
    reader.azure.set_now(start + TimeDelta::hours(2));
    let (_, body) = reader.runs(&question).await;
    assert_eq!(body["value"], json!([]));
    assert_eq!(reader.azure.updated()["r"], start + TimeDelta::minutes(90));
    let url = format!(
        "{}{}/pipelineruns/r/queryActivityruns?api-version=2018-06-01",
        reader.serving.url(),
        reader.azure.factory_id()
    );
    let request = reqwest::Client::new().post(url).body(question.to_string());
    let (_, body) = reader.send(request).await;
    assert_eq!(body["value"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn applications_sign_in_with_their_secret() {
    let mut reader = Reader::new(&Options {
        token_requests: Some(2),
        ..options(5)
    })
    .await;
    let url = format!("{}{}", reader.serving.url(), Azure::token_path());
    let (id, secret) = Azure::application();
    let ask = |secret: String, scope: &'static str| {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", id),
            ("client_secret", &secret),
            ("scope", scope),
        ];
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = reqwest::Client::new().post(&url).body(body);
        async {
            let response = request.send().await.unwrap();
            let status = response.status().as_u16();
            let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
            (status, body)
        }
    };
    let scope = "https://management.azure.com/.default";
    let (status, body) = ask("guess".to_owned(), scope).await;
    assert_eq!((status, &body["error"]), (401, &json!("invalid_client")));
    let (status, body) = ask(secret.to_owned(), "openid").await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_scope")));
    let (status, body) = ask(secret.to_owned(), scope).await;
    assert_eq!(status, 200);
    reader.token = body["access_token"].as_str().unwrap().to_owned();
    let url = reader.events_url(SPAN);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(reader.get(&url).await.0);
    }
    assert_eq!(statuses, [200, 200, 401]);
    reader.token = "demo-powerless-token".to_owned();
    assert_eq!(reader.get(&url).await.0, 403);
    assert_eq!(reader.azure.tokens_given(), 1);
}

#[tokio::test]
async fn trouble_comes_as_it_was_ordered() {
    let reader = Reader::new(&options(60)).await;
    reader.azure.set_trouble(|_, trouble| trouble.empty = 0.5);
    let (events, responses) = reader.all(SPAN).await;
    assert_eq!(events.len(), reader.azure.texts().len());
    assert!(responses > events.len().div_ceil(7));
    reader.azure.set_trouble(|_, trouble| {
        trouble.empty = 0.0;
        trouble.dead = 1.0;
    });
    let (_, first) = reader.get(&reader.events_url(SPAN)).await;
    let link = first["nextLink"].as_str().unwrap();
    assert_eq!(reader.get(link).await.0, 400);
    reader.azure.set_trouble(|_, trouble| {
        trouble.dead = 0.0;
        trouble.loops = true;
    });
    let (_, second) = reader.get(link).await;
    assert_eq!(second["nextLink"].as_str(), Some(link));
    let elsewhere = "http://attacker.example";
    reader
        .azure
        .set_trouble(|_, trouble| trouble.elsewhere = Some(elsewhere.to_owned()));
    let (_, first) = reader.get(&reader.events_url(SPAN)).await;
    assert!(first["nextLink"].as_str().unwrap().starts_with(elsewhere));
    let busy = Fault::Status {
        code: 429,
        retry_after: RetryAfter::Seconds,
    };
    reader.azure.queue(busy, 1);
    assert_eq!(reader.get(&reader.events_url(SPAN)).await.0, 429);
    let id = reader.azure.happened().keys().next().unwrap().clone();
    reader.azure.poison(&id);
    let event = first["value"][0]["eventDataId"].as_str().unwrap();
    reader.azure.poison(event);
    assert_eq!(reader.get(&reader.events_url(SPAN)).await.0, 500);
}

#[test]
fn blobs_grow_and_hold_each_event_as_often_as_settings_write_it() {
    let azure = Azure::new(&options(0));
    let now = at("2026-11-20T06:59:00Z");
    for nth in 0..3 {
        azure.push(NewActivity {
            submitted: now + TimeDelta::minutes(nth),
            ..NewActivity::at(format!("e{nth}"), now - TimeDelta::minutes(9))
        });
    }
    azure.set_now(now);
    let hour = |hour: u32| {
        let id = azure.subscription().to_uppercase();
        format!("resourceId=/SUBSCRIPTIONS/{id}/y=2026/m=11/d=20/h={hour:02}/m=00/PT1H.json")
    };
    let lines = |copies| -> Vec<(String, usize)> {
        let blobs = azure.export(copies).into_iter();
        let count = |blob: &[u8]| blob.split(|byte| *byte == b'\n').count() - 1;
        blobs.map(|(name, blob)| (name, count(&blob))).collect()
    };
    assert_eq!(lines(1), [(hour(6), 1)]);
    azure.set_now(now + TimeDelta::minutes(2));
    assert_eq!(lines(1), [(hour(6), 1), (hour(7), 2)]);
    assert_eq!(lines(2), [(hour(6), 2), (hour(7), 4)]);
}
