//! Taking a trail file apart without touching a byte of its records.
//!
//! A file is `{"Records": [{…}, …]}`, compressed with gzip in one member or several. A record is the exact
//! bytes of its object. Only what lies around the records must be well-formed.

use super::EventSources;
use crate::event::json::{self, FaultKind, JsonFault, JsonKind};
use crate::source::{HoleReason, Returned};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use std::io::{ErrorKind, Read as _};

/// A file may have so many records, however small they are.
const FEW: usize = 1_000;

/// Beyond [`FEW`], a file has no more records than one to so many bytes: what is denser are no records, and
/// would take many times its size in memory.
const LEAST_BYTES: usize = 256;

/// What gzip begins with.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Why a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum TrailFault {
    #[error("it is not compressed with gzip: {0}")]
    NotGzip(String),
    #[error("it ends early, after {0} bytes of its content")]
    CutOff(usize),
    #[error("its content is larger than {0} bytes")]
    TooLarge(u64),
    #[error("it is not JSON: {0}")]
    NotJson(JsonFault),
    #[error("it is {0}, not an object")]
    NotAnObject(&'static str),
    #[error("it has no \"Records\"")]
    NoRecords,
    #[error("its \"Records\" are {0}, not an array")]
    NotAnArray(&'static str),
    #[error("it has more than {0} records")]
    TooMany(usize),
}

impl TrailFault {
    /// What kind of hole it makes.
    pub(super) const fn reason(&self) -> HoleReason {
        match self {
            Self::CutOff(_) => HoleReason::CutOff,
            Self::TooLarge(_) => HoleReason::TooLarge,
            Self::NotGzip(_)
            | Self::NotJson(_)
            | Self::NotAnObject(_)
            | Self::NoRecords
            | Self::NotAnArray(_)
            | Self::TooMany(_) => HoleReason::NotUnderstood,
        }
    }
}

impl From<JsonFault> for TrailFault {
    fn from(fault: JsonFault) -> Self {
        match fault.kind {
            FaultKind::Ended => Self::CutOff(fault.at),
            _ => Self::NotJson(fault),
        }
    }
}

/// The content of a file, of at most `most` bytes.
///
/// # Errors
/// See [`TrailFault`].
pub(super) fn decode(stored: &[u8], most: u64) -> Result<Bytes, TrailFault> {
    if stored.is_empty() {
        return Err(TrailFault::CutOff(0));
    }
    if !MAGIC.starts_with(stored) && !stored.starts_with(&MAGIC) {
        return Err(TrailFault::NotGzip("it begins otherwise".to_owned()));
    }
    let mut content = Vec::new();
    let mut decoder = MultiGzDecoder::new(stored).take(most.saturating_add(1));
    match decoder.read_to_end(&mut content) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            Err(TrailFault::CutOff(content.len()))
        }
        Err(error) => Err(TrailFault::NotGzip(error.to_string())),
        Ok(_) if content.len() as u64 > most => Err(TrailFault::TooLarge(most)),
        Ok(_) => Ok(content.into()),
    }
}

/// The wanted records of a file, in their order.
///
/// What is no object is returned with [`is_record`](Returned::is_record) false; what does not say which
/// service it is about is returned, since nothing says that it is not wanted.
///
/// # Errors
/// See [`TrailFault`]. Nothing inside a record is an error, as long as its quotes and brackets are paired.
pub(super) fn split(content: &Bytes, wanted: &EventSources) -> Result<Vec<Returned>, TrailFault> {
    let mut records = None;
    let mut members = json::members(content, start(content)?)?;
    while let Some(key) = members.next_key()? {
        let at = key.value_at;
        if *key.name() == *b"Records" && records.is_none() {
            let (found, end) = elements(content, at, wanted)?;
            records = Some(found);
            members.resume(end);
        } else {
            members.resume(json::value_end(content, at)?.1);
        }
    }
    let end = members.offset();
    let rest = content.get(end..).unwrap_or_default();
    if let Some(more) = rest.iter().position(|byte| !is_space(*byte)) {
        return Err(TrailFault::NotJson(JsonFault {
            kind: FaultKind::Trailing,
            at: end + more,
        }));
    }
    let records = records.ok_or(TrailFault::NoRecords)?;
    Ok(compact(content, records))
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// Where the object begins, after a byte order mark and white space.
fn start(content: &[u8]) -> Result<usize, TrailFault> {
    let mark = match content.starts_with(b"\xef\xbb\xbf") {
        true => 3,
        false => 0,
    };
    let rest = content.get(mark..).unwrap_or_default();
    let space = rest.iter().take_while(|byte| is_space(**byte)).count();
    match rest.get(space) {
        None => Err(TrailFault::CutOff(0)),
        Some(b'{') => Ok(mark + space),
        Some(_) => Err(match json::check(rest) {
            Ok(kind) => TrailFault::NotAnObject(kind.name()),
            Err(fault) => TrailFault::NotJson(fault),
        }),
    }
}

/// The wanted elements of the array at `at`, and the offset after it.
fn elements(
    content: &Bytes,
    at: usize,
    wanted: &EventSources,
) -> Result<(Vec<Returned>, usize), TrailFault> {
    let Ok(mut elements) = json::elements(content, at) else {
        let (kind, _) = json::value_end(content, at)?;
        return Err(TrailFault::NotAnArray(kind.name()));
    };
    let most = FEW.max(content.len() / LEAST_BYTES);
    let mut records = Vec::new();
    while let Some(at) = elements.next_at()? {
        let (kind, end) = json::value_end(content, at)?;
        elements.resume(end);
        let is_record = kind == JsonKind::Object;
        if is_record && !is_wanted(content.get(at..end).unwrap_or_default(), wanted) {
            continue;
        }
        if records.len() == most {
            return Err(TrailFault::TooMany(most));
        }
        records.push(Returned {
            is_record,
            ..Returned::record(content.slice(at..end))
        });
    }
    Ok((records, elements.offset()))
}

/// Whether a record is about a service whose records are wanted.
fn is_wanted(record: &[u8], wanted: &EventSources) -> bool {
    let EventSources::Only(names) = wanted else {
        return true;
    };
    let members = json::members(record, 0).into_iter().flatten();
    let mut members = members.map_while(Result::ok);
    let source = members.find(|member| *member.key.name() == *b"eventSource");
    match source.and_then(|source| source.value.text(record).ok()) {
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
        assert_eq!(fault, TrailFault::TooMany(FEW));
    }
}
