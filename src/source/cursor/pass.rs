//! One window, read until two passes in a row have the same ids, and as many of them as the platform's total where it
//! states one.
//!
//! A pass is a chain from its first response to its last. It may be cut short: a token that expired
//! begins it again, a few times; a token that comes a second time, too many responses without a row, or
//! a failure of the platform ends it, and the window with it.
//!
//! The rows of all passes are united: whatever was returned once is real and is kept. Of a pass that was
//! held against another only fingerprints remain.

use super::{Chain, Link, LinkRequest, Reply, Token};
use crate::event::unfit::{Reason, Unfit};
use crate::source::reading::{ROW_BYTES, ReturnedKey, distinct, key_of};
use crate::source::{Axis, ErrorScope, Keyed, Nameless, Returned, SourceError, Tenant};
use crate::window::Window;
use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, HashSet};

/// Most passes over one window. Two that agree are enough; a record that arrives or goes between two
/// costs one more.
const PASSES: u32 = 5;

/// How often a pass may begin again because its token expired.
const RESTARTS: u32 = 3;

/// Most responses without a row, one after the other. A platform that searches long stretches without
/// a hit sends some; one that has lost its place sends them for ever.
const EMPTY_LINKS: u32 = 1_000;

/// Rows asked for at least where responses are too large and the window can be cut.
const FEW_ROWS: u32 = 16;

/// How much of a window is held.
#[derive(Debug, Clone, Copy)]
pub(super) struct PassRoom {
    /// Bytes of rows; a single row may take more.
    pub(super) bytes: u64,
    /// Rows.
    pub(super) rows: usize,
    /// Bytes of a response of several rows.
    pub(super) response: u64,
    /// Bytes of a response of a single row.
    pub(super) record: u64,
    /// Whether the window is one tick, which cannot be cut.
    pub(super) is_instant: bool,
}

/// How reading a window ended.
#[derive(Debug)]
pub(super) enum WindowReading {
    /// It is whole.
    Whole {
        /// Its rows, repetitions included.
        records: Vec<Keyed>,
        /// Repetitions among them.
        duplicates: u64,
    },
    /// It holds more than there is room for.
    TooMuch {
        /// Rows seen of it, no more than there was room for.
        records: Vec<Keyed>,
    },
    /// It could not be read.
    Failed {
        /// Why.
        trouble: ChainTrouble,
        /// Rows seen of it.
        records: Vec<Keyed>,
    },
}

/// Why a window could not be read.
#[derive(Debug)]
pub(super) enum ChainTrouble {
    /// A response failed, or the chain did.
    Failed(SourceError),
    /// Each pass had other ids than the one before.
    Disagrees {
        /// Different records that the last two passes returned.
        returned: [u64; 2],
    },
    /// The passes agree, and the platform states another number.
    Counted {
        /// The total that it states.
        total: u64,
        /// The rows that it returned.
        returned: u64,
    },
}

/// What reading a window gave, and what it took.
#[derive(Debug)]
pub(super) struct FinishedPass {
    pub(super) reading: WindowReading,
    /// Bytes of the rows, with what is noted of each.
    pub(super) bytes: u64,
    /// Requests it took.
    pub(super) requests: u32,
    /// Rows that responses were asked for in the end.
    pub(super) size: u32,
}

/// Reads a window, in responses of `size` rows.
///
/// # Errors
/// Those that no smaller window would spare.
pub(super) async fn read_whole(
    chain: &dyn Chain,
    tenant: &Tenant,
    window: Window,
    size: u32,
    room: PassRoom,
) -> Result<FinishedPass, SourceError> {
    let mut reader = WindowReader {
        chain,
        request: LinkRequest::first(tenant.clone(), window, size.max(1)),
        room,
        union: Union::default(),
        requests: 0,
    };
    let end = reader.passes().await?;
    let union = reader.union;
    let bytes = union.bytes;
    let reading = match end {
        Ended::Agreed => {
            let records = union.agreed();
            let duplicates = (records.len() - distinct(&records)) as u64;
            WindowReading::Whole {
                records,
                duplicates,
            }
        }
        Ended::TooMuch => WindowReading::TooMuch {
            records: union.records,
        },
        Ended::Failed(trouble) => WindowReading::Failed {
            trouble,
            records: union.records,
        },
    };
    Ok(FinishedPass {
        reading,
        bytes,
        requests: reader.requests,
        size: reader.request.size,
    })
}

