//! From a row to its document.
//!
//! | place in the document | column |
//! |---|---|
//! | `time`, `time_dt` | `event_time`, in milliseconds and in full |
//! | `class_uid`, `activity_id`, `activity_name`, `severity_id` | the same |
//! | `status_id`, `status`, `status_code`, `status_detail` | `outcome`, `outcome_code`, `outcome_detail` |
//! | `metadata`: `uid`, `original_event_uid`, `correlation_uid`, `tenant_uid`, `log_source` | `event_uid`, `native_id`, `correlation_uid`, `tenant`, `source` |
//! | `metadata`: `event_code`, `original_time`, `logged_time` | `action`, `event_time_text`, `ingested_at` |
//! | `actor.user`: `uid`, `name`, `email_addr`, `type_id`; `actor.invoked_by` | `actor_uid`, `actor_name`, `actor_email`, `actor_type`; `actor_impersonated_by` |
//! | `src_endpoint`: `ip`, else `domain` or `name` | `src_ip` |
//! | `http_request.user_agent` | `user_agent` |
//! | `api.operation`, `api.service.name` (API Activity; any class on a cloud platform) | `action`; the product |
//! | `resources[0]`: `type`, `uid`, `name`, `namespace` (API Activity, User Access Management) | `resource_type`, `resource_uid`, `resource_name`, `namespace` |
//! | `user` (the classes of Identity & Access Management) | who signed in (Authentication); else the resource |
//! | `cloud`: `provider`, `region`, `account.uid` | the product, `region`, `account` |
//! | `raw_data`, `raw_data_hash`, `raw_data_size` | `raw` |
//! | `unmapped` | every other column that has a value |

use super::class::OcsfClass;
use super::{EventRow, Product, VERSION};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::net::IpAddr;

/// What stands where a class requires a value and the platform states none.
const UNKNOWN: &str = "unknown";

/// Columns that have a place in some classes, or on a cloud platform only.
const PLACED_BY_CLASS: [&str; 6] = [
    "resource_type",
    "resource_uid",
    "resource_name",
    "namespace",
    "region",
    "account",
];

/// Columns of text that OCSF has no place for.
const UNPLACED: [&str; 6] = [
    "category",
    "workflow",
    "execution_uid",
    "revision",
    "detail",
    "batch_id",
];

/// The OCSF event of a row, valid by the schema of its class.
pub fn document(row: &EventRow<'_>, product: &Product<'_>) -> Map<String, Value> {
    let class = OcsfClass::of(row.number("class_uid").unwrap_or_default());
    let (activity_id, caption) = class.activity(row.number("activity_id").unwrap_or_default());
    let activity_name = row.text("activity_name").unwrap_or(caption);
    let mut document = Document::default();
    document.put("category_uid", class.category_uid);
    document.put("category_name", class.category_name);
    document.put("class_uid", class.uid);
    document.put("class_name", class.name);
    document.put("activity_id", activity_id);
    document.put("activity_name", activity_name);
    document.put("type_uid", class.uid * 100 + activity_id);
    document.put("type_name", format!("{}: {caption}", class.name));
    if let Some(time) = row.instant("event_time") {
        document.put("time", time.timestamp_millis());
        document.put("time_dt", written(time));
    }
    severity(&mut document, row);
    status(&mut document, row);
    document.put("metadata", metadata(row, product));
    document.put("actor", actor(row, product));
    // The classes of Identity & Access Management have it with the profile `cloud` only.
    if class.uid == 6003 || product.cloud.is_some() {
        document.put("api", api(row, product));
    }
    document.put("src_endpoint", source_endpoint(row.text("src_ip")));
    if let Some(agent) = row.text("user_agent") {
        document.put("http_request", json!({ "user_agent": agent }));
    }
    match class.uid {
        3001 => document.put("user", changed_user(row)),
        3002 => {
            document.put("user", user(row));
            document.put("service", json!({ "name": product.name }));
        }
        3005 => {
            document.put("user", changed_user(row));
            // The platform's record says which, in its own words: see `unmapped`.
            document.put("privileges", json!([]));
        }
        _ => {}
    }
    let resource = resource(row).filter(|_| matches!(class.uid, 3005 | 6003));
    if let Some(resource) = &resource {
        document.put("resources", json!([resource]));
    }
    if let Some(provider) = product.cloud {
        document.put("cloud", cloud(row, provider));
    }
    document.put("observables", observables(&document.0));
    raw(&mut document, row);
    let is_placed = |name: &str| match name {
        "region" | "account" => product.cloud.is_some(),
        "resource_uid" | "resource_name" => resource.is_some() || class.uid == 3001,
        _ => resource.is_some(),
    };
    let unmapped = unmapped(row, is_placed);
    if !unmapped.is_empty() {
        document.put("unmapped", Value::Object(unmapped));
    }
    document.0
}

