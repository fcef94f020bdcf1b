//! Events and runs as a team leaves them: acts of one event or of several, by people and by applications; most
//! shown within 20 minutes, some hours later; runs that are queued, go on, and end.

use super::event::{ActStatus, Caller, NewActivity};
use super::run::NewRun;
use crate::dice::{Dice, Purpose};
use chrono::{DateTime, TimeDelta, Utc};

/// Operations and what each is about.
const OPERATIONS: [(&str, &str); 10] = [
    ("factories/write", ""),
    ("factories/pipelines/write", "/pipelines/load-sales"),
    ("factories/pipelines/delete", "/pipelines/old"),
    (
        "factories/pipelines/createrun/action",
        "/pipelines/load-sales",
    ),
    (
        "factories/pipelines/createRun/action",
        "/pipelines/load-stock",
    ),
    ("factories/triggers/start/action", "/triggers/nightly"),
    ("factories/triggers/stop/action", "/triggers/nightly"),
    (
        "factories/linkedServices/write",
        "/linkedServices/warehouse",
    ),
    ("factories/datasets/delete", "/datasets/raw"),
    ("factories/pipelineruns/cancel/action", "/pipelineruns/r1"),
];

const PEOPLE: [&str; 3] = ["anna@acme.example", "bo@acme.example", "cy@acme.example"];

/// About so many events, from one instant to another.
pub(super) fn events(
    seed: u64,
    count: u32,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Vec<NewActivity> {
    let mut all = Vec::new();
    let span = (to - from).num_nanoseconds().unwrap_or(0).max(1);
    let mut index = 0;
    while all.len() < count as usize {
        let mut dice = Dice::of(seed, Purpose::Record, index);
        index += 1;
        let happened = from + TimeDelta::nanoseconds(dice.below(span as u64) as i64);
        let lateness = match dice.below(100) {
            0..92 => TimeDelta::seconds(180 + dice.below(1_020) as i64),
            92..98 => TimeDelta::minutes(25 + dice.below(180) as i64),
            _ => TimeDelta::hours(24 + dice.below(30) as i64),
        };
        let (operation, resource) = OPERATIONS[dice.index(OPERATIONS.len())];
        let caller = match dice.below(10) {
            0..6 => Caller::Person(dice.one_of(&PEOPLE).to_owned()),
            6..9 => Caller::Application(guid(&mut dice), guid(&mut dice)),
            _ => Caller::Nobody,
        };
        let end = NewActivity {
            operation: format!("Microsoft.DataFactory/{operation}"),
            resource: resource.to_owned(),
            status: match dice.below(8) {
                0 => ActStatus::Failed,
                _ => ActStatus::Succeeded,
            },
            submitted: happened + lateness,
            correlation: guid(&mut dice),
            caller,
            ..NewActivity::at(guid(&mut dice), happened)
        };
        let before = |dice: &mut Dice, status| {
            let earlier = TimeDelta::milliseconds(50 + dice.below(20_000) as i64);
            NewActivity {
                id: guid(dice),
                status,
                happened: end.happened - earlier,
                submitted: end.submitted - earlier,
                ..end.clone()
            }
        };
        match dice.below(3) {
            0 => {}
            1 => all.push(before(&mut dice, ActStatus::Started)),
            _ => {
                all.push(before(&mut dice, ActStatus::Started));
                all.push(before(&mut dice, ActStatus::Accepted));
            }
        }
        all.push(end);
    }
    all
}

/// So many runs, that begin from one instant to another.
pub(super) fn runs(seed: u64, count: u32, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<NewRun> {
    let span = (to - from).num_nanoseconds().unwrap_or(0).max(1);
    let run = |index| {
        let mut dice = Dice::of(seed, Purpose::Execution, index);
        let start = from + TimeDelta::nanoseconds(dice.below(span as u64) as i64);
        let begun = start + TimeDelta::milliseconds(dice.below(5_000) as i64);
        let end = begun + TimeDelta::seconds(5 + dice.below(7_200) as i64);
        let last = ["Succeeded", "Succeeded", "Succeeded", "Failed", "Cancelled"];
        let kind = dice.one_of(&["Manual", "ScheduleTrigger", "PipelineActivity"]);
        let last = dice.one_of(&last);
        NewRun {
            invoked_by: (format!("{kind}-1"), kind.to_owned()),
            ..NewRun::through(
                guid(&mut dice),
                &[(start, "Queued"), (begun, "InProgress"), (end, last)],
            )
        }
    };
    (0..u64::from(count)).map(run).collect()
}

/// An id like those of Azure.
fn guid(dice: &mut Dice) -> String {
    let (a, b) = (dice.bits(), dice.bits());
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xffff,
        b >> 48,
        b & 0xffff_ffff_ffff
    )
}
