//! The list of records, and what goes wrong with it.

use super::dialect::{Dialect, PageRequest, Place};
use crate::faults::{Fault, FaultSource, Faults};
use crate::gate::{Access, Gate};
use crate::instant::{Clock, instant, nanos};
use crate::oracle::Counts;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What an API is, and what time it is there.
#[derive(Debug, Clone)]
pub struct Options {
    /// How it is asked.
    pub dialect: Dialect,
    /// What everything that looks like chance follows from.
    pub seed: u64,
    /// The time that it is; the machine's where it is not given.
    pub now: Option<DateTime<Utc>>,
    /// What goes wrong with requests. What is about totals does not apply.
    pub faults: Faults,
}

impl Options {
    /// An API without trouble.
    pub fn new(dialect: Dialect, now: DateTime<Utc>) -> Self {
        Self {
            dialect,
            seed: 1,
            now: Some(now),
            faults: Faults::default(),
        }
    }
}

/// One record to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub id: String,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// What was done.
    pub action: String,
    /// Who did it: an email address.
    pub actor: String,
}

impl Record {
    /// A change by somebody.
    pub fn at(id: impl Into<String>, time: DateTime<Utc>) -> Self {
        Self {
            id: id.into(),
            time,
            action: "CREATE".to_owned(),
            actor: "anna@acme.example".to_owned(),
        }
    }
}

/// What APIs do to those who read them, until it is switched off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trouble {
    /// Most records of a page, whatever was asked for.
    pub page_cap: Option<usize>,
    /// So many responses without a record that name another one come before each page.
    pub empty_pages: u64,
    /// Each response names the same token.
    pub repeats_token: bool,
    /// The address of the next page is on this server.
    pub next_server: Option<String>,
    /// Tokens are refused with 400.
    pub dead_tokens: bool,
    /// Is added when a page is continued, once.
    pub added: Option<Record>,
    /// Is taken away when a page is continued, once: the id of a record.
    pub purged: Option<String>,
    /// The place of the page is ignored, so that each response is the first.
    pub ignores_place: bool,
    /// The total is this much too large.
    pub total_beyond: u64,
    /// A 200 says that the request failed.
    pub fails_in_body: bool,
}

/// An audit log behind an API. Cheap to clone; all clones are one log.
#[derive(Debug, Clone)]
pub struct AuditApi {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) dialect: Dialect,
    pub(super) seed: u64,
    pub(super) clock: Clock,
    desk: Mutex<Desk>,
}

/// What every request touches.
#[derive(Debug)]
pub(super) struct Desk {
    /// By time and id.
    records: BTreeMap<(i64, String), Record>,
    pub(super) gate: Gate,
    pub(super) faults: Faults,
    pub(super) trouble: Trouble,
    pub(super) source: FaultSource,
    pub(super) counts: Counts,
    pub(super) questions: Vec<String>,
    /// Responses without a record that came in a row.
    empty: u64,
}

impl Inner {
    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AuditApi {
    /// An empty log.
    pub fn new(options: &Options) -> Self {
        Self {
            inner: Arc::new(Inner {
                dialect: options.dialect,
                seed: options.seed,
                clock: Clock::new(options.now),
                desk: Mutex::new(Desk {
                    records: BTreeMap::new(),
                    gate: Gate::new(Access::default()),
                    faults: options.faults.clone(),
                    trouble: Trouble::default(),
                    source: FaultSource::default(),
                    counts: Counts::default(),
                    questions: Vec::new(),
                    empty: 0,
                }),
            }),
        }
    }

    /// The time.
    pub fn now(&self) -> DateTime<Utc> {
        instant(self.inner.clock.now())
    }

    /// Stops the clock at an instant.
    pub fn set_now(&self, now: DateTime<Utc>) {
        self.inner.clock.set(nanos(now));
    }

    /// Adds a record.
    pub fn push(&self, record: Record) {
        self.inner.desk().push(record);
    }

    /// When each record happened, by its id.
    pub fn times(&self) -> BTreeMap<String, DateTime<Utc>> {
        let desk = self.inner.desk();
        let records = desk.records.values();
        records.map(|it| (it.id.clone(), it.time)).collect()
    }

    /// The bytes of each record as it is served, in order of time.
    pub fn texts(&self) -> Vec<String> {
        let desk = self.inner.desk();
        let records = desk.records.values();
        records.map(|it| self.inner.dialect.record(it)).collect()
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

    /// Numbers of requests and answers so far.
    pub fn counts(&self) -> Counts {
        self.inner.desk().counts.clone()
    }

    /// Path, query and body of all requests so far.
    pub fn questions(&self) -> Vec<String> {
        self.inner.desk().questions.clone()
    }
}

/// One page, before its dialect writes it.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) records: Vec<Record>,
    /// Records of the whole question.
    pub(super) total: u64,
    /// Where the next page begins.
    pub(super) next: Option<Place>,
}

impl Desk {
    fn push(&mut self, record: Record) {
        let key = (nanos(record.time), record.id.clone());
        self.records.insert(key, record);
    }

