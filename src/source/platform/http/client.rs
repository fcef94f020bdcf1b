//! Reads a described API as a chain of responses.
//!
//! A token of the chain is what the description says: the token of the platform, an address, or the number of an offset
//! or a page. Where the platform is not given both ends of a window, the window is cut out of its list here, and
//! responses beside it are passed over.

mod page;
mod request;
#[cfg(test)]
mod tests;
mod window;

pub use page::{DescribedRecords, RecordsFormat, RecordsOrder, TokenPlace};
pub use request::{Continuation, DescribedPaging, DescribedRequest, PagingKind, RequestPlace};
pub(super) use request::{TENANT, put_at};
pub use window::{DescribedWindow, WindowFormat};

use super::mapping::DescribedMapping;
use crate::source::cursor::{Chain, Chaining, Link, LinkRequest, Reply, Token};
use crate::source::http::Client;
use crate::source::{
    Axis, ClockReading, Count, Mapping, ProofLimit, Returned, SourceError, Tenant, year,
};
use crate::waits::Waits;
use crate::window::Window;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use page::DescribedPage;
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;
use std::sync::Arc;
use url::Url;
use window::AskedWindow;

/// The first year whose records are looked for: no API that answers with JSON is older.
const FIRST_YEAR: i32 = 2000;

/// Bytes of a response that is decompressed here, where the request says nothing.
const DECODED_BYTES: u64 = 32 << 20;

/// How an API is asked and how it answers.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedDescription {
    /// What is the same in all requests.
    pub request: DescribedRequest,
    /// How a window is asked for.
    pub window: DescribedWindow,
    /// How responses continue each other.
    pub paging: DescribedPaging,
    /// Where records are in a response.
    pub records: DescribedRecords,
}

impl FeedDescription {
    /// What cannot be proven of an API that is described like this.
    pub fn limits(&self) -> Vec<ProofLimit> {
        let has_start = self.window.from.is_some();
        let limits = [
            (!self.counts()).then_some(ProofLimit::NoTotal),
            (!has_start).then_some(ProofLimit::NoWindowFilter),
            (!has_start && self.records.order == RecordsOrder::Unknown)
                .then_some(ProofLimit::NoOrder),
        ];
        limits.into_iter().flatten().collect()
    }

    /// Whether a response says how many records its window has.
    fn counts(&self) -> bool {
        self.records.total.is_some() && self.window.can_be_exact()
    }
}

/// An API that is described.
pub struct DescribedFeed {
    client: Client,
    description: FeedDescription,
    mapping: Arc<DescribedMapping>,
    tenants: Vec<Tenant>,
    chaining: Chaining,
}

impl DescribedFeed {
    /// Reads the API that `client` leads to; with the feed across all tenants where no tenant is named.
    ///
    /// # Errors
    /// [`SourceError::Settings`] when the address cannot have a path.
    pub fn new(
        client: Client,
        description: FeedDescription,
        mapping: Arc<DescribedMapping>,
        tenants: Vec<Tenant>,
    ) -> Result<Self, SourceError> {
        if client.base().cannot_be_a_base() {
            return Err(SourceError::Settings {
                message: "the address cannot have a path".to_owned(),
            });
        }
        let chaining = Chaining {
            axis: Axis::Event,
            page_cap: description.paging.page_size.max(1),
            tick: description.window.unit(),
            arrival: TimeDelta::minutes(5),
            horizon: None,
            limits: description.limits(),
        };
        Ok(Self {
            client,
            description,
            mapping,
            tenants,
            chaining,
        })
    }

    /// One response; `None` where the platform takes the token no longer.
    async fn page(
        &self,
        request: &LinkRequest,
        asked: &AskedWindow,
        token: Option<&Token>,
    ) -> Result<Option<(DescribedPage, Option<Token>)>, SourceError> {
        let description = &self.description;
        let kind = description.paging.kind;
        let base = self.client.base();
        let continues = match token {
            None => Continuation::First,
            Some(token) => Continuation::read(kind, token.as_str(), base)?,
        };
        let question = description
            .build(base, &request.tenant, asked, request.size, &continues)?
            .within(request.bytes);
        let most = request.bytes.unwrap_or(DECODED_BYTES);
        let read = |headers: &_, body| page::parse(description, headers, body, request.size, most);
        let answer = self
            .client
            .fetch_with_headers(&question, &request.tenant, read)
            .await;
        let page = match answer {
            // The same request was answered when it had no token.
            Err(SourceError::Refused {
                status: 400 | 410 | 422,
                ..
            }) if matches!(continues, Continuation::Token(_)) => return Ok(None),
            answer => answer?,
        };
        let print = print_of(&page.records);
        if let Continuation::Number { before, at } = &continues
            && !page.records.is_empty()
            && *before == print
        {
            return Err(SourceError::Contradicts {
                message: format!(
                    "the response at {at} is the one before it again, so the place in `[source.paging] send` is \
                     ignored"
                ),
            });
        }
        let next = next_token(&description.paging, base, &continues, &page, &print)?;
        Ok(Some((page, next)))
    }

