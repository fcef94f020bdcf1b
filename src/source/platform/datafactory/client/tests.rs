//! Azure Resource Manager, against a server that answers from a script.

use super::*;
use crate::http::script::{Server, json, reply};
use crate::source::Wording;
use crate::source::cursor::{Link, Token};
use crate::source::http::HttpSettings;
use std::time::Duration;

const FACTORY: &str = "s1/Data/Sales";

fn named(name: &str) -> Tenant {
    Tenant::Named(name.to_owned())
}

fn manager(server: &Server, feed: AzureFeed, tenant: &str) -> ResourceManager {
    let mut settings = server.settings();
    settings.retry.patience = Duration::from_millis(20);
    let client = Client::new(settings, Wording::Kept).unwrap();
    ResourceManager::new(client, feed, vec![named(tenant)]).unwrap()
}

/// An hour that was not long ago.
fn request(tenant: &str) -> LinkRequest {
    let from = Utc::now()
        .date_naive()
        .and_hms_opt(0, 0, 0)
        .unwrap()
        .and_utc()
        - TimeDelta::days(2);
    let window = Window {
        from,
        to: from + TimeDelta::hours(1),
    };
    LinkRequest::first(named(tenant), window, 1)
}

async fn link(manager: &ResourceManager, request: &LinkRequest) -> Link {
    match manager.link(request).await.unwrap() {
        Reply::Link(link) => link,
        Reply::Expired => panic!("expired"),
    }
}

#[tokio::test]
async fn an_address_is_followed_as_it_is() {
    let server = Server::start(vec![json("{\"value\":[]}")]).await;
    let base = server.base.clone();
    let next = format!("{base}subscriptions/s1/x?api-version=2015-04-01&$skiptoken=a%2Bb");
    let page = format!("{{\"value\":[],\"nextLink\":\"{next}\"}}");
    let second = Server::start(vec![json(&page)]).await;
    // The link leads to another port, so it is not followed.
    let manager_of_second = manager(&second, AzureFeed::ActivityLog, "s1");
    let error = manager_of_second.link(&request("s1")).await.unwrap_err();
    assert_eq!(error.code(), "not_the_interface");
    let manager = manager(&server, AzureFeed::ActivityLog, "s1");
    let mut request = request("s1");
    let from = request
        .window
        .from
        .format("%Y-%m-%dT00:00:00.000000Z")
        .to_string();
    link(&manager, &request).await;
    request.token = Some(Token::new(next));
    link(&manager, &request).await;
    let heads = server.heads();
    let path = "GET /subscriptions/s1/providers/Microsoft.Insights/eventtypes/management/values?api-version=2015-04-01&%24filter=eventTimestamp+ge+%27";
    assert!(heads[0].starts_with(path), "{}", heads[0]);
    let from = from.replace(':', "%3A");
    assert!(heads[0].contains(&from), "{} {from}", heads[0]);
    assert!(heads[0].contains("+and+resourceProvider+eq+%27Microsoft.DataFactory%27 "));
    let followed = "GET /subscriptions/s1/x?api-version=2015-04-01&$skiptoken=a%2Bb ";
    assert!(heads[1].starts_with(followed), "{}", heads[1]);
}

#[tokio::test]
async fn what_the_service_no_longer_has_is_not_asked_for() {
    let server = Server::start(vec![json("{\"value\":[]}")]).await;
    let manager = manager(&server, AzureFeed::ActivityLog, "s1");
    let mut request = request("s1");
    let day = request.window;
    request.window = Window {
        from: day.from - TimeDelta::days(120),
        to: day.to - TimeDelta::days(100),
    };
    assert_eq!(link(&manager, &request).await, Link::default());
    assert_eq!(manager.requests(), 0);
    // A window that reaches beyond the horizon begins there.
    request.window.to = day.to;
    link(&manager, &request).await;
    let asked = &server.heads()[0];
    let before = request.window.from.format("%Y-%m").to_string();
    assert!(!asked.contains(&format!("ge+%27{before}")), "{asked}");
}

#[tokio::test]
async fn a_token_goes_into_the_next_body() {
    let page =
        r#"{"value":[{"runId":"r","lastUpdated":"2026-11-20T00:30:00Z"}],"continuationToken":"t"}"#;
    let server = Server::start(vec![json(page), json("{\"value\":[]}")]).await;
    let manager = manager(&server, AzureFeed::PipelineRuns, FACTORY);
    let mut request = request(FACTORY);
    request.token = link(&manager, &request).await.next;
    assert_eq!(request.token, Some(Token::new("t")));
    assert_eq!(link(&manager, &request).await.next, None);
    let path = "POST /subscriptions/s1/resourceGroups/Data/providers/Microsoft.DataFactory/factories/Sales/queryPipelineRuns?api-version=2018-06-01 ";
    assert!(server.heads()[1].starts_with(path), "{}", server.heads()[1]);
}

#[tokio::test]
async fn a_refusal_means_what_was_asked() {
    let refused = reply("400 Bad Request", "", r#"{"error":{"code":"BadRequest"}}"#);
    let server = Server::start(vec![refused]).await;
    let manager = manager(&server, AzureFeed::ActivityLog, "s1");
    let mut request = request("s1");
    assert_eq!(manager.link(&request).await.unwrap_err().code(), "refused");
    let past = request.window;
    request.window = Window {
        from: "2999-01-01T00:00:00Z".parse().unwrap(),
        to: "2999-01-02T00:00:00Z".parse().unwrap(),
    };
    assert_eq!(link(&manager, &request).await, Link::default());
    request.window = past;
    request.token = Some(Token::new(format!("{}x", server.base)));
    assert_eq!(manager.link(&request).await, Ok(Reply::Expired));
}

#[test]
fn feeds_that_cannot_be_are_refused() {
    for (feed, name) in [
        (AzureFeed::ActivityLog, ""),
        (AzureFeed::ActivityLog, "a/b"),
        (AzureFeed::PipelineRuns, "s1"),
        (AzureFeed::PipelineRuns, "s1/../f"),
        (AzureFeed::Export, "s1"),
    ] {
        let settings = HttpSettings::new("http://x".parse().unwrap(), crate::http::Auth::None);
        let client = Client::new(settings, Wording::Kept).unwrap();
        let refused = ResourceManager::new(client, feed, vec![named(name)]).err();
        assert_eq!(
            refused.map(|error| error.code()),
            Some("settings"),
            "{name}"
        );
    }
}
