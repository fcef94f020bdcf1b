//! What Cloud Composer says of itself before anybody configures it.

use super::mapping::ComposerMapping;
use crate::source::platform::{PlatformProfile, Question, SignInWay};
use serde_json::{Value, json};

/// What `init` asks, and how to sign in.
pub(crate) static PROFILE: PlatformProfile = PlatformProfile {
    title: "Cloud Composer",
    vendor: "Google Cloud",
    cloud: Some("GCP"),
    mapping: Some(&ComposerMapping),
    ocsf_extra: None,
    questions: &[
        Question::new("projects", "Which projects? Ids separated by commas").meaning(projects),
    ],
    sign_in: &[
        SignInWay::GoogleDefault,
        SignInWay::ServiceAccount {
            file: "google-credentials.json",
        },
        SignInWay::None,
    ],
};

fn projects(answer: &str) -> Vec<(&'static str, Value)> {
    let ids: Vec<&str> = answer.split(',').map(str::trim).collect();
    vec![("projects", json!(ids))]
}
