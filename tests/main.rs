//! Behaviour of trailhouse as a whole and of its parts where several meet.

mod cli;
mod faulty_store;
mod ledger;
mod run;
