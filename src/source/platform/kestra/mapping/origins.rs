//! Where the columns of a Kestra event come from, for redaction.
//!
//! It says of [`normalise`](super::normalise) what that does; a test holds the two together.

use crate::event::redact::Origin::{Record, User};
use crate::event::redact::Origins;

/// Where Kestra's values come from.
pub const ORIGINS: Origins = Origins {
    columns: &[
        ("action", &[Record("/type")]),
        ("actor_uid", &[Record("/userId"), User("/id")]),
        ("actor_name", &[User("/username"), User("/name")]),
        ("actor_email", &[User("/email")]),
        ("actor_impersonated_by", &[Record("/impersonatedBy")]),
        ("src_ip", &[Record("/ipAddress")]),
        (
            "resource_type",
            &[
                Record("/detail/resourceType"),
                Record("/detail/resource"),
                Record("/detail/permission"),
            ],
        ),
        ("resource_uid", &[Record("/detail/id")]),
        ("namespace", &[Record("/detail/namespace")]),
        ("workflow", &[Record("/detail/flowId")]),
        ("execution_uid", &[Record("/detail/executionId")]),
        ("revision", &[Record("/detail/revision")]),
        ("detail", &[Record("/detail")]),
    ],
    secret: &["/appliedPatch", "/revertPatch"],
    // The type decides the category, by which an event is filed and retained.
    identity: &["/id", "/date", "/tenantId", "/type"],
};
