//! Pipeline runs: what a factory shows of each is its newest state.

use super::event::{EventHome, spelled};
use crate::instant::{DAY, nanos};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// For how long runs are kept.
const RUNS_KEPT: i64 = 45 * DAY;

/// A pipeline run to be added.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// `runId`.
    pub id: String,
    /// `pipelineName`.
    pub pipeline: String,
    /// When it comes to which status, in order.
    pub states: Vec<(DateTime<Utc>, String)>,
    /// `invokedBy`: name and kind.
    pub invoked_by: (String, String),
    /// `message`.
    pub message: String,
}

impl NewRun {
    /// A run that somebody starts, and that goes through these statuses.
    pub fn through(id: impl Into<String>, states: &[(DateTime<Utc>, &str)]) -> Self {
        let owned = |(time, status): &(DateTime<Utc>, &str)| (*time, (*status).to_owned());
        Self {
            id: id.into(),
            pipeline: "load-sales".to_owned(),
            states: states.iter().map(owned).collect(),
            invoked_by: ("Manual".to_owned(), "Manual".to_owned()),
            message: String::new(),
        }
    }
}

/// One state of a run.
#[derive(Debug)]
pub(super) struct RunState {
    /// `lastUpdated`.
    pub(super) updated: i64,
    /// As the interface shows it.
    pub(super) text: String,
}

/// A run as it is stored.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) id: String,
    pub(super) states: Vec<RunState>,
    /// Its activity runs, once it has ended.
    pub(super) activities: Vec<String>,
}

/// Statuses in which a run stays.
const FINAL: [&str; 3] = ["Succeeded", "Failed", "Cancelled"];

impl Run {
    pub(super) fn of(home: &EventHome, new: NewRun) -> Self {
        let tick = |time: DateTime<Utc>| nanos(time).div_euclid(100) * 100;
        let start = new.states.first().map_or(0, |(time, _)| tick(*time));
        let states = new.states.iter().map(|(time, status)| {
            let updated = tick(*time);
            let is_over = FINAL.contains(&status.as_str());
            let run = json!({
                "id": format!("{}/pipelineruns/{}", home.factory_id().to_uppercase(), new.id),
                "runId": new.id,
                "runGroupId": new.id,
                "isLatest": true,
                "pipelineName": new.pipeline,
                "parameters": {"day": "2026-11-20"},
                "runDimension": {},
                "invokedBy": {
                    "id": format!("i-{}", new.id),
                    "name": new.invoked_by.0,
                    "invokedByType": new.invoked_by.1,
                },
                "runStart": spelled(start),
                "runEnd": if is_over { spelled(updated).into() } else { Value::Null },
                "durationInMs": if is_over { ((updated - start) / 1_000_000).into() } else { Value::Null },
                "status": status,
                "message": new.message,
                "lastUpdated": spelled(updated),
                "annotations": [],
            });
            RunState {
                updated,
                text: run.to_string(),
            }
        });
        let states: Vec<RunState> = states.collect();
        let end = states.last().map_or(start, |state| state.updated);
        let activity = |nth: i64| {
            json!({
                "activityName": format!("step-{nth}"),
                "activityType": "Copy",
                "activityRunId": format!("{}-a{nth}", new.id),
                "activityRunStart": spelled(start),
                "activityRunEnd": spelled(end - (end - start) / 3 * (2 - nth)),
                "durationInMs": 1_000,
                "pipelineName": new.pipeline,
                "pipelineRunId": new.id,
                "status": new.states.last().map(|(_, status)| status.clone()),
                "input": {"source": {"type": "BlobSource"}},
                "output": {},
                "error": {"errorCode": "", "message": "", "failureType": "", "target": ""},
                "userProperties": {},
            })
            .to_string()
        };
        Self {
            activities: (0..3).map(activity).collect(),
            id: new.id,
            states,
        }
    }

    /// The state that is shown at an instant: the newest, where the run is there.
    pub(super) fn shown(&self, now: i64) -> Option<&RunState> {
        let mut reached = self.states.iter().rev();
        let newest = reached.find(|state| state.updated <= now)?;
        (newest.updated > now - RUNS_KEPT).then_some(newest)
    }
}
