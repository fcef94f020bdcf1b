//! The service as a value that is served and, in tests, steered while it serves.

use super::chain::{Chains, Continued, NoPage, Page, Trouble};
use super::event::{EVENTS_KEPT, Event, EventHome, NewActivity};
use super::export;
use super::filter::Filter;
use super::generate;
use super::run::{NewRun, Run};
use super::sign_in::{CLIENT_ID, CLIENT_SECRET, DIRECTORY, TOKEN, Tokens};
use crate::faults::{Fault, FaultSource, Faults};
use crate::instant::{Clock, instant, nanos};
use crate::oracle::Counts;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What there is at the beginning, and what goes wrong.
#[derive(Debug, Clone)]
pub struct Options {
    /// What everything that looks like chance follows from.
    pub seed: u64,
    /// Events at the beginning, about.
    pub events: u32,
    /// Runs at the beginning.
    pub runs: u32,
    /// Days before the end over which they are spread.
    pub days: u32,
    /// Records of a response.
    pub page: usize,
    /// The end of those days, and the time that it is; the machine's where it is not given.
    pub now: Option<DateTime<Utc>>,
    /// Requests that each token is good for.
    pub token_requests: Option<u64>,
    /// What goes wrong with requests. What is about totals and filters of search pages does not apply.
    pub faults: Faults,
    /// What goes wrong with chains.
    pub trouble: Trouble,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            events: 300,
            runs: 60,
            days: 7,
            page: 200,
            now: None,
            token_requests: None,
            faults: Faults::default(),
            trouble: Trouble::default(),
        }
    }
}

/// A subscription with one factory. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Azure {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) seed: u64,
    pub(super) home: EventHome,
    pub(super) clock: Clock,
    desk: Mutex<Desk>,
}

/// What every request touches.
#[derive(Debug)]
pub(super) struct Desk {
    /// Oldest first.
    events: Vec<Event>,
    runs: Vec<Run>,
    /// Events that cannot be served.
    poisoned: HashSet<String>,
    pub(super) tokens: Tokens,
    pub(super) faults: Faults,
    pub(super) chains: Chains,
    pub(super) source: FaultSource,
    pub(super) counts: Counts,
    pub(super) questions: Vec<String>,
}

impl Inner {
    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Azure {
    /// Makes the subscription and what is in it.
    pub fn new(options: &Options) -> Self {
        let clock = Clock::new(options.now);
        let end = instant(clock.now());
        let from = end - TimeDelta::days(i64::from(options.days));
        let events = generate::events(options.seed, options.events, from, end);
        let runs = generate::runs(options.seed, options.runs, from, end);
        let azure = Self {
            inner: Arc::new(Inner {
                seed: options.seed,
                home: EventHome {
                    subscription: "aaaa0a0a-bb1b-cc2c-dd3d-eeeeee4e4e4e".to_owned(),
                    group: "Data".to_owned(),
                    factory: "Sales".to_owned(),
                },
                clock,
                desk: Mutex::new(Desk {
                    events: Vec::new(),
                    runs: Vec::new(),
                    poisoned: HashSet::new(),
                    tokens: Tokens::new(options.token_requests),
                    faults: options.faults.clone(),
                    chains: Chains::new(options.seed, options.page, options.trouble.clone()),
                    source: FaultSource::default(),
                    counts: Counts::default(),
                    questions: Vec::new(),
                }),
            }),
        };
        events.into_iter().for_each(|event| azure.push(event));
        runs.into_iter().for_each(|run| azure.push_run(run));
        azure
    }

    /// The subscription.
    pub fn subscription(&self) -> &str {
        &self.inner.home.subscription
    }

    /// The resource id of the factory.
    pub fn factory_id(&self) -> String {
        self.inner.home.factory_id()
    }

    /// The path of the token endpoint.
    pub fn token_path() -> String {
        format!("/{DIRECTORY}/oauth2/v2.0/token")
    }

    /// The application that may sign in, and its secret.
    pub fn application() -> (&'static str, &'static str) {
        (CLIENT_ID, CLIENT_SECRET)
    }

    /// A token that needs no sign-in.
    pub fn token() -> &'static str {
        TOKEN
    }

