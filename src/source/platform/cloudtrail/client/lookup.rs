//! The client of event history: `LookupEvents`.
//!
//! It continues by tokens, begins with the newest, promises no number, and both edges of a window are inclusive and of
//! whole seconds. It knows one account, that of the credentials, and one region at each address.

mod page;

use super::super::mapping::CloudTrailMapping;
use super::api::{self, ApiAction, BAD_RANGE, BAD_TOKEN};
use super::{EventSources, FeedPlace, is_account, settings};
use crate::event::json;
use crate::source::cursor::{Chain, Chaining, Link, LinkRequest, Reply};
use crate::source::http::{Client, Misfit};
use crate::source::{Axis, ClockReading, Mapping, ProofLimit, Returned, SourceError, Tenant};
use crate::waits::Waits;
use crate::window::Window;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Most events of a page.
const PAGE_CAP: u32 = 50;

/// How long events can be looked up.
pub(in super::super) const KEPT: TimeDelta = TimeDelta::days(90);

/// Event history of one account in some regions.
pub struct EventHistory {
    account: String,
    /// By region.
    clients: BTreeMap<String, Client>,
    tenants: Vec<Tenant>,
    /// The service that is asked for; all where there is none.
    service: Option<Box<str>>,
    chaining: Chaining,
}

impl EventHistory {
    /// Reads the regions that these clients lead to, by name. `account` is that of their credentials, which the service
    /// knows by itself.
    ///
    /// # Errors
    /// [`SourceError::Settings`] where no region is given, the account is not one, or more services than one are
    /// wanted: the service looks for one or for all.
    pub fn new(
        account: &str,
        clients: BTreeMap<String, Client>,
        wanted: &EventSources,
    ) -> Result<Self, SourceError> {
        if clients.is_empty() {
            return Err(settings("no region is given"));
        }
        if !is_account(account) {
            return Err(settings("the id of an account has 12 digits"));
        }
        let service = match wanted {
            EventSources::All => None,
            EventSources::Only(names) => match names.as_slice() {
                [name] => Some(name.clone()),
                _ => {
                    return Err(settings(
                        "event history is looked up for one service, or for all of them",
                    ));
                }
            },
        };
        let regions = clients.keys();
        let tenants = regions.map(|region| Tenant::Named(format!("{account}/{region}")));
        Ok(Self {
            account: account.to_owned(),
            tenants: tenants.collect(),
            clients,
            service,
            chaining: Chaining {
                axis: Axis::Event,
                page_cap: PAGE_CAP,
                tick: TimeDelta::seconds(1),
                // Usually five minutes, of which nothing is promised.
                arrival: TimeDelta::minutes(15),
                horizon: Some(KEPT),
                limits: vec![ProofLimit::NoTotal],
            },
        })
    }

    fn question(&self, (first, last): (i64, i64), request: &LinkRequest) -> Value {
        let mut question = json!({
            "StartTime": first,
            "EndTime": last,
            "MaxResults": request.size.clamp(1, PAGE_CAP),
        });
        if let Some(service) = &self.service {
            question["LookupAttributes"] = json!([
                { "AttributeKey": "EventSource", "AttributeValue": service }
            ]);
        }
        if let Some(token) = &request.token {
            question["NextToken"] = token.as_str().into();
        }
        question
    }

