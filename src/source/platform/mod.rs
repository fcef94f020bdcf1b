//! The platforms, one folder each with the same names of files.

pub mod kestra;
