//! Following the digests of a trail: what AWS itself proves of the files that it delivered.
//!
//! Once an hour a trail writes a digest for each account and region. It names the log files of that hour with the hash
//! of their content, and the digest before it with its hash and signature; its own signature is metadata of the object.
//! So whoever follows a chain knows that no file was altered or taken away, and that no digest was.
//!
//! ```text
//! listing -> a digest: is it well-formed? does it name the one before? is it signed? -> its files, hashed again
//! ```
//!
//! * A digest whose predecessor is not there waits `PATIENCE` for it, then that it is missing is a finding.
//! * A chain begins anew where a trail was stopped: such a digest names none before it.
//! * A trail that was copied has lost its metadata; the signature of a digest then comes from the one after it.
//! * Digests that AWS made up later (`_backfill`) are no part of a chain, and are left aside.

mod document;
mod keys;
mod name;

pub use keys::PublicKeys;

use super::FeedPlace;
use super::file::{TrailFault, content_sha256, decode};
use crate::ledger::digest::Digest;
use crate::origin::{OriginChain, OriginFault, OriginFinding};
use crate::source::objects::{OriginRequest, OriginStep, ProvenObject, of_bucket};
use crate::source::{OriginSteps, SourceError, Wording};
use crate::store::{Bucket, StoreError};
use crate::window::Window;
use chrono::{NaiveDate, TimeDelta};
use document::{DigestDocument, NamedFile};
use futures::stream::{StreamExt as _, TryStreamExt as _, iter, try_unfold};
use name::{DigestName, from_root};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How long a predecessor is waited for.
const PATIENCE: TimeDelta = TimeDelta::hours(6);

/// Digests that one run follows at most: about forty days of a trail.
const MOST: usize = 1_000;

/// Files that are read at once, each held as it is stored.
const AT_ONCE: usize = 4;

/// Where the digests of a feed lie, and who gives the keys.
pub(super) struct DigestPlace {
    pub(super) bucket: Bucket,
    pub(super) wording: Wording,
    pub(super) feed: FeedPlace,
    pub(super) keys: Arc<PublicKeys>,
}

/// Follows the digests of a feed, see [`Source::origins`](crate::source::Source::origins).
pub(super) fn follow(place: DigestPlace, request: OriginRequest) -> OriginSteps {
    let anchors = request.since.iter().map(|chain| {
        let anchor = Anchor {
            chain: chain.clone(),
            holds: true,
        };
        (chain.name.clone(), anchor)
    });
    let walk = DigestWalk {
        anchors: anchors.collect(),
        place,
        request,
        listed: None,
        at: 0,
        waiting: BTreeSet::new(),
    };
    try_unfold(walk, |mut walk| async move {
        let step = walk.next().await?;
        Ok(step.map(|step| (step, walk)))
    })
    .boxed()
}

/// The newest digest of a chain.
struct Anchor {
    chain: OriginChain,
    /// Whether it is what AWS signed.
    holds: bool,
}

/// A digest as it was read.
struct ReadDigest {
    /// SHA-256 of its content, or of its bytes where there is none.
    sha256: [u8; 32],
    /// What it says; nothing where it is no digest.
    document: Option<DigestDocument>,
    /// Its signature, where the store has it.
    signature: Option<String>,
}

struct DigestWalk {
    place: DigestPlace,
    request: OriginRequest,
    /// In order of time.
    listed: Option<Vec<DigestName>>,
    /// The next one.
    at: usize,
    anchors: BTreeMap<String, Anchor>,
    /// Chains that go on in a later run.
    waiting: BTreeSet<String>,
}

impl DigestWalk {
    async fn next(&mut self) -> Result<Option<OriginStep>, SourceError> {
        if self.listed.is_none() {
            self.listed = Some(self.list().await?);
        }
        loop {
            let listed = self.listed.as_deref().unwrap_or_default();
            let Some(name) = listed.get(self.at).cloned() else {
                return Ok(None);
            };
            self.at += 1;
            if self.waiting.contains(&name.chain) {
                continue;
            }
            let step = match name.until > self.request.until {
                true => None,
                false => self.step(&name).await?,
            };
            let Some(step) = step else {
                self.waiting.insert(name.chain);
                continue;
            };
            let anchor = Anchor {
                chain: step.chain.clone(),
                holds: step.holds,
            };
            self.anchors.insert(name.chain, anchor);
            return Ok(Some(step));
        }
    }