/// How all passes ended.
enum Ended {
    Agreed,
    TooMuch,
    Failed(ChainTrouble),
}

/// How one pass ended.
enum PassEnd {
    /// With a response that names no token.
    Complete,
    /// Its responses are larger than there is room for: in smaller ones from the beginning.
    Smaller,
    /// Its token expired: from the beginning.
    Expired,
    TooMuch,
    Failed(SourceError),
}

struct WindowReader<'a> {
    chain: &'a dyn Chain,
    request: LinkRequest,
    room: PassRoom,
    union: Union,
    requests: u32,
}

impl WindowReader<'_> {
    async fn passes(&mut self) -> Result<Ended, SourceError> {
        let mut complete = 0;
        let mut restarts = 0;
        while complete < PASSES {
            self.union.begin();
            match self.pass().await? {
                PassEnd::Complete => {
                    complete += 1;
                    restarts = 0;
                    if self.union.complete() {
                        return Ok(Ended::Agreed);
                    }
                }
                PassEnd::Smaller => self.request.size = smaller(self.request.size, self.room),
                PassEnd::Expired if restarts < RESTARTS => restarts += 1,
                PassEnd::Expired => {
                    let error = SourceError::CutOff {
                        tries: restarts + 1,
                        message: "a continuation token expired before the last response".to_owned(),
                    };
                    return Ok(Ended::Failed(ChainTrouble::Failed(error)));
                }
                PassEnd::TooMuch => return Ok(Ended::TooMuch),
                PassEnd::Failed(error) => return Ok(Ended::Failed(ChainTrouble::Failed(error))),
            }
        }
        let returned = self.union.returned;
        let trouble = match self.union.total {
            Some(total) if returned[0] == returned[1] => ChainTrouble::Counted {
                total,
                returned: self.union.agreed_rows(),
            },
            _ => ChainTrouble::Disagrees { returned },
        };
        Ok(Ended::Failed(trouble))
    }

    async fn pass(&mut self) -> Result<PassEnd, SourceError> {
        let mut seen: HashSet<Token> = HashSet::new();
        let mut empty = 0;
        self.request.token = None;
        let asked = self.request.size as usize;
        loop {
            self.request.bytes = Some(self.allowed());
            self.requests += 1;
            let link = match self.chain.link(&self.request).await {
                Ok(Reply::Link(link)) => link,
                Ok(Reply::Expired) => return Ok(PassEnd::Expired),
                Err(SourceError::TooLarge { cap }) => return Ok(self.too_large(cap)),
                Err(error) if error.scope() == ErrorScope::Window => {
                    return Ok(PassEnd::Failed(error));
                }
                Err(error) => return Err(error),
            };
            empty = match link.records.is_empty() {
                true => empty + 1,
                false => 0,
            };
            let next = link.next.clone();
            self.union.see(link.total, link.records.len(), asked);
            if !self.take(link)? {
                return Ok(PassEnd::TooMuch);
            }
            let Some(token) = next else {
                return Ok(PassEnd::Complete);
            };
            if empty >= EMPTY_LINKS {
                return Ok(not_a_chain(format!(
                    "{empty} responses in a row had no records, and each named another"
                )));
            }
            if !seen.insert(token.clone()) {
                return Ok(not_a_chain(
                    "a continuation token came a second time".to_owned(),
                ));
            }
            self.request.token = Some(token);
        }
    }

    /// Bytes that the next response may have.
    fn allowed(&self) -> u64 {
        match self.request.size {
            1 => self.room.record,
            // While the rows are kept, they and the next response share the room.
            _ if self.union.is_first() => {
                let left = self.room.bytes.saturating_sub(self.union.bytes);
                left.clamp(1, self.room.response)
            }
            _ => self.room.response,
        }
    }

    fn too_large(&self, cap: u64) -> PassEnd {
        let size = self.request.size;
        let is_short_of_room = self.request.bytes < Some(self.room.response);
        let shares = self.union.is_first() && !self.union.records.is_empty();
        if shares && (is_short_of_room || !self.room.is_instant) {
            PassEnd::TooMuch
        } else if smaller(size, self.room) < size {
            PassEnd::Smaller
        } else {
            PassEnd::Failed(SourceError::TooLarge { cap })
        }
    }

    /// Takes the rows of a response in; whether there was room for all of them.
    fn take(&mut self, link: Link) -> Result<bool, SourceError> {
        let window = self.request.window;
        let axis = self.chain.chaining().axis;
        let before = (self.union.records.len(), self.union.bytes);
        for mut returned in link.records {
            returned.arrived = match axis {
                Axis::Event => None,
                // The platform selected it by its arrival, so that lies in the window at least.
                Axis::Arrival => returned.arrived.or(Some(window.from)),
            };
            let record = keyed(self.chain, returned);
            if let Some(time) = record.position()
                && !window.contains(time)
            {
                return Err(SourceError::OutsideWindow { window, time });
            }
            self.union.add(record, self.room);
        }
        let rows = self.union.records.len();
        let added = (rows - before.0) as u64;
        if self.union.is_first() && added > 0 {
            // Rows of the first pass keep their responses in memory.
            let held = before.1 + link.bytes + added * ROW_BYTES;
            self.union.bytes = self.union.bytes.max(held);
        }
        let fits = rows <= 1 || (self.union.bytes <= self.room.bytes && !self.union.is_full);
        Ok(fits)
    }
}

