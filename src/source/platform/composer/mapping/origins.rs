//! Where the columns of an entry come from, for redaction.
//!
//! It says of [`normalise`](super::normalise) what that does; a test holds the two together.

use crate::event::redact::Origin::Record;
use crate::event::redact::Origins;

/// Where the values of an entry come from.
pub const ORIGINS: Origins = Origins {
    columns: &[
        ("action", &[Record("/protoPayload/methodName")]),
        ("outcome_code", &[Record("/protoPayload/status/code")]),
        ("outcome_detail", &[Record("/protoPayload/status/message")]),
        (
            "actor_uid",
            &[
                Record("/protoPayload/authenticationInfo/principalSubject"),
                Record("/protoPayload/authenticationInfo/principalEmail"),
            ],
        ),
        (
            "actor_name",
            &[
                Record("/protoPayload/authenticationInfo/principalEmail"),
                Record("/protoPayload/authenticationInfo/principalSubject"),
            ],
        ),
        (
            "actor_email",
            &[Record("/protoPayload/authenticationInfo/principalEmail")],
        ),
        (
            "actor_impersonated_by",
            &[
                Record(
                    "/protoPayload/authenticationInfo/serviceAccountDelegationInfo/0/principalSubject",
                ),
                Record(
                    "/protoPayload/authenticationInfo/serviceAccountDelegationInfo/0/\
                     firstPartyPrincipal/principalEmail",
                ),
            ],
        ),
        (
            "src_ip",
            &[Record("/protoPayload/requestMetadata/callerIp")],
        ),
        (
            "user_agent",
            &[Record(
                "/protoPayload/requestMetadata/callerSuppliedUserAgent",
            )],
        ),
        ("resource_type", &[Record("/resource/type")]),
        ("resource_uid", &[Record("/protoPayload/resourceName")]),
        (
            "resource_name",
            &[Record("/resource/labels/environment_name")],
        ),
        ("correlation_uid", &[Record("/operation/id")]),
        ("region", &[Record("/resource/labels/location")]),
        ("account", &[Record("/resource/labels/project_id")]),
        ("detail", &[Record("/protoPayload/request")]),
    ],
    secret: &[
        "/protoPayload/response",
        "/protoPayload/metadata",
        "/protoPayload/serviceData",
        "/labels",
    ],
    // The method decides the category, by which an event is filed and retained.
    identity: &[
        "/insertId",
        "/logName",
        "/timestamp",
        "/protoPayload/methodName",
    ],
};
