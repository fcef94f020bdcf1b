//! The platform as a value that is served and, in tests, steered while it serves.

use super::generate;
use super::record::{Event, NewEvent, NewRecord, Record};
use crate::faults::{Fault, FaultSource, Faults};
use crate::gate::{Access, Denied, Gate, Reach};
use crate::instant::{Clock, instant, nanos};
use crate::oracle::Counts;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What there is at the beginning, and what goes wrong.
#[derive(Debug, Clone)]
pub struct Options {
    /// What everything that looks like chance follows from.
    pub seed: u64,
    /// Name of the organization.
    pub organization: String,
    /// Names of its tenants; the first has the Orchestrator.
    pub tenants: Vec<String>,
    /// Records of Orchestrator at the beginning.
    pub records: u32,
    /// Events of the unified audit at the beginning, over organization and tenants.
    pub events: u32,
    /// Days before the end over which they are spread.
    pub days: u32,
    /// The end of those days, and the time that it is; the machine's where it is not given.
    pub now: Option<DateTime<Utc>>,
    /// Whether the database of Orchestrator keeps times as SQL Server's `datetime`.
    pub sql_datetime: bool,
    /// What goes wrong with requests. What is about totals of search pages does not apply.
    pub faults: Faults,
    /// What is particular to UiPath.
    pub trouble: Trouble,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            organization: "acme".to_owned(),
            tenants: vec!["production".to_owned(), "test".to_owned()],
            records: 200,
            events: 300,
            days: 7,
            now: None,
            sql_datetime: false,
            faults: Faults::default(),
            trouble: Trouble::default(),
        }
    }
}

/// What is particular to UiPath, and what goes wrong with tokens and continuations.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trouble {
    /// A filter by `Id` is refused: 400.
    pub no_id_filter: bool,
    /// A response of Orchestrator has no `@odata.count`.
    pub no_count: bool,
    /// Orchestrator's order is not obeyed.
    pub unordered: bool,
    /// A continuation keeps the lower bound.
    pub keeps_from: bool,
    /// A continuation names organization and tenant by their ids.
    pub names_ids: bool,
    /// A continuation leads to another host.
    pub leads_astray: bool,
    /// By chance: a page has no events, and a continuation all the same.
    pub empty: f64,
    /// By chance: a continuation is not accepted: 400.
    pub dead: f64,
    /// Files of the long-term store have texts, and no ZIP files that have them.
    pub flat_files: bool,
    /// Days that the long-term store cannot gather in time: 504.
    pub slow_days: Vec<NaiveDate>,
    /// A token that was given for client credentials is accepted for so many requests.
    pub token_requests: Option<u64>,
    /// No tokens are given: 400, `invalid_client`.
    pub no_tokens: bool,
}

/// An organization. Cheap to clone; all clones are one organization.
#[derive(Debug, Clone)]
pub struct UiPath {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) seed: u64,
    pub(super) organization: String,
    pub(super) tenants: Vec<String>,
    pub(super) sql_datetime: bool,
    pub(super) clock: Clock,
    desk: Mutex<Desk>,
}

/// What every request touches.
#[derive(Debug)]
pub(super) struct Desk {
    /// In the order of ids.
    pub(super) records: Vec<Record>,
    /// In the order of pages, the oldest first.
    pub(super) events: Vec<Event>,
    gate: Gate,
    /// Uses of the tokens that were given.
    given: Vec<u64>,
    pub(super) faults: Faults,
    pub(super) trouble: Trouble,
    pub(super) source: FaultSource,
    pub(super) counts: Counts,
    pub(super) asked: Vec<String>,
    /// How often a continuation was shown.
    pub(super) shown: HashMap<u64, u64>,
}

impl Inner {
    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// Checks an `Authorization` header: a token that was given, or one that is known from the beginning.
    pub(super) fn admit(&mut self, header: Option<&str>) -> Result<(), Denied> {
        let given = header.and_then(|header| header.strip_prefix("Bearer given-"));
        let Some(number) = given else {
            return self.gate.admit(header, Reach::Part);
        };
        let number = number.parse::<usize>().map_err(|_| Denied::Unknown)?;
        let uses = self.given.get_mut(number).ok_or(Denied::Unknown)?;
        *uses += 1;
        match self.trouble.token_requests {
            Some(most) if *uses > most => Err(Denied::Unknown),
            _ => Ok(()),
        }
    }

    /// Gives a token.
    pub(super) fn give(&mut self) -> String {
        self.given.push(0);
        format!("given-{}", self.given.len() - 1)
    }
}

impl UiPath {
    /// Makes the organization and its records.
    pub fn new(options: &Options) -> Self {
        let clock = Clock::new(options.now);
        let end = instant(clock.now());
        let from = end - TimeDelta::days(i64::from(options.days));
        let platform = Self {
            inner: Arc::new(Inner {
                seed: options.seed,
                organization: options.organization.clone(),
                tenants: options.tenants.clone(),
                sql_datetime: options.sql_datetime,
                clock,
                desk: Mutex::new(Desk {
                    records: Vec::new(),
                    events: Vec::new(),
                    gate: Gate::new(Access::default()),
                    given: Vec::new(),
                    faults: options.faults.clone(),
                    trouble: options.trouble.clone(),
                    source: FaultSource::default(),
                    counts: Counts::default(),
                    asked: Vec::new(),
                    shown: HashMap::new(),
                }),
            }),
        };
        for record in generate::records(options.seed, options.records, from, end) {
            platform.push_record(&record);
        }
        let tenants = &options.tenants;
        for event in generate::events(options.seed, options.events, tenants, from, end) {
            platform.push_event(event);
        }
        platform
    }