fn not_a_chain(message: String) -> PassEnd {
    PassEnd::Failed(SourceError::NotUnderstood { message })
}

/// Rows to ask for where responses of `size` are too large. A window that can be cut is cut instead of
/// being read row by row.
fn smaller(size: u32, room: PassRoom) -> u32 {
    let least = match room.is_instant {
        true => 1,
        false => FEW_ROWS.min(size),
    };
    (size / 8).max(least)
}

/// A record with its key.
pub(super) fn keyed(chain: &dyn Chain, returned: Returned) -> Keyed {
    let key = match returned.is_record {
        true => key_of(chain.mapping(), &returned.record),
        false => Err(Nameless {
            unfit: Unfit::because(Reason::NoRecord),
            native_id: None,
        }),
    };
    Keyed { returned, key }
}

/// What tells a row from others, without the row.
type PassFingerprint = [u8; 16];

fn fingerprint(record: &Keyed) -> PassFingerprint {
    let mut hash = Sha256::new();
    match record.row_key() {
        ReturnedKey::Id(tenant, id) => {
            hash.update([u8::from(tenant.is_some())]);
            let tenant = tenant.unwrap_or_default();
            hash.update((tenant.len() as u64).to_be_bytes());
            hash.update(tenant);
            hash.update(id);
        }
        ReturnedKey::Bytes(bytes) => {
            hash.update([2]);
            hash.update(bytes);
        }
    }
    let hash: [u8; 32] = hash.finalize().into();
    let mut print = PassFingerprint::default();
    print.copy_from_slice(&hash[..16]);
    print
}

/// How often a row was returned, by pass.
#[derive(Debug, Clone, Copy, Default)]
struct Sighting {
    /// The newest pass that returned it, and how often.
    pass: u32,
    times: u32,
    /// The one before.
    before: u32,
    times_before: u32,
    /// Repetitions of it that are kept, the first included.
    kept: u32,
}

/// The rows of all passes together.
#[derive(Debug, Default)]
struct Union {
    records: Vec<Keyed>,
    bytes: u64,
    sightings: HashMap<PassFingerprint, Sighting>,
    /// Number of the pass under way, from 1.
    pass: u32,
    /// The newest pass that came to its end.
    completed: Option<u32>,
    /// Different rows of the pass under way, and those of them that the completed one had not.
    distinct: u64,
    fresh: u64,
    /// Different rows of the last two completed passes.
    returned: [u64; 2],
    /// Whether there was no room for a row.
    is_full: bool,
    /// The total that the newest response of the pass states.
    total: Option<u64>,
    /// Rows of the pass under way, and responses of it that had any.
    rows: u64,
    filled: u32,
    /// Whether the pass proves itself: responses state one total, and all rows came in one that had room for more.
    is_alone: bool,
}

