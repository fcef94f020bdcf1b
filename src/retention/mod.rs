//! What a [policy](crate::policy) means for a lake: what is due now, what a hold keeps, which rules do nothing.
//!
//! ```text
//! policy (configuration) + holds (ledger) + live files (ledger) + now ─ plan: what is due, what is held
//! ```
//!
//! Everything here is pure: a plan is a function of state, policy and *now*
//! ([`AsOf`](crate::policy::AsOf)). What is decided of a plan, and how it is carried out, is
//! [`crate::decision`].

mod hold;
mod idle;
mod plan;

mod amount;
#[cfg(test)]
mod tests;

pub use amount::Amount;
pub use hold::{protected, too_late};
pub use idle::{RuleFinding, rule_findings, unknown_sources};
pub use plan::{Held, RetentionPlan, RuleStanding, Unattended, plan};
