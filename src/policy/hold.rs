//! Legal holds: how one stands, and what it protects.

use super::rules::{PolicySubject, is_known_category};
use crate::clock::Now;
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What must not be deleted, whatever any rule says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// Name of the case; a case may have several holds.
    pub case: String,
    /// First UTC date of the records that are held.
    pub from: NaiveDate,
    /// Last UTC date of the records that are held.
    pub to: NaiveDate,
    /// Categories that are held; absent for all. Records whose category is not known are held in any
    /// case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// Ids of the sources that are held; absent for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Why, in the words of whoever placed it.
    pub reason: String,
    /// Who placed the hold.
    pub by: String,
    /// Last date on which the hold applies; absent if it applies until it is released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
}

/// Why something cannot be held.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoldError {
    /// No name.
    #[error("a case needs a name")]
    NoCase,
    /// No reason.
    #[error("a hold needs a reason")]
    NoReason,
    /// The wrong way round.
    #[error("the first date, {from}, is after the last, {to}")]
    Dates {
        /// First date.
        from: NaiveDate,
        /// Last date.
        to: NaiveDate,
    },
    /// It would never be in force.
    #[error("the hold would end on {until}, which is in the past: today is {today}")]
    Ended {
        /// Its last date.
        until: NaiveDate,
        /// A date that has come.
        today: NaiveDate,
    },
}

/// The two dates by which rules and holds are applied.
///
/// They differ where nothing bears the clock out: what is due is planned by the clock, for a person to look
/// at, and a hold ends only by a date that has certainly come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsOf {
    /// What was kept through a date before this one is due.
    pub due: NaiveDate,
    /// A hold whose last date is before this one has ended. Never after `due`.
    pub holds: NaiveDate,
}

impl AsOf {
    /// A date that has come, or is supposed to have.
    pub const fn date(date: NaiveDate) -> Self {
        Self {
            due: date,
            holds: date,
        }
    }

    /// The dates of now.
    pub fn now(now: &Now) -> Self {
        Self {
            due: now.at().date_naive(),
            holds: now.proven_date(),
        }
    }
}

/// Whether a hold is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldStanding {
    /// The hold is in force.
    InForce,
    /// The hold is in force: its last date has passed by the clock, and nothing confirms the clock.
    EndUnproven,
    /// The last date of the hold has passed.
    Ended,
    /// The hold was released.
    Released,
}

impl Hold {
    /// Whether it can be placed on a date that has certainly come.
    ///
    /// # Errors
    /// What is missing or cannot be meant, or that it would never be in force.
    pub fn check(&self, today: NaiveDate) -> Result<(), HoldError> {
        if self.case.trim().is_empty() {
            return Err(HoldError::NoCase);
        }
        if self.reason.trim().is_empty() {
            return Err(HoldError::NoReason);
        }
        if self.from > self.to {
            let (from, to) = (self.from, self.to);
            return Err(HoldError::Dates { from, to });
        }
        match self.until {
            Some(until) if self.standing(false, AsOf::date(today)) == HoldStanding::Ended => {
                Err(HoldError::Ended { until, today })
            }
            _ => Ok(()),
        }
    }

    /// How it stands, given whether somebody has released it. This decides what it protects, and everything
    /// that shows holds asks it too.
    pub fn standing(&self, released: bool, as_of: AsOf) -> HoldStanding {
        let ended = |date| self.until.is_some_and(|until| until < date);
        if released {
            HoldStanding::Released
        } else if ended(as_of.holds) {
            HoldStanding::Ended
        } else if ended(as_of.due) {
            HoldStanding::EndUnproven
        } else {
            HoldStanding::InForce
        }
    }

    /// Whether it is about what has a category and a source. A category that says nothing is what every hold
    /// is about: it may be what the case needs.
    pub fn is_about(&self, category: Option<&str>, source: &str) -> bool {
        let known = category.filter(|it| is_known_category(it));
        let category = self.categories.is_empty()
            || known.is_none_or(|known| self.categories.iter().any(|it| it == known));
        category && (self.sources.is_empty() || self.sources.iter().any(|it| it == source))
    }

    /// Whether it protects a subject while it is in force.
    pub fn protects(&self, subject: &PolicySubject<'_>) -> bool {
        let inside = self.from <= subject.date && subject.date <= self.to;
        inside && self.is_about(subject.category, subject.source)
    }
}

impl HoldStanding {
    /// Whether a hold that stands so protects anything.
    pub const fn is_in_force(self) -> bool {
        match self {
            Self::InForce | Self::EndUnproven => true,
            Self::Ended | Self::Released => false,
        }
    }
}

/// What holds keep a subject.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Protection {
    /// Their cases, each once, in order.
    pub cases: Vec<String>,
    /// Whether all of them name categories, and the subject has none that says anything.
    pub in_doubt: bool,
}

impl Protection {
    /// What some holds that are in force do for a subject.
    pub fn by<'h>(
        in_force: impl IntoIterator<Item = &'h Hold>,
        subject: &PolicySubject<'_>,
    ) -> Self {
        let mut protection = Self::default();
        let mut sure = false;
        let known = subject.category.is_some_and(is_known_category);
        for hold in in_force {
            if hold.protects(subject) {
                sure |= known || hold.categories.is_empty();
                protection.cases.push(hold.case.clone());
            }
        }
        protection.cases.sort();
        protection.cases.dedup();
        protection.in_doubt = !protection.cases.is_empty() && !sure;
        protection
    }
}
