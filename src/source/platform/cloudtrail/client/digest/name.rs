//! Names of digests.
//!
//! ```text
//! AWSLogs/[o-org/]123456789012/CloudTrail-Digest/eu-central-1/2026/11/23/
//!     123456789012_CloudTrail-Digest_eu-central-1_main_eu-central-1_20261123T110131Z.json.gz
//! ```

use super::super::{FeedPlace, ROOT, account_folder};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

const DIGESTS: &str = "CloudTrail-Digest";

/// A digest in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DigestName {
    /// Its name in the bucket.
    pub(super) key: String,
    /// The trail, and the region that it was created in: several may deliver to one bucket.
    pub(super) chain: String,
    /// End of the time that it is about.
    pub(super) until: DateTime<Utc>,
}

impl FeedPlace {
    /// The folder of the digests of a date.
    pub(super) fn digests_of(&self, date: NaiveDate) -> String {
        let account = account_folder(self.organisation.as_deref(), &self.account);
        format!(
            "{account}/{DIGESTS}/{}/{}",
            self.region,
            date.format("%Y/%m/%d")
        )
    }

    /// What the name of a digest says; `None` for any other object.
    pub(super) fn digest_name(&self, key: &str) -> Option<DigestName> {
        let stem = format!("{}_{DIGESTS}_{}_", self.account, self.region);
        let name = key.rsplit('/').next()?.strip_prefix(stem.as_str())?;
        let mut parts = name.strip_suffix(".json.gz")?.rsplitn(3, '_');
        let (stamp, home, trail) = (parts.next()?, parts.next()?, parts.next()?);
        let until = NaiveDateTime::parse_from_str(stamp, "%Y%m%dT%H%M%SZ").ok()?;
        Some(DigestName {
            key: key.to_owned(),
            chain: format!("{trail}@{home}"),
            until: until.and_utc(),
        })
    }
}

/// A name in a bucket from `AWSLogs` on: what stands before it differs where a trail was copied.
pub(super) fn from_root(key: &str) -> Option<&str> {
    if key.starts_with(&format!("{ROOT}/")) {
        return Some(key);
    }
    let at = key.find(&format!("/{ROOT}/"))?;
    key.get(at + 1..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_known_by_its_name() {
        let feed = FeedPlace::of_name("123456789012/eu-central-1").unwrap();
        let folder = feed.digests_of("2026-11-23".parse().unwrap());
        assert_eq!(
            folder,
            "AWSLogs/123456789012/CloudTrail-Digest/eu-central-1/2026/11/23"
        );
        let name = |trail: &str| {
            let key =
                format!("{folder}/123456789012_CloudTrail-Digest_eu-central-1_{trail}.json.gz");
            feed.digest_name(&key)
                .map(|it| (it.chain, it.until.to_rfc3339()))
        };
        let at = "2026-11-23T11:01:31+00:00".to_owned();
        assert_eq!(
            name("main_us-east-1_20261123T110131Z"),
            Some(("main@us-east-1".to_owned(), at.clone()))
        );
        assert_eq!(
            name("my_long_trail_eu-central-1_20261123T110131Z"),
            Some(("my_long_trail@eu-central-1".to_owned(), at))
        );
        for other in [
            "main_eu-central-1_20261123T110131Z_backfill",
            "main_20261123T110131Z",
            "x",
        ] {
            assert_eq!(name(other), None, "{other}");
        }
        assert_eq!(
            feed.digest_name("123456789012_CloudTrail_eu-central-1_20261123T1101Z_a.json.gz"),
            None
        );
    }

    #[test]
    fn what_stands_before_a_trail_is_left_out() {
        for (key, rest) in [
            ("AWSLogs/1/x", Some("AWSLogs/1/x")),
            ("a/b/AWSLogs/1/x", Some("AWSLogs/1/x")),
            ("MyAWSLogs/1/x", None),
            ("", None),
        ] {
            assert_eq!(from_root(key), rest);
        }
    }
}
