//! Errors in the form of Micronaut's `JsonError`.

use super::record::json_text;
use crate::respond::json;
use axum::body::Body;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

/// An error in Micronaut's form, with the `_embedded.errors` of its fields, if any.
pub(super) fn error(
    status: u16,
    message: &str,
    fields: &[(String, String)],
    uri: &Uri,
) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json(status, Body::from(json_error(message, fields, uri)))
}

fn json_error(message: &str, fields: &[(String, String)], uri: &Uri) -> String {
    let mut embedded = String::new();
    if !fields.is_empty() {
        let fields: Vec<String> = fields
            .iter()
            .map(|(path, message)| {
                let (path, message) = (json_text(path), json_text(message));
                format!(r#"{{"message":{message},"path":{path}}}"#)
            })
            .collect();
        embedded = format!(r#","_embedded":{{"errors":[{}]}}"#, fields.join(","));
    }
    let message = json_text(message);
    let href = json_text(&uri.to_string());
    format!(
        r#"{{"message":{message},"_links":{{"self":{{"href":{href},"templated":false}}}}{embedded}}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_micronauts_form() {
        let uri = "/api/v1/main/auditlogs/search?size=1001".parse().unwrap();
        let fields = [(
            "searchAuditLogs.size".to_owned(),
            "must be \"small\"".to_owned(),
        )];
        let text = json_error("Invalid entity", &fields, &uri);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["message"], "Invalid entity");
        assert_eq!(value["_links"]["self"]["href"], uri.to_string());
        assert_eq!(
            value["_embedded"]["errors"][0]["path"],
            "searchAuditLogs.size"
        );
        let bare = json_error("Not Found", &[], &uri);
        assert!(!bare.contains("_embedded"));
    }
}
