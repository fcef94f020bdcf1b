//! Taking a file of the long-term store apart without touching a byte of its records.
//!
//! It is a ZIP file of texts, or of further ZIP files that have them. A text is a JSON array of records, or records
//! one after the other. Everything that is decompressed is checked against its checksum.

use crate::event::json::{self, JsonFault, JsonKind};
use crate::source::Returned;
use bytes::Bytes;
use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive};
use std::io::{ErrorKind, Read};

/// How deep ZIP files may be in each other.
const DEPTH: u32 = 3;

/// A file may have so many records, however small they are.
const FEW: u64 = 1_000;

/// Beyond [`FEW`], a file has no more records than one to so many bytes: what is denser are no records.
const LEAST_BYTES: u64 = 64;

/// Why a file cannot be read. The message continues "the file …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ArchiveFault {
    #[error("is damaged: {0}")]
    Damaged(String),
    #[error("ends early")]
    CutOff,
    #[error("is larger than it may be")]
    TooLarge,
    #[error("has ZIP files in each other, more than {} deep", DEPTH)]
    TooDeep,
    #[error("has an entry in a way of compression that is not known: {0}")]
    Method(String),
    #[error("is not JSON: {0}")]
    NotJson(#[from] JsonFault),
    #[error("has more entries than records could be")]
    TooMany,
}

impl From<rawzip::Error> for ArchiveFault {
    fn from(error: rawzip::Error) -> Self {
        match error.kind() {
            rawzip::ErrorKind::Eof | rawzip::ErrorKind::MissingEndOfCentralDirectory => {
                Self::CutOff
            }
            _ => Self::Damaged(error.to_string()),
        }
    }
}

/// The records of a file whose content has at most `most` bytes, and how many it has.
///
/// # Errors
/// See [`ArchiveFault`].
pub(super) fn records(file: &Bytes, most: u64) -> Result<(Vec<Returned>, u64), ArchiveFault> {
    let mut reader = ArchiveReader {
        most,
        read: 0,
        kept: 0,
        records: Vec::new(),
    };
    reader.archive(file, 1)?;
    Ok((reader.records, reader.kept))
}

struct ArchiveReader {
    most: u64,
    /// Bytes that were decompressed, nested files included.
    read: u64,
    /// Bytes of texts.
    kept: u64,
    records: Vec<Returned>,
}

impl ArchiveReader {
    fn archive(&mut self, file: &[u8], depth: u32) -> Result<(), ArchiveFault> {
        if depth > DEPTH {
            return Err(ArchiveFault::TooDeep);
        }
        let archive = ZipArchive::from_slice(file)?;
        let mut entries = archive.entries();
        let mut count = 0;
        while let Some(entry) = entries.next_entry()? {
            count += 1;
            if entry.is_dir() {
                continue;
            }
            let method = entry.compression_method();
            let stored = archive.get_entry(entry.wayfinder())?;
            let content = match method {
                CompressionMethod::STORE => {
                    self.decompress(stored.verifying_reader(stored.data()))?
                }
                CompressionMethod::DEFLATE => {
                    let decoder = DeflateDecoder::new(stored.data());
                    self.decompress(stored.verifying_reader(decoder))?
                }
                method => return Err(ArchiveFault::Method(method.to_string())),
            };
            match content.starts_with(b"PK") {
                true => self.archive(&content, depth + 1)?,
                false => self.text(&Bytes::from(content))?,
            }
        }
        match count == archive.entries_hint() {
            true => Ok(()),
            false => Err(ArchiveFault::CutOff),
        }
    }

    fn decompress(&mut self, reader: impl Read) -> Result<Vec<u8>, ArchiveFault> {
        let left = self.most.saturating_sub(self.read);
        let mut content = Vec::new();
        // The checksum is compared where the content ends.
        let read = reader
            .take(left.saturating_add(1))
            .read_to_end(&mut content);
        if content.len() as u64 > left {
            return Err(ArchiveFault::TooLarge);
        }
        match read {
            Ok(_) => {
                self.read += content.len() as u64;
                Ok(content)
            }
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(ArchiveFault::CutOff),
            Err(error) => Err(ArchiveFault::Damaged(error.to_string())),
        }
    }

    /// Adds the records of a text.
    fn text(&mut self, text: &Bytes) -> Result<(), ArchiveFault> {
        self.kept += text.len() as u64;
        let mut at = match text.starts_with(b"\xef\xbb\xbf") {
            true => 3,
            false => 0,
        };
        at = after_space(text, at);
        if text.get(at) == Some(&b'[') {
            let mut elements = json::elements(text, at)?;
            while let Some(at) = elements.next_at()? {
                let end = self.record(text, at)?;
                elements.resume(end);
            }
            at = after_space(text, elements.offset());
            if at < text.len() {
                return Err(ArchiveFault::Damaged("text follows its records".to_owned()));
            }
        }
        while at < text.len() {
            at = after_space(text, self.record(text, at)?);
        }
        Ok(())
    }

