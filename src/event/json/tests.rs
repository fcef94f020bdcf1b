use std::fmt;

use proptest::prelude::*;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::*;

/// JSON texts with odd spacing, numbers, escapes, doubled keys and lone surrogates.
pub(crate) fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,4})?([eE][+-]?[0-9]{1,3})?",
        any_string(),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec((any_space(), inner.clone(), any_space()), 0..6).prop_map(
                |elements| {
                    let elements: Vec<_> = elements
                        .into_iter()
                        .map(|(a, value, b)| format!("{a}{value}{b}"))
                        .collect();
                    format!("[{}]", elements.join(","))
                }
            ),
            object_of(inner),
        ]
    })
}

pub(crate) fn any_object() -> impl Strategy<Value = String> {
    object_of(any_json())
}

fn object_of(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let key = prop_oneof![Just("\"id\"".to_owned()), any_string()];
    let member = (
        any_space(),
        key,
        any_space(),
        any_space(),
        value,
        any_space(),
    );
    (prop::collection::vec(member, 0..6), any_space()).prop_map(|(members, space)| {
        if members.is_empty() {
            return format!("{{{space}}}");
        }
        let members: Vec<_> = members
            .into_iter()
            .map(|(a, key, b, c, value, d)| format!("{a}{key}{b}:{c}{value}{d}"))
            .collect();
        format!("{{{}}}", members.join(","))
    })
}

fn any_space() -> impl Strategy<Value = String> {
    prop_oneof![4 => Just(String::new()), 1 => "[ \n\r\t]{1,3}"]
}

fn any_string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => "[a-zA-Z0-9 ./:_{}\\[\\],-]{0,12}",
        1 => "[^\u{0}-\u{1f}\"\\\\]{0,4}",
        1 => "\\\\[\"\\\\/bfnrt]",
        1 => "\\\\u[0-9a-fA-F]{4}",
        1 => Just("\\ud83d\\ude00".to_owned()),
        1 => Just("\\ud800".to_owned()),
        1 => Just("\\u0000".to_owned()),
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

/// Bytes that are nearly JSON.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        prop::sample::select(b"{}[]\",:\\u0123ef.-+ \n\t\0tnx".to_vec()),
        any::<u8>(),
    ];
    let edit = (any::<prop::sample::Index>(), 0..3usize, byte);
    (any_json(), prop::collection::vec(edit, 0..3)).prop_map(|(json, edits)| {
        let mut bytes = json.into_bytes();
        for (at, how, byte) in edits {
            let at = at.index(bytes.len() + 1);
            match how {
                0 => bytes.insert(at, byte),
                1 if at < bytes.len() => bytes[at] = byte,
                2 if at < bytes.len() => {
                    bytes.remove(at);
                }
                _ => bytes.truncate(at),
            }
        }
        bytes
    })
}

/// What an independent parser says. Skipping, it checks the grammar without reading numbers into
/// a type or escapes into text, and it has no limit of depth; but it does not check UTF-8.
fn independent(bytes: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(bytes).is_ok() && std::str::from_utf8(bytes).is_ok()
}

