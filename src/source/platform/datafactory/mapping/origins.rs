//! Where the columns of an event of Azure come from, for redaction.
//!
//! It says of [`normalise`](super::normalise) what that does; a test holds the two together.

use crate::event::redact::Origin::{self, Record};
use crate::event::redact::Origins;

/// Where the parts of a resource id come from.
const RESOURCE: &[Origin] = &[Record("/resourceId"), Record("/id")];

/// Where the values of all three forms of record come from. `~1` is a slash in the name of a member.
pub const ORIGINS: Origins = Origins {
    columns: &[
        (
            "action",
            &[Record("/operationName/value"), Record("/operationName")],
        ),
        (
            "outcome_code",
            &[
                Record("/subStatus/value"),
                Record("/status/value"),
                Record("/resultSignature"),
                Record("/resultType"),
                Record("/status"),
            ],
        ),
        (
            "outcome_detail",
            &[Record("/properties/statusMessage"), Record("/message")],
        ),
        (
            "actor_uid",
            &[
                Record(
                    "/claims/http:~1~1schemas.microsoft.com~1identity~1claims~1objectidentifier",
                ),
                Record(
                    "/identity/claims/http:~1~1schemas.microsoft.com~1identity~1claims~1objectidentifier",
                ),
                Record("/caller"),
                Record("/invokedBy/id"),
            ],
        ),
        (
            "actor_name",
            &[
                Record("/claims/name"),
                Record("/caller"),
                Record("/claims/http:~1~1schemas.xmlsoap.org~1ws~12005~105~1identity~1claims~1upn"),
                Record("/claims/appid"),
                Record("/identity/claims/name"),
                Record(
                    "/identity/claims/http:~1~1schemas.xmlsoap.org~1ws~12005~105~1identity~1claims~1upn",
                ),
                Record("/identity/claims/appid"),
                Record("/invokedBy/name"),
            ],
        ),
        (
            "actor_email",
            &[
                Record("/claims/http:~1~1schemas.xmlsoap.org~1ws~12005~105~1identity~1claims~1upn"),
                Record(
                    "/identity/claims/http:~1~1schemas.xmlsoap.org~1ws~12005~105~1identity~1claims~1upn",
                ),
            ],
        ),
        (
            "src_ip",
            &[
                Record("/httpRequest/clientIpAddress"),
                Record("/claims/ipaddr"),
                Record("/callerIpAddress"),
                Record("/identity/claims/ipaddr"),
            ],
        ),
        (
            "resource_type",
            &[Record("/operationName/value"), Record("/operationName")],
        ),
        ("resource_uid", RESOURCE),
        (
            "resource_name",
            &[
                Record("/resourceId"),
                Record("/id"),
                Record("/pipelineName"),
            ],
        ),
        ("namespace", RESOURCE),
        (
            "workflow",
            &[Record("/resourceId"), Record("/pipelineName")],
        ),
        ("execution_uid", &[Record("/resourceId"), Record("/runId")]),
        (
            "correlation_uid",
            &[Record("/correlationId"), Record("/runGroupId")],
        ),
        (
            "account",
            &[
                Record("/subscriptionId"),
                Record("/resourceId"),
                Record("/id"),
            ],
        ),
        ("detail", &[Record("/properties"), Record("/parameters")]),
    ],
    secret: &[
        "/claims",
        "/identity",
        "/authorization",
        "/httpRequest",
        "/description",
        "/runDimension",
        "/annotations",
    ],
    // The operation decides the category, by which an event is filed and retained; the rest makes the id of a record
    // that has none.
    identity: &[
        "/eventDataId",
        "/eventTimestamp",
        "/runId",
        "/lastUpdated",
        "/time",
        "/operationName",
        "/operationName/value",
        "/correlationId",
        "/category",
        "/resultType",
        "/resultSignature",
    ],
};
