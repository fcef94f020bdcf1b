//! Redaction inside JSON that comes as text.

use super::tests::{place, redact};
use super::*;
use crate::event::unfit::Reason;
use crate::source::platform::kestra::mapping::ORIGINS;
use proptest::prelude::*;

/// The value as text in JSON, so many times.
fn as_text(value: &str, times: usize) -> String {
    (0..times).fold(value.to_owned(), |text, _| {
        serde_json::to_string(&text).unwrap()
    })
}

fn apply(pointers: &[&str], action: RedactionAction, record: &str) -> Result<String, Reason> {
    let rules: Vec<RedactionRule> = pointers.iter().map(|it| place(it, action)).collect();
    let redaction = Redaction::compile(&rules, &ORIGINS, Some(&[7; 32])).unwrap();
    let kept = redaction.apply(record.as_bytes());
    kept.map(|kept| String::from_utf8(kept.into_owned()).unwrap())
        .map_err(|unfit| {
            assert!(redaction.withholds(&unfit), "{unfit}");
            unfit.reason
        })
}

#[test]
fn a_secret_in_an_object_that_comes_as_text_is_cut_out_of_the_text() {
    let record = r#"{"id":"a","detail":"{\"secret\":\"hunter2\", \"x\":\"\\\"\u00e9\"}"}"#;
    for (action, kept) in [
        (
            RedactionAction::Mask,
            r#"{"id":"a","detail":"{\"secret\":\"***\", \"x\":\"\\\"\u00e9\"}"}"#,
        ),
        (
            RedactionAction::Drop,
            r#"{"id":"a","detail":"{\"x\":\"\\\"\u00e9\"}"}"#,
        ),
    ] {
        assert_eq!(apply(&["/detail/secret"], action, record).unwrap(), kept);
    }
    // The hash is that of the value, wherever it stands.
    let plain = r#"{"id":"a","detail":{"secret":"hunter2"}}"#;
    let hash = |record: &str| {
        let kept = apply(&["/detail/secret"], RedactionAction::Hmac, record).unwrap();
        kept.split(HMAC_PREFIX).nth(1).unwrap()[..64].to_owned()
    };
    assert_eq!(hash(record), hash(plain));
    assert_eq!(
        hash(record),
        hash(&record.replace("hunter2", "h\\\\u0075nter2"))
    );
}