    /// The records of a response that lie in the window, and what continues it.
    fn within(
        &self,
        window: Window,
        asked: &AskedWindow,
        page: DescribedPage,
        next: Option<Token>,
    ) -> Result<Link, SourceError> {
        let order = self.description.records.order;
        let shape = &self.description.window;
        let (mut cut, mut is_past) = (0_u64, false);
        let mut before: Option<DateTime<Utc>> = None;
        let mut records = Vec::with_capacity(page.records.len());
        for returned in page.records {
            let Some(time) = self.time(&returned) else {
                records.push(returned);
                continue;
            };
            let is_in_order = before.is_none_or(|before| match order {
                RecordsOrder::Unknown => true,
                RecordsOrder::NewestFirst => time <= before,
                RecordsOrder::OldestFirst => time >= before,
            });
            // Reading ends where the order says that nothing follows.
            if !is_in_order && !shape.is_whole() {
                return Err(SourceError::Contradicts {
                    message: format!(
                        "records are not in the order that `[source.records] order` describes: {} follows {}",
                        crate::window::format_instant(time),
                        before.map_or_else(String::new, crate::window::format_instant)
                    ),
                });
            }
            before = Some(time);
            is_past |= match order {
                RecordsOrder::Unknown => false,
                RecordsOrder::NewestFirst => time < window.from && shape.from.is_none(),
                RecordsOrder::OldestFirst => time >= window.to && shape.to.is_none(),
            };
            match !window.contains(time) && asked.may_return(shape, window, time) {
                true => cut += 1,
                false => records.push(returned),
            }
        }
        Ok(Link {
            records,
            next: next.filter(|_| !is_past),
            total: page.total.filter(|_| asked.is_exact && cut == 0),
            bytes: page.bytes,
        })
    }

    fn time(&self, returned: &Returned) -> Option<DateTime<Utc>> {
        let record = returned.is_record.then_some(&returned.record)?;
        self.mapping.identify(record).ok().map(|it| it.time)
    }
}

/// What continues a response, if anything.
fn next_token(
    paging: &DescribedPaging,
    base: &Url,
    continues: &Continuation,
    page: &DescribedPage,
    print: &str,
) -> Result<Option<Token>, SourceError> {
    let rows = page.records.len() as u64;
    let goes_on = page.more != Some(false);
    Ok(match paging.kind {
        _ if !goes_on => None,
        PagingKind::None => None,
        // A platform may return fewer rows than were asked for, so only a response without any is the last.
        PagingKind::Offset | PagingKind::Page if rows == 0 => None,
        PagingKind::Offset => Some(format!("{} {print}", continues.number(0) + rows)),
        PagingKind::Page => Some(format!(
            "{} {print}",
            continues.number(u64::from(paging.first_page)) + 1
        )),
        PagingKind::Token => page.next.clone(),
        PagingKind::Link | PagingKind::NextUrl => match &page.next {
            None => None,
            Some(text) => {
                let current = match continues {
                    Continuation::Url(url) => url,
                    _ => base,
                };
                Some(request::same_server(current, base, text)?.to_string())
            }
        },
    }
    .map(Token::new))
}

/// What tells the records of a response from others.
fn print_of(records: &[Returned]) -> String {
    let mut hash = Sha256::new();
    for returned in records {
        hash.update((returned.record.len() as u64).to_be_bytes());
        hash.update(&returned.record);
    }
    let hash = hash.finalize();
    hash.iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[async_trait]
impl Chain for DescribedFeed {
    fn chaining(&self) -> &Chaining {
        &self.chaining
    }

    fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    fn mapping(&self) -> &dyn Mapping {
        &*self.mapping
    }

    async fn link(&self, request: &LinkRequest) -> Result<Reply, SourceError> {
        let asked = self.description.window.asked(request.window);
        let is_cut_here = !self.description.window.is_whole();
        let mut token = request.token.clone();
        let mut seen: HashSet<Token> = HashSet::new();
        loop {
            let page = self.page(request, &asked, token.as_ref()).await?;
            let Some((page, next)) = page else {
                return Ok(Reply::Expired);
            };
            let link = self.within(request.window, &asked, page, next)?;
            match &link.next {
                Some(next) if is_cut_here && link.records.is_empty() => {
                    if !seen.insert(next.clone()) {
                        return Err(SourceError::NotUnderstood {
                            message: "a continuation token came a second time".to_owned(),
                        });
                    }
                    token = Some(next.clone());
                }
                _ => return Ok(Reply::Link(link)),
            }
        }
    }

    async fn count(&self, tenant: &Tenant, window: Window) -> Result<Option<Count>, SourceError> {
        let asked = self.description.window.asked(window);
        if !self.description.counts() || !asked.is_exact {
            return Ok(None);
        }
        let request = LinkRequest::first(tenant.clone(), window, 1);
        let page = self.page(&request, &asked, None).await?;
        let total = page.and_then(|(page, _)| page.total);
        Ok(total.map(|rows| Count {
            rows,
            exact: true,
            requests: 1,
        }))
    }

    fn earliest(&self, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
        year(FIRST_YEAR).filter(|first| *first < until)
    }

    fn clock(&self) -> Option<ClockReading> {
        self.client.clock()
    }

    fn requests(&self) -> u64 {
        self.client.requests()
    }

    fn waits(&self) -> Option<&Waits> {
        Some(self.client.waits())
    }
}
