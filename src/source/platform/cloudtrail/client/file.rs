//! Taking a trail file apart without touching a byte of its records.
//!
//! A file is `{"Records": [{…}, …]}`, an [envelope](EnvelopeShape), compressed with gzip in one member or
//! several. A record is the exact bytes of its object.

use super::EventSources;
use crate::event::json::{self, EnvelopeFault, EnvelopeShape, JsonKind};
use crate::source::{HoleReason, Returned};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use sha2::{Digest as _, Sha256};
use std::io::{ErrorKind, Read as _};

/// A file may have so many records, however small they are.
const FEW: usize = 1_000;

/// Beyond [`FEW`], a file has no more records than one to so many bytes: what is denser are no records, and
/// would take many times its size in memory.
const LEAST_BYTES: usize = 256;

/// Bytes that are decompressed at once.
const PART_BYTES: usize = 64 << 10;

/// What gzip begins with.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The member that holds the records.
const RECORDS: &str = "Records";

/// Why a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum TrailFault {
    #[error("it is not compressed with gzip: {0}")]
    NotGzip(String),
    #[error("it ends early, after {0} bytes of its content")]
    CutOff(usize),
    #[error("its content is larger than {0} bytes")]
    TooLarge(u64),
    #[error("its content {0}")]
    Content(#[from] EnvelopeFault),
}

impl TrailFault {
    /// What kind of hole it makes.
    pub(super) const fn reason(&self) -> HoleReason {
        match self {
            Self::CutOff(_) | Self::Content(EnvelopeFault::CutOff(_) | EnvelopeFault::Empty) => {
                HoleReason::CutOff
            }
            Self::TooLarge(_) => HoleReason::TooLarge,
            Self::NotGzip(_) | Self::Content(_) => HoleReason::NotUnderstood,
        }
    }
}

/// The content of a file, of at most `most` bytes.
///
/// # Errors
/// See [`TrailFault`].
pub(super) fn decode(stored: &[u8], most: u64) -> Result<Bytes, TrailFault> {
    let mut content = Vec::new();
    inflate(stored, most, |part| content.extend_from_slice(part))?;
    Ok(content.into())
}

/// SHA-256 of the content of a file, of at most `most` bytes, which is held nowhere.
///
/// # Errors
/// See [`TrailFault`].
pub(super) fn content_sha256(stored: &[u8], most: u64) -> Result<[u8; 32], TrailFault> {
    let mut hash = Sha256::new();
    inflate(stored, most, |part| hash.update(part))?;
    Ok(hash.finalize().into())
}

fn inflate(stored: &[u8], most: u64, mut take: impl FnMut(&[u8])) -> Result<(), TrailFault> {
    if stored.is_empty() {
        return Err(TrailFault::CutOff(0));
    }
    if !MAGIC.starts_with(stored) && !stored.starts_with(&MAGIC) {
        return Err(TrailFault::NotGzip("it begins otherwise".to_owned()));
    }
    let mut decoder = MultiGzDecoder::new(stored).take(most.saturating_add(1));
    let mut part = vec![0; PART_BYTES];
    let mut bytes = 0;
    loop {
        match decoder.read(&mut part) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return Err(TrailFault::CutOff(bytes));
            }
            Err(error) => return Err(TrailFault::NotGzip(error.to_string())),
            Ok(0) => break,
            Ok(read) => {
                bytes += read;
                take(&part[..read]);
            }
        }
    }
    match bytes as u64 > most {
        true => Err(TrailFault::TooLarge(most)),
        false => Ok(()),
    }
}

/// The wanted records of a file, in their order.
///
/// What is no object is returned with [`is_record`](Returned::is_record) false; what does not say which
/// service it is about is returned, since nothing says that it is not wanted.
///
/// # Errors
/// See [`TrailFault::Content`].
pub(super) fn split(content: &Bytes, wanted: &EventSources) -> Result<Vec<Returned>, TrailFault> {
    let shape = EnvelopeShape {
        items: RECORDS,
        others: [],
        most: FEW.max(content.len() / LEAST_BYTES),
    };
    let envelope = shape.split(content, |value| {
        let is_record = value.kind == JsonKind::Object;
        if is_record && !is_wanted(value.bytes(content), wanted) {
            return None;
        }
        Some(Returned {
            is_record,
            ..Returned::record(content.slice(value.at..value.end))
        })
    })?;
    let records = envelope.items.ok_or(EnvelopeFault::NoItems(RECORDS))?;
    Ok(compact(content, records))
}

/// Whether a record is about a service whose records are wanted.
pub(super) fn is_wanted(record: &[u8], wanted: &EventSources) -> bool {
    let EventSources::Only(names) = wanted else {
        return true;
    };
    let [source] = json::named_in(record, ["eventSource"]);
    match json::text(source, record) {
        Some(source) => names.iter().any(|name| **name == *source),
        None => true,
    }
}

