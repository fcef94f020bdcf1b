//! Records that a test adds while the platform serves.

use super::generate::{Oddity, Scripted, World};
use super::options::Dialect;
use super::record::Record;
use crate::dice::Dice;
use crate::instant::nanos;
use chrono::{DateTime, Utc};

/// When an added record appears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Visible {
    /// At once, even if its date lies in the future.
    #[default]
    Now,
    /// When the platform's clock has reached its date.
    WhenDue,
    /// When the platform's clock has reached this instant.
    At(DateTime<Utc>),
    /// After this many further searches.
    AfterRequests(u64),
}

/// A record to add.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// `date`.
    pub at: DateTime<Utc>,
    /// Fraction digits with which the date is written; those that are cut off are cut off the
    /// date as well.
    pub digits: u8,
    /// `id`; made up where none.
    pub id: Option<String>,
    /// `tenantId`; none for a record of the instance, which only the cross-tenant search returns
    /// where there are several tenants.
    pub tenant: Option<String>,
    /// `type`.
    pub action: String,
    /// `detail.resourceType`.
    pub resource: String,
    /// `detail.namespace`.
    pub namespace: Option<String>,
    /// `userId`: `system`, the id of somebody there is, or any text.
    pub user: String,
    /// `ipAddress`.
    pub ip: Option<String>,
    /// Makes the record odd; then only date, tenant and `visible` count of all the rest.
    pub oddity: Option<Oddity>,
    /// The bytes of the `auditLog` object, whatever the fields above say; those decide where it
    /// is found.
    pub record: Option<Vec<u8>>,
    /// When it appears.
    pub visible: Visible,
}

impl NewEvent {
    /// An execution of tenant `main` created by the platform itself, dated with milliseconds.
    pub fn at(at: DateTime<Utc>) -> Self {
        Self {
            at,
            digits: 3,
            id: None,
            tenant: Some("main".to_owned()),
            action: "CREATE".to_owned(),
            resource: "EXECUTION".to_owned(),
            namespace: Some("company.data".to_owned()),
            user: "system".to_owned(),
            ip: None,
            oddity: None,
            record: None,
            visible: Visible::Now,
        }
    }

    pub(super) fn into_scripted(self, world: &World, dice: &mut Dice) -> Scripted {
        let digits = self.digits.min(9);
        let time = nanos(self.at);
        let time = time - time.rem_euclid(10i64.pow(9 - u32::from(digits)));
        if let Some(oddity) = self.oddity {
            return world.odd(oddity, time, self.tenant.as_deref(), dice);
        }
        let resource = self.resource;
        let permission = match (world.dialect, resource.as_str()) {
            (Dialect::V1, "KV_STORE") => "KVSTORE".to_owned(),
            _ => resource.clone(),
        };
        let user = world.user_with_id(&self.user);
        Scripted {
            record: Record {
                tenant: self.tenant.map(Into::into),
                id: self.id.unwrap_or_else(|| dice.friendly_id()).into(),
                action: self.action.into(),
                class: "Demo".into(),
                permission: permission.into(),
                resource_type: resource.into(),
                detail_id: dice.friendly_id().into(),
                namespace: self.namespace.map(Into::into),
                time,
                digits,
                user_id: self.user.into(),
                ip: self.ip.map(Into::into),
                ..Record::default()
            },
            body: self.record,
            user,
        }
    }
}
