//! Answers in the form of Google's APIs.

use serde_json::{Value, json};

/// An answer to one request.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

/// A refusal, of a request or of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) reason: String,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(reason: &str, message: impl Into<String>) -> Self {
        Self {
            reason: reason.to_owned(),
            message: message.into(),
        }
    }

    pub(super) fn not_found(kind: &str, name: impl std::fmt::Display) -> Self {
        Self::new("notFound", format!("Not found: {kind} {name}"))
    }

    pub(super) fn exists(kind: &str, name: impl std::fmt::Display) -> Self {
        Self::new("duplicate", format!("Already Exists: {kind} {name}"))
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new("invalid", message)
    }

    fn status(&self) -> u16 {
        match self.reason.as_str() {
            "authError" => 401,
            "accessDenied" | "rateLimitExceeded" | "quotaExceeded" => 403,
            "notFound" => 404,
            "duplicate" => 409,
            "conditionNotMet" => 412,
            "internalError" => 500,
            "backendError" => 503,
            _ => 400,
        }
    }

    /// As it stands in the `errorResult` of a job.
    pub(super) fn proto(&self) -> Value {
        json!({"reason": self.reason, "message": self.message})
    }
}

impl Reply {
    pub(super) fn json(value: &Value) -> Self {
        Self::of(200, "application/json; charset=UTF-8", value.to_string())
    }

    /// 204.
    pub(super) fn empty() -> Self {
        Self {
            status: 204,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    pub(super) fn page(status: u16) -> Self {
        let body = format!("<!DOCTYPE html><html><title>Error {status}</title>robot</html>");
        Self::of(status, "text/html; charset=UTF-8", body)
    }

    pub(super) fn refused(refusal: &Refusal) -> Self {
        Self::refused_with(refusal.status(), refusal)
    }

    pub(super) fn refused_with(status: u16, refusal: &Refusal) -> Self {
        let mut first = refusal.proto();
        first["domain"] = json!("global");
        let error = json!({
            "code": status,
            "message": refusal.message,
            "errors": [first],
            "status": "SAID",
        });
        let body = json!({"error": error}).to_string();
        Self::of(status, "application/json; charset=UTF-8", body)
    }

    fn of(status: u16, kind: &str, body: String) -> Self {
        Self {
            status,
            headers: vec![("content-type", kind.to_owned())],
            body,
        }
    }
}

impl From<Result<Value, Refusal>> for Reply {
    fn from(answered: Result<Value, Refusal>) -> Self {
        match answered {
            Ok(Value::Null) => Self::empty(),
            Ok(value) => Self::json(&value),
            Err(refusal) => Self::refused(&refusal),
        }
    }
}
