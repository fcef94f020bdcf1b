//! Entries as an organisation leaves them: long operations with two entries each, short calls, reads;
//! most received within seconds, some hours or days later.

use super::entry::{Log, LongOperation, NewEntry};
use crate::dice::{Dice, Purpose};
use chrono::{DateTime, TimeDelta, Utc};

const PREFIX: &str = "google.cloud.orchestration.airflow.service.v1.";

/// Methods that begin a long operation.
const LONG: [&str; 6] = [
    "Environments.CreateEnvironment",
    "Environments.UpdateEnvironment",
    "Environments.DeleteEnvironment",
    "Environments.DatabaseFailover",
    "Environments.SaveSnapshot",
    "Environments.LoadSnapshot",
];

/// Methods that are over when they return.
const SHORT: [&str; 5] = [
    "Environments.ExecuteAirflowCommand",
    "Environments.PollAirflowCommand",
    "Environments.StopAirflowCommand",
    "Environments.CreateUserWorkloadsSecret",
    "Environments.DeleteUserWorkloadsConfigMap",
];

/// Methods that only read.
const READS: [&str; 2] = [
    "Environments.GetEnvironment",
    "Environments.ListEnvironments",
];

const PRINCIPALS: [&str; 4] = [
    "anna@acme.example",
    "bo@acme.example",
    "deploy@acme-data.iam.gserviceaccount.com",
    "service-1@cloudcomposer-accounts.iam.gserviceaccount.com",
];

/// Status codes: mostly success.
const CODES: [i32; 8] = [0, 0, 0, 0, 0, 0, 7, 3];

/// About so many entries, from one instant to another.
pub(super) fn generate(
    seed: u64,
    entries: u32,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Vec<NewEntry> {
    let mut all: Vec<NewEntry> = Vec::new();
    let span = (to - from).num_nanoseconds().unwrap_or(0).max(1);
    let mut index = 0;
    while all.len() < entries as usize {
        let mut dice = Dice::of(seed, Purpose::Record, index);
        index += 1;
        let happened = from + TimeDelta::nanoseconds(dice.below(span as u64) as i64);
        let lateness = match dice.below(100) {
            0..90 => TimeDelta::milliseconds(200 + dice.below(3_000) as i64),
            90..97 => TimeDelta::minutes(1 + dice.below(180) as i64),
            _ => TimeDelta::hours(24 + dice.below(96) as i64),
        };
        let code = CODES[dice.index(CODES.len())];
        let status = (
            code,
            if code == 0 { "" } else { "PERMISSION_DENIED" }.to_owned(),
        );
        let entry = |dice: &mut Dice, method: &str, log| NewEntry {
            insert_id: dice.friendly_id().to_lowercase(),
            log,
            method: format!("{PREFIX}{method}"),
            received: happened + lateness,
            status: Some(status.clone()),
            principal: dice.one_of(&PRINCIPALS).to_owned(),
            ..NewEntry::at("", happened)
        };
        match dice.below(10) {
            0..3 => {
                let method = LONG[dice.index(LONG.len())];
                let mut first = entry(&mut dice, method, Log::Activity);
                let id = format!("projects/p/operations/{}", dice.friendly_id());
                first.status = None;
                first.operation = Some(LongOperation {
                    id: id.clone(),
                    is_first: true,
                });
                let took = TimeDelta::seconds(30 + dice.below(1_800) as i64);
                let last = NewEntry {
                    insert_id: dice.friendly_id().to_lowercase(),
                    happened: first.happened + took,
                    received: first.received + took,
                    status: Some(status),
                    operation: Some(LongOperation {
                        id,
                        is_first: false,
                    }),
                    ..first.clone()
                };
                all.extend([first, last]);
            }
            3..8 => {
                let method = SHORT[dice.index(SHORT.len())];
                all.push(entry(&mut dice, method, Log::Activity));
            }
            _ => {
                let method = READS[dice.index(READS.len())];
                all.push(entry(&mut dice, method, Log::DataAccess));
            }
        }
    }
    all
}
