//! From one record of UiPath to one event.
//!
//! There are three forms of record, told apart by what they call their time: Orchestrator's `AuditLogDto`
//! (`ExecutionTime`), an event of the unified audit (`createdOn`), and one of its long-term store
//! (`DateCreatedUtc`). Columns come from these places and no others, so unknown fields change nothing (they stay in
//! `raw`). Required of a record are only id and time; any other field that is missing, null, of another type, or no
//! Unicode text leaves its column null.
//!
//! | column | Orchestrator | unified audit | long-term store | |
//! |---|---|---|---|---|
//! | `native_id` | `/Id` | `/id` | `/Identifier` | a number as written, or text |
//! | `event_time`, `event_time_text` | `/ExecutionTime` | `/createdOn` | `/DateCreatedUtc` | when the call began; the store writes no zone |
//! | `action` | `/Action` | `/eventType` | `/Action` | verbatim, also where it is unknown |
//! | `resource_type` | `/Component` | `/eventTarget` | `/Category` | |
//! | `namespace` | | `/eventSource` | `/Source` | the service |
//! | `outcome`, `outcome_code` | | `/status` | `/Status` | 0 is success and 1 failure. Orchestrator does not say, and so it is unknown |
//! | `actor_uid` | `/UserId`, else `/ExternalClientId` | `/actorId` | `/ActorId` | |
//! | `actor_name` | `/UserName` | `/actorName` | `/User` | |
//! | `actor_email` | | `/actorEmail` | `/ActorEmail` | |
//! | `actor_type` | `/UserType` | | | robots and external applications are services |
//! | `src_ip` | | `/clientInfo/ipAddress` | `/ClientInformation/IpAddress` | |
//! | `resource_uid`, `resource_name` | `/EntityId`, `/DisplayName` | | | |
//! | `workflow`, `execution_uid` | `/DisplayName`, `/EntityId` | | | of processes, of jobs |
//! | `account` | | `/organizationId` | `/OrganizationId` | |
//! | `detail` | `/Parameters` | `/eventDetails` | `/EventDetails` | an object that comes as text |
//!
//! `tenant` stays null, so that its column has the name of the feed's tenant: ids of the unified audit are unique
//! without it, its name can be changed, and Orchestrator's records do not state it. `OperationText` and
//! `eventSummary` are in the language of whoever set up the tenant, and are not read.

mod actions;
mod origins;
#[cfg(test)]
mod tests;

pub use origins::ORIGINS;

use crate::event::json::{
    self, JsonKind, JsonText, JsonValue, named, named_in, text, text_or_number,
};
use crate::event::redact::ColumnOrigins;
use crate::event::time::{self, TimeError};
use crate::event::unfit::{Reason, Unfit};
use crate::event::{ActorType, Event, Outcome, record};
use crate::source::{Identity, Mapping, Unidentified};
use actions::ActionMeaning;
use chrono::{DateTime, Utc};
use std::borrow::Cow;

/// Version of the rules in this module and in its tables, stored in every row. It rises whenever the
/// same record would give another row.
pub const MAPPING_VERSION: i64 = 1;

/// The name of the platform in its column.
pub const PLATFORM: &str = "uipath";

/// Reads id and time only, and does not judge the rest. Whatever [`normalise`] accepts has the same identity here.
///
/// # Errors
/// Where id or time cannot be read.
pub fn identify(record: &[u8]) -> Result<Identity<'_>, Unidentified<'_>> {
    let mut fields = FormFields::default();
    let found = record::find(record, |name, value| {
        fields.note(name, value);
        false
    });
    found
        .and_then(|()| fields.identity(record))
        .map(|(identity, ..)| identity)
        .map_err(|unfit| Unidentified {
            unfit,
            native_id: fields.id(record).ok(),
        })
}

/// Makes the event of a record, whose exact bytes it is given. The event borrows from them wherever text has no
/// escapes.
///
/// # Errors
/// Why it can only be quarantined.
pub fn normalise(record: &[u8]) -> Result<Event<'_>, Unfit> {
    let mut fields = FormFields::default();
    let source = record::read(record, |name, value| fields.note(name, value))?;
    let (identity, time_text, form) = fields.identity(source)?;
    let event = Event {
        native_id: Some(identity.native_id),
        ..Event::bare(source, identity.time, time_text)
    };
    Ok(match form {
        RecordForm::Orchestrator => of_orchestrator(event),
        RecordForm::Unified => of_audit(event, &UNIFIED),
        RecordForm::Store => of_audit(event, &STORE),
    })
}

