//! Behaviour of trailhouse as a whole and of its parts where several meet.

mod faulty_store;
mod ledger;
