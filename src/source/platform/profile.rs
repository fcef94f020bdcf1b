//! What is known of a platform before anybody configures it.

use super::{Question, SignInWay};
use crate::event::ocsf::{OcsfExtra, Product};
use crate::source::Mapping;
use std::fmt;

/// What a platform says of itself, for `init` and for checks: one value in the folder of each.
pub struct PlatformProfile {
    /// Its name for people.
    pub title: &'static str,
    /// Who makes it.
    pub vendor: &'static str,
    /// The cloud that it is part of, as OCSF names it: "AWS", "GCP" or "Azure".
    pub cloud: Option<&'static str>,
    /// How its records become events; `None` where the configuration describes it.
    pub mapping: Option<&'static dyn Mapping>,
    /// What only its records say, for OCSF documents; `None` where the columns say it all.
    pub ocsf_extra: Option<OcsfExtra>,
    /// What `init` asks beside what every source has, in this order.
    pub questions: &'static [Question],
    /// The ways to sign in, the usual one first; none where the platform has no `auth`, since credentials come
    /// from elsewhere.
    pub sign_in: &'static [SignInWay],
}

impl PlatformProfile {
    /// What it is called in OCSF documents.
    pub fn product(&self) -> Product<'static> {
        Product {
            name: self.title,
            vendor: Some(self.vendor),
            cloud: self.cloud,
        }
    }
}

/// A platform in the list of all.
#[derive(Debug)]
pub struct RegisteredPlatform {
    /// Its name in configuration and columns.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub about: &'static str,
    /// What it says of itself.
    pub profile: &'static PlatformProfile,
}

impl fmt::Debug for PlatformProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlatformProfile")
            .field("title", &self.title)
            .finish_non_exhaustive()
    }
}
