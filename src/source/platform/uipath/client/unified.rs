//! The unified audit's `/api/query/events`, read from the newest event.
//!
//! A response names the address of the page before it, `previous`. Its query alone is followed, on our own address: it
//! may name the organization by its id, or lead to another host. It drops the lower bound, so the chain ends with a
//! page of which every event is older than the window. Times are shown in whole milliseconds and kept finer, and the
//! upper bound is inclusive: a request reaches [`MARGIN`] beyond both edges, and what shows a time near them on the
//! outside is left to the window next to it.

use super::{UiPath, time_in, wider};
use crate::event::json::{EnvelopeFault, EnvelopeShape, JsonKind};
use crate::source::cursor::{Link, LinkRequest, Reply, Token};
use crate::source::http::{Misfit, most_items};
use crate::source::{Returned, SourceError};
use crate::window::Window;
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

/// Most events of a page: the service sends no more, whatever is asked for.
pub(super) const PAGE_CAP: u32 = 200;

/// Fewest events of a page where there are as many.
const FEWEST: u32 = 10;

/// How far a time that is shown may be off the one that is compared.
pub(super) const MARGIN: TimeDelta = TimeDelta::milliseconds(1);

/// For how long the service shows events.
pub(super) const KEPT: TimeDelta = TimeDelta::days(90);

pub(super) async fn link(uipath: &UiPath, request: &LinkRequest) -> Result<Reply, SourceError> {
    let window = request.window;
    let size = request.size.max(FEWEST);
    let mut url = uipath.audit(&request.tenant, "events");
    match &request.token {
        Some(token) => url.set_query(Some(token.as_str())),
        None => {
            let text = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
            // Edges are written in whole milliseconds, and the upper one is inclusive.
            let asked = wider(window, MARGIN);
            url.query_pairs_mut()
                .append_pair("from", &text(asked.from))
                .append_pair("to", &text(asked.to))
                .append_pair("maxCount", &size.to_string());
        }
    }
    let read = |body: Bytes| EventsPage::read(&body, size);
    let answer = uipath
        .client
        .get(&url, &request.tenant, request.bytes, read)
        .await;
    match answer {
        // The same window was answered when it had no continuation.
        Err(SourceError::Refused { status: 400, .. }) if request.token.is_some() => {
            Ok(Reply::Expired)
        }
        answer => Ok(Reply::Link(answer?.within(window, request.token.is_some()))),
    }
}

/// A response taken apart: `{"auditEvents": [{…}, …], "next": null, "previous": "/acme/…?before=…"}`.
#[derive(Debug)]
struct EventsPage {
    events: Vec<Returned>,
    /// The query of the address of the page before this one.
    previous: Option<String>,
    bytes: u64,
}

impl EventsPage {
    fn read(body: &Bytes, asked: u32) -> Result<Self, Misfit> {
        const EVENTS: &str = "auditEvents";
        let shape = EnvelopeShape {
            items: EVENTS,
            others: ["previous"],
            most: most_items(asked),
        };
        let envelope = shape.split(body, |value| {
            Some(Returned {
                is_record: value.kind == JsonKind::Object,
                ..Returned::record(body.slice(value.at..value.end))
            })
        })?;
        let [previous] = envelope.others;
        let previous = previous.text()?.filter(|address| !address.is_empty());
        let previous = match previous.as_deref().map(|address| address.split_once('?')) {
            None => None,
            Some(Some((_, query))) => Some(query.to_owned()),
            Some(None) => {
                let message = "the response continues at an address without a query";
                return Err(Misfit::NotUnderstood(message.to_owned()));
            }
        };
        Ok(Self {
            events: envelope.items.ok_or(EnvelopeFault::NoItems(EVENTS))?,
            previous,
            bytes: body.len() as u64,
        })
    }

    /// The link of a chain that this page is, whose first page has both bounds.
    fn within(self, window: Window, continues: bool) -> Link {
        let near = wider(window, MARGIN * 3);
        let older = |time: DateTime<Utc>| time < window.from;
        let mut are_older = !self.events.is_empty();
        let mut records = self.events;
        records.retain(|event| {
            let Some(time) = time_in(&event.record, "createdOn") else {
                are_older = false;
                return true;
            };
            are_older &= older(time);
            let is_neighbour = near.contains(time) && !window.contains(time);
            // Elsewhere it shows that the bounds were ignored.
            let is_beyond = continues && older(time);
            !(is_neighbour || is_beyond)
        });
        let next = self.previous.filter(|_| !are_older);
        Link {
            total: None,
            records,
            next: next.map(Token::new),
            bytes: self.bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(time: &str) -> String {
        format!("{{\"id\":\"x\",\"createdOn\":\"{time}\"}}")
    }

    fn page(times: &[&str], previous: &str) -> EventsPage {
        let events: Vec<String> = times.iter().map(|time| event(time)).collect();
        let body = format!(
            "{{\"auditEvents\":[{}],\"next\":null,\"previous\":{previous}}}",
            events.join(",")
        );
        EventsPage::read(&Bytes::from(body), 10).unwrap()
    }

    fn window() -> Window {
        let at = |text: &str| text.parse().unwrap();
        Window::new(at("2026-11-20T00:00:00Z"), at("2026-11-21T00:00:00Z")).unwrap()
    }

    #[test]
    fn a_page_of_older_events_ends_the_chain() {
        let previous = "\"http://elsewhere/id-of-acme/x?before=1&beforeId=a%20b\"";
        let inside = "2026-11-20T00:00:00.000Z";
        let older = "2026-11-19T12:00:00.000Z";
        for (times, continues, kept, goes_on) in [
            (&[][..], true, 0, true),
            (&[inside, older], true, 1, true),
            (&[older, older], true, 0, false),
            // Its lower bound was ignored.
            (&[inside, older], false, 2, true),
            // Both edges.
            (&["2026-11-21T00:00:00.000Z", inside], false, 1, true),
            (&["2026-11-19T23:59:59.999Z"], false, 0, false),
            (&["2026-11-21T00:00:00.003Z"], true, 1, true),
            (&["yesterday"], true, 1, true),
        ] {
            let link = page(times, previous).within(window(), continues);
            assert_eq!(link.records.len(), kept, "{times:?}");
            let next = goes_on.then(|| Token::new("before=1&beforeId=a%20b"));
            assert_eq!(link.next, next, "{times:?}");
        }
        let last = page(&[inside], "null").within(window(), true);
        assert_eq!(last.next, None);
        assert_eq!(&last.records[0].record[..], event(inside).as_bytes());
    }

    #[test]
    fn what_is_no_page() {
        for (body, is_foreign) in [
            ("{\"events\":[]}", true),
            ("{\"auditEvents\":[],\"previous\":\"/acme/events\"}", false),
            ("{\"auditEvents\":[],\"previous\":7}", false),
        ] {
            let misfit = EventsPage::read(&Bytes::from(body), 10).unwrap_err();
            assert_eq!(
                matches!(misfit, Misfit::Foreign(_)),
                is_foreign,
                "{misfit:?}"
            );
        }
        let page = EventsPage::read(&Bytes::from_static(b"{\"auditEvents\":[5]}"), 10).unwrap();
        assert!(!page.events[0].is_record && page.previous.is_none());
    }
}
