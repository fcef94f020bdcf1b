//! From a chunk to an entry: compare with the lake, write and upload files, commit, as often as other writers
//! make it necessary.

mod files;

use super::comparing::{
    Compared, ComparisonContext, FeedDate, KnownRecords, Redacted, Shelf, compare,
};
use super::error::RunError;
use super::feed::coverage_axis;
use super::job::{Job, JobSource};
use super::pieces::{Chunk, ChunkBounds, Piece};
use super::plan::Seed;
use crate::event::RowContext;
use crate::event::schema::SCHEMA_VERSION;
use crate::index::LakeIds;
use crate::ledger::entry::{Body, DayCount, Ingest, RedactionApplied};
use crate::ledger::log::is_cache_due;
use crate::ledger::rebase::Rebase;
use crate::ledger::state::{FeedState, Gone, SETTLING};
use crate::ledger::writer::Writer;
use crate::source::objects::ListedSet;
use crate::store::{Bucket, Patience};
use crate::window::Coverage;
use files::ChunkFiles;
pub(super) use files::in_background;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Commits chunks, and keeps what the next one is compared with.
pub(super) struct Committer<'a> {
    pub(super) ledger: Writer,
    /// Under which dates the lake holds an id.
    pub(super) ids: LakeIds,
    pub(super) bounds: ChunkBounds,
    bucket: &'a Bucket,
    patience: Patience,
    seed: Seed,
    /// Number of the next chunk; names of files and batches come from it.
    next_chunk: u32,
    /// Whether any chunk turned out to be somebody else's already.
    pub(super) superseded: bool,
}

/// The part of a run's memory that the id index may take.
const INDEX_SHARE: u64 = 16;

/// What windows that were read whole had.
#[derive(Debug)]
pub(super) struct ReadWhole {
    /// Of each day, records as the source counts them.
    pub(super) records: Vec<u64>,
    /// Objects.
    pub(super) objects: BTreeMap<FeedDate, ListedSet>,
}

/// What became of a chunk.
#[derive(Debug)]
pub(super) enum Settled {
    /// An entry says it.
    Committed {
        /// The entry.
        ingest: Box<Ingest>,
        /// What windows that were read whole had.
        read: ReadWhole,
    },
    /// It says nothing that the ledger does not say already.
    Nothing {
        /// Counts by tenant and date.
        days: Vec<DayCount>,
        /// As above.
        read: ReadWhole,
    },
}

impl<'a> Committer<'a> {
    /// On top of a state, with nothing committed yet.
    pub(super) fn new(job: &'a Job, ledger: Writer, seed: Seed) -> Self {
        Self {
            ledger,
            ids: LakeIds::within(job.bounds.memory / INDEX_SHARE),
            bounds: ChunkBounds::of(job),
            bucket: &job.bucket,
            patience: job.patience,
            seed,
            next_chunk: 0,
            superseded: false,
        }
    }

