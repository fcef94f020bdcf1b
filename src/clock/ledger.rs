//! What the entries of a ledger show about time.

use super::Witness;
use crate::window::{instant, some_instant};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The longest silence, in days, that entries alone bear out: a long weekend.
const LONGEST_SILENCE: i64 = 3;

/// What the entries of a ledger show about time, folded entry by entry.
///
/// An entry that a witness or a person bore out shows that its time has come. An entry without a witness
/// shows it only where its time is a small step after what is shown already: at most as many days as the
/// ledger has dates with such entries, and at most three. Any other entry shows nothing, however many of
/// them follow each other, so a clock that jumped is never evidence for itself: the days that it skipped
/// stay missing.
///
/// Entries of format version 1 name no witness. They count as entries without one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerTime {
    /// The newest instant that a witness or a person bore out; `None` where nobody has.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "some_instant"
    )]
    witnessed: Option<DateTime<Utc>>,
    /// The newest instant that is shown to have come; never before `witnessed`.
    #[serde(with = "instant")]
    reached: DateTime<Utc>,
    /// Dates (UTC) on which entries that show something were written.
    days: u32,
}

impl LedgerTime {
    /// What the first entry shows: the ledger's time begins with it.
    pub fn begin(at: DateTime<Utc>, witnesses: &[Witness]) -> Self {
        Self {
            witnessed: (!witnesses.is_empty()).then_some(at),
            reached: at,
            days: 1,
        }
    }

    /// The newest instant that is shown to have come.
    pub fn reached(&self) -> DateTime<Utc> {
        self.reached
    }

    /// The newest instant that a witness or a person bore out.
    pub fn witnessed(&self) -> Option<DateTime<Utc>> {
        self.witnessed
    }

    /// Whether the entries alone bear out that an instant has come.
    pub fn bears_out(&self, at: DateTime<Utc>) -> bool {
        let silence = (at.date_naive() - self.reached.date_naive()).num_days();
        silence <= LONGEST_SILENCE.min(i64::from(self.days))
    }

    /// The newest instant that has certainly come at `at`, by a clock that these witnesses agree with:
    /// `at` itself where it is borne out, otherwise what the ledger shows.
    pub fn proven(&self, at: DateTime<Utc>, witnesses: &[Witness]) -> DateTime<Utc> {
        if witnesses.is_empty() && !self.bears_out(at) {
            self.reached
        } else {
            at
        }
    }

    /// Takes note of an entry that was written at `at`.
    pub(crate) fn note(&mut self, at: DateTime<Utc>, witnesses: &[Witness]) {
        if !witnesses.is_empty() {
            let newest = self.witnessed.map_or(at, |known| known.max(at));
            // A witness outweighs what entries without one have shown, should that be later.
            self.step_to(newest);
            self.witnessed = Some(newest);
        } else if at > self.reached && self.bears_out(at) {
            self.step_to(at);
        }
    }

    /// Takes note that a person has confirmed that it is `at`, whatever the entries before show.
    pub(crate) fn confirm(&mut self, at: DateTime<Utc>) {
        self.step_to(at);
        self.witnessed = Some(at);
    }

    fn step_to(&mut self, at: DateTime<Utc>) {
        if at.date_naive() > self.reached.date_naive() {
            self.days = self.days.saturating_add(1);
        }
        self.reached = at;
    }
}
