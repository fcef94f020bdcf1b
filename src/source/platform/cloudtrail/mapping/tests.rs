use super::*;
use crate::event::Category;
use crate::event::json::any_object;
use crate::event::redact::{Redaction, RedactionAction, RedactionRule, RedactionTarget};
use proptest::prelude::*;

/// A call as the documentation of Step Functions shows it.
const START: &str = r#"{"eventVersion":"1.04","userIdentity":{"type":"IAMUser","principalId":"AIDAJYDLDBVBI4EXAMPLE","arn":"arn:aws:iam::123456789012:user/test-user","accountId":"123456789012","accessKeyId":"AKIAJL5C75K4ZEXAMPLE","userName":"test-user"},"eventTime":"2016-10-28T01:17:25Z","eventSource":"states.amazonaws.com","eventName":"StartExecution","awsRegion":"us-east-1","sourceIPAddress":"10.61.88.189","userAgent":"Coral/Netty","requestParameters":{"input":"{}","stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:daily","name":"run-1"},"responseElements":{"startDate":"Oct 28, 2016 1:17:25 AM","executionArn":"arn:aws:states:us-east-1:123456789012:execution:daily:run-1"},"requestID":"264c6f08-9cac-11e6-aed5-5b57d226e9ef","eventID":"30a20c8e-a3a1-4b07-9139-cd9cd73b5eb8","eventType":"AwsApiCall","recipientAccountId":"123456789012"}"#;

fn event(record: &str) -> Event<'_> {
    normalise(record.as_bytes()).unwrap()
}

fn reason(record: &[u8]) -> &'static str {
    normalise(record).unwrap_err().reason.code()
}

