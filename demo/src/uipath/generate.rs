//! Records as an organization leaves them.

use super::record::{NewEvent, NewRecord};
use crate::dice::{Dice, Purpose};
use chrono::{DateTime, TimeDelta, Utc};

/// Component and action.
const ACTS: [(&str, &str); 12] = [
    ("Assets", "Update"),
    ("Assets", "Create"),
    ("Jobs", "StartJob"),
    ("Jobs", "StopJob"),
    ("Queues", "BulkUpload"),
    ("Robots", "Delete"),
    ("Packages", "Download"),
    ("Schedules", "Toggle"),
    ("Users", "Create"),
    ("Roles", "Update"),
    ("Folders", "Assign"),
    // Newer than any list of the enum.
    ("AgentMemories", "Recall"),
];

/// Who acts: name and type.
const USERS: [(&str, &str); 4] = [
    ("anna", "User"),
    ("bo@acme.example", "DirectoryUser"),
    ("invoice-robot", "Robot"),
    ("deploy", "DirectoryExternalApplication"),
];

/// Source, target and type of an event.
const EVENTS: [(&str, &str, &str); 6] = [
    ("Governance", "Policy management", "Edited policy"),
    ("Identity", "Sign in", "User login"),
    (
        "Organization Management",
        "Org Membership",
        "User Manually Joined An Org Through Invite",
    ),
    ("Licensing", "User licenses", "License Updated"),
    ("Data Fabric", "Entities", "Exported Records"),
    ("Agents", "Agent runs", "Agent Woke Up"),
];

const ACTORS: [&str; 3] = ["jane@acme.example", "bo@acme.example", "audit-reader"];

/// So many records of Orchestrator, from one instant to another.
pub(super) fn records(
    seed: u64,
    count: u32,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Vec<NewRecord> {
    let mut all: Vec<NewRecord> = (0..u64::from(count))
        .map(|index| {
            let mut dice = Dice::of(seed, Purpose::Record, index);
            let executed = draw(&mut dice, from, to);
            // Most calls are short; an upload may take minutes.
            let took = match dice.below(20) {
                0 => TimeDelta::seconds(30 + dice.below(200) as i64),
                _ => TimeDelta::milliseconds(5 + dice.below(900) as i64),
            };
            let (component, action) = ACTS[dice.index(ACTS.len())];
            let (user, user_type) = USERS[dice.index(USERS.len())];
            NewRecord {
                written: executed + took,
                component: component.to_owned(),
                action: action.to_owned(),
                user: user.to_owned(),
                user_type: user_type.to_owned(),
                name: format!("thing-{}", dice.below(40)),
                ..NewRecord::at(executed)
            }
        })
        .collect();
    // Ids are given when records are written.
    all.sort_by_key(|record| record.written);
    all
}

/// So many events of the unified audit, of the organization (`None`) and its tenants in turn.
pub(super) fn events(
    seed: u64,
    count: u32,
    tenants: &[String],
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Vec<NewEvent> {
    let event = |index: u64| {
        let mut dice = Dice::of(seed, Purpose::Incident, index);
        let created = draw(&mut dice, from, to);
        let scopes = tenants.len() as u64 + 1;
        let tenant = tenants.get((index % scopes) as usize);
        let (source, target, kind) = EVENTS[dice.index(EVENTS.len())];
        let late = match dice.below(30) {
            0 => TimeDelta::minutes(1 + dice.below(30) as i64),
            _ => TimeDelta::milliseconds(300 + dice.below(4_000) as i64),
        };
        NewEvent {
            visible: created + late,
            source: source.to_owned(),
            target: target.to_owned(),
            kind: kind.to_owned(),
            status: u8::from(dice.below(8) == 0),
            actor: dice.one_of(&ACTORS).to_owned(),
            address: (dice.below(5) > 0).then(|| "198.51.100.7".to_owned()),
            ..NewEvent::at(
                format!("{:016x}-{index:04}", dice.bits()),
                tenant.map(String::as_str),
                created,
            )
        }
    };
    (0..u64::from(count)).map(event).collect()
}

/// An instant in whole milliseconds, some of them shared by several records.
fn draw(dice: &mut Dice, from: DateTime<Utc>, to: DateTime<Utc>) -> DateTime<Utc> {
    let millis = (to - from).num_milliseconds().max(1) as u64;
    from + TimeDelta::milliseconds(dice.below(millis) as i64)
}
