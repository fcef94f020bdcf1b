//! From one `LogEntry` with an `AuditLog` as its payload to one event.
//!
//! Columns come from these places and no others, so unknown fields change nothing (they stay in
//! `raw`). Required of an entry are only `logName`, `timestamp` and `insertId`, which together are the
//! platform's own key: an insert id alone is not unique. Any other field that is missing, null, of another
//! type, or no Unicode text leaves its column null. `p` is `/protoPayload`.
//!
//! | column | place in the entry | |
//! |---|---|---|
//! | `native_id` | `/logName`, `/timestamp`, `/insertId` | with a space between; the time as [`format_instant`] writes it, since the service chooses how many digits it shows |
//! | `event_time`, `event_time_text` | `/timestamp` | when the act was, not when it arrived |
//! | `action` | `p/methodName` | verbatim; decides the category, see `methods` |
//! | `severity_id` | `/severity` | |
//! | `outcome`, `outcome_code`, `outcome_detail` | `p/status`: `code`, `message` | see `outcome` |
//! | `actor_uid` | `p/authenticationInfo/principalSubject`, else `principalEmail` | |
//! | `actor_name`, `actor_email` | `p/authenticationInfo/principalEmail`; the name else `principalSubject` | |
//! | `actor_type` | the prefix of `principalSubject`, or the domain of service accounts | |
//! | `actor_impersonated_by` | `p/authenticationInfo/serviceAccountDelegationInfo/0`: `principalSubject`, else `firstPartyPrincipal/principalEmail` | the first of those who act through a service account |
//! | `src_ip`, `user_agent` | `p/requestMetadata`: `callerIp`, `callerSuppliedUserAgent` | text: an address may be `private` |
//! | `resource_type`, `resource_uid`, `resource_name` | `/resource/type`, `p/resourceName`, `/resource/labels/environment_name` | |
//! | `correlation_uid` | `/operation/id` | the same in the first and the last entry of a long operation |
//! | `region`, `account` | `/resource/labels`: `location`, `project_id` | |
//! | `detail` | `p/request` | the object's bytes, verbatim |
//!
//! `tenant` stays null: the project is part of the log's name, so no two records share an id.

mod methods;
mod origins;

pub use origins::ORIGINS;

use crate::event::json::{self, JsonKind, JsonText, JsonValue, named, text_or_number};
use crate::event::redact::ColumnOrigins;
use crate::event::unfit::Unfit;
use crate::event::{ActorType, Event, Outcome, record};
use crate::source::{Identity, Mapping, Unidentified};
use crate::window::format_instant;
use std::borrow::Cow;

/// Version of the rules in this module and in its tables, stored in every row. It rises whenever the
/// same record would give another row.
pub const MAPPING_VERSION: i64 = 1;

/// The name of the platform in its column.
pub const PLATFORM: &str = "composer";

/// The domain of the addresses of service accounts.
const SERVICE_ACCOUNTS: &str = ".gserviceaccount.com";

/// Reads id and time only, and does not judge the rest. Whatever [`normalise`] accepts has the same
/// identity here.
///
/// # Errors
/// Where log, time or insert id cannot be read.
pub fn identify(record: &[u8]) -> Result<Identity<'_>, Unidentified<'_>> {
    let mut entry = EntryFields::default();
    entry
        .find(record)
        .and_then(|()| entry.identity(record))
        .map(|(identity, _)| identity)
        .map_err(Unidentified::from)
}

/// Makes the event of an entry, whose exact bytes it is given. The event borrows from them wherever text
/// has no escapes.
///
/// # Errors
/// Why it can only be quarantined.
pub fn normalise(record: &[u8]) -> Result<Event<'_>, Unfit> {
    let mut entry = EntryFields::default();
    let source = record::read(record, |name, value| entry.note(name, value))?;
    let (identity, time_text) = entry.identity(source)?;
    let [
        action,
        resource_uid,
        status,
        authentication,
        metadata,
        request,
    ] = named(
        record,
        entry.payload,
        [
            "methodName",
            "resourceName",
            "status",
            "authenticationInfo",
            "requestMetadata",
            "request",
        ],
    );
    let [email, subject, delegation] = named(
        record,
        authentication,
        [
            "principalEmail",
            "principalSubject",
            "serviceAccountDelegationInfo",
        ],
    );
    let [src_ip, user_agent] = named(record, metadata, ["callerIp", "callerSuppliedUserAgent"]);
    let [resource_type, labels] = named(record, entry.resource, ["type", "labels"]);
    let [project, location, environment] = named(
        record,
        labels,
        ["project_id", "location", "environment_name"],
    );
    let [operation, first, last] = named(record, entry.operation, ["id", "first", "last"]);
    let is = |flag: Option<JsonValue>| flag.is_some_and(|flag| flag.kind == JsonKind::True);
    let only_begun = is(first) && !is(last);
    let text = |value: Option<JsonValue>| value?.text(source).ok();
    let [code, message] = named(record, status, ["code", "message"]);
    let action = text(action);
    let meaning = methods::meaning(action.as_deref());
    let (email, subject) = (text(email), text(subject));
    Ok(Event {
        native_id: Some(identity.native_id),
        category: meaning.category,
        class_uid: meaning.class_uid,
        activity_id: meaning.activity_id,
        activity_name: meaning.activity_name.into(),
        action,
        severity_id: severity(text(entry.severity).as_deref()),
        outcome: outcome(record, status, code, only_begun),
        outcome_code: code
            .filter(|code| matches!(code.kind, JsonKind::Number | JsonKind::Text))
            .and_then(|code| text_or_number(Some(code), source)),
        outcome_detail: text(message),
        actor_type: actor_type(subject.as_deref(), email.as_deref()),
        actor_uid: subject.clone().or_else(|| email.clone()),
        actor_name: email.clone().or(subject),
        actor_email: email,
        actor_impersonated_by: text(delegate(record, delegation)),
        src_ip: text(src_ip),
        user_agent: text(user_agent),
        resource_type: text(resource_type),
        resource_uid: text(resource_uid),
        resource_name: text(environment),
        correlation_uid: text(operation),
        region: text(location),
        account: text(project),
        detail: request
            .filter(|value| value.kind == JsonKind::Object)
            .and_then(|value| value.verbatim(source).ok())
            .map(Cow::Borrowed),
        ..Event::bare(source, identity.time, time_text)
    })
}

