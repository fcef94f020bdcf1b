//! Holds, in force and released.

use super::State;
use crate::ledger::entry::Release;
use crate::policy::{AsOf, Hold, HoldStanding, PolicySubject, Protection};
use crate::window::instant;
use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A hold as the ledger records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldState {
    /// What is held, and why.
    pub hold: Hold,
    /// When the hold was placed.
    #[serde(with = "instant")]
    #[schemars(with = "DateTime<Utc>")]
    pub at: DateTime<Utc>,
    /// How the hold was released; absent if nobody released it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<Released>,
}

/// The release of a hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Released {
    /// Sequence of the `release` entry.
    pub sequence: u64,
    /// When it was released.
    #[serde(with = "instant")]
    #[schemars(with = "DateTime<Utc>")]
    pub at: DateTime<Utc>,
    /// Why, in that person's words.
    pub reason: String,
    /// Who released it.
    pub by: String,
}

impl HoldState {
    /// A hold that is placed at an instant.
    pub(crate) fn placed(hold: &Hold, at: DateTime<Utc>) -> Self {
        Self {
            hold: hold.clone(),
            at,
            released: None,
        }
    }

    pub(super) fn release(&mut self, release: &Release, sequence: u64, at: DateTime<Utc>) {
        if self.is_of(&release.case) {
            self.released = Some(Released {
                sequence,
                at,
                reason: release.reason.clone(),
                by: release.by.clone(),
            });
        }
    }

    /// Whether it is a hold of this case that nobody has released.
    pub fn is_of(&self, case: &str) -> bool {
        self.released.is_none() && self.hold.case == case
    }

    /// How it stands.
    pub fn standing(&self, as_of: AsOf) -> HoldStanding {
        self.hold.standing(self.released.is_some(), as_of)
    }

    /// Whether it is in force: nobody has released it, and its last date is not before one that has
    /// certainly come.
    pub fn is_in_force(&self, has_come: NaiveDate) -> bool {
        self.standing(AsOf::date(has_come)).is_in_force()
    }
}

impl State {
    /// The holds that are in force on a date that has certainly come.
    pub fn holds_in_force(&self, has_come: NaiveDate) -> impl Iterator<Item = &Hold> {
        let held = self.holds.values();
        let held = held.filter(move |held| held.is_in_force(has_come));
        held.map(|held| &held.hold)
    }

    /// The holds that protect a subject, once a date has certainly come.
    pub fn protection(&self, subject: &PolicySubject<'_>, has_come: NaiveDate) -> Protection {
        Protection::by(self.holds_in_force(has_come), subject)
    }
}
