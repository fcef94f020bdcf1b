//! What a step of retention did: part of the JSON document of `run`, and that of `retention apply`.

use crate::ledger::entry::{FilesExpired, Recoverable, WarehouseExpired};
use crate::retention::Amount;
use crate::warehouse::WarehouseFailure;
use chrono::NaiveDate;
use serde::Serialize;

/// What a step of retention did.
#[derive(Debug, Clone, Serialize)]
pub struct RetentionSummary {
    /// The date as of which the rules were applied.
    pub as_of: NaiveDate,
    /// Decisions that were made now.
    pub decided: Vec<Decided>,
    /// What was done now of these decisions and of earlier ones.
    pub carried_out: Vec<CarriedOut>,
    /// What is due and has to be confirmed first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_confirm: Option<ToConfirm>,
    /// What would be due if it were not held.
    pub held: Amount,
    /// What could not be done now.
    pub failures: Vec<RetentionFailure>,
    /// Whether it was told to stop before it was done.
    pub stopped: bool,
    /// Information that is no failure.
    pub notes: Vec<String>,
}

/// A decision that was made now.
#[derive(Debug, Clone, Serialize)]
pub struct Decided {
    /// Its entry.
    pub sequence: u64,
    /// Dates of what goes.
    pub dates: u64,
    /// How much goes.
    #[serde(flatten)]
    pub amount: Amount,
    /// Who confirmed it, if anybody had to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed_by: Option<String>,
}

/// What was done now of a decision.
#[derive(Debug, Clone, Serialize)]
pub struct CarriedOut {
    /// Its entry.
    pub decision: u64,
    /// Warehouses that are rid of it since now.
    pub warehouses: Vec<WarehouseExpired>,
    /// What became of its files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<FilesExpired>,
    /// Warehouses that are not rid of it yet.
    pub left: Vec<String>,
    /// Whether nothing is left to be done.
    pub done: bool,
    /// From where what went now could be brought back.
    pub recoverable: Vec<Recoverable>,
}

/// What is due and has to be confirmed.
#[derive(Debug, Clone, Serialize)]
pub struct ToConfirm {
    /// The id of the plan, to be given back.
    pub plan: String,
    /// What speaks against the clock: nothing at all goes unconfirmed then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clock: Vec<String>,
    /// The rules.
    pub rules: Vec<RuleToConfirm>,
}

/// A rule of which something is due that has to be confirmed.
#[derive(Debug, Clone, Serialize)]
pub struct RuleToConfirm {
    /// The rule.
    pub rule: String,
    /// Dates that are due.
    pub dates: u64,
    /// How much is due.
    #[serde(flatten)]
    pub amount: Amount,
    /// Why it has to be confirmed.
    pub reasons: Vec<String>,
}

/// What could not be done now, and is tried again by any later run.
#[derive(Debug, Clone, Serialize)]
pub struct RetentionFailure {
    /// The warehouse by its configured name, or `lake`.
    pub place: String,
    /// Why.
    #[serde(flatten)]
    pub failure: WarehouseFailure,
}

impl RetentionSummary {
    pub(super) fn new(as_of: NaiveDate) -> Self {
        Self {
            as_of,
            decided: Vec::new(),
            carried_out: Vec::new(),
            to_confirm: None,
            held: Amount::default(),
            failures: Vec::new(),
            stopped: false,
            notes: Vec::new(),
        }
    }

    /// What was done now of a decision, to be added to.
    pub(super) fn of(&mut self, decision: u64) -> &mut CarriedOut {
        let known = self
            .carried_out
            .iter()
            .position(|it| it.decision == decision);
        let at = known.unwrap_or_else(|| {
            self.carried_out.push(CarriedOut {
                decision,
                warehouses: Vec::new(),
                files: None,
                left: Vec::new(),
                done: false,
                recoverable: Vec::new(),
            });
            self.carried_out.len() - 1
        });
        &mut self.carried_out[at]
    }
}
