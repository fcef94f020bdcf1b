use super::*;
use crate::event::json::any_object;
use crate::event::redact::{Redaction, RedactionAction, RedactionRule, RedactionTarget};
use crate::event::{Category, Outcome};
use proptest::prelude::*;

const RESOURCE: &str = "/subscriptions/089bd33f/resourceGroups/Data/providers/Microsoft.DataFactory/factories/Sales/pipelines/load";

/// The example of the Activity Log's specification, about a pipeline.
fn activity(status: &str, claims: &str) -> String {
    format!(
        r#"{{"authorization":{{"action":"x","role":"Admin","scope":"{RESOURCE}"}},"caller":"admin@contoso.com","claims":{{"aud":"https://management.core.windows.net/",{claims}"appid":"c44b4083","ver":"1.0"}},"correlationId":"1e121103","description":"","eventDataId":"44ade6b4","eventName":{{"value":"EndRequest","localizedValue":"End request"}},"httpRequest":{{"clientRequestId":"27003b25","clientIpAddress":"192.168.35.115","method":"PUT"}},"id":"{RESOURCE}/events/44ade6b4/ticks/635574752669792776","level":"Informational","resourceGroupName":"Data","resourceId":"{RESOURCE}","operationId":"1e121103","operationName":{{"value":"Microsoft.DataFactory/factories/pipelines/write","localizedValue":"Schreiben"}},"properties":{{"statusCode":"Created","statusMessage":"ok"}},"status":{{"value":"{status}","localizedValue":"Erfolg"}},"subStatus":{{"value":"Created","localizedValue":"Erstellt"}},"eventTimestamp":"2015-01-21T22:14:26.9792776Z","submissionTimestamp":"2015-01-21T22:14:39.9936304Z","subscriptionId":"089bd33f"}}"#
    )
}

const PERSON: &str = r#""http://schemas.microsoft.com/identity/claims/objectidentifier":"2468adf0","http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn":"admin@contoso.com","name":"John Smith","#;

/// The same as it is exported.
fn exported(result: &str) -> String {
    format!(
        r#"{{"time":"2015-01-21T22:14:26.9792776Z","resourceId":"{}","operationName":"MICROSOFT.DATAFACTORY/FACTORIES/PIPELINES/WRITE","category":"Administrative","resultType":"{result}","resultSignature":"Succeeded.Created","durationMs":2826,"callerIpAddress":"111.111.111.11","correlationId":"1e121103","identity":{{"authorization":{{"evidence":{{"role":"Admin","principalType":"User"}}}},"claims":{{{PERSON}"appid":"c44b4083"}}}},"level":"Information","properties":{{"statusCode":"Created"}}}}"#,
        RESOURCE.to_uppercase()
    )
}

/// The example of the specification of pipeline runs.
const RUN: &str = r#"{"id":"/SUBSCRIPTIONS/089BD33F/RESOURCEGROUPS/DATA/PROVIDERS/MICROSOFT.DATAFACTORY/FACTORIES/SALES/pipelineruns/2f7fdb90","runId":"2f7fdb90","runGroupId":"2f7fdb90","pipelineName":"examplePipeline","parameters":{"OutputBlobNameList":"[\"exampleoutput.csv\"]"},"invokedBy":{"id":"80a01654","name":"Manual"},"runStart":"2018-06-16T00:37:44.6257014Z","runEnd":"2018-06-16T00:38:12.7314495Z","durationInMs":28105,"status":"Succeeded","message":"","lastUpdated":"2018-06-16T00:38:12.7314495Z","annotations":[],"runDimension":{"JobId":"79c1cc52"}}"#;

fn event(record: &str) -> Event<'_> {
    normalise(record.as_bytes()).unwrap()
}

#[test]
fn an_event_of_the_activity_log() {
    let record = activity("Succeeded", PERSON);
    let event = event(&record);
    assert_eq!(event.native_id.as_deref(), Some("44ade6b4"));
    assert_eq!(event.time_text, "2015-01-21T22:14:26.9792776Z");
    assert_eq!(event.time.timestamp_subsec_nanos(), 979_277_600);
    let action = event.action.as_deref();
    assert_eq!(
        action,
        Some("Microsoft.DataFactory/factories/pipelines/write")
    );
    assert_eq!(event.category, Category::ResourceManagement);
    assert_eq!((event.class_uid, event.activity_id), (6003, 3));
    assert_eq!((event.outcome, event.severity_id), (Outcome::Success, 1));
    assert_eq!(event.outcome_code.as_deref(), Some("Created"));
    assert_eq!(event.outcome_detail.as_deref(), Some("ok"));
    assert_eq!(event.actor_uid.as_deref(), Some("2468adf0"));
    assert_eq!(event.actor_name.as_deref(), Some("John Smith"));
    assert_eq!(event.actor_email.as_deref(), Some("admin@contoso.com"));
    assert_eq!(event.actor_type, ActorType::User);
    assert_eq!(event.src_ip.as_deref(), Some("192.168.35.115"));
    assert_eq!(event.resource_type.as_deref(), Some("factories/pipelines"));
    assert_eq!(event.resource_uid, Some(RESOURCE.to_lowercase().into()));
    assert_eq!(event.resource_name.as_deref(), Some("load"));
    assert_eq!(event.namespace.as_deref(), Some("Sales"));
    assert_eq!(event.workflow.as_deref(), Some("load"));
    assert_eq!(event.execution_uid, None);
    assert_eq!(event.correlation_uid.as_deref(), Some("1e121103"));
    assert_eq!(event.account.as_deref(), Some("089bd33f"));
    let detail = r#"{"statusCode":"Created","statusMessage":"ok"}"#;
    assert_eq!(event.detail.as_deref(), Some(detail));
    assert_eq!((event.tenant, event.region), (None, None));
}

