use chrono::SecondsFormat;
use proptest::prelude::*;

use super::*;
use crate::event::json::any_object;
use crate::event::unfit::MAX_RECORD_BYTES;
use crate::event::{Category, Outcome};

const V2: &str = r#"{"tenantId":"main","id":"2YkiECb7oEsrdPgqwxFadW","type":"UPDATE","detail":{"type":"io.kestra.ee.models.audits.details.FlowAuditLog","resource":"FLOW","resourceType":"FLOW","id":"daily_load","namespace":"company.team","flowId":"daily_load","revision":7},"date":"2026-11-23T10:15:30.123Z","userId":"4nXc0l8bQ1mV7sT2rKpYza","ipAddress":"10.4.2.17","impersonatedBy":"9Lm","appliedPatch":[{"op":"replace","path":"/tasks/0/message","value":"hi"}]}"#;
const USER: &str = r#"{"type":"STANDARD","username":"anna@kestra.io","email":"anna@kestra.io","instanceOwner":false,"id":"4nXc0l8bQ1mV7sT2rKpYza","groupList":[],"providers":[]}"#;

fn event<'a>(record: &'a str) -> Event<'a> {
    normalise(record.as_bytes(), None).unwrap()
}

fn reason(record: &[u8]) -> &'static str {
    normalise(record, None).unwrap_err().reason.code()
}

