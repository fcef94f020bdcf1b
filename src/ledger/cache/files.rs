//! The files of a state as a table: what nearly a whole cache consists of, so it is small and read fast.
//!
//! First come the texts that files share, then blocks of files of one date, then an empty block. Within a
//! block each column stands by itself, so that what is alike is together for the compressor, and what it
//! cannot make smaller, the digests, comes last. Numbers are LEB128, signed ones in zigzag.

use crate::event::Category;
use crate::lake::layout::{FilePath, PathOfOurs, Table};
use crate::ledger::digest::{Digest, Md5};
use crate::ledger::entry::{FileEntry, InstantRange, StatedStatistics};
use crate::ledger::leb128::{put, put_signed, take, take_signed};
use crate::ledger::state::LiveFile;
use crate::shared_text::SharedText;
use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Utc};
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read, Write};

use super::CacheError;

/// Files of one block: what is held beside the state while it is written or read.
const BLOCK: usize = 4_096;
/// More bytes no block has, nor the texts.
const LONGEST_BLOCK: u32 = 256 << 20;

type CachedFiles = BTreeMap<NaiveDate, Vec<LiveFile>>;

/// Writes all files.
pub(super) fn write(files: &CachedFiles, to: &mut impl Write) -> io::Result<()> {
    let mut texts = Texts::default();
    for live in files.values().flatten() {
        texts.note(live);
    }
    block(&texts.bytes, to)?;
    let mut bytes = Vec::new();
    for (date, of_date) in files {
        for some in of_date.chunks(BLOCK) {
            bytes.clear();
            put_files(*date, some, &texts, &mut bytes);
            block(&bytes, to)?;
        }
    }
    block(&[], to)
}

/// Reads what [`write`] wrote, and no further.
pub(super) fn read(from: &mut impl Read) -> Result<CachedFiles, CacheError> {
    let mut bytes = Vec::new();
    next_block(from, &mut bytes)?;
    let texts = read_texts(&bytes).ok_or(CacheError::Files)?;
    let mut files = CachedFiles::new();
    while next_block(from, &mut bytes)? {
        read_files(&bytes, &texts, &mut files).ok_or(CacheError::Files)?;
    }
    // A list that grew while it was read has room for twice as much.
    files.values_mut().for_each(Vec::shrink_to_fit);
    Ok(files)
}

fn block(bytes: &[u8], to: &mut impl Write) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(bytes)
}

/// Whether there is one more block; an empty one is none.
fn next_block(from: &mut impl Read, bytes: &mut Vec<u8>) -> Result<bool, CacheError> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > LONGEST_BLOCK {
        return Err(CacheError::Files);
    }
    bytes.clear();
    let read = from.take(u64::from(length)).read_to_end(bytes)?;
    if read as u64 != u64::from(length) {
        return Err(CacheError::Files);
    }
    Ok(length > 0)
}

/// The texts of a table, and their places in it.
#[derive(Debug, Default)]
struct Texts {
    places: HashMap<SharedText, u64>,
    bytes: Vec<u8>,
}

impl Texts {
    fn note(&mut self, live: &LiveFile) {
        let file = &live.file;
        self.add(file.source);
        file.category.into_iter().for_each(|text| self.add(text));
        file.statistics.texts(|text| self.add(text));
    }

    fn add(&mut self, text: SharedText) {
        let next = self.places.len() as u64;
        if let std::collections::hash_map::Entry::Vacant(place) = self.places.entry(text) {
            place.insert(next);
            put(&mut self.bytes, text.len() as u64);
            self.bytes.extend_from_slice(text.as_bytes());
        }
    }

    /// The place of a text, all of which were noted.
    fn place(&self, text: SharedText) -> u64 {
        self.places.get(&text).copied().unwrap_or(u64::MAX)
    }
}

fn read_texts(mut bytes: &[u8]) -> Option<Vec<SharedText>> {
    let mut texts = Vec::new();
    while !bytes.is_empty() {
        let text = std::str::from_utf8(take_some(&mut bytes)?).ok()?;
        texts.push(SharedText::from(text));
    }
    Some(texts)
}

