//! Retention: how long what is kept, and what a legal hold keeps beyond that. One policy for the lake
//! and every warehouse.
//!
//! ```text
//! policy (configuration) + holds (ledger) + live files (ledger) + now ─ plan: what is due, what is held
//! ```
//!
//! Everything here is pure: a plan is a function of state, policy and *now* ([`AsOf`]). Rules and holds match
//! only what files carry (date, category, source and with it platform, and the tenant where a file has
//! rows of one alone), since deleting never rewrites a file.

mod amount;
mod guard;
mod hold;
mod idle;
mod keep;
mod orphan;
mod past;
mod plan;
mod policy;
#[cfg(test)]
mod tests;

pub use amount::Amount;
pub(crate) use guard::Guard;
pub use hold::{
    AsOf, HoldError, HoldStanding, Protection, check, in_force, protected, protection, protects,
    standing, too_late,
};
pub use idle::{RuleFinding, rule_findings, unknown_sources};
pub use keep::{Keep, KeepError};
pub use orphan::{LEAST_AGE, orphans, youngest};
pub use past::Past;
pub use plan::{Held, RetentionPlan, RuleStanding, Unattended, plan, plan_id};
pub use policy::{CATEGORIES, Conditions, Policy, Rule, Verdict, is_known};
