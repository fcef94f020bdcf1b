//! One `LogEntry` with an `AuditLog` as its payload.

use crate::instant::{nanos, write_date};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

/// The audit logs of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// What administrators change.
    Activity,
    /// What is read.
    DataAccess,
    /// What the platform does by itself.
    SystemEvent,
    /// What a policy denied.
    Policy,
}

impl Log {
    /// The id of the log, as in `log_id("…")`.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Activity => "cloudaudit.googleapis.com/activity",
            Self::DataAccess => "cloudaudit.googleapis.com/data_access",
            Self::SystemEvent => "cloudaudit.googleapis.com/system_event",
            Self::Policy => "cloudaudit.googleapis.com/policy",
        }
    }
}

/// The part of an entry that says which long operation it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LongOperation {
    /// Id of the operation, the same in its first and its last entry.
    pub id: String,
    /// Whether it begins with this entry; otherwise it ends.
    pub is_first: bool,
}

/// An entry to be added.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEntry {
    /// `insertId`.
    pub insert_id: String,
    /// The log that it is in.
    pub log: Log,
    /// `protoPayload.methodName`.
    pub method: String,
    /// `timestamp`: when the act was.
    pub happened: DateTime<Utc>,
    /// `receiveTimestamp`: when the entry reached the log.
    pub received: DateTime<Utc>,
    /// The long operation that it belongs to.
    pub operation: Option<LongOperation>,
    /// `protoPayload.status`: code and message. `None` leaves it out, code 0 is an empty object.
    pub status: Option<(i32, String)>,
    /// Who acted: an email address.
    pub principal: String,
    /// Members of the entry that nobody knows, beside the others.
    pub more: Map<String, Value>,
}

impl NewEntry {
    /// A successful update of an environment that was received a second after the act.
    pub fn at(insert_id: impl Into<String>, happened: DateTime<Utc>) -> Self {
        Self {
            insert_id: insert_id.into(),
            log: Log::Activity,
            method:
                "google.cloud.orchestration.airflow.service.v1.Environments.ExecuteAirflowCommand"
                    .to_owned(),
            happened,
            received: happened + chrono::TimeDelta::seconds(1),
            operation: None,
            status: Some((0, String::new())),
            principal: "anna@acme.example".to_owned(),
            more: Map::new(),
        }
    }
}

/// An entry as it is stored.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) log: Log,
    pub(super) happened: i64,
    pub(super) received: i64,
    pub(super) insert_id: String,
    /// `logName`, `timestamp` and `insertId`: the key of the platform.
    pub(super) key: (String, String, String),
    /// The entry as served.
    pub(super) text: String,
}

/// The service that every entry is of.
pub(super) const SERVICE: &str = "composer.googleapis.com";
/// The kind of resource that every entry is about.
pub(super) const RESOURCE: &str = "cloud_composer_environment";

impl Entry {
    pub(super) fn of(project: &str, new: NewEntry) -> Self {
        let location = "europe-west3";
        let environment = "production";
        let resource =
            format!("projects/{project}/locations/{location}/environments/{environment}");
        let log_name = format!(
            "projects/{project}/logs/{}",
            new.log.id().replace('/', "%2F")
        );
        let subject = match new.principal.ends_with(".gserviceaccount.com") {
            true => format!("serviceAccount:{}", new.principal),
            false => format!("user:{}", new.principal),
        };
        let mut payload = json!({
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
            "serviceName": SERVICE,
            "methodName": new.method,
            "resourceName": resource,
            "authenticationInfo": {
                "principalEmail": new.principal,
                "principalSubject": subject,
                // Unknown to the published definition of the message.
                "oauthInfo": {"oauthClientId": "32555940559.apps.googleusercontent.com"},
            },
            "requestMetadata": {
                "callerIp": "203.0.113.7",
                "callerSuppliedUserAgent": "google-cloud-sdk gcloud/552.0.0",
            },
        });
        if let Some((code, message)) = &new.status {
            payload["status"] = match code {
                0 => json!({}),
                _ => json!({"code": code, "message": message}),
            };
        }
        let mut entry = json!({
            "insertId": new.insert_id,
            "logName": log_name,
            "timestamp": text_of(new.happened),
            "receiveTimestamp": text_of(new.received),
            "severity": if new.status.as_ref().is_some_and(|(code, _)| *code != 0) { "ERROR" } else { "NOTICE" },
            "resource": {
                "type": RESOURCE,
                "labels": {"project_id": project, "location": location, "environment_name": environment},
            },
            "protoPayload": payload,
        });
        if let Some(operation) = &new.operation {
            let which = if operation.is_first { "first" } else { "last" };
            entry["operation"] = json!({"id": operation.id, "producer": SERVICE, which: true});
        }
        if let Value::Object(members) = &mut entry {
            members.extend(new.more);
        }
        Self {
            log: new.log,
            happened: nanos(new.happened),
            received: nanos(new.received),
            key: (log_name, text_of(new.happened), new.insert_id.clone()),
            insert_id: new.insert_id,
            text: entry.to_string(),
        }
    }

    /// What pages are ordered by.
    pub(super) fn place(&self) -> (i64, &str) {
        (self.happened, &self.insert_id)
    }
}

/// A time as the service writes it: with 0, 3, 6 or 9 digits of fraction.
fn text_of(at: DateTime<Utc>) -> String {
    let nanos = nanos(at);
    let digits = match nanos {
        whole if whole % 1_000_000_000 == 0 => 0,
        millis if millis % 1_000_000 == 0 => 3,
        micros if micros % 1_000 == 0 => 6,
        _ => 9,
    };
    let mut text = Vec::new();
    write_date(&mut text, nanos, digits);
    String::from_utf8_lossy(&text).into_owned()
}