#[test]
fn an_exported_event_says_the_same_in_other_words() {
    let (record, exported) = (activity("Succeeded", PERSON), exported("Success"));
    let (one, other) = (event(&record), event(&exported));
    assert_eq!(other.native_id.as_deref().map(str::len), Some(64));
    assert_eq!(one.time, other.time);
    assert_eq!(one.category, other.category);
    assert_eq!(one.outcome, other.outcome);
    assert_eq!(other.outcome_code.as_deref(), Some("Succeeded.Created"));
    assert_eq!(one.actor_uid, other.actor_uid);
    assert_eq!(one.actor_name, other.actor_name);
    assert_eq!(one.actor_email, other.actor_email);
    assert_eq!(other.actor_type, ActorType::User);
    assert_eq!(other.src_ip.as_deref(), Some("111.111.111.11"));
    assert_eq!(one.resource_uid, other.resource_uid);
    assert_eq!(one.resource_type, other.resource_type);
    assert_eq!(other.namespace.as_deref(), Some("SALES"));
    assert_eq!(one.correlation_uid, other.correlation_uid);
    assert_eq!(one.account, other.account);
    // One setting writes the same as another, and what happened otherwise is another record.
    let id = |record: &str| identify(record.as_bytes()).unwrap().native_id.into_owned();
    let later = exported.replace("9792776Z", "9792777Z");
    let zoned = exported.replace("9792776Z", "9792776+00:00");
    let started = exported.replace("\"Success\"", "\"Start\"");
    assert_eq!(id(&exported), id(&zoned));
    for different in [&later, &started, &exported.replace("1e121103", "2e121103")] {
        assert_ne!(id(&exported), id(different), "{different}");
    }
}

#[test]
fn a_state_of_a_run() {
    let event = event(RUN);
    let id = "2f7fdb90 2018-06-16T00:38:12.731449500Z";
    assert!(event.native_id.as_deref().unwrap().starts_with(&id[..36]));
    assert_eq!(
        (event.category, &*event.activity_name),
        (Category::Execution, "End")
    );
    assert_eq!((event.action, event.outcome), (None, Outcome::Success));
    assert_eq!(event.actor_name.as_deref(), Some("Manual"));
    assert_eq!(event.workflow.as_deref(), Some("examplePipeline"));
    assert_eq!(event.execution_uid.as_deref(), Some("2f7fdb90"));
    assert_eq!(event.namespace.as_deref(), Some("SALES"));
    assert_eq!(event.account.as_deref(), Some("089bd33f"));
    assert!(event.detail.unwrap().starts_with("{\"OutputBlobNameList\""));
    for (status, outcome, activity) in [
        ("Queued", Outcome::Unknown, "Queue"),
        ("InProgress", Outcome::Unknown, "Run"),
        ("Failed", Outcome::Failure, "End"),
        ("Cancelled", Outcome::Unknown, "Cancel"),
        ("Levitating", Outcome::Unknown, "Other"),
    ] {
        let record = RUN.replace("Succeeded", status);
        let event = self::event(&record);
        assert_eq!((event.outcome, &*event.activity_name), (outcome, activity));
        assert_eq!(event.outcome_code.as_deref(), Some(status));
    }
    // A run that goes on is another version.
    let before = RUN.replace("38:12", "38:11");
    let id = |record: &str| identify(record.as_bytes()).unwrap().native_id.into_owned();
    assert_ne!(id(RUN), id(&before));
    assert_eq!(id(RUN), id(&RUN.replace("7314495Z", "7314495+00:00")));
}

#[test]
fn what_only_began_has_no_outcome() {
    for (status, outcome) in [
        ("Succeeded", Outcome::Success),
        ("Failed", Outcome::Failure),
        ("Started", Outcome::Unknown),
        ("Accepted", Outcome::Unknown),
        ("Active", Outcome::Unknown),
        ("", Outcome::Unknown),
    ] {
        assert_eq!(
            event(&activity(status, PERSON)).outcome,
            outcome,
            "{status}"
        );
    }
    for (result, outcome) in [
        ("Success", Outcome::Success),
        ("Failure", Outcome::Failure),
        ("Start", Outcome::Unknown),
        ("Accept", Outcome::Unknown),
    ] {
        assert_eq!(event(&exported(result)).outcome, outcome, "{result}");
    }
}

