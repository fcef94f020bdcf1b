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

impl StoreKind {
    /// All kinds.
    const ALL: [Self; 5] = [Self::Disk, Self::Gcs, Self::S3, Self::Azure, Self::Memory];

    /// The kind that a scheme of URLs names.
    pub(crate) fn from_scheme(scheme: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.scheme() == scheme)
    }

    /// The scheme of its URLs.
    pub(crate) const fn scheme(self) -> &'static str {
        match self {
            Self::Disk => "file",
            Self::Gcs => "gs",
            Self::S3 => "s3",
            Self::Azure => "az",
            Self::Memory => "memory",
        }
    }

    /// Whether it is a service, with buckets that have names, and not of this machine.
    pub(crate) const fn is_remote(self) -> bool {
        match self {
            Self::Gcs | Self::S3 | Self::Azure => true,
            Self::Disk | Self::Memory => false,
        }
    }
}