    /// The page that a request is about.
    pub(super) fn page(&mut self, request: &PageRequest, faults: &[Fault]) -> Page {
        let is_continued = request.place != Place::Start && request.place != Place::Skip(0);
        if is_continued {
            if let Some(added) = self.trouble.added.take() {
                self.push(added);
            }
            if let Some(id) = self.trouble.purged.take() {
                self.records.retain(|_, record| record.id != id);
            }
        }
        let has_token = request.size < usize::MAX
            && !request.newest_first
            && !matches!(request.place, Place::Skip(_));
        if self.empty < self.trouble.empty_pages && has_token {
            self.empty += 1;
            return Page {
                next: Some(request.place.emptied(self.empty)),
                ..Page::default()
            };
        }
        self.empty = 0;
        let ignores = self.faults.ignore_filters || faults.contains(&Fault::IgnoreFilters);
        let (from, to) = match ignores {
            true => (i64::MIN, i64::MAX),
            false => (request.from, request.to),
        };
        let selected = |(key, _): &(&(i64, String), &Record)| from <= key.0 && key.0 < to;
        let mut selected: Vec<(&(i64, String), &Record)> =
            self.records.iter().filter(selected).collect();
        if request.newest_first {
            selected.reverse();
        }
        let total = selected.len() as u64 + self.trouble.total_beyond;
        let place = match self.trouble.ignores_place {
            true => &Place::Start,
            false => &request.place,
        };
        let start = match place {
            Place::Start => 0,
            Place::Skip(rows) => usize::try_from(*rows).unwrap_or(usize::MAX),
            Place::AfterId(id) => {
                let at = selected.iter().position(|(key, _)| key.1 == *id);
                at.map_or(selected.len(), |at| at + 1)
            }
            Place::After { time, id, .. } => {
                let after = (*time, id.clone());
                let is_before = |(key, _): &(&(i64, String), &Record)| match request.newest_first {
                    true => **key >= after,
                    false => **key <= after,
                };
                selected.iter().take_while(|it| is_before(it)).count()
            }
        };
        // A file has everything.
        let cap = self.trouble.page_cap.filter(|_| request.size < usize::MAX);
        let size = request.size.min(cap.unwrap_or(usize::MAX));
        let rest = selected.get(start..).unwrap_or_default();
        let page = &rest[..rest.len().min(size)];
        let next = match page.last() {
            Some((key, _)) if page.len() < rest.len() => Some(Place::After {
                time: key.0,
                id: key.1.clone(),
                empty: 0,
            }),
            _ => None,
        };
        let next = match self.trouble.repeats_token && next.is_some() && is_continued {
            true => Some(request.place.clone()),
            false => next,
        };
        let mut records: Vec<Record> = page.iter().map(|(_, record)| (*record).clone()).collect();
        if faults.contains(&Fault::Duplicate)
            && let Some(first) = records.first().cloned()
        {
            records.insert(1, first);
        }
        if faults.contains(&Fault::Missing) {
            records.pop();
        }
        Page {
            records,
            total,
            next,
        }
    }
}
