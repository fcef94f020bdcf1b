//! The records of both interfaces.

use crate::dice::fingerprint;
use crate::instant::{HOUR, SECOND, nanos, write_date};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

/// A record to be added to Orchestrator's audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRecord {
    /// `ExecutionTime`: when the call began.
    pub executed: DateTime<Utc>,
    /// When the call was over, and the record was written.
    pub written: DateTime<Utc>,
    /// `Component`.
    pub component: String,
    /// `Action`.
    pub action: String,
    /// `UserName`.
    pub user: String,
    /// `UserType`.
    pub user_type: String,
    /// `DisplayName` of what was acted on.
    pub name: String,
    /// Members of the record that nobody knows, beside the others.
    pub more: Map<String, Value>,
}

impl NewRecord {
    /// A change of an asset that took 40 ms.
    pub fn at(executed: DateTime<Utc>) -> Self {
        Self {
            executed,
            written: executed + chrono::TimeDelta::milliseconds(40),
            component: "Assets".to_owned(),
            action: "Update".to_owned(),
            user: "anna".to_owned(),
            user_type: "User".to_owned(),
            name: "invoice_mailbox".to_owned(),
            more: Map::new(),
        }
    }
}

/// An event to be added to the unified audit.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// `id`.
    pub id: String,
    /// `createdOn`.
    pub created: DateTime<Utc>,
    /// When it can be read.
    pub visible: DateTime<Utc>,
    /// The tenant that it is of; `None` for events of the organization.
    pub tenant: Option<String>,
    /// `eventSource`.
    pub source: String,
    /// `eventTarget`.
    pub target: String,
    /// `eventType`.
    pub kind: String,
    /// `status`: 0 or 1.
    pub status: u8,
    /// `actorEmail`.
    pub actor: String,
    /// `clientInfo.ipAddress`; `None` where a service acted by itself.
    pub address: Option<String>,
}

impl NewEvent {
    /// A policy that was edited in a tenant, to be read a second later.
    pub fn at(id: impl Into<String>, tenant: Option<&str>, created: DateTime<Utc>) -> Self {
        Self {
            id: id.into(),
            created,
            visible: created + chrono::TimeDelta::seconds(1),
            tenant: tenant.map(str::to_owned),
            source: "Governance".to_owned(),
            target: "Policy management".to_owned(),
            kind: "Edited policy".to_owned(),
            status: 0,
            actor: "jane@acme.example".to_owned(),
            address: Some("203.0.113.42".to_owned()),
        }
    }
}

/// A record of Orchestrator as it is stored.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) id: i64,
    /// What filters compare.
    pub(super) executed: i64,
    /// What is shown.
    pub(super) shown: i64,
    pub(super) written: i64,
    pub(super) user: String,
    /// The record as served.
    pub(super) text: String,
}

/// An event of the unified audit as it is stored.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) visible: i64,
    pub(super) tenant: Option<String>,
    /// The event as served.
    pub(super) text: String,
    /// The event as the long-term store has it.
    pub(super) stored: String,
}

/// A time of SQL Server's type `datetime`: the nearest 300th of a second, and that in whole milliseconds.
pub(super) fn sql_datetime(at: i64) -> (i64, i64) {
    let ticks = (i128::from(at) * 3 + 5_000_000).div_euclid(10_000_000);
    let exact = ticks * 10_000_000 / 3;
    let shown = (exact + 500_000).div_euclid(1_000_000) * 1_000_000;
    (exact as i64, shown as i64)
}

impl Record {
    pub(super) fn of(id: i64, new: &NewRecord, is_rounded: bool) -> Self {
        // .NET keeps 100 ns.
        let at = nanos(new.executed).div_euclid(100) * 100;
        let (executed, shown) = match is_rounded {
            true => sql_datetime(at),
            false => (at, at),
        };
        let mut record = Self {
            id,
            executed,
            shown,
            written: nanos(new.written),
            user: new.user.clone(),
            text: String::new(),
        };
        let sentence = match new.action.as_str() {
            "Delete" => format!("ユーザー {} が {} を削除しました", new.user, new.name),
            _ => format!("User {} {} {}", new.user, new.action, new.name),
        };
        let entity = id * 7 % 1_000;
        let mut value = json!({
            "ServiceName": format!("UiPath.Orchestrator.Web.Api.OData.Controllers.{}Controller", new.component),
            "MethodName": new.action,
            "Parameters": json!({"key": entity, "name": new.name}).to_string(),
            "ExecutionTime": time_text(shown),
            "Action": new.action,
            "Component": new.component,
            "DisplayName": new.name,
            "EntityId": entity,
            "OperationText": sentence,
            "UserName": new.user,
            "UserType": new.user_type,
            "UserId": 11,
            "UserIsDeleted": false,
            "ExternalClientId": null,
            "Id": id,
            "Entities": [{
                "AuditLogId": id,
                "CustomData": json!({"TenantId": 1, "Id": entity}).to_string(),
                "EntityId": entity,
                "EntityName": format!("Ui{}", new.component),
                "Action": new.action,
                "Id": id * 2,
            }],
        });
        if let Value::Object(members) = &mut value {
            members.extend(new.more.clone());
        }
        record.text = value.to_string();
        record
    }
}

