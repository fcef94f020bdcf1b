//! Where the columns of an event of UiPath come from, for redaction.
//!
//! It says of [`normalise`](super::normalise) what that does; a test holds the two together.

use crate::event::redact::Origin::Record;
use crate::event::redact::Origins;

/// Where the values of all three forms of record come from.
pub const ORIGINS: Origins = Origins {
    columns: &[
        ("action", &[Record("/Action"), Record("/eventType")]),
        ("namespace", &[Record("/eventSource"), Record("/Source")]),
        ("outcome_code", &[Record("/status"), Record("/Status")]),
        (
            "actor_uid",
            &[
                Record("/UserId"),
                Record("/ExternalClientId"),
                Record("/actorId"),
                Record("/ActorId"),
            ],
        ),
        (
            "actor_name",
            &[Record("/UserName"), Record("/actorName"), Record("/User")],
        ),
        (
            "actor_email",
            &[Record("/actorEmail"), Record("/ActorEmail")],
        ),
        (
            "src_ip",
            &[
                Record("/clientInfo/ipAddress"),
                Record("/ClientInformation/IpAddress"),
            ],
        ),
        (
            "resource_type",
            &[
                Record("/Component"),
                Record("/eventTarget"),
                Record("/Category"),
            ],
        ),
        ("resource_uid", &[Record("/EntityId")]),
        ("resource_name", &[Record("/DisplayName")]),
        ("workflow", &[Record("/DisplayName")]),
        ("execution_uid", &[Record("/EntityId")]),
        (
            "account",
            &[Record("/organizationId"), Record("/OrganizationId")],
        ),
        (
            "detail",
            &[
                Record("/Parameters"),
                Record("/eventDetails"),
                Record("/EventDetails"),
            ],
        ),
    ],
    secret: &[
        "/Entities",
        "/OperationText",
        "/eventSummary",
        "/ActorDetails",
    ],
    // Action, service and kind of thing decide the category, by which an event is filed and retained.
    identity: &[
        "/Id",
        "/ExecutionTime",
        "/Action",
        "/Component",
        "/id",
        "/createdOn",
        "/eventType",
        "/eventSource",
        "/eventTarget",
        "/Identifier",
        "/DateCreatedUtc",
        "/Source",
        "/Category",
    ],
};
