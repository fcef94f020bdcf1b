//! A platform in memory that is read in chains and misbehaves as it is told, for tests. Its rows are
//! those of [`paged::scripted`](crate::source::paged).

use super::{Chain, Chaining, Link, LinkRequest, Reply, Token};
use crate::source::paged::scripted::{
    RowChange, RowKind, ScriptedMapping, ScriptedRow, instant, main,
};
use crate::source::{Axis, ClockReading, Mapping, PlatformWords, Returned, SourceError, Tenant};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// How a platform misbehaves. Requests are numbered from 1.
#[derive(Debug, Clone, Default)]
pub(in crate::source) struct Faults {
    /// Rows come in another order in each chain.
    pub(in crate::source) unstable: bool,
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
    /// The response whose last row is missing.
    pub(in crate::source) partial: Option<u64>,
    /// Responses that break off.
    pub(in crate::source) cut: BTreeSet<u64>,
    /// What happens before a request.
    pub(in crate::source) changes: BTreeMap<u64, Vec<RowChange>>,
    /// Rows that come twice in every chain.
    pub(in crate::source) doubled: Vec<String>,
    /// In every other chain some rows come twice.
    pub(in crate::source) stutters: bool,
    /// In every other chain one row is missing, another one each time.
    pub(in crate::source) forgets: bool,
    /// Windows are not known to it.
    pub(in crate::source) ignores_filters: bool,
    /// Every response names another token, and none has rows.
    pub(in crate::source) endless: bool,
    /// Fails for good from this request on.
    pub(in crate::source) breaks_at: Option<u64>,
    /// Some answers come later than others.
    pub(in crate::source) jitter: bool,
}

pub(in crate::source) struct ScriptedChain {
    chaining: Chaining,
    faults: Faults,
    tenants: Vec<Tenant>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    rows: Vec<ScriptedRow>,
    requests: u64,
    dice: u64,
    chains: Vec<Served>,
}

/// What a chain returns, fixed when it begins.
struct Served {
    request: LinkRequest,
    rows: Vec<ScriptedRow>,
    trailing: u64,
    since: u64,
}

/// What a well-behaved platform can do.
pub(in crate::source) fn chaining(axis: Axis, page_cap: u32) -> Chaining {
    Chaining {
        axis,
        page_cap,
        tick: TimeDelta::microseconds(1),
        arrival: TimeDelta::zero(),
        horizon: None,
    }
}

/// Where a row lies: it arrives so many times 10 µs after the act as its action says.
pub(in crate::source) fn position(row: &ScriptedRow, axis: Axis) -> DateTime<Utc> {
    match axis {
        Axis::Event => row.instant(),
        Axis::Arrival => instant(row.time + i128::from(row.action) * 10_000),
    }
}

impl ScriptedChain {
    pub(in crate::source) fn new(
        chaining: Chaining,
        mut rows: Vec<ScriptedRow>,
        faults: Faults,
    ) -> Self {
        rows.sort_by_key(|row| row.time);
        Self {
            chaining,
            faults,
            tenants: vec![main()],
            state: Mutex::new(State {
                rows,
                ..State::default()
            }),
        }
    }

    fn returned(&self, row: &ScriptedRow) -> Returned {
        Returned {
            arrived: (self.chaining.axis == Axis::Arrival)
                .then(|| position(row, self.chaining.axis)),
            ..row.returned()
        }
    }

    fn answer(&self, request: &LinkRequest) -> Result<Reply, SourceError> {
        let mut state = self.state.lock().unwrap();
        state.requests += 1;
        let number = state.requests;
        let faults = &self.faults;
        for change in faults.changes.get(&number).into_iter().flatten() {
            match change {
                RowChange::Insert(row) => {
                    let at = state.rows.partition_point(|known| known.time <= row.time);
                    state.rows.insert(at, row.clone());
                }
                RowChange::Purge(id) => state.rows.retain(|row| row.id != *id),
            }
        }
        if faults.breaks_at.is_some_and(|first| number >= first) {
            return Err(SourceError::Unauthorised {
                message: PlatformWords::default(),
            });
        }
        if faults.cut.contains(&number) {
            return Err(SourceError::CutOff {
                tries: 1,
                message: String::new(),
            });
        }
        if request.size == 0 || request.size > self.chaining.page_cap {
            return Err(refused());
        }
        if faults.endless {
            return Ok(Reply::Link(Link {
                next: Some(Token::new(format!("n{number}"))),
                ..Link::default()
            }));
        }
        let (chain, offset) = match &request.token {
            None => (self.begin(&mut state, request), 0),
            Some(token) => {
                let (chain, offset) = token.as_str().split_once('/').ok_or_else(refused)?;
                (chain.parse().unwrap(), offset.parse::<usize>().unwrap())
            }
        };
        let served = &state.chains[chain];
        let same = LinkRequest {
            token: None,
            bytes: served.request.bytes,
            ..request.clone()
        };
        if same != served.request {
            // A token belongs to the request that it continues.
            return Err(refused());
        }
        let is_old = faults
            .token_life
            .is_some_and(|life| number - served.since > life);
        if offset > 0 && (is_old || faults.expired.contains(&number)) {
            return Ok(Reply::Expired);
        }
        self.link(served, chain, offset, number, request)
    }

