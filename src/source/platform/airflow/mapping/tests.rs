use super::*;
use crate::event::json::any_object;
use crate::event::redact::Origin;
use crate::event::{Category, Outcome};
use proptest::prelude::*;

/// A call that was denied, as Airflow 3 logs it.
const DENIED: &str = r#"{"event_log_id":7,"when":"2026-11-24T20:47:32.381597Z","dag_id":null,"task_id":null,"run_id":null,"map_index":null,"try_number":null,"event":"delete_variable","logical_date":null,"owner":"bob","extra":"{\"variable_key\": \"db_password\", \"method\": \"DELETE\"}","dag_display_name":null,"task_display_name":null}"#;

/// What a task came to, as Airflow 2 logs it.
const FAILED: &str = r#"{
      "dag_id": "demo_audit",
      "event": "failed",
      "event_log_id": 18,
      "execution_date": "2026-11-24T20:43:32.420450+00:00",
      "extra": null,
      "map_index": -1,
      "owner": "airflow",
      "run_id": "manual__2026-11-24T20:43:32.420450+00:00",
      "task_id": "boom",
      "try_number": 1,
      "when": "2026-11-24T20:43:52.428803+00:00"
    }"#;

fn event(record: &str) -> Event<'_> {
    normalise(record.as_bytes()).unwrap()
}

