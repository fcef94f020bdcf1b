//! The runs of a factory's pipelines, by when each changed last.
//!
//! A question is sent by POST, has inclusive edges, and is continued by a token in the body of the next one. A run is
//! shown as it is now, so each change moves it to another window: what is read is a state of a run, and a later one
//! is another record.

use super::{AzurePage, MARGIN, ResourceManager, instant};
use crate::source::SourceError;
use crate::source::cursor::{Link, LinkRequest, Reply, Token};
use crate::source::http::Misfit;
use bytes::Bytes;
use chrono::TimeDelta;
use serde_json::json;

/// For how long runs are kept.
pub(super) const KEPT: TimeDelta = TimeDelta::days(45);

const VERSION: &str = "2018-06-01";

const TOKEN: &str = "continuationToken";

pub(super) async fn link(
    azure: &ResourceManager,
    request: &LinkRequest,
) -> Result<Reply, SourceError> {
    let names: Vec<&str> = request
        .tenant
        .name()
        .unwrap_or_default()
        .split('/')
        .collect();
    let [subscription, group, factory] = names[..] else {
        return Err(SourceError::Settings {
            message: "a factory is named by subscription, resource group and factory".to_owned(),
        });
    };
    let url = azure.address(
        &[
            "subscriptions",
            subscription,
            "resourceGroups",
            group,
            "providers",
            "Microsoft.DataFactory",
            "factories",
            factory,
            "queryPipelineRuns",
        ],
        VERSION,
    );
    let window = request.window;
    let mut question = json!({
        "lastUpdatedAfter": instant(window.from),
        "lastUpdatedBefore": instant(window.to + MARGIN),
    });
    if let Some(token) = &request.token {
        question[TOKEN] = token.as_str().into();
    }
    let read = |body: Bytes| AzurePage::read(&body, TOKEN).map_err(Misfit::from);
    let mut page = azure
        .client
        .post_json(&url, &question, &request.tenant, request.bytes, read)
        .await?;
    page.within(window, "lastUpdated");
    Ok(Reply::Link(Link {
        total: None,
        records: page.records,
        next: page.next.map(Token::new),
        bytes: page.bytes,
    }))
}