#[test]
fn actors() {
    let app =
        r#""http://schemas.microsoft.com/identity/claims/objectidentifier":"oid","idtyp":"app","#;
    for (claims, uid, name, kind) in [
        (PERSON, "2468adf0", "John Smith", ActorType::User),
        (app, "oid", "admin@contoso.com", ActorType::Service),
        (
            "",
            "admin@contoso.com",
            "admin@contoso.com",
            ActorType::Unknown,
        ),
        (
            r#""name":7,"#,
            "admin@contoso.com",
            "admin@contoso.com",
            ActorType::Unknown,
        ),
    ] {
        let record = activity("Succeeded", claims);
        let event = event(&record);
        assert_eq!(event.actor_uid.as_deref(), Some(uid), "{claims}");
        assert_eq!(event.actor_name.as_deref(), Some(name), "{claims}");
        assert_eq!(event.actor_type, kind, "{claims}");
    }
    let nobody = activity("Succeeded", "").replace("\"caller\"", "\"x\"");
    let nobody = event(&nobody);
    assert_eq!(
        (nobody.actor_uid, nobody.actor_name.as_deref()),
        (None, Some("c44b4083"))
    );
}

#[test]
fn what_cannot_become_an_event_says_why() {
    for (record, code) in [
        ("[]", "not_an_object"),
        ("{", "not_json"),
        ("{}", "no_id"),
        (r#"{"eventDataId":"x"}"#, "no_time"),
        (
            r#"{"eventDataId":7,"eventTimestamp":"2026-01-01T00:00:00Z"}"#,
            "id_not_text",
        ),
        (r#"{"eventTimestamp":"2026-01-01T00:00:00Z"}"#, "no_id"),
        (
            r#"{"eventDataId":"x","eventTimestamp":"today"}"#,
            "time_unreadable",
        ),
        (r#"{"runId":"x"}"#, "no_time"),
        (r#"{"runId":"x","lastUpdated":null}"#, "no_time"),
        (r#"{"lastUpdated":"2026-01-01T00:00:00Z"}"#, "no_id"),
        (r#"{"time":"2026-01-01T00:00:00Z"}"#, "no_id"),
        (r#"{"time":7,"operationName":"x"}"#, "time_not_text"),
    ] {
        let unfit = normalise(record.as_bytes()).unwrap_err();
        assert_eq!(unfit.reason.code(), code, "{record}");
        assert!(identify(record.as_bytes()).is_err(), "{record}");
    }
    let nameless = identify(br#"{"eventDataId":"x","eventTimestamp":"today"}"#).unwrap_err();
    assert_eq!(nameless.native_id.as_deref(), Some("x"));
}

#[test]
fn exports_have_records_of_others() {
    for (record, wanted) in [
        (exported("Success"), true),
        (
            r#"{"resourceId":"/SUBSCRIPTIONS/a","operationName":"Microsoft.DataFactory/x"}"#
                .to_owned(),
            true,
        ),
        (
            r#"{"resourceId":"/SUBSCRIPTIONS/a/PROVIDERS/MICROSOFT.COMPUTE/x"}"#.to_owned(),
            false,
        ),
        ("{}".to_owned(), true),
        ("7".to_owned(), true),
    ] {
        assert_eq!(is_of_data_factory(record.as_bytes()), wanted, "{record}");
    }
}

#[test]
fn a_redacted_column_is_nowhere_in_the_record() {
    let full = [
        activity("Succeeded", PERSON),
        exported("Success"),
        RUN.to_owned(),
    ];
    // What an event is filed by, and what the id of an exported record is made of.
    let refused = [
        "action",
        "resource_type",
        "correlation_uid",
        "outcome_code",
        "execution_uid",
    ];
    for (name, _) in ORIGINS.columns {
        let rule = RedactionRule {
            target: RedactionTarget::Column((*name).to_owned()),
            action: RedactionAction::Drop,
        };
        let redaction = Redaction::compile(&[rule], &ORIGINS, None);
        assert_eq!(redaction.is_err(), refused.contains(name), "{name}");
        let Ok(redaction) = redaction else { continue };
        for record in &full {
            let left = redaction.apply(record.as_bytes()).unwrap();
            let event = normalise(&left).unwrap();
            let column = match *name {
                "outcome_detail" => event.outcome_detail,
                "actor_uid" => event.actor_uid,
                "actor_name" => event.actor_name,
                "actor_email" => event.actor_email,
                "src_ip" => event.src_ip,
                "detail" => event.detail,
                "resource_uid" => event.resource_uid,
                "resource_name" => event.resource_name,
                "namespace" => event.namespace,
                "workflow" => event.workflow,
                "account" => event.account,
                name => panic!("{name}"),
            };
            assert_eq!(column, None, "{name}: {record}");
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
            0 => r#"{"eventDataId":"x","eventTimestamp":"2026-11-23T10:15:30Z","#,
            1 => r#"{"runId":"x","lastUpdated":"2026-11-23T10:15:30Z","#,
            2 => r#"{"time":"2026-11-23T10:15:30Z","operationName":"x","#,
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
