//! What a trail delivers to its bucket: log files, and the digest files that vouch for them.

use super::key::DigestKey;
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io::Write as _;

/// A trail, as it writes about one account and region.
#[derive(Debug, Clone)]
pub struct Trail {
    /// Its bucket.
    pub bucket: String,
    /// What stands before `AWSLogs` in its bucket, without a slash at either end; empty for nothing.
    pub prefix: String,
    /// Id of the organisation, in a trail of one.
    pub organisation: Option<String>,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// Its name.
    pub name: String,
    /// The region that it was created in.
    pub home: String,
}

/// An object as it is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Its name in the bucket, prefix included.
    pub key: String,
    /// Its bytes.
    pub stored: Bytes,
    /// Its content after decompression.
    pub content: Bytes,
    /// Metadata of the object.
    pub metadata: BTreeMap<String, String>,
}

impl Trail {
    /// A trail without prefix and organisation.
    pub fn new(bucket: &str, account: &str, region: &str, name: &str) -> Self {
        Self {
            bucket: bucket.to_owned(),
            prefix: String::new(),
            organisation: None,
            account: account.to_owned(),
            region: region.to_owned(),
            name: name.to_owned(),
            home: region.to_owned(),
        }
    }

    fn folder(&self, kind: &str, at: DateTime<Utc>) -> String {
        let mut folder = String::new();
        if !self.prefix.is_empty() {
            folder = format!("{}/", self.prefix);
        }
        folder.push_str("AWSLogs/");
        if let Some(organisation) = &self.organisation {
            folder.push_str(&format!("{organisation}/"));
        }
        let (account, region) = (&self.account, &self.region);
        format!(
            "{folder}{account}/{kind}/{region}/{}",
            at.format("%Y/%m/%d")
        )
    }

    /// A log file of records that was delivered in a minute; `unique` tells files of a minute apart.
    pub fn log_file(&self, at: DateTime<Utc>, unique: &str, records: &[String]) -> Delivered {
        let key = format!(
            "{}/{}_CloudTrail_{}_{}_{unique}.json.gz",
            self.folder("CloudTrail", at),
            self.account,
            self.region,
            at.format("%Y%m%dT%H%MZ")
        );
        let content = format!("{{\"Records\":[{}]}}", records.join(","));
        Delivered {
            key,
            stored: gzip(content.as_bytes()),
            content: content.into(),
            metadata: BTreeMap::new(),
        }
    }
}

/// The digest files of a trail, each of which names the one before it.
#[derive(Debug, Clone)]
pub struct DigestChain {
    trail: Trail,
    key: DigestKey,
    from: DateTime<Utc>,
    previous: Option<Previous>,
}

#[derive(Debug, Clone)]
struct Previous {
    key: String,
    sha256: String,
    signature: String,
}

impl DigestChain {
    /// A chain that begins at an instant.
    pub fn begin(trail: &Trail, key: &DigestKey, from: DateTime<Utc>) -> Self {
        Self {
            trail: trail.clone(),
            key: key.clone(),
            from,
            previous: None,
        }
    }

    /// The same chain, which another key signs from now on.
    #[must_use]
    pub fn signed_by(self, key: &DigestKey) -> Self {
        Self {
            key: key.clone(),
            ..self
        }
    }

    /// The next digest file: it speaks of the time up to `to`, and names these log files.
    pub fn next(&mut self, to: DateTime<Utc>, files: &[&Delivered]) -> Delivered {
        self.make(to, files, None)
    }

    /// A digest file that was made up for later, at the time `generated`. It is no part of the chain.
    pub fn backfill(
        &self,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        files: &[&Delivered],
        generated: DateTime<Utc>,
    ) -> Delivered {
        let mut alone = Self::begin(&self.trail, &self.key, from);
        alone.make(to, files, Some(generated))
    }

    /// The hourly digest files from where it stands to `end`, naming the log files delivered in each hour.
    pub fn hourly(
        &mut self,
        end: DateTime<Utc>,
        files: &[(DateTime<Utc>, Delivered)],
    ) -> Vec<Delivered> {
        let mut digests = Vec::new();
        loop {
            let (from, to) = (self.from, self.from + TimeDelta::hours(1));
            if to > end {
                return digests;
            }
            let delivered = files.iter().filter(|(at, _)| *at >= from && *at < to);
            let delivered: Vec<&Delivered> = delivered.map(|(_, file)| file).collect();
            digests.push(self.next(to, &delivered));
        }
    }

    fn make(
        &mut self,
        to: DateTime<Utc>,
        files: &[&Delivered],
        generated: Option<DateTime<Utc>>,
    ) -> Delivered {
        let trail = &self.trail;
        let stamp = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let end = stamp(to);
        let key = format!(
            "{}/{}_CloudTrail-Digest_{}_{}_{}_{}{}.json.gz",
            trail.folder("CloudTrail-Digest", to),
            trail.account,
            trail.region,
            trail.name,
            trail.home,
            to.format("%Y%m%dT%H%M%SZ"),
            if generated.is_some() { "_backfill" } else { "" }
        );
        let logs: Vec<Value> = files
            .iter()
            .map(|file| {
                json!({
                    "s3Bucket": trail.bucket,
                    "s3Object": file.key,
                    "hashValue": hex::encode(Sha256::digest(&file.content)),
                    "hashAlgorithm": "SHA-256",
                    "newestEventTime": end,
                    "oldestEventTime": stamp(self.from),
                })
            })
            .collect();
        let previous = self.previous.as_ref();
        let content = json!({
            "awsAccountId": trail.account,
            "digestStartTime": stamp(self.from),
            "digestEndTime": end,
            "digestS3Bucket": trail.bucket,
            "digestS3Object": key,
            "digestPublicKeyFingerprint": self.key.fingerprint(),
            "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": null,
            "oldestEventTime": null,
            "previousDigestS3Bucket": previous.map(|_| &trail.bucket),
            "previousDigestS3Object": previous.map(|previous| &previous.key),
            "previousDigestHashValue": previous.map(|previous| &previous.sha256),
            "previousDigestHashAlgorithm": previous.map(|_| "SHA-256"),
            "previousDigestSignature": previous.map(|previous| &previous.signature),
            "logFiles": logs,
        });
        let content = content.to_string();
        let sha256 = hex::encode(Sha256::digest(&content));
        let signature = self.key.sign(&format!(
            "{end}\n{}/{key}\n{sha256}\n{}",
            trail.bucket,
            previous.map_or("null", |previous| previous.signature.as_str())
        ));
        let mut metadata = BTreeMap::from([
            ("signature".to_owned(), signature.clone()),
            ("signature-algorithm".to_owned(), "SHA256withRSA".to_owned()),
        ]);
        if let Some(generated) = generated {
            let name = "backfill-generation-timestamp".to_owned();
            metadata.insert(name, stamp(generated));
        }
        self.from = to;
        self.previous = Some(Previous {
            key: key.clone(),
            sha256,
            signature,
        });
        Delivered {
            key,
            stored: gzip(content.as_bytes()),
            content: content.into(),
            metadata,
        }
    }

    /// The chain ends, and another begins later: the trail was stopped in between.
    pub fn restart(&mut self, from: DateTime<Utc>) {
        (self.from, self.previous) = (from, None);
    }
}

/// Content as trails compress it: in one member.
pub fn gzip(content: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail.
    let _ = encoder.write_all(content);
    encoder.finish().unwrap_or_default().into()
}
