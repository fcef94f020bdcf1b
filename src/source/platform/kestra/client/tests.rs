//! Kestra over HTTP, against a server that answers from a script.

use super::*;
use crate::http::script::{Server, json, reply};
use crate::source::http::{Auth, HttpSettings};
use crate::source::paged::{Paged, UpperEdge};
use crate::source::{Limits, Slice, SliceOutcome, Source as _, WindowRequest, Wording};
use crate::window::Window;
use futures::StreamExt;

fn main() -> Tenant {
    Tenant::Named("main".to_owned())
}

fn kestra(server: &Server, dialect: Dialect) -> Kestra {
    let client = Client::new(server.settings(), Wording::Kept).unwrap();
    Kestra::new(client, dialect, vec![main()]).unwrap()
}

fn item(id: &str, date: &str) -> String {
    format!(r#"{{"auditLog":{{"id":"{id}","type":"CREATE","date":"{date}"}}}}"#)
}

fn page(total: u64, items: &[String]) -> String {
    json(&format!(
        r#"{{"results":[{}],"total":{total}}}"#,
        items.join(",")
    ))
}

fn day() -> Window {
    let from = "2026-11-23T00:00:00Z".parse().unwrap();
    Window::new(from, from + TimeDelta::days(1)).unwrap()
}

#[tokio::test]
async fn the_control_request_finds_out_the_wrong_dialect() {
    let other_day = [item("a", "2026-11-23T10:00:00Z")];
    let that_day = [item("a", "2999-01-01T10:00:00Z")];
    let nameless = ["{}".to_owned()];
    for (answer, refused) in [
        (page(0, &[]), None),
        (page(1, &that_day), None),
        (page(1, &other_day), Some("filters_ignored")),
        (
            page(70_000, &[that_day.clone(), other_day.clone()].concat()),
            Some("filters_ignored"),
        ),
        (page(1, &nameless), Some("filters_ignored")),
        // It counts what it does not return, in whatever dialect.
        (page(5, &[]), Some("contradicts")),
    ] {
        let server = Server::start(vec![answer.clone()]).await;
        let result = Paged::new(kestra(&server, Dialect::V2))
            .control_request(&main())
            .await;
        let code = result.err().map(|error| error.code());
        assert_eq!(code, refused, "{answer}");
        let head = &server.heads()[0];
        assert!(head.contains("=2999-01-01T00%3A00%3A00Z&"), "{head}");
    }
}

#[tokio::test]
async fn a_day_is_read_with_its_edge_cut() {
    let items = [
        item("a", "2026-11-23T00:00:00Z"),
        item("b", "2026-11-23T10:00:00.123456789Z"),
        item("c", "2026-11-24T00:00:00Z"),
    ];
    for (dialect, edge) in [
        (Dialect::V1, UpperEdge::Closed),
        (Dialect::V2, UpperEdge::Open),
    ] {
        let server = Server::start(vec![page(3, &items)]).await;
        let pages = kestra(&server, dialect);
        assert_eq!(pages.paging().upper_edge, edge);
        let source = Paged::new(pages);
        let read = source.read(WindowRequest {
            tenant: main(),
            window: day(),
            limits: Limits::default(),
        });
        let outcomes: Vec<_> = read.collect().await;
        match (&outcomes[..], edge) {
            (
                [
                    Ok(SliceOutcome::Slice(Slice {
                        records, total: 2, ..
                    })),
                ],
                UpperEdge::Closed,
            ) => {
                let first = &records[0].returned.record;
                assert_eq!(
                    &first[..],
                    br#"{"id":"a","type":"CREATE","date":"2026-11-23T00:00:00Z"}"#
                );
                let event = source.mapping().normalise(first, None).unwrap();
                assert_eq!(event.native_id.as_deref(), Some("a"));
            }
            ([Err(SourceError::OutsideWindow { .. })], UpperEdge::Open) => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(source.requests(), 1);
    }
}

#[tokio::test]
async fn what_is_not_a_page() {
    let whole = page(1, &[item("a", "2026-11-23T00:00:00Z")]);
    for (answers, code) in [
        (vec![json("{\"results\":[{\"auditLog\"")], "cut_off"),
        (vec![json("")], "cut_off"),
        (vec![json("[]")], "not_the_interface"),
        (vec![json("{\"total\":1}")], "not_the_interface"),
        (vec![json("ok")], "not_the_interface"),
        (vec![json("{\"results\":1}")], "not_understood"),
        (vec![json("\u{feff}<html>")], "not_the_interface"),
        (vec![reply("423 Locked", "", "{}")], "unreadable_record"),
        (vec![json("{\"results\":["), whole], ""),
    ] {
        let server = Server::start(answers.clone()).await;
        let request = PageRequest::first(main(), day(), 10);
        let result = kestra(&server, Dialect::V2).page(&request).await;
        assert_eq!(
            result.as_ref().err().map_or("", SourceError::code),
            code,
            "{answers:?}"
        );
    }
}

#[test]
fn tenants_that_would_change_the_path_are_refused() {
    let client = || {
        let settings = HttpSettings::new("http://x".parse().unwrap(), Auth::None);
        Client::new(settings, Wording::Kept).unwrap()
    };
    let named = |name: &str| vec![main(), Tenant::Named(name.to_owned())];
    for tenants in [Vec::new(), named(""), named("."), named("..")] {
        assert!(Kestra::new(client(), Dialect::V2, tenants).is_err());
    }
    assert!(Kestra::new(client(), Dialect::V2, named("a/b")).is_ok());
    assert!(Kestra::new(client(), Dialect::V2, vec![Tenant::All]).is_ok());
}
