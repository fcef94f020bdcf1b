//! What UiPath says of itself before anybody configures it.

use super::mapping::UiPathMapping;
use crate::source::platform::{PlatformProfile, Question, SignInWay};
use serde_json::{Value, json};

/// What `init` asks, and how to sign in.
pub(crate) static PROFILE: PlatformProfile = PlatformProfile {
    title: "UiPath",
    vendor: "UiPath",
    cloud: None,
    mapping: Some(&UiPathMapping),
    ocsf_extra: None,
    questions: &[
        Question::new(
            "url",
            "What is the address of UiPath, with the organization at its end?",
        ),
        Question::new(
            "feed",
            "Which audit log? orchestrator, unified or long_term_store",
        )
        .or("orchestrator"),
        Question::new(
            "tenants",
            "Which tenants? Names separated by commas; Orchestrator's log is of one",
        )
        .unless(&["organization"])
        .meaning(tenants),
    ],
    sign_in: &[
        SignInWay::ClientCredentials {
            env: "UIPATH_CLIENT_SECRET",
            token_url: Some("https://cloud.uipath.com/identity_/connect/token"),
            scope: Some("OR.Audit.Read"),
        },
        SignInWay::Bearer {
            env: "UIPATH_TOKEN",
        },
    ],
};

fn tenants(answer: &str) -> Vec<(&'static str, Value)> {
    let names: Vec<&str> = answer.split(',').map(str::trim).collect();
    vec![("tenants", json!(names))]
}
