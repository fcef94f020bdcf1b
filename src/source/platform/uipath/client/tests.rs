//! UiPath over HTTP, against a server that answers from a script.

use super::*;
use crate::http::script::{Server, json, reply};
use crate::source::Wording;
use crate::source::cursor::Token;
use crate::source::http::HttpSettings;
use std::time::Duration;

fn named(name: &str) -> Tenant {
    Tenant::Named(name.to_owned())
}

/// A client of the organization `path` of a server.
fn client(server: &Server, path: &str) -> Client {
    let mut settings = server.settings();
    settings.base.set_path(path);
    settings.retry.patience = Duration::from_millis(20);
    Client::new(settings, Wording::Kept).unwrap()
}

fn uipath(server: &Server, path: &str, feed: UiPathFeed, tenant: Tenant) -> UiPath {
    UiPath::new(client(server, path), feed, vec![tenant]).unwrap()
}

fn request(tenant: Tenant) -> LinkRequest {
    let from = "2026-11-23T00:00:00Z".parse().unwrap();
    let window = Window {
        from,
        to: from + TimeDelta::hours(1),
    };
    LinkRequest::first(tenant, window, 50)
}

const EMPTY: &str = r#"{"@odata.count":0,"value":[],"auditEvents":[],"previous":null}"#;

#[tokio::test]
async fn every_log_has_its_address() {
    let (orchestrator, unified) = (UiPathFeed::Orchestrator, UiPathFeed::Unified);
    let list = "%24filter=ExecutionTime+ge+2026-11-22T23%3A59%3A59.990Z+and+ExecutionTime+lt+2026-11-23T01%3A00%3A00.011Z\
                &%24orderby=Id+asc&%24top=50&%24expand=Entities&%24count=true";
    let events = "from=2026-11-22T23%3A59%3A59.999Z&to=2026-11-23T01%3A00%3A00.001Z&maxCount=50";
    for (path, feed, tenant, address) in [
        (
            "/acme",
            orchestrator,
            named("Prod A"),
            format!("/acme/Prod%20A/orchestrator_/odata/AuditLogs?{list}"),
        ),
        // A standalone one knows the tenant by the credentials.
        (
            "/",
            orchestrator,
            named("default"),
            format!("/odata/AuditLogs?{list}"),
        ),
        (
            "/base/acme/",
            unified,
            named("test"),
            format!("/base/acme/test/tenantaudit_/api/query/events?{events}"),
        ),
        (
            "/acme",
            unified,
            Tenant::All,
            format!("/acme/orgaudit_/api/query/events?{events}"),
        ),
    ] {
        let server = Server::start(vec![json(EMPTY)]).await;
        let uipath = uipath(&server, path, feed, tenant.clone());
        let reply = uipath.link(&request(tenant)).await.unwrap();
        assert!(matches!(reply, Reply::Link(link) if link.next.is_none()));
        let head = &server.heads()[0];
        assert!(head.starts_with(&format!("GET {address} ")), "{head}");
    }
}

#[tokio::test]
async fn where_ids_cannot_be_filtered_rows_are_skipped() {
    let first = json(r#"{"@odata.count":3,"value":[{"Id":4},{"Id":9}]}"#);
    let refused = reply("400 Bad Request", "", r#"{"message":"no filter by Id"}"#);
    let replies = vec![
        first.clone(),
        refused,
        first,
        json(r#"{"@odata.count":3,"value":[{"Id":11}]}"#),
    ];
    let server = Server::start(replies).await;
    let uipath = uipath(&server, "/acme", UiPathFeed::Orchestrator, named("p"));
    let mut request = request(named("p"));
    let mut link = async |token: Option<Token>| {
        request.token = token;
        uipath.link(&request).await.unwrap()
    };
    let Reply::Link(page) = link(None).await else {
        panic!("no link");
    };
    assert_eq!(link(page.next).await, Reply::Expired);
    let Reply::Link(page) = link(None).await else {
        panic!("no link");
    };
    let Reply::Link(last) = link(page.next).await else {
        panic!("no link");
    };
    assert!(last.next.is_none() && last.records.len() == 1);
    let heads = server.heads();
    assert!(heads[1].contains("+and+Id+gt+9&"), "{}", heads[1]);
    assert!(heads[3].contains("&%24skip=2 "), "{}", heads[3]);
}

/// The credential goes nowhere else, whatever a continuation says.
#[tokio::test]
async fn a_continuation_is_followed_on_our_own_address() {
    let page = json(
        r#"{"auditEvents":[{"id":"x","createdOn":"2026-11-23T00:30:00Z"}],"previous":"http://198.51.100.99/id/x?before=1&qw=2"}"#,
    );
    let server = Server::start(vec![page, json(EMPTY)]).await;
    let uipath = uipath(&server, "/acme", UiPathFeed::Unified, named("p"));
    let mut request = request(named("p"));
    let Reply::Link(link) = uipath.link(&request).await.unwrap() else {
        panic!("no link");
    };
    request.token = link.next;
    uipath.link(&request).await.unwrap();
    let head = &server.heads()[1];
    let expected = "GET /acme/p/tenantaudit_/api/query/events?before=1&qw=2 ";
    assert!(head.starts_with(expected), "{head}");
}

#[tokio::test]
async fn a_day_that_takes_too_long_says_nothing_of_others() {
    let slow = reply("504 Gateway Timeout", "", "");
    for (answer, code) in [
        (slow, "cut_off"),
        (json("<html>"), "not_the_interface"),
        (json("{\"a\":1}"), "not_the_interface"),
        (json(""), "cut_off"),
        (json("PK nonsense"), "cut_off"),
    ] {
        let server = Server::start(vec![answer.clone()]).await;
        let uipath = uipath(&server, "/acme", UiPathFeed::LongTermStore, Tenant::All);
        let error = uipath.link(&request(Tenant::All)).await.unwrap_err();
        assert_eq!(error.code(), code, "{answer}: {error}");
        let head = &server.heads()[0];
        let file = "/acme/orgaudit_/api/query/downloadeventsfromlongtermstore?from=2026-11-23T00%3A00%3A00Z&to=2026-11-23T23%3A59%3A59Z ";
        assert!(head.contains(file), "{head}");
    }
}

#[test]
fn feeds_that_cannot_be_are_refused() {
    let client = || {
        let settings = HttpSettings::new("http://x/acme".parse().unwrap(), crate::http::Auth::None);
        Client::new(settings, Wording::Kept).unwrap()
    };
    for (feed, tenants) in [
        (UiPathFeed::Unified, vec![]),
        (UiPathFeed::Unified, vec![named("..")]),
        (UiPathFeed::Orchestrator, vec![Tenant::All]),
        (UiPathFeed::Orchestrator, vec![named("a"), named("b")]),
    ] {
        let refused = UiPath::new(client(), feed, tenants).err().unwrap();
        assert_eq!(refused.code(), "settings");
    }
    let until = "2026-11-23T00:00:00Z".parse().unwrap();
    let earliest = |feed, tenant: Tenant| {
        let uipath = UiPath::new(client(), feed, vec![tenant]).unwrap();
        let since = "2026-11-01T00:00:00Z".parse().unwrap();
        uipath
            .with_start(since)
            .earliest(until)
            .map(|at| (until - at).num_days())
    };
    assert_eq!(earliest(UiPathFeed::Orchestrator, named("a")), None);
    assert_eq!(earliest(UiPathFeed::Unified, named("a")), Some(91));
    assert_eq!(earliest(UiPathFeed::LongTermStore, Tenant::All), Some(22));
}