    /// Refuses records of another account than the one that is configured: they would be filed under its name.
    fn check_account(&self, records: &[Returned]) -> Result<(), SourceError> {
        for returned in records.iter().filter(|it| it.is_record) {
            let [account] = json::named_in(&returned.record, ["recipientAccountId"]);
            match json::text(account, &returned.record[..]) {
                Some(account) if account != self.account => {
                    return Err(settings(&format!(
                        "the credentials are of another account than {}, which is configured",
                        self.account
                    )));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The first and the last whole second of a window; `None` where it has none, and so no event.
fn seconds(window: Window) -> Option<(i64, i64)> {
    let ceil = |at: DateTime<Utc>| at.timestamp() + i64::from(at.timestamp_subsec_nanos() > 0);
    // The service knows no time before 1970.
    let (first, last) = (ceil(window.from).max(0), ceil(window.to) - 1);
    (first <= last).then_some((first, last))
}

#[async_trait]
impl Chain for EventHistory {
    fn chaining(&self) -> &Chaining {
        &self.chaining
    }

    fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    fn mapping(&self) -> &dyn Mapping {
        &CloudTrailMapping
    }

    async fn link(&self, request: &LinkRequest) -> Result<Reply, SourceError> {
        let place = FeedPlace::of(&request.tenant)?;
        let client = self.clients.get(&place.region);
        let client = client.ok_or_else(|| settings("a region is asked for that is not read"))?;
        let Some(seconds) = seconds(request.window) else {
            return Ok(Reply::Link(Link::default()));
        };
        let question = self.question(seconds, request);
        let read = |body| page::parse(&body, request.size).map_err(Misfit::from);
        let answer = api::call(
            client,
            ApiAction::LookupEvents,
            &question,
            &request.tenant,
            request.bytes,
            read,
        );
        match answer.await {
            Err(SourceError::Refused {
                status: BAD_TOKEN, ..
            }) if request.token.is_some() => Ok(Reply::Expired),
            // A time that is still to come has no events, says the service in its way.
            Err(SourceError::Refused {
                status: BAD_RANGE, ..
            }) if request.window.from > Utc::now() => Ok(Reply::Link(Link::default())),
            answer => {
                let link = answer?;
                self.check_account(&link.records)?;
                Ok(Reply::Link(link))
            }
        }
    }

    fn earliest(&self, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // A day more than it keeps, since clocks differ.
        until.checked_sub_signed(KEPT + TimeDelta::days(1))
    }

    /// The newest of all regions.
    fn clock(&self) -> Option<ClockReading> {
        let readings = self.clients.values().filter_map(Client::clock);
        readings.max_by_key(|reading| reading.ours)
    }

    fn requests(&self) -> u64 {
        self.clients.values().map(Client::requests).sum()
    }

    /// All clients are made with the same.
    fn waits(&self) -> Option<&Waits> {
        self.clients.values().next().map(Client::waits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Wording;
    use crate::source::http::{Auth, HttpSettings};

    fn history(
        account: &str,
        regions: &[&str],
        wanted: &EventSources,
    ) -> Result<EventHistory, SourceError> {
        let clients = regions.iter().map(|region| {
            let url = api::address(region).unwrap();
            let settings = HttpSettings::new(url, Auth::None);
            (
                (*region).to_owned(),
                api::client(settings, Wording::Kept).unwrap(),
            )
        });
        EventHistory::new(account, clients.collect(), wanted)
    }

    #[test]
    fn a_window_is_asked_for_by_its_whole_seconds() {
        let window =
            |from: &str, to: &str| Window::new(from.parse().unwrap(), to.parse().unwrap()).unwrap();
        for (from, to, expected) in [
            (
                "1970-01-01T00:00:10Z",
                "1970-01-01T00:00:20Z",
                Some((10, 19)),
            ),
            (
                "1970-01-01T00:00:10.5Z",
                "1970-01-01T00:00:20.5Z",
                Some((11, 20)),
            ),
            (
                "1970-01-01T00:00:10Z",
                "1970-01-01T00:00:10.000000001Z",
                Some((10, 10)),
            ),
            ("1970-01-01T00:00:10.2Z", "1970-01-01T00:00:10.9Z", None),
            ("0001-01-01T00:00:00Z", "1970-01-01T00:00:02Z", Some((0, 1))),
            ("0001-01-01T00:00:00Z", "1969-01-01T00:00:00Z", None),
        ] {
            assert_eq!(seconds(window(from, to)), expected, "{from} {to}");
        }
    }

    #[test]
    fn one_service_or_all_can_be_looked_up() {
        let account = "123456789012";
        let window = Window::new(
            "2026-11-23T00:00:00Z".parse().unwrap(),
            "2026-11-24T00:00:00Z".parse().unwrap(),
        );
        let one = history(account, &["eu-central-1"], &EventSources::default()).unwrap();
        let tenant = Tenant::Named("123456789012/eu-central-1".to_owned());
        assert_eq!(one.tenants(), std::slice::from_ref(&tenant));
        let request = LinkRequest::first(tenant, window.unwrap(), 7);
        let question = one.question((1, 2), &request);
        assert_eq!(
            question["LookupAttributes"][0]["AttributeValue"],
            "states.amazonaws.com"
        );
        assert_eq!(
            (&question["StartTime"], &question["MaxResults"]),
            (&json!(1), &json!(7))
        );
        let all = history(account, &["eu-central-1"], &EventSources::All).unwrap();
        assert_eq!(
            all.question((1, 2), &request)["LookupAttributes"],
            Value::Null
        );
        let two = EventSources::Only(vec!["a".into(), "b".into()]);
        for refused in [
            history(account, &["eu-central-1"], &two),
            history(account, &[], &EventSources::All),
            history("acme", &["eu-central-1"], &EventSources::All),
        ] {
            assert!(matches!(refused.err(), Some(SourceError::Settings { .. })));
        }
    }

    #[test]
    fn records_of_another_account_are_refused() {
        let history = history("123456789012", &["eu-central-1"], &EventSources::All).unwrap();
        let of = |account: &str| {
            let record = format!("{{\"recipientAccountId\":{account}}}");
            [Returned::record(record.into())]
        };
        assert_eq!(history.check_account(&of("\"123456789012\"")), Ok(()));
        assert_eq!(history.check_account(&of("null")), Ok(()));
        let error = history.check_account(&of("\"210987654321\"")).unwrap_err();
        assert!(error.to_string().contains("another account"), "{error}");
    }
}
