//! Reading parts of a Parquet file out of the lake, by the lake's own reader: it keeps the store's error, which
//! the engine's turns into text, so that a store that is away for a moment would look like a damaged file; and
//! it gives nothing of a file that is not the one the ledger signed for.

use std::fmt;

use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use parquet::arrow::async_reader::AsyncFileReader;

use crate::lake::StoreInput;
use crate::store::{Bucket, SignedFile};

/// Makes readers over one bucket.
pub(super) struct Readers(pub(super) Bucket);

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Readers")
    }
}

impl ParquetFileReaderFactory for Readers {
    fn create_reader(
        &self,
        _: usize,
        file: PartitionedFile,
        _: Option<usize>,
        _: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let unstated = || DataFusionError::Internal("a file that no entry states".to_owned());
        let signed = file.extension::<SignedFile>().ok_or_else(unstated)?;
        Ok(Box::new(StoreInput::new(&self.0, signed.clone())))
    }
}
