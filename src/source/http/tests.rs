//! The client against a server on loopback that answers from a script.

mod amid;
mod encoding;

use super::*;
use crate::foreign::Secrets;
use crate::http::script::{Server, json, reply};
use crate::waits::Wait;
use chrono::TimeDelta;
use secrecy::SecretString;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::Instant;

fn settings(base: &Url) -> HttpSettings {
    HttpSettings {
        retry: Retry {
            first: Duration::from_millis(1),
            longest: Duration::from_millis(2),
            longest_told: Duration::from_millis(2),
            patience: Duration::from_millis(400),
            tries_of_failure: 3,
        },
        response_bytes: 1000,
        ..HttpSettings::new(base.clone(), Auth::None)
    }
}

fn main() -> Tenant {
    Tenant::Named("main".into())
}

async fn get(settings: HttpSettings) -> (Result<Bytes, SourceError>, Client) {
    get_under(settings, Wording::Kept).await
}

async fn get_under(
    settings: HttpSettings,
    wording: Wording,
) -> (Result<Bytes, SourceError>, Client) {
    let client = Client::new(settings, wording).unwrap();
    let url = client.base().join("search?page=1").unwrap();
    let got = client.get(&url, &main(), None, Ok).await;
    (got, client)
}

async fn get_from(
    replies: Vec<impl Into<Vec<u8>>>,
) -> (Result<Bytes, SourceError>, Client, Server) {
    let server = Server::start(replies).await;
    let (got, client) = get(settings(&server.base)).await;
    (got, client, server)
}

#[tokio::test]
async fn a_document_comes_with_the_clock() {
    let dated = reply("200 OK", "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "{}");
    let (got, client, server) = get_from(vec![dated]).await;
    assert_eq!(got.unwrap(), "{}");
    assert_eq!(client.requests(), 1);
    let clock = client.clock().unwrap();
    assert_eq!(clock.theirs.timestamp(), 784_111_777);
    assert!(clock.offset() < -TimeDelta::days(365));
    let head = &server.heads()[0].to_ascii_lowercase();
    assert!(head.starts_with("get /search?page=1 http/1.1\r\n"));
    assert!(head.contains("accept: application/json"));
    assert!(head.contains("user-agent: trailhouse/"));
    assert!(!head.contains("authorization"));
}

#[tokio::test]
async fn what_passes_is_asked_again() {
    for first in [
        reply("429 Too Many Requests", "Retry-After: 1\r\n", ""),
        reply("429 Too Many Requests", "Retry-After: 1795600000\r\n", ""),
        reply("429 Too Many Requests", "Retry-After: soon\r\n", ""),
        reply("429 Too Many Requests", "", ""),
        reply(
            "503 Service Unavailable",
            "Retry-After: Wed, 25 Nov 2076 10:00:00 GMT\r\n",
            "",
        ),
        reply("500 Internal Server Error", "", ""),
        reply("502 Bad Gateway", "", "<html>"),
        reply("408 Request Timeout", "", ""),
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"results\"".to_owned(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"res".to_owned(),
        String::new(),
    ] {
        let (got, client, _server) = get_from(vec![first.clone(), json("{}")]).await;
        assert_eq!(got.as_deref(), Ok(b"{}".as_slice()), "{first}");
        assert_eq!(client.requests(), 2, "{first}");
    }
}

#[tokio::test]
async fn a_wait_is_reported_until_it_is_over() {
    let busy = reply("503 Service Unavailable", "", "");
    let broken = reply("500 Internal Server Error", "", "");
    let server = Server::start(vec![busy, broken, json("{}")]).await;
    let settings = settings(&server.base);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&heard);
    settings.waits.listen(Box::new(move |wait: Option<&Wait>| {
        let said = wait.map_or_else(|| "over".to_owned(), Wait::to_string);
        log.lock().unwrap().push(said);
    }));
    let (got, _client) = get(settings).await;
    assert_eq!(got.unwrap(), "{}");
    assert_eq!(
        *heard.lock().unwrap(),
        [
            "503, trying again in 1 s (try 2)",
            "over",
            "500, trying again in 1 s (try 3 of 3)",
            "over"
        ]
    );
}

#[tokio::test]
async fn what_stays_is_asked_once() {
    let message = r#"{"message":"so\nit is"}"#;
    for (status, code, text) in [
        ("403 Forbidden", "forbidden", "of main (403): so\\nit is"),
        ("404 Not Found", "not_found", "of main (404): so"),
        ("423 Locked", "unreadable_record", "(423): so"),
        ("422 Unprocessable Entity", "refused", "(422): so"),
        ("400 Bad Request", "refused", "(400): so"),
        ("501 Not Implemented", "refused", "(501): so"),
        ("204 No Content", "not_the_interface", "204"),
        (
            "302 Found",
            "not_the_interface",
            "redirect (302 Found): 127",
        ),
    ] {
        let (got, client, _server) = get_from(vec![reply(status, "", message)]).await;
        let error = got.unwrap_err();
        assert_eq!(error.code(), code, "{status}");
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(client.requests(), 1, "{status}");
    }
}

#[tokio::test]
async fn patience_ends_in_a_clear_error() {
    for (again, code) in [
        (
            reply("429 Slow Down", "Retry-After: 60\r\n", ""),
            "throttled",
        ),
        (reply("503 Unavailable", "", ""), "throttled"),
        (reply("504 Gateway Timeout", "", ""), "server_failure"),
    ] {
        let (got, client, _server) = get_from(vec![again]).await;
        assert_eq!(got.unwrap_err().code(), code);
        assert!(client.requests() > 3, "{code}");
    }
    for (again, code) in [
        (reply("500 Oops", "", "{"), "server_failure"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_owned(),
            "cut_off",
        ),
    ] {
        let (got, client, _server) = get_from(vec![again]).await;
        assert_eq!(got.unwrap_err().code(), code);
        assert_eq!(client.requests(), 3, "{code}");
    }
}

#[tokio::test]
async fn nobody_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let (got, _client) = get(settings(&base.parse().unwrap())).await;
    let error = got.unwrap_err();
    assert_eq!(error.code(), "unreachable");
    assert!(!error.to_string().contains("search"), "{error}");
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    let settings = HttpSettings {
        timeout: Duration::from_millis(20),
        ..settings(&base.parse().unwrap())
    };
    let (got, client) = get(settings).await;
    assert_eq!(got.unwrap_err().code(), "unreachable");
    assert!(client.requests() > 1);
}