    /// Where the lake is.
    pub(super) fn bucket(&self) -> &'a Bucket {
        self.bucket
    }

    /// Compares, writes, uploads and commits one chunk.
    pub(super) async fn settle(
        &mut self,
        source: &JobSource,
        chunk: Chunk,
    ) -> Result<Settled, RunError> {
        let imported = chunk.imported;
        let pieces = Arc::new(chunk.pieces);
        loop {
            let number = self.next_chunk;
            self.next_chunk += 1;
            let batch_id = format!("{}-{number:05}", self.ledger.attempt.run_id);
            let mut compared = self.compare(source, &pieces, &batch_id).await?;
            if self.says_nothing(&source.id, &compared) {
                return Ok(Settled::Nothing {
                    days: compared.days,
                    read: ReadWhole {
                        records: compared.read,
                        objects: compared.listed,
                    },
                });
            }
            let files = ChunkFiles {
                bucket: self.bucket,
                patience: self.patience,
                run_id: self.ledger.attempt.run_id,
                chunk: number,
                lake_id: &self.ledger.state.lake_id,
                batch_id: &batch_id,
                seed: self.seed,
            };
            let files = files.write(&mut compared).await?;
            let ingest = Ingest {
                source: source.id.clone(),
                platform: source.source.mapping().platform().to_owned(),
                batch_id,
                schema_version: SCHEMA_VERSION,
                mapping_version: source.source.mapping().version(),
                axis: coverage_axis(&*source.source),
                imported: imported.clone(),
                covered: compared.covered,
                reread: compared.reread,
                holes: compared.holes,
                days: compared.days,
                changed: compared.changed,
                redaction: redaction_applied(source),
                files,
            };
            let draft = self.ledger.attempt.draft(Body::Ingest(Box::new(ingest)));
            let batches = self.ledger.state.batches.len();
            let rebase = self.ledger.commit(&draft).await?;
            if let (Rebase::Resequence, Body::Ingest(ingest)) = (rebase, draft.body) {
                let sequence = self.ledger.state.head.sequence;
                self.ids.note(sequence, &compared.ids);
                self.save_caches_if_due().await;
                let read = ReadWhole {
                    records: compared.read,
                    objects: compared.listed,
                };
                return Ok(Settled::Committed { ingest, read });
            }
            // Unless it was a decision about files that came.
            self.superseded |= self.ledger.state.batches.len() > batches;
        }
    }

    /// Writes the caches where they are due in the middle of a run. They are not missed where that fails:
    /// the run ends with others, and says so.
    async fn save_caches_if_due(&mut self) {
        let Writer { log, state, .. } = &self.ledger;
        if is_cache_due(state) {
            if let Err(note) = log.save_cache(state).await {
                tracing::debug!(%note, "in the middle of a run");
            }
            if let Err(note) = self.ids.save(log, state).await {
                tracing::debug!(%note, "in the middle of a run");
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
            log: &self.ledger.log,
            state: &self.ledger.state,
            source: &source.id,
        };
        for piece in pieces.iter() {
            let load = KnownRecords::load(&shelf, &mut self.ids, piece);
            known.push(Box::pin(load).await?);
        }
        let coverage = self.coverage(&source.id);
        let gone = self.gone(&source.id, pieces);
        let row = RowContext {
            ingested_at: self.ledger.attempt.now,
            batch_id: batch_id.to_owned(),
            source: source.id.clone(),
            platform: source.source.mapping().platform(),
            mapping_version: source.source.mapping().version(),
        };
        let (feed, redaction) = (Arc::clone(&source.source), Arc::clone(&source.redaction));
        let history = self.ledger.state.sources.get(&source.id);
        let history = history.map(|source| &source.redacted);
        let (joined, applied) = (feed.mapping().joined(), redaction_applied(source));
        let redacted = Redacted::new(joined, &redaction, &applied, history);
        let pieces = Arc::clone(pieces);
        in_background(move || {
            let context = ComparisonContext {
                mapping: feed.mapping(),
                axis: feed.capabilities().axis,
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
        let feeds = self
            .ledger
            .state
            .sources
            .get(source)
            .map(|source| &source.feeds);
        feeds
            .into_iter()
            .flatten()
            .map(|(tenant, feed)| (tenant.clone(), feed.coverage.clone()))
            .collect()
    }

    /// What was decided to go of a source on the dates of pieces.
    fn gone(&self, source: &str, pieces: &[Piece]) -> Gone {
        let dates = pieces.iter().map(Piece::filing_dates);
        let span = dates.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
        span.map_or_else(Gone::default, |(first, last)| {
            self.ledger.state.retention.gone.of(source, first, last)
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
            && compared.days.iter().all(|day| day.objects.is_none())
            && compared.reread.iter().all(|again| {
                let feed = self
                    .ledger
                    .state
                    .feed(source, &again.tenant)
                    .unwrap_or(&nothing);
                let closes_hole = feed
                    .holes
                    .iter()
                    .any(|hole| hole.window.intersection(&again.window).is_some());
                // Reading a settled date again is what the ledger waits for.
                let settled = again.window.from < self.ledger.attempt.now - SETTLING;
                !closes_hole && !settled
            })
    }
}

/// What is redacted of the records of a source, as entries say it.
pub(in crate::run) fn redaction_applied(source: &JobSource) -> Vec<RedactionApplied> {
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
