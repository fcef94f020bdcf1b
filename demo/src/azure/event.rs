//! One event of the Activity Log, as the interface shows it and as the export writes it.

use crate::instant::{DAY, nanos, write_date};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

/// For how long events are kept.
pub(super) const EVENTS_KEPT: i64 = 90 * DAY;

/// How far an act has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActStatus {
    /// It began.
    Started,
    /// It goes on somewhere else.
    Accepted,
    /// It ended well.
    Succeeded,
    /// It failed.
    Failed,
}

impl ActStatus {
    const fn of_log(self) -> &'static str {
        match self {
            Self::Started => "Started",
            Self::Accepted => "Accepted",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }

    const fn of_export(self) -> &'static str {
        match self {
            Self::Started => "Start",
            Self::Accepted => "Accept",
            Self::Succeeded => "Success",
            Self::Failed => "Failure",
        }
    }

    /// The status of HTTP that goes with it.
    const fn code(self) -> &'static str {
        match self {
            Self::Started => "",
            Self::Accepted => "Accepted",
            Self::Succeeded => "OK",
            Self::Failed => "BadRequest",
        }
    }
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A person, by the name that they sign in with.
    Person(String),
    /// An application by itself: its object id and its application id.
    Application(String, String),
    /// Nobody is named.
    Nobody,
}

/// An event to be added.
#[derive(Debug, Clone, PartialEq)]
pub struct NewActivity {
    /// `eventDataId`.
    pub id: String,
    /// `operationName`.
    pub operation: String,
    /// The resource, below the factory: `/pipelines/load`, or nothing.
    pub resource: String,
    /// How far the act has come.
    pub status: ActStatus,
    /// `eventTimestamp`, cut to 100 nanoseconds.
    pub happened: DateTime<Utc>,
    /// `submissionTimestamp`: from when on it is shown.
    pub submitted: DateTime<Utc>,
    /// `correlationId` and `operationId`.
    pub correlation: String,
    /// Who acted.
    pub caller: Caller,
    /// Members that nobody knows, beside the others.
    pub more: Map<String, Value>,
}

impl NewActivity {
    /// A run of a pipeline that was started well, and shown five minutes later.
    pub fn at(id: impl Into<String>, happened: DateTime<Utc>) -> Self {
        let id = id.into();
        Self {
            operation: "Microsoft.DataFactory/factories/pipelines/createRun/action".to_owned(),
            resource: "/pipelines/load-sales".to_owned(),
            status: ActStatus::Succeeded,
            happened,
            submitted: happened + TimeDelta::minutes(5),
            correlation: format!("c-{id}"),
            caller: Caller::Person("anna@acme.example".to_owned()),
            more: Map::new(),
            id,
        }
    }
}

/// Where an event belongs.
#[derive(Debug, Clone)]
pub(super) struct EventHome {
    pub(super) subscription: String,
    pub(super) group: String,
    pub(super) factory: String,
}

impl EventHome {
    pub(super) fn factory_id(&self) -> String {
        format!(
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.DataFactory/factories/{}",
            self.subscription, self.group, self.factory
        )
    }
}

/// An event as it is stored.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) happened: i64,
    pub(super) submitted: i64,
    pub(super) id: String,
    pub(super) correlation: String,
    pub(super) operation: String,
    pub(super) group: String,
    pub(super) resource: String,
    /// As the interface shows it.
    pub(super) text: String,
    /// As the export writes it.
    pub(super) line: String,
}