/// Writes the columns of some files of one date.
fn put_files(date: NaiveDate, files: &[LiveFile], texts: &Texts, to: &mut Vec<u8>) {
    put_signed(to, i64::from(date.num_days_from_ce()));
    put(to, files.len() as u64);
    let mut before = 0;
    for live in files {
        put_signed(to, live.sequence.wrapping_sub(before).cast_signed());
        before = live.sequence;
    }
    let entries = || files.iter().map(|live| &live.file);
    for file in entries() {
        put(to, table_number(file.table));
    }
    for file in entries() {
        put_signed(to, days_after(file.date, date));
    }
    for file in entries() {
        put(to, file.category.map_or(0, |text| texts.place(text) + 1));
    }
    for file in entries() {
        put(to, texts.place(file.source));
    }
    put_paths(entries(), to);
    for file in entries() {
        put(to, file.bytes);
    }
    for file in entries() {
        put(to, file.rows);
    }
    for file in entries() {
        put_times(file.date, file.times, to);
    }
    for file in entries() {
        let place = |text| texts.place(text);
        file.statistics.write(place, to);
    }
    for file in entries() {
        put(to, u64::from(file.md5.is_some()));
    }
    for file in entries() {
        to.extend_from_slice(&file.sha256.0);
    }
    for file in entries() {
        to.extend_from_slice(&file.records_root.0);
    }
    for md5 in entries().filter_map(|file| file.md5) {
        to.extend_from_slice(&md5.0);
    }
}

/// The number of a table.
const fn table_number(table: Table) -> u64 {
    match table {
        Table::Events => 0,
        Table::Quarantine => 1,
        Table::Objects => 2,
    }
}

/// Names: the run, chunk and part of those that follow from the other columns, and the text of others.
fn put_paths<'f>(files: impl Iterator<Item = &'f FileEntry> + Clone, to: &mut Vec<u8>) {
    let ours = |file: &FileEntry| {
        let ours = file.path.ours()?;
        let follows = FilePath::of_ours(
            file.table,
            file.date,
            known_category(file.category)?,
            file.source,
            ours,
        );
        (follows == file.path).then_some(ours)
    };
    let mut before = PathOfOurs::default();
    for file in files.clone() {
        match ours(file) {
            Some(ours) => {
                put(to, 0);
                put_signed(to, i64::from(ours.second) - i64::from(before.second));
                put_signed(to, i64::from(ours.nonce) - i64::from(before.nonce));
                before = ours;
            }
            None => {
                let text = file.path.to_string();
                put(to, 1 + text.len() as u64);
                to.extend_from_slice(text.as_bytes());
            }
        }
    }
    for ours in files.clone().filter_map(ours) {
        put(to, u64::from(ours.chunk));
    }
    for ours in files.filter_map(ours) {
        put(to, u64::from(ours.part));
    }
}

/// The category of this name, if it is one, or if there is no name.
fn known_category(name: Option<SharedText>) -> Option<Option<Category>> {
    match name {
        None => Some(None),
        Some(name) => Category::ALL
            .into_iter()
            .find(|category| name == *category.name())
            .map(Some),
    }
}

/// In microseconds from midnight, and what is beyond them, of which a file of ours has nothing.
fn put_times(date: NaiveDate, times: Option<InstantRange>, to: &mut Vec<u8>) {
    let Some(InstantRange { first, last }) = times else {
        put(to, 0);
        return;
    };
    let beyond = |at: DateTime<Utc>| u64::from(at.timestamp_subsec_nanos() % 1_000);
    let exact = beyond(first) == 0 && beyond(last) == 0;
    put(to, if exact { 1 } else { 2 });
    let (first_micros, last_micros) = (first.timestamp_micros(), last.timestamp_micros());
    put_signed(to, first_micros - midnight(date).timestamp_micros());
    put_signed(to, last_micros - first_micros);
    if !exact {
        put(to, beyond(first));
        put(to, beyond(last));
    }
}

fn read_files(mut from: &[u8], texts: &[SharedText], files: &mut CachedFiles) -> Option<()> {
    let from = &mut from;
    let date = date_after(NaiveDate::from_num_days_from_ce_opt(0)?, take_signed(from)?)?;
    let count = usize::try_from(take(from)?).ok()?;
    if count > BLOCK {
        return None;
    }
    let text = |place: u64| texts.get(usize::try_from(place).ok()?).copied();
    let mut before = 0u64;
    let sequences = column(count, || {
        before = before.wrapping_add(take_signed(from)?.cast_unsigned());
        Some(before)
    })?;
    let tables = column(count, || {
        let number = take(from)?;
        Table::ALL
            .into_iter()
            .find(|table| table_number(*table) == number)
    })?;
    let dates = column(count, || date_after(date, take_signed(from)?))?;
    let categories = column(count, || match take(from)? {
        0 => Some(None),
        place => text(place - 1).map(Some),
    })?;
    let sources = column(count, || text(take(from)?))?;
    let paths = read_paths(from, &tables, &dates, &categories, &sources)?;
    let bytes = column(count, || take(from))?;
    let rows = column(count, || take(from))?;
    let mut of = dates.iter();
    let times = column(count, || read_times(*of.next()?, from))?;
    let statistics = column(count, || StatedStatistics::read(from, text))?;
    let with_md5 = column(count, || Some(take(from)? != 0))?;
    let sha256s = column(count, || take_array(from).map(Digest))?;
    let roots = column(count, || take_array(from).map(Digest))?;
    let mut with_md5 = with_md5.into_iter();
    let md5s = column(count, || match with_md5.next()? {
        true => take_array(from).map(|bytes| Some(Md5(bytes))),
        false => Some(None),
    })?;
    if !from.is_empty() {
        return None;
    }
    let of_date = files.entry(date).or_default();
    of_date.reserve(count);
    let mut paths = paths.into_iter();
    let mut statistics = statistics.into_iter();
    for at in 0..count {
        of_date.push(LiveFile {
            sequence: *sequences.get(at)?,
            file: FileEntry {
                path: paths.next()?,
                table: *tables.get(at)?,
                date: *dates.get(at)?,
                category: *categories.get(at)?,
                source: *sources.get(at)?,
                bytes: *bytes.get(at)?,
                sha256: *sha256s.get(at)?,
                md5: *md5s.get(at)?,
                rows: *rows.get(at)?,
                times: *times.get(at)?,
                records_root: *roots.get(at)?,
                statistics: statistics.next()?,
            },
        });
    }
    Some(())
}

