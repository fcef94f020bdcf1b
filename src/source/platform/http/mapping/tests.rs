use super::*;
use crate::event::redact::{Redaction, RedactionAction, RedactionRule, RedactionTarget};
use crate::event::unfit::Reason;
use crate::event::{ActorType, Category, Outcome};

fn pointer(text: &str) -> Pointer {
    Pointer::parse(text).unwrap()
}

fn place(text: &str, table: &[(&str, &str)], otherwise: Option<&str>) -> ColumnSource {
    let table = table.iter();
    let table = table.map(|(from, to)| ((*from).to_owned(), (*to).to_owned()));
    let table: std::collections::BTreeMap<_, _> = table.collect();
    ColumnSource::Place {
        place: pointer(text),
        table: (!table.is_empty()).then_some(table),
        otherwise: otherwise.map(str::to_owned),
    }
}

fn mapping(ids: &[&str], columns: Vec<(&'static str, Vec<ColumnSource>)>) -> DescribedMapping {
    let columns = columns.into_iter();
    DescribedMapping {
        version: 3,
        ids: ids.iter().map(|id| pointer(id)).collect(),
        time: pointer("/at"),
        instant: RecordInstant::Seconds,
        tenant: Some(pointer("/org")),
        columns: columns
            .map(|(name, sources)| DescribedColumn { name, sources })
            .collect(),
    }
}

#[test]
fn columns_come_from_places_tables_and_constants() {
    let mapping = mapping(
        &["/id"],
        vec![
            ("action", vec![place("/what", &[], None)]),
            (
                "category",
                vec![
                    place("/what", &[("LOGIN", "authentication")], None),
                    place("/on", &[("FLOW", "resource_management")], Some("other")),
                ],
            ),
            (
                "outcome",
                vec![place(
                    "/ok",
                    &[("true", "success"), ("false", "failure")],
                    None,
                )],
            ),
            ("actor_type", vec![place("/kind", &[], None)]),
            (
                "severity_id",
                vec![place("/level", &[("warn", "2")], Some("1"))],
            ),
            ("class_uid", vec![ColumnSource::Constant("3002".to_owned())]),
            (
                "activity_name",
                vec![place("/what", &[("LOGIN", "Logon")], None)],
            ),
            ("revision", vec![place("/rev", &[], None)]),
            ("account", vec![ColumnSource::Constant("acme".to_owned())]),
            (
                "detail",
                vec![place("/text", &[], None), place("/more", &[], None)],
            ),
        ],
    );
    let record =
        br#"{"id":7,"at":1.5,"org":"o","what":"LOGIN","on":"FLOW","ok":true,"kind":"service",
        "level":"warn","rev":12,"text":"no object","more":{"a": [1]}}"#;
    let event = mapping.normalise(record, None).unwrap();
    assert_eq!(event.native_id.as_deref(), Some("7"));
    assert_eq!(
        (event.time.timestamp_millis(), &*event.time_text),
        (1_500, "1.5")
    );
    assert_eq!(event.tenant.as_deref(), Some("o"));
    assert_eq!(event.action.as_deref(), Some("LOGIN"));
    assert_eq!(event.category, Category::Authentication);
    assert_eq!(event.outcome, Outcome::Success);
    assert_eq!(event.actor_type, ActorType::Service);
    assert_eq!((event.class_uid, event.severity_id), (3002, 2));
    assert_eq!(event.activity_name, "Logon");
    assert_eq!(event.revision.as_deref(), Some("12"));
    assert_eq!(event.account.as_deref(), Some("acme"));
    assert_eq!(event.detail.as_deref(), Some("{\"a\": [1]}"));
    assert_eq!((mapping.platform(), mapping.version()), ("http", 3));
}

#[test]
fn what_is_not_there_stays_unknown_and_nothing_is_inferred() {
    let mapping = mapping(
        &["/id"],
        vec![
            ("action", vec![place("/what", &[], None)]),
            (
                "category",
                vec![place("/on", &[("FLOW", "resource_management")], None)],
            ),
            ("outcome", vec![place("/ok", &[("true", "success")], None)]),
            ("actor_type", vec![place("/kind", &[], None)]),
            ("class_uid", vec![place("/class", &[], None)]),
        ],
    );
    let record = br#"{"id":"a","at":1,"what":{},"on":"?","ok":false,"kind":"robot","class":-1}"#;
    let event = mapping.normalise(record, None).unwrap();
    assert_eq!((event.action, event.category), (None, Category::Other));
    assert_eq!(event.outcome, Outcome::Unknown);
    assert_eq!(
        (event.actor_type, event.class_uid),
        (ActorType::Unknown, 6003)
    );
}

#[test]
fn parts_of_an_id_are_told_apart() {
    let mapping = mapping(&["/a", "/b/0"], Vec::new());
    let id = |record: &'static str| {
        let identity = mapping.identify(record.as_bytes()).unwrap();
        identity.native_id.into_owned()
    };
    assert_eq!(id(r#"{"a":"x","b":[1],"at":1}"#), "/x/1");
    assert_eq!(id(r#"{"a":"x/y","b":["z"],"at":1}"#), "/x~1y/z");
    assert_eq!(id(r#"{"a":"x","b":["y/z"],"at":1}"#), "/x/y~1z");
}

#[test]
fn a_record_without_id_or_time_is_quarantined_under_what_it_has() {
    let mapping = mapping(&["/id"], Vec::new());
    for (record, reason, id) in [
        (r#"{"at":1}"#, Reason::NoId, None),
        (r#"{"id":null,"at":1}"#, Reason::NoId, None),
        (r#"{"id":{},"at":1}"#, Reason::IdNotText, None),
        (r#"{"id":"a"}"#, Reason::NoTime, Some("a")),
        (r#"{"id":"a","at":"x"}"#, Reason::TimeUnreadable, Some("a")),
        (r#"{"id":"a","at":[]}"#, Reason::TimeNotText, Some("a")),
        ("[]", Reason::NoId, None),
    ] {
        let found = mapping.identify(record.as_bytes()).unwrap_err();
        assert_eq!(found.unfit.reason, reason, "{record}");
        assert_eq!(found.native_id.as_deref(), id, "{record}");
        assert!(mapping.normalise(record.as_bytes(), None).is_err());
    }
}

#[test]
fn redaction_reaches_the_places_of_a_column_and_not_what_identifies() {
    let mapping = mapping(
        &["/id"],
        vec![
            (
                "category",
                vec![place("/what", &[("A", "execution")], None)],
            ),
            (
                "actor_email",
                vec![place("/who/mail", &[], None), place("/by", &[], None)],
            ),
        ],
    );
    let compile = |target| {
        let rule = RedactionRule {
            target,
            action: RedactionAction::Mask,
        };
        Redaction::compile(&[rule], mapping.origins(), None)
    };
    let email = compile(RedactionTarget::Column("actor_email".to_owned())).unwrap();
    let places: Vec<String> = email
        .describe()
        .places
        .into_iter()
        .map(|it| it.pointer)
        .collect();
    assert_eq!(places, ["/who/mail", "/by"]);
    for identity in ["/id", "/at", "/org", "/what"] {
        assert!(compile(RedactionTarget::Pointer(identity.to_owned())).is_err());
    }
    assert!(compile(RedactionTarget::Column("src_ip".to_owned())).is_err());
}
