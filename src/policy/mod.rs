//! The policy of retention: how long records are kept, what a legal hold keeps beyond that, and what nobody
//! deletes without a person having looked at it.
//!
//! Everything here is pure and knows neither files nor ledger: rules and holds look at a [`PolicySubject`], which is
//! what all rows of a file have in common (date, category, source and with it platform, and the tenant where
//! a file has rows of one alone), since deleting never rewrites a file. Entries of the ledger state policies
//! and holds, and its invariants apply them; what a policy means for a lake is [`crate::retention`].
//!
//! 1. `guard`: what has to be confirmed;
//! 2. `past`: dates of which nothing is kept any more;
//! 3. `hold`: how a hold stands, and what it protects;
//! 4. `rules`: which rule decides over a subject, and its last day;
//! 5. `keep`: a length of time, in days, months and years of the calendar.

mod guard;
mod past;

mod hold;

mod rules;

mod keep;

pub(crate) use guard::Guard;
pub use hold::{AsOf, Hold, HoldError, HoldStanding, Protection};
pub use keep::{Keep, KeepError};
pub use past::Past;
pub use rules::{
    CATEGORIES, Conditions, Policy, PolicySubject, Rule, RuleVerdict, is_known_category,
};
