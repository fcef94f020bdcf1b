//! A described API over HTTP, against a server that answers from a script.

use super::*;
use crate::http::script::{Server, json, reply};
use crate::source::Wording;
use crate::source::platform::http::mapping::RecordInstant;

fn pointer(text: &str) -> crate::event::json::pointer::Pointer {
    crate::event::json::pointer::Pointer::parse(text).unwrap()
}

fn query(name: &str) -> Option<RequestPlace> {
    Some(RequestPlace::Query(name.to_owned()))
}

fn description(kind: PagingKind) -> FeedDescription {
    FeedDescription {
        request: DescribedRequest {
            path: "/v1/{tenant}/log".to_owned(),
            query: vec![("sort".to_owned(), "asc".to_owned())],
            headers: Vec::new(),
            body: None,
            tenant: None,
        },
        window: DescribedWindow {
            from: query("from"),
            to: query("to"),
            from_inclusive: true,
            to_inclusive: false,
            format: WindowFormat::Seconds,
            digits: 0,
        },
        paging: DescribedPaging {
            kind,
            token: Some(TokenPlace::Body(pointer("/next"))),
            send: query("at"),
            size: query("limit"),
            page_size: 10,
            first_page: 1,
            more: Some(pointer("/more")),
        },
        records: DescribedRecords {
            format: RecordsFormat::Json,
            items: pointer("/list"),
            record: pointer(""),
            total: Some(pointer("/total")),
            total_cap: Some(1_000),
            order: RecordsOrder::Unknown,
            failure: Some(pointer("/errors")),
        },
    }
}

fn feed(server: &Server, description: FeedDescription) -> DescribedFeed {
    let client = Client::new(server.settings(), Wording::Kept).unwrap();
    let mapping = DescribedMapping {
        version: 1,
        ids: vec![pointer("/id")],
        time: pointer("/at"),
        instant: RecordInstant::Seconds,
        tenant: None,
        columns: Vec::new(),
    };
    let tenants = vec![Tenant::Named("main".to_owned())];
    DescribedFeed::new(client, description, Arc::new(mapping), tenants).unwrap()
}

/// The first hundred seconds of 1970.
fn request() -> LinkRequest {
    let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
    let window = Window::new(at(0), at(100)).unwrap();
    LinkRequest::first(Tenant::Named("main".to_owned()), window, 10)
}

async fn link(feed: &DescribedFeed, token: Option<Token>) -> Result<Link, SourceError> {
    let request = LinkRequest { token, ..request() };
    match feed.link(&request).await? {
        Reply::Link(link) => Ok(link),
        Reply::Expired => panic!("expired"),
    }
}

fn ids(link: &Link) -> Vec<String> {
    let records = link.records.iter();
    let texts = records.map(|it| String::from_utf8_lossy(&it.record).into_owned());
    texts.collect()
}

