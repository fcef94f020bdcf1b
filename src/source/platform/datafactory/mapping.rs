//! From one record of Azure to one event.
//!
//! There are three forms of record, told apart by what they call their time: an event of the Activity Log
//! (`eventTimestamp`), the same as a diagnostic setting exports it (`time`), and a state of a pipeline run
//! (`lastUpdated`). Columns come from these places and no others, so unknown fields change nothing (they stay in
//! `raw`). Any field that is missing, null, of another type, or no Unicode text leaves its column null, but for those
//! that identify the record.
//!
//! | column | Activity Log | export | pipeline run | |
//! |---|---|---|---|---|
//! | `native_id` | `/eventDataId` | a hash, see `ExportFields::id` | `/runId`, `/lastUpdated` | a run that goes on is another version, not another content of the same record |
//! | `event_time`, `event_time_text` | `/eventTimestamp` | `/time` | `/lastUpdated` | up to 7 digits, in any spelling of UTC |
//! | `action` | `/operationName/value` | `/operationName` | | verbatim; the export writes it in capitals |
//! | `outcome` | `/status/value` | `/resultType` | `/status` | what began or was accepted has no outcome yet |
//! | `outcome_code` | `/subStatus/value`, else `/status/value` | `/resultSignature`, else `/resultType` | `/status` | |
//! | `outcome_detail` | `/properties/statusMessage` | `/properties/statusMessage` | `/message` | |
//! | `severity_id` | `/level` | `/level` | | |
//! | `actor_uid` | the claim `objectidentifier`, else `/caller` | the claim | `/invokedBy/id` | claims are in `/claims`, or in `/identity/claims` |
//! | `actor_name` | the claim `name`, else `/caller` | the claims `name`, `upn`, `appid` | `/invokedBy/name` | |
//! | `actor_email` | the claim `upn` | the claim | | |
//! | `actor_type` | the claims `idtyp`, `upn`, and `principalType` of the evidence | the same | | |
//! | `src_ip` | `/httpRequest/clientIpAddress`, else the claim `ipaddr` | `/callerIpAddress`, else the claim | | |
//! | `resource_uid` | `/resourceId` | `/resourceId` | `/id` | in small letters, since Azure spells it in several ways |
//! | `resource_type` | the operation without its verb | the same | | in small letters |
//! | `resource_name`, `namespace`, `workflow`, `execution_uid` | parts of `/resourceId`: its last name, factory, pipeline and run | the same | `/pipelineName` twice, the factory, `/runId` | |
//! | `correlation_uid` | `/correlationId` | `/correlationId` | `/runGroupId` | the same in all events of one act: it begins, is accepted, ends |
//! | `account` | `/subscriptionId` | the subscription in `/resourceId` | the same | |
//! | `detail` | `/properties` | `/properties` | `/parameters` | the object's bytes, verbatim |
//!
//! `tenant` stays null, so that its column has the name of the feed. Translations (`localizedValue`) are not read.

mod common;
mod operations;
mod origins;
mod resource;
mod run;
#[cfg(test)]
mod tests;

pub use origins::ORIGINS;

use crate::event::json::{
    self, JsonText, JsonValue, named, named_in, present, text, text_or_number,
};
use crate::event::redact::ColumnOrigins;
use crate::event::unfit::{Reason, Unfit};
use crate::event::{ActorType, Event, record};
use crate::source::{Identity, Mapping, Unidentified};
use crate::window::format_instant;
use chrono::{DateTime, Utc};
use common::{object, outcome, severity};
use resource::AzureResource;
use run::of_run;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;

/// Version of the rules in this module and in its tables, stored in every row. It rises whenever the
/// same record would give another row.
pub const MAPPING_VERSION: i64 = 1;

/// The name of the platform in its column.
pub const PLATFORM: &str = "datafactory";

/// Claims that say who signed in.
const OBJECT_ID: &str = "http://schemas.microsoft.com/identity/claims/objectidentifier";
const UPN: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn";

/// Reads id and time only, and does not judge the rest. Whatever [`normalise`] accepts has the same identity here.
///
/// # Errors
/// Where id or time cannot be read.
pub fn identify(record: &[u8]) -> Result<Identity<'_>, Unidentified<'_>> {
    let mut fields = AzureFields::default();
    let found = record::find(record, |name, value| {
        fields.note(name, value);
        false
    });
    found
        .and_then(|()| fields.identity(record))
        .map(|(identity, ..)| identity)
        .map_err(|unfit| Unidentified {
            unfit,
            native_id: match fields.form() {
                // The others are made of the time, too.
                AzureForm::Event => record::id(fields.event_id, record).ok(),
                AzureForm::Export | AzureForm::Run => None,
            },
        })
}

