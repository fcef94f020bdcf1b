use super::*;
use crate::event::Category;
use crate::event::json::any_object;
use crate::event::redact::{Redaction, RedactionAction, RedactionRule, RedactionTarget};
use proptest::prelude::*;

/// A record of a real Orchestrator, shortened.
const DELETED: &str = r#"{"ServiceName":"UiPath.Orchestrator.Web.Api.OData.Controllers.RobotsController","MethodName":"Delete","Parameters":"{\"key\":454}","ExecutionTime":"2020-03-06T16:43:59.033Z","Action":"Delete","Component":"Robots","DisplayName":"test_0361_0909","EntityId":454,"OperationText":"ユーザー masatomix がロボット test_0361_0909 を削除しました","UserName":"masatomix","UserType":"User","UserId":11,"UserIsDeleted":false,"Id":6568,"Entities":[{"AuditLogId":6568,"CustomData":"{\"Id\":454}","Id":12747}]}"#;

/// An event of the unified audit in the form that UiPath documents.
const EDITED: &str = r#"{"id":"8f2b","createdOn":"2026-04-29T17:46:07.123Z","organizationId":"org-1","organizationName":"Acme Corp","tenantId":"t-1","tenantName":"Acme-Prod","actorId":"u-1","actorName":"Jane Doe","actorEmail":"jane@example.com","eventType":"Edited policy","eventSource":"Governance","eventTarget":"Policy management","eventDetails":"{\"policy\":{\"a\":1}}","eventSummary":"…","status":0,"clientInfo":{"ipAddress":"203.0.113.42","ipCountry":"US"}}"#;

/// The same event in the long-term store.
const STORED: &str = r#"{"OrganizationId":"org-1","TenantId":"t-1","ActorId":"u-1","ActorEmail":"jane@example.com","ActorDetails":null,"EventDetails":"{\"policy\":{\"a\":1}}","Status":0,"Identifier":"8f2b","DateCreatedUtc":"2026-04-29T17:46:07.1234567","User":"Jane Doe","Action":"Edited policy","Source":"Governance","Category":"Policy management","ClientInformation":{"IpAddress":"203.0.113.42","IpCountry":"US"}}"#;

fn event(record: &str) -> Event<'_> {
    normalise(record.as_bytes()).unwrap()
}

fn reason(record: &str) -> &'static str {
    normalise(record.as_bytes()).unwrap_err().reason.code()
}

#[test]
fn a_record_of_orchestrator() {
    let event = event(DELETED);
    assert_eq!(event.native_id.as_deref(), Some("6568"));
    assert_eq!(event.time_text, "2020-03-06T16:43:59.033Z");
    assert_eq!(event.tenant, None);
    assert_eq!(event.action.as_deref(), Some("Delete"));
    assert_eq!(event.category, Category::SystemConfiguration);
    assert_eq!((event.class_uid, event.activity_id), (6003, 4));
    // Nothing says that it succeeded.
    assert_eq!(
        (event.outcome, event.outcome_code),
        (Outcome::Unknown, None)
    );
    assert_eq!(event.actor_uid.as_deref(), Some("11"));
    assert_eq!(event.actor_name.as_deref(), Some("masatomix"));
    assert_eq!(event.actor_type, ActorType::User);
    assert_eq!(event.resource_type.as_deref(), Some("Robots"));
    assert_eq!(event.resource_uid.as_deref(), Some("454"));
    assert_eq!(event.resource_name.as_deref(), Some("test_0361_0909"));
    assert_eq!((event.workflow, event.execution_uid), (None, None));
    assert_eq!(event.detail.as_deref(), Some("{\"key\":454}"));
    assert_eq!(event.raw, DELETED);
}

