//! The clients: of the files that a trail delivers to a bucket, and of the event history that CloudTrail keeps itself.

pub mod api;
pub mod digest;
mod file;
pub mod lookup;
pub mod trail;

use crate::source::{SourceError, Tenant};
use std::fmt;

/// The service whose records are read unless others are wanted.
pub(super) const STEP_FUNCTIONS: &str = "states.amazonaws.com";

/// The services whose records are wanted, as `eventSource` names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventSources {
    /// Every record.
    All,
    /// Those of these services. A record that names no service is wanted, too.
    Only(Vec<Box<str>>),
}

impl Default for EventSources {
    /// Step Functions alone.
    fn default() -> Self {
        Self::Only(vec![STEP_FUNCTIONS.into()])
    }
}

/// What one feed is of: an account in a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FeedPlace {
    /// Id of the organisation, in trails of an organisation.
    pub(super) organisation: Option<String>,
    pub(super) account: String,
    pub(super) region: String,
}

impl FeedPlace {
    /// What a feed's name means: `account/region`, or `organisation/account/region`.
    fn of_name(name: &str) -> Option<Self> {
        let parts: Vec<&str> = name.split('/').collect();
        let is_segment = |part: &&str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
            !part.is_empty() && part.chars().all(fits)
        };
        if !parts.iter().all(is_segment) {
            return None;
        }
        let (organisation, account, region) = match *parts {
            [account, region] => (None, account, region),
            [organisation, account, region] => (Some(organisation.to_owned()), account, region),
            _ => return None,
        };
        Some(Self {
            organisation,
            account: account.to_owned(),
            region: region.to_owned(),
        })
    }

    /// The same of the name of a tenant.
    ///
    /// # Errors
    /// [`SourceError::Settings`] for any other name.
    fn of(tenant: &Tenant) -> Result<Self, SourceError> {
        let place = tenant.name().and_then(Self::of_name);
        place.ok_or_else(|| {
            settings("a feed is named by account and region, as in 123456789012/eu-central-1")
        })
    }
}

impl fmt::Display for FeedPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(organisation) = &self.organisation {
            write!(f, "{organisation}/")?;
        }
        write!(f, "{}/{}", self.account, self.region)
    }
}

/// Where every trail writes.
const ROOT: &str = "AWSLogs";

/// The folder of an account.
fn account_folder(organisation: Option<&str>, account: &str) -> String {
    match organisation {
        Some(organisation) => format!("{ROOT}/{organisation}/{account}"),
        None => format!("{ROOT}/{account}"),
    }
}

/// Whether a text is the id of an account.
pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn settings(message: &str) -> SourceError {
    SourceError::Settings {
        message: message.to_owned(),
    }
}