/// The members of an object by an independent parser, doubled keys and all.
struct Pairs(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Pairs;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

proptest! {
    #[test]
    fn checking_agrees_with_an_independent_parser(bytes in nearly_json()) {
        prop_assert_eq!(check(&bytes).is_ok(), independent(&bytes), "{:?}", check(&bytes));
    }

    #[test]
    fn generated_json_passes_and_is_skipped_to_its_end(
        json in any_json(), before in any_space(), after in "([,\\]} \n][^\"]{0,9})?",
    ) {
        prop_assert_eq!(check(json.as_bytes()).err(), None);
        let text = format!("{before}{json}{after}");
        let end = value_end(text.as_bytes(), before.len()).map(|(_, end)| end);
        prop_assert_eq!(end, Ok(before.len() + json.len()));
    }

    #[test]
    fn members_agree_with_an_independent_parser(object in any_object(), space in any_space()) {
        let text = format!("{space}{object}{space}");
        let bytes = text.as_bytes();
        let skipped: Vec<_> = members(bytes, space.len())?.collect::<Result<_, _>>()?;
        let mut walk = checked_members(&text)?;
        let checked: Vec<_> = walk.by_ref().collect::<Result<_, _>>()?;
        prop_assert_eq!(walk.offset(), space.len() + object.len());
        walk.finish()?;
        prop_assert_eq!(skipped.len(), checked.len());
        for (one, two) in skipped.iter().zip(&checked) {
            prop_assert_eq!((one.key.raw, one.key.at), (two.key.raw, two.key.at));
            prop_assert_eq!(one.value, two.value);
            prop_assert_eq!(one.key.name(), two.key.name());
            prop_assert_eq!(one.key.value_at, one.value.at);
        }
        // A key with a lone surrogate is beyond the other parser.
        if let Ok(Pairs(pairs)) = serde_json::from_str::<Pairs>(&text) {
            prop_assert_eq!(pairs.len(), checked.len());
            for ((key, value), member) in pairs.iter().zip(&checked) {
                prop_assert_eq!(key.as_bytes(), &*member.key.name());
                prop_assert_eq!(value.get().as_bytes(), member.value.bytes(bytes));
                prop_assert_eq!(Ok(value.get()), member.value.verbatim(&*text));
                prop_assert_eq!(member.value.text(bytes), decode(value.get().as_bytes()));
                prop_assert_eq!(member.value.text(bytes), member.value.text(&*text));
            }
        }
    }

    #[test]
    fn elements_agree_with_an_independent_parser(
        values in prop::collection::vec((any_space(), any_json(), any_space()), 0..6),
    ) {
        let inner: Vec<_> = values.iter().map(|(a, v, b)| format!("{a}{v}{b}")).collect();
        let text = format!("[{}]", inner.join(","));
        let mut walk = elements(text.as_bytes(), 0)?;
        let found: Vec<_> = walk.by_ref().collect::<Result<_, _>>()?;
        prop_assert_eq!(walk.offset(), text.len());
        prop_assert_eq!(found.len(), values.len());
        for (element, (_, value, _)) in found.iter().zip(&values) {
            prop_assert_eq!(element.bytes(text.as_bytes()), value.as_bytes());
        }
    }

    #[test]
    fn a_checked_walk_accepts_what_the_check_accepts(bytes in nearly_json()) {
        let walked = utf8(&bytes).and_then(checked_members).and_then(Members::finish);
        prop_assert_eq!(walked.is_ok(), check(&bytes) == Ok(JsonKind::Object));
    }

    #[test]
    fn nothing_reads_beyond_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0..220usize) {
        let _ = check(&bytes);
        let _ = decode(&bytes);
        if let Ok((_, end)) = value_end(&bytes, at) {
            prop_assert!(at < end && end <= bytes.len());
        }
        for member in members(&bytes, at).into_iter().flatten().flatten() {
            prop_assert!(member.value.end <= bytes.len());
        }
        for element in elements(&bytes, at).into_iter().flatten().flatten() {
            prop_assert!(element.end <= bytes.len());
        }
    }

    #[test]
    fn decoding_undoes_encoding(text in any::<String>(), plain in any::<bool>()) {
        let encoded = if plain {
            serde_json::to_string(&text)?
        } else {
            let units = text.encode_utf16().map(|unit| format!("\\u{unit:04X}"));
            format!("\"{}\"", units.collect::<String>())
        };
        prop_assert_eq!(decode(encoded.as_bytes())?, text);
    }

    #[test]
    fn decoding_agrees_with_an_independent_parser(string in any_string()) {
        let theirs = serde_json::from_str::<String>(&string).ok();
        let ours = decode(string.as_bytes()).ok();
        prop_assert_eq!(ours.as_deref(), theirs.as_deref());
    }
}

#[test]
fn what_is_well_formed() {
    for text in [
        "0",
        "-0",
        "1.0",
        "1e5",
        "1E+05",
        "-12.50e-0",
        "123456789012345678901234567890",
        "true",
        "false",
        "null",
        "\"\"",
        "{}",
        "[]",
        " \t\r\n[ ] \n",
        "{\"\":{}}",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\"\\udc00\\ud800\"",
        "\"\\/\u{7f}\u{2028}\"",
        "{\"a\":1,\"a\":2,\"A\":[{}]}",
        "[[],[[]],{\"a\":[]}]",
    ] {
        assert!(check(text.as_bytes()).is_ok(), "{text}");
        assert!(independent(text.as_bytes()), "{text}");
    }
}

