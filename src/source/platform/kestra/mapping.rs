//! From one `auditLog` object to one event.
//!
//! Columns come from these places and no others, so unknown fields change nothing (they stay in
//! `raw`). Required of a record are only `id` and `date`; any other field that is missing, null, of
//! another type, or no Unicode text leaves its column null.
//!
//! | column | place in the record | |
//! |---|---|---|
//! | `native_id` | `/id` | text |
//! | `event_time`, `event_time_text` | `/date` | see [`time`](crate::event::time) |
//! | `tenant` | `/tenantId` | absent for global resources and before 1.0 |
//! | `action` | `/type` | verbatim, also where it is unknown |
//! | `actor_uid` | `/userId` | |
//! | `actor_impersonated_by`, `src_ip` | `/impersonatedBy`, `/ipAddress` | |
//! | `resource_type` | the first that is text of `/detail/resourceType` (1.x, 2.x), `/detail/resource` (2.x), `/detail/permission` (to 1.3) | verbatim |
//! | `resource_uid`, `namespace`, `workflow`, `execution_uid` | `/detail/id`, `/detail/namespace`, `/detail/flowId`, `/detail/executionId` | |
//! | `revision` | `/detail/revision` | a number as written, or text |
//! | `detail` | `/detail` | the object's bytes, verbatim |
//!
//! `actor_name`, `actor_email` and `actor_type` come from the user that Kestra joined: `username`,
//! else `name`; `email`; `type`. That is today's view of the user, not part of the record, and is
//! absent for users that are gone. A user whose `id` is not the record's `userId` is somebody else
//! ([`is_actor`]), and these columns stay null. The actor `system` is the platform itself.

use std::borrow::Cow;

mod actions;
mod origins;

pub use origins::ORIGINS;

use crate::event::json::{
    JsonKind, JsonText, JsonValue, named_in, present, text, text_or_number, verbatim,
};
use crate::event::redact::ColumnOrigins;
use crate::event::unfit::{Reason, Unfit};
use crate::event::{ActorType, Event, record};
use crate::source::{Identity, ItemShape, Mapping, Unidentified};

/// Version of the rules in this module and in its tables, stored in every row. It rises whenever the
/// same record would give another row. 2: the tenant it was asked for is no part of a record's name, and
/// a joined user is believed only where it is the record's.
pub const MAPPING_VERSION: i64 = 2;

/// The name of the platform in its column.
pub const PLATFORM: &str = "kestra";

/// Reads id, time and tenant only, at a fraction of the cost of [`normalise`] and without judging
/// the rest. Whatever [`normalise`] accepts has the same identity here; and a record that it refuses
/// may still have one.
///
/// # Errors
/// Where id or time cannot be read. For the reason to store with a quarantined record, ask
/// [`normalise`].
pub fn identify(record: &[u8]) -> Result<Identity<'_>, Unidentified<'_>> {
    let mut fields = KestraFields::default();
    fields
        .find(record)
        .and_then(|()| fields.identity(record))
        .map(|(identity, _)| identity)
        .map_err(|unfit| Unidentified {
            unfit,
            native_id: record::id(fields.id, record).ok(),
        })
}

/// Makes the event of a record: the exact bytes of its `auditLog` object, and of the `user` object
/// that Kestra joined to it. The event borrows from both wherever text has no escapes.
///
/// # Errors
/// Why it can only be quarantined.
pub fn normalise<'a>(record: &'a [u8], user: Option<&'a [u8]>) -> Result<Event<'a>, Unfit> {
    let (source, mut members) = record::checked(record)?;
    let mut fields = KestraFields::default();
    let mut about = KestraDetail::default();
    while let Some(key) = members.next_key()? {
        let name = key.name();
        // The detail object is read as it is crossed. Of doubled keys the first counts.
        let value = if *name == *b"detail" && fields.detail.is_none() {
            members.cross_visiting(|key, value| about.note(&key.name(), value))?
        } else {
            members.cross()?
        };
        fields.note(&name, value);
    }
    members.finish()?;
    if fields.is_wrapped {
        return Err(Unfit::because(Reason::NoRecord));
    }
    let (identity, time_text) = fields.identity(source)?;
    let detail = fields.detail.filter(|value| value.kind == JsonKind::Object);
    let text = |value| text(value, source);
    let action = text(fields.action);
    let actor_uid = text(fields.user_id);
    let actor = user.map_or_else(KestraActor::default, KestraActor::read);
    let names = [about.resource_type, about.resource, about.permission].map(text);
    let meaning = actions::meaning(
        action.as_deref(),
        names.iter().flatten().map(|name| &**name),
    );
    Ok(Event {
        raw: source,
        native_id: Some(identity.native_id),
        time: identity.time,
        time_text,
        tenant: identity.tenant,
        category: meaning.category,
        class_uid: meaning.class_uid,
        activity_id: meaning.activity_id,
        activity_name: meaning.activity_name.into(),
        action,
        severity_id: meaning.severity_id,
        outcome: meaning.outcome,
        outcome_code: None,
        outcome_detail: None,
        actor_type: actor_type(actor_uid.as_deref(), actor.kind.as_deref()),
        actor_uid,
        actor_name: actor.name,
        actor_email: actor.email,
        actor_impersonated_by: text(fields.impersonated_by),
        src_ip: text(fields.ip_address),
        user_agent: None,
        resource_type: names.into_iter().flatten().next(),
        resource_uid: text(about.id),
        resource_name: None,
        namespace: text(about.namespace),
        workflow: text(about.flow_id),
        execution_uid: text(about.execution_id),
        revision: text_or_number(about.revision, source),
        correlation_uid: None,
        region: None,
        account: None,
        detail: detail.and_then(|value| verbatim(value, source)),
    })
}

