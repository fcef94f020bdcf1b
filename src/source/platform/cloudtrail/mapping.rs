//! From one CloudTrail record to one event.
//!
//! Columns come from these places and no others, so unknown fields change nothing (they stay in `raw`).
//! Required of a record are only `eventID` and `eventTime`; any other field that is missing, null, of another
//! type, or no Unicode text leaves its column null. Of several places the first that has text counts.
//!
//! | column | place in the record | |
//! |---|---|---|
//! | `native_id` | `/eventID` | unique wherever it is delivered |
//! | `event_time`, `event_time_text` | `/eventTime` | see [`time`](crate::event::time) |
//! | `tenant`, `account` | `/recipientAccountId` | absent in old records |
//! | `region` | `/awsRegion` | |
//! | `action` | `/eventName` | verbatim |
//! | `namespace` | `/eventSource` | the service |
//! | `outcome` | failure where `/errorCode` is text; for `ConsoleLogin` what `/responseElements/ConsoleLogin` says; else unknown | a record never says that a call succeeded |
//! | `outcome_code`, `outcome_detail` | `/errorCode`, `/errorMessage` | |
//! | `actor_uid` | `arn`, `principalId`, `accountId` or `invokedBy` of `/userIdentity` | |
//! | `actor_name` | of `/userIdentity`: `userName`; of a role that was assumed, its name and that of the session; `root`; else `invokedBy` | |
//! | `actor_impersonated_by` | `/userIdentity/invokedBy`, where the actor is not the service itself | the service that called in the actor's name |
//! | `src_ip` | `/sourceIPAddress` | text: it may name a service |
//! | `user_agent` | `/userAgent` | |
//! | `resource_uid` | an ARN in `/requestParameters`, else in `/responseElements` | the most particular one |
//! | `resource_type`, `resource_name`, `workflow` | parts of that ARN, if it is one of Step Functions | `resource_name` else `/requestParameters/name` |
//! | `execution_uid` | `/requestParameters/executionArn`, else `/responseElements/executionArn` | |
//! | `correlation_uid` | `/sharedEventID`, else `/requestID` | |
//! | `detail` | `/requestParameters` | the object's bytes, verbatim |

mod actions;
mod arn;
mod origins;

pub use origins::ORIGINS;

use crate::event::json::{JsonKind, JsonText, JsonValue, named, text};
use crate::event::redact::ColumnOrigins;
use crate::event::unfit::Unfit;
use crate::event::{ActorType, Event, Outcome, record};
use crate::source::{Identity, Mapping, Unidentified};
use arn::StatesArn;
use std::borrow::Cow;

/// Version of the rules in this module and in its tables, stored in every row. It rises whenever the same
/// record would give another row.
pub const MAPPING_VERSION: i64 = 1;

/// The name of the platform in its column.
pub const PLATFORM: &str = "cloudtrail";

/// The members that name a thing of Step Functions, the most particular first.
const ARNS: [&str; 7] = [
    "executionArn",
    "mapRunArn",
    "stateMachineVersionArn",
    "stateMachineAliasArn",
    "stateMachineArn",
    "activityArn",
    "resourceArn",
];

/// How CloudTrail's records become events.
#[derive(Debug, Clone, Copy)]
pub struct CloudTrailMapping;

impl Mapping for CloudTrailMapping {
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
        let mut fields = TrailFields::default();
        fields
            .find(record)
            .and_then(|()| fields.identity(record))
            .map(|(identity, _)| identity)
            .map_err(|unfit| Unidentified {
                unfit,
                native_id: record::id(fields.id, record).ok(),
            })
    }

    fn normalise<'a>(&self, record: &'a [u8], _: Option<&'a [u8]>) -> Result<Event<'a>, Unfit> {
        normalise(record)
    }
}

fn normalise(record: &[u8]) -> Result<Event<'_>, Unfit> {
    let mut fields = TrailFields::default();
    let source = record::read(record, |name, value| fields.note(name, value))?;
    let (identity, time_text) = fields.identity(source)?;
    let text = |value| text(value, source);
    let request = named(record, fields.request, ARNS).map(text);
    let response = named(record, fields.response, ARNS).map(text);
    let [name] = named(record, fields.request, ["name"]).map(text);
    let [login] = named(record, fields.response, ["ConsoleLogin"]).map(text);
    let execution_uid = request[0].clone().or_else(|| response[0].clone());
    let resource_uid = request.into_iter().chain(response).flatten().next();
    let resource = resource_uid.as_ref().and_then(StatesArn::parse);
    let (service, action) = (text(fields.service), text(fields.action));
    // Records that went through other programs have empty texts in place of what is absent.
    let filled = |value| text(value).filter(|text| !text.is_empty());
    let error = filled(fields.error_code);
    let meaning = actions::meaning(service.as_deref(), action.as_deref());
    let actor = TrailActor::read(source, fields.identity_of_user);
    let detail = fields
        .request
        .filter(|value| value.kind == JsonKind::Object);
    let account = identity.tenant.clone();
    let resource_name = match &resource {
        Some(resource) => Some(resource.name.clone()),
        None => name,
    };
    Ok(Event {
        native_id: Some(identity.native_id),
        tenant: identity.tenant,
        category: meaning.category,
        class_uid: meaning.class_uid,
        activity_id: meaning.activity_id,
        activity_name: meaning.activity_name.into(),
        outcome: outcome(error.as_deref(), login.as_deref()),
        outcome_code: error,
        outcome_detail: filled(fields.error_message),
        actor_uid: actor.uid,
        actor_name: actor.name,
        actor_type: actor.kind,
        actor_impersonated_by: actor.invoked_by,
        src_ip: text(fields.ip_address),
        user_agent: text(fields.user_agent),
        resource_type: resource.as_ref().map(|resource| resource.kind.clone()),
        resource_name,
        workflow: resource.and_then(|resource| resource.workflow),
        resource_uid,
        execution_uid,
        namespace: service,
        action,
        correlation_uid: filled(fields.shared_id).or_else(|| filled(fields.request_id)),
        region: text(fields.region),
        account,
        detail: detail.and_then(|value| value.verbatim(source).ok().map(Cow::Borrowed)),
        ..Event::bare(source, identity.time, time_text)
    })
}