#[test]
fn what_is_not() {
    use FaultKind::{BadEscape, ControlCharacter, Ended, Expected, NotUtf8, Trailing};
    let value = Expected("a value");
    let digit = Expected("a digit");
    for (bytes, kind, at) in [
        (&b""[..], Ended, 0),
        (b"  ", Ended, 2),
        (b"[1", Ended, 2),
        (b"{\"a\":", Ended, 5),
        (b"{\"a\"", Ended, 4),
        (b"{\"a", Ended, 3),
        (b"\"\\", Ended, 2),
        (b"\"\\u00", Ended, 5),
        (b"tru", Ended, 3),
        (b"-", Ended, 1),
        (b"1.", Ended, 2),
        (b"1e+", Ended, 3),
        (b"[1,]", value, 3),
        (b"[,1]", value, 1),
        (b"[1 2]", Expected("a comma or ]"), 3),
        (b"{\"a\":1 \"b\":2}", Expected("a comma or }"), 7),
        (b"{\"a\":1,}", Expected("a key"), 7),
        (b"{,}", Expected("a key"), 1),
        (b"{a:1}", Expected("a key"), 1),
        (b"{\"a\" 1}", Expected("a colon"), 5),
        (b"[}", value, 1),
        (b"[1}", Expected("a comma or ]"), 2),
        (b"{\"a\":1]", Expected("a comma or }"), 6),
        (b"NaN", value, 0),
        (b"nan", value, 0),
        (b"True", value, 0),
        (b"'a'", value, 0),
        (b"+1", value, 0),
        (b".5", value, 0),
        (b"-x", digit, 1),
        (b"1.e1", digit, 2),
        (b"1ex", digit, 2),
        (b"01", Trailing, 1),
        (b"-01", Trailing, 2),
        (b"0x1", Trailing, 1),
        (b"{} {}", Trailing, 3),
        (b"nulls", Trailing, 4),
        (b"\"a\nb\"", ControlCharacter, 2),
        (b"\"\0\"", ControlCharacter, 1),
        (b"\"0123456789\x1fabcdefgh\"", ControlCharacter, 11),
        (b"\"\\x\"", BadEscape, 1),
        (b"\"\\u12g4\"", BadEscape, 1),
        (b"\"\\U0000\"", BadEscape, 1),
        (b"\"a\xffb\"", NotUtf8, 2),
        (b"\"\xc0\x80\"", NotUtf8, 1),
        (b"\"\xed\xa0\x80\"", NotUtf8, 1),
        (b"\"\xe2\x82\"", NotUtf8, 1),
        (b"[\xef\xbb\xbf", value, 1),
    ] {
        let text = String::from_utf8_lossy(bytes);
        assert_eq!(check(bytes), Err(JsonFault { kind, at }), "{text}");
        assert!(!independent(bytes), "{text}");
    }
}

#[test]
fn the_limit_of_depth_is_exact() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for (depth, passes) in [
            (1, true),
            (499, true),
            (500, true),
            (501, false),
            (4000, false),
        ] {
            let text = format!("{}0{}", open.repeat(depth), close.repeat(depth));
            let result = check(text.as_bytes());
            assert_eq!(result.is_ok(), passes, "{depth}");
            if !passes {
                let at = open.len() * MAX_DEPTH;
                let kind = FaultKind::TooDeep;
                assert_eq!(result, Err(JsonFault { kind, at }));
            }
            // However deep, the end is found.
            assert_eq!(value_end(text.as_bytes(), 0).unwrap().1, text.len());
            let wrapped = format!("{{\"a\":{text}}}");
            let walked = checked_members(&wrapped).and_then(Members::finish);
            assert_eq!(walked.is_ok(), depth < MAX_DEPTH, "{depth}");
            assert_eq!(members(wrapped.as_bytes(), 0).unwrap().count(), 1);
        }
    }
}

