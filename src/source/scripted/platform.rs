//! What a scripted platform does with a request.

use super::row::{ScriptedMapping, ScriptedRow};
use crate::source::{Axis, PlatformWords, Returned, SourceError, Tenant};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// How a platform misbehaves. Requests are numbered from 1.
#[derive(Debug, Clone, Default)]
pub(in crate::source) struct Faults {
    /// What happens before a request.
    pub(in crate::source) changes: BTreeMap<u64, Vec<RowChange>>,
    /// Requests whose response breaks off.
    pub(in crate::source) cut: BTreeSet<u64>,
    /// From this request on, nothing is answered any more.
    pub(in crate::source) breaks_at: Option<u64>,
    /// Some answers come later than others.
    pub(in crate::source) jitter: bool,
    /// Windows and other filters are not known to it.
    pub(in crate::source) ignores_filters: bool,
    /// Requests whose response lacks its last row.
    pub(in crate::source) partial: BTreeSet<u64>,
    /// Rows that always come twice.
    pub(in crate::source) doubled: BTreeSet<String>,
    /// In every other selection of rows some come twice.
    pub(in crate::source) stutters: bool,
    /// In every other selection of rows one is missing, another one each time.
    pub(in crate::source) forgets: bool,
    /// Rows come in another order each time; where they are served by time, those of the same time.
    pub(in crate::source) unstable: bool,

    // Of pages with a total.
    /// Requests whose total is off, and by how much.
    pub(in crate::source) miscounts: BTreeMap<u64, i64>,
    /// Every total is this number.
    pub(in crate::source) total: Option<u64>,

    // Of chains.
    /// Responses without rows that name a token.
    pub(in crate::source) empty: BTreeSet<u64>,
    /// Every chain ends with so many of those.
    pub(in crate::source) trailing: u64,
    /// Responses that name the token that they were asked with.
    pub(in crate::source) repeated: BTreeSet<u64>,
    /// Requests whose token is accepted no longer.
    pub(in crate::source) expired: BTreeSet<u64>,
    /// A token is accepted for no more than so many requests after its chain began.
    pub(in crate::source) token_life: Option<u64>,
    /// Every response names another token, and none has rows.
    pub(in crate::source) endless: bool,
}

/// What changes between two requests.
#[derive(Debug, Clone)]
pub(in crate::source) enum RowChange {
    Insert(ScriptedRow),
    Purge(String),
}

/// Rows of the tenant [`main`], and what becomes of requests for them.
pub(in crate::source) struct ScriptedPlatform {
    pub(in crate::source) faults: Faults,
    pub(in crate::source) tenants: [Tenant; 1],
    pub(in crate::source) mapping: ScriptedMapping,
    state: Mutex<ScriptedState>,
}

struct ScriptedState {
    /// In order of time.
    rows: Vec<ScriptedRow>,
    requests: u64,
    selections: usize,
    dice: Dice,
}

pub(in crate::source) fn main() -> Tenant {
    Tenant::Named("main".to_owned())
}

impl ScriptedPlatform {
    pub(in crate::source) fn new(mut rows: Vec<ScriptedRow>, faults: Faults) -> Self {
        rows.sort_by_key(|row| row.time);
        Self {
            faults,
            tenants: [main()],
            mapping: ScriptedMapping { misled: false },
            state: Mutex::new(ScriptedState {
                rows,
                requests: 0,
                selections: 0,
                dice: Dice(1),
            }),
        }
    }

    /// Receives a request: what is due happens, and the request may fail. Returns its number.
    pub(in crate::source) fn receive(&self) -> Result<u64, SourceError> {
        let mut state = self.state.lock().unwrap();
        state.requests += 1;
        let number = state.requests;
        for change in self.faults.changes.get(&number).into_iter().flatten() {
            match change {
                RowChange::Insert(row) => {
                    let at = state.rows.partition_point(|known| known.time <= row.time);
                    state.rows.insert(at, row.clone());
                }
                RowChange::Purge(id) => state.rows.retain(|row| row.id != *id),
            }
        }
        if self.faults.breaks_at.is_some_and(|first| number >= first) {
            return Err(SourceError::Unauthorised {
                message: PlatformWords::default(),
            });
        }
        if self.faults.cut.contains(&number) {
            return Err(SourceError::CutOff {
                tries: 1,
                message: String::new(),
            });
        }
        Ok(number)
    }

    /// The rows that pass a filter: by time, or in any order where that is unstable.
    pub(in crate::source) fn select(
        &self,
        filter: impl Fn(&ScriptedRow) -> bool,
    ) -> Vec<ScriptedRow> {
        let faults = &self.faults;
        let mut state = self.state.lock().unwrap();
        let ScriptedState {
            rows,
            selections,
            dice,
            ..
        } = &mut *state;
        let nth = *selections;
        *selections += 1;
        let mut selected = Vec::new();
        for row in rows.iter() {
            if !faults.ignores_filters && !filter(row) {
                continue;
            }
            let stutters =
                faults.stutters && nth.is_multiple_of(2) && dice.roll().is_multiple_of(7);
            if stutters || faults.doubled.contains(&row.id) {
                selected.push(row.clone());
            }
            selected.push(row.clone());
        }
        if faults.forgets && nth % 2 == 1 && !selected.is_empty() {
            selected.remove((nth / 2) % selected.len());
        }
        if faults.unstable {
            selected.sort_by_cached_key(|_| dice.roll());
        }
        selected
    }

    /// The records of the response to a request, or how it fails with one of these rows in it.
    pub(in crate::source) fn respond(
        &self,
        number: u64,
        rows: &[ScriptedRow],
        axis: Axis,
    ) -> Result<Vec<Returned>, SourceError> {
        if let Some(failure) = rows.iter().find_map(|row| row.kind.failure()) {
            return Err(failure);
        }
        let mut records: Vec<Returned> = rows.iter().map(|row| row.returned(axis)).collect();
        if self.faults.partial.contains(&number) {
            records.pop();
        }
        Ok(records)
    }

    /// Waits before an answer, now longer and now shorter, where answers come so.
    pub(in crate::source) async fn jitter(&self) {
        if self.faults.jitter {
            for _ in 0..(self.requests() * 7919) % 13 {
                tokio::task::yield_now().await;
            }
        }
    }

    /// How many requests were received.
    pub(in crate::source) fn requests(&self) -> u64 {
        self.state.lock().unwrap().requests
    }
}

/// Numbers that nobody foresees, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        let next = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = next.wrapping_add(99);
        self.0 >> 20
    }
}