#[test]
fn texts_in_texts_are_looked_into_as_far_as_eight_levels() {
    let inner = r#"{"secret":["hunter2",{"a":1}],"b":" \\ \" "}"#;
    let masked = r#"{"secret":"***","b":" \\ \" "}"#;
    for times in 1..=8 {
        let of = |value: &str| format!(r#"{{"detail":{},"z":0}}"#, as_text(value, times));
        let kept = apply(&["/detail/secret"], RedactionAction::Mask, &of(inner));
        assert_eq!(kept, Ok(of(masked)), "{times}");
    }
    let deep = format!(r#"{{"detail":{}}}"#, as_text(inner, 9));
    let kept = apply(&["/detail/secret"], RedactionAction::Mask, &deep);
    assert_eq!(kept, Err(Reason::NotRedactable));
}

#[test]
fn text_below_text_arrays_doubled_keys_and_any_member() {
    for (pointer, record, kept) in [
        (
            "/detail/a/b",
            r#"{"detail":"{\"a\":\"{\\\"b\\\":1,\\\"c\\\":2}\"}"}"#,
            r#"{"detail":"{\"a\":\"{\\\"b\\\":\\\"***\\\",\\\"c\\\":2}\"}"}"#,
        ),
        (
            "/detail/1",
            r#"{"detail":" [1,2,3] "}"#,
            r#"{"detail":" [1,\"***\",3] "}"#,
        ),
        (
            "/detail/*/s",
            r#"{"detail":"[{\"s\":1},{\"t\":2},{\"s\":null}]"}"#,
            r#"{"detail":"[{\"s\":\"***\"},{\"t\":2},{\"s\":null}]"}"#,
        ),
        (
            "/detail/s",
            r#"{"detail":"{\"s\":1,\"\\u0073\":2}","detail":"{\"s\":3}"}"#,
            r#"{"detail":"{\"s\":\"***\",\"\\u0073\":\"***\"}","detail":"{\"s\":\"***\"}"}"#,
        ),
        // Keys and escapes of the text itself may be written in any way.
        (
            "/detail/s",
            r#"{"detail":"\u007b\u0022s\u0022:\"x\"\u007d"}"#,
            r#"{"detail":"\u007b\u0022s\u0022:\"***\"\u007d"}"#,
        ),
    ] {
        assert_eq!(
            apply(&[pointer], RedactionAction::Mask, record).as_deref(),
            Ok(kept),
            "{record}"
        );
    }
}

#[test]
fn a_text_without_such_a_place_stays_as_it_is() {
    for (pointer, record) in [
        ("/detail/secret", r#"{"detail":"{\"other\":1}"}"#),
        ("/detail/secret", r#"{"detail":""}"#),
        ("/detail/secret", r#"{"detail":" \n"}"#),
        ("/detail/secret", r#"{"detail":"17"}"#),
        ("/detail/secret", r#"{"detail":"null"}"#),
        ("/detail/secret", r#"{"detail":null}"#),
        ("/detail/secret", r#"{"detail":17}"#),
        ("/detail/secret", r#"{"other":"n/a"}"#),
        // Any member: of a word there is none.
        ("/detail/*/secret", r#"{"detail":{"a":"n/a","b":"x"}}"#),
        ("/*/secret", r#"{"id":"abc","detail":"n/a"}"#),
    ] {
        let kept = apply(&[pointer], RedactionAction::Mask, record);
        assert_eq!(kept.as_deref(), Ok(record));
    }
}

#[test]
fn where_a_rule_cannot_be_applied_the_record_is_not_kept() {
    for (pointer, detail) in [
        ("/detail/secret", r#""n/a""#),
        ("/detail/secret", r#""secret=hunter2""#),
        ("/detail/secret", r#""{\"secret\":\"hunter2\"""#),
        ("/detail/secret", r#""\ud800""#),
        ("/detail/secret", r#""\"secret: hunter2\"""#),
        ("/detail/a/secret", r#""{\"a\":\"n/a\"}""#),
        ("/detail/a/secret", r#"{"a":"n/a"}"#),
        ("/detail/0/secret", r#"["n/a"]"#),
        ("/detail/*", r#""n/a""#),
        ("/*/secret", r#""{\"secret\":\"hunter2\"""#),
    ] {
        let record = format!(r#"{{"id":"a","detail":{detail}}}"#);
        for action in [
            RedactionAction::Drop,
            RedactionAction::Mask,
            RedactionAction::Hmac,
        ] {
            let kept = apply(&[pointer], action, &record);
            assert_eq!(kept, Err(Reason::NotRedactable), "{record}");
        }
    }
    let user = br#"{"email":"n/a"}"#;
    let rules = [place("/detail/secret", RedactionAction::Mask)];
    let redaction = Redaction::compile(&rules, &ORIGINS, None).unwrap();
    assert!(redaction.apply_user(user).is_some(), "no rule leads there");
}

#[test]
fn a_record_with_very_many_places_to_redact_is_not_kept() {
    let record = |count: usize| format!(r#"{{"id":"a","items":[{}]}}"#, vec!["0"; count].join(","));
    assert!(apply(&["/items/*"], RedactionAction::Hmac, &record(1_000)).is_ok());
    for action in [RedactionAction::Mask, RedactionAction::Hmac] {
        let kept = apply(&["/items/*"], action, &record(100_001));
        assert_eq!(kept, Err(Reason::NotRedactable));
        let text = format!(r#"{{"id":"a","detail":{}}}"#, as_text(&record(100_001), 2));
        assert_eq!(
            apply(&["/detail/items/*"], action, &text),
            Err(Reason::NotRedactable)
        );
    }
    // What goes as one piece is one place.
    let kept = apply(&["/items/*"], RedactionAction::Drop, &record(100_001));
    assert_eq!(kept.as_deref(), Ok(r#"{"id":"a","items":[]}"#));
}

proptest! {
    #[test]
    fn a_value_under_a_rule_is_gone_from_any_text(
        value in crate::event::json::any_json(),
        secret in "[A-Z]{12}",
        inner in 0_usize..4,
        outer in 0_usize..4,
    ) {
        let object = |id: &str| format!(r#"{{"k":{value},"id":{id},"z":0}}"#);
        let record = |id: &str| {
            let items = as_text(&format!("[{}]", as_text(&object(id), inner)), outer);
            format!(r#"{{"k":{value},"a":{items},"z":0}}"#)
        };
        let served = record(&format!(r#"["{secret}"]"#));
        let kept = redact(&[place("/a/*/id", RedactionAction::Mask)], &served);
        prop_assert_eq!(&kept, &record(r#""***""#));
        for action in [RedactionAction::Drop, RedactionAction::Hmac] {
            let kept = redact(&[place("/a/*/id", action)], &served);
            prop_assert!(!kept.contains(&secret));
            prop_assert_eq!(json::check(kept.as_bytes()), Ok(JsonKind::Object));
        }
    }
}
