//! The stored form of the id index, format version 1.
//!
//! ```text
//! 8 bytes   length of the note, little-endian
//! note      a signed note: one line of JSON that says what the body is, with its digest
//! body      zstd: for each bucket the number of its slots (u32 LE), then all dates (u16 LE) and all
//!           rests of fingerprints (u32 LE), bucket by bucket
//! ```
//!
//! A copy may be deleted at any time: it is made again from the files of the lake.

use super::ids::{BUCKETS, IdIndex};
use crate::ledger::digest::Digest;
use crate::ledger::entry::Trust;
use crate::ledger::key::SigningKey;
use crate::ledger::note::{self, Note, NoteError};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::io::{self, Read as _, Write as _};

/// Version of the format that this program writes.
pub(super) const FORMAT_VERSION: u32 = 1;

/// Longest note: a line with as many dates as there can be.
const NOTE_BYTES: u64 = 2 << 20;
const ZSTD_LEVEL: i32 = 1;

/// Why a copy of the id index cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The signed note in it is bad.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The compression is damaged.
    #[error("the id index cannot be decompressed: {0}")]
    Compression(#[from] io::Error),
    /// The JSON is not that of an id index.
    #[error("the note does not describe an id index: {0}")]
    Json(#[from] serde_json::Error),
    /// The body is not the one that was signed.
    #[error("the id index does not match its signed digest")]
    Body,
    /// It is of another lake, or stands at another sequence than its name.
    #[error("the id index belongs to another lake or to another ledger entry")]
    Foreign,
    /// Another version, or more than fits into the memory of this run. No harm: the files of the lake
    /// tell the same.
    #[error("the id index cannot be used here: {0}")]
    Unusable(&'static str),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IndexHeader {
    version: u32,
    lake_id: String,
    /// The files of all entries up to this one are in it.
    sequence: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    complete_from: Option<NaiveDate>,
    dates: Vec<Option<NaiveDate>>,
    ids: u64,
    body_sha256: Digest,
}

#[derive(Deserialize)]
struct IndexVersionProbe {
    version: u32,
}

/// What an index is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stand<'a> {
    pub(super) lake_id: &'a str,
    /// The files of all entries up to this one are in it.
    pub(super) sequence: u64,
}

/// Writes a copy of the index.
///
/// # Errors
/// A compressor without memory.
pub(super) fn encode(
    index: &IdIndex,
    stand: Stand<'_>,
    key: Option<&SigningKey>,
) -> Result<Vec<u8>, IndexError> {
    let mut body = zstd::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
    for bucket in index.slots() {
        let count = u32::try_from(bucket.len()).unwrap_or(u32::MAX);
        body.write_all(&count.to_le_bytes())?;
    }
    for [_, _, _, _, high, low] in index.slots().flatten() {
        body.write_all(&[*low, *high])?;
    }
    for [a, b, c, d, ..] in index.slots().flatten() {
        body.write_all(&[*d, *c, *b, *a])?;
    }
    let body = body.finish()?;
    let mut text = serde_json::to_string(&IndexHeader {
        version: FORMAT_VERSION,
        lake_id: stand.lake_id.to_owned(),
        sequence: stand.sequence,
        complete_from: index.complete_from(),
        dates: index.numbered_dates().to_vec(),
        ids: index.len() as u64,
        body_sha256: Digest::of(&body),
    })?;
    text.push('\n');
    let note = note::sign(text, key)?;
    let mut file = (note.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(note.as_bytes());
    file.extend_from_slice(&body);
    Ok(file)
}

/// Most bytes of a copy of an index with so many ids.
pub(super) fn most_bytes(most: usize) -> u64 {
    // Compression can only add a little.
    let body = BUCKETS * 4 + most.saturating_mul(6);
    NOTE_BYTES + (body + body / 64) as u64
}

/// Reads a copy that `trust` accepts, into an index of at most so many ids.
///
/// # Errors
/// A copy that is damaged, forged, foreign or of another version.
pub(super) fn decode(
    file: &[u8],
    stand: Stand<'_>,
    trust: &Trust,
    most: usize,
) -> Result<IdIndex, IndexError> {
    let form = || IndexError::Note(NoteError::Form("the note is missing or cut off"));
    let (length, rest) = file.split_first_chunk::<8>().ok_or_else(form)?;
    let length = u64::from_le_bytes(*length);
    let (note, body) = usize::try_from(length)
        .ok()
        .filter(|_| length <= NOTE_BYTES)
        .and_then(|length| rest.split_at_checked(length))
        .ok_or_else(form)?;
    let note = Note::parse(note)?;
    trust.check(&note)?;
    let IndexVersionProbe { version } = serde_json::from_str(note.text)?;
    if version != FORMAT_VERSION {
        return Err(IndexError::Unusable("its format version is not supported"));
    }
    let header: IndexHeader = serde_json::from_str(note.text)?;
    if header.lake_id != stand.lake_id || header.sequence != stand.sequence {
        return Err(IndexError::Foreign);
    }
    if Digest::of(body) != header.body_sha256 {
        return Err(IndexError::Body);
    }
    let ids = usize::try_from(header.ids).unwrap_or(usize::MAX);
    if ids > most {
        return Err(IndexError::Unusable(
            "it does not fit in the memory of this run",
        ));
    }
    let buckets = read_buckets(body, ids)?;
    IdIndex::from_parts(most, header.complete_from, header.dates, buckets).ok_or(IndexError::Body)
}

fn read_buckets(body: &[u8], ids: usize) -> Result<Vec<Vec<[u8; 6]>>, IndexError> {
    let mut body = io::BufReader::new(zstd::Decoder::new(body)?);
    let mut counts = Vec::with_capacity(BUCKETS);
    let mut left = ids;
    for _ in 0..BUCKETS {
        let mut count = [0; 4];
        body.read_exact(&mut count)?;
        let count = usize::try_from(u32::from_le_bytes(count)).unwrap_or(usize::MAX);
        // What was signed fits; this bounds the memory of what somebody else wrote.
        left = left.checked_sub(count).ok_or(IndexError::Body)?;
        counts.push(count);
    }
    if left > 0 {
        return Err(IndexError::Body);
    }
    let mut buckets: Vec<Vec<[u8; 6]>> = counts
        .into_iter()
        .map(|count| vec![[0; 6]; count])
        .collect();
    for [_, _, _, _, high, low] in buckets.iter_mut().flatten() {
        let mut date = [0; 2];
        body.read_exact(&mut date)?;
        [*low, *high] = date;
    }
    for [a, b, c, d, ..] in buckets.iter_mut().flatten() {
        let mut rest = [0; 4];
        body.read_exact(&mut rest)?;
        [*d, *c, *b, *a] = rest;
    }
    match body.read(&mut [0])? {
        0 => Ok(buckets),
        _ => Err(IndexError::Body),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ids::Fingerprint;
    use super::*;

    const STAND: Stand<'_> = Stand {
        lake_id: "lake-0",
        sequence: 7,
    };

    fn filled() -> IdIndex {
        let mut index = IdIndex::of_most(1_000);
        for nth in 0..500_u32 {
            let date = NaiveDate::from_ymd_opt(2026, 1, 1 + nth % 28).unwrap();
            index.insert(Fingerprint::of("s", &nth.to_string()), date);
        }
        index.leave_out_before(NaiveDate::from_ymd_opt(2026, 1, 3).unwrap());
        index
    }

    fn key() -> SigningKey {
        SigningKey::from_seed("test/writer", &[1; 32]).unwrap()
    }

    fn trust() -> Trust {
        Trust::Keys(vec![key().verifier().clone()])
    }

    #[test]
    fn a_copy_reads_back_as_it_was() {
        let index = filled();
        let file = encode(&index, STAND, Some(&key())).unwrap();
        assert!(file.len() as u64 <= most_bytes(1_000));
        assert_eq!(decode(&file, STAND, &trust(), 1_000).unwrap(), index);
        let unsigned = encode(&index, STAND, None).unwrap();
        assert_eq!(
            decode(&unsigned, STAND, &Trust::Unsigned, 1_000).unwrap(),
            index
        );
    }

    #[test]
    fn what_was_not_signed_so_is_refused() {
        let file = encode(&filled(), STAND, Some(&key())).unwrap();
        let unsigned = encode(&filled(), STAND, None).unwrap();
        let refused = |file: &[u8], stand| decode(file, stand, &trust(), 1_000).unwrap_err();
        assert!(matches!(refused(&unsigned, STAND), IndexError::Note(_)));
        let elsewhere = Stand {
            sequence: 8,
            ..STAND
        };
        assert!(matches!(refused(&file, elsewhere), IndexError::Foreign));
        let other = Stand {
            lake_id: "lake-1",
            ..STAND
        };
        assert!(matches!(refused(&file, other), IndexError::Foreign));
        for at in (0..file.len()).step_by(7) {
            let mut changed = file.clone();
            changed[at] ^= 1;
            decode(&changed, STAND, &trust(), 1_000).unwrap_err();
        }
        for end in [0, 5, 8, 100, file.len() - 1] {
            decode(&file[..end], STAND, &trust(), 1_000).unwrap_err();
        }
        assert!(matches!(
            decode(&file, STAND, &trust(), 10).unwrap_err(),
            IndexError::Unusable(_)
        ));
    }
}