#[tokio::test]
async fn the_deadline_ends_waiting() {
    let server = Server::start(vec![reply("503 Unavailable", "", "")]).await;
    let mut settings = settings(&server.base);
    settings.retry.patience = Duration::from_secs(3600);
    settings.deadline = Some(Instant::now() + Duration::from_millis(30));
    let (got, _client) = get(settings).await;
    assert_eq!(got, Err(SourceError::Deadline));
}

#[tokio::test]
async fn a_response_over_the_cap_is_not_held() {
    let long = "x".repeat(1001);
    let chunked =
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n{long}\r\n0\r\n\r\n");
    for over in [json(&long), chunked] {
        let (got, client, _server) = get_from(vec![over]).await;
        assert_eq!(got, Err(SourceError::TooLarge { cap: 1000 }));
        assert_eq!(client.requests(), 1);
    }
    let (got, ..) = get_from(vec![json(&long[1..])]).await;
    assert_eq!(got.unwrap().len(), 1000);
}

#[tokio::test]
async fn a_web_page_is_not_a_document() {
    for page in [
        reply(
            "200 OK",
            "Content-Type: text/html; charset=utf-8\r\n",
            "hello",
        ),
        json(" \n<!doctype html><title>Log in</title>"),
    ] {
        let (got, ..) = get_from(vec![page]).await;
        assert_eq!(got.unwrap_err().code(), "not_the_interface");
    }
}

fn rotating(tokens: &'static [&'static str]) -> Auth {
    let reads = AtomicU32::new(0);
    Auth::Bearer(LazySecret::new(move || {
        let read = reads.fetch_add(1, Ordering::Relaxed) as usize;
        let token = tokens.get(read).ok_or("file `/token` is gone")?;
        Ok(SecretString::from(*token))
    }))
}

async fn get_with(auth: Auth, replies: Vec<String>) -> (Result<Bytes, SourceError>, Vec<String>) {
    let server = Server::start(replies).await;
    let (got, _client) = get(HttpSettings {
        auth,
        ..settings(&server.base)
    })
    .await;
    let heads = server.heads();
    let sent = heads.iter().map(|head| {
        let line = head
            .lines()
            .find(|line| line.starts_with("authorization: "));
        line.unwrap_or_default().replace("authorization: ", "")
    });
    (got, sent.collect())
}