/// Makes the event of a record, whose exact bytes it is given. The event borrows from them wherever text has no
/// escapes.
///
/// # Errors
/// Why it can only be quarantined.
pub fn normalise(record: &[u8]) -> Result<Event<'_>, Unfit> {
    let mut fields = AzureFields::default();
    let source = record::read(record, |name, value| fields.note(name, value))?;
    let (identity, time_text) = fields.identity(source)?;
    let event = Event {
        native_id: Some(identity.native_id),
        ..Event::bare(source, identity.time, time_text)
    };
    Ok(match fields.form() {
        AzureForm::Event => of_event(event),
        AzureForm::Export => of_export(event),
        AzureForm::Run => of_run(event),
    })
}

/// What kind of record it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AzureForm {
    Event,
    Export,
    Run,
}

/// The members that tell the forms apart and identify a record; of doubled keys the first.
#[derive(Default)]
struct AzureFields {
    event_id: Option<JsonValue>,
    event_time: Option<JsonValue>,
    run_id: Option<JsonValue>,
    updated: Option<JsonValue>,
    export: ExportFields,
}

/// What tells an exported record from others.
#[derive(Default)]
struct ExportFields {
    time: Option<JsonValue>,
    operation: Option<JsonValue>,
    correlation: Option<JsonValue>,
    category: Option<JsonValue>,
    result: Option<JsonValue>,
    signature: Option<JsonValue>,
}

impl ExportFields {
    /// An exported record has no id, and comes once for each diagnostic setting that exports it. Its id is a hash of
    /// what identifies it: when what was done, as part of which act, with which result. These places cannot be
    /// redacted, so the id is the same before and after.
    fn id<'a>(
        &self,
        time: DateTime<Utc>,
        source: impl JsonText<'a>,
    ) -> Result<Cow<'a, str>, Unfit> {
        if present(self.operation).is_none() {
            return Err(Unfit::because(Reason::NoId));
        }
        let mut hash = Sha256::new();
        hash.update(format_instant(time));
        for value in [
            self.operation,
            self.correlation,
            self.category,
            self.result,
            self.signature,
        ] {
            let text = text_or_number(value, source);
            let text = text.as_deref().unwrap_or_default();
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        let hash: [u8; 32] = hash.finalize().into();
        Ok(hex::encode(hash).into())
    }
}

impl AzureFields {
    #[inline]
    fn note(&mut self, name: &[u8], value: JsonValue) {
        let slot = match name {
            b"eventDataId" => &mut self.event_id,
            b"eventTimestamp" => &mut self.event_time,
            b"runId" => &mut self.run_id,
            b"lastUpdated" => &mut self.updated,
            b"time" => &mut self.export.time,
            b"operationName" => &mut self.export.operation,
            b"correlationId" => &mut self.export.correlation,
            b"category" => &mut self.export.category,
            b"resultType" => &mut self.export.result,
            b"resultSignature" => &mut self.export.signature,
            _ => return,
        };
        slot.get_or_insert(value);
    }

    /// The form whose time is there, else that whose id is.
    fn form(&self) -> AzureForm {
        if self.event_time.is_some() {
            AzureForm::Event
        } else if self.updated.is_some() {
            AzureForm::Run
        } else if self.export.time.is_some() {
            AzureForm::Export
        } else if self.run_id.is_some() {
            AzureForm::Run
        } else {
            AzureForm::Event
        }
    }

    /// The identity, and the time as written.
    fn identity<'a>(
        &self,
        source: impl JsonText<'a>,
    ) -> Result<(Identity<'a>, Cow<'a, str>), Unfit> {
        let (native_id, (time, time_text)) = match self.form() {
            AzureForm::Event => (
                record::id(self.event_id, source)?,
                record::instant(self.event_time, source)?,
            ),
            AzureForm::Run => {
                let run = record::id(self.run_id, source)?;
                let (time, time_text) = record::instant(self.updated, source)?;
                let id = format!("{run} {}", format_instant(time));
                (Cow::Owned(id), (time, time_text))
            }
            AzureForm::Export => {
                let (time, time_text) = record::instant(self.export.time, source)?;
                (self.export.id(time, source)?, (time, time_text))
            }
        };
        let identity = Identity {
            native_id,
            time,
            tenant: None,
        };
        Ok((identity, time_text))
    }
}