/// The time that the long-term store writes, whose name says that it is in UTC.
pub(super) fn store_time(text: &str) -> Result<DateTime<Utc>, TimeError> {
    match time::parse(text) {
        Err(TimeError::Unreadable) => time::parse(&format!("{text}Z")),
        parsed => parsed,
    }
}

/// What kind of record it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RecordForm {
    Orchestrator,
    Unified,
    Store,
}

/// The members that tell the forms apart and identify a record; of doubled keys the first.
#[derive(Default)]
struct FormFields {
    /// Id and time of each form.
    orchestrator: [Option<JsonValue>; 2],
    unified: [Option<JsonValue>; 2],
    store: [Option<JsonValue>; 2],
}

impl FormFields {
    #[inline]
    fn note(&mut self, name: &[u8], value: JsonValue) {
        let slot = match name {
            b"Id" => &mut self.orchestrator[0],
            b"ExecutionTime" => &mut self.orchestrator[1],
            b"id" => &mut self.unified[0],
            b"createdOn" => &mut self.unified[1],
            b"Identifier" => &mut self.store[0],
            b"DateCreatedUtc" => &mut self.store[1],
            _ => return,
        };
        slot.get_or_insert(value);
    }

    /// The form whose time is there, else that whose id is.
    fn form(&self) -> (RecordForm, [Option<JsonValue>; 2]) {
        let forms = [
            (RecordForm::Orchestrator, self.orchestrator),
            (RecordForm::Unified, self.unified),
            (RecordForm::Store, self.store),
        ];
        let has = |member: usize| {
            let mut forms = forms.iter();
            forms.find(|(_, fields)| fields[member].is_some()).copied()
        };
        has(1)
            .or_else(|| has(0))
            .unwrap_or((RecordForm::Orchestrator, [None; 2]))
    }

    fn id<'a>(&self, source: impl JsonText<'a>) -> Result<Cow<'a, str>, Unfit> {
        let (_, [id, _]) = self.form();
        match id.filter(|id| id.kind == JsonKind::Number) {
            None => record::id(id, source),
            number => text_or_number(number, source).ok_or(Unfit::because(Reason::IdNotText)),
        }
    }

    /// The identity, the time as written, and the form.
    fn identity<'a>(
        &self,
        source: impl JsonText<'a>,
    ) -> Result<(Identity<'a>, Cow<'a, str>, RecordForm), Unfit> {
        let native_id = self.id(source)?;
        let (form, [_, time]) = self.form();
        let (time, time_text) = match (form, text(time, source)) {
            (RecordForm::Store, Some(written)) => (store_time(&written)?, written),
            _ => record::instant(time, source)?,
        };
        let identity = Identity {
            native_id,
            time,
            tenant: None,
        };
        Ok((identity, time_text, form))
    }
}