/// An object under construction.
#[derive(Default)]
struct Document(Map<String, Value>);

impl Document {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    fn put_some<T: Into<Value>>(&mut self, name: &str, value: Option<T>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }
}

fn written(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn severity(document: &mut Document, row: &EventRow<'_>) {
    let (id, caption) = match row.number("severity_id") {
        Some(1) => (1, "Informational"),
        Some(2) => (2, "Low"),
        Some(3) => (3, "Medium"),
        Some(4) => (4, "High"),
        Some(5) => (5, "Critical"),
        Some(6) => (6, "Fatal"),
        _ => (0, "Unknown"),
    };
    document.put("severity_id", id);
    document.put("severity", caption);
}

fn status(document: &mut Document, row: &EventRow<'_>) {
    let (id, caption) = match row.text("outcome") {
        Some("success") => (1, "Success"),
        Some("failure") => (2, "Failure"),
        _ => (0, "Unknown"),
    };
    document.put("status_id", id);
    document.put("status", caption);
    document.put_some("status_code", row.text("outcome_code"));
    document.put_some("status_detail", row.text("outcome_detail"));
}

fn metadata(row: &EventRow<'_>, product: &Product<'_>) -> Value {
    let mut named = Document::default();
    named.put("name", product.name);
    named.put_some("vendor_name", product.vendor);
    let mut metadata = Document::default();
    metadata.put("version", VERSION);
    metadata.put("product", Value::Object(named.0));
    metadata.put(
        "profiles",
        match product.cloud {
            Some(_) => json!(["cloud", "datetime"]),
            None => json!(["datetime"]),
        },
    );
    metadata.put_some("uid", row.text("event_uid"));
    metadata.put_some("original_event_uid", row.text("native_id"));
    metadata.put_some("correlation_uid", row.text("correlation_uid"));
    metadata.put_some("event_code", row.text("action"));
    metadata.put_some("original_time", row.text("event_time_text"));
    metadata.put_some("tenant_uid", row.text("tenant"));
    metadata.put_some("log_source", row.text("source"));
    if let Some(time) = row.instant("ingested_at") {
        metadata.put("logged_time", time.timestamp_millis());
        metadata.put("logged_time_dt", written(time));
    }
    Value::Object(metadata.0)
}

fn actor(row: &EventRow<'_>, product: &Product<'_>) -> Value {
    let mut actor = Document::default();
    let is_system = row.text("actor_type") == Some("system");
    if is_system && row.text("actor_name").or(row.text("actor_uid")).is_none() {
        actor.put("app_name", product.name);
    } else {
        actor.put("user", user(row));
    }
    actor.put_some("invoked_by", row.text("actor_impersonated_by"));
    Value::Object(actor.0)
}

/// Who acted.
fn user(row: &EventRow<'_>) -> Value {
    let mut user = Document::default();
    user.put_some("uid", row.text("actor_uid"));
    user.put_some("name", row.text("actor_name"));
    user.put_some("email_addr", row.text("actor_email"));
    if !(user.0.contains_key("uid") || user.0.contains_key("name")) {
        user.put("name", UNKNOWN);
    }
    let (id, caption) = match row.text("actor_type") {
        Some("user") => (1, "User"),
        Some("system") => (3, "System"),
        Some("service") => (4, "Service"),
        _ => (0, "Unknown"),
    };
    user.put("type_id", id);
    user.put("type", caption);
    Value::Object(user.0)
}

/// Whose account or rights were changed, as far as the record names them: never who did it.
fn changed_user(row: &EventRow<'_>) -> Value {
    let mut user = Document::default();
    user.put_some("uid", row.text("resource_uid"));
    user.put_some("name", row.text("resource_name"));
    if user.0.is_empty() {
        user.put("name", UNKNOWN);
    }
    Value::Object(user.0)
}

fn api(row: &EventRow<'_>, product: &Product<'_>) -> Value {
    json!({
        "operation": row.text("action").unwrap_or(UNKNOWN),
        "service": { "name": product.name },
    })
}

/// Where the request came from. What platforms write there is no address in every case.
fn source_endpoint(text: Option<&str>) -> Value {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    match text {
        Some(text) if text.parse::<IpAddr>().is_ok() => json!({ "ip": text }),
        Some(text) if is_domain(text) => json!({ "domain": text }),
        Some(text) => json!({ "name": text }),
        None => json!({ "name": UNKNOWN }),
    }
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && (label.bytes()).all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.contains('.')
        && text.split('.').all(is_label)
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

fn resource(row: &EventRow<'_>) -> Option<Value> {
    let mut resource = Document::default();
    resource.put_some("uid", row.text("resource_uid"));
    resource.put_some("name", row.text("resource_name"));
    if resource.0.is_empty() {
        return None;
    }
    resource.put_some("type", row.text("resource_type"));
    resource.put_some("namespace", row.text("namespace"));
    Some(Value::Object(resource.0))
}

fn cloud(row: &EventRow<'_>, provider: &str) -> Value {
    let mut cloud = Document::default();
    cloud.put("provider", provider);
    cloud.put_some("region", row.text("region"));
    if let Some(account) = row.text("account") {
        cloud.put("account", json!({ "uid": account }));
    }
    Value::Object(cloud.0)
}

/// What other programs search by: a place in the document, OCSF's type of it, and its caption.
const OBSERVABLES: [(&str, &str, i64, &str); 7] = [
    ("/actor/user/name", "actor.user.name", 4, "User Name"),
    (
        "/actor/user/email_addr",
        "actor.user.email_addr",
        5,
        "Email Address",
    ),
    ("/actor/user/uid", "actor.user.uid", 31, "User Object: uid"),
    ("/src_endpoint/ip", "src_endpoint.ip", 2, "IP Address"),
    ("/src_endpoint/domain", "src_endpoint.domain", 1, "Hostname"),
    ("/resources/0/uid", "resources[].uid", 10, "Resource UID"),
    (
        "/http_request/user_agent",
        "http_request.user_agent",
        16,
        "HTTP User-Agent",
    ),
];

fn observables(document: &Map<String, Value>) -> Value {
    let at = |pointer: &str| {
        let mut steps = pointer.split('/').skip(1);
        let first = document.get(steps.next()?)?;
        steps.try_fold(first, |value, step| match value {
            Value::Array(values) => values.get(step.parse::<usize>().ok()?),
            value => value.get(step),
        })
    };
    let of = |(pointer, name, type_id, caption): &(&str, &str, i64, &str)| {
        let value = at(pointer)?.as_str().filter(|value| *value != UNKNOWN)?;
        Some(json!({ "name": name, "type_id": type_id, "type": caption, "value": value }))
    };
    OBSERVABLES.iter().filter_map(of).collect()
}

fn raw(document: &mut Document, row: &EventRow<'_>) {
    let Some(raw) = row.text("raw") else { return };
    let digest = hex::encode(Sha256::digest(raw.as_bytes()));
    document.put("raw_data", raw);
    document.put("raw_data_size", raw.len());
    document.put(
        "raw_data_hash",
        json!({ "algorithm_id": 3, "algorithm": "SHA-256", "value": digest }),
    );
}

/// The columns that found no place.
fn unmapped(row: &EventRow<'_>, is_placed: impl Fn(&str) -> bool) -> Map<String, Value> {
    let mut unmapped = Document::default();
    let left = (PLACED_BY_CLASS.iter()).filter(|name| !is_placed(name));
    for name in UNPLACED.iter().chain(left) {
        unmapped.put_some(name, row.text(name));
    }
    unmapped.put_some("mapping_version", row.number("mapping_version"));
    unmapped.0
}