    /// Adds the record at `at`, and returns the offset after it.
    fn record(&mut self, text: &Bytes, at: usize) -> Result<usize, ArchiveFault> {
        let value = json::value_at(text, at)?;
        if self.records.len() as u64 >= FEW.max(self.kept / LEAST_BYTES) {
            return Err(ArchiveFault::TooMany);
        }
        self.records.push(Returned {
            is_record: value.kind == JsonKind::Object,
            ..Returned::record(text.slice(value.at..value.end))
        });
        Ok(value.end)
    }
}

fn after_space(text: &[u8], at: usize) -> usize {
    at + json::start(text.get(at..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::DeflateEncoder;
    use rawzip::ZipArchiveWriter;
    use std::io::Write as _;

    fn zip(entries: &[&[u8]], method: CompressionMethod) -> Bytes {
        let mut file = Vec::new();
        let mut archive = ZipArchiveWriter::new(&mut file);
        for (number, content) in entries.iter().enumerate() {
            let name = format!("{number}.txt");
            let builder = archive.new_file(&name).compression_method(method);
            let (mut entry, config) = builder.start().unwrap();
            let descriptor = if method == CompressionMethod::DEFLATE {
                let encoder = DeflateEncoder::new(&mut entry, Compression::fast());
                let mut writer = config.wrap(encoder);
                writer.write_all(content).unwrap();
                let (encoder, descriptor) = writer.finish().unwrap();
                encoder.finish().unwrap();
                descriptor
            } else {
                let mut writer = config.wrap(&mut entry);
                writer.write_all(content).unwrap();
                writer.finish().unwrap().1
            };
            entry.finish(descriptor).unwrap();
        }
        archive.finish().unwrap();
        Bytes::from(file)
    }

    const STORE: CompressionMethod = CompressionMethod::STORE;
    const DEFLATE: CompressionMethod = CompressionMethod::DEFLATE;

    fn texts(file: &Bytes) -> Vec<String> {
        let (records, _) = records(file, 1 << 20).unwrap();
        let text = |it: &Returned| String::from_utf8(it.record.to_vec()).unwrap();
        records.iter().map(text).collect()
    }

    #[test]
    fn records_are_exact_bytes_in_whatever_form() {
        let array = "\u{feff}[{ \"a\": 1.50 },\r\n{\"b\":[]} , 7]\n".as_bytes();
        let lines = b"{\"c\":1}\r\n{\"d\":2}\n";
        for method in [STORE, DEFLATE] {
            let inner = zip(&[array, lines, b""], method);
            let nested = zip(&[&inner, b" [] "], method);
            for file in [inner, nested] {
                assert_eq!(
                    texts(&file),
                    [
                        "{ \"a\": 1.50 }",
                        "{\"b\":[]}",
                        "7",
                        "{\"c\":1}",
                        "{\"d\":2}"
                    ]
                );
            }
        }
        assert_eq!(texts(&zip(&[], STORE)), [""; 0]);
        let (read, bytes) = records(&zip(&[b"[7]"], STORE), 99).unwrap();
        assert!(!read[0].is_record && bytes == 3);
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let fault = |file: &Bytes, most| records(file, most).unwrap_err();
        let text = format!("[\"{}\"]", "x".repeat(5_000));
        let file = zip(&[text.as_bytes()], DEFLATE);
        assert!(file.len() < 1_000);
        assert!(records(&file, text.len() as u64).is_ok());
        assert_eq!(fault(&file, text.len() as u64 - 1), ArchiveFault::TooLarge);
        // Several entries share the bound.
        let twice = zip(&[text.as_bytes(), text.as_bytes()], DEFLATE);
        assert_eq!(fault(&twice, 9_000), ArchiveFault::TooLarge);
        for end in [2, 40, file.len() - 1] {
            let fault = fault(&file.slice(..end), 9_999);
            assert_eq!(fault, ArchiveFault::CutOff, "{end}");
        }
        let mut damaged = zip(&[b"[1,2,3]"], STORE).to_vec();
        let at = damaged.windows(3).position(|it| it == b"2,3").unwrap();
        damaged[at] = b'9';
        let fault_of = fault(&Bytes::from(damaged), 9_999);
        assert!(matches!(fault_of, ArchiveFault::Damaged(_)), "{fault_of}");
        for text in [&b"[{\"a\":1}"[..], b"[1] x", b"<html>"] {
            assert!(records(&zip(&[text], STORE), 9_999).is_err());
        }
        let mut deep = zip(&[b"[]"], STORE);
        for _ in 0..3 {
            deep = zip(&[&deep], STORE);
        }
        assert_eq!(fault(&deep, 9_999), ArchiveFault::TooDeep);
        let many = format!("[{}0]", "0,".repeat(5_000));
        let fault = fault(&zip(&[many.as_bytes()], DEFLATE), 99_999);
        assert_eq!(fault, ArchiveFault::TooMany);
    }
}
