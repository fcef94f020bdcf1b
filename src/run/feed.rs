//! The name under which the ledger keeps a feed: its tenant, or `*` where it is read across tenants. And
//! what its coverage is made of.

use crate::ledger::entry::CoverageAxis;
use crate::source::{Axis, Source, Tenant};

/// The name of a feed that is read across tenants.
pub const ALL_TENANTS: &str = "*";

/// The name of a tenant's feed.
pub(crate) fn name_of(tenant: &Tenant) -> String {
    tenant.name().unwrap_or(ALL_TENANTS).to_owned()
}

/// The tenant, or all tenants, of a feed's name.
pub(crate) fn tenant_of(name: &str) -> Tenant {
    match one_tenant(name) {
        Some(tenant) => Tenant::Named(tenant.to_owned()),
        None => Tenant::All,
    }
}

/// The tenant that a feed stands for, if it stands for one.
pub(crate) fn one_tenant(name: &str) -> Option<&str> {
    (name != ALL_TENANTS).then_some(name)
}

/// What the ledger says of the axis of a source: nothing where it is the time of the acts.
pub(super) fn coverage_axis(source: &dyn Source) -> Option<CoverageAxis> {
    match source.capabilities().axis {
        Axis::Event => None,
        Axis::Arrival => Some(CoverageAxis::Arrival),
    }
}