fn of_event(event: Event<'_>) -> Event<'_> {
    let source = event.raw;
    let [
        operation,
        status,
        sub_status,
        properties,
        claims,
        authorization,
        request,
        level,
        caller,
        resource,
        correlation,
        subscription,
    ] = named_in(
        source.as_bytes(),
        [
            "operationName",
            "status",
            "subStatus",
            "properties",
            "claims",
            "authorization",
            "httpRequest",
            "level",
            "caller",
            "resourceId",
            "correlationId",
            "subscriptionId",
        ],
    );
    let worded = |object| {
        let [value] = named(source.as_bytes(), object, ["value"]);
        text(value, source).filter(|text| !text.is_empty())
    };
    let status = worded(status);
    let [address] = named(source.as_bytes(), request, ["clientIpAddress"]);
    let act = ResourceAct {
        action: worded(operation),
        status: status.clone(),
        code: worded(sub_status).or(status),
        claims,
        authorization,
        caller,
        address,
        level,
        resource,
        correlation,
        properties,
    };
    Event {
        account: text(subscription, source),
        ..act.event(event)
    }
}

fn of_export(event: Event<'_>) -> Event<'_> {
    let source = event.raw;
    let [
        operation,
        result,
        signature,
        properties,
        identity,
        level,
        address,
        resource,
        correlation,
    ] = named_in(
        source.as_bytes(),
        [
            "operationName",
            "resultType",
            "resultSignature",
            "properties",
            "identity",
            "level",
            "callerIpAddress",
            "resourceId",
            "correlationId",
        ],
    );
    let [claims, authorization] = named(source.as_bytes(), identity, ["claims", "authorization"]);
    let status = text(result, source);
    let act = ResourceAct {
        action: text(operation, source),
        code: text_or_number(signature, source).or_else(|| status.clone()),
        status,
        claims,
        authorization,
        caller: None,
        address,
        level,
        resource,
        correlation,
        properties,
    };
    let account =
        text(resource, source).and_then(|id| AzureResource::of(&id).subscription.map(Cow::Owned));
    Event {
        account,
        ..act.event(event)
    }
}

/// What both forms of an act on a resource say.
struct ResourceAct<'a> {
    action: Option<Cow<'a, str>>,
    status: Option<Cow<'a, str>>,
    code: Option<Cow<'a, str>>,
    claims: Option<JsonValue>,
    authorization: Option<JsonValue>,
    caller: Option<JsonValue>,
    address: Option<JsonValue>,
    level: Option<JsonValue>,
    resource: Option<JsonValue>,
    correlation: Option<JsonValue>,
    properties: Option<JsonValue>,
}

impl<'a> ResourceAct<'a> {
    fn event(self, event: Event<'a>) -> Event<'a> {
        let source = event.raw;
        let text = |value| text(value, source).filter(|text| !text.is_empty());
        let [object_id, upn, name, app, kind, ipaddr] = named(
            source.as_bytes(),
            self.claims,
            [OBJECT_ID, UPN, "name", "appid", "idtyp", "ipaddr"],
        )
        .map(text);
        let [evidence] = named(source.as_bytes(), self.authorization, ["evidence"]);
        let [principal] = named(source.as_bytes(), evidence, ["principalType"]).map(text);
        let caller = text(self.caller);
        let actor_type = match (kind.as_deref(), principal.as_deref()) {
            (Some("app"), _) | (_, Some("ServicePrincipal")) => ActorType::Service,
            (Some("user"), _) => ActorType::User,
            _ if upn.is_some() => ActorType::User,
            _ => ActorType::Unknown,
        };
        let [message] = named(source.as_bytes(), self.properties, ["statusMessage"]).map(text);
        let resource = text(self.resource);
        let parts = resource
            .as_deref()
            .map_or_else(AzureResource::default, AzureResource::of);
        let meaning = operations::meaning(self.action.as_deref());
        let resource_type = self.action.as_deref().and_then(operations::thing);
        Event {
            category: meaning.category,
            activity_id: meaning.activity_id,
            activity_name: meaning.activity_name.into(),
            severity_id: severity(text(self.level).as_deref()),
            outcome: outcome(self.status.as_deref()),
            outcome_code: self.code,
            outcome_detail: message,
            actor_uid: object_id.or_else(|| caller.clone()),
            actor_name: name.or(caller).or_else(|| upn.clone()).or(app),
            actor_email: upn,
            actor_type,
            src_ip: text(self.address).or(ipaddr),
            resource_type: resource_type.map(Cow::Owned),
            resource_uid: resource.as_deref().map(|id| id.to_lowercase().into()),
            resource_name: parts.name.map(Cow::Owned),
            namespace: parts.factory.map(Cow::Owned),
            workflow: parts.pipeline.map(Cow::Owned),
            execution_uid: parts.run.map(Cow::Owned),
            correlation_uid: text(self.correlation),
            detail: object(self.properties, source),
            action: self.action,
            ..event
        }
    }
}

/// How records of Azure become events.
#[derive(Debug, Clone, Copy)]
pub struct AzureMapping;

impl Mapping for AzureMapping {
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

/// Whether a record is about Data Factory, or does not say what it is about.
pub(super) fn is_of_data_factory(record: &[u8]) -> bool {
    let [resource, operation] = named_in(record, ["resourceId", "operationName"]);
    let names = |value: Option<JsonValue>| {
        let text = json::text(value, record)?;
        Some(text.to_ascii_lowercase().contains("microsoft.datafactory"))
    };
    match (names(resource), names(operation)) {
        (None, None) => true,
        (resource, operation) => resource == Some(true) || operation == Some(true),
    }
}
