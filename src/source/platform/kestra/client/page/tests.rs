use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::event::json::any_object;
use crate::event::unfit::Reason;
use crate::source::http::Misfit;
use crate::source::platform::kestra::mapping::{identify, normalise};

fn page(body: impl Into<Vec<u8>>) -> Result<Page, EnvelopeFault> {
    parse(&Bytes::from(body.into()), 100)
}

fn returned(bytes: &[u8], user: Option<&[u8]>) -> Returned {
    Returned {
        actor: user.map(Bytes::copy_from_slice),
        ..Returned::record(Bytes::copy_from_slice(bytes))
    }
}

fn item(bytes: &[u8]) -> Returned {
    Returned {
        is_record: false,
        ..Returned::record(Bytes::copy_from_slice(bytes))
    }
}

#[test]
fn a_response_as_served() {
    let body = Bytes::from_static(
        b" {\"results\":[{\"auditLog\" : {\"id\":\"a\",  \"n\":1.0} ,\"user\":{\"id\":\"u\"}},\n\
          {\"user\":null,\"auditLog\":{}}],\"total\":5, \"more\":{}} \n",
    );
    let page = parse(&body, 2).unwrap();
    assert_eq!(page.total, Some(5));
    assert_eq!(
        page.records,
        [
            returned(b"{\"id\":\"a\",  \"n\":1.0}", Some(b"{\"id\":\"u\"}")),
            returned(b"{}", None),
        ]
    );
    // Slices of the body, not copies.
    let within = body.as_ptr_range();
    for returned in &page.records {
        assert!(within.contains(&returned.record.as_ptr()));
    }
}

#[test]
fn more_items_than_were_asked_for_are_refused_while_they_are_cut() {
    let of = |items: usize, item: &str| {
        let items = vec![item; items].join(",");
        Bytes::from(format!(
            "{{\"results\":[{items}],\"total\":{}}}",
            items.len()
        ))
    };
    // Platforms repeat rows.
    assert_eq!(
        parse(&of(4, "{\"auditLog\":{}}"), 2).unwrap().records.len(),
        4
    );
    let too_many = EnvelopeFault::TooMany {
        name: "results",
        most: 4,
    };
    for item in ["0", "{}", "[]", "\"\"", "{\"auditLog\":{}}"] {
        for count in [5, 1_000_000] {
            assert_eq!(parse(&of(count, item), 2).unwrap_err(), too_many, "{item}");
        }
    }
}

#[test]
fn empty_pages_and_totals() {
    for (body, total) in [
        ("{\"results\":[],\"total\":0}", Some(0)),
        ("{\"results\":[]}", None),
        ("{\"total\":null,\"results\":[]}", None),
        ("{\"total\":1,\"results\":[],\"results\":7}", Some(1)),
    ] {
        let page = page(body).unwrap();
        assert_eq!((page.total, page.records.len()), (total, 0), "{body}");
    }
}

/// What is no envelope of this shape, and how sources tell it from what passes.
#[test]
fn what_is_no_response() {
    let foreign = |message: &str| Misfit::Foreign(message.to_owned());
    let not_understood = |message: &str| Misfit::NotUnderstood(message.to_owned());
    for (body, misfit) in [
        ("", Misfit::CutOff("the response is empty".to_owned())),
        (
            "{\"results\":[",
            Misfit::CutOff("the response ends early, after 12 bytes".to_owned()),
        ),
        (
            "<html>…",
            foreign(
                "the response is HTML or XML, not JSON: is a proxy or a log-in page in between?",
            ),
        ),
        ("[]", foreign("the response is an array, not an object")),
        (
            "no healthy upstream",
            foreign("the response is not JSON: expected a value at byte 0"),
        ),
        ("{}", foreign("the response has no \"results\"")),
        (
            "{\"Results\":[],\"total\":0}",
            foreign("the response has no \"results\""),
        ),
        (
            "{\"results\":{}}",
            not_understood("the response has an object as \"results\", not an array"),
        ),
        (
            "{\"results\":[],\"total\":\"5\"}",
            not_understood("the response has text as \"total\", not a number"),
        ),
        (
            "{\"results\":[],\"total\":1.5}",
            not_understood(
                "the response has a \"total\" that is not a whole number from 0 to 2^64-1",
            ),
        ),
        (
            "{results:[]}",
            not_understood("the response is not JSON: expected a key at byte 1"),
        ),
    ] {
        assert_eq!(page(body).map_err(Misfit::from), Err(misfit), "{body}");
    }
}

