use super::*;
use crate::faults::{Fault, Faults};
use crate::server::{Serving, listen};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

const NOW: &str = "2026-11-20T06:00:00Z";

async fn serve(options: &Options) -> (AirflowServer, Serving) {
    let server = AirflowServer::new(&Options {
        now: Some(at(NOW)),
        ..options.clone()
    });
    let listener = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let serving = server.serve(listener).unwrap();
    (server, serving)
}

async fn get(serving: &Serving, path: &str) -> (u16, Value) {
    let request = reqwest::Client::new().get(format!("{}{path}", serving.url()));
    let response = request.header("authorization", "Bearer demo-token").send();
    let response = response.await.unwrap();
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

fn ids(list: &Value) -> Vec<i64> {
    let events = list["event_logs"].as_array().unwrap().iter();
    events
        .map(|it| it["event_log_id"].as_i64().unwrap())
        .collect()
}

#[tokio::test]
async fn lists_hide_what_airflow_3_hides() {
    for (dialect, hides) in [(Dialect::V2, true), (Dialect::V1, false)] {
        let (server, serving) = serve(&Options {
            events: 0,
            dialect,
            ..Options::default()
        })
        .await;
        let minute = |n: i64| at(NOW) - TimeDelta::minutes(10 - n);
        server.push(NewEvent::at(minute(0)));
        server.push(NewEvent::of_dag("exports", minute(1)));
        server.push(NewEvent::of_dag("never_was", minute(2)));
        server.delete_dag("exports", minute(3));
        let path = format!("/api/{}/eventLogs", dialect.version());
        let (status, list) = get(&serving, &path).await;
        let shown = if hides { vec![1] } else { vec![1, 2, 3, 4] };
        assert_eq!((status, ids(&list)), (200, shown.clone()));
        assert_eq!(list["total_entries"].as_u64(), Some(shown.len() as u64));
        let (status, event) = get(&serving, &format!("{path}/4")).await;
        assert_eq!((status, event["event"].as_str()), (200, Some("delete_dag")));
        assert_eq!(get(&serving, &format!("{path}/5")).await.0, 404);
        server.add_dag("exports");
        let (_, list) = get(&serving, &path).await;
        assert!(ids(&list).contains(&4));
    }
}

#[tokio::test]
async fn limits_bounds_and_orders_are_as_airflow_has_them() {
    let (server, serving) = serve(&Options {
        events: 0,
        ..Options::default()
    })
    .await;
    for n in 0..130 {
        server.push(NewEvent::at(
            at("2026-11-20T00:00:00Z") + TimeDelta::seconds(n),
        ));
    }
    let list = "/api/v2/eventLogs";
    for (query, expected) in [
        ("", (1..=50).collect::<Vec<i64>>()),
        ("?limit=1000", (1..=100).collect()),
        ("?limit=0", vec![]),
        ("?limit=3&offset=129", vec![130]),
        ("?limit=3&offset=500", vec![]),
        ("?limit=2&order_by=-when", vec![130, 129]),
        (
            "?after=2026-11-20T00:00:00Z&before=2026-11-20T00:00:03Z",
            vec![2, 3],
        ),
        ("?limit=1&event=other", vec![]),
        ("?limit=1&unknown=1", vec![1]),
    ] {
        let (status, page) = get(&serving, &format!("{list}{query}")).await;
        assert_eq!((status, ids(&page)), (200, expected), "{query}");
    }
    for (query, expected) in [
        ("?limit=-1", 422),
        ("?order_by=shoe_size", 400),
        ("?after=2026-11-20T00:00:00", 500),
        ("?after=2026-11-20T00:00:00+01:00", 422),
    ] {
        assert_eq!(
            get(&serving, &format!("{list}{query}")).await.0,
            expected,
            "{query}"
        );
    }
}

#[tokio::test]
async fn every_switch_does_what_it_says() {
    let (server, serving) = serve(&Options {
        events: 0,
        ..Options::default()
    })
    .await;
    for n in 0..20 {
        server.push(NewEvent::at(
            at("2026-11-20T00:00:00Z") + TimeDelta::seconds(n),
        ));
    }
    server.skip_ids(5);
    server.push(NewEvent::of_dag("exports", at(NOW)));
    let list = "/api/v2/eventLogs";
    server.set_trouble(|_, trouble| {
        trouble.page_limit = 7;
        trouble.totals = Totals::Table;
        trouble.denied_dags.insert("exports".to_owned());
    });
    let (_, page) = get(
        &serving,
        &format!("{list}?before=2026-11-20T00:00:03Z&limit=50"),
    )
    .await;
    assert_eq!(
        (ids(&page).len(), page["total_entries"].as_u64()),
        (3, Some(21))
    );
    assert_eq!(ids(&get(&serving, list).await.1).len(), 7);
    assert_eq!(get(&serving, &format!("{list}/26")).await.0, 403);
    assert_eq!(get(&serving, &format!("{list}/22")).await.0, 404);
    server.set_trouble(|_, trouble| trouble.denies_without_dag = true);
    assert!(ids(&get(&serving, list).await.1).is_empty());
    assert_eq!(get(&serving, &format!("{list}/1")).await.0, 403);
    assert_eq!(get(&serving, &format!("{list}/22")).await.0, 403);
    server.queue(Fault::WrongTotal(-1), 1, Some("order_by=when"));
    assert_eq!(
        get(&serving, list).await.1["total_entries"].as_u64(),
        Some(21)
    );
    let (_, wrong) = get(&serving, &format!("{list}?order_by=when")).await;
    assert_eq!(wrong["total_entries"].as_u64(), Some(20));
    server.rebuild();
    server.push(NewEvent::at(at(NOW)));
    assert_eq!(server.written().len(), 1);
    assert_eq!(server.written()[0].id, 1);
    server.set_trouble(|faults, _| {
        *faults = Faults {
            always: Some(503),
            ..Faults::default()
        }
    });
    assert_eq!(get(&serving, list).await.0, 503);
    assert_eq!(server.counts().status(503), 1);
}

#[tokio::test]
async fn tokens_are_given_for_a_password_and_expire() {
    let (server, serving) = serve(&Options {
        events: 1,
        ..Options::default()
    })
    .await;
    server.set_trouble(|_, trouble| trouble.token_requests = Some(1));
    let client = reqwest::Client::new();
    let sign_in = |password: &str| {
        let body = format!(r#"{{"username":"demo@acme.example","password":"{password}"}}"#);
        client
            .post(format!("{}/auth/token", serving.url()))
            .body(body)
            .send()
    };
    assert_eq!(sign_in("guess").await.unwrap().status(), 401);
    let given = sign_in("demo-password").await.unwrap();
    assert_eq!(given.status(), 201);
    let given: Value = serde_json::from_slice(&given.bytes().await.unwrap()).unwrap();
    let bearer = format!("Bearer {}", given["access_token"].as_str().unwrap());
    let list = || {
        let request = client.get(format!("{}/api/v2/eventLogs", serving.url()));
        request.header("authorization", &bearer).send()
    };
    assert_eq!(list().await.unwrap().status(), 200);
    assert_eq!(list().await.unwrap().status(), 401);
}

#[test]
fn ids_follow_the_order_of_writing_and_not_time() {
    let server = AirflowServer::new(&Options {
        now: Some(at(NOW)),
        events: 400,
        ..Options::default()
    });
    let written = server.written();
    assert!(written.len() > 390, "{}", written.len());
    assert!(written.is_sorted_by_key(|it| it.id));
    assert!(!written.is_sorted_by_key(|it| it.when));
    assert!(written.iter().any(|it| it.is_hidden));
    for it in &written {
        let value: Value = serde_json::from_str(&it.text).unwrap();
        assert_eq!(value["event_log_id"].as_i64(), Some(it.id));
        assert_eq!(at(value["when"].as_str().unwrap()), it.when);
    }
    let again = AirflowServer::new(&Options {
        now: Some(at(NOW)),
        events: 400,
        ..Options::default()
    });
    assert_eq!(again.written(), written);
    // What is late comes with the time.
    server.set_now(at(NOW) + TimeDelta::minutes(5));
    assert_eq!(server.written().len(), 400);
}
