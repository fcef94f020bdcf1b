//! The service as a value that is served and, in tests, steered while it serves.

use super::entry::{Entry, NewEntry};
use super::filter::Filter;
use super::generate::generate;
use crate::dice::{Dice, Purpose, fingerprint};
use crate::faults::{Fault, FaultSource, Faults};
use crate::gate::{Access, Gate};
use crate::instant::{Clock, instant, nanos};
use crate::oracle::Counts;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What there is at the beginning, and what goes wrong.
#[derive(Debug, Clone)]
pub struct Options {
    /// What everything that looks like chance follows from.
    pub seed: u64,
    /// The project whose entries there are.
    pub project: String,
    /// Entries at the beginning, about.
    pub entries: u32,
    /// Days before the end over which their acts are spread.
    pub days: u32,
    /// The end of those days, and the time that it is; the machine's where it is not given.
    pub now: Option<DateTime<Utc>>,
    /// What goes wrong with requests. What is about totals and filters of search pages does not apply.
    pub faults: Faults,
    /// What goes wrong with tokens.
    pub trouble: Trouble,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            project: "acme-data".to_owned(),
            entries: 300,
            days: 7,
            now: None,
            faults: Faults::default(),
            trouble: Trouble::default(),
        }
    }
}

/// What goes wrong with tokens, by chance.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Trouble {
    /// A response has no entries, and a token all the same.
    pub empty: f64,
    /// A token is not accepted: 400, `INVALID_ARGUMENT`.
    pub dead: f64,
}

/// A project's log. Cheap to clone; all clones are one log.
#[derive(Debug, Clone)]
pub struct CloudLogging {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) seed: u64,
    pub(super) project: String,
    pub(super) clock: Clock,
    desk: Mutex<Desk>,
}

/// What every request touches.
#[derive(Debug)]
pub(super) struct Desk {
    /// In the order of pages.
    entries: Vec<Entry>,
    pub(super) gate: Gate,
    pub(super) faults: Faults,
    pub(super) trouble: Trouble,
    pub(super) source: FaultSource,
    pub(super) counts: Counts,
    pub(super) questions: Vec<String>,
    /// How often a token was shown.
    shown: HashMap<u64, u64>,
}

/// A request, understood.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) filter: Filter,
    pub(super) size: usize,
    pub(super) newest_first: bool,
    /// What must be the same in all requests of a chain.
    pub(super) print: u64,
    pub(super) token: Option<String>,
}

/// Why a token is not accepted.
pub(super) struct BadToken;