impl Event {
    pub(super) fn of(home: &EventHome, new: NewActivity) -> Self {
        let happened = nanos(new.happened).div_euclid(100) * 100;
        let submitted = nanos(new.submitted).div_euclid(100) * 100;
        let resource = format!("{}{}", home.factory_id(), new.resource);
        let claims = claims(&new.caller);
        let authorization = json!({
            "action": new.operation,
            "scope": resource,
            "evidence": {
                "role": "Data Factory Contributor",
                "principalType": match new.caller {
                    Caller::Application(..) => "ServicePrincipal",
                    Caller::Person(_) | Caller::Nobody => "User",
                },
            },
        });
        let mut event = json!({
            "authorization": authorization,
            "channels": "Operation",
            "claims": claims,
            "correlationId": new.correlation,
            "description": "",
            "eventDataId": new.id,
            "eventName": match new.status {
                ActStatus::Started => worded("BeginRequest", "Begin request"),
                _ => worded("EndRequest", "End request"),
            },
            "category": worded("Administrative", "Administrative"),
            "eventTimestamp": spelled(happened),
            "httpRequest": {"clientRequestId": "r", "clientIpAddress": "203.0.113.7", "method": "PUT"},
            "id": format!("{resource}/events/{}/ticks/{}", new.id, ticks(happened)),
            "level": if new.status == ActStatus::Failed { "Error" } else { "Informational" },
            "operationId": new.correlation,
            "operationName": worded(&new.operation, "Translated"),
            "properties": {"statusCode": new.status.code(), "entity": resource},
            "resourceGroupName": home.group,
            "resourceId": resource,
            "resourceProviderName": worded("MICROSOFT.DATAFACTORY", "Data Factory"),
            "resourceType": worded("Microsoft.DataFactory/factories", "Factory"),
            "status": worded(new.status.of_log(), "Translated"),
            "subStatus": worded(new.status.code(), "Translated"),
            "submissionTimestamp": spelled(submitted),
            "subscriptionId": home.subscription,
            "tenantId": "tenant",
            "relatedEvents": [],
        });
        match &new.caller {
            Caller::Person(name) => event["caller"] = name.as_str().into(),
            Caller::Application(object, _) => event["caller"] = object.as_str().into(),
            Caller::Nobody => {}
        }
        let mut line = json!({
            "RoleLocation": "West Europe",
            "time": spelled(happened),
            "resourceId": resource.to_uppercase(),
            "operationName": new.operation.to_uppercase(),
            "category": "Administrative",
            "resultType": new.status.of_export(),
            "resultSignature": format!("{}.{}", new.status.of_log(), new.status.code()),
            "durationMs": "0",
            "callerIpAddress": "203.0.113.7",
            "correlationId": new.correlation,
            "identity": {"authorization": authorization, "claims": claims},
            "level": if new.status == ActStatus::Failed { "Error" } else { "Information" },
            "properties": {"eventCategory": "Administrative", "entity": resource},
            "tenantId": "tenant",
        });
        for value in [&mut event, &mut line] {
            if let Value::Object(members) = value {
                members.extend(new.more.clone());
            }
        }
        Self {
            happened,
            submitted,
            id: new.id,
            correlation: new.correlation,
            operation: new.operation,
            group: home.group.clone(),
            resource,
            text: event.to_string(),
            line: line.to_string(),
        }
    }

    /// Whether it is there at an instant.
    pub(super) fn is_shown(&self, now: i64) -> bool {
        self.submitted <= now && self.happened > now - EVENTS_KEPT
    }

    /// What pages are ordered by, newest first.
    pub(super) fn place(&self) -> (i64, &str) {
        (self.happened, &self.id)
    }
}

/// A value and its translation.
fn worded(value: &str, translated: &str) -> Value {
    json!({"value": value, "localizedValue": translated})
}

/// The claims of the token that a caller signs in with.
fn claims(caller: &Caller) -> Value {
    const OF_IDENTITY: &str = "http://schemas.microsoft.com/identity/claims";
    const OF_PERSON: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims";
    let mut claims = json!({
        "aud": "https://management.azure.com/",
        "iat": "1700000000",
        "ver": "1.0",
    });
    match caller {
        Caller::Person(name) => {
            claims[format!("{OF_IDENTITY}/objectidentifier")] = format!("oid-{name}").into();
            claims[format!("{OF_IDENTITY}/scope")] = "user_impersonation".into();
            claims[format!("{OF_PERSON}/upn")] = name.as_str().into();
            claims["name"] = "A Person".into();
            claims["appid"] = "c44b4083-3bb0-49c1-b47d-974e53cbdf3c".into();
            claims["ipaddr"] = "203.0.113.7".into();
        }
        Caller::Application(object, app) => {
            claims[format!("{OF_IDENTITY}/objectidentifier")] = object.as_str().into();
            claims["appid"] = app.as_str().into();
            claims["idtyp"] = "app".into();
        }
        Caller::Nobody => {}
    }
    claims
}

/// A time as the service writes it: with up to seven digits of fraction, in this or that spelling of UTC.
pub(super) fn spelled(nanos: i64) -> String {
    let ticks = nanos.rem_euclid(1_000_000_000) / 100;
    let mut digits = 7;
    let mut rest = ticks;
    while digits > 0 && rest % 10 == 0 {
        rest /= 10;
        digits -= 1;
    }
    // Some writers keep all digits.
    if ticks % 3 == 0 {
        digits = 7;
    }
    let mut text = Vec::new();
    write_date(&mut text, nanos, digits);
    let text = String::from_utf8_lossy(&text).into_owned();
    match ticks % 5 {
        1 => text.replace('Z', "+00:00"),
        _ => text,
    }
}

/// Steps of 100 nanoseconds since the year 1.
const fn ticks(nanos: i64) -> i64 {
    nanos.div_euclid(100) + 621_355_968_000_000_000
}
