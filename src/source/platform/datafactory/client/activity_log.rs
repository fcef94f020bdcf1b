//! The Activity Log: what is done to resources of a subscription.
//!
//! The service knows five forms of filter and no others; this one asks for a span of time and one provider. A question
//! that begins before its horizon is refused, so the beginning is moved up to it. A response names the whole address
//! of the next one, which is followed as it is, and on the configured host only: the credential goes nowhere else.

use super::{AzurePage, MARGIN, ResourceManager, instant};
use crate::event::json;
use crate::source::SourceError;
use crate::source::cursor::{Link, LinkRequest, Reply, Token};
use crate::source::http::Misfit;
use bytes::Bytes;
use chrono::TimeDelta;
use url::Url;

/// For how long events are kept.
pub(super) const KEPT: TimeDelta = TimeDelta::days(90);

/// How much closer than [`KEPT`] a question may begin: the clock that is known is that of an earlier response.
const SLACK: TimeDelta = TimeDelta::minutes(10);

/// The provider whose resources are read.
const PROVIDER: &str = "Microsoft.DataFactory";

const VERSION: &str = "2015-04-01";

pub(super) async fn link(
    azure: &ResourceManager,
    request: &LinkRequest,
) -> Result<Reply, SourceError> {
    let url = match &request.token {
        Some(token) => match followed(azure.client.base(), token.as_str()) {
            Some(url) => url,
            None => return Ok(Reply::Expired),
        },
        None => match first(azure, request) {
            Some(url) => url,
            None => return Ok(Reply::Link(Link::default())),
        },
    };
    let base = azure.client.base().clone();
    let read = move |body: Bytes| {
        let page = AzurePage::read(&body, "nextLink")?;
        match page.next.as_deref().map(|next| followed(&base, next)) {
            Some(None) => Err(Misfit::Foreign(
                "a response that continues at another address than the configured one".to_owned(),
            )),
            Some(Some(_)) | None => Ok(page),
        }
    };
    let mut page = azure
        .client
        .get(&url, &request.tenant, request.bytes, read)
        .await?;
    page.within(request.window, "eventTimestamp");
    if let Some(factory) = request.tenant.name().and_then(factory) {
        page.records.retain(|it| is_about(&it.record, &factory));
    }
    Ok(Reply::Link(Link {
        total: None,
        records: page.records,
        next: page.next.map(Token::new),
        bytes: page.bytes,
    }))
}

/// The address of the first response; `None` where nothing of the window can be there any more.
fn first(azure: &ResourceManager, request: &LinkRequest) -> Option<Url> {
    let window = request.window;
    let horizon = azure.now() - KEPT + SLACK;
    let from = window.from.max(horizon);
    if from >= window.to {
        return None;
    }
    let subscription = request.tenant.name()?.split('/').next()?;
    let mut url = azure.address(
        &[
            "subscriptions",
            subscription,
            "providers",
            "Microsoft.Insights",
            "eventtypes",
            "management",
            "values",
        ],
        VERSION,
    );
    let filter = format!(
        "eventTimestamp ge '{}' and eventTimestamp le '{}' and resourceProvider eq '{PROVIDER}'",
        instant(from),
        instant(window.to + MARGIN)
    );
    url.query_pairs_mut().append_pair("$filter", &filter);
    Some(url)
}

/// The resource of a feed's factory, in lower case; `None` where the feed is that of a subscription.
fn factory(feed: &str) -> Option<String> {
    let mut parts = feed.splitn(3, '/');
    let (subscription, group, name) = (parts.next()?, parts.next()?, parts.next()?);
    let factory = format!(
        "/subscriptions/{subscription}/resourcegroups/{group}/providers/{PROVIDER}/factories/{name}"
    );
    Some(factory.to_ascii_lowercase())
}

/// Whether an event is about a factory or anything in it; so is one of which that cannot be read. The service can be
/// asked for one resource, and then leaves out what lies in it.
fn is_about(record: &[u8], factory: &str) -> bool {
    let [value] = json::named_in(record, ["resourceId"]);
    let Some(resource) = json::text(value, record) else {
        return true;
    };
    let resource = resource.to_ascii_lowercase();
    let rest = resource.strip_prefix(factory);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The address that continues a chain, where it is one of the service at `base`.
fn followed(base: &Url, link: &str) -> Option<Url> {
    let url = Url::parse(link).ok()?;
    let is_ours = url.origin() == base.origin()
        && url.username().is_empty()
        && url.password().is_none()
        && url.path().starts_with(base.path());
    is_ours.then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factory_has_what_lies_in_it() {
        assert_eq!(factory("s"), None);
        let sales = factory("S/Data/sales").unwrap();
        for (resource, is_its) in [
            (
                "/subscriptions/s/resourceGroups/DATA/providers/Microsoft.DataFactory/factories/sales",
                true,
            ),
            (
                "/subscriptions/s/resourceGroups/data/providers/microsoft.datafactory/factories/sales/pipelines/p",
                true,
            ),
            (
                "/subscriptions/s/resourceGroups/data/providers/Microsoft.DataFactory/factories/sales2",
                false,
            ),
            (
                "/subscriptions/s/resourceGroups/other/providers/Microsoft.DataFactory/factories/sales",
                false,
            ),
        ] {
            let record = format!(r#"{{"resourceId":"{resource}"}}"#);
            assert_eq!(is_about(record.as_bytes(), &sales), is_its, "{resource}");
        }
        assert!(is_about(b"{}", &sales));
    }

    #[test]
    fn a_link_is_followed_to_the_configured_host_alone() {
        let base: Url = "https://management.azure.com/".parse().unwrap();
        for (link, is_followed) in [
            (
                "https://management.azure.com/subscriptions/x?$skiptoken=a%20b",
                true,
            ),
            ("https://MANAGEMENT.azure.com:443/x", true),
            ("http://management.azure.com/x", false),
            ("https://management.azure.com:8443/x", false),
            ("https://management.azure.com.example/x", false),
            ("https://a:b@management.azure.com/x", false),
            ("/subscriptions/x", false),
            ("nonsense", false),
        ] {
            assert_eq!(followed(&base, link).is_some(), is_followed, "{link}");
        }
        let below: Url = "https://proxy.example.com/azure/".parse().unwrap();
        assert!(followed(&below, "https://proxy.example.com/other/x").is_none());
        assert!(followed(&below, "https://proxy.example.com/azure/x").is_some());
    }
}
