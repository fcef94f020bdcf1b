//! Reading the planned windows of one source and committing them chunk by chunk.
//!
//! Two halves work at the same time: one reads slices and collects chunks, the other compares,
//! writes, uploads and commits them. No chunk waits between them: a chunk that is complete is held
//! until the one before it is committed.

use super::RunError;
use super::chunk::{Bounds, Chunk};
use super::compare::{Compared, Context, compare};
use super::dated::dated;
use super::files::in_background;
use super::job::{Job, JobSource};
use super::known::{Known, Shelf};
use super::now::now_to_write;
use super::observer::Observer;
use super::piece::{Piece, cut};
use super::plan::{ALL_TENANTS, Seed};
use super::redacted::Redacted;
use super::summary::SourceSummary;
use crate::clock::Now;
use crate::event::columns::RowContext;
use crate::event::schema::SCHEMA_VERSION;
use crate::index::LakeIds;
use crate::lake::layout::RunId;
use crate::ledger::digest::Digest;
use crate::ledger::entry::{Body, Ingest, RedactionApplied};
use crate::ledger::log::{Commit, Draft, Log, is_cache_due};
use crate::ledger::rebase::{Rebase, rebase};
use crate::ledger::state::{FeedState, Gone, SETTLING, State};
use crate::source::{Scope, SliceOutcome, SourceError, Tenant, read_window};
use crate::store::{Bucket, Patience};
use crate::window::{Coverage, Window};
use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt as _, TryStreamExt as _};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

/// What stays the same for all chunks of a run.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) run_id: RunId,
    pub(super) now: DateTime<Utc>,
    /// How far that is believed.
    pub(super) clock: Now,
    /// When that was found out, by a clock that never jumps.
    pub(super) began: Instant,
    pub(super) seed: Seed,
    pub(super) config_sha256: Digest,
}

impl Attempt {
    /// What commits entries without writing any file.
    pub(super) fn without_files(job: &Job, clock: Now) -> Result<Self, RunError> {
        let now = clock.at();
        Ok(Self {
            run_id: RunId::draw(now)?,
            now,
            clock,
            began: Instant::now(),
            // Nothing is written that has a salt.
            seed: Seed([0; 32]),
            config_sha256: job.config_sha256,
        })
    }

    /// The same on the ledger as it is, which there must be, for who has the key to write to it.
    pub(super) async fn on_ledger(job: &Job) -> Result<(Log, State, Self), RunError> {
        job.refuse_to_only_read()?;
        let log = job.log();
        let state = log.load().await?.ok_or(RunError::NoLake)?;
        let now = now_to_write(job, Some(&state))?;
        Ok((log, state, Self::without_files(job, now)?))
    }

    /// The time now, however long the run has gone on: by what was found out at its beginning, since the
    /// machine's clock may have jumped meanwhile.
    pub(super) fn later(&self) -> DateTime<Utc> {
        let passed = TimeDelta::from_std(self.began.elapsed()).unwrap_or_default();
        self.now + passed
    }

    /// An entry of it.
    pub(super) fn draft(&self, body: Body) -> Draft {
        Draft {
            run_id: self.run_id.to_string(),
            written_at: self.now,
            witnesses: self.clock.witnesses().to_vec(),
            config_sha256: self.config_sha256,
            body,
        }
    }
}

/// Commits chunks and keeps the state that they make.
pub(super) struct Committer<'a> {
    pub(super) bucket: &'a Bucket,
    pub(super) log: &'a Log,
    pub(super) attempt: &'a Attempt,
    pub(super) patience: Patience,
    pub(super) bounds: Bounds,
    pub(super) state: State,
    /// Under which dates the lake holds an id.
    pub(super) ids: LakeIds,
    /// Number of the next chunk; names of files and batches come from it.
    pub(super) next_chunk: u32,
    /// How often another writer was first.
    pub(super) races_lost: u64,
    /// Whether any chunk turned out to be somebody else's already.
    pub(super) superseded: bool,
}

/// The part of a run's memory that the id index may take.
const INDEX_SHARE: u64 = 16;