#[test]
fn an_item_without_a_record_comes_whole() {
    for bytes in [
        &b"{}"[..],
        b"null",
        b"7",
        b"[{\"auditLog\":{}}]",
        b"\"auditLog\"",
        b"{\"auditLog\":null,\"user\":{}}",
        b"{\"auditLog\":\"{}\"}",
        b"{\"auditLog\":[]}",
        b"{\"auditlog\":{}}",
        b"{\"id\":\"x\",\"date\":\"2026-11-23T00:00:00Z\"}",
        // The first of doubled keys counts here too.
        b"{\"auditLog\":null,\"auditLog\":{}}",
        // Broken between its members, but its brackets say where it ends.
        b"{\"auditLog\" {}, oops}",
    ] {
        let mut body = b"{\"results\":[{\"auditLog\":{}},".to_vec();
        body.extend_from_slice(bytes);
        body.extend_from_slice(b" , {\"auditLog\":{}}]}");
        let expected = [returned(b"{}", None), item(bytes), returned(b"{}", None)];
        assert_eq!(page(body).unwrap().records, expected);
    }
    // Should such an item be taken for a record, it is still none.
    let item = b"{\"auditLog\":null,\"id\":\"x\",\"date\":\"2026-11-23T00:00:00Z\"}";
    assert_eq!(normalise(item, None).unwrap_err().reason, Reason::NoRecord);
}

#[test]
fn a_user_that_is_no_object_is_none() {
    for user in ["null", "\"anna\"", "[]", "1"] {
        let body = format!("{{\"results\":[{{\"auditLog\":{{}},\"user\":{user}}}]}}");
        assert_eq!(page(body).unwrap().records, [returned(b"{}", None)]);
    }
}

/// A good record, as neighbour of bad ones.
const GOOD: &[u8] = b"{\"id\":\"good\",\"date\":\"2026-11-23T10:15:30.123Z\"}";

/// Puts a record between two good ones and checks that all three come out to the byte.
fn between_neighbours(bad: &[u8]) {
    let mut body = b"{\"results\":[".to_vec();
    for (number, record) in [GOOD, bad, GOOD].into_iter().enumerate() {
        body.extend_from_slice(if number == 0 { b"" } else { b"," });
        body.extend_from_slice(b"{\"auditLog\":");
        body.extend_from_slice(record);
        body.extend_from_slice(b",\"user\":{\"username\":\"anna\"}}");
    }
    body.extend_from_slice(b"],\"total\":3}");
    let records = page(body).unwrap().records;
    assert_eq!(records.len(), 3);
    assert!(records[1].record == bad, "to the byte");
    for good in [&records[0], &records[2]] {
        assert_eq!(good.record, GOOD);
        assert!(identify(&good.record).is_ok());
        let event = normalise(&good.record, good.actor.as_deref()).unwrap();
        assert_eq!(event.actor_name.as_deref(), Some("anna"));
    }
}

#[test]
fn a_record_that_is_not_utf8_leaves_its_neighbours_alone() {
    for bad in [
        &b"{\"id\":\"x\",\"date\":\"2026-11-23T10:15:30Z\",\"n\":\"caf\xe9\"}"[..],
        b"{\"id\":\"\xff\",\"date\":\"2026-11-23T10:15:30Z\"}",
        b"{\"id\":\"x\",\"date\":\"2026-11-23T10:15:30Z\",\"\xed\xa0\x80\":1}",
        b"{\"id\":\"x\",\"date\":\"2026-11-23T10:15:30Z\",\"n\":\"\xc3\"}",
    ] {
        between_neighbours(bad);
        assert_eq!(normalise(bad, None).unwrap_err().reason, Reason::NotUtf8);
    }
}

#[test]
fn a_record_that_is_not_json_inside_leaves_its_neighbours_alone() {
    for bad in [
        &b"{\"id\":\"x\",\"n\":NaN}"[..],
        b"{\"id\":\"x\",\"n\":01}",
        b"{\"id\":\"x\" \"n\":1}",
        b"{\"id\":\"x\",\"n\":\"line\nbreak\"}",
        b"{\"id\":\"x\",\"n\":[1}}",
    ] {
        between_neighbours(bad);
        assert_eq!(normalise(bad, None).unwrap_err().reason, Reason::NotJson);
    }
}

