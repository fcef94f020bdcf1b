//! What a run works with: the bucket, the key, the sources and the clock, all opened.

mod ledger;

mod clocks;
mod warehouses;

mod keys;
mod observer;

pub use clocks::{compare_clocks, look_at_clocks};
pub(super) use clocks::{now_to_write, refuse_contradicted};
pub use keys::{LedgerAccess, open_to_read, open_to_write};
pub(super) use ledger::{open_ledger, open_writer};
pub use observer::{RunObserver, Unobserved};
pub use warehouses::open_warehouses;

use super::error::JobError;
use super::feed::name_of;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, RedactionConfig, Start, TextKind};
use crate::decision::DecisionPlaces;
use crate::event::redact::Redaction;
use crate::ledger::digest::Digest;
use crate::ledger::log::{Log, LogError};
use crate::policy::Policy;
use crate::similar::UnknownName;
use crate::source::platform::Opening;
use crate::source::{Limits, Source, Wording};
use crate::store::{Bucket, Patience, StorePurpose};
use crate::waits::NamedWaits;
use crate::warehouse::Projection;
use chrono::TimeDelta;
use secrecy::ExposeSecret as _;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Bounds of a run's memory and chunks.
#[derive(Debug, Clone, Copy)]
pub struct JobBounds {
    /// Bytes that the whole process may take; see [`crate::source::Limits`].
    pub memory: u64,
    /// Most rows of one chunk.
    pub chunk_rows: u32,
    /// Longest time between the first read and the commit of a chunk.
    pub chunk_time: Duration,
}

/// One source, opened.
pub struct JobSource {
    /// Id.
    pub id: String,
    /// The feed.
    pub source: Arc<dyn Source>,
    /// What is redacted of its records.
    pub redaction: Arc<Redaction>,
    /// Where reading begins.
    pub start: Start,
    /// Age that a record must have before it is read first.
    pub settle: TimeDelta,
    /// How much before the end of coverage is read again.
    pub overlap: TimeDelta,
    /// How much is in memory at once.
    pub limits: Limits,
}

impl fmt::Debug for JobSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobSource")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl JobSource {
    /// Has every wait between two tries reported, with the name of the source.
    pub fn listen_to_waits(&self, listener: &NamedWaits) {
        if let Some(waits) = self.source.waits() {
            waits.listen_as(&self.id, listener);
        }
    }
}

/// Everything a run works with.
pub struct Job {
    /// Where the lake is.
    pub bucket: Bucket,
    /// What entries are signed with, or that they are only read.
    pub access: LedgerAccess,
    /// Digest of the configuration.
    pub config_sha256: Digest,
    /// The sources in configured order.
    pub sources: Vec<JobSource>,
    /// The warehouses in configured order.
    pub warehouses: Vec<Projection>,
    /// The rules of retention, if there are any.
    pub retention: Option<Policy>,
    /// Whether `run` applies them.
    pub retain: bool,
    /// Bounds.
    pub bounds: JobBounds,
    /// Patience with unclear answers of the store.
    pub patience: Patience,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("bucket", &self.bucket.url())
            .field("sources", &self.sources)
            .finish_non_exhaustive()
    }
}

/// Opens the bucket of a configuration.
///
/// # Errors
/// Secrets that cannot be read, or options that make no store.
pub fn open_bucket(config: &Config) -> Result<Bucket, JobError> {
    Ok(config.lake.open_for(StorePurpose::Lake)??)
}

impl Job {
    /// Opens everything that a configuration names, to be run. Sources are not asked yet.
    ///
    /// # Errors
    /// What must be mended before any run can work.
    pub fn open(config: &Config, only: &[String]) -> Result<Self, JobError> {
        let access = open_to_write(config)?;
        Self::with(
            access,
            open_sources(config, only, Asking::Patiently)?,
            config,
        )
    }