/// How reading the windows of one source ended.
#[derive(Debug)]
pub(super) enum Reading {
    /// All of them were read.
    Complete,
    /// The run was told to stop.
    Stopped,
    /// The source failed; what came before is kept.
    Failed(SourceError),
}

/// The feed of a tenant's name in the ledger.
pub(crate) fn tenant_of(name: &str) -> Tenant {
    if name == ALL_TENANTS {
        Tenant::All
    } else {
        Tenant::Named(name.to_owned())
    }
}

impl<'a> Committer<'a> {
    /// On top of a state, with nothing committed yet.
    pub(super) fn new(job: &'a Job, log: &'a Log, attempt: &'a Attempt, state: State) -> Self {
        Self {
            bucket: &job.bucket,
            log,
            attempt,
            patience: job.patience,
            bounds: super::start::chunk_bounds(job),
            state,
            ids: LakeIds::within(job.bounds.memory / INDEX_SHARE),
            next_chunk: 0,
            races_lost: 0,
            superseded: false,
        }
    }
}

impl Committer<'_> {
    /// What time it is, as it stands with the entries that there are now.
    pub(super) fn now(&self) -> Now {
        self.attempt.clock.again(&self.state.clock)
    }

    /// Reads windows of a source, by tenant in order of time, and commits them.
    ///
    /// # Errors
    /// Only failures of the lake; those of the source are part of the result.
    pub(super) async fn ingest(
        &mut self,
        source: &JobSource,
        windows: &[(String, Window)],
        stop: &watch::Receiver<bool>,
        observer: &dyn Observer,
        summary: &mut SourceSummary,
    ) -> Result<Reading, RunError> {
        let (chunks, waiting) = mpsc::channel(1);
        let chunks = Desk {
            chunks,
            // One chunk is committed and one is collected; there is no room for more.
            free: Arc::new(Semaphore::new(1)),
        };
        let bounds = self.bounds;
        let read = read_chunks(source, windows, bounds, stop.clone(), observer, chunks);
        let of_chunks = &mut *summary;
        let commit = async move {
            // A failing commit drops the receiver, at which the reading half ends.
            let mut waiting = waiting;
            while let Some((chunk, taken)) = waiting.recv().await {
                self.settle(source, chunk, of_chunks).await?;
                drop(taken);
            }
            Ok::<(), RunError>(())
        };
        let ((reading, failed), committed) = tokio::join!(read, commit);
        committed?;
        for (tenant, error) in failed {
            summary.feed_failed(&tenant, &error);
        }
        Ok(reading)
    }

    /// Compares, writes, uploads and commits one chunk, as often as other writers make it
    /// necessary.
    async fn settle(
        &mut self,
        source: &JobSource,
        chunk: Chunk,
        summary: &mut SourceSummary,
    ) -> Result<(), RunError> {
        let pieces = Arc::new(chunk.pieces);
        loop {
            let number = self.next_chunk;
            self.next_chunk += 1;
            let batch_id = format!("{}-{number:05}", self.attempt.run_id);
            let mut compared = self.compare(source, &pieces, &batch_id).await?;
            if self.says_nothing(&source.id, &compared) {
                summary.read_again(&compared.days, &compared.read);
                return Ok(());
            }
            let files = self.store(&mut compared, number, &batch_id).await?;
            let ingest = Ingest {
                source: source.id.clone(),
                platform: source.platform.to_owned(),
                batch_id,
                schema_version: SCHEMA_VERSION,
                mapping_version: source.mapping_version,
                covered: compared.covered,
                reread: compared.reread,
                holes: compared.holes,
                days: compared.days,
                changed: compared.changed,
                redaction: redaction_applied(source),
                files,
            };
            let draft = self.attempt.draft(Body::Ingest(Box::new(ingest)));
            let batches = self.state.batches.len();
            if self.commit(&draft).await? == Rebase::Resequence {
                if let Body::Ingest(ingest) = &draft.body {
                    summary.committed(ingest, &compared.read);
                }
                self.ids.note(self.state.head.sequence, &compared.ids);
                self.save_caches_if_due().await;
                return Ok(());
            }
            // Unless it was a decision about files that came.
            self.superseded |= self.state.batches.len() > batches;
        }
    }

    /// Writes the caches where they are due in the middle of a run. They are not missed where that fails:
    /// the run ends with others, and says so.
    async fn save_caches_if_due(&mut self) {
        if is_cache_due(&self.state) {
            if let Err(note) = self.log.save_cache(&self.state).await {
                tracing::debug!(%note, "in the middle of a run");
            }
            if let Err(note) = self.ids.save(self.log, &self.state).await {
                tracing::debug!(%note, "in the middle of a run");
            }
        }
    }

    /// Commits a draft at whatever sequence is free, unless it must be compared again first.
    pub(super) async fn commit(&mut self, draft: &Draft) -> Result<Rebase, RunError> {
        let planned_at = self.now();
        let goes_by_time = matches!(draft.body, Body::Retention(_) | Body::Sweep(_));
        loop {
            match self.log.commit(&mut self.state, draft).await? {
                Commit::Done => return Ok(Rebase::Resequence),
                Commit::Lost(came) => {
                    self.races_lost += 1;
                    // What came may have shown that it is earlier than was thought.
                    let other_time = goes_by_time && self.now() != planned_at;
                    if other_time || rebase(&draft.body, &came) == Rebase::CompareAgain {
                        return Ok(Rebase::CompareAgain);
                    }
                }
            }
        }
    }

    /// Compares the pieces with the lake.
    async fn compare(
        &mut self,
        source: &JobSource,
        pieces: &Arc<Vec<Piece>>,
        batch_id: &str,
    ) -> Result<Compared, RunError> {
        let mut known = Vec::with_capacity(pieces.len());
        let shelf = Shelf {
            bucket: self.bucket,
            log: self.log,
            state: &self.state,
            source: &source.id,
        };
        for piece in pieces.iter() {
            let load = Known::load(&shelf, &mut self.ids, piece);
            known.push(Box::pin(load).await?);
        }
        let coverage = self.coverage(&source.id);
        let gone = self.gone(&source.id, pieces);
        let row = RowContext {
            ingested_at: self.attempt.now,
            batch_id: batch_id.to_owned(),
            source: source.id.clone(),
            platform: source.platform,
            mapping_version: source.mapping_version,
        };
        let (feed, redaction) = (Arc::clone(&source.source), Arc::clone(&source.redaction));
        let history = self.state.sources.get(&source.id);
        let history = history.map(|source| &source.redacted);
        let redacted = Redacted::new(&redaction, &redaction_applied(source), history);
        let pieces = Arc::clone(pieces);
        in_background(move || {
            let context = Context {
                source: &*feed,
                redaction: &redaction,
                redacted: &redacted,
                row,
                coverage: &coverage,
                gone: &gone,
            };
            Ok(compare(&context, &pieces, &known)?)
        })
        .await
    }

    fn coverage(&self, source: &str) -> BTreeMap<String, Coverage> {
        let feeds = self.state.sources.get(source).map(|source| &source.feeds);
        feeds
            .into_iter()
            .flatten()
            .map(|(tenant, feed)| (tenant.clone(), feed.coverage.clone()))
            .collect()
    }

    /// What was decided to go of a source on the dates of pieces.
    fn gone(&self, source: &str, pieces: &[Piece]) -> Gone {
        let windows = || pieces.iter().map(|piece| piece.window);
        let first = windows().map(|window| window.from.date_naive()).min();
        let last = windows().map(|window| window.to.date_naive()).max();
        first.zip(last).map_or_else(Gone::default, |(first, last)| {
            self.state.retention.gone.of(source, first, last)
        })
    }

    /// Whether an entry would say nothing that the ledger does not say already: an overlap that
    /// was read again and brought nothing, or nothing that is kept.
    fn says_nothing(&self, source: &str, compared: &Compared) -> bool {
        let nothing = FeedState::default();
        compared.covered.is_empty()
            && compared.holes.is_empty()
            && compared.changed.is_empty()
            && compared.events.is_empty()
            && compared.quarantine.is_none()
            && compared.reread.iter().all(|again| {
                let feed = self.state.feed(source, &again.tenant).unwrap_or(&nothing);
                let closes_hole = feed
                    .holes
                    .iter()
                    .any(|hole| hole.window.intersection(&again.window).is_some());
                // Reading a settled date again is what the ledger waits for.
                let settled = again.window.from < self.attempt.now - SETTLING;
                !closes_hole && !settled
            })
    }
}

