//! Airflow over HTTP, against a server that answers from a script.

use super::*;
use crate::http::script::{Server, json, reply};
use crate::source::Wording;
use crate::source::paged::UpperEdge;
use crate::window::Window;

fn airflow(server: &Server, dialect: AirflowDialect) -> Arc<Airflow> {
    let client = Client::new(server.settings(), Wording::Kept).unwrap();
    Arc::new(Airflow::new(client, dialect).unwrap())
}

fn event(id: i64, when: &str) -> String {
    format!(r#"{{"event_log_id":{id},"when":"{when}","event":"patch_dag"}}"#)
}

fn list(total: u64, events: &[String]) -> String {
    json(&format!(
        r#"{{"event_logs":[{}],"total_entries":{total}}}"#,
        events.join(",")
    ))
}

fn events(count: i64) -> Vec<String> {
    (0..count)
        .map(|id| event(id + 1, &format!("2026-11-20T00:{:02}:00Z", id % 60)))
        .collect()
}

fn absent() -> String {
    reply(
        "404 Not Found",
        "",
        r#"{"detail":"The Event Log with id: `0` not found"}"#,
    )
}

/// What is learned of a server that answers so.
async fn tried(answers: &[String]) -> Result<EventList, SourceError> {
    let server = Server::start(answers.to_vec()).await;
    try_list(airflow(&server, AirflowDialect::V2), &Tenant::All).await
}

#[tokio::test]
async fn totals_limits_and_bounds_are_tried() {
    let none = list(0, &[]);
    let newest = || event(1, "2026-11-20T00:00:00Z");
    for (far, log, beyond, expected) in [
        // The total is of what the request selects; a page has 40 events at most.
        (
            none.clone(),
            list(90, &events(40)),
            none.clone(),
            (true, 40, UpperEdge::Open),
        ),
        // All events there are say nothing of the limit.
        (
            none.clone(),
            list(40, &events(40)),
            none.clone(),
            (true, 100, UpperEdge::Open),
        ),
        // The total is of the whole table: no page may be larger than one that was seen.
        (
            list(40, &[]),
            list(40, &events(40)),
            none.clone(),
            (false, 40, UpperEdge::Open),
        ),
        // The bounds count themselves in.
        (
            list(40, &[]),
            list(40, &events(40)),
            list(40, &[newest()]),
            (false, 40, UpperEdge::Closed),
        ),
        // Nothing shows what the total counts.
        (
            none.clone(),
            none.clone(),
            absent(),
            (false, 1, UpperEdge::Open),
        ),
        // A clock was wrong.
        (
            list(1, &[event(1, "2999-01-01T10:00:00Z")]),
            list(90, &events(40)),
            none.clone(),
            (true, 40, UpperEdge::Open),
        ),
    ] {
        let tried = tried(&[far.clone(), log, beyond, absent()]).await.unwrap();
        let paging = tried.paging();
        assert_eq!(
            (paging.counts_trusted, paging.page_cap, paging.upper_edge),
            expected,
            "{far}"
        );
    }
}

#[tokio::test]
async fn filters_that_are_ignored_and_events_that_are_denied_are_found_out() {
    let none = list(0, &[]);
    let denied = reply("403 Forbidden", "", r#"{"detail":"Forbidden"}"#);
    for (answers, code) in [
        (vec![list(40, &events(2))], "filters_ignored"),
        (
            vec![
                none.clone(),
                list(40, &events(40)),
                none.clone(),
                denied.clone(),
            ],
            "record_denied",
        ),
        (vec![denied], "forbidden"),
        (vec![json("{\"detail\":\"ok\"}")], "not_the_interface"),
    ] {
        let failed = tried(&answers).await.err().map(|error| error.code());
        assert_eq!(failed, Some(code));
    }
    // Airflow 2 is not asked for an event.
    let server = Server::start(vec![none.clone(), list(40, &events(40)), none]).await;
    let airflow = airflow(&server, AirflowDialect::V1);
    assert!(try_list(airflow, &Tenant::All).await.is_ok());
    assert_eq!(server.heads().len(), 3);
    assert!(server.heads()[0].contains("GET /api/v1/eventLogs?limit=2&offset=0&order_by=when&after=2998-12-31T23%3A59%3A59.999999Z&before=2999-01-02T00%3A00%3A00.000000Z "));
}

#[tokio::test]
async fn an_event_is_there_absent_or_denied() {
    let page = reply("404 Not Found", "Content-Type: text/html\r\n", "<html>");
    for (answer, found) in [
        (json(&event(17, "2026-11-20T00:00:00Z")), Ok(true)),
        (absent(), Ok(false)),
        (reply("403 Forbidden", "", "{}"), Err("record_denied")),
        (
            json(&event(18, "2026-11-20T00:00:00Z")),
            Err("not_understood"),
        ),
        // A proxy that does not find it says nothing of the event.
        (page, Err("not_found")),
    ] {
        let server = Server::start(vec![answer.clone()]).await;
        let airflow = airflow(&server, AirflowDialect::V2);
        let event = airflow.event(&Tenant::All, 17).await;
        let event = event.map(|it| it.is_some()).map_err(|error| error.code());
        assert_eq!(event, found, "{answer}");
        assert!(server.heads()[0].starts_with("GET /api/v2/eventLogs/17 "));
    }
}

#[tokio::test]
async fn a_closed_window_is_asked_for_as_it_is() {
    let server = Server::start(vec![list(0, &[])]).await;
    let from = "2026-11-20T00:00:00Z".parse().unwrap();
    let window = Window::new(from, from + chrono::TimeDelta::seconds(1)).unwrap();
    let list = EventList {
        airflow: airflow(&server, AirflowDialect::V1),
        bounds: ListBounds::Inclusive,
        paging: Paging {
            upper_edge: UpperEdge::Closed,
            ..crate::source::paged::scripted::able(10)
        },
    };
    let request = PageRequest::first(Tenant::All, window, 10);
    list.page(&request).await.unwrap();
    let head = &server.heads()[0];
    assert!(
        head.contains(
            "&after=2026-11-20T00%3A00%3A00.000000Z&before=2026-11-20T00%3A00%3A01.000000Z "
        ),
        "{head}"
    );
}