    /// The same, to be planned alone: needs no signing key.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_to_plan(config: &Config, only: &[String]) -> Result<Self, JobError> {
        let access = LedgerAccess::Read(open_to_read(config)?);
        Self::with(access, open_sources(config, only, Asking::Briefly)?, config)
    }

    /// The same, whose sources are asked briefly: somebody waits.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_to_check(config: &Config) -> Result<Self, JobError> {
        let access = open_to_write(config)?;
        Self::with(access, open_sources(config, &[], Asking::Briefly)?, config)
    }

    /// The same without any source, to load warehouses alone.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_to_load(config: &Config) -> Result<Self, JobError> {
        Self::with(open_to_write(config)?, Vec::new(), config)
    }

    /// The same, to look at warehouses: needs no signing key.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_to_look(config: &Config) -> Result<Self, JobError> {
        Self::with(
            LedgerAccess::Read(open_to_read(config)?),
            Vec::new(),
            config,
        )
    }

    /// The same job, which fills these warehouses too.
    pub fn with_warehouses(self, warehouses: Vec<Projection>) -> Self {
        Self { warehouses, ..self }
    }

    /// Has every wait between two tries reported, with the name of what is asked.
    pub fn listen_to_waits(&self, listener: &NamedWaits) {
        self.bucket.waits().listen_as("the lake", listener);
        for source in &self.sources {
            source.listen_to_waits(listener);
        }
        for warehouse in &self.warehouses {
            if let Some(waits) = warehouse.warehouse.waits() {
                waits.listen_as(&warehouse.name, listener);
            }
        }
    }

    /// Refuses a job whose ledger is only read, before anything is done that no entry could tell of.
    ///
    /// # Errors
    /// [`LogError::ReadOnly`].
    pub(super) fn refuse_to_only_read(&self) -> Result<(), LogError> {
        match self.access {
            LedgerAccess::Read(_) => Err(LogError::ReadOnly),
            LedgerAccess::Write(_) | LedgerAccess::Unsigned => Ok(()),
        }
    }

    fn with(
        access: LedgerAccess,
        sources: Vec<JobSource>,
        config: &Config,
    ) -> Result<Self, JobError> {
        Ok(Self {
            bucket: open_bucket(config)?,
            access,
            config_sha256: config.sha256,
            sources,
            warehouses: Vec::new(),
            retention: config.retention.clone(),
            retain: config.retain_in_run,
            bounds: JobBounds {
                memory: config.run.memory,
                chunk_rows: config.run.chunk_rows,
                chunk_time: config.run.chunk_time,
            },
            patience: Patience::default(),
            clock: Arc::new(SystemClock),
        })
    }

    /// Where decisions are carried out.
    pub(super) const fn places<'a>(
        &'a self,
        stop: &'a watch::Receiver<bool>,
        say: &'a (dyn Fn(&str) + Sync),
    ) -> DecisionPlaces<'a> {
        DecisionPlaces {
            warehouses: self.warehouses.as_slice(),
            lake: &self.bucket,
            stop,
            say,
        }
    }

    /// The ledger of the bucket.
    pub fn log(&self) -> Log {
        let bucket = self.bucket.clone();
        let log = match &self.access {
            LedgerAccess::Write(key) => Log::new(bucket, Some(Arc::clone(key))),
            LedgerAccess::Read(trust) => Log::read_only(bucket, trust.clone()),
            LedgerAccess::Unsigned => Log::new(bucket, None),
        };
        log.with_patience(self.patience)
    }
}

/// How long a source that fails is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// As long as `retry_for` says: nobody waits.
    Patiently,
    /// Not longer than a person waits for an answer.
    Briefly,
}

impl Asking {
    pub(super) fn patience(self, configured: Duration) -> Duration {
        const BRIEF: Duration = Duration::from_secs(10);
        match self {
            Self::Patiently => configured,
            Self::Briefly => configured.min(BRIEF),
        }
    }
}

/// Opens the sources of a configuration, or those of them that are named. They are not asked yet.
///
/// # Errors
/// A name that no source has, or what must be mended before a source can be read.
pub fn open_sources(
    config: &Config,
    only: &[String],
    asking: Asking,
) -> Result<Vec<JobSource>, JobError> {
    let ids = config.sources.iter().map(|source| source.id.as_str());
    if let Some(unknown) = UnknownName::first_of("source", only, ids) {
        return Err(unknown.into());
    }
    config
        .sources
        .iter()
        .filter(|source| only.is_empty() || only.contains(&source.id))
        .map(|source| open_source(source, config, asking))
        .collect()
}

/// Opens one source.
fn open_source(
    config: &crate::config::SourceConfig,
    job: &Config,
    asking: Asking,
) -> Result<JobSource, JobError> {
    let requests = &config.requests;
    let redaction = open_redaction(config, &job.redaction)?;
    let opening = Opening {
        concurrency: requests.concurrency,
        timeout: requests.timeout,
        patience: asking.patience(requests.retry_for),
        max_response: requests.max_response,
        wording: Wording::under(&redaction),
    };
    let opened = config.platform.open(&opening);
    Ok(JobSource {
        id: config.id.clone(),
        source: opened.map_err(|source| JobError::Source {
            id: config.id.clone(),
            source,
        })?,
        redaction: Arc::new(redaction),
        start: config.start,
        settle: delta(config.settle),
        overlap: delta(config.overlap),
        limits: Limits::within(
            job.run.memory,
            requests.max_response,
            usize::try_from(requests.concurrency).unwrap_or(1),
        ),
    })
}

/// The feeds that a configuration reads, by source and tenant as the ledger names them.
pub fn configured_feeds(config: &Config) -> BTreeSet<(String, String)> {
    let sources = config.sources.iter();
    let feeds = sources.flat_map(|source| {
        let tenants = source.platform.tenants().into_iter();
        tenants.map(|tenant| (source.id.clone(), name_of(&tenant)))
    });
    feeds.collect()
}

fn open_redaction(
    source: &crate::config::SourceConfig,
    config: &RedactionConfig,
) -> Result<Redaction, JobError> {
    let key = config
        .hmac_key
        .as_ref()
        .map(|key| key.load(TextKind::HmacKey))
        .transpose()?;
    let key = key.as_ref().map(|key| key.expose_secret().as_bytes());
    Ok(Redaction::compile(
        &config.rules,
        source.platform.mapping().origins(),
        key,
    )?)
}

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sample that the configuration accepts and the store refuses would be no sample.
    #[test]
    fn the_buckets_of_the_samples_open() {
        let samples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
        for name in ["s3.toml", "gcs.toml"] {
            let config = Config::load(&samples.join(name)).unwrap();
            open_bucket(&config).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    #[test]
    fn a_person_waits_no_longer_than_a_job_is_told_to() {
        let [five_minutes, second] = [300, 1].map(Duration::from_secs);
        assert_eq!(Asking::Patiently.patience(five_minutes), five_minutes);
        assert_eq!(Asking::Briefly.patience(five_minutes).as_secs(), 10);
        assert_eq!(Asking::Briefly.patience(second), second);
    }
}
