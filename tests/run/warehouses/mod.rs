//! Warehouses are filled with exactly what the ledger says: over a service that misbehaves, killed at
//! every step, beside other loaders, and after somebody has changed what was there.

mod checked;
mod concurrent;
mod crash;
mod damage;
mod expiry;
mod faults;
mod remap;
mod retention;
mod several;
mod stand;
mod stopped;