/// A fit record with these members added.
fn with(members: &str) -> String {
    format!(r#"{{"id":"x","date":"2026-11-23T10:15:30Z",{members}}}"#)
}

#[test]
fn a_record_of_ee_2() {
    let event = normalise(V2.as_bytes(), Some(USER.as_bytes())).unwrap();
    assert_eq!(event.native_id.as_deref(), Some("2YkiECb7oEsrdPgqwxFadW"));
    assert_eq!(event.time_text, "2026-11-23T10:15:30.123Z");
    assert_eq!(
        event.time.to_rfc3339_opts(SecondsFormat::Nanos, true),
        "2026-11-23T10:15:30.123000000Z"
    );
    assert_eq!(event.date().to_string(), "2026-11-23");
    assert_eq!(event.tenant.as_deref(), Some("main"));
    assert_eq!(event.category, Category::ResourceManagement);
    assert_eq!((event.class_uid, event.activity_id), (6003, 3));
    assert_eq!((&*event.activity_name, event.severity_id), ("Update", 1));
    assert_eq!(event.action.as_deref(), Some("UPDATE"));
    assert_eq!(event.outcome, Outcome::Unknown);
    assert_eq!(event.actor_uid.as_deref(), Some("4nXc0l8bQ1mV7sT2rKpYza"));
    assert_eq!(event.actor_name.as_deref(), Some("anna@kestra.io"));
    assert_eq!(event.actor_email.as_deref(), Some("anna@kestra.io"));
    assert_eq!(event.actor_type, ActorType::User);
    assert_eq!(event.actor_impersonated_by.as_deref(), Some("9Lm"));
    assert_eq!(event.src_ip.as_deref(), Some("10.4.2.17"));
    assert_eq!(event.resource_type.as_deref(), Some("FLOW"));
    assert_eq!(event.resource_uid.as_deref(), Some("daily_load"));
    assert_eq!(event.namespace.as_deref(), Some("company.team"));
    assert_eq!(event.workflow.as_deref(), Some("daily_load"));
    assert_eq!(event.execution_uid, None);
    assert_eq!(event.revision.as_deref(), Some("7"));
    let detail = event.detail.unwrap();
    assert!(detail.starts_with(r#"{"type":"io.kestra"#) && detail.ends_with(r#""revision":7}"#));
    assert!(V2.contains(&*detail));
    // Nothing was copied.
    assert!(matches!(detail, Cow::Borrowed(_)));
}

#[test]
fn resources_in_every_dialect() {
    for (detail, resource, category) in [
        (
            r#"{"resource":"KVSTORE","resourceType":"KVSTORE"}"#,
            "KVSTORE",
            Category::DataAccess,
        ),
        (
            r#"{"permission":"KVSTORE","resourceType":"KV_STORE"}"#,
            "KV_STORE",
            Category::DataAccess,
        ),
        (
            r#"{"cls":"io.kestra.core.models.flows.Flow","permission":"FLOW"}"#,
            "FLOW",
            Category::ResourceManagement,
        ),
        (r#"{"resource":"SECRET"}"#, "SECRET", Category::DataAccess),
        // An unknown name is data; a known one beside it still files the event.
        (
            r#"{"resourceType":"UNKNOWN","permission":"ROLE"}"#,
            "UNKNOWN",
            Category::AccessControl,
        ),
        (
            r#"{"resourceType":"HOVERCRAFT"}"#,
            "HOVERCRAFT",
            Category::Other,
        ),
        // A name of another type is passed over.
        (
            r#"{"resourceType":["FLOW"],"resource":"EXECUTION"}"#,
            "EXECUTION",
            Category::Execution,
        ),
    ] {
        let record = with(&format!(r#""type":"CREATE","detail":{detail}"#));
        let event = event(&record);
        assert_eq!(event.resource_type.as_deref(), Some(resource), "{detail}");
        assert_eq!(event.category, category, "{detail}");
        assert_eq!(event.detail.as_deref(), Some(detail));
    }
}

#[test]
fn actors() {
    for (uid, user, kind, name) in [
        (
            "u",
            Some(r#"{"type":"STANDARD","username":"anna"}"#),
            ActorType::User,
            Some("anna"),
        ),
        (
            "u",
            Some(r#"{"type":"SERVICE_ACCOUNT","name":"bot"}"#),
            ActorType::Service,
            Some("bot"),
        ),
        (
            "u",
            Some(r#"{"type":"ROBOT","username":"r2"}"#),
            ActorType::Unknown,
            Some("r2"),
        ),
        (
            "u",
            Some(r#"{"username":"a","username":"b"}"#),
            ActorType::Unknown,
            Some("a"),
        ),
        (
            "u",
            Some(r#"{"username":5,"type":{}}"#),
            ActorType::Unknown,
            None,
        ),
        ("u", Some("{}"), ActorType::Unknown, None),
        ("u", None, ActorType::Unknown, None),
        ("system", None, ActorType::System, None),
        (
            "system",
            Some(r#"{"type":"STANDARD","username":"s"}"#),
            ActorType::System,
            Some("s"),
        ),
        // A broken user enriches as far as it goes and spoils nothing.
        (
            "u",
            Some(r#"{"username":"anna","type":nonsense}"#),
            ActorType::Unknown,
            Some("anna"),
        ),
        ("u", Some("not json"), ActorType::Unknown, None),
    ] {
        let record = with(&format!(r#""userId":"{uid}""#));
        let event = normalise(record.as_bytes(), user.map(str::as_bytes)).unwrap();
        assert_eq!(event.actor_uid.as_deref(), Some(uid));
        assert_eq!(event.actor_type, kind, "{user:?}");
        assert_eq!(event.actor_name.as_deref(), name, "{user:?}");
    }
    let user = b"{\"username\":\"caf\xe9\",\"email\":\"a@b\"}";
    let record = with(r#""userId":"u""#);
    let event = normalise(record.as_bytes(), Some(user)).unwrap();
    assert_eq!(event.actor_name, None);
    assert_eq!(event.actor_email.as_deref(), Some("a@b"));
}

#[test]
fn outcome_is_stated_or_unknown() {
    for (action, outcome) in [
        ("LOGIN", Outcome::Success),
        ("LOGIN_FAILURE", Outcome::Failure),
        ("ACCOUNT_LOCKED", Outcome::Failure),
        ("LOGOUT", Outcome::Unknown),
        ("DELETE", Outcome::Unknown),
    ] {
        let record = with(&format!(
            r#""type":"{action}","detail":{{"resourceType":"USER"}}"#
        ));
        assert_eq!(event(&record).outcome, outcome);
    }
}

#[test]
fn what_is_unfit() {
    for (record, code) in [
        (&b""[..], "not_json"),
        (b"nonsense", "not_json"),
        (b"{\"id\":\"x\"", "not_json"),
        (
            b"{\"id\":\"x\",\"date\":\"2026-11-23T10:15:30Z\"} x",
            "not_json",
        ),
        (b"null", "not_an_object"),
        (b"[]", "not_an_object"),
        (b" \"text\"", "not_an_object"),
        (b"{}", "no_id"),
        (b"{\"id\":null,\"date\":\"2026-11-23T10:15:30Z\"}", "no_id"),
        (b"{\"id\":\"\",\"date\":\"2026-11-23T10:15:30Z\"}", "no_id"),
        (b"{\"Id\":\"x\",\"date\":\"2026-11-23T10:15:30Z\"}", "no_id"),
        (
            b"{\"id\":7,\"date\":\"2026-11-23T10:15:30Z\"}",
            "id_not_text",
        ),
        (
            b"{\"id\":\"\\ud800\",\"date\":\"2026-11-23T10:15:30Z\"}",
            "id_not_text",
        ),
        (b"{\"id\":\"x\"}", "no_time"),
        (b"{\"id\":\"x\",\"date\":null}", "no_time"),
        (b"{\"id\":\"x\",\"date\":1763892930}", "time_not_text"),
        (b"{\"id\":\"x\",\"date\":\"\\ud800\"}", "time_not_text"),
        (b"{\"id\":\"x\",\"date\":\"\"}", "time_unreadable"),
        (b"{\"id\":\"x\",\"date\":\"yesterday\"}", "time_unreadable"),
        (
            b"{\"id\":\"x\",\"date\":\"2026-11-23T10:15:30\"}",
            "time_unreadable",
        ),
        (
            b"{\"id\":\"x\",\"date\":\"0000-01-01T00:00:00Z\"}",
            "time_out_of_range",
        ),
        (
            b"{\"id\":\"x\",\"date\":\"+10000-01-01T00:00:00Z\"}",
            "time_out_of_range",
        ),
        (
            b"{\"id\":\"x\",\"date\":\"9999-12-31T23:30:00-01:00\"}",
            "time_out_of_range",
        ),
        // What is wrong anywhere in the record comes before what is missing.
        (b"{\"a\":\"\xff\"}", "not_utf8"),
        (
            b"{\"auditLog\":{},\"id\":\"x\",\"date\":\"2026-11-23T10:15:30Z\"}",
            "no_record",
        ),
    ] {
        assert_eq!(reason(record), code, "{}", String::from_utf8_lossy(record));
    }
    assert_eq!(reason(&vec![b' '; MAX_RECORD_BYTES + 1]), "too_large");
}

#[test]
fn the_words_of_a_reason_hold_nothing_of_the_record() {
    for record in [
        "{\"id\":\"S3CRET\",\"date\":\"S3CRET\"}",
        "{\"S3CRET\":S3CRET}",
        "{\"S3CRET\":\"\\S3CRET\"}",
        "S3CRET",
    ] {
        let unfit = normalise(record.as_bytes(), None).unwrap_err();
        assert!(!format!("{unfit} {unfit:?}").contains("S3CRET"));
    }
    let unfit = normalise(b"{\"a\":1,}", None).unwrap_err();
    assert_eq!(
        unfit.to_string(),
        "the record is not JSON: expected a key at byte 7"
    );
}

#[test]
fn an_inner_field_of_another_type_leaves_its_column_null() {
    for value in ["null", "\"text\"", "7", "[]", "true", "\"\\ud800\""] {
        let record = with(&format!(r#""type":"UPDATE","detail":{value}"#));
        let event = event(&record);
        assert_eq!(event.detail, None, "{value}");
        assert_eq!(event.resource_type, None);
        assert_eq!(event.category, Category::Other);
    }
    for value in ["null", "{}", "[]", "true", "\"\\ud800\""] {
        let record = with(&format!(
            r#""tenantId":{value},"type":{value},"userId":{value},"ipAddress":{value},"impersonatedBy":{value},"detail":{{"id":{value},"namespace":{value},"flowId":{value},"executionId":{value},"revision":{value},"resourceType":{value}}}"#
        ));
        let event = event(&record);
        for column in [
            &event.tenant,
            &event.action,
            &event.actor_uid,
            &event.src_ip,
            &event.actor_impersonated_by,
            &event.resource_uid,
            &event.namespace,
            &event.workflow,
            &event.execution_uid,
            &event.revision,
            &event.resource_type,
        ] {
            assert_eq!(*column, None, "{value}");
        }
        assert!(event.detail.is_some());
    }
}

#[test]
fn revisions_stay_as_written() {
    for (written, column) in [
        ("7", "7"),
        ("7.0", "7.0"),
        ("1e5", "1e5"),
        ("9007199254740993", "9007199254740993"),
        ("\"7\"", "7"),
        ("\"rev \\u0041\"", "rev A"),
    ] {
        let record = with(&format!(r#""detail":{{"revision":{written}}}"#));
        assert_eq!(event(&record).revision.as_deref(), Some(column));
    }
}

#[test]
fn doubled_keys_and_keys_that_differ_in_case() {
    let record = br#"{"id":"first","ID":"x","id":"second","\u0069d":"third","date":"2026-11-23T10:15:30Z","Date":"nonsense","date":null,"detail":{"id":"a","Id":"b","id":"c"},"detail":null}"#;
    let event = normalise(record, None).unwrap();
    assert_eq!(event.native_id.as_deref(), Some("first"));
    assert_eq!(event.resource_uid.as_deref(), Some("a"));
    assert_eq!(
        event.detail.as_deref(),
        Some(r#"{"id":"a","Id":"b","id":"c"}"#)
    );
    assert_eq!(identify(record).unwrap().native_id, "first");
    // The first counts even where only a later one would do.
    assert_eq!(
        reason(br#"{"id":7,"id":"x","date":"2026-11-23T10:15:30Z"}"#),
        "id_not_text"
    );
}

#[test]
fn unknown_fields_change_nothing() {
    let more = V2.replacen(
        '{',
        r#"{"new":{"deep":[1,{"id":"no"}]},"deleted":false,"#,
        1,
    );
    let user = Some(USER.as_bytes());
    let one = normalise(V2.as_bytes(), user).unwrap();
    let mut two = normalise(more.as_bytes(), user).unwrap();
    assert_eq!(two.raw, more);
    two.raw = one.raw;
    assert_eq!(format!("{one:?}"), format!("{two:?}"));
}

#[test]
fn text_in_columns_is_true_whatever_it_does_to_terminals_and_pages() {
    for (written, text) in [
        (r"\u001b[31mred", "\u{1b}[31mred"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("\u{202e}txt.exe", "\u{202e}txt.exe"),
        (r"a\u0000b", "a\0b"),
        (r"\ud83d\ude00", "\u{1f600}"),
        ("=1+1", "=1+1"),
    ] {
        let record = with(&format!(r#""detail":{{"namespace":"{written}"}}"#));
        assert_eq!(event(&record).namespace.as_deref(), Some(text));
    }
}

#[test]
fn the_date_is_that_of_utc() {
    // Both daylight-saving nights of Europe and of New York, and offsets across midnight.
    for (time, date) in [
        ("2026-03-29T00:59:59.999Z", "2026-03-29"),
        ("2026-03-29T01:00:00Z", "2026-03-29"),
        ("2026-03-29T00:30:00+01:00", "2026-03-28"),
        ("2026-10-25T02:30:00+02:00", "2026-10-25"),
        ("2026-10-25T02:30:00+01:00", "2026-10-25"),
        ("2026-11-01T01:30:00-04:00", "2026-11-01"),
        ("2026-11-01T23:30:00-05:00", "2026-11-02"),
    ] {
        let record = format!(r#"{{"id":"x","date":"{time}"}}"#);
        assert_eq!(event(&record).date().to_string(), date, "{time}");
    }
}

#[test]
fn an_identity_is_cheap_and_looks_no_further_than_it_must() {
    let record = br#"{"tenantId":"main","date":"2026-11-23T10:15:30.000000001Z","id":"x",nonsense"#;
    let identity = identify(record).unwrap();
    assert_eq!(
        (&*identity.native_id, identity.tenant.as_deref()),
        ("x", Some("main"))
    );
    assert_eq!(identity.time.timestamp_subsec_nanos(), 1);
    // What cannot become an event may still say which record it is.
    let record = b"{\"id\":\"x\",\"date\":\"2026-11-23T10:15:30Z\",\"n\":\"\xff\"}";
    assert_eq!(identify(record).unwrap().native_id, "x");
    assert_eq!(reason(record), "not_utf8");
}

proptest! {
    #[test]
    fn whatever_is_normalised_has_the_same_identity(object in any_object(), id in "[a-z\\\\\"]{1,4}", at in any::<prop::sample::Index>()) {
        let id = serde_json::to_string(&id)?;
        let mut members = vec![
            format!("\"id\":{id}"),
            "\"date\":\"2026-11-23T10:15:30.5+01:00\"".to_owned(),
        ];
        let inner = object[1..object.len() - 1].trim();
        if !inner.is_empty() {
            members.insert(at.index(3), inner.to_owned());
        }
        let record = format!("{{{}}}", members.join(","));
        if let Ok(event) = normalise(record.as_bytes(), None) {
            let identity = identify(record.as_bytes()).map_err(|it| it.unfit)?;
            prop_assert_eq!(Some(identity.native_id), event.native_id);
            prop_assert_eq!(identity.time, event.time);
            prop_assert_eq!(identity.tenant, event.tenant);
        }
    }

    #[test]
    fn any_bytes_are_an_event_or_unfit(bytes in prop::collection::vec(any::<u8>(), 0..300), object in any_object()) {
        for record in [&bytes[..], object.as_bytes()] {
            let _ = identify(record);
            let _ = normalise(record, Some(record));
        }
    }
}

#[test]
fn a_joined_user_is_the_actor_only_where_the_ids_are_the_same() {
    let record = |member: &str| format!(r#"{{"id":"x","date":"2026-01-01T00:00:00Z"{member}}}"#);
    for (member, user, expected) in [
        (r#","userId":"u1""#, r#"{"id":"u1"}"#, true),
        (r#","userId":"u1""#, r#"{"id":"u2"}"#, false),
        (r#","userId":"u1""#, r#"{"id":"\u00751"}"#, true),
        // Of doubled keys the first counts, on both sides.
        (
            r#","userId":"u1","userId":"u2""#,
            r#"{"id":"u1","id":"u3"}"#,
            true,
        ),
        (r#","userId":"u1""#, r#"{"id":5}"#, false),
        (r#","userId":5"#, r#"{"id":"5"}"#, false),
        ("", r#"{"id":"u1"}"#, false),
        (r#","userId":"u1""#, r#"{"username":"anna"}"#, true),
        (
            r#","userId":"u1""#,
            r#"{"id":null,"username":"anna"}"#,
            true,
        ),
        (r#","userId":"u1""#, "nonsense", true),
    ] {
        let record = record(member);
        let found = is_actor(record.as_bytes(), user.as_bytes());
        assert_eq!(found, expected, "{member} {user}");
    }
}
