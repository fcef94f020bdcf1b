//! What a query may use of the machine.

use std::num::NonZeroUsize;

/// Memory that one parallel part of a query needs to get anywhere.
pub(super) const BYTES_PER_PART: usize = 32 << 20;

/// What a query may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that sorts, groups and joins may hold together. Buffers of the Parquet reader, about
    /// one row group for each parallel part, come on top.
    pub memory: usize,
    /// How many parts of a query run at once; fewer do where the memory is small.
    pub parallelism: usize,
}

impl Default for Limits {
    /// 128 MiB, and as many parts as there are processors.
    fn default() -> Self {
        Self {
            memory: 128 << 20,
            parallelism: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        }
    }
}

impl Limits {
    pub(super) fn parts(self) -> usize {
        self.parallelism.min(self.memory / BYTES_PER_PART).max(1)
    }
}