    /// The time.
    pub fn now(&self) -> DateTime<Utc> {
        instant(self.inner.clock.now())
    }

    /// Stops the clock at an instant.
    pub fn set_now(&self, now: DateTime<Utc>) {
        self.inner.clock.set(nanos(now));
    }

    /// Adds a record to Orchestrator's audit log and returns its id, which is larger than all others.
    pub fn push_record(&self, record: &NewRecord) -> i64 {
        let mut desk = self.inner.desk();
        let last = desk.records.last().map_or(6_500, |record| record.id);
        // Ids of calls that were rolled back are missing.
        let id = last + 1 + last % 3;
        let record = Record::of(id, record, self.inner.sql_datetime);
        desk.records.push(record);
        id
    }

    /// Adds an event to the unified audit.
    pub fn push_event(&self, event: NewEvent) {
        let event = Event::of(&self.inner.organization, event);
        let mut desk = self.inner.desk();
        let place = (event.created, event.id.clone());
        let at = desk
            .events
            .partition_point(|known| known.place() <= (place.0, &place.1));
        desk.events.insert(at, event);
    }

    /// Removes a record of Orchestrator, as a maintenance of its database does.
    pub fn purge_record(&self, id: i64) {
        self.inner.desk().records.retain(|record| record.id != id);
    }

    /// Deletes a user. Every record of the user says so from then on.
    pub fn delete_user(&self, name: &str) {
        let mut desk = self.inner.desk();
        let records = desk.records.iter_mut();
        for record in records.filter(|record| record.user == name) {
            let deleted = "\"UserIsDeleted\":true";
            record.text = record.text.replace("\"UserIsDeleted\":false", deleted);
        }
    }

    /// What time each record of Orchestrator shows that is there, by its id.
    pub fn records(&self) -> BTreeMap<String, DateTime<Utc>> {
        let now = self.inner.clock.now();
        let desk = self.inner.desk();
        let there = desk.records.iter().filter(|record| record.written <= now);
        there
            .map(|record| (record.id.to_string(), instant(record.shown)))
            .collect()
    }

    /// The bytes of each record of Orchestrator that is there.
    pub fn record_texts(&self) -> Vec<String> {
        let now = self.inner.clock.now();
        let desk = self.inner.desk();
        let there = desk.records.iter().filter(|record| record.written <= now);
        there.map(|record| record.text.clone()).collect()
    }

    /// What time each event of a tenant (`None`: of the organization) shows that is there, by its id.
    pub fn events(&self, tenant: Option<&str>) -> BTreeMap<String, DateTime<Utc>> {
        let millis = |at: i64| instant(at.div_euclid(1_000_000) * 1_000_000);
        self.of_tenant(tenant, |event| (event.id.clone(), millis(event.created)))
    }

    /// The bytes of each event of a tenant (`None`: of the organization) that is there.
    pub fn event_texts(&self, tenant: Option<&str>) -> Vec<String> {
        self.of_tenant(tenant, |event| event.text.clone())
    }

    /// The bytes of each event of a tenant (`None`: of the organization) that the long-term store has.
    pub fn stored_texts(&self, tenant: Option<&str>) -> Vec<String> {
        let now = self.inner.clock.now();
        let desk = self.inner.desk();
        let events = desk.events.iter();
        events
            .filter(|event| event.archived() <= now && event.tenant.as_deref() == tenant)
            .map(|event| event.stored.clone())
            .collect()
    }

    /// The day of each event of a tenant (`None`: of the organization) that the long-term store has, by its id.
    pub fn stored_days(&self, tenant: Option<&str>) -> BTreeMap<String, NaiveDate> {
        let now = self.inner.clock.now();
        let desk = self.inner.desk();
        let events = desk.events.iter();
        events
            .filter(|event| event.archived() <= now && event.tenant.as_deref() == tenant)
            .map(|event| (event.id.clone(), instant(event.created).date_naive()))
            .collect()
    }

    fn of_tenant<T, C: FromIterator<T>>(
        &self,
        tenant: Option<&str>,
        of_event: impl Fn(&Event) -> T,
    ) -> C {
        let now = self.inner.clock.now();
        let desk = self.inner.desk();
        let events = desk.events.iter();
        events
            .filter(|event| event.visible <= now && event.tenant.as_deref() == tenant)
            .map(of_event)
            .collect()
    }

    /// Queues a fault for the next `times` requests; queued faults come before those by chance.
    pub fn queue(&self, fault: Fault, times: u32) {
        self.inner.desk().source.queue(fault, times, None);
    }

    /// Changes what goes wrong.
    pub fn set_trouble(&self, change: impl FnOnce(&mut Faults, &mut Trouble)) {
        let mut desk = self.inner.desk();
        let desk = &mut *desk;
        change(&mut desk.faults, &mut desk.trouble);
    }

    /// Numbers of requests and answers so far, without those for tokens.
    pub fn counts(&self) -> Counts {
        self.inner.desk().counts.clone()
    }

    /// How many tokens were given.
    pub fn tokens(&self) -> usize {
        self.inner.desk().given.len()
    }

    /// Path and query of all requests so far, decoded.
    pub fn asked(&self) -> Vec<String> {
        self.inner.desk().asked.clone()
    }
}
