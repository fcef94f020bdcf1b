//! From one event of the event log to one event of ours.
//!
//! Columns come from these places and no others, so unknown fields change nothing (they stay in `raw`). Required
//! are only `event_log_id` and `when`. Any other field that is missing, null, of another type, or no Unicode text
//! leaves its column null. `e` is the JSON object that `/extra` holds as text.
//!
//! | column | place in the event | |
//! |---|---|---|
//! | `native_id` | `/event_log_id`, `/when` | with a space between: ids begin again when a database is rebuilt. The time as [`format_instant`] writes it, since the generations write it differently |
//! | `event_time`, `event_time_text` | `/when` | |
//! | `action` | `/event` | verbatim; decides category and `resource_type`, see `events` |
//! | `actor_uid`, `actor_name` | `/owner`; the name `/owner_display_name`, else `/owner` | not of states of tasks, where it is the owner of the DAG |
//! | `actor_type` | `/event` | `system` for states of tasks and what the scheduler writes, else unknown: a user may be a service |
//! | `outcome` | `/event` | of states of tasks alone: a call is logged before it is carried out, denied and failed ones too |
//! | `resource_uid` | `e/variable_key`, `e/key`, `e/connection_id`, `e/pool_name`, `e/name`, else the task, run or DAG | the first that is text, as the kind of resource has it |
//! | `workflow`, `execution_uid` | `/dag_id`; `/run_id`, else `e/dag_run_id` | |
//! | `detail` | `/extra` | the text, where it is a JSON object |
//!
//! The names that are shown for a DAG and a task (`/dag_display_name`, `/task_display_name`) are those of today, and
//! null once the DAG is gone, so they are no part of the record ([`Mapping::joined`]).

mod events;
mod origins;

pub use origins::ORIGINS;

use crate::event::json::{
    self, JsonKind, JsonText, JsonValue, named_in, present, text, text_or_number,
};
use crate::event::redact::ColumnOrigins;
use crate::event::unfit::{Reason, Unfit};
use crate::event::{ActorType, Event, record};
use crate::source::{Identity, Mapping, Unidentified};
use crate::window::format_instant;
use events::Resource;
use std::borrow::Cow;

/// Version of the rules in this module and in its tables, stored in every row. It rises whenever the
/// same record would give another row.
pub const MAPPING_VERSION: i64 = 1;

/// The name of the platform in its column.
pub const PLATFORM: &str = "airflow";

/// Reads id and time only, and does not judge the rest. Whatever [`normalise`] accepts has the same
/// identity here.
///
/// # Errors
/// Where id or time cannot be read.
pub fn identify(record: &[u8]) -> Result<Identity<'_>, Unidentified<'_>> {
    let mut fields = AirflowFields::default();
    record::find(record, |name, value| {
        fields.note(name, value);
        fields.id.is_some() && fields.when.is_some()
    })?;
    let (identity, _) = fields.identity(record)?;
    Ok(identity)
}

