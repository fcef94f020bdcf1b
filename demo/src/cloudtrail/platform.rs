//! Event history as a value that is served and, in tests, steered while it serves.

use super::key::DigestKey;
use super::record::{NewRecord, generate};
use super::sigv4::AccessKey;
use crate::dice::{Dice, Purpose, fingerprint};
use crate::faults::{Fault, FaultSource, Faults};
use crate::instant::{Clock, SECOND, instant, nanos};
use crate::oracle::Counts;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long events can be looked up.
const KEPT: TimeDelta = TimeDelta::days(90);

/// What there is at the beginning, and what goes wrong.
#[derive(Debug, Clone)]
pub struct Options {
    /// What everything that looks like chance follows from.
    pub seed: u64,
    /// The account.
    pub account: String,
    /// Regions that have records.
    pub regions: Vec<String>,
    /// Records at the beginning.
    pub records: u32,
    /// Days before the end over which they are spread.
    pub days: u32,
    /// The end of those days, and the time that it is; the machine's where it is not given.
    pub now: Option<DateTime<Utc>>,
    /// Whose requests are let through.
    pub access: Vec<AccessKey>,
    /// The keys that sign digest files.
    pub keys: Vec<DigestKey>,
    /// What goes wrong with requests. What is about totals does not apply.
    pub faults: Faults,
    /// What goes wrong that is the service's own.
    pub trouble: Trouble,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            account: "123456789012".to_owned(),
            regions: vec!["eu-central-1".to_owned()],
            records: 300,
            days: 7,
            now: None,
            access: vec![
                AccessKey::new("AKIADEMO", "demo-secret"),
                AccessKey {
                    allowed: false,
                    ..AccessKey::new("AKIAPOWERLESS", "demo-secret")
                },
            ],
            keys: DigestKey::of_service().into_iter().collect(),
            faults: Faults::default(),
            trouble: Trouble::default(),
        }
    }
}

/// What goes wrong that is the service's own.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Trouble {
    /// By chance: a response has no events, and a token all the same.
    pub empty: f64,
    /// By chance: a token is not accepted, `InvalidNextTokenException`.
    pub dead: f64,
    /// Throttles what begins sooner after the request before it in the region.
    pub spacing: Option<Duration>,
    /// Answers everything with `ExpiredTokenException`.
    pub expired: bool,
}

/// The API of CloudTrail, for some regions. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct CloudTrailApi {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) seed: u64,
    account: String,
    pub(super) access: Vec<AccessKey>,
    keys: Vec<DigestKey>,
    pub(super) clock: Clock,
    desk: Mutex<Desk>,
}

/// What every request touches.
#[derive(Debug)]
pub(super) struct Desk {
    /// In order of time.
    records: Vec<Stored>,
    pub(super) faults: Faults,
    pub(super) trouble: Trouble,
    pub(super) source: FaultSource,
    pub(super) counts: Counts,
    pub(super) questions: Vec<String>,
    /// How often a token was shown.
    shown: HashMap<u64, u64>,
    /// When a region was asked last.
    asked: HashMap<String, Instant>,
}

/// A record as it is kept.
#[derive(Debug, Clone)]
struct Stored {
    record: NewRecord,
    /// Whole seconds since 1970.
    second: i64,
    visible: i64,
    text: String,
}

impl Stored {
    fn place(&self) -> (i64, &str) {
        (self.second, &self.record.id)
    }
}

/// A request for events, understood.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) region: String,
    /// First and last second.
    pub(super) seconds: (i64, i64),
    /// The one attribute that is looked for.
    pub(super) attribute: Option<(String, String)>,
    pub(super) size: usize,
    /// What must be the same in all requests of a chain.
    pub(super) print: u64,
    pub(super) token: Option<String>,
}

/// A token that is not accepted.
pub(super) struct BadToken;

impl Inner {
    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The list of public keys.
    pub(super) fn public_keys(&self) -> Value {
        let now = instant(self.clock.now());
        let (from, to) = (now - TimeDelta::days(400), now + TimeDelta::days(30));
        let keys: Vec<Value> = self.keys.iter().map(|key| key.listed(from, to)).collect();
        json!({ "PublicKeyList": keys })
    }
}

impl CloudTrailApi {
    /// Makes the service and its records.
    pub fn new(options: &Options) -> Self {
        let clock = Clock::new(options.now);
        let end = instant(clock.now());
        let from = end - TimeDelta::days(i64::from(options.days));
        let generated = generate(options.seed, &options.regions, options.records, (from, end));
        let api = Self {
            inner: Arc::new(Inner {
                seed: options.seed,
                account: options.account.clone(),
                access: options.access.clone(),
                keys: options.keys.clone(),
                clock,
                desk: Mutex::new(Desk {
                    records: Vec::new(),
                    faults: options.faults.clone(),
                    trouble: options.trouble,
                    source: FaultSource::default(),
                    counts: Counts::default(),
                    questions: Vec::new(),
                    shown: HashMap::new(),
                    asked: HashMap::new(),
                }),
            }),
        };
        generated.into_iter().for_each(|record| api.push(record));
        api
    }

    /// The time.
    pub fn now(&self) -> DateTime<Utc> {
        instant(self.inner.clock.now())
    }