/// The same records in a buffer of their own, where most of the content is not wanted: otherwise a few of
/// them would keep all of it in memory.
fn compact(content: &Bytes, records: Vec<Returned>) -> Vec<Returned> {
    let kept: usize = records.iter().map(|it| it.record.len()).sum();
    if kept >= content.len() / 2 {
        return records;
    }
    let mut own = Vec::with_capacity(kept);
    records
        .iter()
        .for_each(|it| own.extend_from_slice(&it.record));
    let own = Bytes::from(own);
    let mut at = 0;
    let moved = records.into_iter().map(|it| {
        let from = at;
        at += it.record.len();
        Returned {
            record: own.slice(from..at),
            ..it
        }
    });
    moved.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn states() -> EventSources {
        EventSources::default()
    }

    fn texts(content: &str, wanted: &EventSources) -> Vec<String> {
        let records = split(&Bytes::from(content.to_owned()), wanted).unwrap();
        let text = |it: &Returned| String::from_utf8(it.record.to_vec()).unwrap();
        records.iter().map(text).collect()
    }

    #[test]
    fn a_file_in_several_members_is_one_content() {
        let content = br#"{"Records":[{"eventID":"1"}]}"#;
        let mut stored = gzip(&content[..10]);
        stored.extend(gzip(&content[10..]));
        assert_eq!(&decode(&stored, 1000).unwrap()[..], content);
        assert_eq!(&decode(&stored, content.len() as u64).unwrap()[..], content);
        let sha256: [u8; 32] = Sha256::digest(content).into();
        assert_eq!(content_sha256(&stored, 1000).unwrap(), sha256);
        let short = content_sha256(&stored, 10).unwrap_err();
        assert_eq!(short.reason(), HoleReason::TooLarge);
    }

    #[test]
    fn what_cannot_be_decoded_says_why() {
        let content = vec![b'x'; 5_000];
        let stored = gzip(&content);
        let reason = |stored: &[u8], most| decode(stored, most).unwrap_err().reason();
        assert_eq!(reason(&stored, 4_999), HoleReason::TooLarge);
        assert_eq!(
            reason(&stored[..stored.len() - 1], 9_999),
            HoleReason::CutOff
        );
        assert_eq!(reason(&stored[..12], 9_999), HoleReason::CutOff);
        assert_eq!(
            reason(b"{\"Records\":[]}", 9_999),
            HoleReason::NotUnderstood
        );
        let mut trailing = stored.clone();
        trailing.extend(b"more than a header of gzip");
        assert_eq!(reason(&trailing, 9_999), HoleReason::NotUnderstood);
        let mut damaged = stored;
        let last = damaged.len() - 6;
        damaged[last] ^= 1;
        assert_eq!(reason(&damaged, 9_999), HoleReason::NotUnderstood);
    }

    #[test]
    fn records_are_exact_bytes() {
        let one = "{ \"eventID\":\t\"1\",\"eventSource\":\"states.amazonaws.com\", \"x\":1.50 }";
        let other = "{\"eventSource\":\"s3.amazonaws.com\"}";
        let escaped = r#"{"eventSource":"states\u002eamazonaws.com"}"#;
        let content = format!(
            "\u{feff} {{\"a\":[{{}}],\"Records\": [{one} ,{other},7,{escaped},{{\"eventSource\":null}},{{}}]}}\n"
        );
        let all = EventSources::All;
        assert_eq!(
            texts(&content, &states()),
            [one, "7", escaped, "{\"eventSource\":null}", "{}"]
        );
        assert_eq!(texts(&content, &all).len(), 6);
        let records = split(&Bytes::from(content), &all).unwrap();
        let is_record: Vec<bool> = records.iter().map(|it| it.is_record).collect();
        assert_eq!(is_record, [true, true, false, true, true, true]);
        assert_eq!(texts("{\"Records\":[]}", &all), [""; 0]);
    }

    /// Records of which few are wanted do not keep the rest of the file.
    #[test]
    fn few_wanted_records_have_a_buffer_of_their_own() {
        let filler = format!(
            "{{\"eventSource\":\"s3.amazonaws.com\",\"x\":\"{}\"}}",
            "x".repeat(5_000)
        );
        let one = r#"{"eventSource":"states.amazonaws.com","n":1}"#;
        let two = r#"{"eventSource":"states.amazonaws.com","n":22}"#;
        let content = Bytes::from(format!("{{\"Records\":[{one},{filler},{two}]}}"));
        let records = split(&content, &states()).unwrap();
        assert_eq!(&records[0].record[..], one.as_bytes());
        assert_eq!(&records[1].record[..], two.as_bytes());
        let range = content.as_ptr_range();
        assert!(!range.contains(&records[0].record.as_ptr()));
    }

    #[test]
    fn what_is_no_trail_file_says_why() {
        for (content, reason) in [
            ("", HoleReason::CutOff),
            ("{\"Records\":[{\"a\":1},", HoleReason::CutOff),
            ("{\"Records\":[{\"a\":\"1", HoleReason::CutOff),
            ("[]", HoleReason::NotUnderstood),
            ("<html>", HoleReason::NotUnderstood),
            ("{}", HoleReason::NotUnderstood),
            ("{\"records\":[]}", HoleReason::NotUnderstood),
            ("{\"Records\":{}}", HoleReason::NotUnderstood),
            ("{\"Records\":[]} x", HoleReason::NotUnderstood),
            ("{\"Records\":[] \"x\":1}", HoleReason::NotUnderstood),
        ] {
            let fault = split(&Bytes::from(content), &states()).unwrap_err();
            assert_eq!(fault.reason(), reason, "{content}: {fault}");
        }
        let bomb = format!("{{\"Records\":[{}0]}}", "0,".repeat(5_000));
        let fault = split(&Bytes::from(bomb), &states()).unwrap_err();
        let too_many = EnvelopeFault::TooMany {
            name: RECORDS,
            most: FEW,
        };
        assert_eq!(fault, TrailFault::Content(too_many));
    }
}
