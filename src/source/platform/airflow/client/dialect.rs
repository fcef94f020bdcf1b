//! How the two generations of Airflow's interface want to be asked.
//!
//! They know the same parameters. Instants need a zone (a date alone is a failure of the database in Airflow 3), and
//! are of the years 1 to 9999, so a bound outside of them is left out.

use super::ListBounds;
use crate::source::paged::{Narrow, Order, PageRequest};
use crate::source::year;
use crate::window::Window;
use chrono::{DateTime, SecondsFormat, TimeDelta, Timelike as _, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

/// A version of the Airflow API.
// The configuration has these names, and its schema these sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AirflowDialect {
    /// Airflow 2: `/api/v1`.
    V1,
    /// Airflow 3: `/api/v2`.
    V2,
}

impl AirflowDialect {
    /// Address of the event log below `base`, or `None` where `base` cannot have a path.
    fn log_url(self, base: &Url) -> Option<Url> {
        let mut url = base.clone();
        url.set_fragment(None);
        url.set_query(None);
        let version = match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        };
        let mut path = url.path_segments_mut().ok()?;
        path.pop_if_empty().extend(["api", version, "eventLogs"]);
        drop(path);
        Some(url)
    }

    /// Address of one event.
    pub(super) fn event_url(self, base: &Url, id: i64) -> Option<Url> {
        let mut url = self.log_url(base)?;
        url.path_segments_mut().ok()?.push(&id.to_string());
        Some(url)
    }

    /// Address of one page.
    pub(super) fn list_url(
        self,
        base: &Url,
        request: &PageRequest,
        bounds: ListBounds,
    ) -> Option<Url> {
        let mut url = self.log_url(base)?;
        let offset = u64::from(request.page.saturating_sub(1)) * u64::from(request.size);
        let order = match request.order {
            Order::Oldest => "when",
            Order::Newest => "-when",
        };
        let (after, before) = edges(request.window, bounds);
        let mut query = url.query_pairs_mut();
        query
            .append_pair("limit", &request.size.to_string())
            .append_pair("offset", &offset.to_string())
            .append_pair("order_by", order);
        for (key, edge) in [("after", after), ("before", before)] {
            if let Some(edge) = edge {
                let text = edge.to_rfc3339_opts(SecondsFormat::Micros, true);
                query.append_pair(key, &text);
            }
        }
        if let Some(Narrow::Action(event)) = &request.narrow {
            query.append_pair("event", event);
        }
        drop(query);
        Some(url)
    }
}

/// The bounds of a window in the microseconds in which Airflow keeps time.
fn edges(window: Window, bounds: ListBounds) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
    let tick = TimeDelta::microseconds(1);
    let floor = |at: DateTime<Utc>| at - TimeDelta::nanoseconds(i64::from(at.nanosecond() % 1_000));
    let ceiling = |at: DateTime<Utc>| match floor(at) {
        whole if whole == at => at,
        part => part + tick,
    };
    let (after, before) = match bounds {
        ListBounds::Strict => (ceiling(window.from) - tick, ceiling(window.to)),
        ListBounds::Inclusive => (ceiling(window.from), floor(window.to)),
    };
    let first = year(1).filter(|first| *first <= after);
    let last = year(10_000).filter(|end| before < *end);
    (first.map(|_| after), last.map(|_| before))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Tenant;

    fn url(dialect: AirflowDialect, from: &str, to: &str, bounds: ListBounds) -> String {
        let window = Window::new(from.parse().unwrap(), to.parse().unwrap()).unwrap();
        let request = PageRequest {
            page: 3,
            order: Order::Newest,
            ..PageRequest::first(Tenant::All, window, 40)
        };
        let base = "https://x/base/?a=b#c".parse().unwrap();
        let url = dialect.list_url(&base, &request, bounds).unwrap();
        url.to_string().replace("%3A", ":")
    }

    #[test]
    fn lists_are_asked_for_in_microseconds_with_a_zone() {
        let (from, to) = ("2026-11-20T00:00:00Z", "2026-11-21T00:00:00.000001500Z");
        assert_eq!(
            url(AirflowDialect::V2, from, to, ListBounds::Strict),
            "https://x/base/api/v2/eventLogs?limit=40&offset=80&order_by=-when\
             &after=2026-11-19T23:59:59.999999Z&before=2026-11-21T00:00:00.000002Z"
        );
        assert_eq!(
            url(AirflowDialect::V1, from, to, ListBounds::Inclusive),
            "https://x/base/api/v1/eventLogs?limit=40&offset=80&order_by=-when\
             &after=2026-11-20T00:00:00.000000Z&before=2026-11-21T00:00:00.000001Z"
        );
    }

    #[test]
    fn bounds_that_no_instant_has_are_left_out() {
        let all = url(
            AirflowDialect::V2,
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999999Z",
            ListBounds::Strict,
        );
        assert!(all.ends_with("order_by=-when"), "{all}");
    }

    #[test]
    fn an_event_has_an_address_of_its_own() {
        let base = "http://x".parse().unwrap();
        let url = AirflowDialect::V1.event_url(&base, 17).unwrap();
        assert_eq!(url.as_str(), "http://x/api/v1/eventLogs/17");
    }
}
