//! Records of a platform from files: history that it does not serve any more, or never did by its interface.
//!
//! A file is decompressed (`content`), cut into its outermost JSON values (`frames`), and these into records
//! (`records`): lines, arrays, pages of an interface, trail files, messages of Kafka. What a record is and when it
//! happened its platform says, as for records that the platform serves. Nothing is held but what was asked for.

mod content;
mod frames;
mod records;

pub(crate) use content::{FileIdentity, identify};
pub use frames::{Frame, Frames};

use crate::source::{Keyed, Source, key_of};
use content::FileContent;
use std::io;
use std::path::Path;

/// A file that is being read.
pub(crate) struct RecordFile {
    frames: Frames<FileContent>,
    frames_read: u64,
}

/// What was read next of a file.
#[derive(Debug, Default)]
pub(crate) struct FileBatch {
    /// Records in the order of the file.
    pub(crate) records: Vec<Keyed>,
    /// How many records the source is not configured to read.
    pub(crate) unwanted: u64,
    /// Values that are larger than may be held, by their position in the file, from 1, and their bytes.
    pub(crate) too_large: Vec<(u64, u64)>,
    /// Whether the file has more.
    pub(crate) has_more: bool,
}

impl RecordFile {
    /// Opens a file, of which no value above `most` bytes is held.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(crate) fn open(path: &Path, most: usize) -> io::Result<Self> {
        Ok(Self {
            frames: Frames::new(FileContent::open(path)?, most),
            frames_read: 0,
        })
    }

    /// The next records: until there are `bytes` of them, or `rows`, or no more.
    ///
    /// # Errors
    /// What the file fails with, and the records before it.
    pub(crate) fn next(
        &mut self,
        source: &dyn Source,
        bytes: u64,
        rows: usize,
    ) -> (FileBatch, io::Result<()>) {
        let mut batch = FileBatch::default();
        let mut held = 0;
        while held < bytes && batch.records.len() < rows {
            let frame = match self.frames.next_frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => return (batch, Ok(())),
                Err(error) => return (batch, Err(error)),
            };
            self.frames_read += 1;
            match records::of_frame(frame, source.mapping()) {
                Ok(records) => {
                    for returned in records {
                        if returned.is_record && !source.wants(&returned.record) {
                            batch.unwanted += 1;
                            continue;
                        }
                        let key = key_of(source.mapping(), &returned.record);
                        let keyed = Keyed { returned, key };
                        held += keyed.held_bytes();
                        batch.records.push(keyed);
                    }
                }
                Err(bytes) => batch.too_large.push((self.frames_read, bytes)),
            }
        }
        batch.has_more = true;
        (batch, Ok(()))
    }

    /// What the file was, once it has no more.
    ///
    /// # Errors
    /// What follows cannot be read.
    pub(crate) fn finish(self) -> io::Result<FileIdentity> {
        self.frames.into_inner().finish()
    }
}