#[test]
fn an_event_is_the_same_in_both_forms() {
    for (record, time) in [
        (EDITED, "2026-04-29T17:46:07.123Z"),
        (STORED, "2026-04-29T17:46:07.1234567"),
    ] {
        let event = event(record);
        assert_eq!(event.native_id.as_deref(), Some("8f2b"));
        assert_eq!(event.time_text, time);
        assert_eq!(event.time.timestamp_millis(), 1_777_484_767_123);
        assert_eq!(event.action.as_deref(), Some("Edited policy"));
        assert_eq!(event.category, Category::SystemConfiguration);
        assert_eq!((event.activity_id, &*event.activity_name), (3, "Update"));
        assert_eq!(event.outcome, Outcome::Success);
        assert_eq!(event.outcome_code.as_deref(), Some("0"));
        assert_eq!(event.actor_uid.as_deref(), Some("u-1"));
        assert_eq!(event.actor_name.as_deref(), Some("Jane Doe"));
        assert_eq!(event.actor_email.as_deref(), Some("jane@example.com"));
        assert_eq!(event.src_ip.as_deref(), Some("203.0.113.42"));
        assert_eq!(event.resource_type.as_deref(), Some("Policy management"));
        assert_eq!(event.namespace.as_deref(), Some("Governance"));
        assert_eq!(event.account.as_deref(), Some("org-1"));
        assert_eq!(event.detail.as_deref(), Some("{\"policy\":{\"a\":1}}"));
        assert_eq!(event.tenant, None);
    }
}

#[test]
fn outcomes_are_stated_or_unknown() {
    for (status, outcome) in [
        ("0", Outcome::Success),
        ("1", Outcome::Failure),
        ("\"1\"", Outcome::Failure),
        ("2", Outcome::Unknown),
        ("true", Outcome::Unknown),
        ("null", Outcome::Unknown),
    ] {
        let record = EDITED.replace("\"status\":0", &format!("\"status\":{status}"));
        assert_eq!(event(&record).outcome, outcome, "{status}");
    }
    assert_eq!(
        event(&EDITED.replace("\"status\"", "\"x\"")).outcome,
        Outcome::Unknown
    );
}

