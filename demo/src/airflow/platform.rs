//! The server as a value that is served and, in tests, steered while it serves.

use super::Dialect;
use super::generate::{DAGS, generate};
use super::record::{NewEvent, Row, Written};
use crate::faults::{Fault, FaultSource, Faults};
use crate::gate::{Access, Gate};
use crate::instant::{Clock, instant, nanos};
use crate::oracle::Counts;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What there is at the beginning, and what goes wrong.
#[derive(Debug, Clone)]
pub struct Options {
    /// What everything that looks like chance follows from.
    pub seed: u64,
    /// The generation of the interface.
    pub dialect: Dialect,
    /// Events at the beginning.
    pub events: u32,
    /// Days before the end over which they are spread.
    pub days: u32,
    /// The end of those days, and the time that it is; the machine's where it is not given.
    pub now: Option<DateTime<Utc>>,
    /// What goes wrong with requests.
    pub faults: Faults,
    /// What is special about this installation.
    pub trouble: Trouble,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            dialect: Dialect::V2,
            events: 300,
            days: 3,
            now: None,
            faults: Faults::default(),
            trouble: Trouble::default(),
        }
    }
}

/// What totals count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Totals {
    /// What the request selects, and lists show.
    #[default]
    Selected,
    /// Every row of the table.
    Table,
}

/// What is special about an installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Lists leave out events of DAGs that are unknown. Only Airflow 3 does.
    pub hides_unknown_dags: bool,
    /// Most rows of a page; more are cut down to it without a word.
    pub page_limit: u32,
    /// What totals count.
    pub totals: Totals,
    /// The bounds of time count themselves in. Only early versions of Airflow 2 do.
    pub inclusive_bounds: bool,
    /// The account may not read events that belong to no DAG: lists and totals leave them out, and their ids are
    /// answered with 403, like ids that do not exist.
    pub denies_without_dag: bool,
    /// DAGs whose events the account may not read: lists leave them out, and their ids are answered with 403.
    pub denied_dags: BTreeSet<String>,
    /// Requests after which a token from `/auth/token` has expired.
    pub token_requests: Option<u32>,
}

impl Default for Trouble {
    fn default() -> Self {
        Self {
            hides_unknown_dags: true,
            page_limit: 100,
            totals: Totals::Selected,
            inclusive_bounds: false,
            denies_without_dag: false,
            denied_dags: BTreeSet::new(),
            token_requests: None,
        }
    }
}

/// An Airflow. Cheap to clone; all clones are one server.
#[derive(Debug, Clone)]
pub struct AirflowServer {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) seed: u64,
    pub(super) dialect: Dialect,
    pub(super) clock: Clock,
    desk: Mutex<Desk>,
}

/// What every request touches.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) dialect: Dialect,
    /// In order of ids.
    pub(super) rows: Vec<Row>,
    /// The id of the next row.
    next_id: i64,
    /// Events that are made and not written yet.
    unwritten: Vec<NewEvent>,
    pub(super) dags: BTreeSet<String>,
    pub(super) gate: Gate,
    /// Tokens that were given, and how often the newest was used.
    pub(super) tokens: (u64, u32),
    pub(super) faults: Faults,
    pub(super) trouble: Trouble,
    pub(super) source: FaultSource,
    pub(super) counts: Counts,
    pub(super) asked: Vec<String>,
}

impl Inner {
    /// The desk, with everything written that is to be written by now.
    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        desk.write(self.clock.now());
        desk
    }
}

impl Desk {
    /// Writes what is due, in the order in which it is.
    fn write(&mut self, now: i64) {
        let (mut due, later): (Vec<NewEvent>, Vec<NewEvent>) = std::mem::take(&mut self.unwritten)
            .into_iter()
            .partition(|event| event.written() <= now);
        self.unwritten = later;
        due.sort_by_key(NewEvent::written);
        due.into_iter().for_each(|event| self.write_now(event));
    }

    /// Gives an event its id.
    pub(super) fn write_now(&mut self, event: NewEvent) {
        let when = nanos(event.when);
        self.rows.push(Row {
            id: self.next_id,
            when: when - when.rem_euclid(1_000),
            event,
        });
        self.next_id += 1;
    }

    /// Whether lists show a row.
    pub(super) fn shows(&self, row: &Row) -> bool {
        match &row.event.dag_id {
            None => !self.trouble.denies_without_dag,
            Some(dag) => {
                !self.trouble.denied_dags.contains(dag)
                    && (self.dialect == Dialect::V1
                        || !self.trouble.hides_unknown_dags
                        || self.dags.contains(dag))
            }
        }
    }

