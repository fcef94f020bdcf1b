mod columns;

use super::*;
use crate::event::schema::EVENT_COLUMNS;
use crate::event::unfit::Reason;
use crate::source::platform::kestra::mapping::ORIGINS;

const KEY: &[u8] = b"a key of enough bytes";

fn column(name: &str, action: RedactionAction) -> RedactionRule {
    let target = RedactionTarget::Column(name.to_owned());
    RedactionRule { target, action }
}

pub(super) fn place(pointer: &str, action: RedactionAction) -> RedactionRule {
    let target = RedactionTarget::Pointer(pointer.to_owned());
    RedactionRule { target, action }
}

fn class(class: Classification, action: RedactionAction) -> RedactionRule {
    let target = RedactionTarget::Class(class);
    RedactionRule { target, action }
}

fn compile(rules: &[RedactionRule]) -> Result<Redaction, RedactionError> {
    Redaction::compile(rules, &ORIGINS, Some(KEY))
}

/// A platform whose records have no identity, so that any place may be redacted.
pub(super) const BARE: Origins = Origins {
    columns: &[],
    secret: &[],
    identity: &[],
};

pub(super) fn redact(rules: &[RedactionRule], record: &str) -> String {
    let redaction = Redaction::compile(rules, &BARE, Some(KEY)).unwrap();
    let kept = redaction.apply(record.as_bytes()).unwrap();
    String::from_utf8(kept.into_owned()).unwrap()
}

