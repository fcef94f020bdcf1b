//! What a file holds, whatever it is compressed with.

use crate::ledger::digest::Digest;
use flate2::bufread::MultiGzDecoder;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// What gzip begins with (RFC 1952 section 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// What a frame of zstd begins with (RFC 8878 section 3.1.1).
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Bytes that are read from a disk at once.
const BUFFER: usize = 256 * 1024;

/// What tells a file from any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    /// Bytes, as stored.
    pub(crate) bytes: u64,
    /// Digest of them.
    pub(crate) sha256: Digest,
}

/// Reads a whole file to know it again.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn identify(path: &Path) -> io::Result<FileIdentity> {
    let mut hashed = Hashed::new(File::open(path)?);
    io::copy(&mut hashed, &mut io::sink())?;
    Ok(hashed.identity())
}

/// The content of a file: decompressed where it begins as gzip (of one member or several) or zstd does.
pub(crate) struct FileContent {
    reader: Compression,
}

enum Compression {
    None(BufReader<Hashed<File>>),
    Gzip(Box<MultiGzDecoder<BufReader<Hashed<File>>>>),
    Zstd(Box<zstd::Decoder<'static, BufReader<Hashed<File>>>>),
}

impl FileContent {
    /// Opens a file.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut stored = BufReader::with_capacity(BUFFER, Hashed::new(File::open(path)?));
        let begins = stored.fill_buf()?;
        let reader = if begins.starts_with(&GZIP) {
            Compression::Gzip(Box::new(MultiGzDecoder::new(stored)))
        } else if begins.starts_with(&ZSTD) {
            Compression::Zstd(Box::new(zstd::Decoder::with_buffer(stored)?))
        } else {
            Compression::None(stored)
        };
        Ok(Self { reader })
    }

    /// What the file was, once all of it has been read.
    ///
    /// # Errors
    /// What follows the content cannot be read.
    pub(crate) fn finish(self) -> io::Result<FileIdentity> {
        let mut stored = match self.reader {
            Compression::None(stored) => stored,
            Compression::Gzip(decoder) => decoder.into_inner(),
            Compression::Zstd(decoder) => decoder.finish(),
        };
        io::copy(&mut stored, &mut io::sink())?;
        Ok(stored.into_inner().identity())
    }
}

impl Read for FileContent {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match &mut self.reader {
            Compression::None(stored) => stored.read(into),
            Compression::Gzip(decoder) => decoder.read(into),
            Compression::Zstd(decoder) => decoder.read(into),
        }
    }
}

/// Hashes what is read.
struct Hashed<R> {
    inner: R,
    bytes: u64,
    hash: Sha256,
}

impl<R> Hashed<R> {
    fn new(inner: R) -> Self {
        Self {
            inner,
            bytes: 0,
            hash: Sha256::new(),
        }
    }

    fn identity(self) -> FileIdentity {
        FileIdentity {
            bytes: self.bytes,
            sha256: Digest(self.hash.finalize().into()),
        }
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.hash.update(&into[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn read(stored: &[u8]) -> io::Result<(Vec<u8>, FileIdentity, FileIdentity)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, stored).unwrap();
        let mut content = FileContent::open(&path)?;
        let mut text = Vec::new();
        content.read_to_end(&mut text)?;
        Ok((text, content.finish()?, identify(&path)?))
    }

    #[test]
    fn each_compression_is_told_by_how_it_begins() {
        let members = [gzip(b"one "), gzip(b"two")].concat();
        let frames = [
            zstd::encode_all(&b"one "[..], 1).unwrap(),
            zstd::encode_all(&b"two"[..], 1).unwrap(),
        ];
        for stored in [b"one two".to_vec(), members, frames.concat()] {
            let (text, seen, known) = read(&stored).unwrap();
            assert_eq!(text, b"one two");
            assert_eq!(seen, known);
            assert_eq!(known.bytes, stored.len() as u64);
            assert_eq!(known.sha256, Digest::of(&stored));
        }
        assert_eq!(read(b"").unwrap().0, b"");
    }

    #[test]
    fn what_breaks_off_is_an_error() {
        let whole = gzip(&[b'x'; 10_000]);
        let error = read(&whole[..whole.len() - 5]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