/// Whether a joined user is the one whom the record names as `userId`. Asked of both as served: after
/// redaction nobody could tell. A user without an id is taken for it.
pub fn is_actor(record: &[u8], user: &[u8]) -> bool {
    let [id] = named_in(user, ["id"]);
    if present(id).is_none() {
        return true;
    }
    let [actor] = named_in(record, ["userId"]);
    let actor = text(actor, record);
    actor.is_some() && actor == text(id, user)
}

/// The members of a record that columns come from; of doubled keys the first.
#[derive(Default)]
struct KestraFields {
    id: Option<JsonValue>,
    date: Option<JsonValue>,
    tenant: Option<JsonValue>,
    action: Option<JsonValue>,
    user_id: Option<JsonValue>,
    ip_address: Option<JsonValue>,
    impersonated_by: Option<JsonValue>,
    detail: Option<JsonValue>,
    /// Whether this is the item around a record, not the record.
    is_wrapped: bool,
}

impl KestraFields {
    /// Finds what identifies a record, and reads no further.
    fn find(&mut self, record: &[u8]) -> Result<(), Unfit> {
        record::find(record, |name, value| {
            self.note(name, value);
            self.id.is_some() && self.date.is_some() && self.tenant.is_some()
        })
    }

    #[inline]
    fn note(&mut self, name: &[u8], value: JsonValue) {
        let slot = match name {
            b"id" => &mut self.id,
            b"date" => &mut self.date,
            b"tenantId" => &mut self.tenant,
            b"type" => &mut self.action,
            b"userId" => &mut self.user_id,
            b"ipAddress" => &mut self.ip_address,
            b"impersonatedBy" => &mut self.impersonated_by,
            b"detail" => &mut self.detail,
            b"auditLog" => {
                self.is_wrapped = true;
                return;
            }
            _ => return,
        };
        slot.get_or_insert(value);
    }

    /// The identity, and the time as written.
    fn identity<'a>(
        &self,
        source: impl JsonText<'a>,
    ) -> Result<(Identity<'a>, Cow<'a, str>), Unfit> {
        let native_id = record::id(self.id, source)?;
        let (time, time_text) = record::instant(self.date, source)?;
        let identity = Identity {
            native_id,
            time,
            tenant: text(self.tenant, source),
        };
        Ok((identity, time_text))
    }
}

/// The members of the detail object that columns come from; of doubled keys the first.
#[derive(Default)]
struct KestraDetail {
    resource_type: Option<JsonValue>,
    resource: Option<JsonValue>,
    permission: Option<JsonValue>,
    id: Option<JsonValue>,
    namespace: Option<JsonValue>,
    flow_id: Option<JsonValue>,
    execution_id: Option<JsonValue>,
    revision: Option<JsonValue>,
}

impl KestraDetail {
    #[inline]
    fn note(&mut self, name: &[u8], value: JsonValue) {
        let slot = match name {
            b"resourceType" => &mut self.resource_type,
            b"resource" => &mut self.resource,
            b"permission" => &mut self.permission,
            b"id" => &mut self.id,
            b"namespace" => &mut self.namespace,
            b"flowId" => &mut self.flow_id,
            b"executionId" => &mut self.execution_id,
            b"revision" => &mut self.revision,
            _ => return,
        };
        slot.get_or_insert(value);
    }
}

/// What the joined user says about the actor.
#[derive(Default)]
struct KestraActor<'a> {
    name: Option<Cow<'a, str>>,
    email: Option<Cow<'a, str>>,
    kind: Option<Cow<'a, str>>,
}

impl<'a> KestraActor<'a> {
    /// Reads a user as far as it can be read: it only enriches, so nothing in it can make the record
    /// unfit.
    fn read(user: &'a [u8]) -> Self {
        let [username, name, email, kind] = named_in(user, ["username", "name", "email", "type"]);
        Self {
            name: text(username, user).or_else(|| text(name, user)),
            email: text(email, user),
            kind: text(kind, user),
        }
    }
}

fn actor_type(uid: Option<&str>, kind: Option<&str>) -> ActorType {
    match (uid, kind) {
        (Some("system"), _) => ActorType::System,
        (_, Some("STANDARD")) => ActorType::User,
        (_, Some("SERVICE_ACCOUNT")) => ActorType::Service,
        _ => ActorType::Unknown,
    }
}

/// How Kestra's audit records become events.
#[derive(Debug, Clone, Copy)]
pub struct KestraMapping;

impl Mapping for KestraMapping {
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

    fn item(&self) -> Option<ItemShape> {
        Some(ItemShape {
            record: "auditLog",
            actor: "user",
        })
    }

    fn is_actor(&self, record: &[u8], actor: &[u8]) -> bool {
        is_actor(record, actor)
    }

    fn normalise<'a>(&self, record: &'a [u8], actor: Option<&'a [u8]>) -> Result<Event<'a>, Unfit> {
        normalise(record, actor)
    }
}

#[cfg(test)]
mod tests;
