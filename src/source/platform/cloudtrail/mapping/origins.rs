//! Where the columns of a CloudTrail event come from, for redaction.
//!
//! It says of [`normalise`](super::normalise) what that does; a test holds the two together.

use crate::event::redact::Origin::Record;
use crate::event::redact::{Origin, Origins};

/// Where a thing of Step Functions is named.
const NAMED: &[Origin] = &[
    Record("/requestParameters/executionArn"),
    Record("/requestParameters/mapRunArn"),
    Record("/requestParameters/stateMachineVersionArn"),
    Record("/requestParameters/stateMachineAliasArn"),
    Record("/requestParameters/stateMachineArn"),
    Record("/requestParameters/activityArn"),
    Record("/requestParameters/resourceArn"),
    Record("/responseElements/executionArn"),
    Record("/responseElements/mapRunArn"),
    Record("/responseElements/stateMachineVersionArn"),
    Record("/responseElements/stateMachineAliasArn"),
    Record("/responseElements/stateMachineArn"),
    Record("/responseElements/activityArn"),
    Record("/responseElements/resourceArn"),
];

/// Where CloudTrail's values come from.
pub const ORIGINS: Origins = Origins {
    columns: &[
        ("action", &[Record("/eventName")]),
        ("namespace", &[Record("/eventSource")]),
        ("account", &[Record("/recipientAccountId")]),
        ("outcome_code", &[Record("/errorCode")]),
        ("outcome_detail", &[Record("/errorMessage")]),
        (
            "actor_uid",
            &[
                Record("/userIdentity/arn"),
                Record("/userIdentity/principalId"),
                Record("/userIdentity/accountId"),
                Record("/userIdentity/invokedBy"),
            ],
        ),
        (
            "actor_name",
            &[
                Record("/userIdentity/userName"),
                Record("/userIdentity/sessionContext/sessionIssuer/userName"),
                Record("/userIdentity/principalId"),
                Record("/userIdentity/invokedBy"),
            ],
        ),
        (
            "actor_impersonated_by",
            &[Record("/userIdentity/invokedBy")],
        ),
        ("src_ip", &[Record("/sourceIPAddress")]),
        ("user_agent", &[Record("/userAgent")]),
        ("resource_type", NAMED),
        ("resource_uid", NAMED),
        (
            "resource_name",
            &[
                Record("/requestParameters/name"),
                Record("/requestParameters/executionArn"),
                Record("/requestParameters/mapRunArn"),
                Record("/requestParameters/stateMachineVersionArn"),
                Record("/requestParameters/stateMachineAliasArn"),
                Record("/requestParameters/stateMachineArn"),
                Record("/requestParameters/activityArn"),
                Record("/requestParameters/resourceArn"),
                Record("/responseElements/executionArn"),
                Record("/responseElements/mapRunArn"),
                Record("/responseElements/stateMachineVersionArn"),
                Record("/responseElements/stateMachineAliasArn"),
                Record("/responseElements/stateMachineArn"),
                Record("/responseElements/activityArn"),
                Record("/responseElements/resourceArn"),
            ],
        ),
        ("workflow", NAMED),
        (
            "execution_uid",
            &[
                Record("/requestParameters/executionArn"),
                Record("/responseElements/executionArn"),
            ],
        ),
        (
            "correlation_uid",
            &[Record("/sharedEventID"), Record("/requestID")],
        ),
        ("region", &[Record("/awsRegion")]),
        ("detail", &[Record("/requestParameters")]),
    ],
    secret: &[
        "/responseElements",
        "/additionalEventData",
        "/serviceEventDetails",
        "/userIdentity/accessKeyId",
    ],
    // Service and name decide the category, by which an event is filed and retained.
    identity: &[
        "/eventID",
        "/eventTime",
        "/recipientAccountId",
        "/eventSource",
        "/eventName",
    ],
};