#[tokio::test]
async fn offsets_count_what_came_and_end_with_an_empty_response() {
    let server = Server::start(vec![
        json(r#"{"list":[{"id":1,"at":1},{"id":2,"at":2}],"total":3}"#),
        json(r#"{"list":[{"id":3,"at":3}],"total":3}"#),
        json(r#"{"list":[],"total":3}"#),
    ])
    .await;
    let feed = feed(&server, description(PagingKind::Offset));
    let first = link(&feed, None).await.unwrap();
    assert_eq!(ids(&first), [r#"{"id":1,"at":1}"#, r#"{"id":2,"at":2}"#]);
    assert_eq!(first.total, Some(3));
    let second = link(&feed, first.next).await.unwrap();
    let last = link(&feed, second.next).await.unwrap();
    assert_eq!((last.records.len(), last.next), (0, None));
    let heads = server.heads();
    let asked = |at| format!("GET /v1/main/log?sort=asc&from=0&to=100&limit=10&at={at} ");
    for (head, at) in heads.iter().zip([0, 2, 3]) {
        assert!(head.starts_with(&asked(at)), "{head}");
    }
}

#[tokio::test]
async fn pages_count_from_the_first_and_a_place_that_is_ignored_is_found_out() {
    let page = json(r#"{"list":[{"id":1,"at":1}]}"#);
    let server = Server::start(vec![page]).await;
    let feed = feed(&server, description(PagingKind::Page));
    let first = link(&feed, None).await.unwrap();
    let error = link(&feed, first.next).await.unwrap_err();
    assert_eq!(error.code(), "contradicts");
    assert!(error.to_string().contains("is ignored"), "{error}");
    let heads = server.heads();
    assert!(
        heads[0].contains("&at=1 ") && heads[1].contains("&at=2 "),
        "{heads:?}"
    );
}

#[tokio::test]
async fn a_flag_ends_a_chain_and_a_token_that_is_refused_expired() {
    let server = Server::start(vec![
        json(r#"{"list":[{"id":1,"at":1}],"next":"t 1","more":true}"#),
        json(r#"{"list":[{"id":2,"at":1}],"next":"t2","more":false}"#),
        reply("400 Bad Request", "", "{}"),
    ])
    .await;
    let feed = feed(&server, description(PagingKind::Token));
    let first = link(&feed, None).await.unwrap();
    assert_eq!(first.next, Some(Token::new("t 1")));
    let second = link(&feed, first.next.clone()).await.unwrap();
    assert_eq!(second.next, None);
    let later = LinkRequest {
        token: first.next,
        ..request()
    };
    assert_eq!(feed.link(&later).await, Ok(Reply::Expired));
    assert_eq!(feed.link(&request()).await.unwrap_err().code(), "refused");
    assert!(
        server.heads()[1].contains("&at=t+1 "),
        "{:?}",
        server.heads()
    );
}

#[tokio::test]
async fn an_address_on_another_server_is_never_asked() {
    for next in [
        "http://other.example/log",
        "https://127.0.0.1/log",
        "//evil.example/log",
        "http://user:pw@127.0.0.1/log",
    ] {
        let body = format!(r#"{{"list":[{{"id":1,"at":1}}],"next":"{next}"}}"#);
        let server = Server::start(vec![json(&body)]).await;
        let feed = feed(&server, description(PagingKind::NextUrl));
        let error = link(&feed, None).await.unwrap_err();
        assert_eq!(error.code(), "not_the_interface", "{next}");
        assert_eq!(error.scope(), crate::source::ErrorScope::Source);
        assert_eq!(server.heads().len(), 1);
    }
    let server = Server::start(vec![
        json(r#"{"list":[{"id":1,"at":1}],"next":"/v1/other?c=2"}"#),
        json(r#"{"list":[],"next":""}"#),
    ])
    .await;
    let feed = feed(&server, description(PagingKind::NextUrl));
    let first = link(&feed, None).await.unwrap();
    assert_eq!(link(&feed, first.next).await.unwrap().next, None);
    assert!(server.heads()[1].starts_with("GET /v1/other?c=2 "));
}

#[tokio::test]
async fn what_lies_beside_a_window_is_cut_or_ends_the_source() {
    let list = r#"{"list":[{"id":1,"at":-0.5},{"id":2,"at":0},{"id":3,"at":100.5},{"id":"x"}]}"#;
    let server = Server::start(vec![json(list)]).await;
    let mut shape = description(PagingKind::None);
    shape.window.to_inclusive = true;
    let feed_of = |shape| feed(&server, shape);
    // A second at the end belongs to the answer; one before the start does not.
    let found = link(&feed_of(shape.clone()), None).await.unwrap();
    assert_eq!(found.records.len(), 3);
    shape.window.from = None;
    let found = link(&feed_of(shape), None).await.unwrap();
    assert_eq!(ids(&found), [r#"{"id":2,"at":0}"#, r#"{"id":"x"}"#]);
}

#[tokio::test]
async fn an_order_ends_the_list_and_one_that_is_not_kept_is_an_error() {
    let mut shape = description(PagingKind::Offset);
    shape.window = DescribedWindow {
        from: None,
        to: None,
        ..shape.window
    };
    shape.records.order = RecordsOrder::NewestFirst;
    let server = Server::start(vec![
        json(r#"{"list":[{"id":1,"at":300},{"id":2,"at":200}]}"#),
        json(r#"{"list":[{"id":3,"at":99},{"id":4,"at":-1}]}"#),
        json(r#"{"list":[{"id":5,"at":1},{"id":6,"at":2}]}"#),
    ])
    .await;
    let feed = feed(&server, shape);
    // The response beside the window is passed over, and nothing follows what is older.
    let found = link(&feed, None).await.unwrap();
    assert_eq!(
        (ids(&found), found.next),
        (vec![r#"{"id":3,"at":99}"#.to_owned()], None)
    );
    let error = link(&feed, None).await.unwrap_err();
    assert!(error.to_string().contains("order"), "{error}");
}

#[tokio::test]
async fn a_count_is_the_total_of_one_small_response() {
    let server = Server::start(vec![
        json(r#"{"list":[{"id":1,"at":1}],"total":7}"#),
        json(r#"{"list":[{"id":1,"at":1}],"total":1000}"#),
    ])
    .await;
    let feed = feed(&server, description(PagingKind::Offset));
    let tenant = Tenant::Named("main".to_owned());
    let count = feed
        .count(&tenant, request().window)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((count.rows, count.exact), (7, true));
    assert!(server.heads()[0].contains("&limit=1&"));
    // At its limit it may mean more, and between two seconds it is about another window.
    assert_eq!(feed.count(&tenant, request().window).await, Ok(None));
    let odd = Window {
        to: request().window.to + TimeDelta::milliseconds(1),
        ..request().window
    };
    assert_eq!(feed.count(&tenant, odd).await, Ok(None));
}

#[tokio::test]
async fn a_failure_in_a_200_is_one() {
    let server = Server::start(vec![json(r#"{"list":null,"errors":[{"message":"no"}]}"#)]).await;
    let feed = feed(&server, description(PagingKind::Offset));
    let error = link(&feed, None).await.unwrap_err();
    assert_eq!(error.code(), "refused");
    assert!(
        error.to_string().contains("(200): [{\"message\":\"no\"}]"),
        "{error}"
    );
}
