//! Whether an account may see entries of data access: without that, Cloud Logging leaves them out without a word.

use crate::source::http::{Client, Misfit};
use crate::source::{SourceError, SourceRemark, Tenant};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

/// Who knows what an account may do.
pub const RESOURCE_MANAGER: &str = "https://cloudresourcemanager.googleapis.com/";

/// What `roles/logging.privateLogViewer` gives and `roles/logging.viewer` does not.
const PERMISSION: &str = "logging.privateLogEntries.list";

/// Asks which permissions we have.
pub struct PrivateLogs(Client);

#[derive(Deserialize)]
struct Permissions {
    #[serde(default)]
    permissions: Vec<String>,
}

impl PrivateLogs {
    /// Asks the service that `client` leads to, mostly [`RESOURCE_MANAGER`].
    pub fn new(client: Client) -> Self {
        Self(client)
    }

    /// What is to be said of a project; nothing where the permission is there, or nobody can tell.
    pub(super) async fn remark(&self, project: &str) -> Option<SourceRemark> {
        match self.has(project).await {
            Ok(false) => Some(SourceRemark {
                said: format!(
                    "project {project} shows no entries of data access to this account, and says nothing of it"
                ),
                action: "grant it roles/logging.privateLogViewer, or leave data_access out of `logs`",
            }),
            // Not every project has this service enabled.
            Ok(true) | Err(_) => None,
        }
    }

    async fn has(&self, project: &str) -> Result<bool, SourceError> {
        let mut url = self.0.base().clone();
        let path = format!("{project}:testIamPermissions");
        if let Ok(mut segments) = url.path_segments_mut() {
            segments
                .pop_if_empty()
                .extend(["v3", "projects", path.as_str()]);
        }
        let question = json!({ "permissions": [PERMISSION] });
        let tenant = Tenant::Named(project.to_owned());
        let found = self
            .0
            .post_json(&url, &question, &tenant, None, read)
            .await?;
        Ok(found.permissions.iter().any(|it| it == PERMISSION))
    }
}

fn read(body: Bytes) -> Result<Permissions, Misfit> {
    serde_json::from_slice(&body).map_err(|error| {
        Misfit::Foreign(format!("the response is no list of permissions: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::script::{Server, json, reply};
    use crate::source::Wording;

    #[tokio::test]
    async fn a_permission_that_is_missing_is_remarked() {
        let refused = reply("403 Forbidden", "", "{}");
        for (answer, remarked) in [
            (json("{}"), true),
            (
                json(r#"{"permissions":["logging.privateLogEntries.list"]}"#),
                false,
            ),
            (refused, false),
        ] {
            let server = Server::start(vec![answer]).await;
            let logs = PrivateLogs::new(Client::new(server.settings(), Wording::Kept).unwrap());
            assert_eq!(logs.remark("acme-data").await.is_some(), remarked);
            let head = &server.heads()[0];
            assert!(
                head.starts_with("POST /v3/projects/acme-data:testIamPermissions "),
                "{head}"
            );
        }
    }
}
