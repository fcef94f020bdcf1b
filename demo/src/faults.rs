//! Faults of requests and responses: by chance within bounds, or exactly, one after the other.
//!
//! Chance depends on the seed, on what was asked and on how often it was asked before, never on
//! the order in which concurrent requests arrive; and no question is refused more than
//! [`MOST_IN_A_ROW`] times in a row, so that a reader who tries again gets through.

use crate::argument::{share, span};
use crate::dice::{Dice, Purpose, fingerprint};
use crate::instant::{SECOND, http_date};
use clap::{Args, ValueEnum};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// The same question meets no more chance faults in a row than this.
pub(crate) const MOST_IN_A_ROW: u32 = 3;

/// What goes wrong by chance, and what is wrong all the time. May be changed while serving.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(next_help_heading = "Trouble with requests (probabilities per search request)")]
pub struct Faults {
    /// Answer 429
    #[arg(hide_short_help = true,long, value_name = "P", default_value_t = 0.0, value_parser = share)]
    pub rate_limit: f64,

    /// The Retry-After header that goes with 429 and 503
    #[arg(hide_short_help = true,long, value_name = "FORM", value_enum, default_value_t = RetryAfter::Seconds)]
    pub retry_after: RetryAfter,

    /// Answer 500, 502, 503 or 504
    #[arg(hide_short_help = true,long, value_name = "P", default_value_t = 0.0, value_parser = share)]
    pub unavailable: f64,

    /// Answer late
    #[arg(hide_short_help = true,long, value_name = "P", default_value_t = 0.0, value_parser = share)]
    pub slow: f64,

    /// How late a slow answer is
    #[arg(hide_short_help = true,long, value_name = "SPAN", default_value = "2s", value_parser = span)]
    pub slow_by: Duration,

    /// Close the connection in the middle of a response
    #[arg(hide_short_help = true,long, value_name = "P", default_value_t = 0.0, value_parser = share)]
    pub cut: f64,

    /// Put one record of the page into it twice
    #[arg(hide_short_help = true,long, value_name = "P", default_value_t = 0.0, value_parser = share)]
    pub duplicate: f64,

    /// Leave one record out of the page
    #[arg(hide_short_help = true,long, value_name = "P", default_value_t = 0.0, value_parser = share)]
    pub missing: f64,

    /// After a response, insert a record into the window that was asked for
    #[arg(hide_short_help = true,long, value_name = "P", default_value_t = 0.0, value_parser = share)]
    pub insert: f64,

    /// After a response, purge a record from the window that was asked for
    #[arg(hide_short_help = true,long, value_name = "P", default_value_t = 0.0, value_parser = share)]
    pub purge: f64,

    /// Return records of equal date in another order each time
    #[arg(hide_short_help = true, long)]
    pub unstable_ties: bool,

    /// Report no total above this number (search back ends stop counting, often at 10,000)
    #[arg(hide_short_help = true, long, value_name = "N")]
    pub total_cap: Option<u64>,

    /// Ignore every filter, windows of time too, and say nothing about it
    #[arg(hide_short_help = true, long)]
    pub ignore_filters: bool,

    /// Refuse parameters of the other dialect with 422 (2.x releases since August 2026) instead of
    /// ignoring them
    #[arg(hide_short_help = true, long)]
    pub reject_legacy: bool,

    /// Answer every search with this status (401, 403, 404, 500 …)
    #[arg(hide_short_help = true,long, value_name = "CODE", value_parser = clap::value_parser!(u16).range(400..600))]
    pub always: Option<u16>,

    /// Seconds by which the Date header is ahead of the clock
    #[arg(
        hide_short_help = true,
        long,
        value_name = "SECONDS",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    pub skew: i64,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            rate_limit: 0.0,
            retry_after: RetryAfter::Seconds,
            unavailable: 0.0,
            slow: 0.0,
            slow_by: Duration::from_secs(2),
            cut: 0.0,
            duplicate: 0.0,
            missing: 0.0,
            insert: 0.0,
            purge: 0.0,
            unstable_ties: false,
            total_cap: None,
            ignore_filters: false,
            reject_legacy: false,
            always: None,
            skew: 0,
        }
    }
}

impl Faults {
    /// Everything that a correct reader gets through without losing a record, mildly.
    pub fn survivable() -> Self {
        Self {
            rate_limit: 0.05,
            retry_after: RetryAfter::Mixed,
            unavailable: 0.03,
            slow: 0.02,
            slow_by: Duration::from_millis(200),
            cut: 0.03,
            duplicate: 0.03,
            missing: 0.02,
            insert: 0.02,
            purge: 0.01,
            unstable_ties: true,
            total_cap: Some(10_000),
            skew: 20,
            ..Self::default()
        }
    }
}