/// A fit record with these members added.
fn with(members: &str) -> String {
    format!(r#"{{"eventID":"x","eventTime":"2026-11-23T10:15:30Z",{members}}}"#)
}

#[test]
fn a_call_of_step_functions() {
    let event = event(START);
    assert_eq!(
        event.native_id.as_deref(),
        Some("30a20c8e-a3a1-4b07-9139-cd9cd73b5eb8")
    );
    assert_eq!(event.time_text, "2016-10-28T01:17:25Z");
    assert_eq!(event.tenant.as_deref(), Some("123456789012"));
    assert_eq!(event.account.as_deref(), Some("123456789012"));
    assert_eq!(event.region.as_deref(), Some("us-east-1"));
    assert_eq!(event.action.as_deref(), Some("StartExecution"));
    assert_eq!(event.namespace.as_deref(), Some("states.amazonaws.com"));
    assert_eq!(event.category, Category::Execution);
    assert_eq!((event.activity_id, &*event.activity_name), (99, "Start"));
    assert_eq!(event.outcome, Outcome::Unknown);
    assert_eq!(
        event.actor_uid.as_deref(),
        Some("arn:aws:iam::123456789012:user/test-user")
    );
    assert_eq!(event.actor_name.as_deref(), Some("test-user"));
    assert_eq!(event.actor_type, ActorType::User);
    assert_eq!(event.actor_impersonated_by, None);
    assert_eq!(event.src_ip.as_deref(), Some("10.61.88.189"));
    assert_eq!(event.user_agent.as_deref(), Some("Coral/Netty"));
    assert_eq!(event.resource_type.as_deref(), Some("stateMachine"));
    assert_eq!(event.resource_name.as_deref(), Some("daily"));
    assert_eq!(event.workflow.as_deref(), Some("daily"));
    let execution = "arn:aws:states:us-east-1:123456789012:execution:daily:run-1";
    assert_eq!(event.execution_uid.as_deref(), Some(execution));
    let machine = "arn:aws:states:us-east-1:123456789012:stateMachine:daily";
    assert_eq!(event.resource_uid.as_deref(), Some(machine));
    assert_eq!(
        event.correlation_uid.as_deref(),
        Some("264c6f08-9cac-11e6-aed5-5b57d226e9ef")
    );
    let detail = event.detail.unwrap();
    assert!(detail.starts_with(r#"{"input":"#) && START.contains(&*detail));
    assert!(matches!(detail, Cow::Borrowed(_)));
}

/// That nothing is said of an error is no success.
#[test]
fn outcomes() {
    for (members, outcome, code) in [
        (r#""a":1"#, Outcome::Unknown, None),
        (r#""errorCode":null"#, Outcome::Unknown, None),
        (r#""errorCode":"""#, Outcome::Unknown, None),
        (
            r#""errorCode":"AccessDenied","errorMessage":"no""#,
            Outcome::Failure,
            Some("AccessDenied"),
        ),
        (
            r#""eventName":"ConsoleLogin","responseElements":{"ConsoleLogin":"Success"}"#,
            Outcome::Success,
            None,
        ),
        (
            r#""eventName":"ConsoleLogin","responseElements":{"ConsoleLogin":"Failure"}"#,
            Outcome::Failure,
            None,
        ),
        (
            r#""responseElements":{"ConsoleLogin":"Maybe"}"#,
            Outcome::Unknown,
            None,
        ),
    ] {
        let record = with(members);
        let event = event(&record);
        assert_eq!(event.outcome, outcome, "{members}");
        assert_eq!(event.outcome_code.as_deref(), code, "{members}");
    }
}

#[test]
fn actors() {
    let role = r#"{"type":"AssumedRole","principalId":"AROA:scheduler","arn":"arn:role","sessionContext":{"sessionIssuer":{"type":"Role","userName":"Admin"}},"invokedBy":"ecs.amazonaws.com"}"#;
    for (identity, uid, name, kind, by) in [
        (
            role,
            Some("arn:role"),
            Some("Admin/scheduler"),
            ActorType::Unknown,
            Some("ecs.amazonaws.com"),
        ),
        (
            r#"{"type":"Root","accountId":"1","arn":"arn:aws:iam::1:root"}"#,
            Some("arn:aws:iam::1:root"),
            Some("root"),
            ActorType::User,
            None,
        ),
        (
            r#"{"type":"AWSService","invokedBy":"states.amazonaws.com"}"#,
            Some("states.amazonaws.com"),
            Some("states.amazonaws.com"),
            ActorType::System,
            None,
        ),
        // Records of a service have no type.
        (
            r#"{"accountId":"1","invokedBy":"states.amazonaws.com"}"#,
            Some("1"),
            Some("states.amazonaws.com"),
            ActorType::Unknown,
            None,
        ),
        (
            r#"{"type":"AWSAccount","principalId":"AIDA","accountId":"2"}"#,
            Some("AIDA"),
            None,
            ActorType::Unknown,
            None,
        ),
        (r#""somebody""#, None, None, ActorType::Unknown, None),
    ] {
        let record = with(&format!(r#""userIdentity":{identity}"#));
        let event = event(&record);
        assert_eq!(event.actor_uid.as_deref(), uid, "{identity}");
        assert_eq!(event.actor_name.as_deref(), name, "{identity}");
        assert_eq!(event.actor_type, kind, "{identity}");
        assert_eq!(event.actor_impersonated_by.as_deref(), by, "{identity}");
    }
}

#[test]
fn resources() {
    let machine = "arn:aws:states:us-east-1:1:stateMachine:daily";
    for (members, uid, kind, name, workflow) in [
        (
            format!(
                r#""requestParameters":{{"name":"daily"}},"responseElements":{{"stateMachineArn":"{machine}"}}"#
            ),
            Some(machine),
            Some("stateMachine"),
            Some("daily"),
            Some("daily"),
        ),
        (
            r#""requestParameters":{"name":"daily"},"responseElements":null"#.to_owned(),
            None,
            None,
            Some("daily"),
            None,
        ),
        (
            r#""requestParameters":{"resourceArn":"arn:aws:s3:::bucket"}"#.to_owned(),
            Some("arn:aws:s3:::bucket"),
            None,
            None,
            None,
        ),
    ] {
        let record = with(&members);
        let event = event(&record);
        assert_eq!(event.resource_uid.as_deref(), uid, "{members}");
        assert_eq!(event.resource_type.as_deref(), kind, "{members}");
        assert_eq!(event.resource_name.as_deref(), name, "{members}");
        assert_eq!(event.workflow.as_deref(), workflow, "{members}");
    }
}

#[test]
fn what_cannot_become_an_event_says_why() {
    for (record, code) in [
        (&b"[]"[..], "not_an_object"),
        (b"{", "not_json"),
        (b"{\"eventTime\":\"2026-11-23T10:15:30Z\"}", "no_id"),
        (
            b"{\"eventID\":\"\",\"eventTime\":\"2026-11-23T10:15:30Z\"}",
            "no_id",
        ),
        (
            b"{\"eventID\":7,\"eventTime\":\"2026-11-23T10:15:30Z\"}",
            "id_not_text",
        ),
        (b"{\"eventID\":\"x\"}", "no_time"),
        (
            b"{\"eventID\":\"x\",\"eventTime\":1732356930}",
            "time_not_text",
        ),
        (
            b"{\"eventID\":\"x\",\"eventTime\":\"today\"}",
            "time_unreadable",
        ),
        (b"{\"eventID\":\"\xff\"}", "not_utf8"),
    ] {
        assert_eq!(reason(record), code, "{}", String::from_utf8_lossy(record));
    }
    let nameless = CloudTrailMapping.identify(br#"{"eventID":"x","eventTime":"today"}"#);
    assert_eq!(nameless.unwrap_err().native_id.as_deref(), Some("x"));
}

#[test]
fn unknown_fields_and_doubled_keys_change_nothing() {
    let more = START.replacen('{', r#"{"new":{"eventID":"no"},"#, 1);
    let more = more.replacen(r#""eventType""#, r#""eventID":"second","eventType""#, 1);
    let (one, mut two) = (event(START), event(&more));
    two.raw = one.raw;
    assert_eq!(format!("{one:?}"), format!("{two:?}"));
}

/// A record that fills every column, each with a text of its own.
const FULL: &str = r#"{"eventID":"x","eventTime":"2026-11-23T10:15:30Z","recipientAccountId":"1","eventSource":"s","eventName":"n","errorCode":"~outcome_code~","errorMessage":"~outcome_detail~","sourceIPAddress":"~src_ip~","userAgent":"~user_agent~","awsRegion":"~region~","requestID":"~correlation_uid~","sharedEventID":"~correlation_uid~","userIdentity":{"type":"IAMUser","arn":"~actor_uid~","userName":"~actor_name~","invokedBy":"~actor_impersonated_by~"},"requestParameters":{"stateMachineArn":"arn:aws:states:r:1:stateMachine:daily","name":"~resource_name~"},"responseElements":{"executionArn":"~execution_uid~"}}"#;

#[test]
fn a_redacted_column_is_nowhere_in_the_record() {
    for name in [
        "outcome_code",
        "outcome_detail",
        "src_ip",
        "user_agent",
        "region",
        "correlation_uid",
        "actor_uid",
        "actor_name",
        "actor_impersonated_by",
        "resource_name",
        "execution_uid",
        "resource_uid",
        "detail",
    ] {
        let rule = RedactionRule {
            target: RedactionTarget::Column(name.to_owned()),
            action: RedactionAction::Drop,
        };
        // The class public cannot be redacted.
        let Ok(redaction) = Redaction::compile(&[rule], &ORIGINS, None) else {
            assert!(["region", "outcome_code"].contains(&name), "{name}");
            continue;
        };
        let left = redaction.apply(FULL.as_bytes()).unwrap();
        let text = String::from_utf8_lossy(&left);
        assert!(!text.contains(&format!("~{name}~")), "{name}: {text}");
        let before = CloudTrailMapping.identify(FULL.as_bytes()).unwrap();
        assert_eq!(CloudTrailMapping.identify(&left).unwrap(), before);
    }
    for pointer in ["/eventID", "/eventSource", "/eventName", "/eventTime"] {
        let rule = RedactionRule {
            target: RedactionTarget::Pointer(pointer.to_owned()),
            action: RedactionAction::Mask,
        };
        assert!(Redaction::compile(&[rule], &ORIGINS, None).is_err());
    }
}

proptest! {
    /// Nothing panics, and what becomes an event has the same identity.
    #[test]
    fn any_object_is_an_event_or_says_why_not(object in any_object(), fit in any::<bool>()) {
        let record = match fit {
            true => object.replacen('{', r#"{"eventID":"x","eventTime":"2026-11-23T10:15:30Z","#, 1).replace(",}", "}"),
            false => object,
        };
        if let Ok(event) = normalise(record.as_bytes()) {
            let identity = CloudTrailMapping.identify(record.as_bytes()).unwrap();
            prop_assert_eq!(event.native_id.as_deref(), Some(&*identity.native_id));
            prop_assert_eq!(event.time, identity.time);
            prop_assert_eq!(event.tenant, identity.tenant);
        }
    }
}
