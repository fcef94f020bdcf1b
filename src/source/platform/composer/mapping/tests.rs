use super::*;
use crate::event::Category;
use crate::event::json::any_object;
use crate::event::redact::Origin;
use proptest::prelude::*;

/// An entry of the published samples of Google's own tools, shortened.
const STARTED_WITH_ERROR: &str = r#"{"insertId":"8dtce3d1y3t","logName":"projects/project-id/logs/cloudaudit.googleapis.com%2Factivity",
 "protoPayload":{"@type":"type.googleapis.com/google.cloud.audit.AuditLog",
  "authenticationInfo":{"principalEmail":"user@example.com","principalSubject":"serviceAccount:user@example.com",
   "serviceAccountDelegationInfo":[{"principalSubject":"serviceAccount:project-id.svc.id.goog[composer-2-6-5/default]"}]},
  "methodName":"google.container.v1.ClusterManager.CreateCluster",
  "request":{"parent":"projects/project-id/locations/us-central1-a"},
  "requestMetadata":{"callerIp":"10.0.0.0","callerSuppliedUserAgent":"google-api-go-client/0.5","destinationAttributes":{}},
  "resourceName":"projects/project-id/zones/us-central1-a/clusters/p0","serviceName":"container.googleapis.com",
  "status":{"code":3,"message":"No valid versions with the prefix \"1.29.6\" found."}},
 "receiveTimestamp":"2024-10-01T06:30:29.243216711Z",
 "resource":{"labels":{"cluster_name":"p0","location":"us-central1-a","project_id":"project-id"},"type":"gke_cluster"},
 "severity":"ERROR","timestamp":"2024-10-01T06:30:28.271939253Z"}"#;

fn composer(operation: &str, status: &str) -> String {
    format!(
        r#"{{"insertId":"synthcomposer01","logName":"projects/test-project/logs/cloudaudit.googleapis.com%2Factivity","severity":"NOTICE",
 "timestamp":"2026-08-10T00:23:12.500Z","receiveTimestamp":"2026-08-10T00:23:13Z",
 "resource":{{"type":"cloud_composer_environment","labels":{{"project_id":"test-project","location":"us-central1","environment_name":"test-environment"}}}},
 {operation}"unknown":[1,{{"a":null}}],
 "protoPayload":{{{status}"serviceName":"composer.googleapis.com",
  "methodName":"google.cloud.orchestration.airflow.service.v1.Environments.UpdateEnvironment",
  "resourceName":"projects/test-project/locations/us-central1/environments/test-environment",
  "authenticationInfo":{{"principalEmail":"user@example.com","principalSubject":"user:user@example.com","oauthInfo":{{"oauthClientId":"x"}}}},
  "requestMetadata":{{"callerIp":"private"}}}}}}"#
    )
}