/// What a `Retry-After` header says (RFC 9110, section 10.2.3, and what is seen in the wild).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RetryAfter {
    /// No header
    Absent,
    /// `1`
    Seconds,
    /// A date one second from now
    HttpDate,
    /// `0`
    Zero,
    /// A date an hour ago
    Past,
    /// `-30`
    Negative,
    /// The time to try again as seconds since 1970
    Epoch,
    /// A number that fits no integer
    Huge,
    /// `soon`
    Nonsense,
    /// One of all the others each time
    Mixed,
}

impl RetryAfter {
    const PURE: [Self; 9] = [
        Self::Absent,
        Self::Seconds,
        Self::HttpDate,
        Self::Zero,
        Self::Past,
        Self::Negative,
        Self::Epoch,
        Self::Huge,
        Self::Nonsense,
    ];

    /// The header's value at an instant; `nth` picks one of [`RetryAfter::Mixed`].
    pub(crate) fn header(self, now: i64, nth: u64) -> Option<String> {
        match self {
            Self::Absent => None,
            Self::Seconds => Some("1".to_owned()),
            Self::HttpDate => Some(http_date(now + SECOND)),
            Self::Zero => Some("0".to_owned()),
            Self::Past => Some(http_date(now - 3_600 * SECOND)),
            Self::Negative => Some("-30".to_owned()),
            Self::Epoch => Some((now / SECOND + 1).to_string()),
            Self::Huge => Some("99999999999999999999".to_owned()),
            Self::Nonsense => Some("soon".to_owned()),
            Self::Mixed => {
                let pure = Self::PURE[(nth % Self::PURE.len() as u64) as usize];
                pure.header(now, nth)
            }
        }
    }
}

/// One thing that goes wrong with one search request.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// Nothing: lets one request through between other queued faults.
    None,
    /// An error response with this status.
    Status {
        /// Status code.
        code: u16,
        /// `Retry-After` header.
        retry_after: RetryAfter,
    },
    /// The right answer, this much later.
    Slow(Duration),
    /// No answer, until the reader gives up or the platform stops.
    Hang,
    /// `Content-Length` promises the whole body; this share of it comes, then the connection ends.
    Cut(f64),
    /// This share of the body as a complete response: a proxy that cuts without a trace.
    Truncated(f64),
    /// Status 200 and a log-in page, as a proxy gives.
    HtmlPage,
    /// One record of the page comes twice.
    Duplicate,
    /// One record of the page is left out; `total` counts it.
    Missing,
    /// `total` differs from the truth by this much.
    WrongTotal(i64),
    /// Filters are ignored, windows of time too.
    IgnoreFilters,
    /// After the response a record is inserted into the window that was asked for.
    Insert,
    /// After the response a record is purged from the window that was asked for.
    Purge,
}

/// Queued faults and the memory of what was asked before.
#[derive(Debug, Default)]
pub(crate) struct FaultSource {
    queue: VecDeque<Queued>,
    asked: HashMap<u64, Asked>,
}

#[derive(Debug)]
struct Queued {
    /// Only requests whose decoded path and query contain this.
    only: Option<String>,
    fault: Fault,
    times: u32,
}

#[derive(Debug, Default, Clone, Copy)]
struct Asked {
    times: u64,
    faults_in_a_row: u32,
}

impl FaultSource {
    /// Queues a fault for the next `times` requests (that contain `only`).
    pub(crate) fn queue(&mut self, fault: Fault, times: u32, only: Option<String>) {
        if times > 0 {
            self.queue.push_back(Queued { only, fault, times });
        }
    }

    /// How many queued faults wait.
    pub(crate) fn waiting(&self) -> u64 {
        self.queue
            .iter()
            .map(|queued| u64::from(queued.times))
            .sum()
    }

    /// What goes wrong with this request: queued faults first, chance after.
    pub(crate) fn decide(&mut self, seed: u64, faults: &Faults, asked: &str) -> Vec<Fault> {
        if let Some(fault) = self.take_queued(asked) {
            return vec![fault];
        }
        if let Some(code) = faults.always {
            return vec![Fault::Status {
                code,
                retry_after: faults.retry_after,
            }];
        }
        self.by_chance(seed, faults, asked)
    }

    fn take_queued(&mut self, asked: &str) -> Option<Fault> {
        let fits = |queued: &Queued| {
            queued
                .only
                .as_deref()
                .is_none_or(|needle| asked.contains(needle))
        };
        let at = self.queue.iter().position(fits)?;
        let queued = self.queue.get_mut(at)?;
        queued.times -= 1;
        let fault = queued.fault.clone();
        if queued.times == 0 {
            self.queue.remove(at);
        }
        Some(fault)
    }