impl Inner {
    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CloudLogging {
    /// Makes the log and its entries.
    pub fn new(options: &Options) -> Self {
        let clock = Clock::new(options.now);
        let end = instant(clock.now());
        let from = end - TimeDelta::days(i64::from(options.days));
        let generated = generate(options.seed, options.entries, from, end);
        let logging = Self {
            inner: Arc::new(Inner {
                seed: options.seed,
                project: options.project.clone(),
                clock,
                desk: Mutex::new(Desk {
                    entries: Vec::new(),
                    gate: Gate::new(Access::default()),
                    faults: options.faults.clone(),
                    trouble: options.trouble,
                    source: FaultSource::default(),
                    counts: Counts::default(),
                    questions: Vec::new(),
                    shown: HashMap::new(),
                }),
            }),
        };
        generated.into_iter().for_each(|entry| logging.push(entry));
        logging
    }

    /// The time.
    pub fn now(&self) -> DateTime<Utc> {
        instant(self.inner.clock.now())
    }

    /// Stops the clock at an instant; entries that were received by then are there.
    pub fn set_now(&self, now: DateTime<Utc>) {
        self.inner.clock.set(nanos(now));
    }

    /// Adds an entry.
    pub fn push(&self, entry: NewEntry) {
        let entry = Entry::of(&self.inner.project, entry);
        let mut desk = self.inner.desk();
        let place = (entry.happened, entry.insert_id.clone());
        let at = desk
            .entries
            .partition_point(|known| known.place() <= (place.0, &place.1));
        desk.entries.insert(at, entry);
    }

    /// When each entry that is there was received, by its key: `logName`, `timestamp`, `insertId`.
    pub fn received(&self) -> BTreeMap<(String, String, String), DateTime<Utc>> {
        let now = self.inner.clock.now();
        let desk = self.inner.desk();
        let there = desk.entries.iter().filter(|entry| entry.received <= now);
        there
            .map(|entry| (entry.key.clone(), instant(entry.received)))
            .collect()
    }

    /// The bytes of each entry that is there, in the order of pages.
    pub fn texts(&self) -> Vec<String> {
        let now = self.inner.clock.now();
        let desk = self.inner.desk();
        let there = desk.entries.iter().filter(|entry| entry.received <= now);
        there.map(|entry| entry.text.clone()).collect()
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

    /// The bodies of all requests so far.
    pub fn questions(&self) -> Vec<String> {
        self.inner.desk().questions.clone()
    }
}

impl Desk {
    /// The body of a response, and how many entries it has.
    pub(super) fn answer(
        &mut self,
        seed: u64,
        now: i64,
        question: &Question,
        faults: &[Fault],
    ) -> Result<(String, u64), BadToken> {
        let (after, empties) = match &question.token {
            None => (None, 0),
            Some(token) => {
                let (place, empties) = self.place_of(seed, question, token)?;
                (Some(place), empties)
            }
        };
        let ignores = self.faults.ignore_filters || faults.contains(&Fault::IgnoreFilters);
        let selected =
            |entry: &&Entry| entry.received <= now && (ignores || question.filter.selects(entry));
        let beyond = |entry: &&Entry| {
            let place = entry.place();
            let after = after
                .as_ref()
                .map(|(happened, id)| (*happened, id.as_str()));
            match question.newest_first {
                false => after.is_none_or(|after| place > after),
                true => after.is_none_or(|after| place < after),
            }
        };
        let entries: Box<dyn Iterator<Item = &Entry>> = match question.newest_first {
            false => Box::new(self.entries.iter()),
            true => Box::new(self.entries.iter().rev()),
        };
        let mut entries = entries.filter(selected).filter(beyond).peekable();
        let mut dice = Dice::of(
            seed ^ question.print,
            Purpose::Trouble,
            after.as_ref().map_or(0, |(happened, _)| *happened as u64) + empties,
        );
        if empties < 3 && dice.chance(self.trouble.empty) {
            let token = token(question, after.as_ref(), empties + 1);
            return Ok((format!("{{\"nextPageToken\":\"{token}\"}}"), 0));
        }
        let mut page: Vec<&Entry> = entries.by_ref().take(question.size).collect();
        let last = page
            .last()
            .map(|entry| (entry.happened, entry.insert_id.clone()));
        let more = entries.peek().is_some();
        if faults.contains(&Fault::Duplicate) && !page.is_empty() {
            let twice = page[dice.index(page.len())];
            page.push(twice);
        }
        if faults.contains(&Fault::Missing) {
            page.pop();
        }
        let mut members = Vec::new();
        // As the service does: nothing that is empty is written.
        if !page.is_empty() {
            let texts: Vec<&str> = page.iter().map(|entry| entry.text.as_str()).collect();
            members.push(format!("\"entries\":[{}]", texts.join(",")));
        }
        if more {
            let token = token(question, last.as_ref(), 0);
            members.push(format!("\"nextPageToken\":\"{token}\""));
        }
        Ok((format!("{{{}}}", members.join(",")), page.len() as u64))
    }

    /// The place that a token continues after, and how many responses there were empty.
    fn place_of(
        &mut self,
        seed: u64,
        question: &Question,
        token: &str,
    ) -> Result<((i64, String), u64), BadToken> {
        let mut parts = token.splitn(4, '.');
        let mut number = || parts.next()?.parse::<i64>().ok();
        let (print, empties, happened) = (number(), number(), number());
        let id = parts.next();
        let (Some(print), Some(empties), Some(happened), Some(id)) = (print, empties, happened, id)
        else {
            return Err(BadToken);
        };
        let shown = self.shown.entry(fingerprint(token.as_bytes())).or_default();
        *shown += 1;
        let mut dice = Dice::of(
            seed ^ fingerprint(token.as_bytes()),
            Purpose::Faults,
            *shown,
        );
        // A token belongs to the request that it continues.
        if print != question.print as i64 || dice.chance(self.trouble.dead) {
            return Err(BadToken);
        }
        Ok(((happened, id.to_owned()), empties as u64))
    }
}

fn token(question: &Question, after: Option<&(i64, String)>, empties: u64) -> String {
    let (happened, id) = match after {
        Some((happened, id)) => (*happened, id.as_str()),
        None if question.newest_first => (i64::MAX, ""),
        None => (i64::MIN, ""),
    };
    format!("{}.{empties}.{happened}.{id}", question.print as i64)
}
