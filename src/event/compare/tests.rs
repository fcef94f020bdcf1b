use proptest::prelude::*;

use super::*;
use crate::event::json::any_object;
use crate::event::json::pointer::Pointer;

fn ignoring(pointers: &[&str]) -> Pointers {
    Pointers::new(
        pointers
            .iter()
            .map(|p| Pointer::parse(p).unwrap())
            .collect(),
    )
}

fn compare(first: &str, now: &str) -> RecordChange {
    changed(
        first.as_bytes(),
        now.as_bytes(),
        &Pointers::default(),
        &KeyNames::all(),
    )
}

fn places<const N: usize>(places: [&str; N]) -> RecordChange {
    let places = places.map(str::to_owned).to_vec();
    RecordChange::Changed { places }
}

fn drift<const N: usize>(added: [&str; N]) -> RecordChange {
    let added = added.map(str::to_owned).to_vec();
    RecordChange::Drift { added }
}

#[test]
fn the_same_however_it_is_written() {
    for (first, now) in [
        (r#"{"a":1,"b":"x"}"#, r#"{ "b" : "x", "a" : 1 }"#),
        (r#"{"a":"é/"}"#, r#"{"\u0061":"\u00e9\/"}"#),
        // Of doubled keys the first counts, in both.
        (r#"{"a":1,"a":2}"#, r#"{"a":1}"#),
        (r#"{"a":1}"#, r#"{"a":1,"a":2}"#),
        (
            r#"{"a":{"x":1,"y":[1,{"z":2}]}}"#,
            r#"{"a":{"y":[ 1 ,{"z":2}],"x":1}}"#,
        ),
        (r#"{"\ud800":1}"#, r#" {"\ud800":1}"#),
        ("{}", "{ }"),
    ] {
        assert_eq!(compare(first, now), RecordChange::Same, "{first} {now}");
        assert_eq!(compare(now, first), RecordChange::Same, "{first} {now}");
    }
}

#[test]
fn a_value_that_was_there_is_different_or_gone() {
    for (first, now, change) in [
        (r#"{"a":1}"#, r#"{"a":2}"#, places(["/a"])),
        (r#"{"a":1}"#, "{}", places(["/a"])),
        (r#"{"a":1}"#, r#"{"A":1}"#, places(["/a"])),
        (r#"{"a":1}"#, r#"{"a":1.0}"#, places(["/a"])),
        (r#"{"a":1}"#, r#"{"a":"1"}"#, places(["/a"])),
        (r#"{"a":1}"#, r#"{"a":null}"#, places(["/a"])),
        (r#"{"a":null}"#, "{}", places(["/a"])),
        (r#"{"a":"x"}"#, r#"{"a":"X"}"#, places(["/a"])),
        (r#"{"a":"\ud800"}"#, r#"{"a":"\ud801"}"#, places(["/a"])),
        (r#"{"a":{}}"#, r#"{"a":[]}"#, places(["/a"])),
        (r#"{"a":1,"a":2}"#, r#"{"a":2,"a":1}"#, places(["/a"])),
        (
            r#"{"a":{"b/c":{"d~":1},"e":2}}"#,
            r#"{"a":{"b/c":{"d~":0}}}"#,
            places(["/a/b~1c/d~0", "/a/e"]),
        ),
        (
            r#"{"a":[1,{"b":2}]}"#,
            r#"{"a":[1,{"b":3}]}"#,
            places(["/a/1/b"]),
        ),
        // An array is one list.
        (r#"{"a":[1]}"#, r#"{"a":[1,2]}"#, places(["/a"])),
        (r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#, places(["/a/0", "/a/1"])),
        // What was added beside a change is no matter.
        (r#"{"a":1}"#, r#"{"a":2,"b":3}"#, places(["/a"])),
        // What is no JSON any more.
        (r#"{"a":1}"#, r#"{"a":1"#, places([""])),
        (r#"{"a":1}"#, "[1]", places([""])),
    ] {
        assert_eq!(compare(first, now), change, "{first} {now}");
    }
}

#[test]
fn fields_that_were_added_are_drift() {
    for (first, now, change) in [
        (r#"{"a":1}"#, r#"{"b":2,"a":1}"#, drift(["/b"])),
        ("{}", r#"{"a":null}"#, drift(["/a"])),
        (
            r#"{"a":{}}"#,
            r#"{"a":{"b":{"c":1}},"d":1}"#,
            drift(["/a/b", "/d"]),
        ),
        (r#"{"a":[{}]}"#, r#"{"a":[{"b":1}]}"#, drift(["/a/0/b"])),
    ] {
        assert_eq!(compare(first, now), change, "{first} {now}");
    }
}

#[test]
fn places_under_redaction_are_left_out() {
    for (first, now, ignored) in [
        (r#"{"a":1,"b":2}"#, r#"{"a":9,"b":2}"#, &["/a"][..]),
        (r#"{"a":1,"b":2}"#, r#"{"b":2}"#, &["/a"]),
        (r#"{"b":2}"#, r#"{"a":1,"b":2}"#, &["/a"]),
        (
            r#"{"a":{"x":1,"y":2}}"#,
            r#"{"a":{"x":0,"y":2,"z":3}}"#,
            &["/a/x", "/a/z"],
        ),
        (
            r#"{"a":[{"v":1},{"v":2}]}"#,
            r#"{"a":[{"v":3},{}]}"#,
            &["/a/*/v"],
        ),
        (r#"{"a":[1,2]}"#, r#"{"a":"***"}"#, &["/x", "/a"]),
        (r#"{"a":1}"#, r#"{"a":2}"#, &[""]),
    ] {
        let change = changed(
            first.as_bytes(),
            now.as_bytes(),
            &ignoring(ignored),
            &KeyNames::all(),
        );
        assert_eq!(change, RecordChange::Same, "{first} {now} {ignored:?}");
    }
    let ignored = ignoring(&["/a/x"]);
    let change = changed(
        br#"{"a":{"x":1,"y":2}}"#,
        br#"{"a":{"x":2,"y":3}}"#,
        &ignored,
        &KeyNames::all(),
    );
    assert_eq!(change, places(["/a/y"]));
}

#[test]
fn no_values_and_not_too_many_places() {
    let first: Vec<_> = (0..1000).map(|n| format!("\"k{n}\":\"S3CRET\"")).collect();
    let first = format!("{{{}}}", first.join(","));
    let RecordChange::Changed { places } = compare(&first, "{}") else {
        panic!("changed");
    };
    assert_eq!(places.len(), MAX_PLACES);
    assert!(!format!("{places:?}").contains("S3CRET"));
}

/// Eight MiB of the smallest values: lists of them would take hundreds of times as much.
#[test]
fn very_many_tiny_values_are_compared_in_the_order_of_their_names() {
    let count = 1 << 20;
    let array = |last: &str| format!("[{}{last}]", "0,".repeat(count));
    assert_eq!(
        compare(&array("1"), &array("2")),
        places([&*format!("/{count}")])
    );
    let object = |last: &str| format!("{{{}\"z\":{last}}}", "\"\":0,".repeat(count / 4));
    assert_eq!(compare(&object("1"), &object("2")), places(["/z"]));
    let nested = |value: &str| format!("[{}0]", format!("[{value}],").repeat(count / 8));
    let RecordChange::Changed { places } = compare(&nested("1"), &nested("2")) else {
        panic!("changed");
    };
    assert_eq!(places.len(), MAX_PLACES);
    // Members in another order are the same, and what was added is found among them.
    let (mut first, mut now) = (Vec::new(), Vec::new());
    for nth in 0..2000 {
        first.push(format!("\"k{nth}\":{nth}"));
        now.insert(0, format!("\"k{nth}\":{nth}"));
    }
    now.insert(1000, "\"new\":1".to_owned());
    let object = |members: &[String]| format!("{{{}}}", members.join(","));
    assert_eq!(compare(&object(&first), &object(&now)), drift(["/new"]));
}

#[test]
fn a_place_behind_a_long_pointer_is_named_by_what_is_around_it() {
    let long = "k".repeat(LONGEST_POINTER);
    let of = |value: &str| format!(r#"{{"a":{{"{long}":{value}}},"b":{value}}}"#);
    assert_eq!(compare(&of("1"), &of("2")), places(["/a", "/b"]));
    assert_eq!(compare(&of(r#"{"c":1}"#), "{}"), places(["/a", "/b"]));
}

#[test]
fn what_is_left_out_is_left_out_of_texts_too() {
    let text = |json: &str| format!(r#"{{"d":{}}}"#, serde_json::to_string(json).unwrap());
    let compare = |first: &str, now: &str| {
        changed(
            text(first).as_bytes(),
            text(now).as_bytes(),
            &ignoring(&["/d/s", "/d/l/1", "/d/t/s"]),
            &KeyNames::all(),
        )
    };
    for (first, now, change) in [
        (
            r#"{"s":1,"x":1}"#,
            r#"{"s":"***","x":1}"#,
            RecordChange::Same,
        ),
        (r#"{"s":1,"x":1}"#, r#"{"x":1}"#, RecordChange::Same),
        (r#"{"s":1,"x":1}"#, r#"{"x":2}"#, places(["/d/x"])),
        (r#"{"x":1}"#, r#"{"x":1,"y":1,"s":1}"#, drift(["/d/y"])),
        (r#"{"l":[1,2,3]}"#, r#"{"l":[1,3]}"#, RecordChange::Same),
        (r#"{"l":[1,2,3]}"#, r#"{"l":[1,9,3]}"#, RecordChange::Same),
        (r#"{"l":[1,2,3]}"#, r#"{"l":[1,2,4]}"#, places(["/d/l/2"])),
        (
            r#"{"t":"{\"s\":1}"}"#,
            r#"{"t":"{\"s\":2}"}"#,
            RecordChange::Same,
        ),
        (
            r#"{"t":"{\"s\":1,\"u\":1}"}"#,
            r#"{"t":"{\"u\":2}"}"#,
            places(["/d/t/u"]),
        ),
        ("n/a", "none", places(["/d"])),
        (r#"{"s":1}"#, "none", places(["/d"])),
    ] {
        assert_eq!(compare(first, now), change, "{first} {now}");
    }
}

#[test]
fn under_redaction_only_names_of_the_platform_and_of_rules_are_told() {
    use crate::event::redact::{Redaction, RedactionAction, RedactionRule, RedactionTarget};
    use crate::source::platform::kestra::mapping::ORIGINS;
    let rule = RedactionRule {
        target: RedactionTarget::Pointer("/custom/deep".to_owned()),
        action: RedactionAction::Mask,
    };
    let redaction = Redaction::compile(&[rule], &ORIGINS, None).unwrap();
    let first = r#"{"detail":{"id":1,"anna@example.com":{"id":1},"bob@example.com":[1,2]},"custom":{"x":1}}"#;
    let now = r#"{"detail":{"id":2,"anna@example.com":{"id":2},"bob@example.com":[1,3]},"carl":1,"custom":{"y":1}}"#;
    let told = |names| {
        changed(
            first.as_bytes(),
            now.as_bytes(),
            redaction.record_pointers(),
            names,
        )
    };
    assert_eq!(
        told(redaction.names()),
        places(["/custom/*", "/detail/*/1", "/detail/*/id", "/detail/id"])
    );
    assert_eq!(
        told(&KeyNames::all()),
        places([
            "/custom/x",
            "/detail/anna@example.com/id",
            "/detail/bob@example.com/1",
            "/detail/id"
        ])
    );
    // One name may stand for many places.
    let many: Vec<_> = (0..200).map(|n| format!(r#""k{n}":1"#)).collect();
    let many = format!("{{{}}}", many.join(","));
    let pointers = redaction.record_pointers();
    let gone = changed(many.as_bytes(), b"{}", pointers, redaction.names());
    assert_eq!(gone, places(["/*"]));
}

#[test]
fn deep_records_are_compared_without_recursion() {
    let deep = |leaf: &str| format!("{}{leaf}{}", "[".repeat(500), "]".repeat(500));
    assert_eq!(compare(&deep("1"), &deep(" 1")), RecordChange::Same);
    assert_eq!(
        compare(&deep("1"), &deep("2")),
        places([&"/0".repeat(LONGEST_POINTER / 2)[..]])
    );
}

proptest! {
    #[test]
    fn a_record_is_the_same_as_itself_spaced_out(object in any_object()) {
        let spaced = format!(" {object}\n");
        prop_assert_eq!(compare(&object, &spaced), RecordChange::Same);
    }

    #[test]
    fn adding_a_field_is_drift_and_taking_it_away_a_change(object in any_object()) {
        let inner = &object[1..object.len() - 1];
        let comma = if inner.trim().is_empty() { "" } else { "," };
        let more = format!("{{{inner}{comma}\"never generated before\":1}}");
        let place = "/never generated before";
        prop_assert_eq!(compare(&object, &more), drift([place]));
        prop_assert_eq!(compare(&more, &object), places([place]));
    }
}