#[tokio::test]
async fn a_token_that_expired_is_read_again_once() {
    let refused = || reply("401 Unauthorized", "", r#"{"message":"old s3cret2"}"#);
    let (got, sent) = get_with(
        rotating(&["s3cret1", "s3cret2"]),
        vec![refused(), json("{}")],
    )
    .await;
    assert!(got.is_ok());
    assert_eq!(sent, ["Bearer s3cret1", "Bearer s3cret2"]);

    let (got, sent) = get_with(rotating(&["s3cret1", "s3cret2"]), vec![refused()]).await;
    assert_eq!(
        got,
        Err(SourceError::Unauthorised {
            message: Wording::Kept.of("old [credential]", &Secrets::default())
        })
    );
    assert_eq!(sent.len(), 2);

    let (got, sent) = get_with(rotating(&["s3cret1"]), vec![refused()]).await;
    assert_eq!(
        got.unwrap_err().to_string(),
        "there is no credential: file `/token` is gone"
    );
    assert_eq!(sent.len(), 1);
}

#[tokio::test]
async fn a_redirect_is_followed_within_the_host_only() {
    let here = reply("307 Temporary Redirect", "Location: /moved\r\n", "");
    let (got, sent) = get_with(rotating(&["s3cret"]), vec![here, json("{}")]).await;
    assert!(got.is_ok());
    assert_eq!(sent, ["Bearer s3cret", "Bearer s3cret"]);

    let elsewhere = Server::start(vec![json("{}")]).await;
    let away = reply(
        "307 Temporary Redirect",
        &format!("Location: {}stolen\r\n", elsewhere.base),
        "",
    );
    let (got, sent) = get_with(rotating(&["s3cret"]), vec![away]).await;
    assert_eq!(got.unwrap_err().code(), "not_the_interface");
    assert_eq!(sent.len(), 1);
    assert!(elsewhere.heads().is_empty());
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused() {
    for base in ["ftp://x/", "https://anna:s3cret@x/", "data:x"] {
        let settings = HttpSettings::new(base.parse().unwrap(), Auth::None);
        let refused = Client::new(settings, Wording::Kept);
        let error = refused.err().unwrap();
        assert_eq!(error.code(), "settings");
        assert!(!error.to_string().contains("s3cret"));
    }
}

#[tokio::test]
async fn a_credential_that_comes_back_is_censored_before_the_answer_is_shortened() {
    const TOKEN: &str = "eyJhbGciOiS3cr3tS3cr3tS3cr3tS3cr3tS3cr3tS3cr3tS3cr3tS3cr3tS3cr3tS3cr3t";
    let shown = |error: &SourceError| {
        let said = format!("{error} {error:?}");
        said.contains("eyJh") || said.contains("S3cr") || said.contains("UzNj")
    };
    let bodies = |credential: &str| {
        let json = |message: String| serde_json::json!({"message": message}).to_string();
        [
            json(format!("{}{credential}", "x".repeat(240))),
            json(format!("{}{credential}", "x".repeat(390))),
            format!("not JSON: {credential}"),
            // Longer than what is read of an error, which ends within the credential.
            format!("{}{credential}{credential}", credential.repeat(1000)),
        ]
    };
    let basic = || Auth::Basic {
        username: "anna".into(),
        password: LazySecret::new(|| Ok(SecretString::from(TOKEN))),
    };
    let pair = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        format!("anna:{TOKEN}"),
    );
    for body in bodies(TOKEN).into_iter().chain(bodies(&pair)) {
        for auth in [rotating(&[TOKEN]), basic()] {
            let (got, _) = get_with(auth, vec![reply("403 Forbidden", "", &body)]).await;
            let error = got.unwrap_err();
            assert_eq!(error.code(), "forbidden");
            assert!(!shown(&error), "{error}");
        }
    }
    // A redirect loses the case of a host.
    let away = format!("Location: https://{TOKEN}.example/\r\n");
    let (got, _) = get_with(rotating(&[TOKEN]), vec![reply("302 Found", &away, "")]).await;
    let said = got.unwrap_err().to_string();
    assert!(!said.to_ascii_lowercase().contains("s3cr3t"), "{said}");
}

#[tokio::test]
async fn under_redaction_a_failure_is_a_code_and_a_status() {
    let body = r#"{"message":"cannot deserialize {\"userId\":\"anna@example.com\"}"}"#;
    for (status, said) in [
        (
            "423 Locked",
            "the source cannot read one of its own records (423)",
        ),
        (
            "403 Forbidden",
            "the source refuses access to audit records of main (403)",
        ),
        ("422 Unprocessable", "the source refuses the request (422)"),
        ("500 Oops", "the source failed (500) 3 times"),
        (
            "307 Anna",
            "the response did not come from the audit API: a redirect (307 Temporary Redirect)",
        ),
    ] {
        let headers = "Location: https://anna.example.com/\r\n";
        let server = Server::start(vec![reply(status, headers, body)]).await;
        for wording in [Wording::Kept, Wording::Withheld] {
            let (got, _) = get_under(settings(&server.base), wording).await;
            let error = got.unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(error.to_string().starts_with(said), "{error}");
            assert_eq!(shown.contains("anna"), wording == Wording::Kept, "{shown}");
            assert_eq!(error.to_string() == said, wording == Wording::Withheld);
        }
    }
}
