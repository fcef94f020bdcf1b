//! One audit event: the common schema, and the way from a record's bytes to a row.
//!
//! Redaction comes first, on the bytes ([`redact`]); then a platform's rules make an [`Event`] of
//! them ([`record`]) or say why not ([`unfit`]); then a row is built ([`columns`], [`quarantine`]) under a name of
//! its own ([`uid`]). A record that is read again is held against what was kept ([`compare`]).
//! [`json`] and [`time`] read what others wrote. [`ocsf`] makes a document of a row for other programs.

// Reading what others wrote.
pub mod json;
pub mod time;

// From a record's bytes to an event, or why not.
mod context;
pub mod objects;
pub mod record;
pub mod redact;
pub mod schema;
pub mod unfit;

// From an event to a row under a name of its own.
pub mod columns;
pub mod quarantine;
pub mod uid;

// What is done with rows later.
pub mod compare;
pub mod ocsf;

pub use context::RowContext;

use chrono::{DateTime, NaiveDate, Utc};

use std::borrow::Cow;

/// What kind of act an event is; retention and partitioning go by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Logging in and out, failed and locked log-ins.
    Authentication,
    /// Users, groups, roles, bindings, invitations, tokens.
    AccessControl,
    /// Flows, namespaces, files, dashboards and other things people make.
    ResourceManagement,
    /// Executions and triggers.
    Execution,
    /// Secrets, key-value pairs, exports and reads.
    DataAccess,
    /// Settings, tenants, workers, plugins, the instance itself.
    SystemConfiguration,
    /// Anything the rules do not know.
    Other,
}

impl Category {
    /// Every category in path order.
    pub const ALL: [Self; 7] = [
        Self::AccessControl,
        Self::Authentication,
        Self::DataAccess,
        Self::Execution,
        Self::Other,
        Self::ResourceManagement,
        Self::SystemConfiguration,
    ];

    /// The name in columns, paths, entries and configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::AccessControl => "access_control",
            Self::ResourceManagement => "resource_management",
            Self::Execution => "execution",
            Self::DataAccess => "data_access",
            Self::SystemConfiguration => "system_configuration",
            Self::Other => "other",
        }
    }
}

/// What the platform said about success; silence is `Unknown`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The platform says it succeeded.
    Success,
    /// The platform says it failed or was denied.
    Failure,
    /// The platform does not say.
    Unknown,
}

impl Outcome {
    /// The name in columns.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Unknown => "unknown",
        }
    }
}

/// What kind of actor acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorType {
    /// A person.
    User,
    /// A service account.
    Service,
    /// The platform itself.
    System,
    /// The platform does not say.
    Unknown,
}

impl ActorType {
    /// The name in columns.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Service => "service",
            Self::System => "system",
            Self::Unknown => "unknown",
        }
    }
}

/// One normalised event, borrowing from the record it was made from. Columns that depend on the
/// run rather than on the record (`ingested_at`, `batch_id`, `source`, versions) are added when
/// the row is written.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    /// The record as kept, all of it.
    pub raw: &'a str,
    /// Id of the record on its platform.
    pub native_id: Option<Cow<'a, str>>,
    /// When it happened, to the nanosecond.
    pub time: DateTime<Utc>,
    /// The time exactly as written.
    pub time_text: Cow<'a, str>,
    /// Tenant on the platform.
    pub tenant: Option<Cow<'a, str>>,
    /// Category.
    pub category: Category,
    /// OCSF class.
    pub class_uid: i64,
    /// OCSF activity.
    pub activity_id: i64,
    /// OCSF name of the activity.
    pub activity_name: Cow<'a, str>,
    /// The platform's name of the action.
    pub action: Option<Cow<'a, str>>,
    /// OCSF severity.
    pub severity_id: i64,
    /// Outcome as the platform stated it.
    pub outcome: Outcome,
    /// The platform's outcome code.
    pub outcome_code: Option<Cow<'a, str>>,
    /// The platform's outcome text.
    pub outcome_detail: Option<Cow<'a, str>>,
    /// Actor id.
    pub actor_uid: Option<Cow<'a, str>>,
    /// Actor name.
    pub actor_name: Option<Cow<'a, str>>,
    /// Actor email.
    pub actor_email: Option<Cow<'a, str>>,
    /// Actor kind.
    pub actor_type: ActorType,
    /// Who acted in the actor's name.
    pub actor_impersonated_by: Option<Cow<'a, str>>,
    /// Origin of the request.
    pub src_ip: Option<Cow<'a, str>>,
    /// Client software.
    pub user_agent: Option<Cow<'a, str>>,
    /// Resource kind.
    pub resource_type: Option<Cow<'a, str>>,
    /// Resource id.
    pub resource_uid: Option<Cow<'a, str>>,
    /// Resource name.
    pub resource_name: Option<Cow<'a, str>>,
    /// Namespace.
    pub namespace: Option<Cow<'a, str>>,
    /// Workflow.
    pub workflow: Option<Cow<'a, str>>,
    /// Run of the workflow.
    pub execution_uid: Option<Cow<'a, str>>,
    /// Revision as written.
    pub revision: Option<Cow<'a, str>>,
    /// Correlation id.
    pub correlation_uid: Option<Cow<'a, str>>,
    /// Cloud region.
    pub region: Option<Cow<'a, str>>,
    /// Cloud account.
    pub account: Option<Cow<'a, str>>,
    /// Detail object, verbatim.
    pub detail: Option<Cow<'a, str>>,
}

impl<'a> Event<'a> {
    /// An event of which nothing but its time is known: OCSF's API Activity of an unknown kind.
    pub fn bare(raw: &'a str, time: DateTime<Utc>, time_text: Cow<'a, str>) -> Self {
        Self {
            raw,
            native_id: None,
            time,
            time_text,
            tenant: None,
            category: Category::Other,
            class_uid: 6003,
            activity_id: 0,
            activity_name: Cow::Borrowed("Unknown"),
            action: None,
            severity_id: 1,
            outcome: Outcome::Unknown,
            outcome_code: None,
            outcome_detail: None,
            actor_uid: None,
            actor_name: None,
            actor_email: None,
            actor_type: ActorType::Unknown,
            actor_impersonated_by: None,
            src_ip: None,
            user_agent: None,
            resource_type: None,
            resource_uid: None,
            resource_name: None,
            namespace: None,
            workflow: None,
            execution_uid: None,
            revision: None,
            correlation_uid: None,
            region: None,
            account: None,
            detail: None,
        }
    }
}

impl Event<'_> {
    /// The UTC date of the event: the partition it belongs to.
    pub fn date(&self) -> NaiveDate {
        self.time.date_naive()
    }

    /// Bytes of all text of its row, but for its name.
    pub fn text_bytes(&self) -> usize {
        let texts = schema::event_texts(self, "");
        texts.iter().flatten().map(|text| text.len()).sum()
    }
}
