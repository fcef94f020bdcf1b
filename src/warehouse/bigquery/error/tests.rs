//! A table of answers and what they mean.

use super::*;
use reqwest::StatusCode;

fn answer(status: u16, body: &str) -> HttpAnswer {
    HttpAnswer {
        headers: Default::default(),
        status: StatusCode::from_u16(status).unwrap(),
        told: None,
        redirect_host: None,
        body: body.to_owned().into(),
        most_bytes: 1000,
        cut: None,
        html: false,
    }
}

fn words(status: u16, reason: &str, message: &str) -> HttpAnswer {
    let body = serde_json::json!({"error": {
        "code": status,
        "message": message,
        "errors": [{"reason": reason, "message": message, "domain": "global"}],
    }});
    answer(status, &body.to_string())
}

#[test]
fn refusals_of_the_service() {
    use AskAgain::{AFewTimes, No, Patiently};
    // Status, reason, what it means for a change, for a read, and whether to try again.
    let table = [
        (
            403,
            "rateLimitExceeded",
            Class::Quota,
            Class::Quota,
            Patiently,
        ),
        (
            400,
            "jobRateLimitExceeded",
            Class::Quota,
            Class::Quota,
            Patiently,
        ),
        (403, "quotaExceeded", Class::Quota, Class::Quota, No),
        (429, "tooMany", Class::Quota, Class::Quota, Patiently),
        (
            503,
            "backendError",
            Class::Unknown,
            Class::Transient,
            Patiently,
        ),
        (
            500,
            "backendError",
            Class::Unknown,
            Class::Transient,
            Patiently,
        ),
        (
            500,
            "internalError",
            Class::Unknown,
            Class::Transient,
            AFewTimes,
        ),
        (500, "", Class::Unknown, Class::Transient, AFewTimes),
        (502, "", Class::Unknown, Class::Transient, Patiently),
        (404, "notFound", Class::NotFound, Class::NotFound, No),
        (409, "duplicate", Class::Exists, Class::Exists, No),
        (409, "aborted", Class::Conflict, Class::Conflict, No),
        (403, "accessDenied", Class::Denied, Class::Denied, No),
        (403, "accessNotConfigured", Class::Denied, Class::Denied, No),
        (401, "authError", Class::Denied, Class::Denied, No),
        (401, "", Class::Denied, Class::Denied, No),
        (403, "responseTooLarge", Class::Refused, Class::Refused, No),
        (400, "invalid", Class::Refused, Class::Refused, No),
        (400, "invalidQuery", Class::Refused, Class::Refused, No),
        (400, "tomorrowsReason", Class::Refused, Class::Refused, No),
        (403, "tomorrowsReason", Class::Denied, Class::Denied, No),
        (404, "tomorrowsReason", Class::Refused, Class::Refused, No),
        (412, "conditionNotMet", Class::Conflict, Class::Conflict, No),
        (501, "notImplemented", Class::Refused, Class::Refused, No),
        (400, "notImplemented", Class::Refused, Class::Refused, No),
        (403, "billingNotEnabled", Class::Denied, Class::Denied, No),
        (
            400,
            "billingTierLimitExceeded",
            Class::Denied,
            Class::Denied,
            No,
        ),
        (403, "policyViolation", Class::Denied, Class::Denied, No),
        (403, "blocked", Class::Denied, Class::Denied, No),
        (400, "invalidUser", Class::Denied, Class::Denied, No),
        (400, "required", Class::Refused, Class::Refused, No),
        (401, "required", Class::Denied, Class::Denied, No),
        (403, "dailyLimitExceeded", Class::Quota, Class::Quota, No),
        (400, "resourcesExceeded", Class::Refused, Class::Refused, No),
        (
            400,
            "tableUnavailable",
            Class::Unknown,
            Class::Transient,
            Patiently,
        ),
        (
            400,
            "resourceInUse",
            Class::Unknown,
            Class::Transient,
            Patiently,
        ),
        (400, "timeout", Class::Unknown, Class::Transient, AFewTimes),
        (200, "stopped", Class::Unknown, Class::Transient, AFewTimes),
    ];
    for (status, reason, change, read, again) in table {
        let answer = words(status, reason, "why");
        for (effect, class) in [(Effect::Some, change), (Effect::None, read)] {
            let failed = failure(&answer, effect, &Secrets::default());
            assert_eq!(
                (failed.class, failed.again),
                (class, again),
                "{status} {reason} {effect:?}"
            );
            assert_eq!(failed.reason, reason);
            assert_eq!(failed.said, "why");
        }
    }
}

