//! From the rows of a chunk to files in the bucket, one partition after the other, so that no more
//! than one partition's files are in memory.

use crate::lake::layout::{RunId, Table};
use crate::lake::{Belonging, EncodedFile, PART_BYTES, PartWriter, split, upload};
use crate::ledger::entry::FileEntry;
use crate::run::comparing::Compared;
use crate::run::error::RunError;
use crate::run::plan::Seed;
use crate::store::{Bucket, Patience};
use arrow::array::RecordBatch;

/// Where the files of one chunk go, and what their names and salts come from.
pub(in crate::run) struct ChunkFiles<'a> {
    pub(in crate::run) bucket: &'a Bucket,
    pub(in crate::run) patience: Patience,
    pub(in crate::run) run_id: RunId,
    pub(in crate::run) chunk: u32,
    pub(in crate::run) lake_id: &'a str,
    pub(in crate::run) batch_id: &'a str,
    pub(in crate::run) seed: Seed,
}

impl ChunkFiles<'_> {
    /// Encodes and uploads the new rows of a chunk, and takes them out of `compared`.
    pub(in crate::run) async fn write(
        &self,
        compared: &mut Compared,
    ) -> Result<Vec<FileEntry>, RunError> {
        let belonging = Belonging {
            lake_id: self.lake_id.to_owned(),
            batch_id: self.batch_id.to_owned(),
        };
        let events = std::mem::take(&mut compared.events).into_iter();
        let quarantine = compared.quarantine.take().into_iter();
        let objects = compared.objects.take().into_iter();
        let tables = events
            .map(|batches| (Table::Events, batches))
            .chain(quarantine.map(|batch| (Table::Quarantine, vec![batch])))
            .chain(objects.map(|batch| (Table::Objects, vec![batch])));
        let mut entries = Vec::new();
        for (table, batches) in tables {
            let parts = in_background(move || Ok(split(table, batches)?)).await?;
            for (partition, batches) in parts {
                let writer = PartWriter::new(
                    partition,
                    self.run_id,
                    self.chunk,
                    belonging.clone(),
                    self.seed.0,
                    PART_BYTES,
                );
                let files = in_background(move || encode(batches, writer)).await?;
                for file in files {
                    upload(self.bucket, &file, self.patience).await?;
                    entries.push(FileEntry::from(&file.facts));
                }
            }
        }
        Ok(entries)
    }
}

/// Does the CPU's work where it does not keep others waiting: the next slices are read meanwhile.
pub(in crate::run) async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RunError> + Send + 'static,
) -> Result<T, RunError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(RunError::Cancelled),
        },
    }
}

/// Encodes the rows of one partition, as one file or more.
fn encode(batches: Vec<RecordBatch>, mut writer: PartWriter) -> Result<Vec<EncodedFile>, RunError> {
    let mut files = Vec::new();
    for rows in batches {
        files.extend(writer.push(&rows)?);
    }
    files.extend(writer.finish()?);
    Ok(files)
}