fn of_orchestrator(event: Event<'_>) -> Event<'_> {
    let source = event.raw;
    let [
        action,
        component,
        name,
        entity,
        user,
        user_type,
        user_id,
        client,
        parameters,
    ] = named_in(
        source.as_bytes(),
        [
            "Action",
            "Component",
            "DisplayName",
            "EntityId",
            "UserName",
            "UserType",
            "UserId",
            "ExternalClientId",
            "Parameters",
        ],
    );
    let [action, component, name, user, user_type, client] =
        [action, component, name, user, user_type, client].map(|value| text(value, source));
    let entity = text_or_number(entity, source);
    let component_is = |names: &[&str]| component.as_deref().is_some_and(|it| names.contains(&it));
    let workflow = component_is(&["Packages", "Processes"]).then(|| name.clone());
    let execution_uid = component_is(&["Jobs"]).then(|| entity.clone());
    let meaning = actions::of_orchestrator(component.as_deref(), action.as_deref());
    Event {
        action,
        actor_uid: text_or_number(user_id, source).or(client),
        actor_name: user,
        actor_type: match user_type.as_deref() {
            Some("User" | "DirectoryUser") => ActorType::User,
            Some("Robot" | "DirectoryRobot" | "DirectoryExternalApplication") => ActorType::Service,
            _ => ActorType::Unknown,
        },
        resource_type: component,
        resource_uid: entity,
        resource_name: name,
        workflow: workflow.flatten(),
        execution_uid: execution_uid.flatten(),
        detail: object_in(parameters, source),
        ..with(event, meaning)
    }
}

/// What the members of an event are called.
struct EventNames {
    action: &'static str,
    service: &'static str,
    target: &'static str,
    status: &'static str,
    actor_uid: &'static str,
    actor_name: &'static str,
    actor_email: &'static str,
    account: &'static str,
    detail: &'static str,
    client: &'static str,
    address: &'static str,
}

const UNIFIED: EventNames = EventNames {
    action: "eventType",
    service: "eventSource",
    target: "eventTarget",
    status: "status",
    actor_uid: "actorId",
    actor_name: "actorName",
    actor_email: "actorEmail",
    account: "organizationId",
    detail: "eventDetails",
    client: "clientInfo",
    address: "ipAddress",
};

const STORE: EventNames = EventNames {
    action: "Action",
    service: "Source",
    target: "Category",
    status: "Status",
    actor_uid: "ActorId",
    actor_name: "User",
    actor_email: "ActorEmail",
    account: "OrganizationId",
    detail: "EventDetails",
    client: "ClientInformation",
    address: "IpAddress",
};

fn of_audit<'a>(event: Event<'a>, names: &EventNames) -> Event<'a> {
    let source = event.raw;
    let [status, detail, client, texts @ ..] = named_in(
        source.as_bytes(),
        [
            names.status,
            names.detail,
            names.client,
            names.action,
            names.service,
            names.target,
            names.actor_uid,
            names.actor_name,
            names.actor_email,
            names.account,
        ],
    );
    let [address] = named(source.as_bytes(), client, [names.address]);
    let [
        action,
        service,
        target,
        actor_uid,
        actor_name,
        actor_email,
        account,
    ] = texts.map(|value| text(value, source));
    let outcome_code = text_or_number(status, source);
    let outcome = match outcome_code.as_deref() {
        Some("0") => Outcome::Success,
        Some("1") => Outcome::Failure,
        _ => Outcome::Unknown,
    };
    let meaning = actions::of_audit(
        service.as_deref(),
        target.as_deref(),
        action.as_deref(),
        outcome,
    );
    Event {
        action,
        outcome,
        outcome_code,
        actor_uid,
        actor_name,
        actor_email,
        src_ip: text(address, source),
        resource_type: target,
        namespace: service,
        account,
        detail: object_in(detail, source),
        ..with(event, meaning)
    }
}

fn with(event: Event<'_>, meaning: ActionMeaning) -> Event<'_> {
    Event {
        category: meaning.category,
        class_uid: meaning.class_uid,
        activity_id: meaning.activity_id,
        activity_name: meaning.activity_name.into(),
        severity_id: meaning.severity_id,
        ..event
    }
}

/// An object that comes as text.
fn object_in(value: Option<JsonValue>, source: &str) -> Option<Cow<'_, str>> {
    let object = text(value, source)?;
    (json::check(object.as_bytes()) == Ok(JsonKind::Object)).then_some(object)
}

/// How audit records of UiPath become events.
#[derive(Debug, Clone, Copy)]
pub struct UiPathMapping;

impl Mapping for UiPathMapping {
    fn platform(&self) -> &'static str {
        PLATFORM
    }

    fn version(&self) -> i64 {
        MAPPING_VERSION
    }

    fn origins(&self) -> &dyn ColumnOrigins {
        &ORIGINS
    }

    /// Orchestrator writes into every record of a user that the user was deleted since.
    fn joined(&self) -> &'static [&'static str] {
        &["/UserIsDeleted"]
    }

    fn identify<'a>(&self, record: &'a [u8]) -> Result<Identity<'a>, Unidentified<'a>> {
        identify(record)
    }

    fn normalise<'a>(&self, record: &'a [u8], _: Option<&'a [u8]>) -> Result<Event<'a>, Unfit> {
        normalise(record)
    }
}