fn read_paths(
    from: &mut &[u8],
    tables: &[Table],
    dates: &[NaiveDate],
    categories: &[Option<SharedText>],
    sources: &[SharedText],
) -> Option<Vec<FilePath>> {
    enum Read {
        Ours(PathOfOurs),
        Text(FilePath),
    }
    let mut before = PathOfOurs::default();
    let mut read = column(dates.len(), || match take(from)? {
        0 => {
            let second = i64::from(before.second).checked_add(take_signed(from)?)?;
            let nonce = i64::from(before.nonce).checked_add(take_signed(from)?)?;
            before.second = second.try_into().ok()?;
            before.nonce = nonce.try_into().ok()?;
            Some(Read::Ours(before))
        }
        length => {
            let text = take_bytes(from, usize::try_from(length - 1).ok()?)?;
            let text = std::str::from_utf8(text).ok()?;
            Some(Read::Text(FilePath::from(text)))
        }
    })?;
    for path in &mut read {
        if let Read::Ours(ours) = path {
            ours.chunk = take(from)?.try_into().ok()?;
        }
    }
    for path in &mut read {
        if let Read::Ours(ours) = path {
            ours.part = take(from)?.try_into().ok()?;
        }
    }
    let others = tables.iter().zip(dates).zip(categories).zip(sources);
    let whole = read.into_iter().zip(others);
    whole
        .map(|(path, (((table, date), category), source))| match path {
            Read::Text(path) => Some(path),
            Read::Ours(ours) => {
                let category = known_category(*category)?;
                Some(FilePath::of_ours(*table, *date, category, *source, ours))
            }
        })
        .collect()
}

fn read_times(date: NaiveDate, from: &mut &[u8]) -> Option<Option<InstantRange>> {
    let kind = take(from)?;
    if kind == 0 {
        return Some(None);
    }
    let first = midnight(date)
        .timestamp_micros()
        .checked_add(take_signed(from)?)?;
    let last = first.checked_add(take_signed(from)?)?;
    let (mut of_first, mut of_last) = (0, 0);
    match kind {
        1 => {}
        2 => (of_first, of_last) = (take(from)?, take(from)?),
        _ => return None,
    }
    let at = |micros: i64, nanos: u64| {
        let nanos = TimeDelta::nanoseconds(nanos.try_into().ok()?);
        DateTime::from_timestamp_micros(micros)?.checked_add_signed(nanos)
    };
    Some(Some(InstantRange {
        first: at(first, of_first)?,
        last: at(last, of_last)?,
    }))
}

fn column<T>(count: usize, mut one: impl FnMut() -> Option<T>) -> Option<Vec<T>> {
    (0..count).map(|_| one()).collect()
}

fn midnight(date: NaiveDate) -> DateTime<Utc> {
    date.and_time(NaiveTime::MIN).and_utc()
}

fn days_after(date: NaiveDate, other: NaiveDate) -> i64 {
    date.signed_duration_since(other).num_days()
}

fn date_after(date: NaiveDate, days: i64) -> Option<NaiveDate> {
    date.checked_add_signed(TimeDelta::try_days(days)?)
}

fn take_bytes<'b>(from: &mut &'b [u8], count: usize) -> Option<&'b [u8]> {
    let (bytes, rest) = from.split_at_checked(count)?;
    *from = rest;
    Some(bytes)
}

/// Bytes that their number stands before.
fn take_some<'b>(from: &mut &'b [u8]) -> Option<&'b [u8]> {
    let count = usize::try_from(take(from)?).ok()?;
    take_bytes(from, count)
}

fn take_array<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    take_bytes(from, N)?.try_into().ok()
}

#[cfg(test)]
pub(super) mod tests;