    /// The time.
    pub fn now(&self) -> DateTime<Utc> {
        instant(self.inner.clock.now())
    }

    /// Stops the clock at an instant; events that were submitted by then are there.
    pub fn set_now(&self, now: DateTime<Utc>) {
        self.inner.clock.set(nanos(now));
    }

    /// Adds an event.
    pub fn push(&self, event: NewActivity) {
        let event = Event::of(&self.inner.home, event);
        let mut desk = self.inner.desk();
        let at = desk
            .events
            .partition_point(|known| known.place() <= event.place());
        desk.events.insert(at, event);
    }

    /// Adds a run.
    pub fn push_run(&self, run: NewRun) {
        let run = Run::of(&self.inner.home, run);
        self.inner.desk().runs.push(run);
    }

    /// Takes an event away.
    pub fn remove(&self, id: &str) {
        self.inner.desk().events.retain(|event| event.id != id);
    }

    /// From now on the service fails wherever it has to show an event.
    pub fn poison(&self, id: &str) {
        self.inner.desk().poisoned.insert(id.to_owned());
    }

    /// When each event that is shown happened, by its id.
    pub fn happened(&self) -> BTreeMap<String, DateTime<Utc>> {
        let now = self.inner.clock.now();
        let desk = self.inner.desk();
        let shown = desk.events.iter().filter(|event| event.is_shown(now));
        shown
            .map(|event| (event.id.clone(), instant(event.happened)))
            .collect()
    }

    /// The bytes of each event that is shown.
    pub fn texts(&self) -> Vec<String> {
        let now = self.inner.clock.now();
        let desk = self.inner.desk();
        let shown = desk.events.iter().filter(|event| event.is_shown(now));
        shown.map(|event| event.text.clone()).collect()
    }

    /// The newest state of each run that is shown: when it changed, by the id of the run.
    pub fn updated(&self) -> BTreeMap<String, DateTime<Utc>> {
        let now = self.inner.clock.now();
        let desk = self.inner.desk();
        let shown = desk.runs.iter().filter_map(|run| {
            let state = run.shown(now)?;
            Some((run.id.clone(), instant(state.updated)))
        });
        shown.collect()
    }

    /// The bytes of the newest state of each run that is shown.
    pub fn run_texts(&self) -> Vec<String> {
        let now = self.inner.clock.now();
        let desk = self.inner.desk();
        let shown = desk.runs.iter().filter_map(|run| run.shown(now));
        shown.map(|state| state.text.clone()).collect()
    }

    /// The bytes of each activity run of a run.
    pub fn activity_texts(&self, run: &str) -> Vec<String> {
        let desk = self.inner.desk();
        let run = desk.runs.iter().find(|known| known.id == run);
        run.map(|run| run.activities.clone()).unwrap_or_default()
    }

    /// The blobs of the export as they are now, by their name in the container; `copies` diagnostic settings
    /// write each event.
    pub fn export(&self, copies: usize) -> BTreeMap<String, Bytes> {
        let now = self.inner.clock.now();
        let desk = self.inner.desk();
        export::blobs(self.subscription(), &desk.events, now, copies)
    }

    /// The line of each event that was exported by now.
    pub fn lines(&self) -> Vec<String> {
        let now = self.inner.clock.now();
        let desk = self.inner.desk();
        let received = desk.events.iter().filter(|event| event.submitted <= now);
        received.map(|event| event.line.clone()).collect()
    }

    /// Changes what goes wrong.
    pub fn set_trouble(&self, change: impl FnOnce(&mut Faults, &mut Trouble)) {
        let mut desk = self.inner.desk();
        let Desk { faults, chains, .. } = &mut *desk;
        change(faults, &mut chains.trouble);
    }

    /// Queues a fault for the next requests.
    pub fn queue(&self, fault: Fault, times: u32) {
        self.inner.desk().source.queue(fault, times, None);
    }

    /// No token that was given is accepted any more.
    pub fn expire_tokens(&self) {
        self.inner.desk().tokens.expire();
    }