impl Union {
    fn begin(&mut self) {
        self.pass += 1;
        (self.distinct, self.fresh) = (0, 0);
        (self.total, self.rows, self.filled) = (None, 0, 0);
        self.is_alone = true;
    }

    /// A response of the pass with this total and so many rows, of as many as were asked for.
    fn see(&mut self, total: Option<u64>, rows: usize, asked: usize) {
        self.filled += u32::from(rows > 0);
        self.is_alone &= total.is_some()
            && self.total.is_none_or(|before| Some(before) == total)
            && self.filled <= 1
            && rows < asked;
        self.rows += rows as u64;
        self.total = total;
    }

    /// Rows of the pass, each as often as it and the one before returned it.
    fn agreed_rows(&self) -> u64 {
        let rows = self.sightings.values();
        let rows = rows.filter(|row| row.pass == self.pass);
        rows.map(|row| u64::from(row.times.min(row.times_before).max(1)))
            .sum()
    }

    /// Whether no pass has come to its end.
    fn is_first(&self) -> bool {
        self.completed.is_none()
    }

    fn add(&mut self, record: Keyed, room: PassRoom) {
        let pass = self.pass;
        let sighting = self.sightings.entry(fingerprint(&record)).or_default();
        if sighting.pass != pass {
            // A pass that was cut short is nothing to compare with.
            if self.completed == Some(sighting.pass) {
                (sighting.before, sighting.times_before) = (sighting.pass, sighting.times);
            }
            (sighting.pass, sighting.times) = (pass, 0);
            self.distinct += 1;
            self.fresh += u64::from(self.completed != Some(sighting.before));
        }
        sighting.times += 1;
        if sighting.times <= sighting.kept {
            return;
        }
        if self.records.len() >= room.rows {
            self.is_full = true;
            return;
        }
        sighting.kept += 1;
        self.bytes += record.held_bytes();
        self.records.push(match self.completed.is_none() {
            true => record,
            // It would keep a response that is not needed for anything else.
            false => record.detached(),
        });
    }

    /// The pass came to its end; whether the window is whole: the pass had the same rows as the one before, and as many
    /// as the total, or is its own proof.
    fn complete(&mut self) -> bool {
        self.returned = [self.returned[1], self.distinct];
        let agrees =
            self.completed.is_some() && self.fresh == 0 && self.returned[0] == self.distinct;
        self.completed = Some(self.pass);
        match self.total {
            // What one response holds did not change while it was read.
            Some(total) if self.is_alone && self.distinct == total && self.rows == total => true,
            Some(total) => agrees && self.agreed_rows() == total,
            None => agrees,
        }
    }

    /// The rows, after two passes that agree. A repetition that only one of them had is the chain's and
    /// not the platform's; it goes, unless it differs from the row that it repeats.
    fn agreed(self) -> Vec<Keyed> {
        let Self {
            records, sightings, ..
        } = self;
        if sightings.len() == records.len() {
            return records;
        }
        let mut kept: HashMap<PassFingerprint, Vec<usize>> = HashMap::new();
        let mut stays: Vec<bool> = Vec::with_capacity(records.len());
        for (at, record) in records.iter().enumerate() {
            let print = fingerprint(record);
            let copies = kept.entry(print).or_default();
            let sighting = sightings.get(&print).copied().unwrap_or_default();
            let most = sighting.times.min(sighting.times_before).max(1) as usize;
            let differs = |other: &usize| records[*other].returned.record != record.returned.record;
            let stay = copies.len() < most || copies.iter().all(differs);
            if stay {
                copies.push(at);
            }
            stays.push(stay);
        }
        let rows = records.into_iter().zip(stays);
        rows.filter_map(|(record, stays)| stays.then_some(record))
            .collect()
    }
}

/// Where rows lie, in order.
pub(super) fn positions(records: &[Keyed]) -> Vec<DateTime<Utc>> {
    let mut positions: Vec<_> = records.iter().filter_map(Keyed::position).collect();
    positions.sort_unstable();
    positions
}
