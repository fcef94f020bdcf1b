//! Judging this machine's clock by what others say.

use super::{LedgerTime, TOLERANCE, Witness};
use crate::plural::counted;
use crate::window::{format_instant, instant};
use chrono::{DateTime, NaiveDate, SubsecRound as _, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

/// The clock of a witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessReading {
    /// Whose clock it is.
    pub witness: Witness,
    /// What it says at the moment of our own reading. Up to a second early, since it comes from a `Date`
    /// header, which has no fraction.
    pub at: DateTime<Utc>,
}

/// A witness whose clock differs from this machine's by more than [`TOLERANCE`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    /// Whose clock it is.
    pub witness: Witness,
    /// Theirs less ours.
    pub offset: TimeDelta,
}

/// Why this machine's clock cannot be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contradiction {
    /// A witness says another time.
    Witness {
        /// This machine's time.
        ours: DateTime<Utc>,
        /// The witness.
        theirs: Deviation,
    },
    /// An entry of the ledger has a later time, and that was borne out.
    Ledger {
        /// This machine's time.
        ours: DateTime<Utc>,
        /// The time of the entry.
        reached: DateTime<Utc>,
    },
}

/// How far a time is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClockStanding {
    /// By the clocks of these witnesses, or by the ledger's entries alone where there are none.
    BorneOut(Vec<Witness>),
    /// Nothing contradicts it, and nothing bears it out: no witness told the time, and it is further
    /// after this instant, the last that the ledger shows to have come, than entries alone can show.
    Unproven(DateTime<Utc>),
    /// Something contradicts it. Nothing may be written that carries this time.
    Contradicted(Vec<Contradiction>),
}

/// A time, judged: what everything takes that compares with *now*.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Now {
    at: DateTime<Utc>,
    proven: DateTime<Utc>,
    standing: ClockStanding,
    outvoted: Vec<Deviation>,
}

/// A time, and what confirms or contradicts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ClockReport {
    /// The time: the earliest of this machine's clock and those that agree with it, in whole
    /// milliseconds.
    #[serde(with = "instant")]
    #[schemars(with = "DateTime<Utc>")]
    pub at: DateTime<Utc>,
    /// The newest instant that has certainly passed. Holds end by it, not by `at`.
    #[serde(with = "instant")]
    #[schemars(with = "DateTime<Utc>")]
    pub proven: DateTime<Utc>,
    /// `borne_out` if another clock or the ledger confirms the time, `contradicted` if one denies it,
    /// `unproven` if neither.
    pub standing: &'static str,
    /// Whose clocks confirm the time; absent if only entries of the ledger do, or nothing does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub witnesses: Vec<Witness>,
    /// What speaks against the time, in words; absent if nothing does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub objections: Vec<String>,
}

/// Judges what this machine's clock says by what others say: the readings of witnesses at the same moment,
/// and what the ledger shows. `None` stands for a lake that is not founded, whose time begins now.
///
/// A clock agrees with ours if it is at most [`TOLERANCE`] away.
///
/// 1. The store decides: if its clock differs, ours is contradicted; if it agrees, a source whose clock
///    differs is wrong by itself.
/// 2. Where the store tells no time, ours is contradicted if more sources differ than agree.
/// 3. The ledger contradicts ours if it shows a later instant. What entries without a witness have shown
///    gives way to a witness that agrees with us; what a witness or a person has borne out does not.
/// 4. Otherwise ours is borne out by the witnesses that agree. Without any, the ledger bears it out if
///    [`LedgerTime::bears_out`] says so, and else it is unproven.
pub fn judge(
    machine: DateTime<Utc>,
    readings: &[WitnessReading],
    ledger: Option<&LedgerTime>,
) -> Now {
    let mut at = machine;
    let mut witnesses = Vec::new();
    let mut deviations = Vec::new();
    for reading in readings {
        let offset = reading.at - machine;
        if offset.abs() > TOLERANCE {
            deviations.push(Deviation {
                witness: reading.witness.clone(),
                offset,
            });
            continue;
        }
        witnesses.push(reading.witness.clone());
        // A header has whole seconds: less than one is no difference.
        at = at.min(reading.at + TimeDelta::seconds(1));
    }
    witnesses.sort();
    // Texts of windows stay short, and no platform cuts finer.
    at = at.trunc_subsecs(3);
    let begun = LedgerTime::begin(at, &[]);
    let ledger = ledger.unwrap_or(&begun);
    let is_store = |deviation: &Deviation| deviation.witness == Witness::Store;
    let outvotes = witnesses.contains(&Witness::Store)
        || (!deviations.iter().any(is_store) && witnesses.len() >= deviations.len());
    let mut contradictions = Vec::new();
    if !outvotes {
        for theirs in std::mem::take(&mut deviations) {
            let ours = machine;
            contradictions.push(Contradiction::Witness { ours, theirs });
        }
    }
    let shown = match witnesses.is_empty() {
        true => Some(ledger.reached()),
        false => ledger.witnessed(),
    };
    if let Some(reached) = shown.filter(|shown| *shown - at > TOLERANCE) {
        contradictions.push(Contradiction::Ledger { ours: at, reached });
    }
    let mut now = Now {
        at,
        proven: at,
        standing: ClockStanding::Contradicted(contradictions),
        outvoted: deviations,
    };
    match &now.standing {
        ClockStanding::Contradicted(found) if !found.is_empty() => {
            now.proven = ledger.reached().min(at);
        }
        _ if witnesses.is_empty() => now.stand_by(ledger),
        _ => now.standing = ClockStanding::BorneOut(witnesses),
    }
    now
}