    fn link(
        &self,
        served: &Served,
        chain: usize,
        offset: usize,
        number: u64,
        request: &LinkRequest,
    ) -> Result<Reply, SourceError> {
        let faults = &self.faults;
        let token = |offset: usize| Some(Token::new(format!("{chain}/{offset}")));
        if faults.empty.contains(&number) {
            // The same offset would be the same token.
            let later = token(offset).filter(|token| request.token.as_ref() != Some(token));
            if let Some(next) = later {
                return Ok(Reply::Link(Link {
                    next: Some(next),
                    ..Link::default()
                }));
            }
        }
        let page: Vec<&ScriptedRow> = served
            .rows
            .iter()
            .skip(offset)
            .take(request.size as usize)
            .collect();
        for row in &page {
            match row.kind {
                RowKind::Poison => {
                    return Err(SourceError::UnreadableRecord {
                        message: PlatformWords::default(),
                    });
                }
                RowKind::Fails(status) => {
                    return Err(SourceError::ServerFailure {
                        status,
                        tries: 1,
                        message: PlatformWords::default(),
                    });
                }
                RowKind::Giant => return Err(SourceError::TooLarge { cap: 1000 }),
                RowKind::Plain | RowKind::Unfit => {}
            }
        }
        let mut records: Vec<Returned> = page.iter().map(|row| self.returned(row)).collect();
        let bytes = records.iter().map(|it| it.record.len() as u64).sum();
        if records.len() > 1 && request.bytes.is_some_and(|most| bytes > most) {
            return Err(SourceError::TooLarge { cap: bytes - 1 });
        }
        if faults.partial == Some(number) {
            records.pop();
        }
        let reached = offset + page.len();
        let end = served.rows.len() + served.trailing as usize;
        let next = match reached < served.rows.len() {
            _ if faults.repeated.contains(&number) && request.token.is_some() => {
                request.token.clone()
            }
            true => token(reached),
            false if reached.max(offset + 1) < end => token(reached.max(offset + 1)),
            false => None,
        };
        Ok(Reply::Link(Link {
            records,
            next,
            bytes,
        }))
    }

    fn begin(&self, state: &mut State, request: &LinkRequest) -> usize {
        let faults = &self.faults;
        let nth = state.chains.len();
        let axis = self.chaining.axis;
        let wanted = |row: &&ScriptedRow| {
            faults.ignores_filters || request.window.contains(position(row, axis))
        };
        let mut rows = Vec::new();
        for row in state.rows.iter().filter(wanted) {
            rows.push(row.clone());
            state.dice = state
                .dice
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(99);
            let stutters =
                faults.stutters && nth.is_multiple_of(2) && (state.dice >> 40).is_multiple_of(7);
            if stutters || faults.doubled.contains(&row.id) {
                rows.push(row.clone());
            }
        }
        if faults.forgets && nth % 2 == 1 && !rows.is_empty() {
            rows.remove((nth / 2) % rows.len());
        }
        if faults.unstable {
            let dice = &mut state.dice;
            let mut keyed: Vec<_> = rows
                .into_iter()
                .map(|row| {
                    *dice = dice
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(99);
                    (*dice >> 20, row)
                })
                .collect();
            keyed.sort_by_key(|(chance, _)| *chance);
            rows = keyed.into_iter().map(|(_, row)| row).collect();
        }
        state.chains.push(Served {
            request: LinkRequest {
                token: None,
                ..request.clone()
            },
            rows,
            trailing: faults.trailing,
            since: state.requests,
        });
        nth
    }
}

fn refused() -> SourceError {
    SourceError::Refused {
        status: 400,
        message: PlatformWords::default(),
    }
}

#[async_trait]
impl Chain for ScriptedChain {
    fn chaining(&self) -> &Chaining {
        &self.chaining
    }

    fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    fn mapping(&self) -> &dyn Mapping {
        &ScriptedMapping
    }

    async fn link(&self, request: &LinkRequest) -> Result<Reply, SourceError> {
        let answer = self.answer(request);
        if self.faults.jitter {
            let requests = self.requests();
            for _ in 0..(requests * 7919) % 13 {
                tokio::task::yield_now().await;
            }
        }
        answer
    }

    fn clock(&self) -> Option<ClockReading> {
        None
    }

    fn requests(&self) -> u64 {
        self.state.lock().unwrap().requests
    }
}