    /// Stops the clock at an instant; records that are visible by then are there.
    pub fn set_now(&self, now: DateTime<Utc>) {
        self.inner.clock.set(nanos(now));
    }

    /// Adds a record.
    pub fn push(&self, record: NewRecord) {
        let stored = Stored {
            second: record.happened.timestamp(),
            visible: nanos(record.visible),
            text: record.text(&self.inner.account),
            record,
        };
        let mut desk = self.inner.desk();
        let at = desk
            .records
            .partition_point(|known| known.place() <= stored.place());
        desk.records.insert(at, stored);
    }

    /// The records about a service in a region that are there, with their texts, in order of time.
    pub fn records(&self, region: &str, service: &str) -> Vec<(NewRecord, String)> {
        let now = self.inner.clock.now();
        let desk = self.inner.desk();
        let there = desk.records.iter().filter(|stored| {
            stored.is_there(now)
                && stored.record.region == region
                && stored.record.service == service
        });
        there
            .map(|stored| (stored.record.clone(), stored.text.clone()))
            .collect()
    }

    /// When each of these records happened, by its id.
    pub fn happened(&self, region: &str, service: &str) -> BTreeMap<String, DateTime<Utc>> {
        let records = self.records(region, service).into_iter();
        records
            .map(|(record, _)| {
                let second = record.happened.timestamp() * SECOND;
                (record.id, instant(second))
            })
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

    /// Numbers of requests and answers so far.
    pub fn counts(&self) -> Counts {
        self.inner.desk().counts.clone()
    }

    /// The bodies of all requests so far.
    pub fn questions(&self) -> Vec<String> {
        self.inner.desk().questions.clone()
    }
}

impl Stored {
    fn is_there(&self, now: i64) -> bool {
        self.visible <= now && instant(now) - self.record.happened <= KEPT
    }

    fn has(&self, attribute: &(String, String)) -> bool {
        let record = &self.record;
        let value = match attribute.0.as_str() {
            "EventId" => &record.id,
            "EventName" => &record.action,
            "EventSource" => &record.service,
            "Username" => &record.user,
            _ => return false,
        };
        *value == attribute.1
    }

    fn item(&self) -> Value {
        let record = &self.record;
        let reads = ["List", "Describe", "Get"];
        let is_read = reads.iter().any(|verb| record.action.starts_with(verb));
        json!({
            "EventId": record.id,
            "EventName": record.action,
            "ReadOnly": is_read.to_string(),
            "EventTime": self.second as f64,
            "EventSource": record.service,
            "Username": record.user,
            "Resources": [],
            "CloudTrailEvent": self.text,
        })
    }
}

impl Desk {
    /// Whether a region is asked sooner than it allows.
    pub(super) fn is_too_fast(&mut self, region: &str) -> bool {
        let Some(spacing) = self.trouble.spacing else {
            return false;
        };
        let now = Instant::now();
        let before = self.asked.insert(region.to_owned(), now);
        before.is_some_and(|before| now - before < spacing)
    }

    /// The body of a response, and how many events it has.
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
        let (first, last) = question.seconds;
        let is_wanted = |stored: &&Stored| {
            let in_time = (first..=last).contains(&stored.second);
            let has = question.attribute.as_ref().is_none_or(|it| stored.has(it));
            stored.is_there(now)
                && stored.record.region == question.region
                && (ignores || (in_time && has))
        };
        let after_place = after.as_ref().map(|(second, id)| (*second, id.as_str()));
        let is_beyond = |stored: &&Stored| after_place.is_none_or(|after| stored.place() < after);
        // The newest first.
        let records = self.records.iter().rev();
        let mut records = records.filter(is_wanted).filter(is_beyond).peekable();
        let mut dice = Dice::of(
            seed ^ question.print,
            Purpose::Trouble,
            after.as_ref().map_or(0, |(second, _)| *second as u64) + empties,
        );
        if empties < 3 && dice.chance(self.trouble.empty) {
            let token = token(question, after.as_ref(), empties + 1);
            return Ok((json!({ "Events": [], "NextToken": token }).to_string(), 0));
        }
        let mut page: Vec<&Stored> = records.by_ref().take(question.size).collect();
        let last = page
            .last()
            .map(|stored| (stored.second, stored.record.id.clone()));
        let more = records.peek().is_some();
        if faults.contains(&Fault::Duplicate) && !page.is_empty() {
            let twice = page[dice.index(page.len())];
            page.push(twice);
        }
        if faults.contains(&Fault::Missing) {
            page.pop();
        }
        let rows = page.len() as u64;
        let items: Vec<Value> = page.into_iter().map(Stored::item).collect();
        let mut body = json!({ "Events": items });
        if more {
            body["NextToken"] = token(question, last.as_ref(), 0).into();
        }
        Ok((body.to_string(), rows))
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
        let (print, empties, second) = (number(), number(), number());
        let id = parts.next();
        let (Some(print), Some(empties), Some(second), Some(id)) = (print, empties, second, id)
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
        Ok(((second, id.to_owned()), empties as u64))
    }
}

fn token(question: &Question, after: Option<&(i64, String)>, empties: u64) -> String {
    let (second, id) = match after {
        Some((second, id)) => (*second, id.as_str()),
        None => (i64::MAX, ""),
    };
    format!("{}.{empties}.{second}.{id}", question.print as i64)
}