#[test]
fn an_entry_with_everything() {
    let event = normalise(STARTED_WITH_ERROR.as_bytes()).unwrap();
    assert_eq!(
        event.native_id.as_deref(),
        Some(
            "projects/project-id/logs/cloudaudit.googleapis.com%2Factivity \
             2024-10-01T06:30:28.271939253Z 8dtce3d1y3t"
        )
    );
    assert_eq!(event.time_text, "2024-10-01T06:30:28.271939253Z");
    assert_eq!(event.date().to_string(), "2024-10-01");
    assert_eq!(event.tenant, None);
    assert_eq!((event.category, event.activity_id), (Category::Other, 1));
    assert_eq!(event.severity_id, 3);
    assert_eq!(event.outcome, Outcome::Failure);
    assert_eq!(event.outcome_code.as_deref(), Some("3"));
    let detail = event.outcome_detail.as_deref();
    assert_eq!(
        detail,
        Some("No valid versions with the prefix \"1.29.6\" found.")
    );
    assert_eq!(
        event.actor_uid.as_deref(),
        Some("serviceAccount:user@example.com")
    );
    assert_eq!(event.actor_name.as_deref(), Some("user@example.com"));
    assert_eq!(event.actor_email.as_deref(), Some("user@example.com"));
    assert_eq!(event.actor_type, ActorType::Service);
    assert_eq!(
        event.actor_impersonated_by.as_deref(),
        Some("serviceAccount:project-id.svc.id.goog[composer-2-6-5/default]")
    );
    assert_eq!(event.src_ip.as_deref(), Some("10.0.0.0"));
    assert_eq!(
        event.user_agent.as_deref(),
        Some("google-api-go-client/0.5")
    );
    assert_eq!(event.resource_type.as_deref(), Some("gke_cluster"));
    assert_eq!(
        event.resource_uid.as_deref(),
        Some("projects/project-id/zones/us-central1-a/clusters/p0")
    );
    assert_eq!(event.region.as_deref(), Some("us-central1-a"));
    assert_eq!(event.account.as_deref(), Some("project-id"));
    let detail = event.detail.as_deref();
    assert_eq!(
        detail,
        Some(r#"{"parent":"projects/project-id/locations/us-central1-a"}"#)
    );
    assert_eq!(event.raw, STARTED_WITH_ERROR);
}

#[test]
fn outcomes_are_never_inferred() {
    let first = r#""operation":{"id":"op","first":true},"#;
    let last = r#""operation":{"id":"op","last":true},"#;
    let both = r#""operation":{"id":"op","first":true,"last":true},"#;
    for (operation, status, outcome) in [
        ("", "", Outcome::Unknown),
        ("", r#""status":{},"#, Outcome::Success),
        ("", r#""status":{"code":0},"#, Outcome::Success),
        ("", r#""status":{"code":"7"},"#, Outcome::Failure),
        (
            "",
            r#""status":{"code":7,"message":"no"},"#,
            Outcome::Failure,
        ),
        ("", r#""status":{"code":[]},"#, Outcome::Unknown),
        ("", r#""status":null,"#, Outcome::Unknown),
        (first, "", Outcome::Unknown),
        (first, r#""status":{},"#, Outcome::Unknown),
        (first, r#""status":{"code":3},"#, Outcome::Failure),
        (last, "", Outcome::Unknown),
        (last, r#""status":{},"#, Outcome::Success),
        (both, r#""status":{},"#, Outcome::Success),
    ] {
        let entry = composer(operation, status);
        let event = normalise(entry.as_bytes()).unwrap();
        assert_eq!(event.outcome, outcome, "{operation} {status}");
        let operation_id = (!operation.is_empty()).then_some("op");
        assert_eq!(event.correlation_uid.as_deref(), operation_id);
        assert_eq!(event.category, Category::SystemConfiguration);
        assert_eq!(event.actor_type, ActorType::User);
        assert_eq!(event.src_ip.as_deref(), Some("private"));
        assert_eq!(event.resource_name.as_deref(), Some("test-environment"));
    }
}

#[test]
fn one_instant_is_one_id_however_it_is_written() {
    let entry = composer("", "");
    let longer = entry.replace("12.500Z", "12.500000Z");
    assert_ne!(entry, longer);
    let id = |entry: &str| identify(entry.as_bytes()).unwrap().native_id.into_owned();
    assert_eq!(id(&entry), id(&longer));
    // When it arrived is no part of it.
    let later = entry.replace("00:23:13Z", "09:00:00Z");
    assert_eq!(id(&entry), id(&later));
    assert_ne!(id(&entry), id(&entry.replace("%2Factivity", "%2Fpolicy")));
}

#[test]
fn what_cannot_be_an_event() {
    let entry = composer("", "");
    for (record, reason) in [
        ("[]".to_owned(), "not_an_object"),
        ("{".to_owned(), "not_json"),
        (entry.replace("insertId", "x"), "no_id"),
        (entry.replace("logName", "x"), "no_id"),
        (entry.replace("\"synthcomposer01\"", "7"), "id_not_text"),
        (entry.replace("\"timestamp\"", "\"x\""), "no_time"),
        (
            entry.replace("2026-08-10T00:23:12.500Z", "yesterday"),
            "time_unreadable",
        ),
    ] {
        let unfit = normalise(record.as_bytes()).unwrap_err();
        assert_eq!(unfit.reason.code(), reason, "{record}");
        assert!(identify(record.as_bytes()).is_err());
    }
}

#[test]
fn columns_come_from_where_the_origins_say() {
    let entry = STARTED_WITH_ERROR.replace("\"severity\"", r#""operation":{"id":"op"},"severity""#);
    let entry = entry.replace("\"cluster_name\"", "\"environment_name\"");
    let value: serde_json::Value = serde_json::from_str(&entry).unwrap();
    for (column, origins) in ORIGINS.columns {
        let Some(Origin::Record(place)) = origins.first() else {
            panic!("{column}");
        };
        assert!(value.pointer(place).is_some(), "{column}: {place}");
    }
    let event = normalise(entry.as_bytes()).unwrap();
    let filled = [
        &event.action,
        &event.outcome_code,
        &event.outcome_detail,
        &event.actor_uid,
        &event.actor_name,
        &event.actor_email,
        &event.actor_impersonated_by,
        &event.src_ip,
        &event.user_agent,
        &event.resource_type,
        &event.resource_uid,
        &event.resource_name,
        &event.correlation_uid,
        &event.region,
        &event.account,
        &event.detail,
    ];
    assert!(filled.iter().all(|column| column.is_some()));
    assert_eq!(filled.len(), ORIGINS.columns.len());
}

proptest! {
    /// What becomes an event has the identity that is read without the rest.
    #[test]
    fn event_and_identity_agree(members in any_object(), escaped in any::<bool>()) {
        let id = if escaped { "a\\u0041" } else { "aA" };
        let members = members.trim().trim_start_matches('{').trim_end_matches('}').trim().to_owned();
        let comma = if members.is_empty() { "" } else { "," };
        let entry = format!(
            r#"{{"insertId":"{id}","logName":"l","timestamp":"2026-01-01T00:00:00Z"{comma}{members}}}"#
        );
        let event = normalise(entry.as_bytes());
        let identity = identify(entry.as_bytes());
        if let Ok(event) = event {
            let identity = identity.unwrap();
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