/// Makes the event of a record, whose exact bytes it is given. It borrows from them wherever text has no
/// escapes.
///
/// # Errors
/// Why it can only be quarantined.
pub fn normalise(record: &[u8]) -> Result<Event<'_>, Unfit> {
    let mut fields = AirflowFields::default();
    let source = record::read(record, |name, value| fields.note(name, value))?;
    let (identity, time_text) = fields.identity(source)?;
    let text = |value| text(value, source);
    let action = text(fields.event);
    // Only the platform writes the try of a task.
    let is_of_task = fields
        .try_number
        .is_some_and(|tries| tries.kind == JsonKind::Number);
    let meaning = events::meaning(action.as_deref().unwrap_or_default(), is_of_task);
    let owner = text(fields.owner).filter(|_| !meaning.is_state);
    let display_name = text(fields.owner_display_name);
    let is_system = meaning.is_state || owner.as_deref() == Some("scheduler");
    let (workflow, task) = (text(fields.dag_id), text(fields.task_id));
    let detail = text(fields.extra)
        .filter(|extra| matches!(json::check(extra.as_bytes()), Ok(JsonKind::Object)));
    let extra = AirflowExtra(detail.as_deref().unwrap_or_default());
    let run = text(fields.run_id).or_else(|| extra.first(&["dag_run_id"]));
    let resource_uid = match meaning.resource {
        Some(Resource::Task) => task.or_else(|| extra.first(&["task_id"])),
        Some(Resource::DagRun) => run.clone().or_else(|| workflow.clone()),
        Some(Resource::Dag) => workflow.clone(),
        Some(resource) => extra.first(resource.keys()),
        None => None,
    };
    Ok(Event {
        native_id: Some(identity.native_id),
        category: meaning.category,
        activity_id: meaning.activity.0,
        activity_name: meaning.activity.1.into(),
        severity_id: meaning.severity_id,
        outcome: meaning.outcome,
        action,
        actor_type: match is_system {
            true => ActorType::System,
            false => ActorType::Unknown,
        },
        actor_name: owner
            .is_some()
            .then_some(display_name)
            .flatten()
            .filter(|name| !name.is_empty())
            .or_else(|| owner.clone()),
        actor_uid: owner,
        resource_type: meaning.resource.map(|it| Cow::Borrowed(it.name())),
        resource_uid,
        workflow,
        execution_uid: run,
        detail,
        ..Event::bare(source, identity.time, time_text)
    })
}

/// What an event says of itself, as a JSON object.
struct AirflowExtra<'a>(&'a str);

impl AirflowExtra<'_> {
    /// The first of these members that is text or a number.
    fn first<'e>(&self, names: &[&str]) -> Option<Cow<'e, str>> {
        let mut values = names.iter().map(|name| {
            let [value] = named_in(self.0.as_bytes(), [*name]);
            text_or_number(value, self.0)
        });
        values
            .find_map(|value| value)
            .map(|value| Cow::Owned(value.into_owned()))
    }
}

/// The members of a record that columns come from; of doubled keys the first.
#[derive(Default)]
struct AirflowFields {
    id: Option<JsonValue>,
    when: Option<JsonValue>,
    event: Option<JsonValue>,
    owner: Option<JsonValue>,
    owner_display_name: Option<JsonValue>,
    dag_id: Option<JsonValue>,
    task_id: Option<JsonValue>,
    run_id: Option<JsonValue>,
    try_number: Option<JsonValue>,
    extra: Option<JsonValue>,
}

impl AirflowFields {
    fn note(&mut self, name: &[u8], value: JsonValue) {
        let slot = match name {
            b"event_log_id" => &mut self.id,
            b"when" => &mut self.when,
            b"event" => &mut self.event,
            b"owner" => &mut self.owner,
            b"owner_display_name" => &mut self.owner_display_name,
            b"dag_id" => &mut self.dag_id,
            b"task_id" => &mut self.task_id,
            b"run_id" => &mut self.run_id,
            b"try_number" => &mut self.try_number,
            b"extra" => &mut self.extra,
            _ => return,
        };
        slot.get_or_insert(value);
    }

    /// The identity, and the time as written.
    fn identity<'a>(
        &self,
        source: impl JsonText<'a>,
    ) -> Result<(Identity<'a>, Cow<'a, str>), Unfit> {
        let id = present(self.id).ok_or(Unfit::because(Reason::NoId))?;
        let id = text_or_number(Some(id), source).ok_or(Unfit::because(Reason::IdNotText))?;
        let (time, time_text) = record::instant(self.when, source)?;
        let identity = Identity {
            native_id: format!("{id} {}", format_instant(time)).into(),
            time,
            tenant: None,
        };
        Ok((identity, time_text))
    }
}

/// How events of Airflow's event log become events.
#[derive(Debug, Clone, Copy)]
pub struct AirflowMapping;

impl Mapping for AirflowMapping {
    fn platform(&self) -> &'static str {
        PLATFORM
    }

    fn version(&self) -> i64 {
        MAPPING_VERSION
    }

    fn origins(&self) -> &dyn ColumnOrigins {
        &ORIGINS
    }

    fn joined(&self) -> &'static [&'static str] {
        &["/dag_display_name", "/task_display_name"]
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