/// What a record says of how the call ended. That there is no error says nothing: a record may be of the
/// beginning of a call, and a log-in states its failure elsewhere.
fn outcome(error: Option<&str>, login: Option<&str>) -> Outcome {
    match (error, login) {
        (Some(_), _) | (None, Some("Failure")) => Outcome::Failure,
        (None, Some("Success")) => Outcome::Success,
        (None, _) => Outcome::Unknown,
    }
}

/// The members of a record that columns come from; of doubled keys the first.
#[derive(Default)]
struct TrailFields {
    id: Option<JsonValue>,
    time: Option<JsonValue>,
    account: Option<JsonValue>,
    identity_of_user: Option<JsonValue>,
    service: Option<JsonValue>,
    action: Option<JsonValue>,
    region: Option<JsonValue>,
    ip_address: Option<JsonValue>,
    user_agent: Option<JsonValue>,
    error_code: Option<JsonValue>,
    error_message: Option<JsonValue>,
    request: Option<JsonValue>,
    response: Option<JsonValue>,
    request_id: Option<JsonValue>,
    shared_id: Option<JsonValue>,
}

impl TrailFields {
    /// Finds what identifies a record, and reads no further.
    fn find(&mut self, record: &[u8]) -> Result<(), Unfit> {
        record::find(record, |name, value| {
            self.note(name, value);
            self.id.is_some() && self.time.is_some() && self.account.is_some()
        })
    }

    #[inline]
    fn note(&mut self, name: &[u8], value: JsonValue) {
        let slot = match name {
            b"eventID" => &mut self.id,
            b"eventTime" => &mut self.time,
            b"recipientAccountId" => &mut self.account,
            b"userIdentity" => &mut self.identity_of_user,
            b"eventSource" => &mut self.service,
            b"eventName" => &mut self.action,
            b"awsRegion" => &mut self.region,
            b"sourceIPAddress" => &mut self.ip_address,
            b"userAgent" => &mut self.user_agent,
            b"errorCode" => &mut self.error_code,
            b"errorMessage" => &mut self.error_message,
            b"requestParameters" => &mut self.request,
            b"responseElements" => &mut self.response,
            b"requestID" => &mut self.request_id,
            b"sharedEventID" => &mut self.shared_id,
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
        let (time, time_text) = record::instant(self.time, source)?;
        let identity = Identity {
            native_id,
            time,
            tenant: text(self.account, source),
        };
        Ok((identity, time_text))
    }
}

/// Who acted.
struct TrailActor<'a> {
    uid: Option<Cow<'a, str>>,
    name: Option<Cow<'a, str>>,
    kind: ActorType,
    invoked_by: Option<Cow<'a, str>>,
}

impl<'a> TrailActor<'a> {
    fn read(source: &'a str, identity: Option<JsonValue>) -> Self {
        let names = [
            "type",
            "arn",
            "principalId",
            "accountId",
            "invokedBy",
            "userName",
            "sessionContext",
        ];
        let [
            kind,
            arn,
            principal,
            account,
            invoked_by,
            user_name,
            session,
        ] = named(source.as_bytes(), identity, names);
        let text = |value| text(value, source);
        let [issuer] = named(source.as_bytes(), session, ["sessionIssuer"]);
        let [role] = named(source.as_bytes(), issuer, ["userName"]).map(text);
        let kind = text(kind);
        let kind = kind.as_deref();
        let (principal, service) = (text(principal), text(invoked_by));
        let name = match (kind, text(user_name), role) {
            (_, Some(name), _) => Some(name),
            (Some("AssumedRole"), None, Some(role)) => {
                let session = principal.as_deref().and_then(|id| id.split_once(':'));
                Some(match session {
                    Some((_, session)) => format!("{role}/{session}").into(),
                    None => role,
                })
            }
            (Some("Root"), None, _) => Some("root".into()),
            (_, None, _) => None,
        };
        let is_service = matches!(kind, None | Some("AWSService"));
        let uid = text(arn).or(principal).or_else(|| text(account));
        Self {
            uid: uid.or_else(|| service.clone()),
            kind: actor_type(kind),
            invoked_by: service.clone().filter(|_| !is_service && name.is_some()),
            name: name.or(service),
        }
    }
}

/// What kind of actor a type of identity is. A role may be assumed by people and by programs.
fn actor_type(kind: Option<&str>) -> ActorType {
    match kind {
        Some("IAMUser" | "Root" | "IdentityCenterUser" | "SAMLUser" | "WebIdentityUser") => {
            ActorType::User
        }
        Some("AWSService") => ActorType::System,
        _ => ActorType::Unknown,
    }
}

#[cfg(test)]
mod tests;
