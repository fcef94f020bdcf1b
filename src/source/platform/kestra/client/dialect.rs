//! How the two generations of Kestra's interface want to be asked.
//!
//! A server ignores parameters it does not know, so the wrong dialect reads everything without a
//! word: see [`super::Kestra`] for the request that finds out.

use crate::source::Tenant;
use crate::source::paged::{Narrow, Order, PageRequest, UpperEdge};
use crate::window::format_instant;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

/// A version of the Kestra API.
// The configuration has these names, and its schema these sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Enterprise Edition up to 1.3: flat query parameters.
    V1,
    /// Enterprise Edition 2: `filters[field][OPERATOR]`.
    V2,
}

impl Dialect {
    pub(super) fn upper_edge(self) -> UpperEdge {
        match self {
            // `endDate` itself is counted in.
            Self::V1 => UpperEdge::Closed,
            Self::V2 => UpperEdge::Open,
        }
    }

    /// Address of one page below `base`, or `None` where `base` cannot have a path.
    pub(super) fn url(self, base: &Url, request: &PageRequest) -> Option<Url> {
        let mut url = base.clone();
        url.set_fragment(None);
        {
            let mut path = url.path_segments_mut().ok()?;
            path.pop_if_empty().extend(["api", "v1"]);
            if let Tenant::Named(tenant) = &request.tenant {
                path.push(tenant);
            }
            path.extend(["auditlogs", "search"]);
        }
        let sort = match request.order {
            Order::Oldest => "date:asc",
            Order::Newest => "date:desc",
        };
        let from = format_instant(request.window.from);
        let to = format_instant(request.window.to);
        let (from_key, to_key) = match self {
            Self::V1 => ("startDate", "endDate"),
            Self::V2 => (
                "filters[startDate][GREATER_THAN_OR_EQUAL_TO]",
                "filters[startDate][LESS_THAN]",
            ),
        };
        let narrow = request.narrow.as_ref().map(|narrow| match (self, narrow) {
            (Self::V1, Narrow::Action(action)) => ("type", action),
            (Self::V1, Narrow::Resource(resource)) => ("resources", resource),
            (Self::V2, Narrow::Action(action)) => ("filters[action][EQUALS]", action),
            (Self::V2, Narrow::Resource(resource)) => ("filters[resources][IN]", resource),
        });
        let mut query = url.query_pairs_mut();
        query
            .clear()
            .append_pair("page", &request.page.to_string())
            .append_pair("size", &request.size.to_string())
            .append_pair("sort", sort)
            .append_pair(from_key, &from)
            .append_pair(to_key, &to);
        if let Some((key, value)) = narrow {
            query.append_pair(key, value);
        }
        drop(query);
        Some(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Window;

    fn request() -> PageRequest {
        let window = Window::new(
            "2026-11-23T00:00:00Z".parse().unwrap(),
            "2026-11-24T00:00:00Z".parse().unwrap(),
        );
        PageRequest::first(Tenant::Named("main".into()), window.unwrap(), 1000)
    }

    fn url(dialect: Dialect, base: &str, request: &PageRequest) -> String {
        let url = dialect.url(&base.parse().unwrap(), request).unwrap();
        url.to_string()
    }

    /// The address as people write it.
    fn readable(url: &str) -> String {
        url.replace("%5B", "[")
            .replace("%5D", "]")
            .replace("%3A", ":")
    }

    #[test]
    fn v2_filters_are_bracketed_and_encoded() {
        let text = url(Dialect::V2, "https://kestra.example.com", &request());
        assert_eq!(
            text,
            "https://kestra.example.com/api/v1/main/auditlogs/search?page=1&size=1000\
             &sort=date%3Aasc\
             &filters%5BstartDate%5D%5BGREATER_THAN_OR_EQUAL_TO%5D=2026-11-23T00%3A00%3A00Z\
             &filters%5BstartDate%5D%5BLESS_THAN%5D=2026-11-24T00%3A00%3A00Z"
        );
        assert_eq!(
            readable(&text),
            "https://kestra.example.com/api/v1/main/auditlogs/search?page=1&size=1000&sort=date:asc\
             &filters[startDate][GREATER_THAN_OR_EQUAL_TO]=2026-11-23T00:00:00Z\
             &filters[startDate][LESS_THAN]=2026-11-24T00:00:00Z"
        );
    }

    #[test]
    fn v1_parameters_are_flat() {
        assert_eq!(
            readable(&url(Dialect::V1, "https://kestra.example.com/", &request())),
            "https://kestra.example.com/api/v1/main/auditlogs/search?page=1&size=1000&sort=date:asc\
             &startDate=2026-11-23T00:00:00Z&endDate=2026-11-24T00:00:00Z"
        );
    }

    #[test]
    fn further_filters() {
        let action = Some(Narrow::Action("LOGIN_FAILURE".into()));
        let resource = Some(Narrow::Resource("KVSTORE".into()));
        for (dialect, narrow, end) in [
            (Dialect::V1, &action, "&type=LOGIN_FAILURE"),
            (Dialect::V1, &resource, "&resources=KVSTORE"),
            (
                Dialect::V2,
                &action,
                "&filters[action][EQUALS]=LOGIN_FAILURE",
            ),
            (Dialect::V2, &resource, "&filters[resources][IN]=KVSTORE"),
        ] {
            let request = PageRequest {
                narrow: narrow.clone(),
                ..request()
            };
            let text = readable(&url(dialect, "http://x", &request));
            assert!(text.ends_with(end), "{text}");
        }
    }

    #[test]
    fn tenants_prefixes_and_odd_names() {
        let mut request = request();
        request.page = 3;
        request.order = Order::Newest;
        let text = url(Dialect::V1, "http://x/kestra/?y=1#z", &request);
        assert!(text.starts_with(
            "http://x/kestra/api/v1/main/auditlogs/search?page=3&size=1000&sort=date%3Adesc&"
        ));
        request.tenant = Tenant::All;
        let text = url(Dialect::V2, "http://x", &request);
        assert!(text.starts_with("http://x/api/v1/auditlogs/search?"));
        request.tenant = Tenant::Named("a/b?c".into());
        let text = url(Dialect::V2, "http://x", &request);
        assert!(text.starts_with("http://x/api/v1/a%2Fb%3Fc/auditlogs/search?"));
        request.window.from = "2026-11-23T00:00:00.000001Z".parse().unwrap();
        let text = readable(&url(Dialect::V2, "http://x", &request));
        assert!(text.contains("]=2026-11-23T00:00:00.000001Z&"));
    }
}