#[test]
fn dropping_takes_the_member_and_one_comma() {
    for (record, pointers, kept) in [
        (r#"{"a":1,"b":2,"c":3}"#, &["/a"][..], r#"{"b":2,"c":3}"#),
        (r#"{"a":1,"b":2,"c":3}"#, &["/b"], r#"{"a":1,"c":3}"#),
        (r#"{"a":1,"b":2,"c":3}"#, &["/c"], r#"{"a":1,"b":2}"#),
        (r#"{"a":1,"b":2,"c":3}"#, &["/a", "/b"], r#"{"c":3}"#),
        (r#"{"a":1,"b":2,"c":3}"#, &["/a", "/c"], r#"{"b":2}"#),
        (r#"{"a":1,"b":2,"c":3}"#, &["/b", "/c"], r#"{"a":1}"#),
        (r#"{"a":1,"b":2,"c":3}"#, &["/a", "/b", "/c"], "{}"),
        (r#"{"a":1,"b":2,"c":3}"#, &["/*"], "{}"),
        (
            r#"{ "a" : 1 , "b" : 2 , "c" : 3 }"#,
            &["/a"],
            r#"{ "b" : 2 , "c" : 3 }"#,
        ),
        (
            r#"{ "a" : 1 , "b" : 2 , "c" : 3 }"#,
            &["/b"],
            r#"{ "a" : 1 , "c" : 3 }"#,
        ),
        (
            r#"{ "a" : 1 , "b" : 2 , "c" : 3 }"#,
            &["/c"],
            r#"{ "a" : 1 , "b" : 2 }"#,
        ),
        (r#"{ "a" : 1 , "b" : 2 , "c" : 3 }"#, &["/*"], "{  }"),
        // Arrays close up.
        (r#"{"a":[1,2,3]}"#, &["/a/0"], r#"{"a":[2,3]}"#),
        (r#"{"a":[1,2,3]}"#, &["/a/1"], r#"{"a":[1,3]}"#),
        (r#"{"a":[1,2,3]}"#, &["/a/2", "/a/0"], r#"{"a":[2]}"#),
        (r#"{"a":[1,2,3]}"#, &["/a/*"], r#"{"a":[]}"#),
        (
            r#"{"a":[1,2,3]}"#,
            &["/a/3", "/a/-", "/a/00"],
            r#"{"a":[1,2,3]}"#,
        ),
        // Every occurrence of a doubled key, however it is written.
        (
            r#"{"a":1,"b":2,"\u0061":3,"A":4,"a":{"a":5}}"#,
            &["/a"],
            r#"{"b":2,"A":4}"#,
        ),
        // Below, with keys that need escapes in a pointer.
        (
            r#"{"x/y":{"m~n":1,"k":2},"x":{"y":3}}"#,
            &["/x~1y/m~0n"],
            r#"{"x/y":{"k":2},"x":{"y":3}}"#,
        ),
        (r#"{"":{"":1}}"#, &["//"], r#"{"":{}}"#),
        // Any member or element.
        (
            r#"{"p":[{"value":1,"op":"add"},{"op":"x"},7,{"value":{}}]}"#,
            &["/p/*/value"],
            r#"{"p":[{"op":"add"},{"op":"x"},7,{}]}"#,
        ),
        (
            r#"{"a":{"id":1},"b":[{"id":2}],"id":3}"#,
            &["/*/id", "/*/*/id"],
            r#"{"a":{},"b":[{}],"id":3}"#,
        ),
        // What is dropped as a whole is not walked into.
        (
            r#"{"a":{"b":{"c":1}},"d":1}"#,
            &["/a/b/c", "/a"],
            r#"{"d":1}"#,
        ),
        // Nulls are dropped too; what is not there is no matter.
        (
            r#"{"a":null,"b":1}"#,
            &["/a", "/nothing/here"],
            r#"{"b":1}"#,
        ),
    ] {
        let rules: Vec<_> = pointers
            .iter()
            .map(|p| place(p, RedactionAction::Drop))
            .collect();
        assert_eq!(redact(&rules, record), kept, "{record} {pointers:?}");
    }
}

#[test]
fn masking_replaces_the_value_alone() {
    for (record, kept) in [
        (r#" {"a" : "x\n" , "b":2} "#, r#" {"a" : "***" , "b":2} "#),
        (r#"{"a":{"deep":[1,2]}}"#, r#"{"a":"***"}"#),
        (r#"{"a":[]}"#, r#"{"a":"***"}"#),
        (r#"{"a":1.0e5}"#, r#"{"a":"***"}"#),
        (r#"{"a":false,"a":""}"#, r#"{"a":"***","a":"***"}"#),
        (r#"{"a":null}"#, r#"{"a":null}"#),
    ] {
        assert_eq!(redact(&[place("/a", RedactionAction::Mask)], record), kept);
    }
}

#[test]
fn hashes_tell_equal_from_different_and_nothing_else() {
    let hash = |value: &str| {
        let record = format!(r#"{{"a":{value}}}"#);
        redact(&[place("/a", RedactionAction::Hmac)], &record)
    };
    let anna = hash(r#""anna""#);
    let digest = anna.strip_prefix(r#"{"a":"hmac:"#).unwrap();
    let digest = digest.strip_suffix(r#""}"#).unwrap();
    assert_eq!(digest.len(), 64);
    // An independent computation (Python's hmac module) of the documented message.
    assert_eq!(
        digest,
        "46e679159a34b609a93b424dc403396fa45d9832ed90925e8398db5a7e870e31"
    );
    assert_eq!(anna, hash(r#""\u0061nna""#));
    for other in [
        r#""Anna""#,
        r#""anna ""#,
        "\"\\\"anna\\\"\"",
        "1",
        "1.0",
        "true",
        "{}",
        "[]",
        r#""1""#,
        r#""\ud800""#,
    ] {
        assert_ne!(anna, hash(other), "{other}");
    }
    assert_ne!(hash("1"), hash(r#""1""#));
    assert_ne!(hash("1"), hash("1.0"));
    assert_eq!(hash("null"), r#"{"a":null}"#);
    // Wherever it stands.
    let both = redact(
        &[place("/*", RedactionAction::Hmac)],
        r#"{"a":"anna","b":"anna"}"#,
    );
    assert_eq!(both.matches(digest).count(), 2);
    // Another key, another hash.
    let rules = [place("/a", RedactionAction::Hmac)];
    let other = Redaction::compile(&rules, &BARE, Some(b"another key of enough bytes")).unwrap();
    let kept = other.apply(br#"{"a":"anna"}"#).unwrap();
    assert_ne!(kept, anna.as_bytes());
}

#[test]
fn of_two_rules_for_one_place_the_earlier_counts() {
    let record = r#"{"a":{"b":1},"c":1}"#;
    for (rules, kept) in [
        (
            [
                place("/a", RedactionAction::Mask),
                place("/a", RedactionAction::Drop),
            ],
            r#"{"a":"***","c":1}"#,
        ),
        (
            [
                place("/a", RedactionAction::Drop),
                place("/a", RedactionAction::Mask),
            ],
            r#"{"c":1}"#,
        ),
        (
            [
                place("/a", RedactionAction::Mask),
                place("/*", RedactionAction::Drop),
            ],
            r#"{"a":"***"}"#,
        ),
        (
            [
                place("/*", RedactionAction::Drop),
                place("/a", RedactionAction::Mask),
            ],
            "{}",
        ),
        // What holds another place takes it along.
        (
            [
                place("/a/b", RedactionAction::Drop),
                place("/a", RedactionAction::Mask),
            ],
            r#"{"a":"***","c":1}"#,
        ),
    ] {
        assert_eq!(redact(&rules, record), kept);
    }
    let rules = [
        column("src_ip", RedactionAction::Drop),
        class(Classification::Sensitive, RedactionAction::Mask),
    ];
    let kept = compile(&rules).unwrap();
    let kept = kept
        .apply(br#"{"ipAddress":"1.2.3.4","userId":"u"}"#)
        .unwrap();
    assert_eq!(&*kept, br#"{"userId":"***"}"#);
}

#[test]
fn rules_that_cannot_be_applied() {
    use RedactionError as E;
    for required in EVENT_COLUMNS
        .iter()
        .filter(|c| c.required && c.name != "raw")
    {
        let error = compile(&[column(required.name, RedactionAction::Mask)]).unwrap_err();
        assert_eq!(error, E::RequiredColumn(required.name.to_owned()));
    }
    for (rule, error) in [
        (
            column("native_id", RedactionAction::Drop),
            E::RequiredColumn("native_id".into()),
        ),
        (
            column("tenant", RedactionAction::Hmac),
            E::RequiredColumn("tenant".into()),
        ),
        (
            column("email", RedactionAction::Drop),
            E::UnknownColumn("email".into()),
        ),
        (column("raw", RedactionAction::Drop), E::WholeRecord),
        (
            class(Classification::Public, RedactionAction::Drop),
            E::PublicClass,
        ),
        (
            place("ipAddress", RedactionAction::Drop),
            E::Pointer(PointerError::NoSlash("ipAddress".into())),
        ),
    ] {
        assert_eq!(compile(&[rule]).unwrap_err(), error);
    }
    for (pointer, identity) in [
        ("", "/id"),
        ("/id", "/id"),
        ("/*", "/id"),
        ("/date", "/date"),
        ("/tenantId", "/tenantId"),
        ("/type", "/type"),
    ] {
        let rule = format!("pointer {pointer}");
        assert_eq!(
            compile(&[place(pointer, RedactionAction::Mask)]).unwrap_err(),
            E::Identity {
                rule,
                identity: identity.to_owned(),
            }
        );
    }
    // The type of a record is what the category is made of.
    assert_eq!(
        compile(&[column("action", RedactionAction::Hmac)]).unwrap_err(),
        E::Identity {
            rule: "column action".to_owned(),
            identity: "/type".to_owned(),
        }
    );
    // Columns that Kestra never fills: hiding them would hide nothing.
    let rules = [
        column("src_ip", RedactionAction::Drop),
        column("user_agent", RedactionAction::Drop),
    ];
    assert_eq!(
        compile(&rules).unwrap_err(),
        E::Nothing("column user_agent".to_owned())
    );
    let secret = [class(Classification::Secret, RedactionAction::Drop)];
    assert_eq!(
        Redaction::compile(&secret, &BARE, None).unwrap_err(),
        E::Nothing("class secret".to_owned())
    );
    for pointer in [
        "/Id",
        "/detail/id",
        "/*/id",
        "/detail/*",
        "/appliedPatch/*/value",
    ] {
        assert!(
            compile(&[place(pointer, RedactionAction::Drop)]).is_ok(),
            "{pointer}"
        );
    }
    let hashes = [place("/a", RedactionAction::Hmac)];
    for (key, error) in [
        (None, E::NoKey),
        (Some(&b""[..]), E::ShortKey(0)),
        (Some(&[7; 15][..]), E::ShortKey(15)),
    ] {
        assert_eq!(Redaction::compile(&hashes, &BARE, key).unwrap_err(), error);
    }
    assert!(Redaction::compile(&[place("/a", RedactionAction::Mask)], &BARE, None).is_ok());
}

#[test]
fn no_rules_mean_the_same_bytes() {
    let redaction = Redaction::none();
    assert!(redaction.is_none() && compile(&[]).unwrap().is_none());
    for bytes in [&b"{\"a\":1}"[..], b"not json \xff", b""] {
        assert!(matches!(redaction.apply(bytes), Ok(Cow::Borrowed(same)) if same == bytes));
        assert!(matches!(redaction.apply_user(bytes), Some(Cow::Borrowed(same)) if same == bytes));
    }
    assert!(!redaction.withholds(&Unfit::because(Reason::NotJson)));
    // Rules that meet nothing copy nothing.
    let redaction = compile(&[column("src_ip", RedactionAction::Drop)]).unwrap();
    assert!(matches!(
        redaction.apply(b"{\"a\":1}"),
        Ok(Cow::Borrowed(_))
    ));
}

#[test]
fn what_cannot_be_redacted_is_not_kept() {
    // A rule about the user alone counts as well: such bytes may hold anything.
    for rule in [
        column("src_ip", RedactionAction::Mask),
        column("actor_email", RedactionAction::Mask),
    ] {
        let redaction = compile(&[rule]).unwrap();
        let deep = format!("{{\"ipAddress\":{}1{}}}", "[".repeat(500), "]".repeat(500));
        for (bytes, reason) in [
            (&b"{\"ipAddress\":\"10.0.0.1\""[..], Reason::NotJson),
            (b"{\"ipAddress\":\"10.0.0.1\xff\"}", Reason::NotUtf8),
            (b"\"10.0.0.1\"", Reason::NotAnObject),
            (deep.as_bytes(), Reason::TooDeep),
        ] {
            assert_eq!(redaction.apply(bytes).unwrap_err().reason, reason);
        }
        assert_eq!(redaction.apply_user(b"{\"email\":"), None);
        // Well-formed, but not known to be a record.
        for reason in Reason::ALL {
            let kept = matches!(
                reason,
                Reason::TooLarge
                    | Reason::TimeNotText
                    | Reason::TimeUnreadable
                    | Reason::TimeOutOfRange
                    | Reason::Changed
            );
            assert_eq!(
                redaction.withholds(&Unfit::because(reason)),
                !kept,
                "{reason:?}"
            );
        }
    }
}

#[test]
fn the_description_says_what_is_done_and_no_secret() {
    let rules = [
        column("src_ip", RedactionAction::Hmac),
        class(Classification::Secret, RedactionAction::Drop),
        column("actor_email", RedactionAction::Mask),
        place("/extra/*", RedactionAction::Drop),
    ];
    let redaction = compile(&rules).unwrap();
    let description = redaction.describe();
    let places: Vec<_> = description
        .places
        .iter()
        .map(|p| format!("{} {} {} ({})", p.action, p.part, p.pointer, p.rule))
        .collect();
    assert_eq!(
        places,
        [
            "hmac record /ipAddress (column src_ip)",
            "drop record /detail (class secret)",
            "drop record /appliedPatch (class secret)",
            "drop record /revertPatch (class secret)",
            "drop record /extra/* (pointer /extra/*)",
            "mask user /email (column actor_email)",
        ]
    );
    assert_eq!(description.key_id.as_deref().map(str::len), Some(16));
    let other = Redaction::compile(&rules, &ORIGINS, Some(&[9; 32])).unwrap();
    assert_ne!(other.describe().key_id, description.key_id);
    let shown = format!(
        "{redaction:?} {}",
        serde_json::to_string(&description).unwrap()
    );
    assert!(!shown.contains("enough"));
    assert_eq!(compile(&rules[1..]).unwrap().describe().key_id, None);
}
