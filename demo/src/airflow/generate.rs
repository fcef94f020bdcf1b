//! Events as an installation leaves them: people who change variables and trigger DAGs, tasks that change
//! their state, commands; most of them written at once, some seconds later.

use super::Dialect;
use super::record::NewEvent;
use crate::dice::{Dice, Purpose};
use chrono::{DateTime, TimeDelta, Utc};

/// DAGs that exist.
pub(super) const DAGS: [&str; 5] = [
    "billing_daily",
    "churn_model",
    "exports",
    "ingest_orders",
    "reports_weekly",
];

/// DAGs that do not exist any more, or never did.
const GONE: [&str; 3] = ["legacy_sync", "ingest_order", "tmp_backfill"];

const OWNERS: [&str; 4] = ["admin", "anna", "bo", "deploy"];

/// States that a task goes through.
const STATES: [&str; 6] = [
    "running", "success", "running", "success", "running", "failed",
];

/// Calls about no DAG, as the two generations name them.
const CALLS: [(&str, &str, &str); 5] = [
    (
        "post_variable",
        "api.variable.create",
        "{\"key\": \"rate_limit\", \"value\": \"***\"}",
    ),
    (
        "patch_variable",
        "api.variable.edit",
        "{\"key\": \"rate_limit\", \"value\": \"***\"}",
    ),
    (
        "delete_connection",
        "api.connection.delete",
        "{\"connection_id\": \"pg_main\"}",
    ),
    (
        "post_pool",
        "api.post_pool",
        "{\"name\": \"backfills\", \"slots\": 3}",
    ),
    ("bulk_variables", "variable.varimport", "{\"actions\": []}"),
];

/// So many events, from one instant to another.
pub(super) fn generate(
    seed: u64,
    dialect: Dialect,
    events: u32,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Vec<NewEvent> {
    let span = (to - from).num_microseconds().unwrap_or(0).max(1);
    let all = (0..events).map(|index| {
        let mut dice = Dice::of(seed, Purpose::Record, u64::from(index));
        let when = from + TimeDelta::microseconds(dice.below(span as u64) as i64);
        let late = match dice.below(100) {
            0..80 => TimeDelta::milliseconds(dice.below(40) as i64),
            80..97 => TimeDelta::milliseconds(dice.below(9_000) as i64),
            _ => TimeDelta::seconds(dice.below(200) as i64),
        };
        let event = NewEvent {
            late,
            owner: Some(dice.one_of(&OWNERS).to_owned()),
            ..NewEvent::at(when)
        };
        match dice.below(10) {
            0..3 => of_call(&mut dice, dialect, event),
            3..5 => of_dag(&mut dice, dialect, event),
            5..9 => of_task(&mut dice, event),
            _ => NewEvent {
                event: "cli_scheduler".to_owned(),
                owner: Some("airflow".to_owned()),
                extra: Some("{\"host_name\": \"scheduler-0\", \"full_command\": \"['airflow', 'scheduler']\"}".to_owned()),
                ..event
            },
        }
    });
    all.collect()
}

fn of_call(dice: &mut Dice, dialect: Dialect, event: NewEvent) -> NewEvent {
    let (v2, v1, extra) = CALLS[dice.index(CALLS.len())];
    NewEvent {
        event: match dialect {
            Dialect::V1 => v1,
            Dialect::V2 => v2,
        }
        .to_owned(),
        extra: Some(extra.to_owned()),
        ..event
    }
}

fn of_dag(dice: &mut Dice, dialect: Dialect, event: NewEvent) -> NewEvent {
    NewEvent {
        event: match dialect {
            Dialect::V1 => "api.post_dag_run",
            Dialect::V2 => "trigger_dag_run",
        }
        .to_owned(),
        extra: Some("{\"conf\": {\"day\": \"2026-11-20\"}}".to_owned()),
        dag_id: Some(dag(dice)),
        ..event
    }
}

fn of_task(dice: &mut Dice, event: NewEvent) -> NewEvent {
    let dag_id = dag(dice);
    NewEvent {
        event: STATES[dice.index(STATES.len())].to_owned(),
        owner: Some("data-platform".to_owned()),
        extra: Some("{\"host_name\": \"worker-1\"}".to_owned()),
        task_id: Some(format!("load_{}", dice.below(9))),
        run_id: Some(format!(
            "scheduled__{}",
            event.when.format("%Y-%m-%dT%H:00:00+00:00")
        )),
        try_number: Some(1 + dice.below(3) as u32),
        dag_id: Some(dag_id),
        ..event
    }
}

/// A DAG; some are gone.
fn dag(dice: &mut Dice) -> String {
    match dice.chance(0.15) {
        true => dice.one_of(&GONE).to_owned(),
        false => dice.one_of(&DAGS).to_owned(),
    }
}