    /// The digests that were not followed yet, the oldest first.
    async fn list(&self) -> Result<Vec<DigestName>, SourceError> {
        let followed = self.anchors.values().map(|it| it.chain.until).max();
        // A chain may lag behind another one, as long as a digest is waited for.
        let from = followed.map_or(self.request.from, |until| until - TimeDelta::days(2));
        let Some(window) = Window::new(from, self.request.now.max(from + TimeDelta::seconds(1)))
        else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for day in window.by_date() {
            let folder = self.place.feed.digests_of(day.from.date_naive());
            let objects = self.place.bucket.list(&folder, None);
            let objects: Vec<_> = objects.try_collect().await.map_err(|it| self.error(it))?;
            let names = objects
                .iter()
                .filter_map(|it| self.place.feed.digest_name(&it.name));
            found.extend(names.filter(|name| {
                let anchor = self.anchors.get(&name.chain);
                name.until > anchor.map_or(self.request.from, |anchor| anchor.chain.until)
            }));
            if found.len() >= MOST {
                break;
            }
        }
        found.sort_by(|a, b| (a.until, &a.chain).cmp(&(b.until, &b.chain)));
        Ok(found)
    }

    /// Follows one digest; `None` where its chain has to wait.
    async fn step(&self, name: &DigestName) -> Result<Option<OriginStep>, SourceError> {
        let Some(read) = self.read(&name.key).await? else {
            return Ok(None);
        };
        let mut step = OriginStep {
            chain: OriginChain {
                name: name.chain.clone(),
                until: name.until,
                key: name.key.clone(),
                sha256: Digest(read.sha256),
            },
            holds: false,
            findings: Vec::new(),
            objects: Vec::new(),
        };
        let finding = |fault, object: &str| OriginFinding {
            fault,
            object: object.to_owned(),
            until: name.until,
        };
        let altered = finding(OriginFault::ListAltered, &name.key);
        let Some(document) = read.document.filter(|it| self.is_of(name, it)) else {
            step.findings.push(altered);
            return Ok(Some(step));
        };
        let link = self.link(name, &document);
        if let Link::Missing(predecessor) = &link {
            if self.request.now < name.until + PATIENCE {
                return Ok(None);
            }
            step.findings
                .push(finding(OriginFault::ListMissing, predecessor));
        }
        let signature = match read.signature {
            Some(signature) => Some(signature),
            None => self.signature_in_next(name).await?,
        };
        let Some(signature) = signature else {
            return Ok(None);
        };
        step.holds = !matches!(link, Link::Broken) && self.is_signed(&document, &signature).await?;
        if !step.holds {
            step.findings.push(altered);
            return Ok(Some(step));
        }
        let most = self.request.object_bytes;
        let files = iter(document.files).map(|file| self.check(file, most));
        let mut files = files.buffered(AT_ONCE);
        while let Some(checked) = files.try_next().await? {
            match checked {
                FileCheck::Proven(object) => step.objects.push(object),
                FileCheck::Faulty(fault, key) => step.findings.push(finding(fault, &key)),
                FileCheck::Elsewhere => {}
            }
        }
        Ok(Some(step))
    }

    /// Whether a digest is about this feed, and the one that its name says.
    fn is_of(&self, name: &DigestName, document: &DigestDocument) -> bool {
        document.account == self.place.feed.account
            && from_root(&document.key) == Some(name.key.as_str())
            && document.until == Some(name.until)
            && document.is_sha256_with_rsa
    }

    /// Whether a digest continues its chain.
    fn link(&self, name: &DigestName, document: &DigestDocument) -> Link {
        let (Some(anchor), Some(previous)) = (self.anchors.get(&name.chain), &document.previous)
        else {
            return Link::Whole;
        };
        let key = from_root(&previous.key).unwrap_or(&previous.key);
        if key != anchor.chain.key {
            return Link::Missing(key.to_owned());
        }
        // One that was altered is a finding of its own.
        match anchor.holds && previous.sha256 != anchor.chain.sha256.to_string() {
            true => Link::Broken,
            false => Link::Whole,
        }
    }

