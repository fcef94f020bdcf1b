//! What Airflow says of itself before anybody configures it.

use super::mapping::AirflowMapping;
use crate::source::platform::{PlatformProfile, Question, SignInWay};

/// What `init` asks, and how to sign in.
pub(crate) static PROFILE: PlatformProfile = PlatformProfile {
    title: "Apache Airflow",
    vendor: "Apache Software Foundation",
    cloud: None,
    mapping: Some(&AirflowMapping),
    ocsf_extra: None,
    questions: &[
        Question::new(
            "url",
            "What is the address of the Airflow server, without /api?",
        ),
        Question::new(
            "dialect",
            "Which form has its API? v2 for Airflow 3, v1 for Airflow 2",
        )
        .proposing("v2"),
    ],
    sign_in: &[
        SignInWay::Password {
            env: "AIRFLOW_PASSWORD",
            login: "auth/token",
        },
        SignInWay::Bearer {
            env: "AIRFLOW_TOKEN",
        },
        SignInWay::Basic {
            env: "AIRFLOW_PASSWORD",
        },
    ],
};