#[test]
fn answers_that_the_service_did_not_write() {
    use AskAgain::{AFewTimes, No, Patiently};
    let page = "<html><body>502 Bad Gateway</body></html>";
    let cut = r#"{"error": {"code": 404, "mess"#;
    let table = [
        (502, page, Class::Unknown, Patiently),
        (503, "", Class::Unknown, Patiently),
        (500, page, Class::Unknown, AFewTimes),
        (429, page, Class::Quota, Patiently),
        (403, page, Class::Denied, No),
        (407, "", Class::Denied, No),
        // Neither absent nor there: this is not BigQuery speaking.
        (404, page, Class::Refused, No),
        (404, "", Class::Refused, No),
        (404, cut, Class::Refused, No),
        (404, r#"{"message": "no route"}"#, Class::Refused, No),
        (409, page, Class::Unknown, No),
        (409, "", Class::Unknown, No),
        (412, "", Class::Conflict, No),
        (302, "", Class::Unknown, No),
    ];
    for (status, body, class, again) in table {
        let failed = failure(&answer(status, body), Effect::Some, &Secrets::default());
        assert_eq!(
            (failed.class, failed.again),
            (class, again),
            "{status} {body}"
        );
        assert!(!failed.said.contains("<html"), "{}", failed.said);
    }
    assert_eq!(
        failure(&answer(502, page), Effect::None, &Secrets::default()).class,
        Class::Transient
    );
}

#[test]
fn a_success_that_is_no_document_is_unknown() {
    let page = HttpAnswer {
        html: true,
        ..answer(200, "Sign in to continue")
    };
    for (answer, said) in [
        (page, "the answer (200) is a web page"),
        (answer(200, "  <html>"), "the answer (200) is a web page"),
        (answer(200, ""), "the answer (200) is empty"),
        (
            answer(200, r#"{"kind": "bigqu"#),
            "the answer (200) is not JSON",
        ),
        (answer(200, "[]"), "the answer (200) is not a JSON object"),
        (answer(200, "true"), "the answer (200) is not a JSON object"),
    ] {
        let failed = document(&answer).unwrap_err();
        assert_eq!((failed.class, failed.said.as_str()), (Class::Unknown, said));
    }
    assert!(document(&answer(200, "{}")).is_ok());
}

/// A tree of an answer takes a hundred bytes for two of its own.
#[test]
fn an_answer_of_very_many_values_is_not_parsed() {
    let many = vec!["{}"; ANSWER_VALUES + 1].join(",");
    let failed = document(&answer(200, &format!("{{\"rows\":[{many}]}}")));
    assert!(
        failed
            .unwrap_err()
            .said
            .ends_with("has more than 400000 values")
    );
    let error = format!("{{\"error\":{{\"message\":\"no\",\"errors\":[{many}]}}}}");
    let failed = failure(&answer(400, &error), Effect::None, &Secrets::default());
    assert!(failed.reason.is_empty());
}

#[test]
fn the_words_of_the_service_are_one_short_line() {
    let wild = format!("Not found:\n\u{1b}[31m{}", "x".repeat(1000));
    let failed = failure(
        &words(404, "notFound", &wild),
        Effect::None,
        &Secrets::default(),
    );
    assert!(failed.said.starts_with("Not found:\\n\\u{1b}[31mxxx"));
    assert!(failed.said.ends_with('…') && failed.said.chars().count() < 420);
    let error = failed.about("p.d", "read table t", Utc::now());
    assert_eq!(error.target, "p.d");
    assert!(error.to_string().ends_with("… (notFound)"), "{error}");
}

#[test]
fn a_sensible_retry_after_is_handed_on() {
    let now = "2026-11-25T10:00:00Z".parse().unwrap();
    for (told, seconds) in [("7", Some(7)), ("1795600000", None), ("-3", None)] {
        let answer = HttpAnswer {
            told: Some(told.to_owned()),
            ..answer(429, "")
        };
        let error = failure(&answer, Effect::Some, &Secrets::default()).about("p.d", "start", now);
        let seconds = seconds.map(std::time::Duration::from_secs);
        assert_eq!(error.retry_after, seconds, "{told}");
    }
}

#[test]
fn jobs_that_ended_in_an_error() {
    let table = [
        ("backendError", "", Class::Transient),
        ("internalError", "", Class::Transient),
        ("stopped", "", Class::Transient),
        ("timeout", "", Class::Transient),
        ("tableUnavailable", "", Class::Transient),
        ("jobBackendError", "", Class::Transient),
        ("jobInternalError", "", Class::Transient),
        ("resourceInUse", "", Class::Transient),
        ("jobRateLimitExceeded", "", Class::Quota),
        ("userRateLimitExceeded", "", Class::Quota),
        ("billingNotEnabled", "", Class::Denied),
        ("billingTierLimitExceeded", "", Class::Denied),
        ("policyViolation", "", Class::Denied),
        ("insufficientPermissions", "", Class::Denied),
        ("forbidden", "", Class::Denied),
        ("resourcesExceeded", "", Class::Refused),
        ("responseTooLarge", "", Class::Refused),
        ("notImplemented", "", Class::Refused),
        ("aborted", "", Class::Refused),
        ("tomorrowsReason", "", Class::Refused),
        ("rateLimitExceeded", "", Class::Quota),
        ("quotaExceeded", "", Class::Quota),
        ("notFound", "", Class::NotFound),
        ("accessDenied", "", Class::Denied),
        ("duplicate", "", Class::Exists),
        ("invalid", "", Class::Refused),
        ("invalidQuery", "", Class::Refused),
        (
            "invalidQuery",
            "Transaction is aborted due to concurrent update against table p.d.t",
            Class::Transient,
        ),
        ("responseTooLarge", "", Class::Refused),
        ("tomorrowsReason", "", Class::Refused),
        ("", "", Class::Refused),
    ];
    for (reason, message, class) in table {
        assert_eq!(
            of_job(reason, message, &Secrets::default()).class,
            class,
            "{reason} {message}"
        );
    }
}

#[test]
fn a_reason_that_is_no_code_is_not_kept() {
    let secrets = Secrets::default();
    for reason in ["anna@example.com may not", "ungültig", "", &"x".repeat(65)] {
        assert_eq!(of_job(reason, "", &secrets).reason, "refused", "{reason}");
        let failed = failure(&words(400, reason, "no"), Effect::None, &secrets);
        assert_eq!(failed.reason, "", "{reason}");
    }
    assert_eq!(of_job("invalid", "", &secrets).reason, "invalid");
}

#[test]
fn a_token_that_comes_back_is_not_shown_nor_a_half_of_it() {
    for before in [0, 290, 390, 396] {
        let message = format!("{}ya29.token", "x".repeat(before));
        let secrets = Secrets::default();
        secrets.learn("ya29.token");
        let answer = words(403, "accessDenied", &message);
        let said = failure(&answer, Effect::None, &secrets).said;
        assert!(!said.contains("ya"), "{said}");
    }
}