/// A fit record with these members added.
fn with(members: &str) -> String {
    format!(r#"{{"event_log_id":1,"when":"2026-11-24T20:47:32Z",{members}}}"#)
}

#[test]
fn a_denied_call_is_no_success() {
    let event = event(DENIED);
    assert_eq!(
        event.native_id.as_deref(),
        Some("7 2026-11-24T20:47:32.381597Z")
    );
    assert_eq!(event.time_text, "2026-11-24T20:47:32.381597Z");
    assert_eq!(event.date().to_string(), "2026-11-24");
    assert_eq!(event.tenant, None);
    assert_eq!(event.category, Category::DataAccess);
    assert_eq!((event.class_uid, event.activity_id), (6003, 4));
    assert_eq!(event.action.as_deref(), Some("delete_variable"));
    assert_eq!(event.outcome, Outcome::Unknown);
    assert_eq!(event.actor_uid.as_deref(), Some("bob"));
    assert_eq!(event.actor_name.as_deref(), Some("bob"));
    assert_eq!(event.actor_type, ActorType::Unknown);
    assert_eq!(event.src_ip, None);
    assert_eq!(event.resource_type.as_deref(), Some("variable"));
    assert_eq!(event.resource_uid.as_deref(), Some("db_password"));
    assert_eq!(
        event.detail.as_deref(),
        Some(r#"{"variable_key": "db_password", "method": "DELETE"}"#)
    );
    assert_eq!(event.raw, DENIED);
}

#[test]
fn a_state_of_a_task_is_nobodys_act() {
    let event = event(FAILED);
    assert_eq!(
        event.native_id.as_deref(),
        Some("18 2026-11-24T20:43:52.428803Z")
    );
    assert_eq!(event.time_text, "2026-11-24T20:43:52.428803+00:00");
    assert_eq!(event.category, Category::Execution);
    assert_eq!(event.outcome, Outcome::Failure);
    assert_eq!((&*event.activity_name, event.severity_id), ("Fail", 2));
    // The owner is that of the DAG.
    assert_eq!((&event.actor_uid, &event.actor_name), (&None, &None));
    assert_eq!(event.actor_type, ActorType::System);
    assert_eq!(event.resource_type.as_deref(), Some("task_instance"));
    assert_eq!(event.resource_uid.as_deref(), Some("boom"));
    assert_eq!(event.workflow.as_deref(), Some("demo_audit"));
    let run = Some("manual__2026-11-24T20:43:32.420450+00:00");
    assert_eq!(event.execution_uid.as_deref(), run);
    assert_eq!(event.detail, None);
}

#[test]
fn resources_are_named_as_their_kind_has_it() {
    for (members, resource, uid) in [
        (
            r#""event":"post_connection","extra":"{\"connection_id\": \"pg1\", \"extra\": {\"connection_id\": 1}}""#,
            "connection",
            Some("pg1"),
        ),
        (
            r#""event":"post_pool","extra":"{\"name\": \"p1\", \"slots\": 3}""#,
            "pool",
            Some("p1"),
        ),
        (
            r#""event":"delete_pool","extra":"{\"pool_name\": \"p1\"}""#,
            "pool",
            Some("p1"),
        ),
        (
            r#""event":"cancel_backfill","extra":"{\"backfill_id\": 4}""#,
            "backfill",
            Some("4"),
        ),
        (
            r#""event":"delete_dag","dag_id":"a","extra":"{}""#,
            "dag",
            Some("a"),
        ),
        (
            r#""event":"trigger_dag_run","dag_id":"a","extra":"{\"conf\": {}}""#,
            "dag_run",
            Some("a"),
        ),
        (
            r#""event":"delete_dag_run","dag_id":"a","extra":"{\"dag_run_id\": \"r\"}""#,
            "dag_run",
            Some("r"),
        ),
        (
            r#""event":"bulk_variables","extra":"{\"actions\": []}""#,
            "variable",
            None,
        ),
    ] {
        let record = with(members);
        let event = event(&record);
        assert_eq!(event.resource_type.as_deref(), Some(resource), "{members}");
        assert_eq!(event.resource_uid.as_deref(), uid, "{members}");
        assert!(event.detail.is_some());
    }
}

#[test]
fn actors() {
    for (members, uid, name, kind) in [
        (
            r#""event":"patch_dag","owner":"u1","owner_display_name":"Anna""#,
            Some("u1"),
            Some("Anna"),
            ActorType::Unknown,
        ),
        (
            r#""event":"patch_dag","owner":"u1","owner_display_name":"""#,
            Some("u1"),
            Some("u1"),
            ActorType::Unknown,
        ),
        (
            r#""event":"paused","owner":"scheduler""#,
            Some("scheduler"),
            Some("scheduler"),
            ActorType::System,
        ),
        (
            r#""event":"heartbeat timeout","owner":"team""#,
            None,
            None,
            ActorType::System,
        ),
        (
            r#""event":"x","owner":null"#,
            None,
            None,
            ActorType::Unknown,
        ),
    ] {
        let record = with(members);
        let event = event(&record);
        let found = (
            event.actor_uid.as_deref(),
            event.actor_name.as_deref(),
            event.actor_type,
        );
        assert_eq!(found, (uid, name, kind), "{members}");
    }
}

#[test]
fn extra_that_is_no_object_is_no_detail() {
    for extra in [
        "null",
        "5",
        "\"plain text\"",
        "\"[1]\"",
        "\"{\"",
        "{}",
        "\"\\ud800\"",
    ] {
        let record = with(&format!(r#""event":"post_variable","extra":{extra}"#));
        let event = event(&record);
        assert_eq!((event.detail, event.resource_uid), (None, None), "{extra}");
    }
}

#[test]
fn one_event_is_one_id_in_both_generations() {
    let new = identify(DENIED.as_bytes()).unwrap().native_id;
    let old = DENIED.replace("597Z", "597+00:00");
    assert_eq!(new, identify(old.as_bytes()).unwrap().native_id);
    // Ids begin again when a database is rebuilt.
    let rebuilt = DENIED.replace("20:47", "20:48");
    assert_ne!(new, identify(rebuilt.as_bytes()).unwrap().native_id);
}

#[test]
fn what_cannot_be_an_event() {
    for (record, reason) in [
        ("[]".to_owned(), "not_an_object"),
        ("{".to_owned(), "not_json"),
        (DENIED.replace("event_log_id", "x"), "no_id"),
        (DENIED.replace(":7,", ":null,"), "no_id"),
        (DENIED.replace(":7,", ":[],"), "id_not_text"),
        (DENIED.replace("\"when\"", "\"x\""), "no_time"),
        (DENIED.replace("597Z", "597"), "time_unreadable"),
    ] {
        let unfit = normalise(record.as_bytes()).unwrap_err();
        assert_eq!(unfit.reason.code(), reason, "{record}");
        assert!(identify(record.as_bytes()).is_err());
    }
}

#[test]
fn columns_come_from_where_the_origins_say() {
    let record = with(
        r#""event":"patch_task_instance","owner":"o","owner_display_name":"n","dag_id":"d","task_id":"t","run_id":"r","extra":"{\"key\": 1}""#,
    );
    let event = event(&record);
    let filled = [
        &event.action,
        &event.actor_uid,
        &event.actor_name,
        &event.resource_type,
        &event.resource_uid,
        &event.workflow,
        &event.execution_uid,
        &event.detail,
    ];
    assert!(filled.iter().all(|column| column.is_some()));
    assert_eq!(filled.len(), ORIGINS.columns.len());
    // Every member of `extra` that may name a resource is a place of its column.
    let (_, places) = ORIGINS
        .columns
        .iter()
        .find(|(column, _)| *column == "resource_uid")
        .unwrap();
    for key in [
        Resource::Variable,
        Resource::Connection,
        Resource::Pool,
        Resource::Asset,
        Resource::Backfill,
        Resource::Xcom,
        Resource::User,
        Resource::Role,
    ]
    .iter()
    .flat_map(|resource| resource.keys())
    {
        let place = format!("/extra/{key}");
        let is_it = |origin: &&Origin| matches!(origin, Origin::Record(it) if *it == place);
        assert!(places.iter().any(|origin| is_it(&origin)), "{place}");
    }
}

proptest! {
    /// What becomes an event has the identity that is read without the rest.
    #[test]
    fn event_and_identity_agree(members in any_object(), escaped in any::<bool>()) {
        let time = if escaped { "2026-01-01T00:00:00\\u005a" } else { "2026-01-01T00:00:00Z" };
        let members = members.trim().trim_start_matches('{').trim_end_matches('}').trim().to_owned();
        let comma = if members.is_empty() { "" } else { "," };
        let record = format!(r#"{{"event_log_id":9,"when":"{time}"{comma}{members}}}"#);
        if let Ok(event) = normalise(record.as_bytes()) {
            let identity = identify(record.as_bytes()).unwrap();
            prop_assert_eq!(event.native_id.as_deref(), Some(&*identity.native_id));
            prop_assert_eq!(event.time, identity.time);
        }
    }

    /// Whatever the bytes are.
    #[test]
    fn any_bytes_are_an_event_or_unfit(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = normalise(&bytes);
        let _ = identify(&bytes);
    }
}
