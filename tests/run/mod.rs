//! Whole runs: against a platform with every kind of trouble, over a store that fails, killed at
//! every step, and beside other runs. What the lake holds in the end is compared with what the
//! platform ever showed.

mod absent;
mod airflow;
mod catch_up;
mod clock;
mod cloudtrail;
mod composer;
mod concurrent;
mod conformance;
mod costs;
mod crash;
mod damage;
mod datafactory;
mod decisions;
mod degrading;
mod dice;
mod expired;
mod founding;
mod gcs;
mod harness;
mod http;
mod identity;
mod importing;
mod lake;
mod lost_answers;
mod memory;
mod network;
mod objects;
mod odd;
mod process;
mod reader;
mod relaxed;
mod schedule;
mod stopped;
mod stopping;
mod sweep;
mod trouble;
mod uipath;
mod warehouses;