/// What the entry says of success, and nothing beyond it: an empty status is code 0, which is OK; a
/// missing one says nothing, and OK in the first entry of a long operation only says that it began.
fn outcome(
    record: &[u8],
    status: Option<JsonValue>,
    code: Option<JsonValue>,
    only_begun: bool,
) -> Outcome {
    if status.is_none_or(|status| status.kind != JsonKind::Object) {
        return Outcome::Unknown;
    }
    // Protocol buffers leave out a number that is 0, and JSON may write it as text.
    let number = match code.filter(|code| code.kind != JsonKind::Null) {
        None => Some(0),
        Some(code) => text_or_number(Some(code), record).and_then(|text| text.parse::<i64>().ok()),
    };
    match number {
        Some(0) if only_begun => Outcome::Unknown,
        Some(0) => Outcome::Success,
        Some(_) => Outcome::Failure,
        None => Outcome::Unknown,
    }
}

/// OCSF's severity for that of the entry.
fn severity(severity: Option<&str>) -> i64 {
    match severity {
        Some("DEBUG" | "INFO" | "NOTICE") => 1,
        Some("WARNING") => 2,
        Some("ERROR") => 3,
        Some("CRITICAL" | "ALERT") => 5,
        Some("EMERGENCY") => 6,
        _ => 0,
    }
}

fn actor_type(subject: Option<&str>, email: Option<&str>) -> ActorType {
    let begins = |prefix: &str| subject.is_some_and(|subject| subject.starts_with(prefix));
    if begins("user:") {
        ActorType::User
    } else if begins("serviceAccount:") || email.is_some_and(|it| it.ends_with(SERVICE_ACCOUNTS)) {
        ActorType::Service
    } else {
        ActorType::Unknown
    }
}

/// Who acts through a service account: the first of the chain.
fn delegate(record: &[u8], delegation: Option<JsonValue>) -> Option<JsonValue> {
    let delegation = delegation.filter(|value| value.kind == JsonKind::Array)?;
    let mut elements = json::elements(record, delegation.at).ok()?;
    let first = json::value_at(record, elements.next_at().ok()??).ok()?;
    let [subject, principal] = named(
        record,
        Some(first),
        ["principalSubject", "firstPartyPrincipal"],
    );
    let is_text = |value: &JsonValue| value.kind == JsonKind::Text;
    subject.filter(is_text).or_else(|| {
        let [email] = named(record, principal, ["principalEmail"]);
        email
    })
}

/// The members of an entry that columns come from; of doubled keys the first.
#[derive(Default)]
struct EntryFields {
    insert_id: Option<JsonValue>,
    log_name: Option<JsonValue>,
    timestamp: Option<JsonValue>,
    severity: Option<JsonValue>,
    resource: Option<JsonValue>,
    operation: Option<JsonValue>,
    payload: Option<JsonValue>,
}

impl EntryFields {
    /// Finds what identifies an entry, and reads no further.
    fn find(&mut self, record: &[u8]) -> Result<(), Unfit> {
        record::find(record, |name, value| {
            self.note(name, value);
            self.insert_id.is_some() && self.log_name.is_some() && self.timestamp.is_some()
        })
    }

    fn note(&mut self, name: &[u8], value: JsonValue) {
        let slot = match name {
            b"insertId" => &mut self.insert_id,
            b"logName" => &mut self.log_name,
            b"timestamp" => &mut self.timestamp,
            b"severity" => &mut self.severity,
            b"resource" => &mut self.resource,
            b"operation" => &mut self.operation,
            b"protoPayload" => &mut self.payload,
            _ => return,
        };
        slot.get_or_insert(value);
    }

    /// The identity, and the time as written.
    fn identity<'a>(
        &self,
        source: impl JsonText<'a>,
    ) -> Result<(Identity<'a>, Cow<'a, str>), Unfit> {
        let insert_id = record::id(self.insert_id, source)?;
        let log_name = record::id(self.log_name, source)?;
        let (time, time_text) = record::instant(self.timestamp, source)?;
        let identity = Identity {
            native_id: format!("{log_name} {} {insert_id}", format_instant(time)).into(),
            time,
            tenant: None,
        };
        Ok((identity, time_text))
    }
}

/// How audit entries of Cloud Logging become events.
#[derive(Debug, Clone, Copy)]
pub struct ComposerMapping;

impl Mapping for ComposerMapping {
    fn platform(&self) -> &'static str {
        PLATFORM
    }

    fn version(&self) -> i64 {
        MAPPING_VERSION
    }

    fn origins(&self) -> &dyn ColumnOrigins {
        &ORIGINS
    }

    fn identify<'a>(&self, record: &'a [u8]) -> Result<Identity<'a>, Unidentified<'a>> {
        identify(record)
    }

    fn normalise<'a>(&self, record: &'a [u8], _: Option<&'a [u8]>) -> Result<Event<'a>, Unfit> {
        normalise(record)
    }
}

#[cfg(test)]
mod tests;
