//! The contract of a warehouse, its adapter of BigQuery, and what either does in trouble.

mod bigquery;
mod conformance;
mod faulty;
mod lost;
mod signing;
mod storm;
mod strict;
