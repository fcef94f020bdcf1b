//! What is known of an HTTP API before anybody describes it: what its description needs at least.

use crate::source::platform::{PlatformProfile, Question, SignInWay};
use serde_json::{Value, json};

/// What `init` asks, and how to sign in.
pub(crate) static PROFILE: PlatformProfile = PlatformProfile {
    title: "HTTP API",
    vendor: "described in the configuration",
    cloud: None,
    mapping: None,
    ocsf_extra: None,
    questions: &[
        Question::new("url", "What is the address of the API's server?"),
        Question::new("request.path", "Which path lists audit records?"),
        Question::new(
            "window",
            "Which query parameters take start and end of a window? Names separated by a comma",
        )
        .or_nothing()
        .meaning(window),
        Question::new(
            "records.items",
            "Where is the array of records in a response? A JSON pointer",
        ),
        Question::new("records.id", "Where is the id in a record? A JSON pointer").or("/id"),
        Question::new(
            "records.time",
            "Where is the time in a record? A JSON pointer",
        )
        .or("/timestamp"),
    ],
    sign_in: &[
        SignInWay::Bearer { env: "API_TOKEN" },
        SignInWay::Header {
            name: "X-Api-Key",
            env: "API_KEY",
        },
        SignInWay::Basic {
            env: "API_PASSWORD",
        },
        SignInWay::ClientCredentials {
            env: "API_CLIENT_SECRET",
            token_url: None,
            scope: None,
        },
        SignInWay::None,
    ],
};

fn window(answer: &str) -> Vec<(&'static str, Value)> {
    let places = ["window.from.query", "window.to.query"];
    let names = answer.split(',').map(str::trim);
    let named = places.into_iter().zip(names);
    named.map(|(place, name)| (place, json!(name))).collect()
}
