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

/// What applying the rules of retention did.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RetentionSummary {
    /// The date for which the rules were applied.
    pub as_of: NaiveDate,
    /// Decisions that were made now, one for each entry; empty if nothing was due without confirmation.
    pub decided: Vec<RetentionDecided>,
    /// What was done now for these decisions and for earlier ones.
    pub carried_out: Vec<CarriedOut>,
    /// What is due and waits for confirmation; absent if nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_confirm: Option<ToConfirm>,
    /// What is past its time and kept by a hold.
    pub held: Amount,
    /// What could not be done now; any later run tries it again.
    pub failures: Vec<RetentionFailure>,
    /// Whether the command was asked to stop before everything was done.
    pub stopped: bool,
    /// Remarks in words that are not failures.
    pub notes: Vec<String>,
}

/// A decision that was made now.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RetentionDecided {
    /// Sequence of the `retention` entry.
    pub sequence: u64,
    /// Number of dates that the decision deletes something of.
    pub dates: u64,
    /// How much goes.
    #[serde(flatten)]
    pub amount: Amount,
    /// Who confirmed the plan; absent if the rules alone decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed_by: Option<String>,
}

/// What was done now for one decision.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CarriedOut {
    /// Sequence of the `retention` entry that decided it.
    pub decision: u64,
    /// Warehouses from which the rows were deleted now.
    pub warehouses: Vec<WarehouseExpired>,
    /// What became of the files of the lake; absent if none was due to be removed now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<FilesExpired>,
    /// Names of the warehouses that still have rows to delete.
    pub left: Vec<String>,
    /// Whether the decision is completely done.
    pub done: bool,
    /// From where what was deleted now could still be restored.
    pub recoverable: Vec<Recoverable>,
}

/// What is due and waits for confirmation.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ToConfirm {
    /// Id of the plan, which `retention apply --confirm` takes.
    pub plan: String,
    /// Reasons why the clock is not trusted; while there are any, nothing is deleted without
    /// confirmation. Absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clock: Vec<String>,
    /// The rules under which something waits for confirmation.
    pub rules: Vec<RuleToConfirm>,
}

/// A rule under which something waits for confirmation.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RuleToConfirm {
    /// Name of the rule, or `default`.
    pub rule: String,
    /// Number of dates that are due under it.
    pub dates: u64,
    /// How much is due.
    #[serde(flatten)]
    pub amount: Amount,
    /// Why it needs confirmation, in words.
    pub reasons: Vec<String>,
}

/// What could not be done now; any later run tries it again.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RetentionFailure {
    /// Name of the warehouse, or `lake`.
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
                Carried::Replaced(files) => {
                    let removed = counted(files.removed, "file", "files");
                    self.notes.push(format!(
                        "entry {decision}: {removed} with outdated columns removed"
                    ));
                }
                Carried::Rebuilt(..) | Carried::Remapped(_) | Carried::GivenUp(_) => {}
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
