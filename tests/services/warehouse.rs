//! The whole job into BigQuery by the program itself: an emulator of BigQuery, a server that copies are
//! staged on or a strict double of GCS that is the lake, and Google's own client as the judge.

mod damage;
mod faults;
mod filled;
mod judge;
mod kills;
mod place;
mod proxy;
mod real;
mod retention;
mod together;

use crate::missing::Suite;

pub(crate) fn add_to(suite: &mut Suite) {
    // Those that take longest first.
    retention::add_to(suite);
    kills::add_to(suite);
    together::add_to(suite);
    faults::add_to(suite);
    damage::add_to(suite);
    filled::add_to(suite);
    real::add_to(suite);
}
