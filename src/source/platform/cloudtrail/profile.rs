//! What CloudTrail says of itself before anybody configures it.

use super::mapping::CloudTrailMapping;
use crate::source::platform::{PlatformProfile, Question};
use serde_json::{Value, json};

/// What `init` asks. Credentials are those of AWS's tools, so there is no way to sign in.
pub(crate) static PROFILE: PlatformProfile = PlatformProfile {
    title: "AWS CloudTrail",
    vendor: "AWS",
    cloud: Some("AWS"),
    mapping: Some(&CloudTrailMapping),
    ocsf_extra: Some(super::ocsf::extra),
    questions: &[
        Question::new(
            "bucket",
            "Where does the trail deliver? s3://bucket/prefix without AWSLogs, or lookup for event history",
        )
        .unless(&["lookup"])
        .meaning(place),
        Question::new(
            "accounts",
            "Which accounts? Ids separated by commas",
        )
        .meaning(accounts),
        Question::new("regions", "Which regions? Names separated by commas").meaning(regions),
    ],
    sign_in: &[],
};

fn place(answer: &str) -> Vec<(&'static str, Value)> {
    match answer {
        "lookup" => vec![("lookup", json!({}))],
        url => vec![("bucket", json!({ "url": url }))],
    }
}

fn accounts(answer: &str) -> Vec<(&'static str, Value)> {
    vec![("accounts", list(answer))]
}

fn regions(answer: &str) -> Vec<(&'static str, Value)> {
    vec![("regions", list(answer))]
}

fn list(answer: &str) -> Value {
    let names: Vec<&str> = answer.split(',').map(str::trim).collect();
    json!(names)
}
