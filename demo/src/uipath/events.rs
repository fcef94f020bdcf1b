//! The unified audit's `/api/query/events`.

use super::platform::{Desk, Inner};
use super::record::{Event, time_text};
use crate::dice::{Dice, Purpose, fingerprint};
use crate::faults::Fault;
use crate::instant::{DAY, nanos};
use chrono::{DateTime, Utc};
use url::form_urlencoded::Serializer;

/// Events of a page: fewest, and most.
const PAGES: (usize, usize) = (10, 200);

/// For how many days events are shown.
const SHOWN_DAYS: i64 = 90;

/// A request, understood.
#[derive(Debug)]
pub(super) struct EventsQuestion {
    from: i64,
    /// Inclusive.
    to: i64,
    size: usize,
    /// The place that it continues before: time and id.
    before: Option<(i64, String)>,
    /// How many pages before it had no events, at the same place.
    empties: u64,
    /// What its continuation is known by.
    print: u64,
}

impl EventsQuestion {
    /// Understands the parameters of a request.
    pub(super) fn parse(pairs: &[(String, String)]) -> Result<Self, String> {
        let mut question = Self {
            from: i64::MIN,
            to: i64::MAX,
            size: PAGES.1,
            before: None,
            empties: 0,
            print: fingerprint(format!("{pairs:?}").as_bytes()),
        };
        let mut before_id = String::new();
        for (name, value) in pairs {
            let wrong = || format!("The value '{value}' is not valid for {name}.");
            let instant = || {
                let at: Result<DateTime<Utc>, _> = value.parse();
                at.map(nanos).map_err(|_| wrong())
            };
            match name.as_str() {
                "from" => question.from = instant()?,
                "to" => question.to = instant()?,
                "before" => {
                    question.before = Some((value.parse().map_err(|_| wrong())?, String::new()))
                }
                "beforeId" => before_id.clone_from(value),
                "maxCount" => {
                    let size: usize = value.parse().map_err(|_| wrong())?;
                    question.size = size.clamp(PAGES.0, PAGES.1);
                }
                "qw" => question.empties = value.parse().map_err(|_| wrong())?,
                _ => return Err(format!("Unknown parameter {name}.")),
            }
        }
        if let Some((_, id)) = &mut question.before {
            *id = before_id;
        }
        Ok(question)
    }
}

/// A continuation is not accepted.
pub(super) struct DeadContinuation;

impl Desk {
    /// The body of a page, and how many events it has. `path` is that of the request.
    pub(super) fn events(
        &mut self,
        inner: &Inner,
        tenant: Option<&str>,
        path: &str,
        question: &EventsQuestion,
        faults: &[Fault],
    ) -> Result<(String, u64), DeadContinuation> {
        let (seed, now) = (inner.seed, inner.clock.now());
        let shown = self.shown.entry(question.print).or_default();
        *shown += 1;
        let mut dice = Dice::of(seed ^ question.print, Purpose::Trouble, *shown);
        if question.before.is_some() && dice.chance(self.trouble.dead) {
            return Err(DeadContinuation);
        }
        let ignores = self.faults.ignore_filters || faults.contains(&Fault::IgnoreFilters);
        let selected = |event: &&Event| {
            event.visible <= now
                && event.tenant.as_deref() == tenant
                && event.created >= now - SHOWN_DAYS * DAY
                && (ignores || (question.from <= event.created && event.created <= question.to))
        };
        let before = question.before.as_ref();
        let older =
            |event: &&Event| before.is_none_or(|(at, id)| event.place() < (*at, id.as_str()));
        let events = self.events.iter().rev();
        let mut events = events.filter(selected).filter(older).peekable();
        let is_empty =
            question.empties < 3 && events.peek().is_some() && dice.chance(self.trouble.empty);
        let mut page: Vec<&Event> = match is_empty {
            true => Vec::new(),
            false => events.by_ref().take(question.size).collect(),
        };
        let last = match is_empty {
            true => Some(
                question
                    .before
                    .clone()
                    .unwrap_or((question.to, "~".to_owned())),
            ),
            false => page.last().map(|event| (event.created, event.id.clone())),
        };
        // Without the lower bound there may be older events, whatever was asked for.
        let mut rest = self.events.iter().filter(|event| {
            let place = last.as_ref().map(|(at, id)| (*at, id.as_str()));
            event.visible <= now
                && event.tenant.as_deref() == tenant
                && event.created >= now - SHOWN_DAYS * DAY
                && place.is_some_and(|place| event.place() < place)
                && (!self.trouble.keeps_from || event.created >= question.from)
        });
        let previous = last
            .as_ref()
            .filter(|_| rest.next().is_some())
            .map(|last| self.continuation(inner, tenant, path, question, last, is_empty));
        if faults.contains(&Fault::Duplicate) && !page.is_empty() {
            page.push(page[dice.index(page.len())]);
        }
        if faults.contains(&Fault::Missing) {
            page.pop();
        }
        let texts: Vec<&str> = page.iter().map(|event| event.text.as_str()).collect();
        let previous = previous.map_or("null".to_owned(), |previous| {
            serde_json::Value::String(previous).to_string()
        });
        let body = format!(
            "{{\"auditEvents\":[{}],\"next\":null,\"previous\":{previous}}}",
            texts.join(",")
        );
        Ok((body, page.len() as u64))
    }

    /// The address of the page that follows.
    fn continuation(
        &self,
        inner: &Inner,
        tenant: Option<&str>,
        path: &str,
        question: &EventsQuestion,
        last: &(i64, String),
        is_empty: bool,
    ) -> String {
        let trouble = &self.trouble;
        let path = match (trouble.names_ids, tenant) {
            (true, Some(tenant)) => format!(
                "/id-of-{}/id-of-{tenant}/tenantaudit_/api/Query/events",
                inner.organization
            ),
            (true, None) => format!("/id-of-{}/orgaudit_/api/Query/events", inner.organization),
            (false, _) => path.to_owned(),
        };
        let host = match trouble.leads_astray {
            true => "http://198.51.100.99",
            false => "",
        };
        let mut query = Serializer::new(String::new());
        if trouble.keeps_from && question.from > i64::MIN {
            query.append_pair("from", &time_text(question.from));
        }
        if question.to < i64::MAX {
            query.append_pair("to", &time_text(question.to));
        }
        let empties = if is_empty { question.empties + 1 } else { 0 };
        query
            .append_pair("before", &last.0.to_string())
            .append_pair("beforeId", &last.1)
            .append_pair("maxCount", &question.size.to_string())
            .append_pair("qw", &empties.to_string());
        format!("{host}{path}?{}", query.finish())
    }
}
