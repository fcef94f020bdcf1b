//! Who watches a run.

/// Told what a run is doing, for a progress bar.
pub trait RunObserver: Send + Sync {
    /// How many records there are to read, where that is known.
    fn expect(&self, records: Option<u64>);
    /// So many records more have been read.
    fn records(&self, records: u64);
    /// What is being done.
    fn doing(&self, what: &str);
}

/// Watches nothing.
#[derive(Debug, Clone, Copy)]
pub struct Unobserved;

impl RunObserver for Unobserved {
    fn expect(&self, _records: Option<u64>) {}
    fn records(&self, _records: u64) {}
    fn doing(&self, _what: &str) {}
}
