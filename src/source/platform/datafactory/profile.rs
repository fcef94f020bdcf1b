//! What Azure Data Factory says of itself before anybody configures it.

use super::mapping::AzureMapping;
use crate::source::platform::{PlatformProfile, Question, SignInWay};
use serde_json::{Value, json};

/// What `init` asks, and how to sign in.
pub(crate) static PROFILE: PlatformProfile = PlatformProfile {
    title: "Azure Data Factory",
    vendor: "Microsoft",
    cloud: Some("Azure"),
    mapping: Some(&AzureMapping),
    ocsf_extra: None,
    questions: &[
        Question::new(
            "feed",
            "What is read? activity-log, pipeline-runs or export",
        )
        .or("activity-log"),
        Question::new(
            "subscription",
            "Which subscriptions? Ids separated by commas",
        )
        .unless(&["subscriptions", "factories"])
        .meaning(subscriptions),
    ],
    sign_in: &[
        SignInWay::ClientCredentials {
            env: "AZURE_CLIENT_SECRET",
            token_url: None,
            scope: Some("https://management.azure.com/.default"),
        },
        SignInWay::Bearer {
            env: "AZURE_ACCESS_TOKEN",
        },
    ],
};

fn subscriptions(answer: &str) -> Vec<(&'static str, Value)> {
    let ids: Vec<&str> = answer.split(',').map(str::trim).collect();
    match ids[..] {
        [id] => vec![("subscription", json!(id))],
        _ => vec![("subscriptions", json!(ids))],
    }
}