impl Now {
    /// The time: the earliest of this machine's clock and those that agree with it, in whole milliseconds.
    pub fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// The newest instant that is shown to have come: [`Self::at`] where that is borne out.
    pub fn proven(&self) -> DateTime<Utc> {
        self.proven
    }

    /// The UTC date of [`Self::proven`]: what ended before it has certainly ended.
    pub fn proven_date(&self) -> NaiveDate {
        self.proven.date_naive()
    }

    /// How far it is believed.
    pub fn standing(&self) -> &ClockStanding {
        &self.standing
    }

    /// Whether something independent of this machine bears it out.
    pub fn is_borne_out(&self) -> bool {
        matches!(self.standing, ClockStanding::BorneOut(_))
    }

    /// The witnesses that bear it out.
    pub fn witnesses(&self) -> &[Witness] {
        match &self.standing {
            ClockStanding::BorneOut(witnesses) => witnesses,
            ClockStanding::Unproven(_) | ClockStanding::Contradicted(_) => &[],
        }
    }

    /// Why nothing may be written; none where it may.
    pub fn contradictions(&self) -> &[Contradiction] {
        match &self.standing {
            ClockStanding::Contradicted(contradictions) => contradictions,
            ClockStanding::BorneOut(_) | ClockStanding::Unproven(_) => &[],
        }
    }

    /// Of what contradicts it, what witnesses say: the clocks of others are right or wrong now, whatever
    /// was written before.
    pub fn contradicted_by_witnesses(&self) -> Vec<Contradiction> {
        let found = self.contradictions().iter();
        found
            .filter(|it| matches!(it, Contradiction::Witness { .. }))
            .cloned()
            .collect()
    }

    /// Witnesses whose own clocks are wrong, since the store or more sources agree with this machine.
    pub fn outvoted(&self) -> &[Deviation] {
        &self.outvoted
    }

    /// The same time after entries were added: where no witness bears it out, the ledger may.
    #[must_use]
    pub fn again(&self, ledger: &LedgerTime) -> Self {
        let mut again = self.clone();
        if self.witnesses().is_empty() && self.contradictions().is_empty() {
            again.stand_by(ledger);
        }
        again
    }

    fn stand_by(&mut self, ledger: &LedgerTime) {
        self.proven = ledger.proven(self.at, &[]);
        self.standing = match ledger.bears_out(self.at) {
            true => ClockStanding::BorneOut(Vec::new()),
            false => ClockStanding::Unproven(ledger.reached()),
        };
    }

    /// What bears it out, in words; `None` where nothing does.
    pub fn borne_out_by(&self) -> Option<String> {
        match &self.standing {
            ClockStanding::BorneOut(witnesses) if witnesses.is_empty() => {
                Some("the entries of the ledger".to_owned())
            }
            ClockStanding::BorneOut(witnesses) => {
                let witnesses: Vec<String> = witnesses.iter().map(Witness::to_string).collect();
                Some(witnesses.join(", "))
            }
            ClockStanding::Unproven(_) | ClockStanding::Contradicted(_) => None,
        }
    }

    /// What speaks against it, in words; empty where it is borne out.
    pub fn objections(&self) -> Vec<String> {
        match &self.standing {
            ClockStanding::BorneOut(_) => Vec::new(),
            ClockStanding::Unproven(reached) => vec![format!(
                "the clock says {}, {} after the last time that the ledger shows ({}), and neither the store nor a source states the time",
                whole_seconds(self.at),
                distance(self.at - *reached),
                whole_seconds(*reached),
            )],
            ClockStanding::Contradicted(found) => {
                found.iter().map(Contradiction::to_string).collect()
            }
        }
    }

    /// How it stands, for a JSON document.
    pub fn report(&self) -> ClockReport {
        ClockReport {
            at: self.at,
            proven: self.proven,
            standing: match self.standing {
                ClockStanding::BorneOut(_) => "borne_out",
                ClockStanding::Unproven(_) => "unproven",
                ClockStanding::Contradicted(_) => "contradicted",
            },
            witnesses: self.witnesses().to_vec(),
            objections: self.objections(),
        }
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = match self.offset < TimeDelta::zero() {
            true => "behind",
            false => "ahead",
        };
        let Self { witness, offset } = self;
        write!(
            f,
            "the clock of {witness} is {} {direction}",
            distance(*offset)
        )
    }
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Witness { ours, theirs } => write!(
                f,
                "the clock of this machine says {}, and that of {} says {}, {} {}",
                whole_seconds(*ours),
                theirs.witness,
                whole_seconds(*ours + theirs.offset),
                distance(theirs.offset),
                match theirs.offset < TimeDelta::zero() {
                    true => "earlier",
                    false => "later",
                },
            ),
            Self::Ledger { ours, reached } => write!(
                f,
                "the clock of this machine says {}, and an entry of the ledger whose time was confirmed was \
                 written {} later, at {}",
                whole_seconds(*ours),
                distance(*reached - *ours),
                whole_seconds(*reached),
            ),
        }
    }
}

fn whole_seconds(at: DateTime<Utc>) -> String {
    format_instant(at.trunc_subsecs(0))
}

/// A span of time as people say it, whatever its sign.
fn distance(span: TimeDelta) -> String {
    let span = span.abs();
    let whole = |number: i64| u64::try_from(number).unwrap_or_default();
    if span.num_days() >= 2 {
        counted(whole(span.num_days()), "day", "days")
    } else if span.num_hours() >= 2 {
        counted(whole(span.num_hours()), "hour", "hours")
    } else {
        counted(whole(span.num_minutes()), "minute", "minutes")
    }
}
