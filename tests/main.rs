//! Tests of behaviour, one module for each.

mod cli;
