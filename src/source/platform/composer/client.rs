//! The client of Cloud Logging's `entries:list`.

pub mod page;
pub mod permission;
#[cfg(test)]
mod tests;

use super::mapping::ComposerMapping;
use crate::source::cursor::{Chain, Chaining, LinkRequest, Reply};
use crate::source::http::{Client, Misfit};
use crate::source::{
    Axis, ClockReading, Mapping, ProofLimit, SourceError, SourceRemark, Tenant, year,
};
use crate::waits::Waits;
use crate::window::{Window, format_instant};
use async_trait::async_trait;
use chrono::TimeDelta;
use permission::PrivateLogs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

/// Most entries of a page: the service refuses more.
const PAGE_CAP: u32 = 1000;

/// The service whose entries are read.
const SERVICE: &str = "composer.googleapis.com";

/// An audit log of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditLog {
    /// What administrators change. Always written, and kept for 400 days.
    Activity,
    /// What is read. Written where the project says so, kept for 30 days unless it says otherwise, and
    /// left out **without a word** for an account without `roles/logging.privateLogViewer`.
    DataAccess,
    /// What the platform does by itself. Always written, and kept for 400 days.
    SystemEvent,
    /// What an organisation policy denied. Kept for 30 days unless the project says otherwise.
    Policy,
}

impl AuditLog {
    /// Every audit log.
    pub const ALL: [Self; 4] = [
        Self::Activity,
        Self::DataAccess,
        Self::SystemEvent,
        Self::Policy,
    ];

    /// Its id, as in `log_id("…")`.
    const fn id(self) -> &'static str {
        match self {
            Self::Activity => "cloudaudit.googleapis.com/activity",
            Self::DataAccess => "cloudaudit.googleapis.com/data_access",
            Self::SystemEvent => "cloudaudit.googleapis.com/system_event",
            Self::Policy => "cloudaudit.googleapis.com/policy",
        }
    }

    /// Days for which it is usually kept.
    const fn days_kept(self) -> i64 {
        match self {
            Self::Activity | Self::SystemEvent => 400,
            Self::DataAccess | Self::Policy => 30,
        }
    }
}

/// What is read of Cloud Logging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComposerSettings {
    /// Ids of the projects, each a feed of its own.
    pub projects: Vec<String>,
    /// Logs that are read.
    pub logs: Vec<AuditLog>,
    /// How long before its arrival an act may have been. The service searches by the time of the act, so
    /// a bound on it makes it fast; an entry of an older act would not be found.
    pub lateness: TimeDelta,
    /// Entries of a page.
    pub page_size: u32,
}

impl ComposerSettings {
    /// How long Cloud Logging keeps what is read, by default: the shortest of its logs.
    pub(super) fn kept(&self) -> Option<TimeDelta> {
        let days = self.logs.iter().map(|log| log.days_kept()).min();
        days.map(TimeDelta::days)
    }
}

impl ComposerSettings {
    /// All audit logs of some projects. Acts of up to 400 days before their arrival are found: entries
    /// that are older than the retention of their log are discarded by the service when they arrive.
    pub fn new(projects: Vec<String>) -> Self {
        Self {
            projects,
            logs: AuditLog::ALL.to_vec(),
            lateness: TimeDelta::days(400),
            page_size: PAGE_CAP,
        }
    }
}

/// The audit entries of Cloud Composer in Cloud Logging.
pub struct Composer {
    client: Client,
    list: Url,
    tenants: Vec<Tenant>,
    logs: String,
    lateness: TimeDelta,
    chaining: Chaining,
    /// Who knows whether entries of data access are shown; nobody where they are not read.
    private_logs: Option<PrivateLogs>,
    reads_data_access: bool,
}

/// Whether a text may be the id of a project: letters, digits and hyphens, and the domain before the colon of an old
/// project.
pub(super) fn is_project(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte);
    !text.is_empty() && text.bytes().all(fits)
}

