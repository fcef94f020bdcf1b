//! The adapter of BigQuery on a strict service.

use super::conformance::{Bench, conforms};
use crate::bigquery_fake::{BigQueryFake, Options};
use bytes::Bytes;
use tempfile::TempDir;

/// A service with its buckets.
pub(super) struct Stand {
    pub(super) fake: BigQueryFake,
    buckets: TempDir,
}

impl Stand {
    pub(super) async fn new() -> Self {
        let buckets = tempfile::tempdir().unwrap();
        let fake = BigQueryFake::start(Options::new(buckets.path())).await;
        Self { fake, buckets }
    }

    /// Puts a file into the bucket `lake`.
    pub(super) fn put(&self, name: &str, content: Bytes) -> String {
        let path = self.buckets.path().join("lake").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        format!("gs://lake/{name}")
    }
}

#[tokio::test]
async fn the_adapter_conforms() {
    let stand = Stand::new().await;
    let warehouse = stand.fake.client().await;
    let bench = Bench {
        warehouse: &warehouse,
        put: &|name, content| stand.put(name, content),
    };
    conforms(&bench).await;
}
