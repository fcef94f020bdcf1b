//! The kinds of stores.

/// What kind of store a bucket is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    /// A local directory, `file://`.
    Disk,
    /// Google Cloud Storage, `gs://`.
    Gcs,
    /// Amazon S3 or a store that speaks like it, `s3://`.
    S3,
    /// Azure Blob Storage, `az://`.
    Azure,
    /// Memory of this process; tests only.
    Memory,
}
