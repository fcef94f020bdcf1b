//! Tests of what is pure about warehouses.

mod compare;
mod difference;
mod expire;
mod pending;
mod state;