    /// The signature of a digest in the one after it.
    async fn signature_in_next(&self, name: &DigestName) -> Result<Option<String>, SourceError> {
        let listed = self.listed.as_deref().unwrap_or_default();
        let mut later = listed.iter().skip(self.at);
        let Some(next) = later.find(|it| it.chain == name.chain) else {
            return Ok(None);
        };
        let next = self.read(&next.key).await?.and_then(|read| read.document);
        let previous = next.and_then(|next| next.previous);
        let of_this = previous.filter(|it| from_root(&it.key) == Some(name.key.as_str()));
        Ok(of_this.map(|previous| previous.signature))
    }

    async fn is_signed(
        &self,
        document: &DigestDocument,
        signature: &str,
    ) -> Result<bool, SourceError> {
        let (tenant, feed) = (&self.request.tenant, &self.place.feed);
        let until = document.until.unwrap_or(self.request.now);
        let key = self
            .place
            .keys
            .key(tenant, &feed.region, &document.fingerprint, until);
        let key = key.await?;
        Ok(key.is_some_and(|key| document.is_signed_by(&key, signature)))
    }

    /// Reads a digest; `None` where it is gone.
    async fn read(&self, key: &str) -> Result<Option<ReadDigest>, SourceError> {
        let most = self.request.object_bytes;
        let (stored, metadata) = match self.place.bucket.read_with_metadata(key, most).await {
            Ok(read) => read,
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(self.error(error)),
        };
        let content = decode(&stored, most).unwrap_or(stored);
        Ok(Some(ReadDigest {
            sha256: Sha256::digest(&content).into(),
            document: DigestDocument::parse(&content),
            signature: metadata.get("signature").cloned(),
        }))
    }

    /// Reads a file that a digest names, and holds it against its hash.
    async fn check(&self, file: NamedFile, most: u64) -> Result<FileCheck, SourceError> {
        let feed = &self.place.feed;
        let key = from_root(&file.key).unwrap_or(&file.key).to_owned();
        let date = key.strip_prefix(&feed.path()).and_then(|rest| {
            let date = rest.get(1..11)?;
            NaiveDate::parse_from_str(date, "%Y/%m/%d").ok()
        });
        let Some(position) = date.and_then(|date| feed.position(date, &key)) else {
            return Ok(FileCheck::Elsewhere);
        };
        let stored = match self.place.bucket.read(&key, most).await {
            Ok(stored) => stored,
            Err(StoreError::NotFound { .. }) => {
                return Ok(FileCheck::Faulty(OriginFault::ObjectMissing, key));
            }
            // It was not read either, and is a hole.
            Err(StoreError::TooLarge { .. }) => return Ok(FileCheck::Elsewhere),
            Err(error) => return Err(self.error(error)),
        };
        let hashed = tokio::task::spawn_blocking(move || {
            let content = content_sha256(&stored, most);
            (content, Sha256::digest(&stored).into())
        });
        let (content, sha256) = hashed.await.map_err(|_| SourceError::Stopped)?;
        Ok(match content {
            Err(TrailFault::TooLarge(_)) => FileCheck::Elsewhere,
            Ok(content) if hex::encode(content) == file.sha256 => FileCheck::Proven(ProvenObject {
                key: key.into(),
                position,
                sha256,
            }),
            Ok(_) | Err(_) => FileCheck::Faulty(OriginFault::ObjectAltered, key),
        })
    }

    fn error(&self, error: StoreError) -> SourceError {
        of_bucket(self.place.wording, &self.request.tenant.to_string(), &error)
    }
}

/// How a digest continues its chain.
enum Link {
    /// It names the one before, or begins a chain.
    Whole,
    /// It names one that is not there.
    Missing(String),
    /// It names the one before with another hash.
    Broken,
}

/// What became of a file that a digest names.
enum FileCheck {
    Proven(ProvenObject),
    Faulty(OriginFault, String),
    /// It is no file of this feed, or one that is never read.
    Elsewhere,
}