    fn by_chance(&mut self, seed: u64, faults: &Faults, question: &str) -> Vec<Fault> {
        if !faults.any_by_chance() {
            return Vec::new();
        }
        let question = fingerprint(question.as_bytes());
        let asked = self.asked.entry(question).or_default();
        asked.times += 1;
        let mut dice = Dice::of(seed ^ question, Purpose::Faults, asked.times);
        let mut found = faults.spoiling(&mut dice);
        if found.is_some() && asked.faults_in_a_row >= MOST_IN_A_ROW {
            found = None;
        }
        asked.faults_in_a_row = if found.is_some() {
            asked.faults_in_a_row + 1
        } else {
            0
        };
        let mut all: Vec<Fault> = found.into_iter().collect();
        if dice.chance(faults.slow) {
            all.push(Fault::Slow(faults.slow_by));
        }
        if dice.chance(faults.insert) {
            all.push(Fault::Insert);
        }
        if dice.chance(faults.purge) {
            all.push(Fault::Purge);
        }
        all
    }
}

impl Faults {
    fn any_by_chance(&self) -> bool {
        let rates = [
            self.rate_limit,
            self.unavailable,
            self.slow,
            self.cut,
            self.duplicate,
            self.missing,
            self.insert,
            self.purge,
        ];
        rates.iter().any(|rate| *rate > 0.0)
    }

    /// A fault that makes this very response useless.
    fn spoiling(&self, dice: &mut Dice) -> Option<Fault> {
        let mut at = dice.unit();
        let mut falls_in = |rate: f64| {
            at -= rate;
            at < 0.0
        };
        if falls_in(self.rate_limit) {
            return Some(Fault::Status {
                code: 429,
                retry_after: self.retry_after,
            });
        }
        if falls_in(self.unavailable) {
            return Some(Fault::Status {
                code: [500, 502, 503, 504][dice.index(4)],
                retry_after: self.retry_after,
            });
        }
        if falls_in(self.cut) {
            return Some(Fault::Cut(dice.unit()));
        }
        if falls_in(self.duplicate) {
            return Some(Fault::Duplicate);
        }
        falls_in(self.missing).then_some(Fault::Missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queued_faults_come_in_order_and_only_where_they_fit() {
        let mut source = FaultSource::default();
        source.queue(Fault::Hang, 1, Some("/finance/".to_owned()));
        source.queue(Fault::Duplicate, 2, None);
        let calm = Faults::default();
        assert_eq!(source.waiting(), 3);
        assert_eq!(source.decide(1, &calm, "/main/"), [Fault::Duplicate]);
        assert_eq!(source.decide(1, &calm, "/finance/"), [Fault::Hang]);
        assert_eq!(source.decide(1, &calm, "/finance/"), [Fault::Duplicate]);
        assert_eq!(source.decide(1, &calm, "/finance/"), []);
    }

    #[test]
    fn chance_is_reproducible_and_gives_way() {
        let rough = Faults {
            rate_limit: 0.5,
            cut: 0.5,
            ..Faults::default()
        };
        let ask = || {
            let mut source = FaultSource::default();
            let ask = |_| source.decide(3, &rough, "/a").is_empty();
            (0..40).map(ask).collect::<Vec<_>>()
        };
        assert_eq!(ask(), ask());
        let longest = ask()
            .split(|answered| *answered)
            .map(<[bool]>::len)
            .max()
            .unwrap();
        assert_eq!(longest, MOST_IN_A_ROW as usize);
    }

    #[test]
    fn rates_hold_on_average() {
        let faults = Faults {
            missing: 0.1,
            slow: 0.2,
            ..Faults::default()
        };
        let mut source = FaultSource::default();
        let mut counts = (0, 0);
        for question in 0..4_000 {
            for fault in source.decide(1, &faults, &question.to_string()) {
                match fault {
                    Fault::Missing => counts.0 += 1,
                    Fault::Slow(_) => counts.1 += 1,
                    other => panic!("{other:?}"),
                }
            }
        }
        assert!(
            (300..500).contains(&counts.0) && (700..900).contains(&counts.1),
            "{counts:?}"
        );
    }

    #[test]
    fn every_form_of_retry_after() {
        let now = 1_700_000_000 * SECOND;
        for (form, expected) in [
            (RetryAfter::Absent, None),
            (RetryAfter::Seconds, Some("1")),
            (RetryAfter::HttpDate, Some("Tue, 14 Nov 2023 22:13:21 GMT")),
            (RetryAfter::Past, Some("Tue, 14 Nov 2023 21:13:20 GMT")),
            (RetryAfter::Epoch, Some("1700000001")),
            (RetryAfter::Negative, Some("-30")),
        ] {
            assert_eq!(form.header(now, 0).as_deref(), expected, "{form:?}");
        }
        let mixed: Vec<_> = (0..9)
            .map(|nth| RetryAfter::Mixed.header(now, nth))
            .collect();
        assert!(mixed.contains(&None) && mixed.contains(&Some("soon".to_owned())));
    }
}