    /// From now on nobody gets a token.
    pub fn close_sign_in(&self) {
        self.inner.desk().tokens.is_closed = true;
    }

    /// How many tokens were given.
    pub fn tokens_given(&self) -> u64 {
        self.inner.desk().tokens.given()
    }

    /// Numbers of requests and answers.
    pub fn counts(&self) -> Counts {
        self.inner.desk().counts.clone()
    }

    /// Every question so far: path and query, and the body where there was one.
    pub fn questions(&self) -> Vec<String> {
        self.inner.desk().questions.clone()
    }
}

impl Inner {
    /// The first page of a question about events, or the one that a link leads to.
    pub(super) fn events(&self, asked: EventsAsked<'_>, faults: &[Fault]) -> Result<Page, NoPage> {
        let now = self.clock.now();
        let mut desk = self.desk();
        let ignores = desk.faults.ignore_filters || faults.contains(&Fault::IgnoreFilters);
        let Desk {
            events,
            poisoned,
            chains,
            ..
        } = &mut *desk;
        let continued = match asked {
            EventsAsked::Filter(filter) => Continued::first(filter),
            EventsAsked::Link(link) => chains.follow(link)?,
        };
        let filter = Filter::parse(&continued.question).map_err(NoPage::Bad)?;
        let (first, _) = filter.span;
        if first < now - EVENTS_KEPT {
            let message = "The start time cannot be more than 90 day(s) in the past.";
            return Err(NoPage::Bad(message.to_owned()));
        }
        if chains.trouble.refuses_future && first > now {
            return Err(NoPage::Bad("The start time is in the future.".to_owned()));
        }
        let rows = events.iter().rev().filter(|event| {
            event.is_shown(now)
                && (ignores || filter.selects(event))
                && continued.after().is_none_or(|after| event.place() < after)
        });
        let rows = rows.map(|event| (event.place(), event.text.as_str()));
        let page = chains.page(&continued, rows, faults);
        let is_broken = |id: &String| {
            let id = format!("\"{id}\"");
            page.records.iter().any(|text| text.contains(&id))
        };
        match poisoned.iter().any(is_broken) {
            true => Err(NoPage::Broken),
            false => Ok(page),
        }
    }

    /// A page of a question about runs. `span` is in the question.
    pub(super) fn runs(
        &self,
        question: &str,
        span: (i64, i64),
        token: Option<&str>,
        faults: &[Fault],
    ) -> Result<Page, NoPage> {
        let now = self.clock.now();
        let mut desk = self.desk();
        let ignores = desk.faults.ignore_filters || faults.contains(&Fault::IgnoreFilters);
        let Desk { runs, chains, .. } = &mut *desk;
        let continued = match token {
            None => Continued::first(question),
            Some(token) => chains.follow(token)?,
        };
        if continued.question != question {
            let message = "The continuation token belongs to another request.";
            return Err(NoPage::Bad(message.to_owned()));
        }
        let (first, last) = span;
        let shown = runs.iter().filter_map(|run| {
            let state = run.shown(now)?;
            let place = (state.updated, run.id.as_str());
            let is_asked = ignores || (first <= state.updated && state.updated <= last);
            let is_next = continued.after().is_none_or(|after| place > after);
            (is_asked && is_next).then_some((place, state.text.as_str()))
        });
        let mut shown: Vec<_> = shown.collect();
        shown.sort_unstable();
        Ok(chains.page(&continued, shown.into_iter(), faults))
    }

    /// The activity runs of a run, once it has ended; `None` where there is no such run.
    pub(super) fn activities(&self, run: &str) -> Option<Vec<String>> {
        let now = self.clock.now();
        let desk = self.desk();
        let run = desk.runs.iter().find(|known| known.id == run)?;
        let end = run.states.last()?.updated;
        Some(match end <= now {
            true => run.activities.clone(),
            false => Vec::new(),
        })
    }
}

/// A question about events.
#[derive(Debug, Clone, Copy)]
pub(super) enum EventsAsked<'a> {
    /// Those of a filter.
    Filter(&'a str),
    /// Those that a link leads to.
    Link(&'a str),
}
