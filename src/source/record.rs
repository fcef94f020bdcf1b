//! A record as its platform returns it, and how it becomes an event.

#[cfg(doc)]
use super::Axis;
use crate::event::Event;
use crate::event::redact::ColumnOrigins;
use crate::event::unfit::Unfit;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use std::borrow::Cow;
use std::fmt;

/// What tells a record from any other, and when it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity<'a> {
    /// Its id on the platform.
    pub native_id: Cow<'a, str>,
    /// When it happened, to the nanosecond.
    pub time: DateTime<Utc>,
    /// The tenant that the record itself states.
    pub tenant: Option<Cow<'a, str>>,
}

/// A record whose identity cannot be read whole: it is quarantined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unidentified<'a> {
    /// Why.
    pub unfit: Unfit,
    /// Its id on the platform, where that much can be read.
    pub native_id: Option<Cow<'a, str>>,
}

impl From<Unfit> for Unidentified<'_> {
    /// A record of which nothing can be read.
    fn from(unfit: Unfit) -> Self {
        Self {
            unfit,
            native_id: None,
        }
    }
}

/// Whether two tenants, as records state them, may be one. A record that states no tenant may be of any:
/// platforms add the tenant to old records in upgrades, and a feed across tenants shows records that
/// belong to none.
pub fn may_be_same_tenant(one: Option<&str>, other: Option<&str>) -> bool {
    one.zip(other).is_none_or(|(one, other)| one == other)
}

/// One feed of a source: whose records are asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tenant {
    /// The records of one tenant.
    Named(String),
    /// The platform's feed across all tenants.
    All,
}

impl Tenant {
    /// The name, or `None` for the feed across all tenants.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Named(name) => Some(name),
            Self::All => None,
        }
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().unwrap_or("all tenants"))
    }
}

/// One record as returned. The bytes are slices of the response, not copies, so they keep all of it
/// in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// The exact bytes of the record, or of the whole item where `is_record` is false.
    pub record: Bytes,
    /// The exact bytes of what the platform joined to the record about its actor. It is today's view
    /// of a person and no part of the record.
    pub actor: Option<Bytes>,
    /// Whether the item held a record where the platform puts it. An item without one is quarantined.
    pub is_record: bool,
    /// When it reached the platform's log: set by feeds on [`Axis::Arrival`], and by no others.
    pub arrived: Option<DateTime<Utc>>,
}

impl Returned {
    /// A record of a feed that is read by the time of the act, with nothing joined to it.
    pub fn record(record: Bytes) -> Self {
        Self {
            record,
            actor: None,
            is_record: true,
            arrived: None,
        }
    }
}

/// The members of an item that is an object around a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemShape {
    /// The member that is the record.
    pub record: &'static str,
    /// The member that is about the actor of the record, today.
    pub actor: &'static str,
}

/// How the records of a platform become events. Pure, and the same for every way of reading them.
///
/// # Contract
/// * **What is unique.** [`Identity::native_id`] among the records of one tenant and those that state no
///   tenant. It never depends on how the record was asked for, nor on a field that may change, its time
///   above all.
/// * **Agreement.** What can be normalised has an identity, and both have the same id, time and tenant.
/// * **Any bytes.** Every record that cannot be understood is an [`Unfit`], never a panic.
pub trait Mapping: Send + Sync {
    /// The platform's name in columns and configuration.
    fn platform(&self) -> &'static str;

    /// Version of these rules; it rises whenever the same record would give other columns.
    fn version(&self) -> i64;

    /// Where in a record the columns come from, for redaction.
    fn origins(&self) -> &dyn ColumnOrigins;

    /// Places in a record, as JSON pointers, that say how things stand when it is read and not when it was
    /// written, such as a name of today: another value there is no change of the record.
    fn joined(&self) -> &'static [&'static str] {
        &[]
    }

    /// Id, time and tenant of a record.
    ///
    /// # Errors
    /// The record cannot be understood; it is quarantined as it is, under its id where that can be
    /// read.
    fn identify<'a>(&self, record: &'a [u8]) -> Result<Identity<'a>, Unidentified<'a>>;

    /// How an item of the platform's own responses holds a record, where it is not the record itself: files of
    /// history may be responses that somebody kept.
    fn item(&self) -> Option<ItemShape> {
        None
    }

    /// Whether what the platform joined to a record is about its actor, both as served.
    fn is_actor(&self, _record: &[u8], _actor: &[u8]) -> bool {
        false
    }

    /// The event that a record describes. `actor` is about its actor, see [`Self::is_actor`].
    ///
    /// # Errors
    /// The record cannot be understood; it is quarantined as it is.
    fn normalise<'a>(&self, record: &'a [u8], actor: Option<&'a [u8]>) -> Result<Event<'a>, Unfit>;
}