impl Composer {
    /// Reads some projects of the service that `client` leads to.
    ///
    /// # Errors
    /// [`SourceError::Settings`] when no project or no log is named, or a project has a name that none
    /// can have.
    pub fn new(client: Client, settings: &ComposerSettings) -> Result<Self, SourceError> {
        let refuse = |message: &str| {
            Err(SourceError::Settings {
                message: message.to_owned(),
            })
        };
        if settings.projects.is_empty() || settings.logs.is_empty() {
            return refuse("at least one project and one log must be named");
        }
        if !settings.projects.iter().all(|project| is_project(project)) {
            return refuse("a project has a name that no project can have");
        }
        let mut list = client.base().clone();
        match list.path_segments_mut() {
            Ok(mut path) => drop(path.pop_if_empty().extend(["v2", "entries:list"])),
            Err(()) => return refuse("the address cannot have a path"),
        }
        let ids = settings.logs.iter();
        let ids: Vec<String> = ids.map(|log| format!("log_id(\"{}\")", log.id())).collect();
        Ok(Self {
            client,
            list,
            tenants: settings
                .projects
                .iter()
                .map(|project| Tenant::Named(project.clone()))
                .collect(),
            logs: ids.join(" OR "),
            lateness: settings.lateness,
            chaining: Chaining {
                axis: Axis::Arrival,
                page_cap: settings.page_size.clamp(1, PAGE_CAP),
                tick: TimeDelta::microseconds(1),
                // From its arrival until a search finds it.
                arrival: TimeDelta::minutes(5),
                horizon: settings.kept(),
                limits: vec![ProofLimit::NoTotal],
            },
            private_logs: None,
            reads_data_access: settings.logs.contains(&AuditLog::DataAccess),
        })
    }

    /// The same, which finds out whether it is shown entries of data access.
    #[must_use]
    pub fn asking_for_permission(self, private_logs: PrivateLogs) -> Self {
        Self {
            private_logs: Some(private_logs),
            ..self
        }
    }

    /// The filter of a window of arrival. The same for all pages, since a token belongs to one filter.
    fn filter(&self, window: &Window) -> String {
        let happened = window.from.checked_sub_signed(self.lateness);
        let happened = happened.max(year(1)).unwrap_or(window.from);
        format!(
            "({}) protoPayload.serviceName=\"{SERVICE}\" receiveTimestamp>=\"{}\" \
             receiveTimestamp<\"{}\" timestamp>=\"{}\"",
            self.logs,
            format_instant(window.from),
            format_instant(window.to),
            format_instant(happened)
        )
    }

    fn question(&self, project: &str, request: &LinkRequest) -> Value {
        let mut question = json!({
            "resourceNames": [format!("projects/{project}")],
            "filter": self.filter(&request.window),
            "orderBy": "timestamp asc",
            "pageSize": request.size,
        });
        if let Some(token) = &request.token {
            question["pageToken"] = token.as_str().into();
        }
        question
    }
}

#[async_trait]
impl Chain for Composer {
    fn chaining(&self) -> &Chaining {
        &self.chaining
    }

    fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    fn mapping(&self) -> &dyn Mapping {
        &ComposerMapping
    }

    async fn link(&self, request: &LinkRequest) -> Result<Reply, SourceError> {
        let Tenant::Named(project) = &request.tenant else {
            return Err(SourceError::Settings {
                message: "entries are read of one project at a time".to_owned(),
            });
        };
        let question = self.question(project, request);
        let read = |body| page::parse(&body, request.size).map_err(Misfit::from);
        let answer = self
            .client
            .post_json(&self.list, &question, &request.tenant, request.bytes, read)
            .await;
        match answer {
            // The same question was answered when it had no token.
            Err(SourceError::Refused { status: 400, .. }) if request.token.is_some() => {
                Ok(Reply::Expired)
            }
            answer => Ok(Reply::Link(answer?)),
        }
    }

    async fn remarks(&self) -> Result<Vec<SourceRemark>, SourceError> {
        let mut remarks = Vec::new();
        if let (Some(logs), true) = (&self.private_logs, self.reads_data_access) {
            for project in self.tenants.iter().filter_map(Tenant::name) {
                remarks.extend(logs.remark(project).await);
            }
        }
        Ok(remarks)
    }

    fn clock(&self) -> Option<ClockReading> {
        self.client.clock()
    }

    fn requests(&self) -> u64 {
        self.client.requests()
    }

    fn waits(&self) -> Option<&Waits> {
        Some(self.client.waits())
    }
}
