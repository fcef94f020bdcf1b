use super::dialect::{Asked, Dialect, Paging};
use super::platform::{AuditApi, Options, Record, Trouble};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;

fn now() -> DateTime<Utc> {
    "2026-11-20T06:00:00Z".parse().unwrap()
}

fn asked<'a>(path: &'a str, query: &[(&str, &str)], body: &'a str) -> Asked<'a> {
    let query = query.iter();
    Asked {
        path,
        query: query
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        body,
        continues: None,
        is_post: !body.is_empty(),
    }
}

/// Ids of the page that a request returns, and the page as it is served.
fn served(api: &AuditApi, asked: &Asked<'_>) -> Result<(Vec<String>, String), u16> {
    let inner = &api.inner;
    let mut desk = inner.desk();
    let trouble = desk.trouble.clone();
    let request = inner
        .dialect
        .read(asked, &trouble)
        .map_err(|(status, _)| status)?;
    let page = desk.page(&request, &[]);
    let written = inner.dialect.write(&page, &request, "http://x", &trouble);
    let ids = page.records.into_iter().map(|record| record.id).collect();
    Ok((ids, String::from_utf8_lossy(&written.body).into_owned()))
}

fn filled(dialect: Dialect) -> AuditApi {
    let api = AuditApi::new(&Options::new(dialect, now()));
    for n in 0..5 {
        api.push(Record::at(format!("r{n}"), now() - TimeDelta::hours(5 - n)));
    }
    api
}

#[test]
fn pages_of_tokens_are_those_of_one_question() {
    let api = filled(Dialect::Temporal);
    let window = [
        ("startTimeInclusive", "2026-11-20T01:00:00Z"),
        ("endTimeExclusive", "2026-11-20T04:00:00Z"),
        ("pageSize", "2"),
    ];
    let (ids, body) = served(&api, &asked("/cloud/audit-logs", &window, "")).unwrap();
    assert_eq!(ids, ["r0", "r1"]);
    let token = body.split("\"nextPageToken\":\"").nth(1).unwrap();
    let token = token.trim_end_matches("\"}");
    let mut next = window.to_vec();
    next.push(("pageToken", token));
    let (ids, body) = served(&api, &asked("/cloud/audit-logs", &next, "")).unwrap();
    assert_eq!(ids, ["r2"]);
    assert!(body.ends_with("\"nextPageToken\":\"\"}"), "{body}");
    next[2].1 = "3";
    assert_eq!(
        served(&api, &asked("/cloud/audit-logs", &next, "")),
        Err(400)
    );
}

#[test]
fn what_a_dialect_does_not_know_is_refused() {
    for (dialect, asked, status) in [
        (
            Dialect::Temporal,
            asked("/cloud/audit-logs", &[("limit", "2")], ""),
            400,
        ),
        (
            Dialect::Temporal,
            asked("/cloud/audit-logs", &[("pageSize", "0")], ""),
            400,
        ),
        (Dialect::Temporal, asked("/audit-logs", &[], ""), 404),
        (
            Dialect::Astronomer,
            asked("/v1/organizations/other/audit-logs", &[], ""),
            404,
        ),
        (
            Dialect::Plain(Paging::Page),
            asked("/records", &[("offset", "2")], ""),
            400,
        ),
        (
            Dialect::Dagster,
            asked("/prod/graphql", &[], "{\"query\":\"{ x }\"}"),
            400,
        ),
    ] {
        assert_eq!(served(&filled(dialect), &asked), Err(status));
    }
}

#[test]
fn dagster_begins_with_the_newest_and_goes_on_after_an_id() {
    let api = filled(Dialect::Dagster);
    let body = |cursor: &str| {
        format!(
            "{{\"query\":\"{{ auditLogEntries(limit: $limit, cursor: $cursor) }}\",\
             \"variables\":{{\"limit\":2{cursor}}}}}"
        )
    };
    let first = body("");
    let (ids, _) = served(&api, &asked("/prod/graphql", &[], &first)).unwrap();
    assert_eq!(ids, ["r4", "r3"]);
    let next = body(",\"cursor\":\"r3\"");
    let (ids, _) = served(&api, &asked("/prod/graphql", &[], &next)).unwrap();
    assert_eq!(ids, ["r2", "r1"]);
}

#[test]
fn trouble_changes_pages_and_ends() {
    let api = filled(Dialect::Plain(Paging::NextUrl));
    let page = || served(&api, &asked("/records", &[("limit", "2")], "")).unwrap();
    let (ids, body) = page();
    assert_eq!(ids.len(), 2);
    assert!(
        body.contains("\"found\":5,\"next\":\"http://x/records?limit=2&after="),
        "{body}"
    );
    api.set_trouble(|_, trouble| {
        *trouble = Trouble {
            page_cap: Some(1),
            empty_pages: 1,
            next_server: Some("http://other".to_owned()),
            total_beyond: 2,
            ..Trouble::default()
        }
    });
    let (ids, body) = page();
    assert!(
        ids.is_empty() && body.contains("\"next\":\"http://other/records?"),
        "{body}"
    );
    let (ids, body) = page();
    assert_eq!(ids.len(), 1);
    assert!(body.contains("\"found\":7"), "{body}");
}