impl Event {
    pub(super) fn of(organization: &str, new: NewEvent) -> Self {
        // Shown in whole milliseconds, and kept finer.
        let created = nanos(new.created);
        let mut value = json!({
            "id": new.id,
            "createdOn": time_text(created.div_euclid(1_000_000) * 1_000_000),
            "organizationId": format!("id-of-{organization}"),
            "organizationName": organization,
            "tenantId": new.tenant.as_ref().map(|tenant| format!("id-of-{tenant}")),
            "tenantName": new.tenant,
            "actorId": format!("id-of-{}", new.actor),
            "actorName": new.actor.split('@').next(),
            "actorEmail": new.actor,
            "eventType": new.kind,
            "eventSource": new.source,
            "eventTarget": new.target,
            "eventDetails": json!({"about": new.target}).to_string(),
            "eventSummary": format!("{} by {}", new.kind, new.actor),
            "status": new.status,
        });
        if let Some(address) = &new.address {
            value["clientInfo"] = json!({"ipAddress": address, "ipCountry": "US"});
        }
        let mut stored = json!({
            "OrganizationId": value["organizationId"],
            "TenantId": value["tenantId"],
            "ActorId": value["actorId"],
            "ActorEmail": value["actorEmail"],
            "ActorDetails": null,
            "EventDetails": value["eventDetails"],
            "Status": value["status"],
            "Identifier": value["id"],
            // The name says the zone.
            "DateCreatedUtc": time_text(created).trim_end_matches('Z'),
            "User": value["actorName"],
            "Action": value["eventType"],
            "Source": value["eventSource"],
            "Category": value["eventTarget"],
        });
        if let Some(address) = &new.address {
            stored["ClientInformation"] = json!({"IpAddress": address, "IpCountry": "US"});
        }
        Self {
            id: new.id,
            created,
            visible: nanos(new.visible),
            tenant: new.tenant,
            text: value.to_string(),
            stored: stored.to_string(),
        }
    }

    /// When the long-term store has it: one to two days after it can be read.
    pub(super) fn archived(&self) -> i64 {
        let hours = 24 + fingerprint(self.id.as_bytes()) % 24;
        self.visible.saturating_add(hours as i64 * HOUR)
    }

    /// What pages are ordered by.
    pub(super) fn place(&self) -> (i64, &str) {
        (self.created, &self.id)
    }
}

/// A time as .NET writes it: no more digits than it needs, up to 7.
pub(super) fn time_text(at: i64) -> String {
    let mut text = Vec::new();
    write_date(&mut text, at, 7);
    let text = String::from_utf8_lossy(&text).into_owned();
    match at.rem_euclid(SECOND) {
        0 => text.replace(".0000000", ""),
        _ => format!("{}Z", text.trim_end_matches('Z').trim_end_matches('0')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_as_many_digits_as_they_need() {
        for text in [
            "2020-03-06T16:43:59.033Z",
            "2020-03-06T16:43:51.94Z",
            "2020-03-06T16:43:50Z",
            "2020-03-06T16:43:53.0485631Z",
        ] {
            assert_eq!(time_text(nanos(text.parse().unwrap())), text);
        }
    }

    #[test]
    fn sql_server_rounds_to_a_300th_of_a_second() {
        for (at, exact, shown) in [
            (30_000_000, 30_000_000, 30_000_000),
            (33_000_000, 33_333_333, 33_000_000),
            (36_000_000, 36_666_666, 37_000_000),
            (38_500_000, 40_000_000, 40_000_000),
        ] {
            assert_eq!(sql_datetime(at), (exact, shown), "{at}");
        }
    }
}