    /// Whether the id of a row, or one without a row, is answered with 403.
    pub(super) fn denies(&self, row: Option<&Row>) -> bool {
        match row.and_then(|row| row.event.dag_id.as_ref()) {
            None => self.trouble.denies_without_dag,
            Some(dag) => self.trouble.denied_dags.contains(dag),
        }
    }
}

impl AirflowServer {
    /// Makes the server and its events.
    pub fn new(options: &Options) -> Self {
        let clock = Clock::new(options.now);
        let end = instant(clock.now());
        let from = end - TimeDelta::days(i64::from(options.days));
        Self {
            inner: Arc::new(Inner {
                seed: options.seed,
                dialect: options.dialect,
                clock,
                desk: Mutex::new(Desk {
                    dialect: options.dialect,
                    rows: Vec::new(),
                    next_id: 1,
                    unwritten: generate(options.seed, options.dialect, options.events, from, end),
                    dags: DAGS.map(str::to_owned).into(),
                    gate: Gate::new(Access::default()),
                    tokens: (0, 0),
                    faults: options.faults.clone(),
                    trouble: options.trouble.clone(),
                    source: FaultSource::default(),
                    counts: Counts::default(),
                    asked: Vec::new(),
                }),
            }),
        }
    }

    /// The time.
    pub fn now(&self) -> DateTime<Utc> {
        instant(self.inner.clock.now())
    }

    /// Stops the clock at an instant; events that are to be written by then are there.
    pub fn set_now(&self, now: DateTime<Utc>) {
        self.inner.clock.set(nanos(now));
    }

    /// Writes an event, now or when it is late.
    pub fn push(&self, event: NewEvent) {
        let mut desk = self.inner.desk();
        desk.unwritten.push(event);
    }

    /// Deletes a DAG, which is an event of its own: lists show neither it nor what came before.
    pub fn delete_dag(&self, dag: &str, when: DateTime<Utc>) {
        self.push(NewEvent {
            event: "delete_dag".to_owned(),
            extra: Some("{\"method\": \"DELETE\"}".to_owned()),
            ..NewEvent::of_dag(dag, when)
        });
        self.inner.desk().dags.remove(dag);
    }

    /// Parses a DAG: its events are shown again.
    pub fn add_dag(&self, dag: &str) {
        self.inner.desk().dags.insert(dag.to_owned());
    }

    /// Uses up ids: transactions are rolled back, or a sequence jumps.
    pub fn skip_ids(&self, ids: i64) {
        self.inner.desk().next_id += ids;
    }

    /// Deletes the rows that `is_old` names, as `airflow db clean` does.
    pub fn clean(&self, is_old: impl Fn(DateTime<Utc>, Option<&str>) -> bool) {
        let keeps = |row: &Row| !is_old(instant(row.when), row.event.dag_id.as_deref());
        self.inner.desk().rows.retain(keeps);
    }

    /// Deletes every row and begins to count again.
    pub fn rebuild(&self) {
        let mut desk = self.inner.desk();
        desk.rows.clear();
        desk.next_id = 1;
    }

    /// Everything that is there, in order of ids.
    pub fn written(&self) -> Vec<Written> {
        let desk = self.inner.desk();
        let written = desk.rows.iter().map(|row| Written {
            id: row.id,
            when: instant(row.when),
            is_hidden: !desk.shows(row),
            text: desk.text(row),
        });
        written.collect()
    }

    /// Queues a fault for the next `times` requests whose path and query contain `only`; queued faults come
    /// before those by chance.
    pub fn queue(&self, fault: Fault, times: u32, only: Option<&str>) {
        let mut desk = self.inner.desk();
        desk.source.queue(fault, times, only.map(str::to_owned));
    }

    /// Changes what goes wrong.
    pub fn set_trouble(&self, change: impl FnOnce(&mut Faults, &mut Trouble)) {
        let mut desk = self.inner.desk();
        let desk = &mut *desk;
        change(&mut desk.faults, &mut desk.trouble);
    }

    /// Numbers of requests and answers so far.
    pub fn counts(&self) -> Counts {
        self.inner.desk().counts.clone()
    }

    /// Paths and queries of all requests so far.
    pub fn asked(&self) -> Vec<String> {
        self.inner.desk().asked.clone()
    }
}