#[test]
fn mixed_brackets_deep_down_are_told_apart() {
    let depth = 400;
    let open = "[{\"a\":".repeat(depth / 2);
    let close = "}]".repeat(depth / 2);
    assert!(check(format!("{open}0{close}").as_bytes()).is_ok());
    let wrong = close.replacen("}]", "]}", 1);
    assert!(check(format!("{open}0{wrong}").as_bytes()).is_err());
}

#[test]
fn a_million_levels_are_crossed_in_constant_stack() {
    let text = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert_eq!(value_end(text.as_bytes(), 0).unwrap().1, text.len());
    assert_eq!(check(text.as_bytes()).unwrap_err().kind, FaultKind::TooDeep);
}

#[test]
fn skipping_minds_quotes_and_backslashes_only() {
    for text in [
        &b"\"\\\"\""[..],
        b"\"\\\\\"",
        b"[\"]\",\"\\\"]\"]",
        b"{\"a\xff\":\"\xc3\"}",
        b"[\x01,nonsense\"}\"]",
        b"\"0123456\\\"89abcdef\\\\\"",
    ] {
        let mut longer = text.to_vec();
        longer.extend_from_slice(b",\"more\"]");
        assert_eq!(value_end(&longer, 0).unwrap().1, text.len());
    }
    // Long strings take another road; try every length around its beginning.
    for length in 0..200 {
        for tail in ["\"", "\\\"\"", "\\\\\"", "\\\\\\\"\""] {
            let text = format!("\"{}{tail}", "x".repeat(length));
            let longer = format!("{text},\"");
            assert_eq!(value_end(longer.as_bytes(), 0).unwrap().1, text.len());
            assert_eq!(check(text.as_bytes()), Ok(JsonKind::Text));
        }
    }
}

#[test]
fn keys_are_compared_decoded_exactly_and_with_case() {
    let json = br#"{"id":1,"\u0069d":2,"Id":3,"id ":4,"\ud800":5,"\uD800":6}"#;
    let names: Vec<_> = members(json, 0)
        .unwrap()
        .map(|member| member.unwrap().key.name().into_owned())
        .collect();
    let expected: [&[u8]; 6] = [b"id", b"id", b"Id", b"id ", b"\\ud800", b"\\uD800"];
    assert_eq!(names, expected);
}

#[test]
fn what_decodes_and_what_does_not() {
    for (string, text) in [
        (r#""""#, Ok("")),
        (r#""a\u0000b""#, Ok("a\0b")),
        (r#""\ud83d\ude00""#, Ok("\u{1f600}")),
        (r#""\u00e9\/""#, Ok("é/")),
        (r#""\ud800""#, Err(DecodeError::LoneSurrogate)),
        (r#""\udc00""#, Err(DecodeError::LoneSurrogate)),
        (r#""\ud800\ud800""#, Err(DecodeError::LoneSurrogate)),
        (r#""\ud800\n""#, Err(DecodeError::LoneSurrogate)),
        (r#""\x""#, Err(DecodeError::NotAString)),
        (r#""\u12""#, Err(DecodeError::NotAString)),
        (r#""\u+123""#, Err(DecodeError::NotAString)),
        (r#""\u12é""#, Err(DecodeError::NotAString)),
        ("12", Err(DecodeError::NotAString)),
        ("\"", Err(DecodeError::NotAString)),
        ("", Err(DecodeError::NotAString)),
    ] {
        assert_eq!(
            decode(string.as_bytes()).as_deref(),
            text.as_deref(),
            "{string}"
        );
    }
    assert_eq!(decode(b"\"\xff\""), Err(DecodeError::NotUtf8));
    assert!(matches!(
        decode(b"\"plain\""),
        Ok(std::borrow::Cow::Borrowed("plain"))
    ));
}

#[test]
fn walks_end_after_a_fault() {
    let mut walk = members(b"{\"a\":1,\"b\"}", 0).unwrap();
    assert!(walk.next().unwrap().is_ok());
    assert!(walk.next().unwrap().is_err());
    assert!(walk.next().is_none());
    let mut walk = elements(b"[1,]", 0).unwrap();
    assert!(walk.next().unwrap().is_ok());
    assert!(walk.next().unwrap().is_err());
    assert!(walk.next().is_none());
}
