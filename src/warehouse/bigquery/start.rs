//! Jobs: started once, whatever becomes of the answer, and asked for until they have ended.

use super::error::FailedCall;
use super::jobs::{self, JobPlace};
use super::load::{self, LoadFrom, Write};
use super::service::BigQuery;
use super::settings::BigQuerySettings;
use super::tables::number;
use super::transport::BigQueryRequest;
use crate::warehouse::contract::{Class, JobId, JobState, JobWork, Started};
use serde_json::{Value, to_value};

impl BigQuerySettings {
    fn place(&self) -> JobPlace<'_> {
        JobPlace {
            project: self.jobs_project(),
            location: &self.location,
            labels: &self.labels,
        }
    }
}

impl BigQuery {
    /// The request that starts a job, after a look at what must not be asked.
    ///
    /// # Errors
    /// What is wrong with the work, for people.
    pub(super) fn to_start(&self, id: &JobId, work: &JobWork) -> Result<BigQueryRequest, String> {
        let load = |table: &str, columns, from: LoadFrom<'_>, write| {
            let load = load::configuration(&self.reference(table), columns, &from, write);
            load::check(&load)?;
            Ok::<_, String>(self.settings.place().load(id, &load))
        };
        let body = match work {
            JobWork::Append {
                table,
                columns,
                files,
            } => load(table, columns, LoadFrom::Files(files), Write::Append)?,
            JobWork::Upload {
                table,
                columns,
                content,
            } => {
                let body = load(table, columns, LoadFrom::Lines, Write::Replace)?;
                let (kind, whole) = jobs::with_content(&body, content);
                let project = self.settings.jobs_project();
                let root = ["upload", "bigquery", "v2"];
                let mut url = self.below(&root, &["projects", project, "jobs"]);
                url.query_pairs_mut().append_pair("uploadType", "multipart");
                return Ok(BigQueryRequest::content(url, &kind, whole));
            }
            JobWork::Query { sql } => self.query(Some(id), sql)?,
        };
        Ok(BigQueryRequest::post(self.jobs_url(), &body))
    }

    fn query(&self, id: Option<&JobId>, sql: &str) -> Result<Value, String> {
        let job = self.settings.place().query(id, sql);
        to_value(job).map_err(|_| "the query cannot be written as JSON".to_owned())
    }

    fn jobs_url(&self) -> url::Url {
        self.url(&["projects", self.settings.jobs_project(), "jobs"])
    }

    /// Starts a job. An answer that does not say what happened is followed by a look: a job of this
    /// id is adopted, whoever started it; where there is none, the same request is sent again, which
    /// the id makes safe even if the first one is still under way.
    pub(super) async fn started(
        &self,
        id: &JobId,
        request: &BigQueryRequest,
    ) -> Result<Started, FailedCall> {
        let mut patience = self.transport.patience();
        loop {
            let told = self.transport.once(request).await;
            let failed = match told.and_then(|told| self.state_of(id, &told)) {
                Ok(_) => return Ok(Started::New),
                Err(failed) => failed,
            };
            match failed.class {
                Class::Exists => return Ok(Started::Exists),
                Class::Unknown => match self.job_state(id).await {
                    Ok(Some(_)) => return Ok(Started::Exists),
                    Ok(None) => {}
                    Err(_) => return Err(failed),
                },
                _ => {}
            }
            patience.wait(failed).await?;
        }
    }

    /// How a job stands; `None` only where the service says that this job does not exist.
    pub(super) async fn job_state(&self, id: &JobId) -> Result<Option<JobState>, FailedCall> {
        let project = self.settings.jobs_project();
        let mut url = self.url(&["projects", project, "jobs", id.as_str()]);
        // Without it, BigQuery looks in the US and the EU only.
        url.query_pairs_mut()
            .append_pair("location", &self.settings.location);
        match self.transport.send(&BigQueryRequest::get(url)).await {
            Ok(told) => self.state_of(id, &told).map(Some),
            Err(failed) if jobs::says_no_such_job(&failed.reason, &failed.said) => Ok(None),
            Err(failed) => Err(failed),
        }
    }

    /// What a query would read.
    pub(super) async fn bytes_of(&self, sql: &str) -> Result<u64, FailedCall> {
        let body = self.query(None, sql);
        let body = body.map_err(|said| FailedCall::finally(Class::Refused, said))?;
        let request = BigQueryRequest::post(self.jobs_url(), &body).without_effect();
        let told = self.transport.send(&request).await?;
        let bytes = |pointer| number(&told, pointer).map_err(FailedCall::not_understood);
        match bytes("/statistics/query/totalBytesProcessed")? {
            Some(bytes) => Ok(bytes),
            None => bytes("/statistics/totalBytesProcessed")?
                .ok_or_else(|| FailedCall::not_understood("the answer lacks totalBytesProcessed")),
        }
    }

    fn state_of(&self, id: &JobId, told: &Value) -> Result<JobState, FailedCall> {
        let secrets = self.transport.secrets();
        jobs::state(id, &self.settings.location, told, secrets).map_err(FailedCall::not_understood)
    }
}
