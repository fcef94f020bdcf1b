use super::*;
use crate::source::platform::http::client::{
    DescribedPaging, DescribedRequest, DescribedWindow, RequestPlace, WindowFormat,
};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;

fn pointer(text: &str) -> Pointer {
    Pointer::parse(text).unwrap()
}

fn description(format: RecordsFormat, token: Option<TokenPlace>) -> FeedDescription {
    FeedDescription {
        request: DescribedRequest {
            path: "/".to_owned(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            tenant: None,
        },
        window: DescribedWindow {
            from: None,
            to: None,
            from_inclusive: true,
            to_inclusive: false,
            format: WindowFormat::Micros,
            digits: 0,
        },
        paging: DescribedPaging {
            kind: PagingKind::Token,
            token,
            send: None,
            size: Some(RequestPlace::Query("n".to_owned())),
            page_size: 2,
            first_page: 1,
            more: None,
        },
        records: DescribedRecords {
            format,
            items: pointer("/a/list"),
            record: pointer("/r"),
            total: Some(pointer("/n")),
            total_cap: None,
            order: RecordsOrder::Unknown,
            failure: None,
        },
    }
}

fn parsed(description: &FeedDescription, body: &[u8]) -> Result<DescribedPage, Misfit> {
    let body = Bytes::copy_from_slice(body);
    parse(description, &HeaderMap::new(), body, 2, 1_000)
}

fn json_page(body: &str) -> Result<DescribedPage, Misfit> {
    let token = TokenPlace::Body(pointer("/next"));
    parsed(
        &description(RecordsFormat::Json, Some(token)),
        body.as_bytes(),
    )
}

#[test]
fn records_are_their_exact_bytes() {
    let record = r#"{ "id":"a\u0062", "x":[{}]}"#;
    let body = format!(r#" {{"a":{{"list":[{{"r":{record}, "u":1}} ,7]}},"n":"5","next":12}} "#);
    let page = json_page(&body).unwrap();
    assert_eq!(&page.records[0].record[..], record.as_bytes());
    assert!(page.records[0].is_record && !page.records[1].is_record);
    assert_eq!((page.total, page.next.as_deref()), (Some(5), Some("12")));
    assert_eq!(page.bytes, body.len() as u64);
}

#[test]
fn the_token_may_stand_in_the_last_item_or_a_header() {
    let last = TokenPlace::LastRecord(pointer("/r/id"));
    let shape = description(RecordsFormat::Json, Some(last));
    let page = parsed(
        &shape,
        br#"{"a":{"list":[{"r":{"id":1}},{"r":{"id":"z"}}]}}"#,
    )
    .unwrap();
    assert_eq!(page.next.as_deref(), Some("z"));
    let page = parsed(&shape, br#"{"a":{"list":[]}}"#).unwrap();
    assert_eq!(page.next, None);
    let header = TokenPlace::Header(HeaderName::from_static("x-next"));
    let shape = description(RecordsFormat::Lines, Some(header));
    let mut headers = HeaderMap::new();
    headers.insert("x-next", "t".parse().unwrap());
    let page = parse(&shape, &headers, Bytes::new(), 2, 10).unwrap();
    assert_eq!(page.next.as_deref(), Some("t"));
}

#[test]
fn what_is_empty_may_be_left_out_and_nothing_else() {
    for body in [
        "{}",
        r#"{"a":{"list":null}}"#,
        r#"{"a":{"list":[]}}"#,
        r#"{"next":"t"}"#,
    ] {
        assert!(json_page(body).unwrap().records.is_empty(), "{body}");
    }
    for (body, expected) in [
        ("", "the response is empty"),
        (r#"{"a":{"list":[{"r":{}"#, "the response ends early"),
        ("<html>", "HTML or XML"),
        (r#"{"status":"ok"}"#, "no array at /a/list"),
        (r#"{"a":{"list":{}}}"#, "has an object at /a/list"),
        (r#"{"a":{"list":[1,2,3,4,5]}}"#, "more than 4 records"),
        (r#"{"a":{"list":[]},"n":-1}"#, "no whole number at /n"),
        ("{} {}", "more text after"),
    ] {
        let found = format!("{:?}", json_page(body).unwrap_err());
        assert!(found.contains(expected), "{body}: {found}");
    }
}

#[test]
fn lines_are_records_also_in_a_compressed_file() {
    let shape = description(RecordsFormat::Lines, None);
    let text = b"{\"a\":1}\r\n\n  {\"b\":2}\nno record";
    let mut file = GzEncoder::new(Vec::new(), Compression::default());
    file.write_all(text).unwrap();
    let file = file.finish().unwrap();
    for body in [&text[..], &file] {
        let page = parsed(&shape, body).unwrap();
        let records: Vec<&[u8]> = page.records.iter().map(|it| &it.record[..]).collect();
        assert_eq!(records, [&b"{\"a\":1}"[..], b"{\"b\":2}", b"no record"]);
        assert!(page.records[1].is_record && !page.records[2].is_record);
    }
    let most = |most| parse(&shape, &HeaderMap::new(), file.clone().into(), 2, most);
    assert_eq!(most(5).unwrap_err(), Misfit::TooLarge(5));
    let cut = parsed(&shape, &file[..file.len() - 4]).unwrap_err();
    assert!(matches!(cut, Misfit::CutOff(_)), "{cut:?}");
}

#[test]
fn the_next_link_is_told_from_others() {
    for (value, next) in [
        (
            "<http://a/?x=1,2;3>; rel=\"first\", <http://a/2>; rel=\"next\"",
            Some("http://a/2"),
        ),
        ("</p?n=2>; title=\"next, please\"; rel=next", Some("/p?n=2")),
        ("<a>; rel=\"prev NEXT\"", Some("a")),
        ("<a>; rel=\"last\"", None),
        ("nonsense", None),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(LINK, value.parse().unwrap());
        assert_eq!(next_link(&headers).as_deref(), next, "{value}");
    }
}