#[test]
fn actors_and_things_of_orchestrator() {
    let record =
        |members: &str| format!(r#"{{"Id":1,"ExecutionTime":"2026-01-01T00:00:00Z",{members}}}"#);
    for (members, uid, kind) in [
        (
            r#""UserId":5,"UserType":"DirectoryUser""#,
            Some("5"),
            ActorType::User,
        ),
        (
            r#""UserId":5,"UserType":"Robot""#,
            Some("5"),
            ActorType::Service,
        ),
        (
            r#""UserId":null,"ExternalClientId":"app","UserType":"DirectoryExternalApplication""#,
            Some("app"),
            ActorType::Service,
        ),
        (r#""UserType":"DirectoryGroup""#, None, ActorType::Unknown),
        (r#""UserType":7,"UserId":{}"#, None, ActorType::Unknown),
    ] {
        let record = record(members);
        let event = event(&record);
        assert_eq!(event.actor_uid.as_deref(), uid, "{members}");
        assert_eq!(event.actor_type, kind, "{members}");
    }
    for (component, workflow, execution) in [
        ("Processes", Some("n"), None),
        ("Jobs", None, Some("9")),
        ("Queues", None, None),
    ] {
        let record = record(&format!(
            r#""Component":"{component}","DisplayName":"n","EntityId":9"#
        ));
        let event = event(&record);
        assert_eq!(event.workflow.as_deref(), workflow, "{component}");
        assert_eq!(event.execution_uid.as_deref(), execution, "{component}");
    }
    for parameters in ["null", "7", "\"\"", "\"text\"", "\"[1]\"", "\"{\""] {
        assert_eq!(
            event(&record(&format!("\"Parameters\":{parameters}"))).detail,
            None
        );
    }
}

#[test]
fn the_form_is_that_of_the_time() {
    // A later release may add members that another form has.
    let more = DELETED.replacen(
        '{',
        r#"{"id":"x","createdOn":"2026-01-01T00:00:00Z","Identifier":"y","#,
        1,
    );
    assert_eq!(event(&more).native_id.as_deref(), Some("6568"));
    let more = EDITED.replacen('{', r#"{"Id":7,"Action":"x","Identifier":"y","Id":8,"#, 1);
    let (one, mut two) = (event(EDITED), event(&more));
    two.raw = one.raw;
    assert_eq!(format!("{one:?}"), format!("{two:?}"));
}

#[test]
fn what_cannot_become_an_event_says_why() {
    for (record, code) in [
        ("[]", "not_an_object"),
        ("{", "not_json"),
        ("{}", "no_id"),
        (r#"{"ExecutionTime":"2026-01-01T00:00:00Z"}"#, "no_id"),
        (
            r#"{"ExecutionTime":"2026-01-01T00:00:00Z","Id":""}"#,
            "no_id",
        ),
        (
            r#"{"ExecutionTime":"2026-01-01T00:00:00Z","Id":true}"#,
            "id_not_text",
        ),
        (
            r#"{"ExecutionTime":"2026-01-01T00:00:00Z","id":"x"}"#,
            "no_id",
        ),
        (r#"{"Id":5}"#, "no_time"),
        (r#"{"Id":5,"ExecutionTime":7}"#, "time_not_text"),
        (
            r#"{"Id":5,"ExecutionTime":"2026-01-01T00:00:00"}"#,
            "time_unreadable",
        ),
        (r#"{"id":"x","createdOn":"today"}"#, "time_unreadable"),
        (
            r#"{"Identifier":"x","DateCreatedUtc":"today"}"#,
            "time_unreadable",
        ),
        (r#"{"Identifier":"x","DateCreatedUtc":null}"#, "no_time"),
    ] {
        assert_eq!(reason(record), code, "{record}");
    }
    let zoned = r#"{"Identifier":"x","DateCreatedUtc":"2026-01-01T00:00:00+01:00"}"#;
    assert_eq!(event(zoned).date().to_string(), "2025-12-31");
    let nameless = UiPathMapping.identify(br#"{"Id":5,"ExecutionTime":"today"}"#);
    assert_eq!(nameless.unwrap_err().native_id.as_deref(), Some("5"));
}

/// Records of two forms that fill every column, each with a text of its own.
const FULL: [&str; 2] = [
    r#"{"Id":1,"ExecutionTime":"2026-01-01T00:00:00Z","Action":"a","Component":"Jobs","DisplayName":"~resource_name~","EntityId":"~resource_uid~","UserName":"~actor_name~","UserId":"~actor_uid~","Parameters":"{\"x\":\"~detail~\"}","Entities":["~secret~"],"OperationText":"~secret~"}"#,
    r#"{"id":"x","createdOn":"2026-01-01T00:00:00Z","eventType":"a","eventSource":"s","eventTarget":"t","actorId":"~actor_uid~","actorName":"~actor_name~","actorEmail":"~actor_email~","organizationId":"~account~","status":"~outcome_code~","eventDetails":"{\"x\":\"~detail~\"}","clientInfo":{"ipAddress":"~src_ip~"}}"#,
];

#[test]
fn a_redacted_column_is_nowhere_in_the_record() {
    for (name, _) in ORIGINS.columns {
        let rule = RedactionRule {
            target: RedactionTarget::Column((*name).to_owned()),
            action: RedactionAction::Drop,
        };
        let Ok(redaction) = Redaction::compile(&[rule], &ORIGINS, None) else {
            // What an event is filed by.
            assert!(
                ["action", "namespace", "resource_type"].contains(name),
                "{name}"
            );
            continue;
        };
        let mark = match *name {
            "workflow" => "~resource_name~".to_owned(),
            "execution_uid" => "~resource_uid~".to_owned(),
            name => format!("~{name}~"),
        };
        assert!(FULL.iter().any(|record| record.contains(&mark)), "{name}");
        for record in FULL {
            let left = redaction.apply(record.as_bytes()).unwrap();
            let text = String::from_utf8_lossy(&left);
            assert!(!text.contains(&mark), "{name}: {text}");
            assert_eq!(
                identify(&left).unwrap(),
                identify(record.as_bytes()).unwrap()
            );
        }
    }
}

proptest! {
    /// Nothing panics, and what becomes an event has the same identity.
    #[test]
    fn any_object_is_an_event_or_says_why_not(object in any_object(), form in 0..4) {
        let members = match form {
            0 => r#"{"Id":5,"ExecutionTime":"2026-11-23T10:15:30Z","#,
            1 => r#"{"id":"x","createdOn":"2026-11-23T10:15:30Z","#,
            2 => r#"{"Identifier":"x","DateCreatedUtc":"2026-11-23T10:15:30.1","#,
            _ => "{",
        };
        let record = object.replacen('{', members, 1).replace(",}", "}");
        if let Ok(event) = normalise(record.as_bytes()) {
            let identity = identify(record.as_bytes()).map_err(|it| it.unfit)?;
            prop_assert_eq!(event.native_id.as_deref(), Some(&*identity.native_id));
            prop_assert_eq!(event.time, identity.time);
        }
    }
}