fn redaction_applied(source: &JobSource) -> Vec<RedactionApplied> {
    let description = source.redaction.describe();
    let key_id = description.key_id;
    let places = description.places.into_iter();
    places
        .map(|place| RedactionApplied {
            part: place.part.to_owned(),
            pointer: place.pointer,
            action: place.action.to_owned(),
            rule: place.rule,
            key_id: key_id.clone().filter(|_| place.action == "hmac"),
        })
        .collect()
}

/// Where the reading half hands its chunks over.
struct Desk {
    chunks: mpsc::Sender<(Chunk, OwnedSemaphorePermit)>,
    free: Arc<Semaphore>,
}

impl Desk {
    /// Hands a chunk over once the one before it is committed; none where nobody takes it any more.
    /// While a chunk that is larger than chunks should be is committed, nothing more is read.
    async fn hand_over(&self, chunk: Chunk, bounds: &Bounds) -> Option<()> {
        let is_oversized = chunk.is_oversized(bounds);
        let permit = Arc::clone(&self.free).acquire_owned().await.ok()?;
        self.chunks.send((chunk, permit)).await.ok()?;
        if is_oversized {
            drop(self.free.acquire().await.ok()?);
        }
        Some(())
    }
}

/// The reading half: slices into chunks, until all is read, the source fails, or the run stops. A feed
/// that fails by itself is left, and the others are read.
async fn read_chunks(
    source: &JobSource,
    windows: &[(String, Window)],
    bounds: Bounds,
    mut stop: watch::Receiver<bool>,
    observer: &dyn Observer,
    chunks: Desk,
) -> (Reading, Vec<(String, SourceError)>) {
    let mut chunk = Chunk::default();
    let mut reading = Reading::Complete;
    let mut failed: Vec<(String, SourceError)> = Vec::new();
    'windows: for (tenant, window) in windows {
        if failed.iter().any(|(known, _)| known == tenant) {
            continue;
        }
        let feed = &source.source;
        let asked = tenant_of(tenant);
        let slices = read_window(Arc::clone(feed), asked.clone(), *window, source.limits);
        let slices = slices.and_then(|outcome| dated(feed, &asked, source.limits, outcome));
        let mut slices = Box::pin(slices);
        loop {
            let next = tokio::select! {
                biased;
                () = stopped(&mut stop) => {
                    reading = Reading::Stopped;
                    break 'windows;
                }
                next = slices.next() => next,
            };
            let outcomes = match next {
                None => break,
                Some(Ok(outcomes)) => outcomes,
                Some(Err(error)) if error.scope() == Scope::Feed => {
                    failed.push((tenant.clone(), error));
                    continue 'windows;
                }
                Some(Err(error)) => {
                    reading = Reading::Failed(error);
                    break 'windows;
                }
            };
            for outcome in &outcomes {
                if let SliceOutcome::Slice(slice) = outcome {
                    observer.records(slice.records.len() as u64);
                }
            }
            for piece in outcomes.into_iter().flat_map(|it| cut(tenant, it)) {
                if !chunk.takes(&piece, &bounds) {
                    // One response may hold years of rare records, and so as many chunks.
                    if *stop.borrow() {
                        reading = Reading::Stopped;
                        break 'windows;
                    }
                    let full = std::mem::take(&mut chunk);
                    if chunks.hand_over(full, &bounds).await.is_none() {
                        return (reading, failed);
                    }
                }
                chunk.push(piece);
                // Not kept until the next piece has come, which may be as large.
                if chunk.is_full(&bounds) {
                    let full = std::mem::take(&mut chunk);
                    if chunks.hand_over(full, &bounds).await.is_none() {
                        return (reading, failed);
                    }
                }
            }
        }
    }
    if !chunk.is_empty() {
        // Nobody left to take it: the other half has failed and says so.
        let _ = chunks.hand_over(chunk, &bounds).await;
    }
    (reading, failed)
}

/// Returns once the run is told to stop.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        // Nobody can tell any more.
        std::future::pending::<()>().await;
    }
}
