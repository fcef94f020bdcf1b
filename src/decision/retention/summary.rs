//! What a step of retention did: part of the JSON document of `run`, and that of `retention apply`.

use crate::decision::driver::{CarriedAt, FinishedDecisions};
use crate::decision::kind::Carried;
use crate::ledger::entry::{ExpiredPart, FilesExpired, Recoverable, WarehouseExpired};
use crate::ledger::state::State;
use crate::plural::counted;
use crate::retention::{Amount, Unattended};
use crate::warehouse::WarehouseFailure;
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;

/// What a step of retention did.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RetentionSummary {
    /// The date as of which the rules were applied.
    pub as_of: NaiveDate,
    /// Decisions that were made now.
    pub decided: Vec<RetentionDecided>,
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
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RetentionDecided {
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
#[derive(Debug, Clone, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RetentionFailure {
    /// The warehouse by its configured name, or `lake`.
    pub place: String,
    /// Why.
    #[serde(flatten)]
    pub failure: WarehouseFailure,
}

impl ToConfirm {
    /// What of a plan waits for a person.
    pub(super) fn of(plan_id: &str, unattended: &Unattended<'_>) -> Self {
        let rules = unattended.to_confirm.iter().map(|rule| RuleToConfirm {
            rule: rule.rule.clone(),
            dates: rule.due_dates,
            amount: rule.due,
            reasons: rule.confirm.clone(),
        });
        Self {
            plan: plan_id.to_owned(),
            clock: unattended.clock.clone(),
            rules: rules.collect(),
        }
    }
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

    /// Adds a decision.
    pub(super) fn decided(
        &mut self,
        sequence: u64,
        parts: &[ExpiredPart],
        confirmed_by: Option<&str>,
    ) {
        let dates: BTreeSet<NaiveDate> = parts.iter().map(|part| part.date).collect();
        self.decided.push(RetentionDecided {
            sequence,
            dates: dates.len() as u64,
            amount: Amount {
                files: parts.iter().map(|part| part.files).sum(),
                rows: parts.iter().map(|part| part.rows).sum(),
                bytes: parts.iter().map(|part| part.bytes).sum(),
            },
            confirmed_by: confirmed_by.map(str::to_owned),
        });
    }

    /// Adds what was carried out, and what failed.
    pub(super) fn finished(&mut self, finished: FinishedDecisions) {
        for CarriedAt {
            decision,
            carried,
            receipted,
        } in finished.carried
        {
            match carried {
                Carried::Expired(expired, recoverable) => {
                    let of = self.of(decision);
                    of.warehouses.push(expired);
                    of.recoverable.extend(recoverable);
                }
                Carried::Removed(files, recoverable) => {
                    let of = self.of(decision);
                    of.files = Some(files);
                    if receipted {
                        of.recoverable.extend(recoverable);
                    }
                }
                Carried::Swept { removed, refused } => {
                    let removed = counted(removed, "file", "files");
                    let kept = match refused.len() {
                        0 => String::new(),
                        kept => format!(", and the store keeps {kept}"),
                    };
                    self.notes.push(format!(
                        "entry {decision}: {removed} of dead runs removed{kept}"
                    ));
                }
                Carried::Rebuilt(..) | Carried::GivenUp(_) => {}
            }
        }
        let failures = finished.failures.iter();
        self.failures
            .extend(failures.map(|(place, error)| RetentionFailure {
                place: place.clone(),
                failure: WarehouseFailure::from(error),
            }));
    }

    /// Takes what is left to be done from the state afterwards.
    pub(super) fn close(&mut self, state: &State) {
        for of in &mut self.carried_out {
            let open = state.retention.open.get(&of.decision);
            of.done = open.is_none();
            of.left = open.map_or_else(Vec::new, |open| open.warehouses.iter().cloned().collect());
        }
    }

    /// What was done now of a decision, to be added to.
    fn of(&mut self, decision: u64) -> &mut CarriedOut {
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
