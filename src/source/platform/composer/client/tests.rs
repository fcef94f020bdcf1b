//! Cloud Logging over HTTP, against a server that answers from a script.

use super::*;
use crate::http::script::{Server, json, reply};
use crate::source::Wording;

fn composer(server: &Server) -> Composer {
    let client = Client::new(server.settings(), Wording::Kept).unwrap();
    let settings = ComposerSettings {
        logs: vec![AuditLog::Activity, AuditLog::Policy],
        ..ComposerSettings::new(vec!["acme-data".to_owned()])
    };
    Composer::new(client, &settings).unwrap()
}

fn request() -> LinkRequest {
    let from = "2026-11-23T00:00:00Z".parse().unwrap();
    let window = Window::new(from, from + TimeDelta::hours(1)).unwrap();
    LinkRequest::first(Tenant::Named("acme-data".to_owned()), window, 10)
}

#[tokio::test]
async fn a_token_that_is_refused_is_dead_and_a_question_that_is_refused_is_an_error() {
    let refusal = reply(
        "400 Bad Request",
        "Content-Type: application/json\r\n",
        r#"{"error":{"code":400,"message":"bad token","status":"INVALID_ARGUMENT"}}"#,
    );
    let server = Server::start(vec![refusal]).await;
    let composer = composer(&server);
    let first = composer.link(&request()).await.unwrap_err();
    assert_eq!(first.code(), "refused");
    let later = LinkRequest {
        token: Some(crate::source::cursor::Token::new("t")),
        ..request()
    };
    assert_eq!(composer.link(&later).await, Ok(Reply::Expired));
}

#[tokio::test]
async fn quota_is_waited_for() {
    let busy = reply("429 Too Many Requests", "", r#"{"error":{"code":429}}"#);
    let server = Server::start(vec![busy, json("{}")]).await;
    let composer = composer(&server);
    let reply = composer.link(&request()).await.unwrap();
    assert_eq!(
        reply,
        Reply::Link(crate::source::cursor::Link {
            total: None,
            bytes: 2,
            ..Default::default()
        })
    );
    assert_eq!(composer.requests(), 2);
    assert!(server.heads()[0].starts_with("POST /v2/entries:list "));
}

#[tokio::test]
async fn the_question_names_logs_service_and_both_times() {
    let server = Server::start(vec![json("{}")]).await;
    let composer = composer(&server);
    let question = composer.question("acme-data", &request());
    assert_eq!(
        question,
        json!({
            "resourceNames": ["projects/acme-data"],
            "filter": "(log_id(\"cloudaudit.googleapis.com/activity\") OR \
                log_id(\"cloudaudit.googleapis.com/policy\")) \
                protoPayload.serviceName=\"composer.googleapis.com\" \
                receiveTimestamp>=\"2026-11-23T00:00:00Z\" receiveTimestamp<\"2026-11-23T01:00:00Z\" \
                timestamp>=\"2025-10-19T00:00:00Z\"",
            "orderBy": "timestamp asc",
            "pageSize": 10,
        })
    );
    assert_eq!(composer.chaining().horizon, Some(TimeDelta::days(30)));
    let first = year(1).unwrap();
    let early = Window::new(first, first + TimeDelta::days(1)).unwrap();
    assert!(
        composer
            .filter(&early)
            .ends_with("timestamp>=\"0001-01-01T00:00:00Z\"")
    );
}

#[tokio::test]
async fn projects_that_cannot_be_are_refused() {
    let server = Server::start(vec![json("{}")]).await;
    for projects in [&[][..], &[""], &["a/b"], &["a\" OR \""]] {
        let client = Client::new(server.settings(), Wording::Kept);
        let projects = projects.iter().map(|name| (*name).to_owned()).collect();
        let refused = Composer::new(client.unwrap(), &ComposerSettings::new(projects)).err();
        assert_eq!(refused.map(|error| error.code()), Some("settings"));
    }
}
