//! What the typed client is used for: tables.delete, which may happen twice, and the model of
//! jobs.getQueryResults. The first try of a delete is typed; what the client hides, and every repetition,
//! goes through our own transport, which sees the status of answers that are no JSON, and `Retry-After`.
//! Results are read by our transport alone: the client reads an answer of any length.

use super::error::{Effect, FailedCall, of_words, unanswered};
use super::service::BigQuery;
use super::transport::BigQueryRequest;
use crate::http::{AskAgain, NoAnswer};
use gcp_bigquery_client::error::BQError;
use gcp_bigquery_client::model::get_query_results_response::GetQueryResultsResponse;
use gcp_bigquery_client::model::table_row::TableRow;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::future::Future;
use tokio::time::timeout;

/// Rows of a page of results. Without a number the service fills pages to 10 MB, and a tree of their
/// values takes ten times that.
const PAGE_ROWS: u32 = 10_000;

impl BigQuery {
    /// Removes a table.
    pub(super) async fn table_removed(&self, name: &str) -> Result<(), FailedCall> {
        let (project, dataset) = (&self.settings.project, &self.settings.dataset);
        let typed = self.client.table().delete(project, dataset, name);
        if self.first(Effect::Some, typed).await?.is_none() {
            let request = BigQueryRequest::delete(self.table_url(name));
            self.transport.send(&request).await?;
        }
        Ok(())
    }

    /// One page of what a query returned.
    async fn page(
        &self,
        id: &str,
        token: Option<&str>,
    ) -> Result<GetQueryResultsResponse, FailedCall> {
        let project = self.settings.jobs_project();
        let mut url = self.url(&["projects", project, "queries", id]);
        url.query_pairs_mut()
            .append_pair("location", &self.settings.location)
            .append_pair("maxResults", &PAGE_ROWS.to_string());
        if let Some(token) = token {
            url.query_pairs_mut().append_pair("pageToken", token);
        }
        parsed(self.transport.send(&BigQueryRequest::get(url)).await?)
    }

    /// All rows that a query returned. Fewer than the service counts are not all.
    pub(super) async fn rows_told(&self, id: &str) -> Result<Vec<Vec<Option<String>>>, FailedCall> {
        let mut rows = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let page = self.page(id, token.as_deref()).await?;
            if page.job_complete != Some(true) {
                return Err(FailedCall::not_understood("the query has not ended"));
            }
            let width = page.schema.as_ref().map(|schema| schema.field_count());
            for row in page.rows.unwrap_or_default() {
                rows.push(cells(row, width)?);
            }
            match page.page_token.filter(|next| !next.is_empty()) {
                Some(next) if token.as_ref() == Some(&next) => {
                    return Err(FailedCall::not_understood(
                        "the same page of rows came twice",
                    ));
                }
                Some(next) => token = Some(next),
                None => {
                    let total = page.total_rows.as_deref().map(str::parse::<usize>);
                    let whole = match total {
                        Some(Ok(total)) => total == rows.len(),
                        Some(Err(_)) => false,
                        // A statement that returns nothing.
                        None => rows.is_empty() && width.is_none(),
                    };
                    let missing = "the service counts other rows than it returned";
                    return if whole {
                        Ok(rows)
                    } else {
                        Err(FailedCall::not_understood(missing))
                    };
                }
            }
        }
    }

    /// The first try of a call through the typed client; nothing where it hides what the answer was
    /// or another try may help.
    async fn first<T>(
        &self,
        effect: Effect,
        call: impl Future<Output = Result<T, BQError>>,
    ) -> Result<Option<T>, FailedCall> {
        // The typed client would hide why there is none.
        let proof = self.transport.signer().proof().await;
        proof.map_err(|error| unanswered(NoAnswer::Credential(error), effect))?;
        // Its requests have no limit of their own.
        let error = match timeout(self.transport.timeout(), call).await {
            Ok(Ok(told)) => return Ok(Some(told)),
            Ok(Err(BQError::ResponseError { error })) => error.error,
            Ok(Err(_)) | Err(_) => return Ok(None),
        };
        let reason = error.errors.first().and_then(|first| first.get("reason"));
        let reason = reason.map_or("", String::as_str);
        let status = u16::try_from(error.code).unwrap_or(0);
        let secrets = self.transport.secrets();
        let failed = of_words(status, (reason, &error.message), effect, secrets);
        // With 401 another token may help.
        if failed.again != AskAgain::No || status == 401 {
            return Ok(None);
        }
        Err(failed)
    }
}

/// The values of one row as text. Our statements return neither lists nor structs.
fn cells(row: TableRow, width: Option<usize>) -> Result<Vec<Option<String>>, FailedCall> {
    let cells = row.columns.unwrap_or_default();
    if width != Some(cells.len()) {
        return Err(FailedCall::not_understood(
            "a row does not have the columns of the query",
        ));
    }
    let cells = cells.into_iter().map(|cell| match cell.value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(FailedCall::not_understood(
            "a value is neither text nor null",
        )),
    });
    cells.collect()
}

fn parsed<T: DeserializeOwned>(told: Value) -> Result<T, FailedCall> {
    serde_json::from_value(told)
        .map_err(|_| FailedCall::not_understood("the answer is not what was asked for"))
}
