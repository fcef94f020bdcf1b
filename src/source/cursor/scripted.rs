//! A scripted platform that is read in chains, for tests.

use super::{Chain, Chaining, Link, LinkRequest, Reply, Token};
use crate::source::scripted::{Faults, ScriptedPlatform, ScriptedRow};
use crate::source::{Axis, ClockReading, Mapping, PlatformWords, ProofLimit, SourceError, Tenant};
use async_trait::async_trait;
use chrono::TimeDelta;
use std::sync::Mutex;

pub(in crate::source) struct ScriptedChain {
    platform: ScriptedPlatform,
    chaining: Chaining,
    chains: Mutex<Vec<Served>>,
}

/// What a chain returns, fixed when it begins.
struct Served {
    request: LinkRequest,
    rows: Vec<ScriptedRow>,
    since: u64,
}

/// How a well-behaved platform continues.
pub(in crate::source) fn chaining(axis: Axis, page_cap: u32) -> Chaining {
    Chaining {
        axis,
        page_cap,
        tick: TimeDelta::microseconds(1),
        arrival: TimeDelta::zero(),
        horizon: None,
        limits: vec![ProofLimit::NoTotal],
    }
}

impl ScriptedChain {
    pub(in crate::source) fn new(
        chaining: Chaining,
        rows: Vec<ScriptedRow>,
        faults: Faults,
    ) -> Self {
        Self {
            platform: ScriptedPlatform::new(rows, faults),
            chaining,
            chains: Mutex::default(),
        }
    }

    fn answer(&self, request: &LinkRequest) -> Result<Reply, SourceError> {
        let number = self.platform.receive()?;
        let faults = &self.platform.faults;
        if request.size == 0 || request.size > self.chaining.page_cap {
            return Err(refused());
        }
        if faults.endless {
            return Ok(only_token(Token::new(format!("n{number}"))));
        }
        let mut chains = self.chains.lock().unwrap();
        let (chain, offset) = match &request.token {
            None => {
                chains.push(self.begin(request, number));
                (chains.len() - 1, 0)
            }
            Some(token) => {
                let (chain, offset) = token.as_str().split_once('/').ok_or_else(refused)?;
                (chain.parse().unwrap(), offset.parse::<usize>().unwrap())
            }
        };
        let served = &chains[chain];
        let same = LinkRequest {
            token: None,
            bytes: served.request.bytes,
            ..request.clone()
        };
        if same != served.request {
            // A token belongs to the request that it continues.
            return Err(refused());
        }
        let life = faults.token_life.unwrap_or(u64::MAX);
        if offset > 0 && (number - served.since > life || faults.expired.contains(&number)) {
            return Ok(Reply::Expired);
        }
        self.link(served, chain, offset, number, request)
    }

    fn begin(&self, request: &LinkRequest, number: u64) -> Served {
        let axis = self.chaining.axis;
        let inside = |row: &ScriptedRow| request.window.contains(row.position(axis));
        Served {
            request: LinkRequest {
                token: None,
                ..request.clone()
            },
            rows: self.platform.select(inside),
            since: number,
        }
    }

    fn link(
        &self,
        served: &Served,
        chain: usize,
        offset: usize,
        number: u64,
        request: &LinkRequest,
    ) -> Result<Reply, SourceError> {
        let faults = &self.platform.faults;
        let token = |offset: usize| Token::new(format!("{chain}/{offset}"));
        // The same offset would be the same token.
        if faults.empty.contains(&number) && request.token != Some(token(offset)) {
            return Ok(only_token(token(offset)));
        }
        let rest = served.rows.get(offset..).unwrap_or_default();
        let page = &rest[..rest.len().min(request.size as usize)];
        let axis = self.chaining.axis;
        let records = self.platform.respond(number, page, axis)?;
        let bytes = records.iter().map(|it| it.record.len() as u64).sum();
        if records.len() > 1 && request.bytes.is_some_and(|most| bytes > most) {
            return Err(SourceError::TooLarge { cap: bytes - 1 });
        }
        let reached = offset + page.len();
        let end = served.rows.len() + faults.trailing as usize;
        let next = match reached < served.rows.len() {
            _ if faults.repeated.contains(&number) && request.token.is_some() => {
                request.token.clone()
            }
            true => Some(token(reached)),
            false if reached.max(offset + 1) < end => Some(token(reached.max(offset + 1))),
            false => None,
        };
        let states_totals = !self.chaining.limits.contains(&ProofLimit::NoTotal);
        let miscount = faults.miscounts.get(&number).copied().unwrap_or(0);
        let total = faults
            .total
            .unwrap_or((served.rows.len() as u64).saturating_add_signed(miscount));
        Ok(Reply::Link(Link {
            total: states_totals.then_some(total),
            records,
            next,
            bytes,
        }))
    }
}

fn only_token(next: Token) -> Reply {
    Reply::Link(Link {
        next: Some(next),
        ..Link::default()
    })
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
        &self.platform.tenants
    }

    fn mapping(&self) -> &dyn Mapping {
        &self.platform.mapping
    }

    async fn link(&self, request: &LinkRequest) -> Result<Reply, SourceError> {
        let answer = self.answer(request);
        self.platform.jitter().await;
        answer
    }

    fn clock(&self) -> Option<ClockReading> {
        None
    }

    fn requests(&self) -> u64 {
        self.platform.requests()
    }
}
