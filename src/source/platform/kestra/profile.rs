//! What Kestra says of itself before anybody configures it.

use super::mapping::KestraMapping;
use crate::source::platform::{PlatformProfile, Question, SignInWay};
use serde_json::{Value, json};

/// What `init` asks, and how to sign in.
pub(crate) static PROFILE: PlatformProfile = PlatformProfile {
    title: "Kestra",
    vendor: "Kestra Technologies",
    cloud: None,
    mapping: Some(&KestraMapping),
    ocsf_extra: None,
    questions: &[
        Question::new(
            "url",
            "What is the address of the Kestra server, without /api?",
        ),
        Question::new(
            "dialect",
            "Which form has its API? v2 for Enterprise Edition 2, v1 up to 1.3",
        )
        .proposing("v2"),
        Question::new(
            "tenants",
            "Which tenants? Ids separated by commas, or * for all",
        )
        .or("main")
        .unless(&["all_tenants"])
        .meaning(tenants),
    ],
    sign_in: &[
        SignInWay::Bearer {
            env: "KESTRA_TOKEN",
        },
        SignInWay::Basic {
            env: "KESTRA_PASSWORD",
        },
        SignInWay::None,
    ],
};

fn tenants(answer: &str) -> Vec<(&'static str, Value)> {
    match answer {
        "*" => vec![("all_tenants", json!(true))],
        names => {
            let names: Vec<&str> = names.split(',').map(str::trim).collect();
            vec![("tenants", json!(names))]
        }
    }
}
