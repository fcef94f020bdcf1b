//! Reading the planned windows of one source and committing them chunk by chunk.
//!
//! Two halves work at the same time: one reads slices and collects chunks, the other compares,
//! writes, uploads and commits them. No chunk waits between them: a chunk that is complete is held
//! until the one before it is committed.

mod dated;

use super::committing::{Committer, Settled};
use super::error::RunError;
use super::feed::tenant_of;
use super::job::{JobSource, RunObserver};
use super::pieces::{Chunk, ChunkBounds, cut};
use crate::source::{ErrorScope, SliceOutcome, SourceError, WindowRequest};
use crate::window::Window;
use dated::dated;
use futures::{StreamExt as _, TryStreamExt as _};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

/// How reading the windows of one source ended.
#[derive(Debug)]
pub(super) enum ReadingEnd {
    /// All of them were read.
    Complete,
    /// The run was told to stop.
    Stopped,
    /// The source failed; what came before is kept.
    Failed(SourceError),
}

/// What reading the windows of one source came to.
#[derive(Debug)]
pub(super) struct Ingested {
    /// How it ended.
    pub(super) reading: ReadingEnd,
    /// Feeds that failed by themselves, by tenant.
    pub(super) failed: Vec<(String, SourceError)>,
}

/// Reads windows of a source, by tenant in order of time, and commits them. `settled` is told of each chunk.
///
/// # Errors
/// Only failures of the lake; those of the source are part of the result.
pub(super) async fn ingest(
    committer: &mut Committer<'_>,
    source: &JobSource,
    windows: &[(String, Window)],
    stop: &watch::Receiver<bool>,
    observer: &dyn RunObserver,
    settled: &mut (dyn FnMut(Settled) + Send),
) -> Result<Ingested, RunError> {
    let (chunks, waiting) = mpsc::channel(1);
    let chunks = ChunkQueue {
        chunks,
        // One chunk is committed and one is collected; there is no room for more.
        free: Arc::new(Semaphore::new(1)),
    };
    let bounds = committer.bounds;
    let read = read_chunks(source, windows, bounds, stop.clone(), observer, chunks);
    let commit = async move {
        // A failing commit drops the receiver, at which the reading half ends.
        let mut waiting = waiting;
        while let Some((chunk, taken)) = waiting.recv().await {
            settled(committer.settle(source, chunk).await?);
            drop(taken);
        }
        Ok::<(), RunError>(())
    };
    let ((reading, failed), committed) = tokio::join!(read, commit);
    committed?;
    Ok(Ingested { reading, failed })
}

/// Where the reading half hands its chunks over.
struct ChunkQueue {
    chunks: mpsc::Sender<(Chunk, OwnedSemaphorePermit)>,
    free: Arc<Semaphore>,
}

impl ChunkQueue {
    /// Hands a chunk over once the one before it is committed; none where nobody takes it any more.
    /// While a chunk that is larger than chunks should be is committed, nothing more is read.
    async fn hand_over(&self, chunk: Chunk, bounds: &ChunkBounds) -> Option<()> {
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
    bounds: ChunkBounds,
    mut stop: watch::Receiver<bool>,
    observer: &dyn RunObserver,
    chunks: ChunkQueue,
) -> (ReadingEnd, Vec<(String, SourceError)>) {
    let mut chunk = Chunk::default();
    let mut reading = ReadingEnd::Complete;
    let mut failed: Vec<(String, SourceError)> = Vec::new();
    'windows: for (tenant, window) in windows {
        if failed.iter().any(|(known, _)| known == tenant) {
            continue;
        }
        let feed = &source.source;
        let asked = tenant_of(tenant);
        let slices = feed.read(WindowRequest {
            tenant: asked.clone(),
            window: *window,
            limits: source.limits,
        });
        let slices = slices.and_then(|outcome| dated(feed, &asked, source.limits, outcome));
        let mut slices = Box::pin(slices);
        loop {
            let next = tokio::select! {
                biased;
                () = stopped(&mut stop) => {
                    reading = ReadingEnd::Stopped;
                    break 'windows;
                }
                next = slices.next() => next,
            };
            let outcomes = match next {
                None => break,
                Some(Ok(outcomes)) => outcomes,
                Some(Err(error)) if error.scope() == ErrorScope::Feed => {
                    failed.push((tenant.clone(), error));
                    continue 'windows;
                }
                Some(Err(error)) => {
                    reading = ReadingEnd::Failed(error);
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
                        reading = ReadingEnd::Stopped;
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
