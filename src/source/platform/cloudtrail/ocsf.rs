//! What a record of CloudTrail adds to its OCSF document, in the places where OCSF's own mapping of CloudTrail puts it.
//!
//! Three things stay as they are in every document of ours: `metadata.uid` is the id of the event here, with
//! `eventID` as `original_event_uid`; `status` is unknown where a record states no error, since none states a success;
//! and empty texts are left out.

use serde_json::{Map, Value, json};

/// Members that OCSF has no place for, by the name that they get in `unmapped`.
const UNMAPPED: [(&str, &str); 9] = [
    ("/managementEvent", "managementEvent"),
    ("/readOnly", "readOnly"),
    ("/sharedEventID", "sharedEventID"),
    ("/additionalEventData", "additionalEventData"),
    ("/serviceEventDetails", "serviceEventDetails"),
    (
        "/userIdentity/sessionContext/sessionIssuer/accountId",
        "userIdentity.sessionContext.sessionIssuer.accountId",
    ),
    (
        "/userIdentity/sessionContext/sessionIssuer/principalId",
        "userIdentity.sessionContext.sessionIssuer.principalId",
    ),
    (
        "/userIdentity/sessionContext/sessionIssuer/type",
        "userIdentity.sessionContext.sessionIssuer.type",
    ),
    (
        "/userIdentity/sessionContext/sessionIssuer/userName",
        "userIdentity.sessionContext.sessionIssuer.userName",
    ),
];

/// See [`OcsfExtra`](crate::event::ocsf::OcsfExtra).
pub(super) fn extra(raw: &str, document: &mut Map<String, Value>) {
    // A record that was redacted is JSON still.
    let Ok(record) = serde_json::from_str::<Value>(raw) else {
        return;
    };
    let record = Record(&record);
    if document.get("activity_name") == Some(&json!("Other")) {
        put(document, &["activity_name"], record.text("/eventName"));
    }
    put(
        document,
        &["metadata", "product", "name"],
        Some(json!("CloudTrail")),
    );
    for (path, pointer) in [
        (&["metadata", "product", "version"][..], "/eventVersion"),
        (
            &["metadata", "product", "feature", "name"],
            "/eventCategory",
        ),
        (&["metadata", "event_code"], "/eventType"),
        (&["api", "service", "name"], "/eventSource"),
        (&["api", "version"], "/apiVersion"),
        (&["api", "request", "uid"], "/requestID"),
        (&["api", "response", "error"], "/errorCode"),
        (&["api", "response", "error_message"], "/errorMessage"),
        (
            &["actor", "user", "account", "uid"],
            "/userIdentity/accountId",
        ),
        (&["actor", "user", "type"], "/userIdentity/type"),
        (
            &["actor", "idp", "uid"],
            "/userIdentity/onBehalfOf/identityStoreArn",
        ),
        (&["src_endpoint", "uid"], "/vpcEndpointId"),
    ] {
        put(document, path, record.text(pointer));
    }
    let first = |pointers: [&str; 2]| pointers.iter().find_map(|it| record.text(it));
    put(
        document,
        &["actor", "user", "uid_alt"],
        first([
            "/userIdentity/principalId",
            "/userIdentity/onBehalfOf/userId",
        ]),
    );
    put(
        document,
        &["actor", "user", "credential_uid"],
        first(["/userIdentity/accessKeyId", "/userIdentity/credentialId"]),
    );
    name(&record, document);
    session(&record, document);
    // OCSF requires the id of a request where it has one.
    if record.text("/requestID").is_some() {
        put(
            document,
            &["api", "request", "data"],
            record.json("/requestParameters"),
        );
    }
    put(
        document,
        &["api", "response", "data"],
        record.json("/responseElements"),
    );
    for (pointer, name) in UNMAPPED {
        unmapped(document, name, record.0.pointer(pointer));
    }
}

/// A record of CloudTrail.
struct Record<'a>(&'a Value);

impl Record<'_> {
    /// A text that is not empty.
    fn text(&self, pointer: &str) -> Option<Value> {
        let text = self.0.pointer(pointer)?.as_str()?;
        (!text.is_empty()).then(|| json!(text))
    }

    /// An object or array, as JSON text.
    fn json(&self, pointer: &str) -> Option<Value> {
        let value = self.0.pointer(pointer)?;
        (value.is_object() || value.is_array()).then(|| json!(value.to_string()))
    }
}

/// The name of a person in the identity center stands beside the identity.
fn name(record: &Record<'_>, document: &mut Map<String, Value>) {
    let Some(name) = record.text("/additionalEventData/UserName") else {
        return;
    };
    for path in [&["actor", "user"][..], &["user"]] {
        let mut steps = path.iter();
        let first = steps.next().and_then(|step| document.get(*step));
        let user = steps.fold(first, |value, step| value?.get(*step));
        let known = user.map(|user| user.get("name"));
        if matches!(known, Some(None)) || known == Some(Some(&json!("unknown"))) {
            put(document, &[path, &["name"]].concat(), Some(name.clone()));
            if let (["actor", ..], Some(Value::Array(observables))) =
                (path, document.get_mut("observables"))
            {
                observables.push(json!({
                    "name": "actor.user.name", "type_id": 4, "type": "User Name", "value": name,
                }));
            }
        }
    }
}

/// The session of a role that was assumed.
fn session(record: &Record<'_>, document: &mut Map<String, Value>) {
    const CONTEXT: &str = "/userIdentity/sessionContext";
    let of = |place: &str| record.text(&format!("{CONTEXT}{place}"));
    let mfa = of("/attributes/mfaAuthenticated").map(|it| json!(it == json!("true")));
    for (name, value) in [
        ("created_time_dt", of("/attributes/creationDate")),
        ("is_mfa", mfa),
        ("issuer", of("/sessionIssuer/arn")),
    ] {
        put(document, &["actor", "session", name], value);
    }
}

/// Puts a value at a path, whose objects are made where they are missing.
fn put(document: &mut Map<String, Value>, path: &[&str], value: Option<Value>) {
    let (Some(value), Some((last, parents))) = (value, path.split_last()) else {
        return;
    };
    let mut object = document;
    for name in parents {
        let inner = object
            .entry(*name)
            .or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(inner) = inner else { return };
        object = inner;
    }
    object.insert((*last).to_owned(), value);
}

/// Adds a value to `unmapped` under its name; of an object each member, as text.
fn unmapped(document: &mut Map<String, Value>, name: &str, value: Option<&Value>) {
    let text = match value {
        None | Some(Value::Null) => return,
        Some(Value::Object(members)) => {
            for (member, value) in members {
                unmapped(document, &format!("{name}.{member}"), Some(value));
            }
            return;
        }
        Some(Value::String(text)) if text.is_empty() => return,
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    put(document, &["unmapped", name], Some(json!(text)));
}

#[cfg(test)]
mod tests;
