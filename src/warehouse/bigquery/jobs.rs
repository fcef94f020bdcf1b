//! Jobs as the API speaks of them, pure.

use super::error::of_job;
use super::tables::number;
use crate::foreign::Secrets;
use crate::warehouse::contract::{JobDone, JobId, JobState};
use bytes::{Bytes, BytesMut};
use gcp_bigquery_client::model::job::Job;
use gcp_bigquery_client::model::job_configuration::JobConfiguration;
use gcp_bigquery_client::model::job_configuration_query::JobConfigurationQuery;
use gcp_bigquery_client::model::job_reference::JobReference;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Where jobs run and who pays.
pub(super) struct JobPlace<'a> {
    pub(super) project: &'a str,
    pub(super) location: &'a str,
    pub(super) labels: &'a BTreeMap<String, String>,
}

impl JobPlace<'_> {
    /// The body that starts a load job.
    pub(super) fn load(&self, id: &JobId, load: &Value) -> Value {
        json!({
            "jobReference": {
                "projectId": self.project,
                "jobId": id.as_str(),
                "location": self.location,
            },
            "configuration": {"labels": self.labels, "load": load},
        })
    }

    /// The body that starts a query; without an id it only says what the query would cost.
    pub(super) fn query(&self, id: Option<&JobId>, sql: &str) -> Job {
        Job {
            job_reference: Some(JobReference {
                job_id: id.map(|id| id.as_str().to_owned()),
                location: Some(self.location.to_owned()),
                project_id: Some(self.project.to_owned()),
            }),
            configuration: Some(JobConfiguration {
                dry_run: id.is_none().then_some(true),
                labels: Some(self.labels.clone().into_iter().collect()),
                query: Some(JobConfigurationQuery {
                    query: sql.to_owned(),
                    use_legacy_sql: Some(false),
                    ..JobConfigurationQuery::default()
                }),
                ..JobConfiguration::default()
            }),
            ..Job::default()
        }
    }
}

/// A job with content that is sent along: its type and the whole of it. The boundary must not
/// occur in either part.
pub(super) fn with_content(job: &Value, content: &Bytes) -> (String, Bytes) {
    let job = job.to_string();
    let boundary = (0_u32..)
        .map(|number| format!("trailhouse-{number}"))
        .find(|mark| !job.contains(mark.as_str()) && !contains(content, mark.as_bytes()))
        .unwrap_or_default();
    let mut body = BytesMut::with_capacity(content.len() + job.len() + 512);
    let head = format!(
        "--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{job}\r\n\
         --{boundary}\r\nContent-Type: application/octet-stream\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(content);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (
        format!("multipart/related; boundary={boundary}"),
        body.freeze(),
    )
}

fn contains(content: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(content, part).is_some()
}

/// How a job stands, from what the service says about it. An answer about another job is none.
///
/// # Errors
/// What is missing or is not what it should be.
pub(super) fn state(
    id: &JobId,
    location: &str,
    told: &Value,
    secrets: &Secrets,
) -> Result<JobState, String> {
    let text = |pointer: &str| told.pointer(pointer).and_then(Value::as_str);
    if text("/jobReference/jobId") != Some(id.as_str()) {
        return Err("the answer is about another job".to_owned());
    }
    let elsewhere =
        text("/jobReference/location").is_some_and(|theirs| !theirs.eq_ignore_ascii_case(location));
    if elsewhere {
        return Err("the answer is about a job at another location".to_owned());
    }
    match text("/status/state") {
        Some("PENDING") => Ok(JobState::Pending),
        Some("RUNNING") => Ok(JobState::Running),
        Some("DONE") => Ok(JobState::Done(match told.pointer("/status/errorResult") {
            None | Some(Value::Null) => Ok(JobDone {
                output_rows: number(told, "/statistics/load/outputRows")?,
                affected_rows: number(told, "/statistics/query/numDmlAffectedRows")?,
                bytes_billed: number(told, "/statistics/query/totalBytesBilled")?,
            }),
            Some(error) => {
                let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
                Err(of_job(text("reason"), text("message"), secrets))
            }
        })),
        Some(_) => Err("the answer has a state that is not known".to_owned()),
        None => Err("the answer lacks the job's state".to_owned()),
    }
}

/// Whether a refusal says that this very job does not exist; that its project does not is another
/// matter.
pub(super) fn says_no_such_job(reason: &str, said: &str) -> bool {
    reason == "notFound" && said.starts_with("Not found: Job")
}

#[cfg(test)]
mod tests;
