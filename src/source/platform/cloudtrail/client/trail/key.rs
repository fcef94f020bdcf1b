//! Names in the bucket of a trail.
//!
//! ```text
//! AWSLogs/[o-org/]123456789012/CloudTrail/eu-central-1/2026/11/23/
//!     123456789012_CloudTrail_eu-central-1_20261123T1015Z_a1B2c3D4e5F6g7H8.json.gz
//! ```
//!
//! Digests (`CloudTrail-Digest`) and insights (`CloudTrail-Insight`) lie in folders of their own beside
//! `CloudTrail`.

use super::super::{FeedPlace, account_folder};
use crate::window::midnight;
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};

/// The folder of trail files.
pub(super) const TRAIL: &str = "CloudTrail";

/// Microseconds of a minute.
const MINUTE: u64 = 60_000_000;

impl FeedPlace {
    /// The folder in the bucket.
    pub(in crate::source::platform::cloudtrail::client) fn path(&self) -> String {
        let account = account_folder(self.organisation.as_deref(), &self.account);
        format!("{account}/{TRAIL}/{}", self.region)
    }

    /// The folder of a date.
    pub(super) fn of_date(&self, date: NaiveDate) -> String {
        format!("{}/{}", self.path(), date.format("%Y/%m/%d"))
    }

    /// What the names of its files begin with.
    fn stem(&self) -> String {
        format!("{}_{TRAIL}_{}_", self.account, self.region)
    }

    /// A name before those of all files of a date whose position is `from` or later.
    pub(super) fn before(&self, from: DateTime<Utc>) -> Option<String> {
        let date = from.date_naive();
        // The first minute also has files whose names state an earlier date.
        let since = from - midnight(date);
        (since >= TimeDelta::minutes(1)).then(|| {
            let minute = from.format("%Y%m%dT%H%M");
            format!("{}/{}{minute}", self.of_date(date), self.stem())
        })
    }

    /// The position of a file in the folder of a date; `None` for what is no file of this trail.
    ///
    /// Names state minutes. The files of a minute are spread over it by their names, so that each has a
    /// position of its own, and what cannot be read is a hole that holds nothing else.
    pub(in crate::source::platform::cloudtrail::client) fn position(
        &self,
        date: NaiveDate,
        key: &str,
    ) -> Option<DateTime<Utc>> {
        let name = key.rsplit('/').next()?;
        let rest = name.strip_prefix(self.stem().as_str())?;
        let (stamp, unique) = rest.strip_suffix(".json.gz")?.split_once('_')?;
        if unique.is_empty() || unique.contains('_') {
            return None;
        }
        let stamp = NaiveDateTime::parse_from_str(stamp, "%Y%m%dT%H%MZ").ok()?;
        // A file belongs to the date in whose folder it lies, whatever its name states.
        let start = midnight(date);
        let last = start + TimeDelta::minutes(24 * 60 - 1);
        let minute = stamp.and_utc().clamp(start, last);
        let digest = Sha256::digest(name);
        let number = digest.iter().take(8);
        let number = number.fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
        let within = i64::try_from(number % MINUTE).ok()?;
        Some(minute + TimeDelta::microseconds(within))
    }
}

/// Whether a folder is that of an organisation.
pub(super) fn is_organisation(folder: &str) -> bool {
    folder.starts_with("o-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> FeedPlace {
        FeedPlace::of_name("123456789012/eu-central-1").unwrap()
    }

    fn date() -> NaiveDate {
        "2026-11-23".parse().unwrap()
    }

    #[test]
    fn a_feed_is_named_by_account_and_region() {
        for (name, path) in [
            (
                "123456789012/eu-central-1",
                "AWSLogs/123456789012/CloudTrail/eu-central-1",
            ),
            (
                "o-abc123/123456789012/us-east-1",
                "AWSLogs/o-abc123/123456789012/CloudTrail/us-east-1",
            ),
        ] {
            let folder = FeedPlace::of_name(name).unwrap();
            assert_eq!(folder.path(), path);
            assert_eq!(folder.to_string(), name);
        }
        for name in ["", "a", "a/b/c/d", "a//b", "../a", "a/b c", "*/a", "a/b*"] {
            assert_eq!(FeedPlace::of_name(name), None, "{name}");
        }
    }

    #[test]
    fn a_position_is_the_minute_that_the_name_states() {
        let key = "x/123456789012_CloudTrail_eu-central-1_20261123T1015Z_a1B2.json.gz";
        let at = folder().position(date(), key).unwrap();
        assert!(at.to_string().starts_with("2026-11-23 10:15:"), "{at}");
        assert_eq!(folder().position(date(), key), Some(at));
        let other = key.replace("a1B2", "a1B3");
        assert_ne!(folder().position(date(), &other), Some(at));
        // In the folder of another date.
        let next = date().succ_opt().unwrap();
        let at = folder().position(next, key).unwrap();
        assert!(at.to_string().starts_with("2026-11-24 00:00:"), "{at}");
        let before = date().pred_opt().unwrap();
        let at = folder().position(before, key).unwrap();
        assert!(at.to_string().starts_with("2026-11-22 23:59:"), "{at}");
    }

    #[test]
    fn what_is_no_trail_file_has_no_position() {
        for key in [
            "123456789012_CloudTrail-Digest_eu-central-1_main_eu-central-1_20261123T101500Z.json.gz",
            "123456789012_CloudTrail-Insight_eu-central-1_20261123T1015Z_a1B2.json.gz",
            "123456789012_CloudTrail_eu-central-1_20261123T1015Z_a1B2.json",
            "123456789012_CloudTrail_eu-central-1_20261123T1015Z_.json.gz",
            "123456789012_CloudTrail_eu-central-1_20261323T1015Z_a1B2.json.gz",
            "123456789012_CloudTrail_eu-central-1_20261123T101500Z_a1B2.json.gz",
            "123456789012_CloudTrail_eu-west-1_20261123T1015Z_a1B2.json.gz",
            "_SUCCESS",
            "",
        ] {
            assert_eq!(folder().position(date(), key), None, "{key}");
        }
    }

    #[test]
    fn a_listing_begins_before_the_minute_of_a_window() {
        let at = |text: &str| text.parse().unwrap();
        let folder = folder();
        let before = folder.before(at("2026-11-23T10:15:30Z")).unwrap();
        let of_minute = format!(
            "{}/123456789012_CloudTrail_eu-central-1_20261123T1015Z_0.json.gz",
            folder.of_date(date())
        );
        assert!(before < of_minute);
        assert!(before > of_minute.replace("T1015Z", "T1014Z"));
        assert_eq!(folder.before(at("2026-11-23T00:00:59Z")), None);
    }
}