#[test]
fn deep_nesting_leaves_its_neighbours_alone() {
    for (depth, reason) in [
        (130, None),
        (499, None),
        (500, Some(Reason::TooDeep)),
        (4000, Some(Reason::TooDeep)),
        (200_000, Some(Reason::TooDeep)),
    ] {
        let record = format!(
            "{{\"id\":\"x\",\"date\":\"2026-11-23T10:15:30Z\",\"n\":{}{}}}",
            "[".repeat(depth),
            "]".repeat(depth)
        );
        between_neighbours(record.as_bytes());
        let result = normalise(record.as_bytes(), None);
        assert_eq!(result.err().map(|unfit| unfit.reason), reason, "{depth}");
        assert!(identify(record.as_bytes()).is_ok());
    }
}

#[test]
fn an_enormous_record_leaves_its_neighbours_alone() {
    for megabytes in [1, 20, 120] {
        let record = format!(
            "{{\"id\":\"x\",\"date\":\"2026-11-23T10:15:30Z\",\"n\":\"{}\"}}",
            "x".repeat(megabytes << 20)
        );
        between_neighbours(record.as_bytes());
        let reason = normalise(record.as_bytes(), None).err().map(|u| u.reason);
        assert_eq!(reason, (megabytes > 1).then_some(Reason::TooLarge));
        assert_eq!(&*identify(record.as_bytes()).unwrap().native_id, "x");
    }
}

/// One served item: its bytes, and what should come out of it.
fn any_item() -> impl Strategy<Value = (Vec<u8>, Returned)> {
    // Bytes that are not UTF-8 may stand wherever text may.
    let record =
        (any_object(), prop::option::weighted(0.2, 0x80..=0xffu8)).prop_map(|(object, byte)| {
            match byte {
                Some(byte) => {
                    let mut spoilt = b"{\"spoilt\":\"".to_vec();
                    spoilt.push(byte);
                    spoilt.extend_from_slice(b"\",\"whole\":");
                    spoilt.extend_from_slice(object.as_bytes());
                    spoilt.push(b'}');
                    spoilt
                }
                None => object.into_bytes(),
            }
        });
    let user = prop::option::of(any_object());
    let space = "[ \n]{0,2}";
    (record, user, any::<bool>(), space).prop_map(|(bytes, user, user_first, space)| {
        let mut members = vec![[b"\"auditLog\":", space.as_bytes(), &bytes].concat()];
        if let Some(user) = &user {
            let member = format!("\"user\"{space}:{user}").into_bytes();
            members.insert(if user_first { 0 } else { 1 }, member);
        }
        let served = [b"{", &members.join(&b","[..])[..], space.as_bytes(), b"}"].concat();
        let returned = returned(&bytes, user.as_deref().map(str::as_bytes));
        (served, returned)
    })
}

proptest! {
    #[test]
    fn every_record_comes_out_to_the_byte(
        items in prop::collection::vec(any_item(), 0..8),
        total: u32, total_first: bool, space in "[ \n]{0,2}",
    ) {
        let served: Vec<_> = items.iter().map(|(bytes, _)| bytes.clone()).collect();
        let list = served.join(format!("{space},").as_bytes());
        let mut members = vec![[b"\"results\":[", &list[..], b"]"].concat()];
        let count = format!("\"total\":{total}{space}").into_bytes();
        members.insert(if total_first { 0 } else { 1 }, count);
        let body = [b"{", &members.join(&b","[..])[..], b"}"].concat();
        let page = page(body)?;
        prop_assert_eq!(page.total, Some(u64::from(total)));
        let expected: Vec<_> = items.into_iter().map(|(_, returned)| returned).collect();
        prop_assert_eq!(page.records, expected);
    }

    #[test]
    fn any_bytes_are_a_page_or_an_error(mut body in prop::collection::vec(any::<u8>(), 0..300), prefix: bool) {
        if prefix {
            body.splice(0..0, *b"{\"results\":[{\"auditLog\":{");
        }
        let _ = page(body);
    }
}
