//! Events that lists leave out, and how they are found.
//!
//! The list of Airflow 3 and its total have only events of DAGs that are known at the moment and that the account
//! may read, and those of no DAG. The rest is there all the same: after a DAG is deleted, all its events are missing,
//! its deletion among them. `GET eventLogs/{id}` returns each, so every id that is not listed is asked for.
//!
//! **The rule of order.** Ids are given in the order of writing, so time and id rise together, but for the time that
//! passes until an event is written: of two events, the one with the lower id is at most [`DISORDER`] later. So the
//! ids of a window lie between those of the listed events beside it, and an event that is not listed happened near
//! the listed events with the ids around its own.
//!
//! * `around` lists the events beside a window, until it is far enough away.
//! * `below` asks for the ids below the lowest that is listed.
//! * `ids` says which ids are to be asked, and which can no longer be of a time (pure).
//! * `reader` merges what is listed and what is found by id into slices; `search` counts, and finds the oldest.
//!
//! Where no listed event has a higher id, ids are asked until [`ABSENT_ABOVE`] in a row have no event; where none has
//! a lower one, until [`ABSENT_BELOW`]. More than [`MOST_UNLISTED`] ids between two listed events are not asked: they
//! are a hole. An id that the account may not read is not a hole but ends the feed, since its operator must act.

mod around;
mod below;
mod ids;
mod reader;
mod search;

pub(super) use reader::HiddenReader;
pub(super) use search::{count, oldest};

use super::client::EventList;
use crate::source::reading::key_of;
use crate::source::{Keyed, Returned, SourceError, Tenant};
use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt as _, stream};
use ids::AskedId;

/// How much later than an event with a higher id an event may have happened.
const DISORDER: TimeDelta = TimeDelta::minutes(5);

/// Most ids between two listed events that are asked for.
const MOST_UNLISTED: i64 = 10_000;

/// So many ids in a row without an event are the beginning of the log.
const ABSENT_BELOW: i64 = 100;

/// So many ids in a row without an event are the end of the log.
const ABSENT_ABOVE: i64 = 20;

/// Ids that are asked before what they gave is handed on.
const ASKED_AT_ONCE: usize = 500;

/// What is asked, and how many requests at once.
#[derive(Clone)]
pub(super) struct Asking {
    /// The lists, as they were tried.
    pub(super) list: EventList,
    /// The feed.
    pub(super) tenant: Tenant,
    /// Most requests under way.
    pub(super) concurrency: usize,
}

impl Asking {
    /// Asks for events by id, and returns the answers in the same order.
    async fn events(
        &self,
        ids: Vec<AskedId>,
    ) -> Vec<(AskedId, Result<Option<Keyed>, SourceError>)> {
        let answers = stream::iter(ids).map(|asked| async move {
            let found = self.list.event(&self.tenant, asked.id).await;
            let keyed = |returned: Returned| Keyed {
                key: key_of(&super::AirflowMapping, &returned.record),
                returned,
            };
            (asked, found.map(|found| found.map(keyed)))
        });
        answers.buffered(self.concurrency.max(1)).collect().await
    }
}

/// When a listed event happened, by its id.
type ListedId = (i64, DateTime<Utc>);
